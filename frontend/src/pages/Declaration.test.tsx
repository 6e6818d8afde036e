import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { expect, test } from "vitest";

import type { Declaration, Edit, IntentField, IntentGuest } from "../api/types";
import { show } from "../test/render";
import { declaration, GUESTS } from "../test/samples";
import { logInAs, problem, serve } from "../test/server";
import DeclarationPage from "./Declaration";

const STANDING = {
  given_by: { id: "id-Admin", email: "admin@example.org" },
  given_at: "2026-01-02T03:04:05Z",
  per_hour: 6,
  used: 1,
  stands: true,
  ended_at: null,
  ended_by: null,
  ended_why: null,
};

const INTENT: IntentGuest[] = [
  {
    id: "101",
    name: "web-1",
    kind: "qemu",
    exists: true,
    vmid: 101,
    node: "pve1",
    fields: [
      {
        field: "memory",
        label: "Memory",
        value: "8 GiB",
        source: { kind: "said", start: 29, end: 33, text: "8 GB" },
        schema: { type: "string", description: "Memory: a size" },
        whole: null,
      },
      {
        field: "onboot",
        label: "Start at boot",
        value: false,
        source: { kind: "default", why: "Proxmox’s own" },
        schema: { type: "boolean" },
        whole: null,
      },
      {
        field: "net",
        label: "Network",
        value: null,
        source: { kind: "inferred", why: "of its bridge" },
        schema: null,
        whole: null,
      },
      {
        field: "nic.1.bridge",
        label: "NIC 1 bridge",
        value: "vmbr0",
        source: { kind: "default", why: "the first bridge" },
        schema: { type: "string" },
        whole: "nic.1",
      },
    ],
  },
];

const SET_FIELD: IntentField = {
  field: "cores",
  label: "Cores",
  value: 4,
  source: { kind: "set", edit: 2, by: "ann@example.org" },
  schema: { type: "integer" },
  whole: null,
};

function edit(over: Partial<Edit> = {}): Edit {
  return {
    number: 1,
    guest: "101",
    guest_name: "web-1",
    field: "memory",
    label: "Memory",
    from: "4 GiB",
    to: "8 GiB",
    by: "ann@example.org",
    at: "2026-01-02T03:04:05Z",
    state: "holds",
    taken_back_by: null,
    taken_back_at: null,
    schema: { type: "string" },
    ...over,
  };
}

const DISK = {
  type: "object",
  required: ["size"],
  properties: {
    discard: { type: "boolean", title: "discard" },
    size: { type: "string", title: "size", description: "Disk scsi1 size: a size" },
    storage: { enum: ["local", "local-lvm"], title: "storage" },
  },
};

const TAKEN_BACK = {
  state: "taken_back",
  taken_back_by: "bob@example.org",
  taken_back_at: "2026-01-02T03:05:05Z",
};

const DONE: Declaration["reconciliation"] = {
  id: "r-1",
  status: "converged",
  reason: null,
  approved_by: { id: "id-Admin", email: "admin@example.org" },
  approved_at: "2026-01-02T03:04:05Z",
  by_standing: false,
  steps: [],
};

function open(
  current: Declaration,
  role: "Admin" | "User" = "Admin",
  wording: unknown = { digest: "digest-1", text: null },
) {
  logInAs(role);
  const calls = serve({
    "GET /declarations/d-1": () => current,
    "GET /declarations/d-1/plan/wording": () => wording,
    "GET /declarations/d-1/steps/1/log": () => ({
      lines: ["TASK ERROR"],
      total: 1,
      running: false,
    }),
    "GET /guests": () => GUESTS,
    "POST /declarations/d-1/plan": () => declaration(),
    "POST /declarations/d-1/standing": () =>
      declaration({ status: "converged", standing: STANDING }),
    "DELETE /declarations/d-1/standing": () => declaration({ status: "converged" }),
    "POST /drift/r-1/cores/accept": () => null,
    "POST /drift/r-1/cores/snooze": () => null,
    "POST /declarations/d-1/answers": () => declaration(),
    "POST /declarations/d-1/edits": ({ body }) =>
      JSON.stringify(body).includes("lots")
        ? problem(422, "Nothing was changed: “Memory” does not fit.", {
            errors: [{ field: "value.size", message: "“lots” is no size" }],
          })
        : declaration({ intent: INTENT }),
    "DELETE /declarations/d-1/edits/1": () =>
      declaration({ intent: INTENT, edits: [edit({ ...TAKEN_BACK })] }),
    "GET /declarations/d-1/fields": () => [
      { field: "tags", label: "Tags", value: null, schema: { type: "array" } },
      {
        field: "nic.0.firewall",
        label: "NIC 0 firewall",
        value: null,
        schema: { type: "boolean" },
      },
      {
        field: "description",
        label: "Description",
        value: "two\nlines",
        schema: { type: "string", maxLength: 8000 },
      },
      { field: "disk.scsi1", label: "Disk scsi1", value: null, schema: DISK },
      {
        field: "image",
        label: "Image",
        value: "debian-12",
        schema: { type: "string", enum: ["", "debian-12", "ubuntu-24.04"] },
      },
    ],
    "POST /declarations/d-1/cancel": () => declaration({ status: "cancelled" }),
  });
  show(
    <Routes>
      <Route path="/declarations/:id" element={<DeclarationPage />} />
    </Routes>,
    "/declarations/d-1",
  );
  return calls;
}

const marked = (kind: string) =>
  [...document.querySelectorAll(`[data-testid=declared] mark[data-marks~=${kind}]`)].map(
    (mark) => mark.firstChild?.textContent,
  );

test("a User is not offered to confirm", async () => {
  open(declaration(), "User");
  await screen.findByRole("heading", { name: "Plan" });
  expect(screen.queryByRole("button", { name: /confirm/i })).toBeNull();
});

test("a plan is told in a model's words below its own, and they are called the model's", async () => {
  open(declaration(), "Admin", { digest: "digest-1", text: "web-01 will be created." });
  const plan = within(await screen.findByRole("region", { name: "Plan" }));
  const worded = within(await plan.findByRole("figure"));
  expect(worded.queryByText("The same in the language model’s words")).not.toBeNull();
  expect(worded.queryByText("web-01 will be created.")).not.toBeNull();
  expect(plan.queryByText("New: web-01.")).not.toBeNull();
});

test.each([
  ["none came", { digest: "digest-1", text: null }],
  ["they are of another plan", { digest: "digest-0", text: "web-02 will be created." }],
  ["the server fails", problem(500, "Something went wrong.")],
])("a plan stands in its own words alone where %s", async (_, wording) => {
  const calls = open(declaration(), "Admin", wording);
  await screen.findByText("New: web-01.");
  await waitFor(() => {
    expect(calls.map(({ route }) => route)).toContain("GET /declarations/d-1/plan/wording");
  });
  await Promise.resolve();
  expect(screen.queryByRole("figure")).toBeNull();
});

test("no model is asked about a plan that was decided on", async () => {
  const calls = open(declaration({ status: "converged", reconciliation: DONE }));
  await screen.findByText("New: web-01.");
  expect(calls.map(({ route }) => route)).not.toContain("GET /declarations/d-1/plan/wording");
});

test("each value says whether it was said, a default or inferred", async () => {
  open(declaration());
  const understood = within(await screen.findByRole("region", { name: "Understood" }));
  const row = (label: string) => understood.getByText(label).parentElement?.textContent;
  expect(row("Memory")).toBe("Memory8 GiBsaid “8 GB”");
  expect(row("Storage")).toBe("Storagelocal-lvmdefault the default storage");
  expect(row("Node")).toBe("Nodepve1inferred web-1 is there");
});

test("the words read and the words left over are marked, also after an emoji", async () => {
  open(declaration());
  await screen.findByRole("heading", { name: "Plan" });
  expect(marked("said")).toEqual(["old-db", "web-1", "8 GB"]);
  expect(marked("unread")).toEqual(["asap"]);
});

test("what was said beside the wishes is marked, and said to have no consequence", async () => {
  const plain = declaration();
  const at = plain.content.length;
  const aside = { start: at + 2, end: at + 12, text: "it is slow" };
  open({
    ...plain,
    content: `${plain.content}, it is slow`,
    reading: plain.reading && { ...plain.reading, asides: [aside] },
  });
  await screen.findByRole("heading", { name: "Plan" });
  expect(marked("aside")).toHaveLength(1);
  screen.getByText(/Nothing is done for them/);
});

test("a text with answers in it is shown as it was read, and as it was typed", async () => {
  const plain = declaration();
  open({
    ...plain,
    content: plain.content.replace("asap", "flurb"),
    reading: plain.reading && { ...plain.reading, reworded: plain.content },
  });
  await screen.findByRole("heading", { name: "Plan" });
  expect(screen.getByTestId("declared").textContent).toContain("asap");
  expect(marked("unread")).toEqual(["asap"]);
  screen.getByText(/As it was typed/);
  screen.getByText(/flurb/);
});

test("pointing at a value, or focusing it, highlights its words and nothing else", async () => {
  open(declaration());
  const user = userEvent.setup();
  const understood = within(await screen.findByRole("region", { name: "Understood" }));
  expect(marked("active")).toEqual([]);
  await user.hover(understood.getByText("8 GiB"));
  expect(marked("active")).toEqual(["8 GB"]);
  await user.hover(understood.getByText("local-lvm"));
  expect(marked("active")).toEqual([]);
  understood.getByRole("button", { name: /words “web-1”/ }).focus();
  await waitFor(() => expect(marked("active")).toEqual(["web-1"]));
});

test("pointing at words highlights what was read from them, of several the most exact", async () => {
  open(declaration());
  const user = userEvent.setup();
  const understood = within(await screen.findByRole("region", { name: "Understood" }));
  const row = understood.getByText("8 GiB").parentElement;
  const pointed = () => [...document.querySelectorAll("[data-pointed]")];
  const words = (text: string) => within(screen.getByTestId("declared")).getByText(text);
  await user.hover(words("8 GB"));
  expect(pointed()).toContain(row);
  expect(pointed().every((row) => row.textContent.includes("8 GiB"))).toBe(true);
  expect(marked("active")).toEqual(["8 GB"]);
  await user.unhover(words("8 GB"));
  expect(pointed()).toEqual([]);
});

test("a field is set in the form, as its kind takes it, and a refusal stays beside it", async () => {
  const calls = open(declaration({ intent: INTENT }));
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  expect(form.queryByRole("button", { name: /Set Network/ })).toBeNull();
  await user.click(form.getByRole("button", { name: "Set Memory of web-1" }));
  const memory = form.getByLabelText("Memory of web-1");
  await user.clear(memory);
  await user.type(memory, "lots");
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  expect(await form.findByText(/does not fit/)).toBeTruthy();
  await user.clear(memory);
  await user.type(memory, "16 GiB");
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  await waitFor(() => expect(form.queryByLabelText("Memory of web-1")).toBeNull());
  await user.click(form.getByRole("button", { name: "Set Start at boot of web-1" }));
  await user.selectOptions(form.getByLabelText("Start at boot of web-1"), "yes");
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  await waitFor(() =>
    expect(calls.filter((call) => call.route.endsWith("/edits")).map((call) => call.body)).toEqual([
      { guest: "101", field: "memory", value: "lots" },
      { guest: "101", field: "memory", value: "16 GiB" },
      { guest: "101", field: "onboot", value: true },
    ]),
  );
});

test("what a new guest is made from is picked from what the cluster has, and so is its kind", async () => {
  const text = { type: "string" };
  const said = { kind: "default", why: "said" } as const;
  const intent = structuredClone(INTENT).map((guest) => ({
    ...guest,
    exists: false,
    fields: [
      {
        field: "kind",
        label: "Kind",
        value: "vm",
        source: said,
        schema: { ...text, enum: ["vm", "container"] },
        whole: null,
      },
      {
        field: "image",
        label: "Image",
        value: "debian-12",
        source: said,
        schema: text,
        whole: null,
      },
    ],
  }));
  const calls = open(declaration({ intent }));
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  expect(form.queryByText(/declared anew/)).toBeNull();
  await user.click(form.getByRole("button", { name: "Set Kind of web-1" }));
  const choices = (select: HTMLSelectElement) => [...select.options].map(({ label }) => label);
  expect(choices(form.getByLabelText("Kind of web-1"))).toEqual(["vm", "container"]);
  // What is said already is no other field.
  await user.click(form.getByRole("button", { name: "Set another field of web-1" }));
  const another = within(await form.findByLabelText("Another field of web-1"));
  expect(another.queryByText("Image")).toBeNull();
  expect(another.getByText("Tags")).toBeTruthy();
  await user.click(form.getByRole("button", { name: "Set Image of web-1" }));
  const image = await form.findByLabelText<HTMLSelectElement>("Image of web-1");
  expect(choices(image)).toEqual(["none", "debian-12", "ubuntu-24.04"]);
  expect(image.value, "what is declared").toBe("debian-12");
  await user.selectOptions(image, "ubuntu-24.04");
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  await waitFor(() =>
    expect(calls.filter((call) => call.route.endsWith("/edits")).map((call) => call.body)).toEqual([
      { guest: "101", field: "image", value: "ubuntu-24.04" },
    ]),
  );
});

test("a refusal is said beside the field, and only what is broken is an alarm", async () => {
  open(declaration({ intent: INTENT }));
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  await user.click(form.getByRole("button", { name: "Set Memory of web-1" }));
  const memory = form.getByLabelText("Memory of web-1");
  await user.clear(memory);
  await user.type(memory, "lots{Enter}");
  await form.findByText(/does not fit/);
  expect(memory.getAttribute("aria-invalid")).toBe("true");
  expect(screen.queryByText("Refused")).toBeNull();
});

test("a guest's fields stay open while it is planned again, and nothing can be set meanwhile", async () => {
  let current = declaration({ intent: INTENT });
  logInAs("Admin");
  serve({
    "GET /declarations/d-1": () => current,
    "POST /declarations/d-1/edits": () => {
      current = declaration({ intent: structuredClone(INTENT), edits: [edit()] });
      return { ...current, status: "reading", intent: null };
    },
  });
  show(
    <Routes>
      <Route path="/declarations/:id" element={<DeclarationPage />} />
    </Routes>,
    "/declarations/d-1",
  );
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  await user.click(form.getByText("web-1"));
  const details = () => document.querySelector("details");
  await waitFor(() => expect(details()?.open).toBe(true));
  await user.click(form.getByRole("button", { name: "Set Memory of web-1" }));
  await user.type(form.getByLabelText("Memory of web-1"), "1{Enter}");
  const button = () => screen.getByRole<HTMLButtonElement>("button", { name: /Set Memory/ });
  await waitFor(() => expect(button().disabled).toBe(true));
  expect(details()?.open).toBe(true);
  await waitFor(() => expect(button().disabled).toBe(false));
  expect(details()?.open).toBe(true);
});

test("a field that nobody declared is chosen from those that fit, and set", async () => {
  const calls = open(declaration({ intent: INTENT }));
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  await user.click(form.getByRole("button", { name: "Set another field of web-1" }));
  const choice = await form.findByLabelText("Another field of web-1");
  await user.selectOptions(choice, "description");
  const description = form.getByLabelText<HTMLTextAreaElement>("Description of web-1");
  expect(description.value, "its lines stay").toBe("two\nlines");
  await user.selectOptions(choice, "nic.0.firewall");
  // What is shown first is what is sent.
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  await waitFor(() => expect(form.queryByLabelText("Another field of web-1")).toBeNull());
  await user.click(form.getByRole("button", { name: "Set another field of web-1" }));
  await user.selectOptions(await form.findByLabelText("Another field of web-1"), "tags");
  await user.type(form.getByLabelText("Tags of web-1"), "web, shop{Enter}");
  await waitFor(() =>
    expect(calls.filter((call) => call.route.endsWith("/edits")).map((call) => call.body)).toEqual([
      { guest: "101", field: "nic.0.firewall", value: true },
      { guest: "101", field: "tags", value: ["web", "shop"] },
    ]),
  );
});

test("a further disk is set as a whole, and what is refused is said beside its part", async () => {
  const calls = open(declaration({ intent: INTENT }));
  const user = userEvent.setup();
  const form = within(await screen.findByRole("region", { name: "Set a field" }));
  await user.click(form.getByRole("button", { name: "Set another field of web-1" }));
  const choice = await form.findByLabelText("Another field of web-1");
  expect(within(choice).queryByText("Disk scsi1"), "it is no field").toBeNull();
  await user.click(form.getByRole("button", { name: "Cancel" }));

  await user.click(form.getByRole("button", { name: "Add a disk to web-1" }));
  const disk = within(await form.findByRole("group", { name: "Disk scsi1 of web-1" }));
  const size = disk.getByLabelText("Size");
  await user.type(size, "lots{Enter}");
  expect(await disk.findByText("“lots” is no size")).toBeTruthy();
  expect(size.getAttribute("aria-invalid")).toBe("true");
  await user.clear(size);
  await user.type(size, "20 GB");
  await user.selectOptions(disk.getByLabelText("Storage"), "local-lvm");
  await user.click(form.getByRole("button", { name: "Set and plan again" }));
  await waitFor(() => expect(form.queryByLabelText("Size")).toBeNull());
  await user.click(form.getByRole("button", { name: "Leave out NIC 1 of web-1" }));
  await waitFor(() =>
    expect(calls.filter((call) => call.route.endsWith("/edits")).map((call) => call.body)).toEqual([
      { guest: "101", field: "disk.scsi1", value: { size: "lots" } },
      // What nobody said is not sent.
      { guest: "101", field: "disk.scsi1", value: { size: "20 GB", storage: "local-lvm" } },
      { guest: "101", field: "nic.1", value: null },
    ]),
  );
  await user.click(form.getByRole("button", { name: "Add a network card to web-1" }));
  expect(await form.findByText("web-1 has room for no more.")).toBeTruthy();
});

test("what was set in the form is told, with how it stands", async () => {
  const untagged = edit({ number: 2, label: "Tags", from: ["shop"], to: [] });
  const others = [
    edit({ number: 3, state: "replaced" }),
    edit({ number: 4, state: "answered" }),
    edit({ number: 5, ...TAKEN_BACK }),
  ];
  // It stays with the declaration when that was carried out.
  open(
    declaration({
      status: "converged",
      reconciliation: DONE,
      edits: [edit(), untagged, ...others],
    }),
  );
  const list = await screen.findByRole("list", { name: "Set in the form" });
  const lines = within(list)
    .getAllByRole("listitem")
    .map((item) => item.textContent);
  expect(lines[0]).toContain("Edit 1: Memory of web-1 from 4 GiB to 8 GiB, by ann@example.org");
  expect(lines[1]).toContain("Edit 2: Tags of web-1 from shop to none, by ann@example.org");
  expect(lines[2]).toContain("set anew later");
  expect(lines[3]).toContain("an answer holds in its place");
  expect(lines[4]).toContain("taken back by bob@example.org");
  expect(list.querySelectorAll("s")).toHaveLength(3);
  expect(screen.queryByRole("button", { name: /Take back/ })).toBeNull();
});

test("an edit is taken back, and stays on record", async () => {
  const calls = open(declaration({ intent: INTENT, edits: [edit()] }));
  await userEvent.click(
    await screen.findByRole("button", { name: "Take back edit 1: Memory of web-1" }),
  );
  await screen.findByText(/taken back by bob@example.org/);
  expect(calls.map(({ route }) => route)).toContain("DELETE /declarations/d-1/edits/1");
  expect(screen.queryByRole("button", { name: /Take back/ })).toBeNull();
});

test("what a question comes from is taken back there, or set to another value", async () => {
  const asked = declaration({
    status: "needs_answer",
    plan: null,
    edits: [
      edit({ number: 1, to: "900 GiB", state: "waits" }),
      edit({ number: 2, label: "Cores", state: "waits" }),
    ],
  });
  const text = "Set in the form: Memory of web-1 to 900 GiB. web-1 fits on no node.";
  asked.reading?.questions.push(
    { id: "guest-101", text, options: [], answer: null, start: null, end: null, edits: [1] },
    { id: "q2", text: "Which tag?", options: [], answer: null, start: null, end: null, edits: [] },
  );
  const calls = open(asked);
  const user = userEvent.setup();
  const list = within(await screen.findByRole("list", { name: "Set in the form" }));
  const [memorySet, coresSet] = list.getAllByRole("listitem").map((item) => item.textContent);
  expect(memorySet).toContain("a question about it is open");
  expect(coresSet).toContain("not planned yet");
  await user.click(
    await screen.findByRole("button", { name: /Set another value of edit 1: Memory/ }),
  );
  const memory = screen.getByLabelText("Memory of web-1");
  await user.clear(memory);
  await user.type(memory, "lots{Enter}");
  await screen.findByText(/does not fit/);
  expect(calls.at(-1)?.body).toEqual({ guest: "101", field: "memory", value: "lots" });
  const questions = within(screen.getByRole("region", { name: "Questions" }));
  await user.click(
    questions.getByRole("button", { name: "Take back edit 1: Memory of web-1 to 900 GiB" }),
  );
  await screen.findByText(/taken back by/);
});

test("what was understood says where something else was set in the form", async () => {
  const set = declaration();
  const said = set.reading?.statements[1]?.fields[0];
  said?.set.push({ edit: 1, guest_name: "web-1", value: "16 GiB" });
  set.reading?.statements[1]?.fields[1]?.set.push({ edit: 2, guest_name: "web-2", value: "fast" });
  open({ ...set, intent: INTENT.map((guest) => ({ ...guest, fields: [SET_FIELD] })) });
  const understood = within(await screen.findByRole("region", { name: "Understood" }));
  const row = (label: string) => understood.getByText(label).parentElement;
  expect(row("Memory")?.textContent).toContain("8 GiBset to 16 GiB in the form (edit 1)");
  expect(row("Memory")?.querySelector("s")?.textContent).toBe("8 GiB");
  // Where a statement is about others too, its value holds for them.
  expect(row("Storage")?.textContent).toContain("set to fast in the form for web-2 (edit 2)");
  expect(row("Storage")?.querySelector("s")).toBeNull();
  const form = within(screen.getByRole("region", { name: "Set a field" }));
  expect(form.getByText("Cores").parentElement?.textContent).toContain(
    "set in the form by ann@example.org (edit 2)",
  );
});

test.each([
  ["converged", DONE],
  // A repair is planned: what shall be otherwise is declared.
  ["awaiting_approval", DONE],
] as const)(
  "fields are not set once a plan was carried out (%s)",
  async (status, reconciliation) => {
    open(declaration({ status, reconciliation, intent: INTENT, edits: [edit()] }));
    await screen.findByRole("region", { name: "Understood" });
    expect(screen.queryByRole("region", { name: "Set a field" })).toBeNull();
    expect(screen.queryByRole("button", { name: /Take back/ })).toBeNull();
  },
);

test("a declaration is cancelled after a question that says what stays", async () => {
  const calls = open(declaration());
  const user = userEvent.setup();
  const ask = async () => {
    await user.click(await screen.findByRole("button", { name: "Cancel the declaration…" }));
    return within(await screen.findByRole("dialog"));
  };
  const kept = await ask();
  kept.getByText(/all guests stay as they are/);
  await user.click(kept.getByRole("button", { name: "Keep it" }));
  expect(calls.some((call) => call.route.endsWith("/cancel"))).toBe(false);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await user.click((await ask()).getByRole("button", { name: "Cancel the declaration" }));
  await waitFor(() => expect(calls.some((call) => call.route.endsWith("/cancel"))).toBe(true));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("what is under way is finished, which the question before cancelling says", async () => {
  open(declaration({ status: "applying", reconciliation: { ...DONE, status: "applying" } }));
  await userEvent.click(await screen.findByRole("button", { name: "Cancel the declaration…" }));
  await screen.findByText(/The step under way is finished/);
});

test("a typed intent is set as a file, and words as what somebody said", async () => {
  open(declaration({ content: "mycopod: v1\nguests: []", reading: null }));
  expect((await screen.findByTestId("declared")).className).not.toContain("voice");
});

test("a question is answered by a click or in one's own words, all of them at once", async () => {
  const asked = declaration({ status: "needs_answer", plan: null });
  asked.reading?.questions.push(
    {
      id: "q1",
      text: "Which node?",
      options: ["pve1", "pve2"],
      answer: null,
      start: 2,
      end: 8,
      edits: [],
    },
    { id: "q2", text: "Which tag?", options: [], answer: null, start: null, end: null, edits: [] },
  );
  const calls = open(asked);
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "pve2" }));
  const send = screen.getByRole("button", { name: "Answer all" });
  expect(send).toHaveProperty("disabled", true);
  await user.type(screen.getByLabelText("Your own answer to: Which tag?"), "web");
  await user.click(send);
  await waitFor(() =>
    expect(calls.find((call) => call.route.endsWith("/answers"))?.body).toEqual({
      answers: [
        { question: "q1", answer: "pve2" },
        { question: "q2", answer: "web" },
      ],
    }),
  );
});

test("a failure says why, what was and was not touched, shows the log and offers a new plan", async () => {
  const step = { upid: null, error: null, started_at: null, finished_at: null };
  const calls = open(
    declaration({
      status: "failed",
      status_reason: "Proxmox refused.",
      reconciliation: {
        id: "r-1",
        status: "failed",
        reason: null,
        approved_by: { id: "id-Admin", email: "admin@example.org" },
        approved_at: "2026-01-02T03:04:05Z",
        by_standing: false,
        steps: [
          { ...step, seq: 1, state: "failed", upid: "UPID:pve1:1", error: "disk is full" },
          { ...step, seq: 2, state: "pending" },
        ],
      },
    }),
  );
  const outcome = (await screen.findByText("Failed")).parentElement;
  expect(outcome?.textContent).toContain("Proxmox refused.");
  expect(outcome?.textContent).toContain("Stopped at: 1. Change VM web-1.");
  expect(outcome?.textContent).toContain("Not touched: 2. Delete VM old-db.");
  expect(await screen.findByText("TASK ERROR")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Plan again" }));
  await waitFor(() => expect(calls.some((call) => call.route.endsWith("/plan"))).toBe(true));
});

/** A declaration whose first step, a shutdown, ran out of time. */
function overdue() {
  const step = { upid: null, error: null, started_at: null, finished_at: null };
  const shown = declaration({ status: "blocked", status_reason: "It runs on." });
  const [first] = shown.plan?.steps ?? [];
  if (first) first.action = "shutdown";
  shown.reconciliation = {
    id: "r-1",
    status: "blocked",
    reason: null,
    approved_by: { id: "id-Admin", email: "admin@example.org" },
    approved_at: "2026-01-02T03:04:05Z",
    by_standing: false,
    steps: [
      { ...step, seq: 1, state: "blocked" },
      { ...step, seq: 2, state: "skipped" },
    ],
  };
  return shown;
}

test("a guest that does not shut down is given its time once more by a new plan", async () => {
  const calls = open(overdue());
  await userEvent.click(await screen.findByRole("button", { name: "Give it the time once more" }));
  await waitFor(() => expect(calls.some((call) => call.route.endsWith("/plan"))).toBe(true));
});

test("a guest that does not shut down is switched off by a declaration of its own", async () => {
  const calls = open(overdue());
  await userEvent.click(await screen.findByRole("button", { name: "Plan to switch off" }));
  await waitFor(() =>
    expect(calls.find((call) => call.route === "POST /declarations")?.body).toEqual({
      content: "force stop VM 101 on cluster main",
    }),
  );
});

test("drift of a converged declaration is shown and can be repaired by a plan", async () => {
  const calls = open(declaration({ status: "converged" }));
  await userEvent.click(await screen.findByRole("button", { name: "Plan a repair" }));
  await waitFor(() => expect(calls.some((call) => call.route.endsWith("/plan"))).toBe(true));
});

test("an Admin accepts a drifted value as it is seen, and reads what follows from it", async () => {
  const calls = open(declaration({ status: "converged" }));
  await screen.findByText(/By root@pam, task qmconfig/);
  await userEvent.click(screen.getByRole("button", { name: "Decide about Cores of web-1" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("no repair moves it back");
  await userEvent.click(within(dialog).getByRole("button", { name: "Accept 4" }));
  await waitFor(() =>
    expect(calls.map((call) => call.route)).toContain("POST /drift/r-1/cores/accept"),
  );
  const sent = calls.find((call) => call.route.endsWith("/accept"));
  expect(sent?.body).toEqual({ observed: 4 });
});

test("a User may ignore or snooze a drift of their declaration, and not accept it", async () => {
  const calls = open(declaration({ status: "converged" }), "User");
  await userEvent.click(await screen.findByRole("button", { name: "Decide about Cores of web-1" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).queryByRole("button", { name: /Accept/ })).toBeNull();
  await userEvent.click(within(dialog).getByRole("button", { name: "Snooze" }));
  await waitFor(() =>
    expect(calls.map((call) => call.route)).toContain("POST /drift/r-1/cores/snooze"),
  );
});

test("an Admin reads what a standing approval covers before they give it, and revokes it", async () => {
  const calls = open(declaration({ status: "converged" }));
  await userEvent.click(await screen.findByRole("button", { name: "Give a standing approval…" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("Nothing is made, moved, restarted or deleted by itself");
  await userEvent.click(within(dialog).getByRole("button", { name: "Give it" }));
  await userEvent.click(await screen.findByRole("button", { name: "Revoke" }));
  await waitFor(() =>
    expect(calls.map((call) => call.route)).toContain("DELETE /declarations/d-1/standing"),
  );
});

test("why repairs stopped happening by themselves is shown to everybody, and only an Admin may change it", async () => {
  const why = "Two tools fight over Cores of web-1: it is declared 2.";
  open(
    declaration({
      status: "converged",
      standing: { ...STANDING, stands: false, ended_at: STANDING.given_at, ended_why: why },
    }),
    "User",
  );
  await screen.findByText(why);
  expect(screen.queryByRole("button", { name: /standing/ })).toBeNull();
});
