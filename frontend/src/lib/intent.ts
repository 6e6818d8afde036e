/**
 * Whether a text is meant as a typed intent: its first key is the version's, or it is JSON. The server decides; here it
 * is only how the text is set.
 */
export function isIntent(text: string): boolean {
  const lines = text.split("\n").map((line) => line.trim());
  const first = lines.find((line) => line !== "" && !line.startsWith("#") && line !== "---") ?? "";
  return first.startsWith("{") || /^mycopod\s*:/.test(first);
}
