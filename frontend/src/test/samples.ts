import type {
  AuditEntry,
  Checkpoint,
  Cluster,
  ClusterLine,
  Declaration,
  Guest,
  Plan,
  PlanGuest,
  Source,
} from "../api/types";

const TIME = "2026-01-02T03:04:05Z";
const AUTHOR = { id: "id-User", email: "user@example.org" };

export const CONTENT = "🍄 Delete old-db and give web-1 8 GB asap";

/** A span counted as the server counts: in code points. */
export function said(text: string): Source {
  const before = CONTENT.slice(0, CONTENT.indexOf(text));
  const start = Array.from(before).length;
  return { kind: "said", start, end: start + Array.from(text).length, text };
}

const WEB: PlanGuest = { kind: "qemu", vmid: 101, name: "web-1", node: "pve1" };
const OLD: PlanGuest = { kind: "qemu", vmid: 102, name: "old-db", node: "pve2" };

export function plan(digest = "digest-1"): Plan {
  return {
    digest,
    summary: { create: 0, update: 1, destroy: 1 },
    explanation: "New: web-01.",
    notes: [],
    steps: [
      {
        seq: 1,
        action: "update",
        guest: WEB,
        facility: null,
        effect: "pending",
        summary: "Change VM web-1",
        changes: [
          { field: "memory", label: "Memory", from: "4 GiB", to: "8 GiB", source: said("8 GB") },
        ],
        collateral: [],
      },
      {
        seq: 2,
        action: "delete",
        guest: OLD,
        facility: null,
        effect: "destroy",
        summary: "Delete VM old-db",
        changes: [],
        collateral: ["2 snapshots go with it."],
      },
    ],
  };
}

export function declaration(over: Partial<Declaration> = {}): Declaration {
  const asap = said("asap");
  return {
    id: "d-1",
    cluster: "main",
    content: CONTENT,
    author: AUTHOR,
    status: "awaiting_approval",
    status_reason: null,
    created_at: TIME,
    updated_at: TIME,
    reading: {
      reader: "builtin",
      refusal: null,
      cluster: null,
      statements: [
        {
          start: 2,
          end: 15,
          text: "Delete old-db",
          verb: "delete",
          targets: [{ display: "old-db", source: said("old-db") }],
          fields: [],
        },
        {
          start: 20,
          end: 35,
          text: "give web-1 8 GB",
          verb: "change",
          targets: [{ display: "web-1", source: said("web-1") }],
          fields: [
            { field: "memory", label: "Memory", value: "8 GiB", source: said("8 GB"), set: [] },
            {
              field: "storage",
              label: "Storage",
              value: "local-lvm",
              source: { kind: "default", why: "the default storage" },
              set: [],
            },
            {
              field: "node",
              label: "Node",
              value: "pve1",
              source: { kind: "inferred", why: "web-1 is there" },
              set: [],
            },
          ],
        },
      ],
      questions: [],
      notes: [],
      reworded: null,
      unread: asap.kind === "said" ? [asap] : [],
      asides: [],
    },
    plan: plan(),
    reconciliation: null,
    standing: null,
    intent: null,
    edits: [],
    ...over,
  };
}

export const GUESTS: Guest[] = [
  {
    cluster: "main",
    kind: "qemu",
    vmid: 101,
    name: "web-1",
    node: "pve1",
    status: "running",
    template: false,
    managed: true,
    resource: "r-1",
    declaration: "d-1",
    cores: 4,
    memory_mib: 4096,
    disk_gib: 20,
    tags: ["web"],
    age_seconds: 3,
    drift: [
      {
        field: "cores",
        label: "Cores",
        declared: 2,
        observed: 4,
        since: TIME,
        declaration: "d-1",
        cause: { text: "by root@pam, task qmconfig", user: "root@pam", task: "UPID:…" },
        repairs_undone: null,
        snoozed_until: null,
        snoozed_by: null,
      },
    ],
    pending: [],
    problem: null,
  },
  {
    cluster: "main",
    kind: "lxc",
    vmid: 102,
    name: "dns",
    node: "pve1",
    status: "stopped",
    template: false,
    managed: false,
    resource: null,
    declaration: null,
    cores: null,
    memory_mib: null,
    disk_gib: null,
    tags: [],
    age_seconds: 300,
    drift: [],
    pending: [],
    problem: null,
  },
];

const KEEPING: ClusterLine["keeping"] = {
  every_seconds: 30,
  requests: 242,
  guests: 300,
  within_seconds: 90,
  oldest_seconds: 70,
};

export const CLUSTERS: ClusterLine[] = [
  {
    name: "main",
    first: true,
    sandbox: true,
    state: "seen",
    version: "8.4.1",
    nodes: 2,
    guests: 5,
    age_seconds: 4,
    detail: null,
    keeping: KEEPING,
    access: {
      urls: ["https://127.0.0.1:8006"],
      authid: "root@pam!first",
      trust: "ca",
      pin: null,
      pool: null,
      added_at: null,
      added_by: null,
    },
  },
  {
    name: "lab",
    first: false,
    sandbox: false,
    state: "unreachable",
    version: "8.4.1",
    nodes: 1,
    guests: 1,
    age_seconds: 300,
    detail: "Proxmox cannot be reached: connection refused",
    keeping: KEEPING,
    access: {
      urls: ["https://lab1.example.org:8006", "https://lab2.example.org:8006"],
      authid: "mycopod@pve!mycopod",
      trust: "pin",
      pin: "ab".repeat(32),
      pool: "mycopod",
      added_at: TIME,
      added_by: "admin@example.org",
    },
  },
];

export const CLUSTER: Cluster = {
  cluster: "main",
  name: "demo",
  sandbox: true,
  version: "8.4",
  nodes: [
    {
      name: "pve1",
      state: "seen",
      detail: null,
      age_seconds: 2,
      cores: 32,
      memory_mib: 262_144,
      memory_used_mib: 8_192,
      storages: [{ name: "local-lvm", total_gib: 4_096, free_gib: 4_000, content: ["images"] }],
      bridges: ["vmbr0"],
    },
    {
      name: "pve2",
      state: "unreachable",
      detail: "No answer.",
      age_seconds: 500,
      cores: null,
      memory_mib: null,
      memory_used_mib: null,
      storages: [],
      bridges: [],
    },
  ],
  images: [],
};

export function entry(seq: number, kind = "step.done"): AuditEntry {
  return {
    seq,
    time: TIME,
    actor: { kind: "user", ...AUTHOR },
    kind,
    subject: "declaration d-1",
    declaration: "d-1",
    status: "ok",
    details: { step: 1 },
    hash: "ab".repeat(32),
  };
}

export const CHECKPOINT: Checkpoint = {
  origin: "mycopod",
  size: 2,
  root: "cd",
  time: TIME,
  key_id: "k",
  public_key: "p",
  signature: "s",
  note: "mycopod\n2\ncd\n",
};
