import type { Change } from "../api/types";
import { scalar } from "../lib/format";
import classes from "./ChangeList.module.css";
import { Field } from "./Field";

/** A step's changes, field by field: from, to, and why. */
export function ChangeList({ changes }: { changes: Change[] }) {
  return (
    <dl className={classes.changes}>
      {changes.map(({ field, label, from, to, source }) => (
        <Field key={field} label={label} source={source}>
          <Difference from={scalar(from)} to={scalar(to)} />
        </Field>
      ))}
    </dl>
  );
}

function Difference({ from, to }: { from: string | null; to: string | null }) {
  return (
    <>
      {from !== null && (
        <>
          <span className="visually-hidden">from </span>
          <del className={classes.from}>{from}</del> <span aria-hidden="true">→ </span>
        </>
      )}
      <span className="visually-hidden">to </span>
      {to === null ? (
        <em className={classes.none}>{from === null ? "none" : "removed"}</em>
      ) : (
        <ins className={classes.to}>{to}</ins>
      )}
    </>
  );
}
