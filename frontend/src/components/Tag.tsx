import type { ReactNode } from "react";

import type { Tone } from "../lib/status";
import classes from "./Tag.module.css";

interface Props {
  tone: Tone;
  title?: string;
  children: ReactNode;
}

/** A word or two that classify something. */
export function Tag({ tone, title, children }: Props) {
  return (
    <span className={classes.tag} data-tone={tone} title={title}>
      {children}
    </span>
  );
}
