import { Button, Modal, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";

import { useFreeze, useFreezes, useUnfreeze } from "../api/queries";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  /** Which cluster; all of them where it is null. */
  cluster: string | null;
  compact?: boolean;
}

/** An Admin freezes a cluster or all, or lifts that. */
export function FreezeButton({ cluster, compact = false }: Props) {
  const freezes = useFreezes();
  const [opened, dialog] = useDisclosure(false);
  const stands = (freezes.data ?? []).some((freeze) => freeze.cluster === cluster);
  const what = cluster ?? "all clusters";
  return (
    <>
      <Button
        variant="default"
        size={compact ? "compact-xs" : "sm"}
        aria-label={`${stands ? "Unfreeze" : "Freeze"} ${what}`}
        onClick={dialog.open}
      >
        {`${stands ? "Unfreeze" : "Freeze"}${cluster === null ? " all" : ""}…`}
      </Button>
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={`${stands ? "Unfreeze" : "Freeze"} ${what}?`}
      >
        {stands ? (
          <Unfreeze cluster={cluster} onClose={dialog.close} />
        ) : (
          <Freeze cluster={cluster} onClose={dialog.close} />
        )}
      </Modal>
    </>
  );
}

interface Question {
  cluster: string | null;
  onClose: () => void;
}

function Freeze({ cluster, onClose }: Question) {
  const freeze = useFreeze();
  const [why, setWhy] = useState("");
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        freeze.mutate({ cluster, why: why.trim() }, { onSuccess: onClose });
      }}
    >
      {freeze.error && <ProblemNotice problem={freeze.error} />}
      <p>
        No step begins {cluster === null ? "anywhere" : `on ${cluster}`} until an Admin lifts it.
        Steps that are under way end; reading, planning and approving go on.
      </p>
      <TextInput
        label="Why"
        description="Everybody reads it while nothing is applied."
        maxLength={500}
        required
        data-autofocus
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
      />
      <div className={classes.buttons}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" disabled={why.trim() === ""} loading={freeze.isPending}>
          Freeze
        </Button>
      </div>
    </form>
  );
}

function Unfreeze({ cluster, onClose }: Question) {
  const unfreeze = useUnfreeze();
  return (
    <div className={classes.form}>
      {unfreeze.error && <ProblemNotice problem={unfreeze.error} />}
      <p>What was approved meanwhile is carried out at once.</p>
      <div className={classes.buttons}>
        <Button variant="default" data-autofocus onClick={onClose}>
          Keep it frozen
        </Button>
        <Button
          loading={unfreeze.isPending}
          onClick={() => unfreeze.mutate(cluster, { onSuccess: onClose })}
        >
          Unfreeze
        </Button>
      </div>
    </div>
  );
}
