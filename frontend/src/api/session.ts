/**
 * Who is logged in. The access token lives in this module's memory only; what outlives a reload is
 * the server's HttpOnly refresh cookie, which every refresh replaces.
 */
import axios from "axios";

import { discardDraft } from "../lib/draft";
import { type Claims, readClaims } from "../lib/jwt";
import { Store, useStore } from "../lib/store";
import { toProblem } from "./problem";
import type { Session } from "./types";

type State =
  { status: "starting" } | { status: "out" } | { status: "in"; token: string; user: Claims };

const state = new Store<State>({ status: "starting" });

/** Tells the other tabs that the session has ended; not every environment has it. */
const tabs =
  typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("mycopod-session");
tabs?.addEventListener("message", () => state.set({ status: "out" }));

let refreshing: Promise<string> | null = null;

export function useSession(): State {
  return useStore(state);
}

/** The account that is logged in. Only for what is shown behind the login. */
export function useUser(): Claims {
  const session = useSession();
  if (session.status !== "in") throw new Error("Nobody is logged in.");
  return session.user;
}

export function accessToken(): string | null {
  const now = state.get();
  return now.status === "in" ? now.token : null;
}

export function begin(session: Session): string {
  state.set({ status: "in", token: session.token, user: readClaims(session.token) });
  return session.token;
}

export function end(): void {
  state.set({ status: "out" });
}

/** Ends the session in this tab, on the server and in the other tabs. */
export async function logOut(): Promise<void> {
  const token = accessToken();
  try {
    await axios.post("/api/v1/logout", null, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    });
  } finally {
    discardDraft();
    end();
    tabs?.postMessage("ended");
  }
}

/**
 * Trades the refresh cookie for a new access token. Calls made meanwhile share one request, and
 * the tabs of a browser take turns, for the cookie can be spent once only.
 */
export function refresh(): Promise<string> {
  refreshing ??= renew().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function renew(): Promise<string> {
  try {
    return begin(await inTurn(trade));
  } catch (error) {
    const problem = toProblem(error);
    if (problem.status === 401 || problem.status === 403) end();
    throw problem;
  }
}

async function trade(): Promise<Session> {
  return (await axios.post<Session>("/api/v1/refresh")).data;
}

/** Plain HTTP on another host than localhost has no locks; there the server's grace has to do. */
async function inTurn<T>(task: () => Promise<T>): Promise<T> {
  return "locks" in navigator ? navigator.locks.request("mycopod-refresh", task) : task();
}
