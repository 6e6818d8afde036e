import { expect, test } from "vitest";

import {
  asText,
  type FieldSchema,
  fromText,
  grouped,
  hint,
  options,
  parts,
  wholeOf,
} from "./fields";

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

test("a list says how it is typed", () => {
  expect(hint({ type: "array", description: "Tags" })).toBe("Tags, separated by commas");
  expect(hint({ type: "string", description: "Memory: a size" })).toBe("Memory: a size");
});

test("fields are chosen from by what they are of", () => {
  const named = (field: string) => ({ field, label: field });
  const fields = ["cores", "startup.up", "disk.scsi0.cache", "nic.0.vlan", "firewall.enable"];
  expect(grouped(fields.map(named)).map(({ group, items }) => [group, items.length])).toEqual([
    ["Guest", 2],
    ["Disk scsi0", 1],
    ["NIC 0", 1],
    ["Firewall", 1],
  ]);
});

test("a whole disk has the parts that were typed, what people think of first before the rest", () => {
  const disk: FieldSchema = {
    type: "object",
    required: ["size"],
    properties: {
      backup: { type: "boolean" },
      mount: { type: "string" },
      size: { type: "string" },
      storage: { type: "string" },
    },
  };
  expect(parts(disk).map(({ name }) => name)).toEqual(["size", "storage", "mount", "backup"]);
  expect(parts(disk).filter(({ optional }) => !optional)).toHaveLength(1);
  const whole = wholeOf({ size: " 20 GB ", storage: "", backup: "no" }, disk);
  expect(whole).toEqual({ size: "20 GB", backup: false });
  expect(asText({ backup: false, size: "20 GiB" })).toBe("size 20 GiB, backup no");
});
