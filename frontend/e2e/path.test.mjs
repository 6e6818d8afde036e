/**
 * The whole path in a browser against a running server: as Admin from login to audit, and as a User
 * who cannot confirm. On the way axe looks at every page, in light and dark.
 *
 * MYCOPOD_URL, MYCOPOD_ADMIN_EMAIL, MYCOPOD_ADMIN_PASSWORD name the server and its Admin;
 * MYCOPOD_SCREENSHOTS, a folder, asks for pictures; CHROMIUM names another browser than Debian's.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

const url = setting("MYCOPOD_URL");
const admin = {
  email: setting("MYCOPOD_ADMIN_EMAIL"),
  password: setting("MYCOPOD_ADMIN_PASSWORD"),
};
const pictures = process.env.MYCOPOD_SCREENSHOTS;
/** Names of their own, so that the test can run again on the same cluster. */
const run = randomBytes(3).toString("hex");
const user = { email: `user-${run}@example.org`, password: randomBytes(12).toString("base64url") };
/** How long the sandbox may take to make a guest, in ms. */
const APPLIED = 60_000;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;

before(async () => {
  if (pictures) mkdirSync(pictures, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // Chromium's own sandbox does not start for root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
});
after(() => browser?.close());

test("an Admin declares a VM, agrees to the plan, finds it made and in the log, and destroys it by its name", async () => {
  const name = process.env.MYCOPOD_SCREENSHOTS ? "e2e-1" : `e2e-${run}`;
  const { page, problems } = await open();
  await page.goto(url);
  await page.getByLabel("E-mail").waitFor();
  await look(page, "login");
  await logIn(page, admin);

  await page.getByRole("table", { name: "Guests of the cluster" }).waitFor();
  await page.getByRole("heading", { name: "Cluster" }).waitFor();
  await look(page, "dashboard");

  await declare(page, `Create a VM called ${name} with 2 cores, 2 GB RAM and a 10 GB disk`);
  await page.getByRole("heading", { name: "Plan" }).waitFor();
  const understood = page.getByRole("region", { name: "Understood" });
  await understood.getByText(name, { exact: true }).first().waitFor();
  await understood.getByText("said", { exact: true }).first().waitFor();
  await understood.getByRole("button", { name: /2 cores/ }).hover();
  assert.equal(
    await page.locator("[data-testid=declared] mark[data-marks~=active]").innerText(),
    "2 cores",
  );
  await look(page, "reading");

  await page.getByRole("button", { name: "Confirm…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Confirm", exact: true }).waitFor();
  await focused(page, "Cancel");
  await look(page, "dialog");
  await dialog.getByRole("button", { name: "Confirm", exact: true }).click();
  await dialog.waitFor({ state: "hidden" });

  await page.getByText("As declared", { exact: true }).waitFor({ timeout: APPLIED });
  await page.getByRole("button", { name: "Task log" }).first().click();
  await page.getByText("TASK OK").first().waitFor();
  await look(page, "converged");

  await page.getByRole("link", { name: "audit entries" }).click();
  await page.getByText("The log verifies").waitFor();
  await page.getByRole("cell", { name: "declaration.converged" }).waitFor();
  await page.getByRole("cell", { name: "plan.approved" }).waitFor();
  await look(page, "audit");

  await page.reload();
  await page.getByText("The log verifies").waitFor();

  await page.getByRole("link", { name: "Clusters" }).click();
  await page.getByRole("table", { name: "Clusters" }).getByText("answers").waitFor();
  await look(page, "clusters");

  await page.getByRole("link", { name: "Declarations" }).click();
  await declare(page, `Delete the VM ${name}`);
  await page.getByRole("button", { name: "Confirm…" }).click();
  const destroy = dialog.getByRole("button", { name: "Confirm and destroy" });
  await focused(page, "Cancel");
  assert.equal(await destroy.isDisabled(), true);
  await look(page, "dialog-destroy");
  await dialog.getByLabel(`Type ${name}`).fill(name);
  await destroy.click();
  await page.getByText("As declared", { exact: true }).waitFor({ timeout: APPLIED });
  assert.deepEqual(problems, []);
});

test("a field is set in a form and taken back, also where it raises a question, and cancelling asks first", async () => {
  const name = `form-${run}`;
  const { page, problems } = await open();
  await page.goto(url);
  await logIn(page, admin);
  await declare(page, `Create a VM ${name} with 2 cores, 2 GB RAM and a 10 GB disk`);
  const form = page.getByRole("region", { name: "Set a field" });
  await form.locator("summary").click();
  await form.getByRole("button", { name: `Set Memory of ${name}` }).click();
  await form.getByLabel(`Memory of ${name}`).fill("4 GB");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  await page.getByText("set to 4 GiB in the form").waitFor();
  await form.getByRole("button", { name: `Set another field of ${name}` }).click();
  await form.getByLabel(`Another field of ${name}`).selectOption("disk.scsi0.storage");
  await form.getByLabel(`Disk scsi0 storage of ${name}`).fill("nowhere");
  await look(page, "form");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  const questions = page.getByRole("region", { name: "Questions" });
  await questions.getByText("There is no active storage nowhere").waitFor();
  await look(page, "form-question");
  await questions.getByRole("button", { name: /^Take back edit 2: Disk scsi0 storage/ }).click();
  await page.getByText(/taken back by/).waitFor();
  await form.getByRole("button", { name: `Set Memory of ${name}` }).waitFor();

  // A further disk is set as a whole: what is wrong with it is said beside its part.
  await form.getByRole("button", { name: `Add a disk to ${name}` }).click();
  const disk = form.getByRole("group", { name: `Disk scsi1 of ${name}` });
  await disk.getByLabel("Size").fill("lots");
  await disk.getByLabel("Storage").selectOption("local-lvm");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  await disk.getByText(/“lots” is no size/).waitFor();
  await look(page, "form-disk");
  await disk.getByLabel("Size").fill("5 GB");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  await page.getByText(/Disk scsi1 of .* to size 5 GiB, storage local-lvm/).waitFor();
  await form.getByRole("button", { name: `Leave out NIC 0 of ${name}` }).click();
  await page.getByText(/NIC 0 of .* to none/).waitFor();
  await form.getByRole("button", { name: `Add a network card to ${name}` }).waitFor();
  await look(page, "form-added");

  // What it is made from is picked; what a container does not have stands in the way of becoming one.
  await form.getByRole("button", { name: `Set another field of ${name}` }).click();
  await form.getByLabel(`Another field of ${name}`).selectOption("image");
  await form.getByLabel(`Image of ${name}`).selectOption("ubuntu-24.04");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  await page.getByText(/Edit 5: Image of .* to ubuntu-24.04/).waitFor();
  await form.getByRole("button", { name: `Set Kind of ${name}` }).click();
  await form.getByLabel(`Kind of ${name}`).selectOption("container");
  await form.getByRole("button", { name: "Set and plan again" }).click();
  await form.getByText(/A container has no “Disk scsi1” \(edit 3\)/).waitFor();
  await look(page, "form-kind");
  await form.getByRole("button", { name: "Cancel", exact: true }).click();
  await form.getByRole("button", { name: `Set Image of ${name}` }).click();
  await form.getByLabel(`Image of ${name}`).selectOption("debian-12");
  await look(page, "form-image");
  await form.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the declaration…" }).click();
  const dialog = page.getByRole("dialog");
  await focused(page, "Keep it");
  await look(page, "dialog-cancel");
  await dialog.getByRole("button", { name: "Cancel the declaration" }).click();
  await page.getByText("Cancelled", { exact: true }).waitFor();
  assert.deepEqual(problems, []);
});

test("a User declares and sees the plan, but can confirm it neither by the UI nor by the API", async () => {
  const asAdmin = await open();
  await asAdmin.page.goto(url);
  await logIn(asAdmin.page, admin);
  await asAdmin.page.getByRole("link", { name: "Users" }).click();
  await asAdmin.page.getByRole("button", { name: "Add a user" }).click();
  const form = asAdmin.page.getByRole("dialog");
  await form.getByLabel("E-mail").fill(user.email);
  await form.getByLabel("First password").fill(user.password);
  await form.getByRole("button", { name: "Add" }).click();
  await asAdmin.page.getByRole("cell", { name: user.email, exact: true }).waitFor();
  await look(asAdmin.page, "users");

  const { page, problems } = await open();
  await page.goto(url);
  const token = await logIn(page, user);
  await page.getByRole("heading", { name: "Dashboard" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Users" }).count(), 0);
  await declare(page, `Create a VM called user-${run} with 1 core, 1 GB RAM and a 5 GB disk`);
  await page.getByText("Waits for approval").waitFor();
  await page.getByRole("heading", { name: "Plan" }).waitFor();
  assert.equal(await page.getByRole("button", { name: /confirm/i }).count(), 0);

  const id = page.url().split("/").at(-1);
  const call = async (method, path, body) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    return fetch(`${url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  };
  const declared = await (await call("GET", `/declarations/${id}`)).json();
  const answer = await call("POST", `/declarations/${id}/confirm`, {
    plan_digest: declared.plan.digest,
    destroy: [],
  });
  assert.equal(answer.status, 403);
  const unchanged = await (await call("GET", `/declarations/${id}`)).json();
  assert.equal(unchanged.status, "awaiting_approval");
  assert.deepEqual(problems, []);
});

function setting(name) {
  const value = process.env[name];
  if (!value)
    throw new Error(`Set ${name}, MYCOPOD_URL and the Admin's account for the browser test.`);
  return value.replace(/\/$/, "");
}

/** A page of a browser nobody has used; what goes wrong in it is gathered. */
async function open() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // Without a session the first refresh is refused, as is what does not fit; the browser logs that by itself.
    const expected = /\/api\/v1\/(refresh|declarations\/[^/]+\/edits)$/.test(
      message.location().url,
    );
    if (message.type() === "error" && !expected) problems.push(message.text());
  });
  return { page, problems };
}

/** Logs in and returns the access token that the answer brought. */
async function logIn(page, { email, password }) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  const answer = page.waitForResponse((response) => response.url().endsWith("/login"));
  await page.getByRole("button", { name: "Log in" }).click();
  const { token } = await (await answer).json();
  await page.waitForURL("**/dashboard");
  return token;
}

async function declare(page, words) {
  await page.getByRole("link", { name: "New declaration" }).click();
  await page.getByLabel("What should there be on the cluster?").fill(words);
  await page.getByRole("button", { name: "Read and plan" }).click();
  await page.waitForURL(/declarations\/(?!new)/);
}

async function focused(page, name) {
  const text = await page.waitForFunction(
    (name) => globalThis.document.activeElement?.textContent === name && name,
    name,
  );
  assert.equal(await text.jsonValue(), name);
}

/** Lets axe look at the page in light and dark, and takes a picture if asked to. */
async function look(page, name) {
  await page.evaluate(axe);
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const violations = await page.evaluate(async () => {
      await new Promise(globalThis.requestAnimationFrame);
      const { violations } = await globalThis.axe.run();
      return violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`,
      );
    });
    assert.deepEqual(violations, [], `${name}, ${colorScheme}`);
    if (pictures) await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) });
  }
}
