/**
 * The API's shapes by the names the UI uses, from the generated schema. The document says "string"
 * where the server has a closed set of words; here the sets are named.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];
type Narrow<T, Fields> = Omit<T, keyof Fields> & Fields;

export type Role = "Admin" | "User";
export type GuestKind = "qemu" | "lxc";
export type Effect = "live" | "pending" | "reboot" | "stop" | "destroy";
export type DeclarationStatus =
  | "reading"
  | "needs_answer"
  | "refused"
  | "awaiting_approval"
  | "approved"
  | "applying"
  | "converged"
  | "blocked"
  | "failed"
  | "cancelled"
  | "superseded"
  | "stale";
export type StepState =
  "pending" | "started" | "submitted" | "done" | "blocked" | "failed" | "skipped";

export type About = Schemas["About"];
export type Account = Narrow<Schemas["User"], { role: Role }>;
export type NewAccount = Narrow<Schemas["NewUser"], { role: Role }>;
export type Session = Schemas["Session"];
export type Confirmation = Narrow<Schemas["Confirmation"], { standing?: boolean }>;
export type Answer = Schemas["Answer"];

export type Source = Schemas["Source"];
export type Span = Schemas["Fragment"];
export type Target = Schemas["Target"];
export type Statement = Schemas["Statement"];
export type FieldSaid = Schemas["Field"];
export type Question = Schemas["Question"];
export type IntentGuest = Schemas["IntentGuest"];
export type IntentField = Schemas["IntentField"];
export type SettableField = Schemas["SettableField"];
export type Edit = Schemas["Edit"];
export type NewEdit = Schemas["NewEdit"];
export type Preview = Schemas["Preview"];
export type Reading = Schemas["Reading"];

export type Change = Schemas["Change"];
export type PlanSummary = Schemas["PlanSummary"];
export type PlanGuest = Narrow<Schemas["StepGuest"], { kind: GuestKind }>;
export type PlanStep = Narrow<Schemas["Step"], { guest: PlanGuest | null; effect: Effect }>;
export type Plan = Narrow<Schemas["Plan"], { steps: PlanStep[] }>;
export type Wording = Schemas["Wording"];

export type StepProgress = Narrow<Schemas["LedgerStep"], { state: StepState }>;
export type Reconciliation = Narrow<Schemas["Reconciliation"], { steps: StepProgress[] }>;
export type TaskLog = Schemas["StepLog"];

export type DeclarationSummary = Narrow<Schemas["Listed"], { status: DeclarationStatus }>;
export type Declaration = Narrow<
  Schemas["Declaration"],
  { status: DeclarationStatus; plan: Plan | null; reconciliation: Reconciliation | null }
>;

export type Drift = Schemas["Drift"];
export type Guest = Narrow<Schemas["Guest"], { kind: GuestKind }>;
export type Node = Schemas["Node"];
export type Freeze = Schemas["Freeze"];
export type Cluster = Schemas["Cluster"];
export type ClusterLine = Schemas["ClusterLine"];
export type Uploaded = Schemas["Uploaded"];
export type ClusterTest = Schemas["ClusterTest"];
export type NewCluster = Schemas["NewCluster"];
export type ClusterChange = Schemas["ClusterChange"];

export type AuditEntry = Schemas["AuditEntry"];
export type AuditEvent = Schemas["AuditEvent"];
export type Checkpoint = Schemas["SignedCheckpoint"];
export type Verification = Schemas["Verification"];

/** RFC 9457 problem details. */
export type ProblemDetails = Narrow<Schemas["Problem"], { declaration?: Declaration | null }>;
