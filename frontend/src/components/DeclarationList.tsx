import { Link } from "react-router";

import { useSeveralClusters } from "../api/queries";
import type { DeclarationSummary } from "../api/types";
import { summaryText } from "../lib/plan";
import classes from "./DeclarationList.module.css";
import { StatusTag } from "./StatusTag";
import { Time } from "./Time";

export function DeclarationList({ declarations }: { declarations: DeclarationSummary[] }) {
  const several = useSeveralClusters();
  return (
    <ul className={classes.list}>
      {declarations.map(({ id, cluster, content, status, author, created_at, summary }) => (
        <li key={id}>
          <Link to={`/declarations/${id}`} className={`${classes.words} voice`}>
            {content}
          </Link>
          <p className={classes.meta}>
            <StatusTag status={status} /> {author.email} · <Time iso={created_at} />
            {several && ` · cluster ${cluster}`}
            {summary && ` · ${summaryText(summary)}`}
          </p>
        </li>
      ))}
    </ul>
  );
}
