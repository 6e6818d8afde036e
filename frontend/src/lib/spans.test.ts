import { expect, test } from "vitest";

import { countCodePoints, segments } from "./spans";

test("offsets count code points, so an emoji before a span does not shift it", () => {
  const text = "🍄🍄 web-1 with 2 cores";
  const cut = segments(text, [{ start: 3, end: 8, value: "name" }]);
  expect(cut.find((segment) => segment.marks.includes("name"))?.text).toBe("web-1");
});

test("the segments put together are the text, whatever the marks", () => {
  const text = "a👩‍👩‍👧b é c";
  const marks = [
    { start: 0, end: 3, value: 1 },
    { start: 2, end: 99, value: 2 },
    { start: -4, end: 1, value: 3 },
    { start: 5, end: 5, value: 4 },
  ];
  const cut = segments(text, marks);
  expect(cut.map((segment) => segment.text).join("")).toBe(text);
});

test("where marks overlap, a segment has both", () => {
  const cut = segments("2 GB RAM", [
    { start: 0, end: 4, value: "size" },
    { start: 2, end: 8, value: "unit" },
  ]);
  expect(cut.map(({ text, marks }) => [text, marks])).toEqual([
    ["2 ", ["size"]],
    ["GB", ["size", "unit"]],
    [" RAM", ["unit"]],
  ]);
});

test("length counts code points, as the server's limit does", () => {
  expect(countCodePoints("🍄a")).toBe(2);
});
