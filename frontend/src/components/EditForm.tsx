import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./IntentForm.module.css";

interface Props {
  onSet: () => void;
  onClose: () => void;
  isPending: boolean;
  children: ReactNode;
}

/** What is typed for an edit, and the buttons that set it or leave it. */
export function EditForm({ onSet, onClose, isPending, children }: Props) {
  return (
    <form
      className={classes.field}
      onSubmit={(event) => {
        event.preventDefault();
        onSet();
      }}
    >
      {children}
      <div className={classes.buttons}>
        <Button type="submit" size="xs" loading={isPending}>
          Set and plan again
        </Button>
        <Button variant="default" size="xs" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
