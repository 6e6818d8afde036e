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
  { header: "Subject", cell: (entry) => <Subject subject={entry.subject} /> },
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

/** A subject such as "declaration:<id>"; a declaration's leads to its page. */
function Subject({ subject }: { subject: string }) {
  const id = /^declaration[:/ ](.+)$/.exec(subject)?.[1];
  return id ? <Link to={`/declarations/${id}`}>declaration {shortId(id)}</Link> : subject;
}

/** The end of a UUIDv7, where two differ. */
function shortId(id: string): string {
  return `…${id.slice(-8)}`;
}
