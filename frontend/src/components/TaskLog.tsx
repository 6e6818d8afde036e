import { useEffect, useRef } from "react";

import { useTaskLog } from "../api/queries";
import { Loaded } from "./Loaded";
import classes from "./TaskLog.module.css";

interface Props {
  declaration: string;
  seq: number;
  /** Whether the step runs: when that ends, the log's last lines are fetched. */
  running: boolean;
}

/** Proxmox's log of the task that a step started, followed while it runs. */
export function TaskLog({ declaration, seq, running }: Props) {
  const log = useTaskLog(declaration, seq);
  const { refetch } = log;
  const end = useRef<HTMLPreElement>(null);
  const length = log.data?.lines.length;

  useEffect(() => {
    if (!running) void refetch();
  }, [running, refetch]);

  useEffect(() => {
    if (end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [length]);

  return (
    <Loaded query={log} lines={1}>
      {({ lines }) => (
        <pre
          ref={end}
          className={classes.log}
          tabIndex={0}
          role="region"
          aria-label={`Proxmox’s log of step ${seq}`}
        >
          {lines.length > 0 ? lines.join("\n") : "The log is still empty."}
        </pre>
      )}
    </Loaded>
  );
}
