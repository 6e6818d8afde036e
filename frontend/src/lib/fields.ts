/** Values of an intent's fields, as their JSON Schema has them, to be typed and read. */

/** What of JSON Schema the fields of an intent use. */
export interface FieldSchema {
  type?: "boolean" | "integer" | "number" | "string" | "array" | "object";
  enum?: string[];
  title?: string;
  description?: string;
  maxLength?: number;
  /** Of a whole disk or NIC: its parts. */
  properties?: Record<string, FieldSchema>;
  required?: string[];
}

/** The parts of a disk or NIC that people think of first, in that order. */
const FIRST = ["size", "storage", "mount", "bridge", "vlan", "ip", "gateway"];

/** A part of a whole disk or NIC, to be typed. */
export interface Part {
  name: string;
  schema: FieldSchema;
  /** It can stay empty. */
  optional: boolean;
  /** Few say it. */
  rare: boolean;
}

/** The parts of a whole disk or NIC, those that people think of before others. */
export function parts({ properties = {}, required = [] }: FieldSchema): Part[] {
  return inOrder(properties).map(([name, schema]) => ({
    name,
    schema,
    optional: !required.includes(name),
    rare: !FIRST.includes(name),
  }));
}

function inOrder<T>(of: Record<string, T>): [string, T][] {
  const rank = ([name]: [string, T]) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.entries(of).sort((one, other) => rank(one) - rank(other));
}

/** A whole disk or NIC of the parts that were typed. */
export function wholeOf(texts: Record<string, string>, schema: FieldSchema): unknown {
  const said = parts(schema).filter(({ name }) => texts[name]?.trim());
  return Object.fromEntries(
    said.map(({ name, schema }) => [name, fromText(texts[name] ?? "", schema)]),
  );
}

/** From so many characters on a text is no single line. */
const LONG = 2_000;

/** Whether it may be a text of several lines. */
export function isLong({ maxLength = 0 }: FieldSchema): boolean {
  return maxLength >= LONG;
}

/** What is to be known of a field before its value is typed. */
export function hint({ type, description = "" }: FieldSchema): string {
  return type === "array" ? `${description}, separated by commas` : description;
}

/** A value as somebody would type it. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(asText).join(", ");
  if (typeof value === "object") {
    const said = inOrder(value as Record<string, unknown>);
    return said.map(([name, part]) => `${name} ${asText(part)}`).join(", ");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What can be chosen, where that is all; an empty one is none. */
export function options(schema: FieldSchema): { value: string; label: string }[] | null {
  if (schema.type === "boolean") return ["yes", "no"].map((value) => ({ value, label: value }));
  return schema.enum?.map((value) => ({ value, label: value === "" ? "none" : value })) ?? null;
}

/** The value that was typed. What is none of the field stays a text, which the server refuses with a reason. */
export function fromText(text: string, schema: FieldSchema): unknown {
  const said = text.trim();
  switch (schema.type) {
    case "boolean":
      return said === "yes";
    case "array":
      return said.split(",").flatMap((item) => item.trim() || []);
    case "integer":
    case "number":
      return said !== "" && Number.isFinite(Number(said)) ? Number(said) : said;
    default:
      return said;
  }
}

interface Named {
  field: string;
  label: string;
}

/** Fields to choose from, by what they are of: the guest itself, a disk, a NIC, its firewall. */
export function grouped(
  fields: Named[],
): { group: string; items: { value: string; label: string }[] }[] {
  const groups = new Map<string, { value: string; label: string }[]>();
  for (const { field, label } of fields) {
    const group = groupOf(field);
    groups.set(group, [...(groups.get(group) ?? []), { value: field, label }]);
  }
  return [...groups].map(([group, items]) => ({ group, items }));
}

function groupOf(field: string): string {
  const [of, which = ""] = field.split(".");
  if (of === "disk") return `Disk ${which}`;
  if (of === "nic") return `NIC ${which}`;
  return of === "firewall" ? "Firewall" : "Guest";
}
