import type { Plan, PlanStep, Reconciliation, StepProgress } from "../api/types";
import { count } from "../lib/format";
import { bySubject, place } from "../lib/plan";
import { ChangeList } from "./ChangeList";
import { EffectTag } from "./EffectTag";
import { Explanation } from "./Explanation";
import classes from "./PlanView.module.css";
import { StepState } from "./StepState";

interface Props {
  plan: Plan;
  /** The declaration's id, to fetch the logs of what is being or has been carried out. */
  declaration?: string;
  reconciliation?: Reconciliation | null;
  /** Whether the fields of each step may be folded away; they are where there are many steps. */
  foldable?: boolean;
}

/** With more steps than this, the fields of each are folded away. */
const UNFOLDED_STEPS = 6;

/** A plan by what it acts on, irreversible first, each step as a field-by-field difference with its effect. */
export function PlanView({ plan, declaration, reconciliation, foldable = false }: Props) {
  const progress = new Map(reconciliation?.steps.map((step) => [step.seq, step]));
  return (
    <div className={classes.plan}>
      {plan.steps.length > 0 && plan.explanation !== "" && (
        // What was decided on needs no other words.
        <Explanation plan={plan} declaration={reconciliation ? undefined : declaration} />
      )}
      {plan.notes.length > 0 && (
        <ul className={classes.notes}>
          {plan.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {plan.steps.length === 0 && <p className="soft">The cluster already is as declared.</p>}
      {bySubject(plan).map(({ subject, worst, steps }) => (
        <section key={subject.key} className={classes.subject} data-effect={worst}>
          <h3 className={classes.name}>
            {subject.name} <span className="soft small">{place(subject)}</span>
          </h3>
          <ol className={classes.steps}>
            {steps.map((step) => (
              <li key={step.seq}>
                <StepView
                  step={step}
                  folded={foldable && plan.steps.length > UNFOLDED_STEPS}
                  declaration={declaration}
                  progress={progress.get(step.seq)}
                />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

interface StepProps {
  step: PlanStep;
  folded: boolean;
  declaration: string | undefined;
  progress: StepProgress | undefined;
}

function StepView({ step, folded, declaration, progress }: StepProps) {
  return (
    <>
      <div className={classes.head}>
        <span className={classes.seq} aria-label={`Step ${step.seq}`}>
          {step.seq}
        </span>
        <span className={classes.summary}>{step.summary}</span>
        <EffectTag effect={step.effect} />
      </div>
      {step.collateral.length > 0 && (
        <ul className={classes.collateral}>
          {step.collateral.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {step.changes.length > 0 && (
        <div className={classes.changes}>
          {folded ? (
            <details>
              <summary>{count(step.changes.length, "field")}</summary>
              <ChangeList changes={step.changes} />
            </details>
          ) : (
            <ChangeList changes={step.changes} />
          )}
        </div>
      )}
      {declaration && progress && <StepState declaration={declaration} progress={progress} />}
    </>
  );
}
