import { Button, Checkbox, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useState } from "react";

import { useAddUser } from "../api/queries";
import type { NewAccount, Role } from "../api/types";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  opened: boolean;
  onClose: () => void;
}

export function NewUserDialog({ opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a user">
      <NewUserForm onClose={onClose} />
    </Modal>
  );
}

function NewUserForm({ onClose }: { onClose: () => void }) {
  const [account, setAccount] = useState<NewAccount>({
    email: "",
    password: "",
    role: "User",
    approved: true,
  });
  const add = useAddUser();
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        add.mutate(account, { onSuccess: onClose });
      }}
    >
      {add.error && <ProblemNotice problem={add.error} />}
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="off"
        required
        data-autofocus
        value={account.email}
        onChange={(event) => setAccount({ ...account, email: event.currentTarget.value })}
      />
      <PasswordInput
        label="First password"
        description="They can change it after logging in."
        autoComplete="new-password"
        required
        value={account.password}
        onChange={(event) => setAccount({ ...account, password: event.currentTarget.value })}
      />
      <NativeSelect
        label="Role"
        description="An Admin confirms plans and manages users; a User declares."
        value={account.role}
        onChange={(event) => setAccount({ ...account, role: event.currentTarget.value as Role })}
        data={["User", "Admin"]}
      />
      <Checkbox
        label="Approved: may declare at once"
        checked={account.approved}
        onChange={(event) => setAccount({ ...account, approved: event.currentTarget.checked })}
      />
      <div className={classes.buttons}>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </div>
    </form>
  );
}
