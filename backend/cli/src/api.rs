//! The server's answers, as far as they are shown to people. Fields that later servers
//! add are passed over.

use chrono::{DateTime, Utc};
use mycopod_core::status::{DeclarationStatus, StepState};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::output::Text;

/// A declaration with all that followed from it.
#[derive(Debug, Deserialize)]
pub struct Declaration {
    /// Its id.
    pub id: Uuid,
    /// What was typed.
    pub content: Text,
    /// Who typed it.
    pub author: Person,
    /// Where it stands.
    pub status: DeclarationStatus,
    /// Why, and what to do.
    pub status_reason: Option<Text>,
    /// What was understood.
    pub reading: Option<Reading>,
    /// What would be done, or was.
    pub plan: Option<Plan>,
    /// The latest carrying-out.
    pub reconciliation: Option<Reconciliation>,
    /// The standing approval that was given last.
    #[serde(default)]
    pub standing: Option<Value>,
}

/// A declaration in a list.
#[derive(Debug, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// The cluster it is for.
    #[serde(default)]
    pub cluster: Text,
    /// What was typed.
    pub content: Text,
    /// Who typed it.
    pub author: Person,
    /// Where it stands.
    pub status: DeclarationStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Somebody.
#[derive(Debug, Deserialize)]
pub struct Person {
    /// Their address.
    pub email: Text,
}

/// What was understood.
#[derive(Debug, Deserialize)]
pub struct Reading {
    /// The cluster, where it was named.
    #[serde(default)]
    pub cluster: Option<Target>,
    /// Why it is no declaration that MycoPod carries out.
    pub refusal: Option<Text>,
    /// What is to be known of how it was read.
    #[serde(default)]
    pub notes: Vec<Text>,
    /// The text with answers in the place of words that were not understood, where there are any.
    #[serde(default)]
    pub reworded: Option<Text>,
    /// What was asked for.
    pub statements: Vec<Statement>,
    /// What must be answered.
    pub questions: Vec<Question>,
    /// Words that ended in no field.
    pub unread: Vec<Fragment>,
    /// What was said beside the wishes.
    #[serde(default)]
    pub asides: Vec<Fragment>,
}

/// One thing that was asked for.
#[derive(Debug, Deserialize)]
pub struct Statement {
    /// What to do.
    pub verb: Text,
    /// With which guests.
    pub targets: Vec<Target>,
    /// With which values.
    pub fields: Vec<Field>,
}

/// A guest or a selection of guests.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// As a person would name it.
    pub display: Text,
}

/// A value.
#[derive(Debug, Deserialize)]
pub struct Field {
    /// The field's name for people.
    pub label: Text,
    /// The value for people.
    pub value: Text,
    /// Where it comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// These words say it.
    Said {
        /// The words.
        text: Text,
    },
    /// A default.
    Default {
        /// Which.
        why: Text,
    },
    /// It follows from something else.
    Inferred {
        /// From what.
        why: Text,
    },
    /// Somebody answered a question so.
    Answered {
        /// The answer.
        answer: Text,
    },
    /// Somebody set it in a form.
    Set {
        /// Who.
        by: Text,
    },
}

/// A question.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// To be named in the answer.
    pub id: String,
    /// The question.
    pub text: Text,
    /// Answers to choose from.
    pub options: Vec<Text>,
    /// The answer given.
    pub answer: Option<Text>,
}

/// Words.
#[derive(Debug, Deserialize)]
pub struct Fragment {
    /// The words.
    pub text: Text,
}

/// What declaring something would do.
#[derive(Debug, Deserialize)]
pub struct DryPlan {
    /// The cluster that it would be for.
    pub cluster: Text,
    /// What was understood, and what would be asked.
    pub reading: Reading,
    /// What would be done, where nothing would be asked first.
    pub plan: Option<Plan>,
    /// The guests of which something is said that is not declared so yet.
    pub undeclared: Vec<Text>,
}

impl DryPlan {
    /// Whether something would be other than it is.
    pub fn changes(&self) -> bool {
        !self.undeclared.is_empty() || self.plan.as_ref().is_none_or(|plan| !plan.steps.is_empty())
    }

    /// Whether the guest of that name is as it is said, and declared so.
    pub fn is_declared(&self, name: &str) -> bool {
        let is_it = |guest: &Named| guest.name.as_str() == name;
        let stays = |plan: &Plan| !plan.steps.iter().filter_map(|step| step.guest.as_ref()).any(is_it);
        self.plan.as_ref().is_some_and(stays) && self.undeclared.iter().all(|other| other.as_str() != name)
    }
}

/// A guest as a file has it.
#[derive(Debug, Deserialize)]
pub struct Exported {
    /// A name for the file.
    pub file: String,
    /// What the file says.
    pub content: String,
}

/// What would be done.
#[derive(Debug, Deserialize)]
pub struct Plan {
    /// To be named when confirming.
    pub digest: String,
    /// How many guests it makes, changes and destroys.
    pub summary: Summary,
    /// What it does, in the declaration's language; older servers do not say.
    #[serde(default)]
    pub explanation: Text,
    /// What an approver should know besides.
    pub notes: Vec<Text>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// How many guests a plan makes, changes and destroys.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Guests that do not exist yet.
    pub create: usize,
    /// Guests that exist and stay.
    pub update: usize,
    /// Guests that will be gone.
    pub destroy: usize,
}

/// One step.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// 1, 2, 3 …
    pub seq: u32,
    /// The guest it acts on.
    pub guest: Option<Named>,
    /// What it acts on around the guests.
    pub facility: Option<Named>,
    /// `live`, `pending`, `reboot`, `stop` or `destroy`.
    pub effect: Text,
    /// The step in a sentence.
    pub summary: Text,
    /// Field by field.
    pub changes: Vec<Change>,
    /// What else goes with it.
    pub collateral: Vec<Text>,
}

/// What a step acts on.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: Text,
}

/// One field, from what to what.
#[derive(Debug, Deserialize)]
pub struct Change {
    /// The field's key.
    pub field: Text,
    /// What it is.
    pub from: Value,
    /// What it shall be.
    pub to: Value,
    /// Who says so.
    pub source: Source,
}

/// The carrying-out of a plan.
#[derive(Debug, Deserialize)]
pub struct Reconciliation {
    /// Why it did not converge, and what to do.
    pub reason: Option<Text>,
    /// How each step stands.
    pub steps: Vec<LedgerStep>,
}

/// How a step stands.
#[derive(Debug, Deserialize)]
pub struct LedgerStep {
    /// Its number in the plan.
    pub seq: u32,
    /// Where it stands.
    pub state: StepState,
    /// What went wrong.
    pub error: Option<Text>,
}

/// A guest on the cluster.
#[derive(Debug, Deserialize)]
pub struct Guest {
    /// The cluster it is on.
    #[serde(default)]
    pub cluster: Text,
    /// `qemu` or `lxc`.
    pub kind: Text,
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: Text,
    /// Its node.
    pub node: Text,
    /// `running`, `stopped`, `paused` or `unknown`.
    pub status: Text,
    /// Whether it is a template.
    pub template: bool,
    /// Whether it is ours.
    pub managed: bool,
    /// Its resource, where it is ours.
    #[serde(default)]
    pub resource: Option<Uuid>,
    /// The latest declaration that owns a field of it.
    pub declaration: Option<Uuid>,
    /// Its cores.
    pub cores: Option<u64>,
    /// Its memory in MiB.
    pub memory_mib: Option<u64>,
    /// Its disks in GiB.
    pub disk_gib: Option<f64>,
    /// Seconds since it was seen.
    pub age_seconds: f64,
    /// The owned fields that are not as declared.
    pub drift: Vec<Drift>,
    /// What is wrong with it as a guest of ours.
    pub problem: Option<Text>,
}

/// An owned field that is not as declared.
#[derive(Debug, Deserialize)]
pub struct Drift {
    /// The field's key.
    pub field: Text,
    /// As declared.
    pub declared: Value,
    /// As seen.
    pub observed: Value,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who did it, as far as Proxmox tells.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// How often a repair was undone lately, where that is often.
    #[serde(default)]
    pub repairs_undone: Option<u32>,
    /// Until when nobody wants to hear of it.
    #[serde(default)]
    pub snoozed_until: Option<DateTime<Utc>>,
}

/// Who made a field other than declared.
#[derive(Debug, Deserialize)]
pub struct Cause {
    /// In words.
    pub text: Text,
}

/// A cluster.
#[derive(Debug, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: Text,
    /// `seen`, `unreachable` or `unknown`.
    pub state: Text,
    /// Proxmox VE's version.
    pub version: Option<Text>,
    /// How many nodes it has.
    pub nodes: Option<u64>,
    /// How many guests it has.
    pub guests: Option<u64>,
    /// Seconds since it last answered.
    pub age_seconds: Option<u64>,
    /// Why it does not answer.
    pub detail: Option<Text>,
    /// How it is kept as declared.
    #[serde(default)]
    pub keeping: Option<Keeping>,
    /// How it is reached, where one may see that.
    pub access: Option<ClusterAccess>,
}

/// How a cluster is compared with what was declared.
#[derive(Debug, Deserialize)]
pub struct Keeping {
    /// How often, in seconds.
    pub every_seconds: f64,
    /// The guests of ours that are looked at.
    pub guests: u32,
    /// Every change is found within these seconds.
    pub within_seconds: u64,
    /// How long ago the oldest of their last looks was.
    pub oldest_seconds: Option<u64>,
}

/// How a cluster is reached.
#[derive(Debug, Deserialize)]
pub struct ClusterAccess {
    /// Its addresses.
    pub urls: Vec<Text>,
}

/// An audit entry.
#[derive(Debug, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What happened.
    pub kind: Text,
    /// To what.
    pub subject: Option<Text>,
    /// How that stands now.
    pub status: Option<Text>,
}

/// Who did what an audit entry tells of.
#[derive(Debug, Deserialize)]
pub struct Actor {
    /// `user` or `system`.
    pub kind: Text,
    /// A user's address.
    pub email: Option<Text>,
}

/// A user.
#[derive(Debug, Deserialize)]
pub struct User {
    /// Their id.
    pub id: Uuid,
    /// Their address.
    pub email: Text,
    /// `Admin` or `User`.
    pub role: Text,
    /// Whether an Admin approved the account.
    pub approved: bool,
    /// When they last logged in.
    #[serde(default)]
    pub last_login_at: Option<DateTime<Utc>>,
}

/// A value of a plan as people read it. Text in it comes from the server.
#[must_use]
pub fn plain(value: &Value) -> Text {
    Text::from(match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}
