import { Button, Modal, PasswordInput } from "@mantine/core";
import { useState } from "react";

import { useChangePassword } from "../api/queries";
import classes from "./Form.module.css";
import { Notice } from "./Notice";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function PasswordDialog({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Change password">
      <PasswordForm onClose={onClose} />
    </Modal>
  );
}

function PasswordForm({ onClose }: { onClose: () => void }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useChangePassword();

  if (change.isSuccess) {
    return (
      <div className={classes.form}>
        <Notice tone="good" title="Your password is changed" role="status" />
        <Button onClick={onClose}>Close</Button>
      </div>
    );
  }
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate({ current, new: next });
      }}
    >
      {change.error && <ProblemNotice problem={change.error} />}
      <PasswordInput
        label="Current password"
        autoComplete="current-password"
        required
        data-autofocus
        value={current}
        onChange={(event) => setCurrent(event.currentTarget.value)}
      />
      <PasswordInput
        label="New password"
        autoComplete="new-password"
        required
        value={next}
        onChange={(event) => setNext(event.currentTarget.value)}
      />
      <div className={classes.buttons}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={change.isPending}>
          Change password
        </Button>
      </div>
    </form>
  );
}
