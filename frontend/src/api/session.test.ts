import { beforeEach, expect, test } from "vitest";

import { DOWN, logInAs, problem, serve, session, token } from "../test/server";
import { api } from "./client";
import { accessToken, end } from "./session";

beforeEach(end);

/** A server whose first token has expired; it takes the second. */
function expired(refresh: () => unknown) {
  return serve({
    "POST /refresh": refresh,
    "GET /guests": (call) => (call.token === token("Admin", "new") ? [] : problem(401, "expired")),
  });
}

test("calls that find the token expired share one refresh and are then sent again", async () => {
  logInAs("Admin");
  const calls = expired(() => session("Admin", "new"));
  const answers = await Promise.all([1, 2, 3].map(() => api.get<unknown>("/guests")));
  expect(answers.map((answer) => answer.data)).toEqual([[], [], []]);
  expect(calls.filter((call) => call.route === "POST /refresh")).toHaveLength(1);
  expect(accessToken()).toBe(token("Admin", "new"));
});

test("a refused refresh ends the session and the call fails with the server's words", async () => {
  logInAs("Admin");
  expired(() => problem(401, "The session has ended."));
  await expect(api.get("/guests")).rejects.toThrow("The session has ended.");
  expect(accessToken()).toBeNull();
});

test("a refresh that the network swallows does not log out", async () => {
  logInAs("Admin");
  expired(() => DOWN);
  await expect(api.get("/guests")).rejects.toMatchObject({ unreachable: true });
  expect(accessToken()).not.toBeNull();
});

test("a call that is refused even with a fresh token is not sent a third time", async () => {
  logInAs("Admin");
  const calls = serve({
    "POST /refresh": () => session("Admin", "new"),
    "GET /guests": () => problem(401, "no"),
  });
  await expect(api.get("/guests")).rejects.toThrow("no");
  expect(calls.filter((call) => call.route === "GET /guests")).toHaveLength(2);
});

test("a wrong password is told as it is, without a refresh", async () => {
  const calls = serve({ "POST /login": () => problem(401, "Wrong e-mail or password.") });
  await expect(api.post("/login", {})).rejects.toThrow("Wrong e-mail or password.");
  expect(calls).toHaveLength(1);
});
