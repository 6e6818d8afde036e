import { Button } from "@mantine/core";

import { useAuditExport, useCheckpoint, useVerification } from "../api/queries";
import { useUser } from "../api/session";
import { save } from "../lib/save";
import classes from "./AuditProof.module.css";
import { Loaded } from "./Loaded";
import { Notice } from "./Notice";
import { Panel } from "./Panel";
import { ProblemNotice } from "./ProblemNotice";
import { Time } from "./Time";

/** Whether the log verifies, the latest signed checkpoint, and the export to check it elsewhere. */
export function AuditProof() {
  const { role } = useUser();
  const verification = useVerification();
  const checkpoint = useCheckpoint();
  const exported = useAuditExport();
  return (
    <Panel
      title="Proof"
      actions={
        <span className={classes.actions}>
          <Button
            variant="default"
            size="xs"
            loading={verification.isFetching}
            onClick={() => verification.refetch()}
          >
            Verify again
          </Button>
          {role === "Admin" && (
            <Button
              variant="default"
              size="xs"
              loading={exported.isPending}
              onClick={() =>
                exported.mutate(undefined, {
                  onSuccess: (blob) => save(blob, "mycopod-audit.jsonl"),
                })
              }
            >
              Export
            </Button>
          )}
        </span>
      }
    >
      {exported.error && <ProblemNotice problem={exported.error} />}
      <Loaded query={verification} lines={1}>
        {({ ok, size, root, first_bad }) =>
          ok ? (
            <Notice tone="good" title="The log verifies" role="status">
              <p>
                {entries(size)}, each as it was written. Root <code>{root}</code>
              </p>
            </Notice>
          ) : (
            <Notice tone="danger" title="The log does not verify" role="alert">
              <p>
                {first_bad
                  ? `Entry ${first_bad.seq}: ${first_bad.why}`
                  : "The tree does not give the recorded root."}
              </p>
              <p>Compare it with an export or checkpoint that was kept elsewhere.</p>
            </Notice>
          )
        }
      </Loaded>
      <Loaded query={checkpoint} lines={1}>
        {({ origin, size, time, key_id, note }) => (
          <details className={classes.checkpoint}>
            <summary>
              Checkpoint over {entries(size)}, signed <Time iso={time} />
            </summary>
            <p className="soft small">
              {origin}, key <code>{key_id}</code>. Keep a copy elsewhere: with it,{" "}
              <code>mycopod audit verify --checkpoint FILE</code> shows any later change.
            </p>
            <pre className={classes.note}>{note}</pre>
            <Button
              variant="default"
              size="xs"
              onClick={() => save(new Blob([note]), "mycopod-checkpoint.txt")}
            >
              Save the checkpoint
            </Button>
          </details>
        )}
      </Loaded>
    </Panel>
  );
}

function entries(size: number): string {
  return size === 1 ? "1 entry" : `${size} entries`;
}
