import axios, {
  AxiosError,
  type AxiosResponse,
  AxiosHeaders,
  type InternalAxiosRequestConfig,
} from "axios";

import { api } from "../api/client";
import { begin } from "../api/session";
import type { Role } from "../api/types";

export interface Call {
  route: string;
  body: unknown;
  token: string | undefined;
  /** Under which it is done once. */
  key: string | undefined;
}

type Handler = (call: Call) => unknown;

/** An answer other than 200. */
export class Answer {
  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {}
}

/** Problem details as the server sends them. */
export function problem(status: number, detail: string, extra: object = {}): Answer {
  return new Answer(status, {
    type: "about:blank",
    title: "Refused",
    status,
    detail,
    code: "test",
    ...extra,
  });
}

/** No answer at all. */
export const DOWN = new Answer(0, null);

/** Answers the UI's calls by "METHOD /path" and returns what was called. */
export function serve(routes: Record<string, Handler>): Call[] {
  const calls: Call[] = [];
  const adapter = async (config: InternalAxiosRequestConfig): Promise<AxiosResponse> => {
    const path = `${config.baseURL ?? ""}${config.url ?? ""}`.replace("/api/v1", "");
    const route = `${(config.method ?? "get").toUpperCase()} ${path}`;
    const call: Call = {
      route,
      body: typeof config.data === "string" ? JSON.parse(config.data) : config.data,
      token: config.headers.get("Authorization")?.toString().replace("Bearer ", ""),
      key: config.headers.get("Idempotency-Key")?.toString(),
    };
    calls.push(call);
    await Promise.resolve();
    const handler = routes[route];
    const result = handler ? handler(call) : problem(404, `No test answers ${route}.`);
    const answer = result instanceof Answer ? result : new Answer(200, result);
    if (answer === DOWN) throw new AxiosError("down", AxiosError.ERR_NETWORK, config);
    const response: AxiosResponse = {
      data: answer.body,
      status: answer.status,
      statusText: "",
      headers: new AxiosHeaders(),
      config,
    };
    if (answer.status < 400) return response;
    throw new AxiosError("refused", undefined, config, null, response);
  };
  axios.defaults.adapter = adapter;
  api.defaults.adapter = adapter;
  return calls;
}

/** A token as the server makes them, but for the signature. */
export function token(role: Role, mark = "", approved = true): string {
  const claims = { sub: `id-${role}`, email: `${role.toLowerCase()}@example.org`, role, approved };
  return `e30.${btoa(JSON.stringify(claims))}.${mark}`;
}

export function session(role: Role, mark = "") {
  const user = {
    id: `id-${role}`,
    email: "",
    role,
    approved: true,
    created_at: "2026-01-02T03:04:05Z",
    last_login_at: null,
  };
  return { token: token(role, mark), expires_at: "2030-01-01T00:00:00Z", user };
}

export function logInAs(role: Role): void {
  begin(session(role));
}
