import type { ReactNode } from "react";

import type { Tone } from "../lib/status";
import classes from "./Notice.module.css";

interface Props {
  tone: Tone;
  title: string;
  /** "alert" interrupts a screen reader, "status" waits; leave out what was there from the start. */
  role?: "alert" | "status";
  children?: ReactNode;
}

export function Notice({ tone, title, role, children }: Props) {
  return (
    <div className={classes.notice} data-tone={tone} role={role}>
      <strong>{title}</strong>
      {children}
    </div>
  );
}
