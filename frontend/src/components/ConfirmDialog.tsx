import { Button, Modal, TextInput } from "@mantine/core";
import { useState } from "react";

import { useConfirm, useSeveralClusters } from "../api/queries";
import type { Declaration, Plan } from "../api/types";
import { count, guestId } from "../lib/format";
import { byGuest, destroyed, summaryText } from "../lib/plan";
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
        onConfirm={(destroy) =>
          confirm.mutate({ plan_digest: plan.digest, destroy }, { onSuccess: onClose })
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

interface ConsentProps {
  plan: Plan;
  cluster: string;
  sending: boolean;
  onCancel: () => void;
  onConfirm: (destroy: string[]) => void;
}

function Consent({ plan, cluster, sending, onCancel, onConfirm }: ConsentProps) {
  const several = useSeveralClusters();
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
        {count(plan.steps.length, "step")} on {count(byGuest(plan).length, "guest")}
        {several && (
          <>
            {" "}
            of cluster <strong>{cluster}</strong>
          </>
        )}
        : {summaryText(plan.summary)}.
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
          {doomed.length > 0 ? "Confirm and destroy" : "Confirm"}
        </Button>
      </div>
    </form>
  );
}
