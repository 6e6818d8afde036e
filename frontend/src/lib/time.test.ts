import { expect, test } from "vitest";

import { ago } from "./time";

test.each([
  [3, "just now"],
  [45, "45 seconds ago"],
  [60, "1 minute ago"],
  [7_200, "2 hours ago"],
  [200_000, "2 days ago"],
])("%d seconds are %s", (seconds, text) => {
  expect(ago(seconds)).toBe(text);
});
