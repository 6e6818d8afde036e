//! What the engine tells the outside: the JSON of the HTTP API, field by field.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody, as others see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Person {
    /// The user's id.
    pub id: Uuid,
    /// The address they log in with.
    pub email: String,
}

/// How many guests a plan makes, changes and destroys.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = PlanSummary)]
pub struct Summary {
    /// Guests that do not exist yet.
    pub create: usize,
    /// Guests that exist and stay.
    pub update: usize,
    /// Guests that will be gone.
    pub destroy: usize,
}

/// A declaration in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Listed {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The cluster it is for.
    pub cluster: String,
    /// What was typed, verbatim.
    pub content: String,
    /// Who typed it.
    pub author: Person,
    /// Where it stands.
    pub status: &'static str,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What its plan would do, where there is one.
    pub summary: Option<Summary>,
}

/// A declaration with all that followed from it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Declaration)]
pub struct Detail {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The cluster it is for.
    pub cluster: String,
    /// What was typed, verbatim.
    pub content: String,
    /// Who typed it.
    pub author: Person,
    /// Where it stands.
    pub status: &'static str,
    /// Why it stands there, where that needs saying, and what to do.
    pub status_reason: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What was understood.
    pub reading: Option<ReadingView>,
    /// What would be done, or was.
    pub plan: Option<PlanView>,
    /// The latest carrying-out of an approved plan.
    pub reconciliation: Option<ReconciliationView>,
    /// The standing approval that was given last, whether or not it still stands.
    pub standing: Option<StandingView>,
}

/// An Admin's yes in advance to repairs that take effect at once or start a stopped guest.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StandingApproval)]
pub struct StandingView {
    /// Who gave it.
    pub given_by: Person,
    /// When.
    pub given_at: DateTime<Utc>,
    /// How many repairs it covers within an hour; one more ends it.
    pub per_hour: u32,
    /// How many it covered within the last hour.
    pub used: u32,
    /// Whether it still stands.
    pub stands: bool,
    /// When it was revoked or MycoPod ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who revoked it: their address; `null` where MycoPod ended it and asks.
    pub ended_by: Option<String>,
    /// Why.
    pub ended_why: Option<String>,
}

/// Lines of the archive.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ArchiveBatch {
    /// A line of JSON for each declaration, with all that the ledger has of it.
    pub lines: Vec<String>,
    /// SHA-256 over the lines, each with its end (LF); 64 hexadecimal digits.
    pub sha256: String,
}

/// What was removed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pruned {
    /// Of how many declarations the ledger was removed.
    pub declarations: usize,
}

/// A freeze that stands: nothing is applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Freeze)]
pub struct FreezeView {
    /// Which cluster; `null` for all.
    pub cluster: Option<String>,
    /// Who set it: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub why: String,
}

/// A file that was sent to a storage.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// As Proxmox names it.
    pub volume: String,
    /// The node that has it.
    pub node: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Where a value comes from. Offsets count Unicode code points of the declaration.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schema(as = Source)]
pub enum SourceView {
    /// These words say it.
    Said {
        /// First code point.
        start: usize,
        /// One past the last.
        end: usize,
        /// The words.
        text: String,
    },
    /// A default, because nobody said it.
    Default {
        /// Which.
        why: String,
    },
    /// It follows from something else.
    Inferred {
        /// From what.
        why: String,
    },
}

/// What was understood of a declaration.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Reading)]
pub struct ReadingView {
    /// `builtin` or `openai`.
    pub reader: String,
    /// Why this is no declaration that MycoPod carries out.
    pub refusal: Option<String>,
    /// The cluster, where it was named; without one the first holds.
    pub cluster: Option<TargetView>,
    /// What was asked for, in order.
    pub statements: Vec<StatementView>,
    /// What must be answered first.
    pub questions: Vec<QuestionView>,
    /// Words that ended in no field.
    pub unread: Vec<FragmentView>,
}

/// One thing that was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Statement)]
pub struct StatementView {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The words that say it.
    pub text: String,
    /// `create`, `change`, `clone`, `start`, `shutdown`, `stop`, `reboot`, `delete`, `snapshot` or `adopt`.
    pub verb: &'static str,
    /// To which guests, or which it makes.
    pub targets: Vec<TargetView>,
    /// With which values.
    pub fields: Vec<FieldView>,
}

/// A guest or a selection of guests in a statement.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Target)]
pub struct TargetView {
    /// As a person would name it: `web-01`, `every guest tagged web`.
    pub display: String,
    /// Where it comes from.
    pub source: SourceView,
}

/// A value in a statement.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Field)]
pub struct FieldView {
    /// The field's key, e.g. `cores`.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// The value for people, e.g. `8 GiB`, `+ 20 GiB`, `× 2`.
    pub value: String,
    /// Where it comes from.
    pub source: SourceView,
}

/// A question, with the answer once given.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Question)]
pub struct QuestionView {
    /// To be named in the answer.
    pub id: String,
    /// The question.
    pub text: String,
    /// Answers to choose from; where empty, any text will do.
    pub options: Vec<String>,
    /// The answer, once given.
    pub answer: Option<String>,
    /// First code point of the words it is about.
    pub start: Option<usize>,
    /// One past the last.
    pub end: Option<usize>,
}

/// Words at a place.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Fragment)]
pub struct FragmentView {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The words.
    pub text: String,
}

/// What would be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    /// To be named when confirming.
    pub digest: String,
    /// How many guests it makes, changes and destroys.
    pub summary: Summary,
    /// What an approver should know besides the steps.
    pub notes: Vec<String>,
    /// The steps in order.
    pub steps: Vec<StepView>,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Step)]
pub struct StepView {
    /// 1, 2, 3 …
    pub seq: u32,
    /// What is done, such as `create`, `clone`, `adopt`, `update`, `add_disk`, `resize`, `migrate`, `start` or `delete`.
    pub action: &'static str,
    /// The guest it acts on; `null` where it acts on a facility.
    #[schema(required)]
    pub guest: Option<StepGuest>,
    /// What it acts on around the guests; `null` where it acts on a guest.
    #[schema(required)]
    pub facility: Option<StepFacility>,
    /// `live`, `pending`, `reboot`, `stop` or `destroy`.
    pub effect: &'static str,
    /// The step in a sentence.
    pub summary: String,
    /// Field by field.
    pub changes: Vec<ChangeView>,
    /// What else goes with it.
    pub collateral: Vec<String>,
}

impl StepView {
    /// The name of what it acts on, by which its destruction is consented to.
    #[must_use]
    pub fn name(&self) -> &str {
        let guest = self.guest.as_ref().map(|guest| guest.name.as_str());
        guest.or(self.facility.as_ref().map(|facility| facility.name.as_str())).unwrap_or_default()
    }
}

/// The guest that a step acts on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepGuest {
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
}

/// What stands around the guests and a step acts on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepFacility {
    /// `pool`, `file` or `backup job`.
    pub kind: &'static str,
    /// Its name; a file's volume.
    pub name: String,
    /// The node it belongs to, where it belongs to one.
    #[schema(required)]
    pub node: Option<String>,
}

/// One field, from what to what. Sizes are text with their unit, flags booleans, counts numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Change)]
pub struct ChangeView {
    /// The field's key.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// What it is now; `null` where it is not set.
    pub from: serde_json::Value,
    /// What it shall be.
    pub to: serde_json::Value,
    /// Where the new value comes from.
    pub source: SourceView,
}

/// The carrying-out of an approved plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Reconciliation)]
pub struct ReconciliationView {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// `applying`, `converged`, `blocked`, `failed`, `stale` or `cancelled`.
    pub status: &'static str,
    /// Why, and what to do, where it did not converge.
    pub reason: Option<String>,
    /// The Admin who approved it, or gave the standing approval by which it was approved.
    pub approved_by: Person,
    /// Whether it was approved by a standing approval.
    pub by_standing: bool,
    /// When.
    pub approved_at: DateTime<Utc>,
    /// How each step stands.
    pub steps: Vec<LedgerStep>,
}

/// How a step stands in the ledger.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LedgerStep {
    /// The step's number in the plan.
    pub seq: u32,
    /// `pending`, `started`, `submitted`, `done`, `failed`, `blocked` or `skipped`.
    pub state: &'static str,
    /// Proxmox's task, where there is one.
    pub upid: Option<String>,
    /// What went wrong, and what to do.
    pub error: Option<String>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A part of a task's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepLog {
    /// Its lines from where was asked.
    pub lines: Vec<String>,
    /// How many there are in all.
    pub total: u64,
    /// Whether the task may still write.
    pub running: bool,
}

/// A guest on the cluster, ours or not.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Guest)]
pub struct GuestRow {
    /// The cluster it is on.
    pub cluster: String,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: String,
    /// Its node.
    pub node: String,
    /// `running`, `stopped`, `paused` or `unknown`.
    pub status: &'static str,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is ours.
    pub managed: bool,
    /// Its resource, where it is ours.
    pub resource: Option<Uuid>,
    /// The latest declaration that owns a field of it.
    pub declaration: Option<Uuid>,
    /// Cores per socket (VM) or in all (container).
    pub cores: Option<u64>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// All of its disks in GiB.
    pub disk_gib: Option<f64>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Seconds since it was seen.
    pub age_seconds: u64,
    /// The owned fields that are not as declared.
    pub drift: Vec<DriftView>,
    /// The fields whose configured value takes effect when it next stops and starts, declared or not.
    pub pending: Vec<PendingView>,
    /// What is wrong with it as a guest of ours, e.g. that it is gone.
    pub problem: Option<String>,
}

/// A field whose configured value a running guest does not have yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PendingField)]
pub struct PendingView {
    /// The field's key.
    pub field: String,
    /// As a page shows it.
    pub label: String,
}

/// An owned field that is not as declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Drift)]
pub struct DriftView {
    /// The field's key.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// As declared.
    pub declared: serde_json::Value,
    /// As seen.
    pub observed: serde_json::Value,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The declaration that owns the field.
    pub declaration: Uuid,
    /// Who did it, as far as Proxmox tells; `null` where it was not asked yet.
    pub cause: Option<CauseView>,
    /// How often a repair was undone lately, where that is so often that another tool wants another value.
    pub repairs_undone: Option<u32>,
    /// Until when nobody wants to hear of it.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Who said so.
    pub snoozed_by: Option<String>,
}

/// Who made a field other than declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DriftCause)]
pub struct CauseView {
    /// In words.
    pub text: String,
    /// Proxmox's user or API token.
    pub user: Option<String>,
    /// Proxmox's task.
    pub task: Option<String>,
}

/// How a cluster is compared with what was declared.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Keeping {
    /// How often, in seconds. What the cluster's own list shows (a guest that is gone or new, its power, node, name, tags,
    /// memory) is found at once.
    pub every_seconds: f64,
    /// The requests that Proxmox gets for it each time, at most.
    pub requests: u32,
    /// The guests of ours that are looked at.
    pub guests: u32,
    /// Every other change is found within these seconds: the guests by the requests.
    pub within_seconds: u64,
    /// How long ago the guest was looked at whose last look is the oldest; `null` where one was not looked at yet.
    pub oldest_seconds: Option<u64>,
}

/// A cluster as last seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Cluster {
    /// What MycoPod calls it.
    pub cluster: String,
    /// What it calls itself in Proxmox, or its only node's name.
    pub name: String,
    /// Whether it is the sandbox.
    pub sandbox: bool,
    /// Proxmox VE's version.
    pub version: String,
    /// Its nodes.
    pub nodes: Vec<NodeView>,
    /// What guests can be made from.
    pub images: Vec<ImageView>,
}

/// A node as last seen.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `seen` or `unreachable`.
    pub state: &'static str,
    /// Why it is unreachable.
    pub detail: Option<String>,
    /// Seconds since it was asked.
    pub age_seconds: u64,
    /// Logical CPUs.
    pub cores: Option<u32>,
    /// Physical memory in MiB.
    pub memory_mib: Option<u64>,
    /// Memory in use in MiB.
    pub memory_used_mib: Option<u64>,
    /// Its storages.
    pub storages: Vec<StorageView>,
    /// Its bridges.
    pub bridges: Vec<String>,
}

/// A storage as one node has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Storage)]
pub struct StorageView {
    /// Its name.
    pub name: String,
    /// Its size in GiB.
    pub total_gib: u64,
    /// What is free in GiB.
    pub free_gib: u64,
    /// What it may hold.
    pub content: Vec<String>,
}

/// What guests can be made from.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Image)]
pub struct ImageView {
    /// Its name.
    pub name: String,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// The node that has it.
    pub node: String,
    /// How it is addressed.
    pub detail: String,
}

/// Whether MycoPod can do its work.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, or `degraded` where a part does not answer.
    pub status: &'static str,
    /// The database.
    pub database: Part,
    /// Proxmox VE; with several clusters, the first that does not answer.
    pub proxmox: Part,
    /// Each cluster.
    pub clusters: Vec<ClusterPart>,
}

/// A cluster that MycoPod depends on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReadinessCluster)]
pub struct ClusterPart {
    /// Its name.
    pub cluster: String,
    /// Whether it answered when it was last asked.
    pub ok: bool,
    /// Seconds since it last did; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// What is wrong.
    pub detail: Option<String>,
}

/// A secret in the list of secrets: all of it but its value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SecretLine {
    /// What declarations call it.
    pub name: String,
    /// When its value was last set.
    pub changed_at: DateTime<Utc>,
    /// By whom: their address.
    pub changed_by: String,
}

/// A cluster in the list of clusters.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterLine {
    /// What MycoPod calls it, and declarations.
    pub name: String,
    /// Whether it is the settings' cluster, which declarations are for that name none.
    pub first: bool,
    /// Whether it is the sandbox.
    pub sandbox: bool,
    /// `seen`, `unreachable`, or `unknown` where it was not asked yet.
    pub state: &'static str,
    /// Proxmox VE's version as last seen.
    pub version: Option<String>,
    /// How many nodes it has.
    pub nodes: Option<usize>,
    /// How many guests it has, templates not counted.
    pub guests: Option<usize>,
    /// Seconds since it last answered; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// Why it does not answer.
    pub detail: Option<String>,
    /// How it is kept as declared.
    pub keeping: Keeping,
    /// How it is reached, for Admins.
    pub access: Option<ClusterAccess>,
}

/// How a cluster is reached, all but the secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterAccess {
    /// The API's addresses.
    pub urls: Vec<String>,
    /// The API token without its secret.
    pub token: String,
    /// `system`, `ca` or `pin`: how its certificate is known.
    pub trust: &'static str,
    /// The pinned SHA-256, where there is one.
    pub pin: Option<String>,
    /// The pool that new guests join.
    pub pool: Option<String>,
    /// When it was added; nothing for the first.
    pub added_at: Option<DateTime<Utc>>,
    /// Who added it; nothing for the first.
    pub added_by: Option<String>,
}

/// What a cluster answered to the question whether it can be used.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ClusterTest)]
pub struct Tested {
    /// Proxmox VE's version.
    pub version: String,
    /// What the token may not do that plans may need.
    pub missing: Vec<Missing>,
}

/// Something that a token may not do, and where.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MissingPrivilege)]
pub struct Missing {
    /// The path of Proxmox's access control, e.g. `/storage/local-lvm`.
    pub path: String,
    /// The privilege, e.g. `Datastore.AllocateSpace`.
    pub privilege: String,
}

/// A part that MycoPod depends on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReadinessPart)]
pub struct Part {
    /// Whether it answered.
    pub ok: bool,
    /// Seconds since it last did; `null` where it never has.
    pub age_seconds: Option<u64>,
    /// What is wrong.
    pub detail: Option<String>,
}

/// Whether the audit log is as it was written.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verification {
    /// Whether every entry and the root fit.
    pub ok: bool,
    /// Number of entries.
    pub size: u64,
    /// The root over them, 64 hexadecimal digits.
    pub root: String,
    /// The first entry that does not fit.
    pub first_bad: Option<BadEntry>,
}

/// An audit entry that does not fit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BadEntry {
    /// Its number.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}
