import { Button, Modal } from "@mantine/core";

import { useRemoveCluster } from "../api/queries";
import type { ClusterLine } from "../api/types";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  cluster: ClusterLine | null;
  onClose: () => void;
}

export function RemoveClusterDialog({ cluster, onClose }: Props) {
  return (
    <Modal opened={cluster !== null} onClose={onClose} title={`Remove ${cluster?.name ?? ""}?`}>
      {cluster && <Question name={cluster.name} onClose={onClose} />}
    </Modal>
  );
}

function Question({ name, onClose }: { name: string; onClose: () => void }) {
  const remove = useRemoveCluster();
  return (
    <div className={classes.form}>
      {remove.error && <ProblemNotice problem={remove.error} />}
      <p>
        MycoPod forgets how {name} is reached, and its token. Nothing on the cluster is touched;
        what was declared on it stays in the audit log.
      </p>
      <div className={classes.buttons}>
        <Button variant="default" data-autofocus onClick={onClose}>
          Keep it
        </Button>
        <Button
          color="red"
          loading={remove.isPending}
          onClick={() => remove.mutate(name, { onSuccess: onClose })}
        >
          Remove
        </Button>
      </div>
    </div>
  );
}
