import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";

import { useSeveralClusters } from "../api/queries";
import { useUser } from "../api/session";
import type { Guest } from "../api/types";
import { decidable, isGone } from "../lib/drift";
import { count, gibibytes, guestId, mebibytes } from "../lib/format";
import { ago } from "../lib/time";
import { AcceptGone } from "./AcceptGone";
import { type Column, DataTable } from "./DataTable";
import { DriftList } from "./DriftList";
import { Empty } from "./Empty";
import classes from "./GuestTable.module.css";
import { Tag } from "./Tag";

/** Rows shown before one asks for all. */
const FIRST_ROWS = 25;
/** From this many guests on, there is a filter. */
const FILTER_FROM = 8;
/** An observation older than this many seconds is marked. */
const OLD = 120;

/** Where it is; `several` says that its node's name alone does not tell. */
const where = (several: boolean): Column<Guest> => ({
  header: "Guest",
  cell: (guest) => (
    <>
      <strong>{guest.name}</strong>
      <p className="soft small">
        {guestId(guest)} on {guest.node}
        {several && `, cluster ${guest.cluster}`}
      </p>
    </>
  ),
});

const COLUMNS: Column<Guest>[] = [
  {
    header: "State",
    cell: (guest) => (
      <>
        {guest.template ? "template" : guest.status}
        {guest.age_seconds > OLD && (
          <span className="soft small"> seen {ago(guest.age_seconds)}</span>
        )}
        {guest.problem && <p className={classes.problem}>{guest.problem}</p>}
      </>
    ),
  },
  { header: "Size", cell: (guest) => <span className="small">{size(guest)}</span> },
  { header: "Declared", cell: (guest) => <Ownership guest={guest} /> },
];

export function GuestTable({ guests }: { guests: Guest[] }) {
  const several = useSeveralClusters();
  const [filter, setFilter] = useState("");
  const [all, setAll] = useState(false);
  if (guests.length === 0) return <Empty>No guest has been seen on the cluster.</Empty>;

  const wanted = filter.trim().toLowerCase();
  const found = guests
    .filter((guest) => words(guest).includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const shown = all ? found : found.slice(0, FIRST_ROWS);
  return (
    <>
      {guests.length >= FILTER_FROM && (
        <TextInput
          type="search"
          aria-label="Filter the guests"
          placeholder={`Filter by name, node, ${several ? "cluster, " : ""}tag, state or “drift”`}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      )}
      {found.length === 0 ? (
        <p className="soft">No guest fits the filter.</p>
      ) : (
        <DataTable
          caption={several ? "Guests of the clusters" : "Guests of the cluster"}
          columns={[where(several), ...COLUMNS]}
          rows={shown}
          rowKey={(guest) => `${guest.cluster} ${guest.vmid}`}
        />
      )}
      {shown.length < found.length && (
        <Button variant="default" onClick={() => setAll(true)}>
          Show all {count(found.length, "guest")}
        </Button>
      )}
    </>
  );
}

function Ownership({ guest }: { guest: Guest }) {
  const admin = useUser().role === "Admin";
  if (!guest.managed) return <Tag tone="neutral">not ours</Tag>;
  const drifted = guest.drift.length > 0;
  return (
    <div className={classes.ownership}>
      <span>
        <Standing guest={guest} />{" "}
        {guest.declaration && !drifted && (
          <Link
            to={`/declarations/${guest.declaration}`}
            className="small"
            aria-label={`Declaration of ${guest.name}`}
          >
            declaration
          </Link>
        )}
      </span>
      {drifted && <DriftList drift={guest.drift} guest={admin ? decidable(guest) : undefined} />}
      {admin && guest.resource && isGone(guest) && (
        <AcceptGone name={guest.name} resource={guest.resource} />
      )}
      {guest.declaration && drifted && (
        <Button
          component={Link}
          to={`/declarations/${guest.declaration}`}
          size="compact-xs"
          variant="default"
          aria-label={`Plan a repair of ${guest.name}`}
        >
          Plan a repair
        </Button>
      )}
    </div>
  );
}

/** A guest that was not seen can be said to be neither as declared nor drifted. */
function Standing({ guest }: { guest: Guest }) {
  if (guest.drift.some(({ snoozed_until }) => !snoozed_until)) return <Tag tone="warn">drift</Tag>;
  if (guest.drift.length > 0) return <Tag tone="neutral">drift, snoozed</Tag>;
  return guest.problem ? <Tag tone="warn">not known</Tag> : <Tag tone="good">as declared</Tag>;
}

function size({ cores, memory_mib, disk_gib }: Guest): string {
  const parts = [
    cores !== null && count(cores, "core"),
    memory_mib !== null && mebibytes(memory_mib),
    disk_gib !== null && gibibytes(disk_gib),
  ];
  return parts.filter((part) => part !== false).join(", ");
}

/** Drift first, then ours, then the others, templates last. */
function rank(guest: Guest): number {
  if (guest.drift.length > 0 || guest.problem) return 0;
  if (guest.managed) return 1;
  return guest.template ? 3 : 2;
}

function words({
  cluster,
  name,
  vmid,
  node,
  status,
  template,
  tags,
  managed,
  drift,
}: Guest): string {
  return [
    name,
    vmid,
    node,
    cluster,
    template ? "template" : status,
    ...tags,
    managed ? "as declared" : "not ours",
    drift.length > 0 ? "drift" : "",
  ]
    .join(" ")
    .toLowerCase();
}
