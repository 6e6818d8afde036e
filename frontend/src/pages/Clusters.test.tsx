import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { GuestTable } from "../components/GuestTable";
import { show } from "../test/render";
import { CLUSTER, CLUSTERS, GUESTS } from "../test/samples";
import { logInAs, problem, serve } from "../test/server";
import Clusters from "./Clusters";

const [main, lab] = CLUSTERS;

function open(role: "Admin" | "User", routes: Parameters<typeof serve>[0] = {}) {
  const calls = serve({ "GET /clusters": () => CLUSTERS, ...routes });
  logInAs(role);
  show(<Clusters />);
  return (route: string) => calls.filter((call) => call.route === route);
}

test("everybody sees how each cluster is, and only an Admin how it is reached", async () => {
  open("User", {
    "GET /clusters": () => CLUSTERS.map((cluster) => ({ ...cluster, access: null })),
  });
  expect(await screen.findByText("does not answer")).toBeTruthy();
  expect(screen.getByText(/connection refused/)).toBeTruthy();
  expect(screen.queryByRole("button")).toBeNull();
});

test("a list that cannot be had is told, with a way to try again", async () => {
  open("Admin", { "GET /clusters": () => problem(403, "Not now.") });
  expect(await screen.findByText("Not now.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
});

test("a cluster is added with its hosts, its token and one kind of trust", async () => {
  const calls = open("Admin", {
    "POST /clusters": () => ({
      version: "8.4.1",
      missing: [{ path: "/nodes", privilege: "Sys.Audit" }],
    }),
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Add a cluster" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText(/^Name/), "dc-2");
  await user.type(dialog.getByLabelText(/Addresses/), "https://a:8006, https://b:8006");
  await user.type(dialog.getByLabelText(/API token/), "root@pam!x=hush");
  await user.selectOptions(dialog.getByLabelText(/certificate is known by/), "pin");
  await user.type(dialog.getByLabelText(/SHA-256/), "ab");
  await user.click(dialog.getByRole("button", { name: "Test and add" }));
  await waitFor(() =>
    expect(calls("POST /clusters").map((call) => call.body)).toEqual([
      {
        name: "dc-2",
        urls: ["https://a:8006", "https://b:8006"],
        token: "root@pam!x=hush",
        pool: "",
        ca: "",
        pin: "ab",
      },
    ]),
  );
  expect(await dialog.findByText("Sys.Audit on /nodes")).toBeTruthy();
});

test("a cluster is added with a user and the password, and no token", async () => {
  const calls = open("Admin", { "POST /clusters": () => ({ version: "8.4.1", missing: [] }) });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Add a cluster" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText(/^Name/), "lab-2");
  await user.type(dialog.getByLabelText(/Addresses/), "https://a:8006");
  await user.type(dialog.getByLabelText(/API token/), "thought-better-of");
  await user.selectOptions(dialog.getByLabelText(/logs in with/), "user");
  await user.type(dialog.getByLabelText(/^User/), "root@pam");
  await user.type(dialog.getByLabelText(/^Password/), "hush");
  await user.selectOptions(dialog.getByLabelText(/certificate is known by/), "system");
  await user.click(dialog.getByRole("button", { name: "Test and add" }));
  await waitFor(() =>
    expect(calls("POST /clusters").map((call) => call.body)).toEqual([
      {
        name: "lab-2",
        urls: ["https://a:8006"],
        user: "root@pam",
        password: "hush",
        pool: "",
        ca: "",
        pin: "",
      },
    ]),
  );
});

test("a refusal stays beside what was typed", async () => {
  open("Admin", {
    "POST /clusters": () => problem(409, "This cluster is there already: it is lab."),
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Add a cluster" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText(/^Name/), "again");
  await user.type(dialog.getByLabelText(/Addresses/), "https://a:8006");
  await user.type(dialog.getByLabelText(/API token/), "t");
  await user.selectOptions(dialog.getByLabelText(/certificate is known by/), "system");
  await user.click(dialog.getByRole("button", { name: "Test and add" }));
  expect(await dialog.findByText(/it is lab/)).toBeTruthy();
  expect(dialog.getByLabelText<HTMLInputElement>(/^Name/).value).toBe("again");
});

test("editing sends only what was given: no token, and the trust it has", async () => {
  const calls = open("Admin", { "PATCH /clusters/lab": () => ({ version: "8.4.1", missing: [] }) });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Edit lab" }));
  const dialog = within(await screen.findByRole("dialog"));
  const pool = dialog.getByLabelText(/Pool/);
  await user.clear(pool);
  await user.click(dialog.getByRole("button", { name: "Test and save" }));
  await waitFor(() =>
    expect(calls("PATCH /clusters/lab").map((call) => call.body)).toEqual([
      { urls: lab?.access?.urls, pool: "" },
    ]),
  );
});

test("a file goes to a storage that takes it, once its ending tells what it is", async () => {
  const [node] = CLUSTER.nodes;
  const local = { name: "local", total_gib: 90, free_gib: 80, content: ["iso", "vztmpl"] };
  const nodes = CLUSTER.nodes.map((each) => ({ ...each, storages: [...each.storages, local] }));
  const volume = "local:iso/debian-12.iso";
  const calls = open("Admin", {
    "GET /cluster": () => ({ ...CLUSTER, nodes }),
    "POST /uploads": () => ({ volume, node: node?.name, size: 4 }),
  });
  // The picker's filter does not bind: a file can be dropped, too.
  const user = userEvent.setup({ applyAccept: false });
  await user.click(await screen.findByRole("button", { name: "Upload a file to main" }));
  const dialog = within(await screen.findByRole("dialog"));
  const storage = await dialog.findByLabelText<HTMLSelectElement>(/Storage/);
  expect([...storage.options].map(({ value }) => value)).toEqual([`${node?.name}/local`]);
  const choose = async (file: File) => {
    const input = document.querySelector<HTMLInputElement>('input[type="file"]');
    if (input) await user.upload(input, file);
  };
  const send = dialog.getByRole("button", { name: "Upload" });
  await choose(new File(["x"], "setup.exe"));
  expect(await dialog.findByText(/does not tell what it is/)).toBeTruthy();
  expect(send.hasAttribute("disabled")).toBe(true);
  await choose(new File(["x"], "disk.qcow2"));
  expect(await dialog.findByText(/No storage/)).toBeTruthy();
  const file = new File(["1234"], "debian-12.iso");
  await choose(file);
  await user.click(send);
  expect(await dialog.findByText(`${volume} is stored`)).toBeTruthy();
  expect(calls("POST /uploads").map((call) => call.body)).toEqual([file]);
});

test("the settings’ cluster can be tested, and neither edited nor removed", async () => {
  const calls = open("Admin", {
    "POST /clusters/main/test": () => ({ version: "8.4.1", missing: [] }),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Test main" }));
  expect(await screen.findByText("main answers: Proxmox VE 8.4.1")).toBeTruthy();
  expect(calls("POST /clusters/main/test")).toHaveLength(1);
  expect(screen.queryByRole("button", { name: `Remove ${main?.name}` })).toBeNull();
});

test("a cluster in use is kept, and the reason shown", async () => {
  const calls = open("Admin", {
    "DELETE /clusters/lab": () => problem(409, "The cluster lab has guests: web-1 (101)."),
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Remove lab" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.click(dialog.getByRole("button", { name: "Remove" }));
  expect(await dialog.findByText(/web-1 \(101\)/)).toBeTruthy();
  expect(calls("DELETE /clusters/lab")).toHaveLength(1);
});

test("guests of one number on two clusters are two rows, each with its cluster", async () => {
  serve({ "GET /clusters": () => CLUSTERS });
  const [guest] = GUESTS;
  if (!guest) throw new Error("there is a guest");
  show(<GuestTable guests={[guest, { ...guest, cluster: "lab" }]} />);
  expect(await screen.findByText(/VM 101 on pve1, cluster lab/)).toBeTruthy();
  expect(screen.getByText(/VM 101 on pve1, cluster main/)).toBeTruthy();
});

test("with one cluster no guest says on which it is", async () => {
  serve({ "GET /clusters": () => [main] });
  show(<GuestTable guests={GUESTS} />);
  expect(await screen.findByText("VM 101 on pve1")).toBeTruthy();
});

test("how soon a change is found is told for each cluster", async () => {
  open("User");
  const rows = await screen.findAllByText(/Any change is found within 90 seconds/);
  expect(rows[0]?.textContent).toContain("within 30 seconds");
});

test("an Admin freezes one cluster with a reason that everybody reads, and lifts it", async () => {
  const frozen = {
    cluster: "lab",
    by: "admin@example.org",
    at: "2026-01-02T03:04:05Z",
    why: "new switches",
  };
  let stands = false;
  const calls = open("Admin", {
    "GET /freezes": () => (stands ? [frozen] : []),
    "POST /freezes": () => {
      stands = true;
      return [frozen];
    },
    "DELETE /freezes": () => null,
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Freeze lab" }));
  const dialog = within(await screen.findByRole("dialog"));
  const freeze = dialog.getByRole("button", { name: "Freeze" });
  expect(freeze.hasAttribute("disabled")).toBe(true);
  await user.type(dialog.getByLabelText(/Why/), "new switches");
  await user.click(freeze);
  await waitFor(() =>
    expect(calls("POST /freezes").map((call) => call.body)).toEqual([
      { cluster: "lab", why: "new switches" },
    ]),
  );
  await user.click(await screen.findByRole("button", { name: "Unfreeze lab" }));
  await user.click(await screen.findByRole("button", { name: "Unfreeze" }));
  await waitFor(() => expect(calls("DELETE /freezes")).toHaveLength(1));
});
