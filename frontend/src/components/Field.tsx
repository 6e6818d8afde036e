import type { ReactNode } from "react";

import type { Source } from "../api/types";
import classes from "./Field.module.css";
import { usePointing } from "./highlight";
import { SourceMark } from "./SourceMark";

interface Props {
  label: string;
  source: Source;
  children: ReactNode;
}

/** One row of a reading or a plan, inside a <dl>: what, its value, and where the value comes from. */
export function Field({ label, source, children }: Props) {
  return (
    <div className={classes.field} {...usePointing(source)}>
      <dt>{label}</dt>
      <dd className={classes.value}>{children}</dd>
      <dd>
        <SourceMark source={source} />
      </dd>
    </div>
  );
}
