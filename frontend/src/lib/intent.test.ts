import { expect, test } from "vitest";

import { isIntent } from "./intent";

test.each([
  ["mycopod: v1\nguests: []", true],
  ["# of web-01\n\n---\nmycopod : v1", true],
  [' {"mycopod": "v1"}', true],
  ["Create a VM", false],
  ["mycopod shall stop web-01", false],
  ["mycopods: v1", false],
  ["", false],
])("%j is an intent: %s", (text, is) => {
  expect(isIntent(text)).toBe(is);
});
