import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Loading } from "./Loading";
import { ProblemNotice } from "./ProblemNotice";

interface Props<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "refetch">;
  lines?: number;
  children: (data: T) => ReactNode;
}

/** What a query brought; until then a placeholder, and a notice when the latest look failed. */
export function Loaded<T>({ query, lines, children }: Props<T>) {
  return (
    <>
      {query.error && <ProblemNotice problem={query.error} retry={() => query.refetch()} />}
      {query.data !== undefined && children(query.data)}
      {query.data === undefined && !query.error && <Loading lines={lines} />}
    </>
  );
}
