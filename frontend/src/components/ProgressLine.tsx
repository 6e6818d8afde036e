import type { Plan, Reconciliation } from "../api/types";
import classes from "./ProgressLine.module.css";

interface Props {
  plan: Plan;
  reconciliation: Reconciliation;
}

/** How many steps are done and which run now; spoken politely as it changes. */
export function ProgressLine({ plan, reconciliation }: Props) {
  const { steps } = reconciliation;
  const done = steps.filter((step) => step.state === "done").length;
  const running = steps.flatMap((step) => {
    const planned = plan.steps.find((candidate) => candidate.seq === step.seq);
    const runs = step.state === "started" || step.state === "submitted";
    return runs && planned ? [planned.summary] : [];
  });
  const [first, ...others] = running;
  return (
    <div className={classes.progress}>
      <progress value={done} max={steps.length} aria-label="Steps done" />
      <p aria-live="polite">
        {done} of {steps.length} steps done
        {first !== undefined && `. Now: ${first}`}
        {others.length > 0 && ` and ${others.length} more`}
      </p>
    </div>
  );
}
