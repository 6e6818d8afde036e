import { Button } from "@mantine/core";

import type { Problem } from "../api/problem";
import { Notice } from "./Notice";

/** Why a call failed, in the server's words, with a way to try again where that makes sense. */
export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => unknown }) {
  const { detail, errors = [] } = problem.details;
  const others = errors.filter((error) => error.message !== detail);
  return (
    <Notice tone="danger" title={heading(problem)} role="alert">
      <p>{detail}</p>
      {others.length > 0 && (
        <ul>
          {others.map((error) => (
            <li key={error.field + error.message}>
              {error.field}: {error.message}
            </li>
          ))}
        </ul>
      )}
      {retry && (
        <Button variant="default" size="xs" onClick={retry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** The server's titles are HTTP's; people get what kind of trouble it is. */
function heading({ unreachable, status }: Problem): string {
  if (unreachable) return "The server cannot be reached";
  return status >= 400 && status < 500 ? "Refused" : "That did not work";
}
