import { expect, test } from "vitest";

import { asText, type FieldSchema, fromText, options } from "./fields";

test.each<[unknown, FieldSchema, string]>([
  [true, { type: "boolean" }, "yes"],
  [false, { type: "boolean" }, "no"],
  [4, { type: "integer" }, "4"],
  [12.5, { type: "number" }, "12.5"],
  ["8 GiB", { type: "string" }, "8 GiB"],
  [["batch", "web"], { type: "array" }, "batch, web"],
  [[], { type: "array" }, ""],
  ["", { enum: ["", "on"] }, ""],
])("%j is typed and read alike", (value, schema, text) => {
  expect(asText(value)).toBe(text);
  expect(fromText(text, schema)).toEqual(value);
});

test("what is no number is left for the server to refuse, and never zero", () => {
  expect(fromText("many", { type: "integer" })).toBe("many");
  expect(fromText("  ", { type: "integer" })).toBe("");
  expect(fromText("Infinity", { type: "number" })).toBe("Infinity");
});

test("what can be chosen is chosen, and nothing else", () => {
  expect(options({ enum: ["", "virtio"] })).toEqual([
    { value: "", label: "none" },
    { value: "virtio", label: "virtio" },
  ]);
  expect(options({ type: "boolean" })?.map(({ value }) => value)).toEqual(["yes", "no"]);
  expect(options({ type: "string" })).toBeNull();
});
