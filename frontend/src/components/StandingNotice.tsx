import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import { useStanding } from "../api/queries";
import { useUser } from "../api/session";
import type { Declaration } from "../api/types";
import classes from "./Form.module.css";
import { Notice } from "./Notice";
import { Panel } from "./Panel";
import { ProblemNotice } from "./ProblemNotice";
import { Time } from "./Time";

/** Whether repairs of a declaration happen by themselves, and for an Admin the way to that and back. */
export function StandingNotice({ declaration }: { declaration: Declaration }) {
  const { id, standing, status } = declaration;
  const admin = useUser().role === "Admin";
  const change = useStanding(id);
  const [opened, dialog] = useDisclosure(false);
  const may = admin && status === "converged";
  if (standing === null && !may) return null;
  return (
    <Panel title="Repairs">
      {change.error && <ProblemNotice problem={change.error} />}
      {standing?.stands ? (
        <>
          <p>
            Repairs that take effect at once, or start a stopped guest, happen by themselves:{" "}
            {standing.used} of {standing.per_hour} within the last hour.
          </p>
          <p className="soft small">
            Standing approval by {standing.given_by.email}, <Time iso={standing.given_at} />.
          </p>
        </>
      ) : (
        <>
          {standing?.ended_at && (
            <Notice
              tone={standing.ended_by === null ? "warn" : "neutral"}
              title="Repairs no longer happen by themselves"
            >
              <p>{standing.ended_why}</p>
              <p className="small">
                Ended <Time iso={standing.ended_at} />.
              </p>
            </Notice>
          )}
          <p>Every repair of drift is planned and confirmed by a person.</p>
        </>
      )}
      <div>
        {admin && standing?.stands && (
          <Button
            size="xs"
            variant="default"
            loading={change.isPending}
            onClick={() => change.mutate(false)}
          >
            Revoke
          </Button>
        )}
        {may && !standing?.stands && (
          <Button size="xs" variant="default" onClick={dialog.open}>
            Give a standing approval…
          </Button>
        )}
      </div>
      <Modal opened={opened} onClose={dialog.close} title="Let repairs happen by themselves?">
        <div className={classes.form}>
          <p>
            When something declared here is changed by others, it is set back without asking, as
            long as each step takes effect at once or starts a stopped guest. Nothing is made,
            moved, restarted or deleted by itself: such repairs wait for a person as before.
          </p>
          <p>
            Each repair is approved in your name and entered in the audit log. After 6 within an
            hour, or where another tool undoes them again and again, it ends and asks.
          </p>
          <div className={classes.buttons}>
            <Button variant="default" data-autofocus onClick={dialog.close}>
              Cancel
            </Button>
            <Button
              loading={change.isPending}
              onClick={() => change.mutate(true, { onSuccess: dialog.close })}
            >
              Give it
            </Button>
          </div>
        </div>
      </Modal>
    </Panel>
  );
}
