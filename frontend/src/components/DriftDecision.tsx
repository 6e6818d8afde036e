import { Button, Modal, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { Link } from "react-router";

import { type Decision, useDecide } from "../api/queries";
import { useUser } from "../api/session";
import type { Drift } from "../api/types";
import { scalar } from "../lib/format";
import classes from "./DriftDecision.module.css";
import { ProblemNotice } from "./ProblemNotice";

const HOURS: [number, string][] = [
  [1, "an hour"],
  [8, "8 hours"],
  [24, "a day"],
  [168, "a week"],
];
const HOUR = 3_600_000;

interface Props {
  drift: Drift;
  guest: { name: string; resource: string };
}

/** What one may do about a drift, each way with what follows from it. */
export function DriftDecision({ drift, guest }: Props) {
  const [opened, dialog] = useDisclosure(false);
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Decide about ${drift.label} of ${guest.name}`}
        onClick={dialog.open}
      >
        Decide…
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={`${drift.label} of ${guest.name}`}
        closeButtonProps={{ "aria-label": "Close without deciding" }}
      >
        <Ways drift={drift} guest={guest} onDone={dialog.close} />
      </Modal>
    </>
  );
}

function Ways({ drift, guest, onDone }: Props & { onDone: () => void }) {
  const user = useUser();
  const decide = useDecide(guest.resource, drift.field);
  const [hours, setHours] = useState(24);
  const observed = scalar(drift.observed) ?? "none";
  const send = (decision: Decision) => decide.mutate(decision, { onSuccess: onDone });
  return (
    <div className={classes.ways}>
      <p>
        Declared <code>{scalar(drift.declared) ?? "none"}</code>, is <code>{observed}</code>.
      </p>
      {decide.error && <ProblemNotice problem={decide.error} />}
      <section>
        <p>Make it as declared again: a plan is made, which an Admin confirms.</p>
        <Button component={Link} to={`/declarations/${drift.declaration}`} variant="default">
          Go to the declaration
        </Button>
      </section>
      {user.role === "Admin" && (
        <section>
          <p>
            <code>{observed}</code> is the declared value from now on. Nothing on the cluster is
            changed, and no repair moves it back.
          </p>
          <Button
            loading={decide.isPending}
            onClick={() => send({ way: "accept", observed: drift.observed })}
          >
            Accept {observed}
          </Button>
        </section>
      )}
      <section>
        <p>
          {drift.label} is not declared any more: what it is does not matter, until a newer
          declaration names it.
        </p>
        <Button
          variant="default"
          loading={decide.isPending}
          onClick={() => send({ way: "ignore" })}
        >
          Ignore {drift.label}
        </Button>
      </section>
      <section>
        <p>It stays declared and rests for a time. Another value ends the rest.</p>
        <div className={classes.snooze}>
          <NativeSelect
            aria-label="For how long"
            value={String(hours)}
            data={HOURS.map(([value, label]) => ({ value: String(value), label }))}
            onChange={(event) => setHours(Number(event.currentTarget.value))}
          />
          <Button
            variant="default"
            loading={decide.isPending}
            onClick={() =>
              send({ way: "snooze", until: new Date(Date.now() + hours * HOUR).toISOString() })
            }
          >
            Snooze
          </Button>
        </div>
      </section>
    </div>
  );
}
