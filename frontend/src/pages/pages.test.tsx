import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { configure } from "axe-core";
import axe from "axe-core";
import type { ReactNode } from "react";
import { Route, Routes } from "react-router";
import { expect, test, vi } from "vitest";

import { end } from "../api/session";
import { App } from "../App";
import Shell from "../components/Shell";
import { show } from "../test/render";
import { CHECKPOINT, CLUSTER, CLUSTERS, declaration, entry, GUESTS } from "../test/samples";
import { DOWN, logInAs, problem, serve } from "../test/server";
import Audit from "./Audit";
import Clusters from "./Clusters";
import Dashboard from "./Dashboard";
import DeclarationPage from "./Declaration";
import Declarations from "./Declarations";
import NewDeclaration from "./NewDeclaration";
import Users from "./Users";

// jsdom draws nothing: colours are checked in the browser test.
configure({ rules: [{ id: "color-contrast", enabled: false }] });

const ABOUT = { product: "MycoPod", version: "1", sandbox: true, reader: "builtin" };
const listed = { ...declaration(), summary: { create: 1, update: 0, destroy: 0 } };

const ROUTES = {
  "GET /ping": () => "pong",
  "GET /about": () => ABOUT,
  "POST /refresh": () => problem(401, "No session."),
  "GET /declarations": () => [listed],
  "GET /declarations/d-1": () => declaration(),
  "GET /guests": () => GUESTS,
  "GET /cluster": () => CLUSTER,
  "GET /clusters": () => CLUSTERS,
  "GET /audit": () => [entry(2, "plan.made"), entry(1)],
  "GET /audit/verify": () => ({ ok: true, size: 2, root: "cd", first_bad: null }),
  "GET /audit/checkpoint": () => CHECKPOINT,
  "GET /users": () => [
    {
      id: "u",
      email: "new@example.org",
      role: "User",
      approved: false,
      created_at: entry(1).time,
      last_login_at: null,
    },
  ],
};

async function violations() {
  const { violations } = await axe.run(document.body);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
}

function open(page: ReactNode, path = "/") {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  logInAs("Admin");
  return show(
    <Routes>
      <Route element={<Shell />}>
        <Route path="/declarations/:id" element={page} />
        <Route path="*" element={page} />
      </Route>
    </Routes>,
    path,
  );
}

test.each([
  ["dashboard", <Dashboard />, "web-1", "/dashboard"],
  ["declarations", <Declarations />, listed.content, "/declarations"],
  ["new declaration", <NewDeclaration />, "Examples", "/"],
  ["declaration", <DeclarationPage />, "Understood", "/declarations/d-1"],
  ["audit", <Audit />, "plan.made", "/audit"],
  ["clusters", <Clusters />, "does not answer", "/clusters"],
  ["users", <Users />, "new@example.org", "/users"],
])("axe finds nothing wrong with the page %s", async (_, page, awaited, path) => {
  serve(ROUTES);
  open(page, path);
  await screen.findAllByText(awaited);
  expect(await violations()).toEqual([]);
});

test("without a session the login page is shown, marked as sandbox, with nothing for axe to find", async () => {
  end();
  serve(ROUTES);
  show(<App />, "/audit");
  await screen.findByLabelText("E-mail");
  await screen.findByText("Sandbox");
  expect(await violations()).toEqual([]);
});

test("on load the server's pong is logged", async () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  serve(ROUTES);
  show(<App />, "/login");
  await waitFor(() => expect(log).toHaveBeenCalledWith("pong"));
});

test("a server that does not answer is told plainly", async () => {
  serve({ ...ROUTES, "GET /ping": () => DOWN });
  show(<App />, "/login");
  expect(await screen.findByText(/server cannot be reached/)).toBeTruthy();
});

test("a log that does not verify names its first bad entry", async () => {
  serve({
    ...ROUTES,
    "GET /audit/verify": () => ({
      ok: false,
      size: 2,
      root: "",
      first_bad: { seq: 1, why: "altered" },
    }),
  });
  open(<Audit />);
  expect(await screen.findByText("Entry 1: altered")).toBeTruthy();
});

test("the audit table can be narrowed to one kind", async () => {
  serve(ROUTES);
  open(<Audit />);
  await screen.findByRole("cell", { name: "plan.made" });
  await userEvent.selectOptions(screen.getByLabelText("Kind"), "step.done");
  await waitFor(() => expect(screen.queryByRole("cell", { name: "plan.made" })).toBeNull());
  expect(screen.getByRole("cell", { name: "step.done" })).toBeTruthy();
});

test("an example is put into the field and declared as it stands", async () => {
  const calls = serve({ ...ROUTES, "POST /declarations": () => declaration() });
  open(<NewDeclaration />);
  const user = userEvent.setup();
  await user.click(screen.getByRole("button", { name: "Delete worker-3" }));
  await user.keyboard("{Control>}{Enter}{/Control}");
  await waitFor(() =>
    expect(calls.find((call) => call.route === "POST /declarations")?.body).toEqual({
      content: "Delete worker-3",
    }),
  );
});

test("a text outlives a look at another page, and is gone once it is declared", async () => {
  serve({ ...ROUTES, "POST /declarations": () => declaration() });
  const user = userEvent.setup();
  const field = () => screen.getByLabelText<HTMLTextAreaElement>(/What should there be/);
  const first = open(<NewDeclaration />);
  await user.type(field(), "Start test-1");
  first.unmount();
  const second = open(<NewDeclaration />);
  expect(field().value).toBe("Start test-1");
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  expect(leaving.defaultPrevented).toBe(true);
  await user.click(screen.getByRole("button", { name: "Read and plan" }));
  await waitFor(() => expect(field().value).toBe(""));
  second.unmount();
  const after = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(after);
  expect(after.defaultPrevented).toBe(false);
});

test("a text that is sent again after a lost answer has the same key, and another text another", async () => {
  let lost = true;
  const calls = serve({
    ...ROUTES,
    "POST /declarations": () => {
      const answer = lost ? DOWN : problem(409, "Not now.");
      lost = false;
      return answer;
    },
  });
  open(<NewDeclaration />);
  const user = userEvent.setup();
  const send = async () => {
    const before = calls.filter((call) => call.route === "POST /declarations").length;
    await user.click(screen.getByRole("button", { name: "Read and plan" }));
    await waitFor(() =>
      expect(calls.filter((call) => call.route === "POST /declarations")).toHaveLength(before + 1),
    );
  };
  await user.click(screen.getByRole("button", { name: "Delete worker-3" }));
  await send();
  await screen.findByText(/cannot be reached/);
  await send();
  await screen.findByText("Not now.");
  await user.type(screen.getByLabelText(/What should there be/), " and worker-4");
  await send();
  const keys = calls.filter((call) => call.route === "POST /declarations").map((call) => call.key);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test("a typed intent may be longer than words, and a refusal is said at the text", async () => {
  serve({
    ...ROUTES,
    "POST /declarations": () =>
      problem(422, "It does not fit.", {
        errors: [{ field: "content", message: "It does not fit." }],
      }),
  });
  open(<NewDeclaration />);
  const field = screen.getByLabelText(/What should there be/);
  const send = screen.getByRole<HTMLButtonElement>("button", { name: "Read and plan" });
  fireEvent.change(field, { target: { value: "x".repeat(4_001) } });
  expect(screen.getByText("1 characters too long; 4000 fit.")).toBeTruthy();
  expect(send.disabled).toBe(true);
  fireEvent.change(field, { target: { value: `mycopod: v1\n# ${"x".repeat(20_000)}` } });
  expect(screen.queryByText(/too long/)).toBeNull();
  fireEvent.click(send);
  expect(await screen.findAllByText("It does not fit.")).toHaveLength(1);
  fireEvent.change(field, { target: { value: `mycopod: v1\n# ${"x".repeat(24_000)}` } });
  expect(screen.getByText("14 characters too long; 24000 fit.")).toBeTruthy();
});

test("what is understood shows while one types, and nothing is declared", async () => {
  const { reading, content } = declaration();
  const calls = serve({
    ...ROUTES,
    "POST /readings": () => ({ cluster: "main", age_seconds: 3, intent: null, reading }),
  });
  open(<NewDeclaration />);
  const user = userEvent.setup();
  await user.type(screen.getByLabelText(/What should there be/), content);
  const understood = within(await screen.findByRole("region", { name: "Understood so far" }));
  const read = () => calls.filter((call) => call.route === "POST /readings");
  await waitFor(() => expect(read().at(-1)?.body).toEqual({ content }));
  await waitFor(() => expect(screen.getByTestId("declared").textContent).toContain("asap"));
  expect(understood.getByText(/Nothing is planned yet/)).toBeTruthy();
  await user.hover(understood.getByText("8 GiB"));
  expect(document.querySelector("mark[data-marks~=active]")?.firstChild?.textContent).toBe("8 GB");
  expect(read().length).toBeLessThan(content.length / 2);
  expect(calls.some((call) => call.route === "POST /declarations")).toBe(false);
  await user.clear(screen.getByLabelText(/What should there be/));
  expect(await screen.findByRole("region", { name: "Examples" })).toBeTruthy();
});

test("a text that would be asked about, or is no declaration, says so while one types", async () => {
  const read = declaration().reading;
  const question = {
    id: "q",
    text: "Which node?",
    options: ["pve1", "pve2"],
    answer: null,
    start: null,
    end: null,
    edits: [],
  };
  const reading = { ...read, statements: [], unread: [], questions: [question] };
  const refused = { ...reading, questions: [], refusal: "Nothing here is about guests." };
  serve({
    ...ROUTES,
    "POST /readings": ({ body }) => ({
      cluster: "main",
      age_seconds: 3,
      intent: null,
      reading: (body as { content: string }).content.startsWith("tell") ? refused : reading,
    }),
  });
  open(<NewDeclaration />);
  const user = userEvent.setup();
  await user.type(screen.getByLabelText(/What should there be/), "a vm");
  expect(await screen.findByText("Which node?")).toBeTruthy();
  expect(screen.getByText("pve1 · pve2")).toBeTruthy();
  await user.clear(screen.getByLabelText(/What should there be/));
  await user.type(screen.getByLabelText(/What should there be/), "tell me a joke");
  expect(await screen.findByText("Nothing here is about guests.")).toBeTruthy();
});

test("a text that cannot be read just now is tried again, and nobody is told that something was sent", async () => {
  let answers = false;
  const preview = { cluster: "main", age_seconds: 3, intent: null, reading: declaration().reading };
  serve({ ...ROUTES, "POST /readings": () => (answers ? preview : DOWN) });
  open(<NewDeclaration />);
  const user = userEvent.setup();
  await user.type(screen.getByLabelText(/What should there be/), "a vm");
  const region = within(await screen.findByRole("region", { name: "Understood so far" }));
  const again = await region.findByRole("button", { name: "Try again" });
  expect(region.queryByText(/last request/)).toBeNull();
  expect(region.queryByRole("alert")).toBeNull();
  answers = true;
  await user.click(again);
  expect(await region.findByTestId("declared")).toBeTruthy();
});

test("an account can be approved", async () => {
  const calls = serve({ ...ROUTES, "PATCH /users/u": () => ({}) });
  open(<Users />);
  await userEvent.click(await screen.findByRole("button", { name: "Approve new@example.org" }));
  await waitFor(() =>
    expect(calls.find((call) => call.route === "PATCH /users/u")?.body).toEqual({ approved: true }),
  );
});
