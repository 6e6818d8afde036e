/** The API's shapes, by the names the UI uses. */

export type Role = "Admin" | "User";
export type GuestKind = "qemu" | "lxc";
export type Effect = "live" | "pending" | "reboot" | "stop" | "destroy";
export type Scalar = string | number | boolean | null;

export interface User {
  id: string;
  email: string;
  role: Role;
  approved: boolean;
}
export interface Account extends User {
  created_at: string;
  last_login_at: string | null;
}
export interface Session {
  token: string;
  expires_at: string;
  user: User;
}

export type Source =
  | { kind: "said"; start: number; end: number; text: string }
  | { kind: "default"; why: string }
  | { kind: "inferred"; why: string };

export type DeclarationStatus =
  | "reading"
  | "needs_answer"
  | "refused"
  | "awaiting_approval"
  | "approved"
  | "applying"
  | "converged"
  | "blocked"
  | "failed"
  | "cancelled"
  | "superseded"
  | "stale";

export interface Author {
  id: string;
  email: string;
}
export interface PlanSummary {
  create: number;
  update: number;
  destroy: number;
}
export interface DeclarationSummary {
  id: string;
  content: string;
  author: Author;
  status: DeclarationStatus;
  created_at: string;
  updated_at: string;
  summary: PlanSummary | null;
}

export interface Span {
  start: number;
  end: number;
  text: string;
}
export interface Target {
  display: string;
  source: Source;
}
export interface ReadField {
  field: string;
  label: string;
  value: string;
  source: Source;
}
export interface Statement extends Span {
  verb: string;
  targets: Target[];
  fields: ReadField[];
}
export interface Question {
  id: string;
  text: string;
  options: string[];
  answer: string | null;
  start: number | null;
  end: number | null;
}
export interface Reading {
  reader: "builtin" | "openai";
  refusal: string | null;
  statements: Statement[];
  questions: Question[];
  unread: Span[];
}

export interface Change {
  field: string;
  label: string;
  from: Scalar;
  to: Scalar;
  source: Source;
}
export interface PlanGuest {
  kind: GuestKind;
  vmid: number;
  name: string;
  node: string;
}
export interface PlanStep {
  seq: number;
  action: string;
  guest: PlanGuest;
  effect: Effect;
  summary: string;
  changes: Change[];
  collateral: string[];
}
export interface Plan {
  digest: string;
  summary: PlanSummary;
  notes: string[];
  steps: PlanStep[];
}

export type StepState =
  "pending" | "started" | "submitted" | "done" | "blocked" | "failed" | "skipped";
export interface StepProgress {
  seq: number;
  state: StepState;
  upid: string | null;
  error: string | null;
  started_at: string | null;
  finished_at: string | null;
}
export interface Reconciliation {
  id: string;
  status: "applying" | "converged" | "blocked" | "failed" | "cancelled";
  reason: string | null;
  approved_by: Author;
  approved_at: string;
  steps: StepProgress[];
}

export interface Declaration {
  id: string;
  content: string;
  author: Author;
  status: DeclarationStatus;
  status_reason: string | null;
  created_at: string;
  updated_at: string;
  reading: Reading | null;
  plan: Plan | null;
  reconciliation: Reconciliation | null;
}

export interface TaskLog {
  lines: string[];
  total: number;
  running: boolean;
}

export interface Drift {
  field: string;
  label: string;
  declared: Scalar;
  observed: Scalar;
  since: string;
}
export interface Guest {
  kind: GuestKind;
  vmid: number;
  name: string;
  node: string;
  status: "running" | "stopped" | "paused" | "unknown";
  template: boolean;
  managed: boolean;
  resource: string | null;
  declaration: string | null;
  cores: number | null;
  memory_mib: number | null;
  disk_gib: number | null;
  tags: string[];
  age_seconds: number;
  drift: Drift[];
  problem: string | null;
}

export interface Storage {
  name: string;
  total_gib: number;
  free_gib: number;
  content: string[];
}
export interface Node {
  name: string;
  state: "seen" | "unreachable";
  detail: string | null;
  age_seconds: number;
  cores: number | null;
  memory_mib: number | null;
  memory_used_mib: number | null;
  storages: Storage[];
  bridges: string[];
}
export interface Cluster {
  name: string;
  sandbox: boolean;
  version: string;
  nodes: Node[];
  images: { name: string; kind: GuestKind; node: string; detail: string }[];
}

export interface AuditEntry {
  seq: number;
  time: string;
  actor: { kind: "user" | "system"; id: string | null; email: string | null };
  kind: string;
  subject: string;
  status: string;
  details: unknown;
  hash: string;
}
export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
  time: string;
  key_id: string;
  public_key: string;
  signature: string;
  note: string;
}
export interface Verification {
  ok: boolean;
  size: number;
  root: string;
  first_bad: { seq: number; why: string } | null;
}
export interface AuditEvent {
  seq: number;
  time: string;
  kind: string;
  subject: string;
  declaration: string | null;
  status: string;
}

export interface About {
  product: string;
  version: string;
  sandbox: boolean;
  reader: "builtin" | "openai";
  reader_model?: string;
}

/** RFC 9457 problem details. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: { field: string; message: string }[];
  declaration?: Declaration;
}
