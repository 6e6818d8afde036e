import { Button, Modal } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import { useDecide } from "../api/queries";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

/** An Admin accepts that a guest of ours is gone. */
export function AcceptGone({ name, resource }: { name: string; resource: string }) {
  const [opened, dialog] = useDisclosure(false);
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Accept that ${name} is gone`}
        onClick={dialog.open}
      >
        Accept…
      </Button>
      <Modal opened={opened} onClose={dialog.close} title={`Accept that ${name} is gone?`}>
        <Question name={name} resource={resource} onClose={dialog.close} />
      </Modal>
    </>
  );
}

interface Props {
  name: string;
  resource: string;
  onClose: () => void;
}

function Question({ name, resource, onClose }: Props) {
  const decide = useDecide(resource);
  return (
    <div className={classes.form}>
      {decide.error && <ProblemNotice problem={decide.error} />}
      <p>
        Every node is asked once more. If none has it, nothing of {name} is declared any more, and
        no plan makes it again. Nothing on the cluster is changed.
      </p>
      <div className={classes.buttons}>
        <Button variant="default" data-autofocus onClick={onClose}>
          Keep it declared
        </Button>
        <Button
          loading={decide.isPending}
          onClick={() => decide.mutate({ way: "gone" }, { onSuccess: onClose })}
        >
          Accept that it is gone
        </Button>
      </div>
    </div>
  );
}
