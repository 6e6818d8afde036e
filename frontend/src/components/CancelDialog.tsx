import { Button, Modal } from "@mantine/core";

import type { useCancel } from "../api/queries";
import type { Declaration } from "../api/types";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  declaration: Declaration;
  cancel: ReturnType<typeof useCancel>;
  opened: boolean;
  onClose: () => void;
}

/** Asks before a declaration is called off, and says what stays. */
export function CancelDialog({ declaration, cancel, opened, onClose }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Cancel this declaration?"
      closeButtonProps={{ "aria-label": "Close without cancelling" }}
    >
      <div className={classes.form}>
        {cancel.error && <ProblemNotice problem={cancel.error} />}
        <p>{consequence(declaration)}</p>
        <p className="soft">
          Its text, what was set and answered, and the audit log stay. It cannot be taken up again;
          declare anew what is wanted later.
        </p>
        <div className={classes.buttons}>
          <Button variant="default" data-autofocus onClick={onClose}>
            Keep it
          </Button>
          <Button
            color="red"
            loading={cancel.isPending}
            onClick={() => cancel.mutate(undefined, { onSuccess: onClose })}
          >
            Cancel the declaration
          </Button>
        </div>
      </div>
    </Modal>
  );
}

/** What becomes of the guests. */
function consequence({ status, reconciliation }: Declaration): string {
  if (status === "approved" || status === "applying") {
    return "The step under way is finished, and no further one begins. What was carried out stays so.";
  }
  return reconciliation === null
    ? "Nothing of it was carried out, and nothing will be: all guests stay as they are."
    : "No further step of it begins. What was carried out stays so.";
}
