import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";

import { Route, Routes } from "react-router";
import DeclarationPage from "../pages/Declaration";
import { declaration, plan } from "../test/samples";
import { type Call, logInAs, problem, serve } from "../test/server";
import { show } from "../test/render";
import type { Declaration } from "../api/types";

let calls: Call[];
let current: Declaration;
let answer: () => unknown;

beforeEach(() => {
  current = declaration();
  answer = () => (current = declaration({ status: "approved" }));
  calls = serve({
    "GET /declarations/d-1": () => current,
    "GET /guests": () => [],
    "POST /declarations/d-1/confirm": () => answer(),
  });
});

async function open() {
  logInAs("Admin");
  const user = userEvent.setup();
  show(
    <Routes>
      <Route path="/declarations/:id" element={<DeclarationPage />} />
    </Routes>,
    "/declarations/d-1",
  );
  await user.click(await screen.findByRole("button", { name: "Confirm…" }));
  await screen.findByRole("dialog");
  return user;
}

const confirmButton = () => screen.getByRole("button", { name: "Confirm and destroy" });
const nameField = () => screen.getByLabelText(/Type old-db/);
const sent = () => calls.filter((call) => call.route.endsWith("/confirm")).map((call) => call.body);

test("Cancel has the focus", async () => {
  await open();
  await waitFor(() =>
    expect(document.activeElement).toBe(screen.getByRole("button", { name: "Cancel" })),
  );
});

test("confirming is possible only once each destroyed guest's exact name is typed", async () => {
  const user = await open();
  expect(confirmButton()).toHaveProperty("disabled", true);
  await user.type(nameField(), "Old-DB");
  expect(confirmButton()).toHaveProperty("disabled", true);
  await user.clear(nameField());
  await user.type(nameField(), "old-db");
  await user.click(confirmButton());
  await waitFor(() => expect(sent()).toEqual([{ plan_digest: "digest-1", destroy: ["old-db"] }]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("Enter in an empty name field confirms nothing", async () => {
  const user = await open();
  await user.type(nameField(), "{Enter}");
  expect(sent()).toEqual([]);
});

test("after a 409 the dialog says what happened, shows the new plan and asks for the names again", async () => {
  const user = await open();
  current = declaration({ plan: { ...plan("digest-2"), notes: ["old-db is on pve1 now."] } });
  answer = () => problem(409, "old-db has moved.", { declaration: current });
  await user.type(nameField(), "old-db");
  await user.click(confirmButton());

  await screen.findByText("The plan has changed: this is the new one");
  expect(screen.getByRole("alert").textContent).toContain("old-db has moved.");
  expect(screen.getByRole("dialog").textContent).toContain("old-db is on pve1 now.");
  expect(nameField()).toHaveProperty("value", "");
  expect(confirmButton()).toHaveProperty("disabled", true);

  answer = () => (current = declaration({ status: "approved" }));
  await user.type(nameField(), "old-db");
  await user.click(confirmButton());
  await waitFor(() => expect(sent()).toHaveLength(2));
  expect(sent()[1]).toEqual({ plan_digest: "digest-2", destroy: ["old-db"] });
});

test("while the new plan is being made the dialog says so, and then shows it", async () => {
  const user = await open();
  current = declaration({ status: "reading", plan: null });
  answer = () => problem(409, "The cluster changed.", { declaration: current });
  await user.type(nameField(), "old-db");
  await user.click(confirmButton());
  await screen.findByText("A new plan is being made; it will be shown here.");
  expect(screen.getByRole("alert").textContent).toContain("The cluster changed.");

  current = declaration({ plan: plan("digest-2") });
  await screen.findByText("The plan has changed: this is the new one");
  expect(nameField()).toHaveProperty("value", "");
});

test("a refusal of the same plan is shown as what it is", async () => {
  const user = await open();
  answer = () => problem(403, "Only an Admin confirms.");
  await user.type(nameField(), "old-db");
  await user.click(confirmButton());
  expect((await screen.findByText("Only an Admin confirms.")).textContent).toBeTruthy();
  expect(screen.queryByText(/plan has changed/)).toBeNull();
});
