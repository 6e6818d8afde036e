import { Button } from "@mantine/core";

import type { Problem } from "../api/problem";
import { Notice } from "./Notice";

/** Why a call failed, in the server's words, with a way to try again where that makes sense. */
export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => unknown }) {
  const { title, detail, errors } = problem.details;
  return (
    <Notice tone="danger" title={title} role="alert">
      <p>{detail}</p>
      {errors && errors.length > 0 && (
        <ul>
          {errors.map((error) => (
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
