import { Link } from "react-router";

import type { AuditEntry } from "../api/types";
import { dateTime } from "../lib/time";
import classes from "./AuditTable.module.css";
import { type Column, DataTable } from "./DataTable";

const COLUMNS: Column<AuditEntry>[] = [
  { header: "No.", cell: (entry) => entry.seq },
  {
    header: "Time",
    cell: (entry) => (
      <time dateTime={entry.time} className={classes.time}>
        {dateTime(entry.time)}
      </time>
    ),
  },
  {
    header: "Who",
    cell: ({ actor }) => actor.email ?? (actor.kind === "system" ? "MycoPod" : "–"),
  },
  { header: "What", cell: (entry) => <code>{entry.kind}</code> },
  { header: "Subject", cell: (entry) => <Subject entry={entry} /> },
  { header: "Status", cell: (entry) => entry.status },
  {
    header: "Details",
    cell: (entry) => (
      <details className={classes.details}>
        <summary>Entry {entry.seq}</summary>
        <pre>{JSON.stringify(entry.details, null, 2)}</pre>
        <p className="soft small">
          Hash <code>{entry.hash}</code>
        </p>
      </details>
    ),
  },
];

export function AuditTable({ entries }: { entries: AuditEntry[] }) {
  return (
    <DataTable
      caption="Entries of the audit log, newest first"
      columns={COLUMNS}
      rows={entries}
      rowKey={(entry) => entry.seq}
    />
  );
}

/** The subject, leading to the declaration that the entry belongs to. */
function Subject({ entry: { subject, declaration } }: { entry: AuditEntry }) {
  const text = <span title={subject}>{shortened(subject)}</span>;
  return declaration ? <Link to={`/declarations/${declaration}`}>{text}</Link> : text;
}

/** Ids and digests by their ends, where two of them differ. */
function shortened(subject: string): string {
  return subject.replaceAll(/[0-9a-f-]{28,}([0-9a-f]{8})/g, "…$1");
}
