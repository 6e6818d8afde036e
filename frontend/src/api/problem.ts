import { isAxiosError } from "axios";

import type { ProblemDetails } from "./types";

/** What went wrong with a call, as the server's problem details tell it. */
export class Problem extends Error {
  override name = "Problem";

  constructor(readonly details: ProblemDetails) {
    super(details.detail);
  }

  get status(): number {
    return this.details.status;
  }

  /** The server gave no answer of its own: it is down, or a proxy answered in its place. */
  get unreachable(): boolean {
    return this.details.code === UNREACHABLE;
  }

  /** What was sent does not fit, or not now: nothing is broken, and nothing was done. */
  get refused(): boolean {
    return this.status === 409 || this.status === 422;
  }

  /** What the server says about one field of the request. */
  field(name: string): string | undefined {
    return this.details.errors?.find((error) => error.field === name)?.message;
  }
}

const UNREACHABLE = "unreachable";

/** Statuses a proxy gives for a server that is down. */
const GATEWAY_STATUSES = [502, 503, 504];

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const response = isAxiosError<unknown>(error) ? error.response : undefined;
  if (response && isDetails(response.data)) return new Problem(response.data);
  if (response && !GATEWAY_STATUSES.includes(response.status)) {
    return problem(
      response.status,
      "unexpected",
      "Unexpected answer",
      `The server answered ${response.status} without saying why.`,
    );
  }
  if (response || isAxiosError(error)) {
    return problem(
      response?.status ?? 0,
      UNREACHABLE,
      "The server cannot be reached",
      "MycoPod's server does not answer. Whether the last request arrived is unknown.",
    );
  }
  return problem(0, "internal", "Something went wrong here", String(error));
}

function problem(status: number, code: string, title: string, detail: string): Problem {
  return new Problem({ type: "about:blank", title, status, detail, code });
}

function isDetails(data: unknown): data is ProblemDetails {
  return typeof data === "object" && data !== null && "detail" in data && "status" in data;
}
