import { Button } from "@mantine/core";
import { useState } from "react";

import { useClusters, useTestCluster } from "../api/queries";
import { useUser } from "../api/session";
import type { ClusterLine } from "../api/types";
import { AddClusterDialog, EditClusterDialog } from "../components/ClusterDialog";
import classes from "../components/ClusterTable.module.css";
import { ClusterTestNotice } from "../components/ClusterTestNotice";
import { type Column, DataTable } from "../components/DataTable";
import { FreezeButton } from "../components/FreezeButton";
import { Loaded } from "../components/Loaded";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { ProblemNotice } from "../components/ProblemNotice";
import { RemoveClusterDialog } from "../components/RemoveClusterDialog";
import { Tag } from "../components/Tag";
import { Time } from "../components/Time";
import { UploadDialog } from "../components/UploadDialog";
import { count } from "../lib/format";
import type { Tone } from "../lib/status";
import { ago, span } from "../lib/time";

type Open = { kind: "add" } | { kind: "edit" | "remove" | "upload"; cluster: ClusterLine } | null;

const STATES: Record<string, { label: string; tone: Tone }> = {
  seen: { label: "answers", tone: "good" },
  unreachable: { label: "does not answer", tone: "danger" },
  unknown: { label: "not asked yet", tone: "neutral" },
};

export default function Clusters() {
  const { role } = useUser();
  const clusters = useClusters();
  const test = useTestCluster();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const isAdmin = role === "Admin";

  const columns: Column<ClusterLine>[] = [
    {
      header: "Cluster",
      cell: ({ name, first, sandbox }) => (
        <>
          <strong>{name}</strong> {sandbox && <Tag tone="accent">sandbox</Tag>}
          <p className="soft small">
            {first ? "where a declaration names none" : `“on cluster ${name}”`}
          </p>
        </>
      ),
    },
    { header: "State", cell: (cluster) => <State cluster={cluster} /> },
    {
      header: "Holds",
      cell: ({ version, nodes, guests }) =>
        version !== null && (
          <>
            Proxmox VE {version}
            <p className="soft small">
              {count(nodes ?? 0, "node")}, {count(guests ?? 0, "guest")}
            </p>
          </>
        ),
    },
  ];
  columns.push({ header: "Kept", cell: ({ keeping }) => <Keeping keeping={keeping} /> });
  if (isAdmin) {
    columns.push(
      { header: "Reached by", cell: (cluster) => <Access cluster={cluster} /> },
      {
        header: "Do",
        cell: (cluster) => (
          <div className={classes.actions}>
            <Button
              variant="default"
              size="compact-xs"
              aria-label={`Test ${cluster.name}`}
              loading={test.isPending && test.variables === cluster.name}
              onClick={() => test.mutate(cluster.name)}
            >
              Test
            </Button>
            <FreezeButton cluster={cluster.name} compact />
            <Button
              variant="default"
              size="compact-xs"
              aria-label={`Upload a file to ${cluster.name}`}
              onClick={() => setOpen({ kind: "upload", cluster })}
            >
              Upload…
            </Button>
            {!cluster.first && (
              <>
                <Button
                  variant="default"
                  size="compact-xs"
                  aria-label={`Edit ${cluster.name}`}
                  onClick={() => setOpen({ kind: "edit", cluster })}
                >
                  Edit…
                </Button>
                <Button
                  variant="default"
                  size="compact-xs"
                  aria-label={`Remove ${cluster.name}`}
                  onClick={() => setOpen({ kind: "remove", cluster })}
                >
                  Remove…
                </Button>
              </>
            )}
          </div>
        ),
      },
    );
  }

  return (
    <Page
      title="Clusters"
      actions={
        isAdmin && (
          <>
            <FreezeButton cluster={null} />
            <Button onClick={() => setOpen({ kind: "add" })}>Add a cluster</Button>
          </>
        )
      }
    >
      <AddClusterDialog opened={open?.kind === "add"} onClose={close} />
      <EditClusterDialog cluster={open?.kind === "edit" ? open.cluster : null} onClose={close} />
      <RemoveClusterDialog
        cluster={open?.kind === "remove" ? open.cluster : null}
        onClose={close}
      />
      <UploadDialog cluster={open?.kind === "upload" ? open.cluster.name : null} onClose={close} />
      {test.error && <ProblemNotice problem={test.error} />}
      {test.data && <ClusterTestNotice name={test.variables} test={test.data} />}
      <Panel title="Where guests are declared">
        <Loaded query={clusters}>
          {(data) => (
            <DataTable
              caption="Clusters"
              columns={columns}
              rows={data}
              rowKey={(cluster) => cluster.name}
            />
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}

function State({ cluster: { state, age_seconds, detail } }: { cluster: ClusterLine }) {
  const { label, tone } = STATES[state] ?? { label: state, tone: "neutral" };
  return (
    <>
      <Tag tone={tone}>{label}</Tag>{" "}
      {age_seconds !== null && <span className="soft small">seen {ago(age_seconds)}</span>}
      {detail && <p className={classes.detail}>{detail}</p>}
    </>
  );
}

/** How soon a change by somebody else is found. */
function Keeping({ keeping }: { keeping: ClusterLine["keeping"] }) {
  const { guests, requests, every_seconds, within_seconds, oldest_seconds } = keeping;
  return (
    <div className={classes.kept}>
      {count(guests, "guest")}
      <p className="soft small">
        Any change is found within {span(within_seconds)}; of power, names, tags, memory and what is
        gone within {span(every_seconds)}. At most {requests} requests each time.
        {oldest_seconds !== null && ` The oldest look is ${span(oldest_seconds)} old.`}
      </p>
    </div>
  );
}

const TRUSTS: Record<string, string> = {
  system: "the system’s authorities",
  ca: "its own authority",
  pin: "a pinned certificate",
};

function Access({ cluster: { access, first } }: { cluster: ClusterLine }) {
  if (access === null) return null;
  return (
    <div className={classes.access}>
      {access.urls.map((url) => (
        <span key={url}>{url}</span>
      ))}
      <p className="soft small">
        as {access.authid}, by {TRUSTS[access.trust] ?? access.trust}
        {access.pool !== null && `, pool ${access.pool}`}
      </p>
      <p className="soft small">
        {first ? (
          "named by the server’s settings"
        ) : (
          <>
            added by {access.added_by} <Time iso={access.added_at ?? ""} />
          </>
        )}
      </p>
    </div>
  );
}
