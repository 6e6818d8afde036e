import { Button } from "@mantine/core";
import { useState } from "react";

import type { StepProgress } from "../api/types";
import type { Tone } from "../lib/status";
import classes from "./StepState.module.css";
import { Tag } from "./Tag";
import { TaskLog } from "./TaskLog";
import { Time } from "./Time";

const STATES: Record<StepProgress["state"], { label: string; tone: Tone }> = {
  pending: { label: "waits its turn", tone: "neutral" },
  started: { label: "begins", tone: "accent" },
  submitted: { label: "runs on Proxmox", tone: "accent" },
  done: { label: "done", tone: "good" },
  blocked: { label: "blocked", tone: "danger" },
  failed: { label: "failed", tone: "danger" },
  skipped: { label: "not carried out", tone: "neutral" },
};

interface Props {
  declaration: string;
  progress: StepProgress;
}

/** How far a step is, why it stopped, and Proxmox's own log of it. */
export function StepState({ declaration, progress }: Props) {
  const { label, tone } = STATES[progress.state];
  const running = progress.state === "submitted";
  const broken = progress.state === "failed" || progress.state === "blocked";
  const [asked, ask] = useState<boolean | null>(null);
  const logShown = progress.upid !== null && (asked ?? (running || broken));
  return (
    <div className={classes.state}>
      <div className={classes.line}>
        <Tag tone={tone}>{label}</Tag>
        {progress.finished_at && (
          <span className="soft small">
            <Time iso={progress.finished_at} />
          </span>
        )}
        {progress.upid !== null && (
          <Button
            variant="subtle"
            size="compact-xs"
            aria-expanded={logShown}
            onClick={() => ask(!logShown)}
          >
            {logShown ? "Hide the task log" : "Task log"}
          </Button>
        )}
      </div>
      {progress.error && <p className={classes.error}>{progress.error}</p>}
      {logShown && <TaskLog declaration={declaration} seq={progress.seq} running={running} />}
    </div>
  );
}
