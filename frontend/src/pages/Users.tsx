import { Button, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";

import { useChangeUser, useUsers } from "../api/queries";
import { useUser } from "../api/session";
import type { Account, Role } from "../api/types";
import { type Column, DataTable } from "../components/DataTable";
import { Loaded } from "../components/Loaded";
import { NewUserDialog } from "../components/NewUserDialog";
import { Notice } from "../components/Notice";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { ProblemNotice } from "../components/ProblemNotice";
import { Tag } from "../components/Tag";
import { Time } from "../components/Time";

export default function Users() {
  const { role } = useUser();
  if (role === "Admin") return <UserAdministration />;
  return (
    <Page title="Users">
      <Notice tone="neutral" title="Only an Admin sees the users" />
    </Page>
  );
}

function UserAdministration() {
  const self = useUser();
  const users = useUsers();
  const change = useChangeUser();
  const [adding, dialog] = useDisclosure(false);

  const columns: Column<Account>[] = [
    {
      header: "E-mail",
      cell: ({ id, email }) => (id === self.sub ? <strong>{email} (you)</strong> : email),
    },
    {
      header: "Role",
      cell: ({ id, email, role }) => (
        <NativeSelect
          size="xs"
          w="6.5rem"
          aria-label={`Role of ${email}`}
          // An Admin who gave up the role here could not take it back.
          disabled={id === self.sub || change.isPending}
          value={role}
          onChange={(event) => change.mutate({ id, role: event.currentTarget.value as Role })}
          data={["Admin", "User"]}
        />
      ),
    },
    {
      header: "May declare",
      cell: ({ id, email, approved }) =>
        approved ? (
          <>
            <Tag tone="good">approved</Tag>{" "}
            {id !== self.sub && (
              <Button
                variant="subtle"
                size="compact-xs"
                aria-label={`Withdraw the approval of ${email}`}
                onClick={() => change.mutate({ id, approved: false })}
              >
                Withdraw
              </Button>
            )}
          </>
        ) : (
          <Button
            size="compact-xs"
            aria-label={`Approve ${email}`}
            onClick={() => change.mutate({ id, approved: true })}
          >
            Approve
          </Button>
        ),
    },
    {
      header: "Last login",
      cell: ({ last_login_at }) => (last_login_at ? <Time iso={last_login_at} /> : "never"),
    },
    { header: "Added", cell: ({ created_at }) => <Time iso={created_at} /> },
  ];

  return (
    <Page title="Users" actions={<Button onClick={dialog.open}>Add a user</Button>}>
      <NewUserDialog opened={adding} onClose={dialog.close} />
      {change.error && <ProblemNotice problem={change.error} />}
      <Panel title="Accounts">
        <Loaded query={users}>
          {(accounts) => (
            <DataTable
              caption="Accounts"
              columns={columns}
              rows={accounts}
              rowKey={(account) => account.id}
            />
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}
