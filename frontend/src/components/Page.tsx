import type { ReactNode } from "react";

import classes from "./Page.module.css";

interface Props {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, actions, children }: Props) {
  return (
    <div className={classes.page}>
      <title>{`${title} · MycoPod`}</title>
      <div className={classes.head}>
        <h1>{title}</h1>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}
