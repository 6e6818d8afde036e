/** Every call the pages make, as TanStack queries and mutations. */
import {
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import axios from "axios";
import { useCallback, useEffect, useRef, useState } from "react";

import { isMoving } from "../lib/status";
import { api } from "./client";
import { eventsArrive } from "./events";
import { type Problem, toProblem } from "./problem";
import { begin } from "./session";
import type {
  About,
  Account,
  Answer,
  AuditEntry,
  Checkpoint,
  Cluster,
  ClusterChange,
  ClusterLine,
  ClusterTest,
  Confirmation,
  Declaration,
  DeclarationSummary,
  Freeze,
  Guest,
  NewAccount,
  NewCluster,
  NewEdit,
  Preview,
  Role,
  Session,
  SettableField,
  TaskLog,
  Uploaded,
  Verification,
  Wording,
} from "./types";

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: Problem;
  }
}

/** How often what the cluster reports is asked for again, in ms. */
const CLUSTER_INTERVAL = 15_000;
/** How often a running task's log is asked for, in ms. */
const LOG_INTERVAL = 1_000;
/** What Proxmox writes in place of a log that has no line yet; it does not count as one. */
const NO_CONTENT = "no content";
/** How long the reading of a text that was typed on is kept, in ms: for who takes a word back. */
const PREVIEW_KEPT = 30_000;
/** How often a moving declaration is looked at in case an event was lost, in ms. */
const SAFETY_INTERVAL = 5_000;
/** Pause between two long polls when no events arrive, in ms. */
const POLL_PAUSE = 300;
/** How long one long poll waits, in seconds: short, for steps move while it waits. */
const POLL_WAIT = 2;
/** How often an unreachable and a reachable server are called, in ms. */
const PING_INTERVAL = { down: 3_000, up: 30_000 };

export const DECLARATIONS_PAGE = 30;
export const AUDIT_PAGE = 50;
/** Entries read at once when they are filtered by kind here, and how often for one page. */
const AUDIT_SCAN = { limit: 200, rounds: 10 };

/** A call that got no answer is reason to ask at once whether the server is there. */
const onError = (problem: Problem) => {
  if (problem.unreachable) void queryClient.refetchQueries({ queryKey: ["ping"] });
};

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (problem, { queryKey }) => {
      if (queryKey[0] !== "ping") onError(problem);
    },
  }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry: (failures, problem) => failures < 2 && problem.status >= 500,
    },
  },
});

async function get<T>(path: string, params?: object, signal?: AbortSignal): Promise<T> {
  return (await api.get<T>(path, { params, signal })).data;
}

async function post<T>(path: string, body?: object, headers?: Record<string, string>): Promise<T> {
  return (await api.post<T>(path, body, { headers })).data;
}

// The server

export function usePing() {
  return useQuery({
    queryKey: ["ping"],
    queryFn: async () => {
      try {
        return (await axios.get<string>("/ping", { timeout: PING_INTERVAL.down })).data;
      } catch (error) {
        throw toProblem(error);
      }
    },
    retry: false,
    refetchInterval: (query) =>
      query.state.status === "error" ? PING_INTERVAL.down : PING_INTERVAL.up,
  });
}

export function useAbout() {
  return useQuery({
    queryKey: ["about"],
    queryFn: () => get<About>("/about"),
    staleTime: Infinity,
    retry: true,
    retryDelay: PING_INTERVAL.down,
  });
}

// Accounts

export function useLogIn() {
  return useMutation({
    mutationFn: async (credentials: { email: string; password: string }) => {
      begin(await post<Session>("/login", credentials));
    },
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (passwords: { current: string; new: string }) => post("/password", passwords),
  });
}

export function useUsers() {
  return useQuery({ queryKey: ["users"], queryFn: () => get<Account[]>("/users") });
}

export function useAddUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (account: NewAccount) => post<Account>("/register", account),
    onSuccess: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
}

export function useChangeUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ id, ...change }: { id: string; approved?: boolean; role?: Role }) =>
      (await api.patch<Account>(`/users/${id}`, change)).data,
    onSettled: () => client.invalidateQueries({ queryKey: ["users"] }),
  });
}

// Declarations

export function useDeclarations() {
  return useInfiniteQuery({
    queryKey: ["declarations"],
    queryFn: ({ pageParam, signal }) =>
      get<DeclarationSummary[]>(
        "/declarations",
        { limit: DECLARATIONS_PAGE, before: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.length < DECLARATIONS_PAGE ? undefined : page.at(-1)?.id),
  });
}

/** One declaration, followed while the server is at work on it. */
export function useDeclaration(id: string) {
  const client = useQueryClient();
  const queryKey = ["declaration", id];
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => {
      const known = client.getQueryData<Declaration>(queryKey);
      const wait = known && isMoving(known.status) && !eventsArrive() ? POLL_WAIT : undefined;
      return get<Declaration>(`/declarations/${id}`, { wait }, signal);
    },
    refetchInterval: ({ state: { data } }) => {
      if (!data || !isMoving(data.status)) return false;
      return eventsArrive() ? SAFETY_INTERVAL : POLL_PAUSE;
    },
  });
}

/** What a plan says of itself, in a language model's words; it takes as long as the model takes, once a plan. */
export function useWording(declaration: string | undefined, digest: string) {
  return useQuery({
    queryKey: ["wording", declaration, digest],
    queryFn: ({ signal }) =>
      get<Wording>(`/declarations/${declaration ?? ""}/plan/wording`, undefined, signal),
    enabled: declaration !== undefined,
    staleTime: Infinity,
    retry: false,
  });
}

/** A call that answers with the declaration as it has become. */
function useDeclarationMutation<T>(call: (input: T) => Promise<Declaration>) {
  const client = useQueryClient();
  const keep = (declaration: Declaration) => {
    client.setQueryData(["declaration", declaration.id], declaration);
    void client.invalidateQueries({ queryKey: ["declarations"] });
  };
  return useMutation({
    mutationFn: call,
    onSuccess: keep,
    onError: (problem) => {
      if (problem.details.declaration) keep(problem.details.declaration);
    },
  });
}

/** Declares. The same text sent again, because the answer got lost, is the same declaration. */
export function useDeclare() {
  const sent = useRef({ content: "", key: "" });
  return useDeclarationMutation((content: string) => {
    if (sent.current.content !== content) sent.current = { content, key: freshKey() };
    return post<Declaration>("/declarations", { content }, { "Idempotency-Key": sent.current.key });
  });
}

/** 128 random bits; `crypto.randomUUID` is not there over plain HTTP. */
function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What would be understood of a text that is being typed. A text that is typed on calls its reading off; that of the
 * text before stays until then.
 */
export function usePreview(content: string) {
  return useQuery({
    queryKey: ["preview", content],
    queryFn: async ({ signal }) => {
      const { data } = await api.post<Preview>("/readings", { content }, { signal });
      return { content, ...data };
    },
    enabled: content.trim() !== "",
    placeholderData: keepPreviousData,
    gcTime: PREVIEW_KEPT,
  });
}

export function useAnswer(id: string) {
  return useDeclarationMutation((answers: Answer[]) =>
    post<Declaration>(`/declarations/${id}/answers`, { answers }),
  );
}

/** Sets a field of a declaration that waits for approval; it is planned again with it. */
export function useEdit(id: string) {
  return useDeclarationMutation((edit: NewEdit) =>
    post<Declaration>(`/declarations/${id}/edits`, edit),
  );
}

/** Takes back what was set under that number; the declaration is planned again without it. */
export function useTakeBack(id: string) {
  return useDeclarationMutation(
    async (number: number) =>
      (await api.delete<Declaration>(`/declarations/${id}/edits/${number}`)).data,
  );
}

/**
 * What else can be set of a guest, and of some fields what they can be, as the declaration stood at that time. It is asked
 * for where it is wanted.
 */
export function useSettable(id: string, guest: string, asOf: string, isWanted = true) {
  return useQuery({
    queryKey: ["settable", id, guest, asOf],
    enabled: isWanted,
    queryFn: ({ signal }) => get<SettableField[]>(`/declarations/${id}/fields`, { guest }, signal),
  });
}

export function useConfirm(id: string) {
  return useDeclarationMutation((consent: Confirmation) =>
    post<Declaration>(`/declarations/${id}/confirm`, consent),
  );
}

export function useCancel(id: string) {
  return useDeclarationMutation(() => post<Declaration>(`/declarations/${id}/cancel`));
}

export function usePlanAgain(id: string) {
  return useDeclarationMutation(() => post<Declaration>(`/declarations/${id}/plan`));
}

/** Gives a standing approval of repairs, or revokes it. */
export function useStanding(id: string) {
  return useDeclarationMutation(async (give: boolean) => {
    const path = `/declarations/${id}/standing`;
    return give ? post<Declaration>(path) : (await api.delete<Declaration>(path)).data;
  });
}

/** Proxmox's task log of a step; each look fetches only the lines that are new. */
export function useTaskLog(declaration: string, seq: number) {
  const client = useQueryClient();
  const queryKey = ["log", declaration, seq];
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<TaskLog>(queryKey)?.lines ?? [];
      const path = `/declarations/${declaration}/steps/${seq}/log`;
      const log = await get<TaskLog>(path, { start: known.length }, signal);
      const lines = [...known, ...log.lines].filter((line) => line !== NO_CONTENT);
      return { ...log, lines };
    },
    refetchInterval: ({ state: { data } }) => (data?.running ? LOG_INTERVAL : false),
  });
}

// The clusters

export function useGuests() {
  return useQuery({
    queryKey: ["guests"],
    queryFn: ({ signal }) => get<Guest[]>("/guests", undefined, signal),
    refetchInterval: CLUSTER_INTERVAL,
  });
}

/** What somebody decides about a drift. */
export type Decision =
  | { way: "accept"; observed: unknown }
  | { way: "ignore" }
  | { way: "snooze"; until: string }
  | { way: "gone" };

export function useDecide(resource: string, field?: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ way, ...body }: Decision) => {
      const path = way === "gone" ? way : `${field}/${way}`;
      return post(
        `/drift/${resource}/${path}`,
        way === "ignore" || way === "gone" ? undefined : body,
      );
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["guests"] }),
  });
}

/** One cluster with its nodes; without a name the first. */
export function useCluster(cluster?: string) {
  return useQuery({
    queryKey: ["cluster", cluster],
    queryFn: ({ signal }) => get<Cluster>("/cluster", { cluster }, signal),
    refetchInterval: CLUSTER_INTERVAL,
    placeholderData: keepPreviousData,
  });
}

export function useClusters() {
  return useQuery({
    queryKey: ["clusters"],
    queryFn: ({ signal }) => get<ClusterLine[]>("/clusters", undefined, signal),
    refetchInterval: CLUSTER_INTERVAL,
  });
}

export function useFreezes() {
  return useQuery({
    queryKey: ["freezes"],
    queryFn: ({ signal }) => get<Freeze[]>("/freezes", undefined, signal),
    refetchInterval: CLUSTER_INTERVAL,
  });
}

/** A call that freezes or unfreezes. */
function useFreezeMutation<In>(call: (input: In) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSettled: () => client.invalidateQueries({ queryKey: ["freezes"] }),
  });
}

export function useFreeze() {
  return useFreezeMutation((freeze: { cluster: string | null; why: string }) =>
    post<Freeze[]>("/freezes", freeze),
  );
}

export function useUnfreeze() {
  return useFreezeMutation((cluster: string | null) =>
    api.delete("/freezes", { params: { cluster: cluster ?? undefined } }),
  );
}

/** Whether there is more than one cluster, so that each thing has to say where it is. */
export function useSeveralClusters(): boolean {
  return (useClusters().data?.length ?? 1) > 1;
}

/** A call that changes which clusters there are, or how one is reached. */
function useClusterMutation<In, Out>(call: (input: In) => Promise<Out>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: () =>
      Promise.all(
        ["clusters", "cluster", "guests", "about"].map((key) =>
          client.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  });
}

export function useAddCluster() {
  return useClusterMutation((cluster: NewCluster) => post<ClusterTest>("/clusters", cluster));
}

export function useChangeCluster() {
  return useClusterMutation(
    async ({ name, ...change }: ClusterChange & { name: string }) =>
      (await api.patch<ClusterTest>(`/clusters/${name}`, change)).data,
  );
}

/** Where a file goes. */
interface Upload {
  cluster: string;
  node: string;
  storage: string;
  file: File;
}

/** Sends a file; `sent` is the share that has gone, and `cancel` breaks it off. */
export function useUpload() {
  const [sent, setSent] = useState<number | null>(null);
  const abort = useRef<AbortController>(null);
  const cancel = useCallback(() => abort.current?.abort(), []);
  useEffect(() => cancel, [cancel]);
  const mutation = useClusterMutation(async ({ file, ...to }: Upload) => {
    abort.current = new AbortController();
    setSent(0);
    const answer = await api.post<Uploaded>("/uploads", file, {
      params: { ...to, file: file.name },
      headers: { "Content-Type": "application/octet-stream" },
      // A large file takes as long as it takes, and Proxmox then copies it.
      timeout: 0,
      signal: abort.current.signal,
      onUploadProgress: ({ progress }) => setSent(progress ?? null),
    });
    return answer.data;
  });
  return { ...mutation, sent, cancel };
}

export function useTestCluster() {
  return useClusterMutation((name: string) => post<ClusterTest>(`/clusters/${name}/test`));
}

export function useRemoveCluster() {
  return useClusterMutation(async (name: string) => {
    await api.delete(`/clusters/${name}`);
  });
}

// The audit log

export interface AuditFilter {
  before: number | undefined;
  declaration: string | undefined;
  kind: string | undefined;
}

export interface AuditPage {
  entries: AuditEntry[];
  /** Where the next, older page begins; undefined at the log's beginning. */
  next: number | undefined;
}

export function useAudit(filter: AuditFilter) {
  return useQuery({
    queryKey: ["audit", filter],
    queryFn: ({ signal }) => auditPage(filter, signal),
    placeholderData: keepPreviousData,
  });
}

/** One page of the log. The server filters by declaration; the kind is picked out here. */
async function auditPage(filter: AuditFilter, signal: AbortSignal): Promise<AuditPage> {
  const { declaration, kind } = filter;
  const limit = kind ? AUDIT_SCAN.limit : AUDIT_PAGE;
  const entries: AuditEntry[] = [];
  let before = filter.before;
  for (let round = 0; round < AUDIT_SCAN.rounds; round++) {
    const read = await get<AuditEntry[]>("/audit", { limit, before, declaration }, signal);
    for (const entry of read) {
      before = entry.seq;
      if (!kind || entry.kind === kind) entries.push(entry);
      if (entries.length === AUDIT_PAGE) break;
    }
    if (entries.length === AUDIT_PAGE) return { entries, next: before };
    if (read.length < limit) return { entries, next: undefined };
  }
  return { entries, next: before };
}

export function useVerification() {
  return useQuery({
    queryKey: ["verification"],
    queryFn: ({ signal }) => get<Verification>("/audit/verify", undefined, signal),
    staleTime: 60_000,
  });
}

export function useCheckpoint() {
  return useQuery({
    queryKey: ["checkpoint"],
    queryFn: ({ signal }) => get<Checkpoint>("/audit/checkpoint", undefined, signal),
    staleTime: 60_000,
  });
}

/** The whole log as JSON lines, for `mycopod audit verify --export`. */
export function useAuditExport() {
  return useMutation({
    mutationFn: async () =>
      (await api.get<Blob>("/audit/export", { responseType: "blob", timeout: 0 })).data,
  });
}
