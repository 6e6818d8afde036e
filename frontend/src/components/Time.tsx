import { ageOf, ago, dateTime } from "../lib/time";

/** How long ago something was, with the exact time on hover. */
export function Time({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={dateTime(iso)}>
      {ago(ageOf(iso))}
    </time>
  );
}
