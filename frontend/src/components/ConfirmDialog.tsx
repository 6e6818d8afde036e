import { Button, Modal, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Problem } from "../api/problem";
import { useConfirm } from "../api/queries";
import type { Plan } from "../api/types";
import { count, guestId } from "../lib/format";
import { byGuest, destroyed, summaryText } from "../lib/plan";
import classes from "./ConfirmDialog.module.css";
import { EffectTag } from "./EffectTag";
import { Notice } from "./Notice";
import { PlanView } from "./PlanView";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  declaration: string;
  plan: Plan;
  opened: boolean;
  onClose: () => void;
}

/** An Admin's last look: the whole plan, and the name of every guest that would be destroyed. */
export function ConfirmDialog({ declaration, plan, opened, onClose }: Props) {
  const confirm = useConfirm(declaration);
  const close = () => {
    confirm.reset();
    onClose();
  };
  return (
    <Modal
      opened={opened}
      onClose={close}
      size="54rem"
      title="Confirm this plan?"
      closeButtonProps={{ "aria-label": "Close without confirming" }}
    >
      {confirm.error && <Refusal problem={confirm.error} />}
      {/* Another plan is another question: the names have to be typed again. */}
      <Consent
        key={plan.digest}
        plan={plan}
        sending={confirm.isPending}
        onCancel={close}
        onConfirm={(destroy) =>
          confirm.mutate({ plan_digest: plan.digest, destroy }, { onSuccess: close })
        }
      />
    </Modal>
  );
}

function Refusal({ problem }: { problem: Problem }) {
  if (problem.status !== 409) return <ProblemNotice problem={problem} />;
  return (
    <div ref={scrollTo}>
      <Notice tone="warn" title="Not confirmed: the plan below is new" role="alert">
        <p>{problem.message}</p>
        <p>Nothing was changed. Look at the plan again before you confirm it.</p>
      </Notice>
    </div>
  );
}

function scrollTo(element: HTMLElement | null) {
  element?.scrollIntoView({ block: "center" });
}

interface ConsentProps {
  plan: Plan;
  sending: boolean;
  onCancel: () => void;
  onConfirm: (destroy: string[]) => void;
}

function Consent({ plan, sending, onCancel, onConfirm }: ConsentProps) {
  const [typed, setTyped] = useState<Record<number, string>>({});
  const doomed = destroyed(plan);
  const named = doomed.every((guest) => typed[guest.vmid] === guest.name);
  return (
    <form
      className={classes.consent}
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm(doomed.map((guest) => guest.name));
      }}
    >
      <p>
        {count(plan.steps.length, "step")} on {count(byGuest(plan).length, "guest")}:{" "}
        {summaryText(plan.summary)}.
      </p>
      <ul className={classes.hit} aria-label="Guests this plan touches">
        {byGuest(plan).map(({ guest, worst }) => (
          <li key={guest.vmid}>
            <strong>{guest.name}</strong>{" "}
            <span className="soft small">
              {guestId(guest)} on {guest.node}
            </span>{" "}
            <EffectTag effect={worst} />
          </li>
        ))}
      </ul>
      <PlanView plan={plan} />
      {doomed.length > 0 && (
        <fieldset className={classes.names}>
          <legend>What is destroyed cannot be brought back. Type each name to agree.</legend>
          {doomed.map((guest) => (
            <TextInput
              key={guest.vmid}
              label={`Type ${guest.name} to destroy ${guestId(guest)}`}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={typed[guest.vmid] ?? ""}
              onChange={(event) => setTyped({ ...typed, [guest.vmid]: event.currentTarget.value })}
            />
          ))}
        </fieldset>
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
          {doomed.length > 0 ? `Confirm and destroy ${count(doomed.length, "guest")}` : "Confirm"}
        </Button>
      </div>
    </form>
  );
}
