import { Button, Checkbox, Modal, TextInput } from "@mantine/core";
import { useState } from "react";

import { useConfirm, useSeveralClusters } from "../api/queries";
import type { Declaration, Plan } from "../api/types";
import { count } from "../lib/format";
import { bySubject, destroyed, place, summaryText } from "../lib/plan";
import { STATUSES } from "../lib/status";
import classes from "./ConfirmDialog.module.css";
import { EffectTag } from "./EffectTag";
import { Notice } from "./Notice";
import { PlanView } from "./PlanView";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  declaration: Declaration;
  opened: boolean;
  onClose: () => void;
}

/** An Admin's last look: the whole plan, and the name of every guest that would be destroyed. */
export function ConfirmDialog({ opened, ...props }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={props.onClose}
      size="54rem"
      title="Confirm this plan?"
      closeButtonProps={{ "aria-label": "Close without confirming" }}
    >
      <Question {...props} />
    </Modal>
  );
}

function Question({ declaration: { id, cluster, status, plan }, onClose }: Omit<Props, "opened">) {
  const confirm = useConfirm(id);
  const [firstSeen] = useState(plan?.digest);
  if (status !== "awaiting_approval" || plan === null) {
    if (confirm.isPending || confirm.isSuccess) return <p role="status">Confirming…</p>;
    return (
      <div className={classes.consent}>
        <Changed title="Not confirmed" reason={confirm.error?.message} />
        <p role="status">
          {status === "reading"
            ? "A new plan is being made; it will be shown here."
            : `The declaration stands at: ${STATUSES[status].label}.`}
        </p>
        <Button variant="default" autoFocus onClick={onClose}>
          Close
        </Button>
      </div>
    );
  }
  const changed = plan.digest !== firstSeen;
  return (
    <>
      {changed && (
        <Changed
          title="The plan has changed: this is the new one"
          reason={confirm.error?.message}
        />
      )}
      {confirm.error && !changed && <ProblemNotice problem={confirm.error} />}
      {/* Another plan is another question: the names have to be typed again. */}
      <Consent
        key={plan.digest}
        plan={plan}
        cluster={cluster}
        sending={confirm.isPending}
        onCancel={onClose}
        onConfirm={(destroy, standing) =>
          confirm.mutate(
            { plan_digest: plan.digest, destroy, ...(standing && { standing }) },
            { onSuccess: onClose },
          )
        }
      />
    </>
  );
}

/** Something changed between the question and the answer. */
function Changed({ title, reason }: { title: string; reason: string | undefined }) {
  return (
    <div ref={scrollTo}>
      <Notice tone="warn" title={title} role="alert">
        <p>{reason ?? "Something changed while you looked. Nothing was confirmed."}</p>
      </Notice>
    </div>
  );
}

function scrollTo(element: HTMLElement | null) {
  element?.scrollIntoView({ block: "center" });
}

/** `2 guests`, and with pools, files or backup jobs `2 guests and 1 other object`. */
function subjects(plan: Plan): string {
  const all = bySubject(plan);
  const guests = all.filter(({ steps }) => steps.some((step) => step.guest !== null)).length;
  const others = all.length - guests;
  if (others === 0) return count(guests, "guest");
  return guests === 0
    ? count(others, "object")
    : `${count(guests, "guest")} and ${count(others, "other object")}`;
}

interface ConsentProps {
  plan: Plan;
  cluster: string;
  sending: boolean;
  onCancel: () => void;
  onConfirm: (destroy: string[], standing: boolean) => void;
}

function Consent({ plan, cluster, sending, onCancel, onConfirm }: ConsentProps) {
  const several = useSeveralClusters();
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [standing, setStanding] = useState(false);
  const doomed = destroyed(plan);
  const named = doomed.every(({ key, name }) => typed[key] === name);
  return (
    <form
      className={classes.consent}
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm(
          doomed.map(({ name }) => name),
          standing,
        );
      }}
    >
      <p>
        {count(plan.steps.length, "step")} on {subjects(plan)}
        {several && (
          <>
            {" "}
            of cluster <strong>{cluster}</strong>
          </>
        )}
        : {summaryText(plan.summary)}.
      </p>
      <ul className={classes.hit} aria-label="What this plan touches">
        {bySubject(plan).map(({ subject, worst }) => (
          <li key={subject.key}>
            <strong>{subject.name}</strong> <span className="soft small">{place(subject)}</span>{" "}
            <EffectTag effect={worst} />
          </li>
        ))}
      </ul>
      <PlanView plan={plan} />
      {doomed.length > 0 && (
        <fieldset className={classes.names}>
          <legend>What is destroyed cannot be brought back. Type each name to agree.</legend>
          {doomed.map(({ key, name, what }) => (
            <TextInput
              key={key}
              label={`Type ${name} to destroy ${what}`}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={typed[key] ?? ""}
              onChange={(event) => setTyped({ ...typed, [key]: event.currentTarget.value })}
            />
          ))}
        </fieldset>
      )}
      {doomed.length === 0 && (
        <Checkbox
          checked={standing}
          onChange={(event) => setStanding(event.currentTarget.checked)}
          label="Let later repairs happen by themselves"
          description="Where others change what is declared here: as far as each step takes effect at once or starts a stopped guest. Revocable at any time."
        />
      )}
      <div className={classes.buttons}>
        <Button variant="default" autoFocus data-autofocus onClick={onCancel}>
          Cancel
        </Button>
        <Button
          type="submit"
          color={doomed.length > 0 ? "red" : undefined}
          disabled={!named}
          loading={sending}
        >
          {doomed.length > 0 ? "Confirm and destroy" : "Confirm"}
        </Button>
      </div>
    </form>
  );
}
