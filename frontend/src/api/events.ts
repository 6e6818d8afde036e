/** Live events: the server's stream of audit entries, over fetch so that it can carry the token. */
import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { Store, useStore } from "../lib/store";
import { accessToken, refresh } from "./session";
import type { AuditEvent } from "./types";

/** The server sends a heartbeat every 15 s; after two missed ones the stream counts as dead. In ms. */
const SILENCE_LIMIT = 40_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 15_000;
/** Events come in bursts while a plan is applied; what they touch is fetched at most this often. In ms. */
const GATHER = 250;

let connected = false;

/** How far a language model's answer about a declaration is. */
interface Progress {
  declaration: string;
  characters: number;
}

const progress = new Store<Progress | undefined>(undefined);

/** How many characters of a language model's answer about this declaration have come. */
export function useAnswerProgress(declaration: string): number | undefined {
  const latest = useStore(progress);
  return latest?.declaration === declaration ? latest.characters : undefined;
}

/** Whether events arrive as they happen; if not, pages ask in turns. */
export function eventsArrive(): boolean {
  return connected;
}

/** Follows the events while mounted, and refetches what they touch. */
export function useLiveEvents(): void {
  const client = useQueryClient();
  useEffect(() => {
    const stop = new AbortController();
    const refetch = gather(client);
    void follow(refetch, stop.signal);
    return () => stop.abort();
  }, [client]);
}

/** What an event makes out of date. */
function touched(event: AuditEvent): QueryKey[] {
  const keys: QueryKey[] = [["audit"]];
  if (event.declaration) keys.push(["declarations"], ["declaration", event.declaration]);
  const subject = event.kind.split(".")[0];
  if (subject === "user") keys.push(["users"]);
  if (subject === "cluster") keys.push(["clusters"], ["cluster"], ["guests"], ["about"]);
  if (subject === "freeze") keys.push(["freezes"], ["declaration"]);
  if (subject === "step" || subject === "drift" || subject === "declaration") keys.push(["guests"]);
  return keys;
}

function gather(client: QueryClient): (event: AuditEvent) => void {
  const waiting = new Map<string, QueryKey>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (event) => {
    for (const key of touched(event)) waiting.set(key.join(" "), key);
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const queryKey of waiting.values()) void client.invalidateQueries({ queryKey });
      waiting.clear();
    }, GATHER);
  };
}

async function follow(onEvent: (event: AuditEvent) => void, stop: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let retry = FIRST_RETRY;
  while (!stop.aborted) {
    const silence = new AbortController();
    let watchdog = setTimeout(() => silence.abort(), SILENCE_LIMIT);
    try {
      const body = await open(lastId, AbortSignal.any([stop, silence.signal]));
      connected = true;
      retry = FIRST_RETRY;
      for await (const message of messages(body)) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => silence.abort(), SILENCE_LIMIT);
        if (message.data === "") continue;
        lastId = message.id ?? lastId;
        if (message.event === "audit") onEvent(JSON.parse(message.data) as AuditEvent);
        if (message.event === "progress") progress.set(JSON.parse(message.data) as Progress);
      }
    } catch {
      // The server is away or the stream broke; the pages ask in turns until it is back.
    }
    clearTimeout(watchdog);
    connected = false;
    await pause(retry, stop);
    retry = Math.min(retry * 2, LAST_RETRY);
  }
}

async function open(
  lastId: string | undefined,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const request = (token: string | null) =>
    fetch("/api/v1/events", {
      signal,
      headers: {
        Accept: "text/event-stream",
        Authorization: `Bearer ${token ?? ""}`,
        ...(lastId !== undefined && { "Last-Event-ID": lastId }),
      },
    });
  let response = await request(accessToken());
  if (response.status === 401) response = await request(await refresh());
  if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
  return response.body;
}

export interface Message {
  id: string | undefined;
  event: string | undefined;
  data: string;
}

/** The messages of a `text/event-stream` (WHATWG HTML, 9.2.6); a comment gives one without data. */
export async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = (rest + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n");
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield parse(block);
  }
}

function parse(block: string): Message {
  const message: Message = { id: undefined, event: undefined, data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (name === "id") message.id = value;
    if (name === "event") message.event = value;
    if (name === "data") data.push(value ?? "");
  }
  message.data = data.join("\n");
  return message;
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
