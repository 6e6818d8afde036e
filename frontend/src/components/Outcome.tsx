import { Button } from "@mantine/core";

import { usePlanAgain } from "../api/queries";
import type { Declaration, PlanStep } from "../api/types";
import { canPlanAgain, STATUSES } from "../lib/status";
import { Notice } from "./Notice";
import { ProblemNotice } from "./ProblemNotice";
import { ShutdownQuestion, stillRunning } from "./ShutdownQuestion";

/** Where a declaration stands: why, what was and was not touched, and what to do next. */
export function Outcome({ declaration }: { declaration: Declaration }) {
  const planAgain = usePlanAgain(declaration.id);
  const { status, status_reason, reconciliation } = declaration;
  const { label, tone, next } = STATUSES[status];
  const reason = status_reason ?? reconciliation?.reason ?? declaration.reading?.refusal;
  const running = stillRunning(declaration);
  const stopped = canPlanAgain(status) || status === "cancelled" || status === "refused";
  return (
    <Notice tone={tone} title={label} role="status">
      {reason && <p>{reason}</p>}
      {stopped && <Touched declaration={declaration} />}
      <p>{next}</p>
      {planAgain.error && <ProblemNotice problem={planAgain.error} />}
      {status === "blocked" && running.length > 0 ? (
        <ShutdownQuestion
          guests={running}
          cluster={declaration.cluster}
          onWait={() => planAgain.mutate(undefined)}
          waiting={planAgain.isPending}
        />
      ) : (
        canPlanAgain(status) && (
          <Button
            size="xs"
            loading={planAgain.isPending}
            onClick={() => planAgain.mutate(undefined)}
          >
            Plan again
          </Button>
        )
      )}
    </Notice>
  );
}

function Touched({ declaration: { plan, reconciliation } }: { declaration: Declaration }) {
  const state = new Map(reconciliation?.steps.map((step) => [step.seq, step.state]));
  const inState = (...states: string[]) =>
    (plan?.steps ?? []).filter((step) => states.includes(state.get(step.seq) ?? "pending"));
  const done = inState("done");
  const open = inState("started", "submitted", "blocked", "failed");
  const untouched = inState("pending", "skipped");
  if (done.length + open.length === 0) return <p>Nothing was changed on the cluster.</p>;
  return (
    <>
      <Steps title="Done, and left so" steps={done} />
      <Steps title="Stopped at" steps={open} />
      <Steps title="Not touched" steps={untouched} />
    </>
  );
}

function Steps({ title, steps }: { title: string; steps: PlanStep[] }) {
  if (steps.length === 0) return null;
  return (
    <p>
      {title}: {steps.map((step) => `${step.seq}. ${step.summary}`).join("; ")}.
    </p>
  );
}
