//! The typed understanding of a declaration, before it is held against the cluster.
//!
//! A reading accounts for every word: what ends in no field and is no filler stands in
//! [`Reading::unread`], and each such fragment has a question of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field::{DiskPart, Field, NicPart, NoField, Plain, Slot, Value};
use crate::firewall::FirewallOption;
use crate::guest::{Kind, Vmid};
use crate::id::ResourceId;
use crate::size::Size;
use crate::typed::TypedGuest;

/// The longest declaration, in Unicode code points: room for a table of forty guests.
pub const MAX_DECLARATION: usize = 4_000;

/// A part of a declaration, in Unicode code points, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Span {
    /// The words at this place of `text`; empty where the span lies outside.
    #[must_use]
    pub fn of(self, text: &str) -> String {
        text.chars().skip(self.start).take(self.end.saturating_sub(self.start)).collect()
    }
}

/// A span with its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The words there, verbatim.
    pub text: String,
}

impl Fragment {
    /// The fragment of `text` at `span`.
    #[must_use]
    pub fn at(span: Span, text: &str) -> Self {
        Self { start: span.start, end: span.end, text: span.of(text) }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// These words of the declaration say it.
    Said(Fragment),
    /// Nobody said it; the policy's default holds.
    Default {
        /// Which default, and how to say otherwise.
        why: String,
    },
    /// It follows from what was said, answered or seen.
    Inferred {
        /// From what.
        why: String,
    },
}

impl Source {
    /// Said at this place of `text`.
    #[must_use]
    pub fn said(span: Span, text: &str) -> Self {
        Self::Said(Fragment::at(span, text))
    }

    /// A default, with its reason.
    #[must_use]
    pub fn default(why: impl Into<String>) -> Self {
        Self::Default { why: why.into() }
    }

    /// Inferred, with its reason.
    #[must_use]
    pub fn inferred(why: impl Into<String>) -> Self {
        Self::Inferred { why: why.into() }
    }

    /// The words it was said by.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Said(words) => Some(Span { start: words.start, end: words.end }),
            Self::Default { .. } | Self::Inferred { .. } => None,
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Sourced<T> {
    /// `value` from `source`.
    pub const fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// Another value from the same source.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: f(self.value), source: self.source }
    }
}

/// What a reader understood of a whole declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The cluster that was named, for all statements. Without one the first cluster holds.
    pub cluster: Option<Sourced<String>>,
    /// What is to be done, in the order in which it was said.
    pub statements: Vec<Statement>,
    /// What must be answered before anything is planned.
    pub questions: Vec<Question>,
    /// The words that ended in no field. Each has its question, unless answered.
    pub unread: Vec<Fragment>,
    /// Why this is no declaration at all, or none that MycoPod carries out.
    pub refusal: Option<String>,
    /// What is to be known of how it was read, such as why a language model was not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What was set in a form since, in order.
    #[serde(default)]
    pub edits: Vec<FormEdit>,
}

/// A field that somebody set in a form, after the text was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormEdit {
    /// Of which guest.
    pub guest: FormGuest,
    /// Which field.
    pub field: FormField,
    /// What it was to be.
    pub from: Option<Value>,
    /// What it shall be.
    pub to: Value,
    /// Who set it: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the intent has it already.
    pub applied: bool,
}

/// The guest of a form. Its text form, a VMID or a resource’s id, is its only serialised form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FormGuest {
    /// One that the declaration makes.
    New(ResourceId),
    /// One that exists.
    Seen(Vmid),
}

impl fmt::Display for FormGuest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(resource) => resource.0.fmt(f),
            Self::Seen(vmid) => vmid.fmt(f),
        }
    }
}

impl FromStr for FormGuest {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let vmid = text.parse().ok().and_then(|number: u32| Vmid::try_from(number).ok()).map(Self::Seen);
        let resource = || text.parse::<Uuid>().ok().map(|id| Self::New(ResourceId(id)));
        vmid.or_else(resource).ok_or("it is neither a VMID nor the id of a guest to be made")
    }
}

impl TryFrom<String> for FormGuest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FormGuest> for String {
    fn from(guest: FormGuest) -> Self {
        guest.to_string()
    }
}

/// What a form sets. Its text form, a field’s key or `node` or `vmid`, is its only serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FormField {
    /// A field of the guest.
    Field(Field),
    /// The node that a new guest shall be on.
    Node,
    /// The VMID that a new guest shall have.
    Vmid,
}

impl fmt::Display for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Node => f.write_str("node"),
            Self::Vmid => f.write_str("vmid"),
        }
    }
}

impl FromStr for FormField {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        match text {
            "node" => Ok(Self::Node),
            "vmid" => Ok(Self::Vmid),
            key => key.parse().map(Self::Field),
        }
    }
}

impl TryFrom<String> for FormField {
    type Error = NoField;
    fn try_from(text: String) -> Result<Self, NoField> {
        text.parse()
    }
}

impl From<FormField> for String {
    fn from(field: FormField) -> Self {
        field.to_string()
    }
}

/// One thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The words that say it.
    pub span: Span,
    /// What they say.
    pub what: What,
}

/// The things that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// One new guest. “Three VMs web-1 to web-3” are three statements.
    Create(Box<Create>),
    /// Other values for fields of guests that exist.
    Change {
        /// Which guests; every one of every target.
        targets: Vec<Target>,
        /// Which fields; at least one.
        edits: Vec<Edit>,
    },
    /// Something done once.
    Do {
        /// To which guests.
        targets: Vec<Target>,
        /// What.
        deed: Deed,
    },
    /// A copy of a guest or template that exists, under a new name.
    Clone {
        /// Of which guest; a selector that fits several is a question.
        from: Target,
        /// The copy's name.
        name: Sourced<String>,
        /// The node it shall be on.
        node: Option<Sourced<String>>,
        /// A full copy (`true`) or one linked to its template.
        full: Option<Sourced<bool>>,
        /// Where the copy shall differ.
        edits: Vec<Edit>,
    },
    /// What stands around the guests: made or deleted.
    Facility(WantedFacility),
    /// A guest as a typed intent has it.
    Typed(Box<TypedGuest>),
}

/// What somebody asked for around the guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WantedFacility {
    /// “create pool lab”, “make a pool prod with web-01 and web-02 in it”.
    MakePool {
        /// Its name; with up to two parents before slashes.
        name: Sourced<String>,
        /// Its comment.
        comment: Option<Sourced<String>>,
        /// The guests to put into it.
        members: Vec<Target>,
    },
    /// “delete pool lab”.
    DeletePool {
        /// Its name.
        name: Sourced<String>,
    },
    /// “download <https://example.org/debian-12.qcow2> to local on pve1 as base.qcow2, sha256 6d2f…”.
    Download {
        /// From where.
        url: Sourced<String>,
        /// The storage; where `None`, the only one that may hold such a file.
        storage: Option<Sourced<String>>,
        /// The node; where `None`, any for a storage that all share.
        node: Option<Sourced<String>>,
        /// The file's name; where `None`, the address's last part.
        file: Option<Sourced<String>>,
        /// Its checksum in hexadecimal digits; the algorithm is known by their number.
        checksum: Option<Sourced<String>>,
    },
    /// “delete the file local:iso/debian-12.iso”, “delete backup local:backup/vzdump-qemu-…”.
    DeleteFile {
        /// The volume, as Proxmox names it.
        volume: Sourced<String>,
    },
    /// “back up web-01 and db-01 every night at 2 to backup, keep 7 daily and 4 weekly”.
    MakeBackupJob {
        /// Which guests.
        guests: WantedBacked,
        /// When, in Proxmox's notation: `02:00`, `sun 03:30`, `mon..fri 22:00`, `hourly`.
        schedule: Sourced<String>,
        /// The storage; where `None`, the only one for backups.
        storage: Option<Sourced<String>>,
        /// `snapshot`, `suspend` or `stop`; where `None`, `snapshot`.
        mode: Option<Sourced<String>>,
        /// How many are kept, by Proxmox's names (`keep-last`, `keep-daily` …).
        keep: Vec<(String, Sourced<u32>)>,
    },
    /// “delete backup job mycopod-3f2a-0”.
    DeleteBackupJob {
        /// Its id, as Proxmox shows it.
        id: Sourced<String>,
    },
}

/// The guests of a backup job that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantedBacked {
    /// All, those of later days included, but these.
    All(Vec<Target>),
    /// Those of a pool, those of later days included.
    Pool(Sourced<String>),
    /// These, as they are when it is declared.
    Guests(Vec<Target>),
}

/// A guest to be made. What is `None` or missing takes a default of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// VM or container.
    pub kind: Sourced<Kind>,
    /// Its name, as said; checked when the reading is resolved.
    pub name: Sourced<String>,
    /// Its VMID, where somebody said one.
    pub vmid: Option<Sourced<u32>>,
    /// The guest that it shall be like wherever nothing else is said. Of what that one holds nothing is copied.
    pub like: Option<Target>,
    /// Where it differs from that one by so much: “half the memory”, “without the tag db”.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlike: Vec<(Plain, Sourced<Amount>)>,
    /// The node it shall be on.
    pub node: Option<Sourced<String>>,
    /// What it is made from, as said (“debian 12”, “template base”, a volume); resolved against what the cluster has.
    pub image: Option<Sourced<String>>,
    /// The fields that it has once, and whether it shall run.
    pub plain: Vec<(Plain, Sourced<Value>)>,
    /// Its disks in order; the first is the system disk.
    pub disks: Vec<WantedDisk>,
    /// Its NICs in order.
    pub nics: Vec<WantedNic>,
}

/// A disk somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedDisk {
    /// Its size.
    pub size: Sourced<Size>,
    /// The storage to put it on.
    pub storage: Option<Sourced<String>>,
    /// The other parts that were said.
    pub parts: Vec<(DiskPart, Sourced<Value>)>,
    /// Whether it stands beside the system disk (“another disk”, “a data disk”) and never is it.
    pub further: bool,
}

/// A NIC somebody asked for, by its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedNic {
    /// The parts that were said.
    pub parts: Vec<(NicPart, Sourced<Value>)>,
}

/// Which guests somebody meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The words.
    pub span: Span,
    /// What they select.
    pub selector: Selector,
}

/// How guests are selected. Resolved to guests once, when the reading becomes an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selector {
    /// By name, exactly.
    Name(String),
    /// By number.
    Vmid(u32),
    /// Every guest that fits (“all stopped test machines”). Not for what interrupts or deletes, unless it is narrow: see
    /// [`Fit`].
    All(Fit),
    /// Words that may mean a guest without naming one (“the web server”): always a question,
    /// with the guests that come near as options.
    Vague(String),
}

/// What all guests of a selection have in common. Templates are never among them.
///
/// What deletes takes a selection by [`Fit::tags`], [`Fit::word`] or [`Fit::stem`], and what interrupts may take
/// one by [`Fit::pool`] besides: “delete all VMs” is never one click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fit {
    /// VMs or containers.
    pub kind: Option<Kind>,
    /// Tags, each of which they carry.
    pub tags: BTreeSet<String>,
    /// A word for them, which is a tag or how their names begin (“test machines”).
    pub word: Option<String>,
    /// How their names begin.
    pub stem: Option<String>,
    /// Their pool.
    pub pool: Option<String>,
    /// Their node.
    pub node: Option<String>,
    /// Whether they run.
    pub running: Option<bool>,
    /// How many they are said to be (“both web servers”).
    pub count: Option<u64>,
    /// The names of those that are excepted.
    pub except: BTreeSet<String>,
}

impl Fit {
    /// Every guest that carries the tag.
    #[must_use]
    pub fn tagged(tag: impl Into<String>) -> Self {
        Self { tags: BTreeSet::from([tag.into()]), ..Self::default() }
    }

    /// Every guest of that kind.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Whether a name, or a word that somebody gave them, tells them from the rest of the cluster.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        !self.tags.is_empty() || self.word.is_some() || self.stem.is_some()
    }
}

/// As in a sentence: `every VM tagged web on pve1`.
impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every ")?;
        match self.running {
            Some(true) => f.write_str("running ")?,
            Some(false) => f.write_str("stopped ")?,
            None => {}
        }
        if let Some(word) = &self.word {
            write!(f, "{word} ")?;
        }
        f.write_str(self.kind.map_or("guest", Kind::noun))?;
        if !self.tags.is_empty() {
            write!(f, " tagged {}", self.tags.iter().cloned().collect::<Vec<_>>().join(" and "))?;
        }
        let parts = [("named", &self.stem, "…"), ("in pool", &self.pool, ""), ("on", &self.node, "")];
        for (how, part, end) in parts {
            if let Some(part) = part {
                write!(f, " {how} {part}{end}")?;
            }
        }
        if !self.except.is_empty() {
            write!(f, " except {}", self.except.iter().cloned().collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

/// A change to one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which field.
    pub field: EditField,
    /// By how much, or to what.
    pub amount: Amount,
    /// The words that say it.
    pub source: Source,
}

/// The field that an edit names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EditField {
    /// One that every guest has once.
    Plain(Plain),
    /// A part of a disk that exists.
    Disk(DiskRef, DiskPart),
    /// A further disk; the amount is [`Amount::To`] its size.
    NewDisk {
        /// The storage to put it on.
        storage: Option<Sourced<String>>,
        /// The other parts that were said.
        parts: Vec<(DiskPart, Sourced<Value>)>,
    },
    /// A part of the NIC of that number; where `None`, of the only one.
    Nic(Option<u8>, NicPart),
    /// A further NIC; the amount is [`Amount::To`] its bridge.
    NewNic {
        /// The other parts that were said.
        parts: Vec<(NicPart, Sourced<Value>)>,
    },
    /// A part of its firewall.
    Firewall(FirewallPart),
}

/// The part of a firewall that an edit names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallPart {
    /// An option.
    Option(FirewallOption),
    /// A rule in Proxmox's notation: [`Amount::To`] it there shall be such a rule; [`Amount::Minus`] it there shall be
    /// none like it.
    Rule,
    /// The IP set of that name; an empty text takes it away.
    IpSet(String),
    /// The alias of that name; an empty text takes it away.
    Alias(String),
}

/// The disk that somebody meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskRef {
    /// “the disk”: the only one; a question where there are several.
    Only,
    /// “the data disk”: the only one besides the system disk; a question where there are more.
    Data,
    /// “the second disk”: counted from 1 in slot order.
    Nth(u8),
    /// By slot.
    Slot(Slot),
}

/// To what, or by how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// To this value.
    To(Value),
    /// From the first of these values to the second; where it is another now, that is a question.
    FromTo(Value, Value),
    /// By this much more; for tags, with these besides.
    Plus(Value),
    /// By this much less; for tags, without these.
    Minus(Value),
    /// Times this many: “double” is 2.
    Times(u32),
    /// Divided by this: “halve” is 2.
    Over(u32),
    /// To so many hundredths: “50 % more” is 150.
    PerCent(u32),
}

/// What is done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Start it.
    Start,
    /// Ask its system to shut down.
    Shutdown {
        /// The seconds it has for that, where somebody said them.
        within: Option<Sourced<u64>>,
    },
    /// Switch it off, as by pulling the plug.
    Stop,
    /// Restart its system.
    Reboot,
    /// Halt it where it is, in memory.
    Suspend,
    /// Let a suspended guest go on.
    Resume,
    /// Delete it with its disks.
    Delete,
    /// Take a snapshot; without a name one is made from the declaration's time.
    Snapshot {
        /// The snapshot's name.
        name: Option<Sourced<String>>,
    },
    /// Take it back to a snapshot; what came after is lost.
    Rollback {
        /// The snapshot's name; where `None`, the newest.
        snapshot: Option<Sourced<String>>,
    },
    /// Delete a snapshot.
    DeleteSnapshot {
        /// The snapshot's name; where `None`, the only one.
        snapshot: Option<Sourced<String>>,
    },
    /// Back it up now.
    Backup {
        /// The storage; where `None`, the only one for backups.
        storage: Option<Sourced<String>>,
        /// `snapshot`, `suspend` or `stop`; where `None`, `snapshot`.
        mode: Option<Sourced<String>>,
    },
    /// Overwrite it with a backup of its own.
    Restore {
        /// The backup's volume, or words for it; where `None`, the newest.
        backup: Option<Sourced<String>>,
    },
    /// Make a template of it, which cannot be undone.
    MakeTemplate,
    /// Move it to another node.
    Migrate {
        /// The node.
        node: Sourced<String>,
        /// The storage for its disks there; where `None`, those of the same names.
        storage: Option<Sourced<String>>,
        /// The node it is said to be on; where it is elsewhere, that is a question.
        from: Option<Sourced<String>>,
        /// Whether it shall be off meanwhile. A guest that runs is moved live unless this is said.
        offline: bool,
    },
    /// Take a disk out of its configuration and keep it as an unused one.
    Detach(DiskRef),
    /// Delete a disk with its data.
    DestroyDisk(DiskRef),
    /// Take the NIC of that number out; where `None`, the only one.
    RemoveNic(Option<u8>),
    /// Take it over: from then on MycoPod may change it.
    Adopt,
}

/// Something that must be answered before anything is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The same for the same doubt about the same words, whenever the text is read again.
    pub id: String,
    /// The question, with the words or the numbers it is about.
    pub text: String,
    /// Answers to choose from. Where empty, any text will do.
    pub options: Vec<String>,
    /// The words it is about.
    pub span: Option<Span>,
}

/// The option by which somebody gives up the words a question is about. The rest goes on without them.
pub const LEAVE_OUT: &str = "Leave it out";

impl Question {
    /// A question on `topic` (a short word such as `name` or `bridge`) about the words at `span`.
    #[must_use]
    pub fn new(topic: &str, span: Option<Span>, text: impl Into<String>, options: Vec<String>) -> Self {
        Self { id: question_id(topic, span), text: text.into(), options, span }
    }
}

fn question_id(topic: &str, span: Option<Span>) -> String {
    span.map_or_else(|| topic.to_owned(), |span| format!("{topic}@{}-{}", span.start, span.end))
}

/// The answers given so far, by question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(BTreeMap<String, String>);

impl Answers {
    /// The answer to the question of that id.
    #[must_use]
    pub fn to(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// The answer to the question on `topic` about `span`.
    #[must_use]
    pub fn get(&self, topic: &str, span: Option<Span>) -> Option<&str> {
        self.0.get(&question_id(topic, span)).map(String::as_str)
    }

    /// Whether the words at `span` were given up.
    #[must_use]
    pub fn left_out(&self, topic: &str, span: Option<Span>) -> bool {
        self.get(topic, span) == Some(LEAVE_OUT)
    }
}

impl FromIterator<(String, String)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}
