//! What the engine tells the outside: the JSON of the HTTP API, field by field.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

mod cluster;

pub use cluster::*;

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
    /// What that means on this cluster, guest by guest and field by field, for a form.
    pub intent: Option<Vec<IntentGuest>>,
    /// What was set in a form since it was read.
    pub edits: Vec<EditView>,
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
    /// Somebody answered a question so.
    Answered {
        /// The answer, verbatim.
        answer: String,
    },
    /// Somebody set it in a form.
    Set {
        /// The number of that edit.
        edit: usize,
        /// Who: their address.
        by: String,
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
    /// The text that was read, where it is not as it was typed: with answers in the place of words that were not
    /// understood. Places are of this text then.
    pub reworded: Option<String>,
    /// What is to be known of how it was read, such as why a language model was not asked.
    pub notes: Vec<String>,
    /// The cluster, where it was named; without one the first holds.
    pub cluster: Option<TargetView>,
    /// What was asked for, in order.
    pub statements: Vec<StatementView>,
    /// What must be answered first.
    pub questions: Vec<QuestionView>,
    /// Words that ended in no field.
    pub unread: Vec<FragmentView>,
    /// What was said beside the wishes, such as a reason; nothing is done for it.
    pub asides: Vec<FragmentView>,
}

/// What would be understood of a text. Nothing of it is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Preview {
    /// The cluster that it would be for.
    pub cluster: String,
    /// How old the look is that it was read against.
    pub age_seconds: u64,
    /// What was understood, and what would be asked.
    pub reading: ReadingView,
    /// What that means on this cluster, where nothing is to be asked.
    pub intent: Option<Vec<IntentGuest>>,
}

/// What declaring something would do now. Nothing of it is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DryPlan {
    /// The cluster that it would be for.
    pub cluster: String,
    /// How old the look is that it was planned against.
    pub age_seconds: u64,
    /// What was understood, and what would be asked.
    pub reading: ReadingView,
    /// What would be done; `null` where something would be asked first.
    pub plan: Option<PlanView>,
    /// The guests of which it says something that no declaration holds so yet, though they may be so.
    pub undeclared: BTreeSet<String>,
}

/// A guest as a file has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Exported {
    /// The cluster it is on.
    pub cluster: String,
    /// Its name.
    pub guest: String,
    /// Its number.
    pub vmid: u32,
    /// Whether it is ours.
    pub managed: bool,
    /// A name for the file.
    pub file: String,
    /// What the file says.
    pub content: String,
}

/// A guest of an intent, with the fields that it shall have.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentGuest {
    /// To be named in an edit: its VMID, or where it is to be made an id of its own.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    /// Whether it exists; else it is to be made.
    pub exists: bool,
    /// Its VMID; of one to be made the one that was said.
    pub vmid: Option<u32>,
    /// Its node; of one to be made the one that was said.
    pub node: Option<String>,
    /// Its fields, those by default among them.
    pub fields: Vec<IntentField>,
}

/// A field of an intent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentField {
    /// The field's key, as in `docs/FIELDS.md`, or of a guest to be made `kind`, `image`, `node` or `vmid`.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// The value as an intent file has it.
    pub value: serde_json::Value,
    /// Where it comes from.
    pub source: SourceView,
    /// The JSON Schema of the values that it takes; `null` where it cannot be set in a form.
    pub schema: Option<serde_json::Value>,
    /// The disk or NIC that exists by this field, `disk.scsi1` or `nic.1`: as a whole it can be set to `null`, and is left
    /// out then. `null` where it is none, or the disk that a guest to be made begins on.
    pub whole: Option<String>,
}

/// A field of which a declaration says nothing, and which can be set in a form, or of which the cluster shows what it can be:
/// the node and the image of a guest to be made, the CD in its drive, what a new disk is imported from; or the next disk or NIC that the guest could be given, `disk.scsi1` or `nic.1`, whose schema is an
/// object's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettableField {
    /// The field's key, as in `docs/FIELDS.md`, or `image`, `node` or `vmid`.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// What it is by the newest look, or of a guest to be made what is declared; `null` where that is not known or nothing.
    pub value: serde_json::Value,
    /// The JSON Schema of the values that it takes.
    pub schema: serde_json::Value,
}

/// A field that was set in a form. It stays on record when it was taken back.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Edit)]
pub struct EditView {
    /// Its number, 1, 2, 3 …: to be named in taking it back.
    pub number: usize,
    /// The guest, as the intent names it.
    pub guest: String,
    /// The guest's name then.
    pub guest_name: String,
    /// The field's key.
    pub field: String,
    /// The field's name for people.
    pub label: String,
    /// What it was to be; `null` where nothing was said.
    pub from: serde_json::Value,
    /// What it shall be.
    pub to: serde_json::Value,
    /// Who set it: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// `holds`; `waits` for a question to be answered, or to be planned; `replaced` by a later edit of the field; `answered`
    /// where an answer holds in its place, or left it out; `taken_back`.
    pub state: &'static str,
    /// Who took it back: their address.
    pub taken_back_by: Option<String>,
    /// When.
    pub taken_back_at: Option<DateTime<Utc>>,
    /// The JSON Schema of the values that the field takes; `null` where it cannot be set in a form.
    pub schema: Option<serde_json::Value>,
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
    /// `create`, `change`, `clone`, `start`, `shutdown`, `stop`, `reboot`, `delete`, `snapshot` or `adopt`, among others;
    /// `ensure` of a guest of a typed intent, which is made or changed.
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
    /// What was set in a form in its place since; of a statement about several guests for the named ones alone.
    pub set: Vec<SetView>,
}

/// What was set in a form in place of a value that was said.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SetValue)]
pub struct SetView {
    /// The number of the edit.
    pub edit: usize,
    /// The guest's name.
    pub guest_name: String,
    /// The value for people.
    pub value: String,
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
    /// The numbers of the edits that it comes from: taken back, it is not asked.
    pub edits: Vec<usize>,
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
    /// What it does, in a few sentences of the declaration's language, written from the steps.
    pub explanation: String,
    /// What an approver should know besides the steps.
    pub notes: Vec<String>,
    /// The steps in order.
    pub steps: Vec<StepView>,
}

/// What a plan does in a language model's words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Wording {
    /// The plan that it is about.
    pub digest: String,
    /// The plan's `explanation` in other words: no name or number differs, and nothing is added. `null` where no model
    /// words plans here, or its words could not be verified.
    #[schema(required)]
    pub text: Option<String>,
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
