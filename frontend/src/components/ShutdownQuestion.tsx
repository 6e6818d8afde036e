import { Button, Group } from "@mantine/core";
import { useNavigate } from "react-router";

import { useDeclare } from "../api/queries";
import type { Declaration, PlanGuest } from "../api/types";
import { guestId } from "../lib/format";
import { ProblemNotice } from "./ProblemNotice";

/** The guests that were asked to shut down and did not within their time. */
export function stillRunning({ plan, reconciliation }: Declaration): PlanGuest[] {
  const blocked = new Set(
    reconciliation?.steps.filter((step) => step.state === "blocked").map((step) => step.seq),
  );
  return (plan?.steps ?? []).flatMap(({ seq, action, guest }) =>
    action === "shutdown" && guest && blocked.has(seq) ? [guest] : [],
  );
}

interface Props {
  guests: PlanGuest[];
  cluster: string;
  /** Gives them the time once more. */
  onWait: () => void;
  waiting: boolean;
}

/** Asks whether guests that do not shut down are to be switched off. That is a declaration of its own, to be confirmed. */
export function ShutdownQuestion({ guests, cluster, onWait, waiting }: Props) {
  const navigate = useNavigate();
  const declare = useDeclare();
  const text = `force stop ${guests.map(guestId).join(" and ")} on cluster ${cluster}`;
  return (
    <>
      <p>
        {guests.map((guest) => guest.name).join(", ")} did not shut down in time. Switch off, or
        wait once more?
      </p>
      {declare.error && <ProblemNotice problem={declare.error} />}
      <Group gap="xs">
        <Button
          size="xs"
          color="red"
          loading={declare.isPending}
          onClick={() =>
            declare.mutate(text, { onSuccess: ({ id }) => void navigate(`/declarations/${id}`) })
          }
        >
          Plan to switch off
        </Button>
        <Button size="xs" variant="default" loading={waiting} onClick={onWait}>
          Give it the time once more
        </Button>
      </Group>
    </>
  );
}
