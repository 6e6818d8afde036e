import { expect, test } from "vitest";

import { plan } from "../test/samples";
import { bySubject, destroyed, place, summaryText } from "./plan";

test("guests with irreversible steps come first", () => {
  expect(bySubject(plan()).map((group) => group.subject.name)).toEqual(["old-db", "web-1"]);
});

test("a pool stands beside the guests", () => {
  const both = plan();
  const [first] = both.steps;
  const facility = { kind: "pool", name: "lab", node: null };
  if (first) both.steps.push({ ...first, seq: 3, guest: null, facility });
  expect(bySubject(both).map((group) => place(group.subject))).toContain("pool");
});

test("a guest counts by its worst step, wherever that step stands", () => {
  const both = plan();
  const [first] = both.steps;
  if (first) both.steps.push({ ...first, seq: 3, effect: "destroy" });
  expect(
    destroyed(both)
      .map((subject) => subject.name)
      .sort(),
  ).toEqual(["old-db", "web-1"]);
});

test("a plan without steps is said to do nothing", () => {
  expect(summaryText({ create: 0, update: 0, destroy: 0 })).toBe("no guest to change");
  expect(summaryText(plan().summary)).toBe("1 to change, 1 to destroy");
});
