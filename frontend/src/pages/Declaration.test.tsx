import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Route, Routes } from "react-router";
import { expect, test } from "vitest";

import type { Declaration, IntentGuest } from "../api/types";
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
      },
      {
        field: "onboot",
        label: "Start at boot",
        value: false,
        source: { kind: "default", why: "Proxmox’s own" },
        schema: { type: "boolean" },
      },
      {
        field: "net",
        label: "Network",
        value: null,
        source: { kind: "inferred", why: "of its bridge" },
        schema: null,
      },
    ],
  },
];

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
      (body as { value: unknown }).value === "lots"
        ? problem(422, "Nothing was changed: “memory” does not fit.")
        : declaration({ intent: INTENT }),
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

test("what was set in the form is told", async () => {
  const at = "2026-01-02T03:04:05Z";
  const edit = {
    guest: "101",
    field: "memory",
    label: "Memory",
    from: "4 GiB",
    to: "8 GiB",
    by: "ann@example.org",
    at,
  };
  const untagged = { ...edit, label: "Tags", from: ["shop"], to: [] };
  // It stays with the declaration when that was carried out.
  open(declaration({ status: "converged", intent: INTENT, edits: [edit, untagged] }));
  const list = await screen.findByRole("list", { name: "Set in the form" });
  expect(list.textContent).toContain("Memory of web-1 from 4 GiB to 8 GiB, by ann@example.org");
  expect(list.textContent).toContain("Tags of web-1 from shop to none, by ann@example.org");
});

test("fields are not set once the plan is carried out", async () => {
  open(declaration({ status: "converged", intent: INTENT }));
  await screen.findByRole("region", { name: "Understood" });
  expect(screen.queryByRole("region", { name: "Set a field" })).toBeNull();
});

test("a question is answered by a click or in one's own words, all of them at once", async () => {
  const asked = declaration({ status: "needs_answer", plan: null });
  asked.reading?.questions.push(
    { id: "q1", text: "Which node?", options: ["pve1", "pve2"], answer: null, start: 2, end: 8 },
    { id: "q2", text: "Which tag?", options: [], answer: null, start: null, end: null },
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
