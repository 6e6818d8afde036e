import type { FieldSaid, Reading, Statement, Target } from "../api/types";
import { Field } from "./Field";
import { usePointing } from "./highlight";
import classes from "./ReadingView.module.css";
import { SourceMark } from "./SourceMark";

/** What was understood: each statement with its targets and values, and where each comes from. */
export function ReadingView({ reading }: { reading: Reading }) {
  const notes = reading.notes.map((note) => (
    <p key={note} className="soft">
      {note}
    </p>
  ));
  if (reading.statements.length === 0) {
    return (
      <>
        <p className="soft">Nothing in the declaration was understood as a statement.</p>
        {notes}
      </>
    );
  }
  return (
    <>
      {notes}
      {reading.cluster && <ClusterSaid cluster={reading.cluster} />}
      <ol className={classes.statements}>
        {reading.statements.map((statement) => (
          <li key={statement.start} className={classes.statement}>
            <StatementView statement={statement} />
          </li>
        ))}
      </ol>
    </>
  );
}

/** The cluster that was named, for all statements. */
function ClusterSaid({ cluster }: { cluster: Target }) {
  return (
    <p {...usePointing(cluster.source)}>
      On cluster <strong>{cluster.display}</strong> <SourceMark source={cluster.source} />
    </p>
  );
}

function StatementView({ statement }: { statement: Statement }) {
  return (
    <>
      <h3 className={classes.verb}>{statement.verb.replaceAll("_", " ")}</h3>
      <ul className={classes.targets}>
        {statement.targets.map((target, i) => (
          <TargetView key={i} target={target} />
        ))}
      </ul>
      {statement.fields.length > 0 && (
        <dl className={classes.fields}>
          {statement.fields.map((field, i) => (
            <Field key={`${field.field} ${i}`} label={field.label} source={field.source}>
              <Value field={field} targets={statement.targets} />
            </Field>
          ))}
        </dl>
      )}
    </>
  );
}

/** A value as it was said; what was set in the form in its place stands beside it. */
function Value({ field: { value, set }, targets }: { field: FieldSaid; targets: Target[] }) {
  const [target, ...others] = targets;
  const only = others.length === 0 ? target?.display : undefined;
  const isGone = set.some((set) => set.guest_name === only);
  return (
    <>
      {isGone ? <s>{value}</s> : value}
      {set.map((set) => (
        <span key={set.edit} className={classes.set}>
          set to {set.value} in the form{set.guest_name !== only && ` for ${set.guest_name}`} (edit{" "}
          {set.edit})
        </span>
      ))}
    </>
  );
}

function TargetView({ target }: { target: Target }) {
  return (
    <li className={classes.target} {...usePointing(target.source)}>
      <strong>{target.display}</strong> <SourceMark source={target.source} />
    </li>
  );
}
