import { count } from "./format";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "just now", "3 minutes ago", from an age in seconds. */
export function ago(seconds: number): string {
  if (seconds < 10) return "just now";
  for (const [unit, size] of UNITS) {
    if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit);
  }
  return relative.format(-Math.floor(seconds), "second");
}

/** Seconds since an RFC 3339 time. */
export function ageOf(iso: string): number {
  return Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
}

/** A date and time in the reader's time zone. */
export function dateTime(iso: string): string {
  return absolute.format(new Date(iso));
}

/** "30 seconds", "3 minutes", "2 hours": a length of time, rounded up. */
export function span(seconds: number): string {
  if (seconds < 120) return count(Math.ceil(seconds), "second");
  if (seconds < 7_200) return count(Math.ceil(seconds / 60), "minute");
  return count(Math.ceil(seconds / 3_600), "hour");
}
