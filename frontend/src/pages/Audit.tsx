import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";

import { AUDIT_PAGE, useAudit } from "../api/queries";
import { AuditTable } from "../components/AuditTable";
import { AuditProof } from "../components/AuditProof";
import { Empty } from "../components/Empty";
import { Loaded } from "../components/Loaded";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import classes from "./Audit.module.css";

/** The kinds of entries that the server writes. */
const KINDS = [
  "user.created",
  "user.updated",
  "user.login",
  "user.login_failed",
  "declaration.created",
  "declaration.read",
  "declaration.answered",
  "declaration.refused",
  "plan.asked",
  "plan.made",
  "plan.approved",
  "plan.stale",
  "declaration.cancelled",
  "step.started",
  "step.submitted",
  "step.done",
  "step.failed",
  "step.blocked",
  "declaration.converged",
  "declaration.blocked",
  "declaration.failed",
  "declaration.superseded",
  "drift.found",
  "drift.looping",
  "drift.cleared",
  "drift.accepted",
  "drift.ignored",
  "drift.snoozed",
  "standing.given",
  "standing.ended",
  "freeze.set",
  "freeze.lifted",
  "cluster.added",
  "cluster.changed",
  "cluster.removed",
  "file.uploading",
  "file.uploaded",
  "file.failed",
  "ledger.pruned",
  "checkpoint.signed",
];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Filter and page live in the address, so that they can be shared and gone back to. */
export default function Audit() {
  const [params, setParams] = useSearchParams();
  const declaration = params.get("declaration") ?? "";
  const kind = params.get("kind") ?? "";
  const before = Number(params.get("before")) || undefined;
  const audit = useAudit({
    before,
    declaration: declaration || undefined,
    kind: kind || undefined,
  });

  const filter = (name: "declaration" | "kind", value: string) => {
    const next = new URLSearchParams(params);
    next.delete("before");
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: true });
  };
  const page = (from: number | undefined) => {
    const next = new URLSearchParams(params);
    if (from === undefined) next.delete("before");
    else next.set("before", String(from));
    return `?${next.toString()}`;
  };

  return (
    <Page title="Audit">
      <AuditProof />
      <Panel title="Entries">
        <form
          className={classes.filters}
          role="search"
          onSubmit={(event) => event.preventDefault()}
        >
          <NativeSelect
            label="Kind"
            value={kind}
            onChange={(event) => filter("kind", event.currentTarget.value)}
            data={[{ value: "", label: "All kinds" }, ...KINDS]}
          />
          <DeclarationFilter
            key={declaration}
            value={declaration}
            onChange={(value) => filter("declaration", value)}
          />
          {(kind || declaration || before) && (
            <Button variant="subtle" onClick={() => setParams({})}>
              Clear
            </Button>
          )}
        </form>
        <Loaded query={audit} lines={8}>
          {({ entries, next }) => (
            <>
              {entries.length > 0 ? (
                <AuditTable entries={entries} />
              ) : (
                <Empty>No entry fits. An Admin sees all entries, a User their own.</Empty>
              )}
              <nav className={classes.pages} aria-label="Pages of the log">
                {before !== undefined && <Link to={page(undefined)}>Newest</Link>}
                {next !== undefined && <Link to={page(next)}>Next {AUDIT_PAGE} older</Link>}
              </nav>
            </>
          )}
        </Loaded>
      </Panel>
    </Page>
  );
}

interface FilterProps {
  value: string;
  onChange: (value: string) => void;
}

/** Filters once a whole id is there: half of one matches nothing. */
function DeclarationFilter({ value, onChange }: FilterProps) {
  const [typed, setTyped] = useState(value);
  return (
    <TextInput
      label="Declaration"
      placeholder="Id of a declaration"
      className={classes.declaration}
      value={typed}
      onChange={(event) => {
        const text = event.currentTarget.value.trim();
        setTyped(text);
        if (text === "" || UUID.test(text)) onChange(text);
      }}
    />
  );
}
