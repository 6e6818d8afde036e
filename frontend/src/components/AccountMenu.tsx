import { Button, Menu } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import { logOut, useUser } from "../api/session";
import classes from "./AccountMenu.module.css";
import { PasswordDialog } from "./PasswordDialog";

export function AccountMenu() {
  const user = useUser();
  const [changing, password] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <Button variant="subtle" color="gray" c="var(--ink)" className={classes.target}>
            <span className={classes.email}>{user.email}</span>
            <span aria-hidden="true">&nbsp;▾</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {user.email} · {user.role}
          </Menu.Label>
          <Menu.Item onClick={password.open}>Change password</Menu.Item>
          <Menu.Item onClick={() => void logOut().catch(() => undefined)}>Log out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <PasswordDialog opened={changing} onClose={password.close} />
    </>
  );
}
