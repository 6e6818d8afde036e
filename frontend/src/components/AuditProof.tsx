import { Button } from "@mantine/core";

import { useAuditExport, useCheckpoint, useVerification } from "../api/queries";
import { useUser } from "../api/session";
import type { Checkpoint } from "../api/types";
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
        {(data) => <CheckpointView checkpoint={data} />}
      </Loaded>
    </Panel>
  );
}

/** The signed root, to be kept where this server cannot change it. */
function CheckpointView({ checkpoint }: { checkpoint: Checkpoint }) {
  const text = JSON.stringify(checkpoint, null, 2);
  return (
    <details className={classes.checkpoint}>
      <summary>
        Checkpoint over {entries(checkpoint.size)}, signed <Time iso={checkpoint.time} />
      </summary>
      <p className="soft small">
        Keep a copy elsewhere: with it, <code>mycopod audit verify --checkpoint FILE</code> shows
        any later change of these entries.
      </p>
      <pre className={classes.text}>{text}</pre>
      <Button
        variant="default"
        size="xs"
        onClick={() => save(new Blob([text]), "mycopod-checkpoint.json")}
      >
        Save the checkpoint
      </Button>
    </details>
  );
}

function entries(size: number): string {
  return size === 1 ? "1 entry" : `${size} entries`;
}
