import type { ReactNode } from "react";

import classes from "./Empty.module.css";

/** What stands where there is nothing yet, and how to change that. */
export function Empty({ children }: { children: ReactNode }) {
  return <div className={classes.empty}>{children}</div>;
}
