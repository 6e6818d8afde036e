import type { Drift } from "../api/types";
import { scalar } from "../lib/format";
import { dateTime } from "../lib/time";
import { DriftDecision } from "./DriftDecision";
import classes from "./DriftList.module.css";
import { Time } from "./Time";

interface Props {
  drift: Drift[];
  /** The guest and its resource, where one may decide here. */
  guest?: { name: string; resource: string } | undefined;
}

/** Field by field: what was declared, what is, since when, and by whom. */
export function DriftList({ drift, guest }: Props) {
  return (
    <ul className={`small ${classes.list}`}>
      {drift.map((one) => (
        <li key={one.field}>
          {one.label}: declared <code>{scalar(one.declared) ?? "none"}</code>, is{" "}
          <code>{scalar(one.observed) ?? "none"}</code>,{" "}
          <span className="soft">
            seen <Time iso={one.since} />
          </span>
          {one.cause && <p className="soft">{sentence(one.cause.text)}</p>}
          {one.repairs_undone !== null && (
            <p className={classes.loop}>
              A loop: {one.repairs_undone} repairs of it were undone within a day. Another tool
              wants another value; nothing more is repaired by itself until somebody decides.
            </p>
          )}
          {one.snoozed_until && (
            <p className="soft">
              Snoozed until {dateTime(one.snoozed_until)} by {one.snoozed_by}.
            </p>
          )}
          {guest && <DriftDecision drift={one} guest={guest} />}
        </li>
      ))}
    </ul>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
