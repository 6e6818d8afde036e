//! The ways in which the outside reaches the core: a reader of text, a hypervisor
//! and a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cluster::{Access, Secret};
use crate::explain::Explanation;
use crate::facility::Facility;
use crate::firewall::Firewall;
use crate::guest::{GuestKey, GuestRef, Kind, Vmid};
use crate::id::ClusterId;
use crate::observed::{Look, Observed, Sighting};
use crate::plan::{Step, Tasks};
use crate::reading::{Answers, Reading};
use crate::rights::Rights;
use crate::roll::{Listed, Roll};

/// Time and randomness, so that tests can give their own.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> DateTime<Utc>;
    /// Fills `bytes` from the system's cryptographic generator.
    fn random(&self, bytes: &mut [u8]);
}

/// Text → reading.
#[async_trait]
pub trait Interpreter: Send + Sync {
    /// `builtin`, or the kind of language model server.
    fn name(&self) -> &'static str;

    /// The language model's name, where one is asked.
    fn model(&self) -> Option<&str> {
        None
    }

    /// The cluster that `text` says or the answers name, as far as that is settled: it must be known before there is an
    /// inventory to read the text against. Without one the first cluster holds.
    fn cluster(&self, text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
        let _ = (text, clusters, answers);
        None
    }

    /// What can be understood of `text` without asking anybody: for somebody who still types.
    fn read_at_once(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Reading;

    /// Reads `text`, with the answers given so far. `inventory` tells names from other words; nothing of it
    /// changes what a sentence means. To drop the future ends whatever was asked of others.
    async fn read(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        errand: &dyn Errand,
    ) -> Result<Reading, ReadError>;

    /// What a plan says of itself, in the words of a language model that says nothing else by them; `None` where none is
    /// to word it, or its words are not to be trusted. Nothing depends on them.
    async fn reword(&self, explanation: &Explanation, errand: &dyn Errand) -> Result<Option<String>, ReadError> {
        let _ = (explanation, errand);
        Ok(None)
    }
}

/// For whom something is read: who pays for a language model, and who watches its answer grow.
#[async_trait]
pub trait Errand: Send + Sync {
    /// Sets aside what an answer may cost at most, before it is asked for. The error is why there is no budget for it.
    async fn reserve(&self, most: Usage) -> Result<(), String>;

    /// What it cost in the end, instead of what was set aside for it.
    async fn settle(&self, reserved: Usage, spent: Usage);

    /// How many characters of the answer have come.
    fn progress(&self, characters: usize);
}

/// An errand that is free, and that nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Free;

#[async_trait]
impl Errand for Free {
    async fn reserve(&self, _: Usage) -> Result<(), String> {
        Ok(())
    }

    async fn settle(&self, _: Usage, _: Usage) {}

    fn progress(&self, _: usize) {}
}

/// What a language model reads and writes, in its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Those that it was given.
    pub input: u64,
    /// Those that it wrote.
    pub output: u64,
}

/// Why a text could not be read. A text that was read and not understood is no error: it has questions.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The language model's server cannot be reached or refuses.
    #[error(
        "the language model’s server did not answer: {0}. Nothing was planned. Try again, or set LLM_PROVIDER=builtin"
    )]
    Unavailable(String),
    /// It was not asked at all.
    #[error("the language model was not asked: {0}. Nothing was planned. Try again later, or set LLM_PROVIDER=builtin")]
    NotAsked(String),
    /// It answered, twice, with something that is no reading.
    #[error(
        "the language model’s answer was no valid reading: {0}. Nothing was planned. Say it in plainer words, or set LLM_PROVIDER=builtin"
    )]
    Invalid(String),
}

/// The names that stand for something on the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Guests by name, templates excluded; names may repeat.
    pub guests: BTreeMap<String, Vec<GuestKey>>,
    /// The node that each of them is on.
    pub homes: BTreeMap<Vmid, String>,
    /// Nodes.
    pub nodes: BTreeSet<String>,
    /// Storages.
    pub storages: BTreeSet<String>,
    /// Bridges.
    pub bridges: BTreeSet<String>,
    /// VM templates and container templates.
    pub images: BTreeMap<String, Kind>,
    /// The volumes of CDs by their file’s name.
    pub isos: BTreeMap<String, BTreeSet<String>>,
    /// Tags in use.
    pub tags: BTreeSet<String>,
    /// Resource pools.
    pub pools: BTreeSet<String>,
    /// The clusters that a declaration can name.
    pub clusters: BTreeSet<String>,
}

impl Inventory {
    /// The names in what was seen.
    #[must_use]
    pub fn of(observed: &Observed) -> Self {
        let mut inventory = Self::default();
        for (name, node) in observed.seen_nodes() {
            inventory.nodes.insert(name.clone());
            inventory.storages.extend(node.storages.keys().cloned());
            inventory.bridges.extend(node.bridges.keys().cloned());
        }
        for seen in observed.guests.iter().filter(|seen| !seen.template) {
            inventory.guests.entry(seen.guest.name.clone()).or_default().push(seen.guest.key());
            inventory.homes.insert(seen.guest.vmid, seen.guest.node.clone());
            inventory.tags.extend(seen.tags());
        }
        for volume in observed.volumes.iter().filter(|volume| volume.content == "iso") {
            if let Some((_, name)) = volume.volume.split_once("iso/") {
                inventory.isos.entry(name.to_owned()).or_default().insert(volume.volume.clone());
            }
        }
        inventory.pools.clone_from(&observed.pools);
        inventory.images = observed.images.iter().map(|image| (image.name.clone(), image.kind)).collect();
        inventory
    }
}

/// A Proxmox task's identifier: `UPID:node:pid:pstart:starttime:type:id:user:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Upid {
    text: String,
    node: String,
    starttime: i64,
    kind: String,
    id: String,
    user: String,
}

/// A text that is no UPID.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” is no task identifier of Proxmox")]
pub struct NoUpid(pub String);

impl Upid {
    /// As Proxmox writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The node that runs the task.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// When it started, in seconds since 1970 by that node's clock.
    #[must_use]
    pub const fn starttime(&self) -> i64 {
        self.starttime
    }

    /// What it does: `qmcreate`, `vzstart` …
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it acts on, mostly a VMID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Who started it: `USER@REALM`, or an API token `USER@REALM!NAME`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl FromStr for Upid {
    type Err = NoUpid;
    fn from_str(text: &str) -> Result<Self, NoUpid> {
        let no_upid = || NoUpid(text.chars().take(200).collect());
        let parts: Vec<&str> = text.split(':').collect();
        let ["UPID", node, pid, pstart, starttime, kind, id, user, ""] = parts.as_slice() else {
            return Err(no_upid());
        };
        let is_hex = |part: &str| (8..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        // A kind may have underscores: `move_volume`.
        let is_kind = is_name(&kind.replace('_', "-"));
        if !(is_name(node) && is_hex(pid) && is_hex(pstart) && is_hex(starttime) && is_kind && !user.is_empty()) {
            return Err(no_upid());
        }
        Ok(Self {
            text: text.to_owned(),
            node: (*node).to_owned(),
            starttime: i64::from_str_radix(starttime, 16).map_err(|_| no_upid())?,
            kind: (*kind).to_owned(),
            id: (*id).to_owned(),
            user: (*user).to_owned(),
        })
    }
}

impl TryFrom<String> for Upid {
    type Error = NoUpid;
    fn try_from(text: String) -> Result<Self, NoUpid> {
        text.parse()
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> Self {
        upid.text
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How a call to Proxmox ended without success.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CallError {
    /// It never left us: trying again is safe.
    #[error("Proxmox cannot be reached: {0}")]
    NotSent(String),
    /// It may have been carried out: only a look can tell.
    #[error("Proxmox’s answer got lost: {0}")]
    MaybeSent(String),
    /// Proxmox answered, and said no.
    #[error("Proxmox refused ({status}): {reason}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The reason in Proxmox's words, with what it says of single parameters.
        reason: String,
    },
    /// Proxmox answered something that is not its API's.
    #[error("Proxmox’s answer makes no sense: {0}")]
    Malformed(String),
}

impl CallError {
    /// Whether Proxmox gave up waiting for a lock that somebody else held. It had done nothing yet: the call may
    /// be made again.
    #[must_use]
    pub fn is_lock_timeout(&self) -> bool {
        let Self::Rejected { reason, .. } = self else { return false };
        let of_a_guest = ["can't lock file", "can't aquire lock", "can't acquire lock"];
        reason.contains("got lock request timeout")
            || (reason.contains("got timeout") && of_a_guest.iter().any(|lock| reason.contains(lock)))
    }

    /// Whether Proxmox says that the node it was sent to has no such guest: it has moved, or is gone. There is no
    /// 404 for objects.
    #[must_use]
    pub fn is_not_there(&self, vmid: Vmid) -> bool {
        matches!(self, Self::Rejected { status: 500, reason }
            if reason.contains("onfiguration file '")
                && reason.contains(&format!("/{vmid}.conf'"))
                && reason.contains("does not exist"))
    }
}

/// What Proxmox answered to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is done; there is no task.
    Done,
    /// A task was started.
    Task(Upid),
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It runs.
    Running,
    /// It ended well; `warnings` counts what it complained of.
    Ok {
        /// Number of warnings in its log.
        warnings: u32,
    },
    /// It ended badly, with Proxmox's own words.
    Failed(String),
    /// The node does not know it any more.
    Unknown,
}

/// A part of a task's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskLog {
    /// The lines from where was asked.
    pub lines: Vec<String>,
    /// How many lines there are in all.
    pub total: u64,
}

/// Something that the product's token may not do, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingPrivilege {
    /// The path of Proxmox's access control, e.g. `/storage/local-lvm`.
    pub path: String,
    /// The privilege, e.g. `Datastore.AllocateSpace`.
    pub privilege: String,
}

/// What can be said of the way to Proxmox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Proxmox VE's version.
    pub version: String,
    /// Whether that version's answers are understood.
    pub supported: bool,
    /// Privileges that carrying out plans would lack.
    pub missing: Vec<MissingPrivilege>,
    /// The fingerprints of the nodes' certificates: by them a cluster is known again under another address.
    pub fingerprints: BTreeSet<String>,
}

/// The bytes of a file, piece by piece.
pub type Bytes = BoxStream<'static, std::io::Result<Vec<u8>>>;

/// Proxmox, or what stands in for it.
///
/// No method retries a call that may have been carried out. Every text that comes back is
/// data, never an instruction.
#[async_trait]
pub trait Hypervisor: Send + Sync {
    /// Looks at the whole cluster afresh: nodes, storages, bridges, images, guests with their configurations.
    /// Fails only where nothing can be said; a node that does not answer is [`crate::observed::NodeState::Unreachable`].
    async fn observe(&self) -> Result<Observed, CallError>;

    /// The cluster's own list: who is there and where, by one call whatever the number of guests, and one for what the HA
    /// manager keeps.
    async fn roll(&self) -> Result<Roll, CallError>;

    /// Reads a guest where the list has it, by two calls, without its snapshots; `None` where it is not there any more.
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError>;

    /// Looks at one guest afresh, wherever it is, its snapshots included.
    async fn look(&self, guest: GuestKey) -> Result<Look, CallError>;

    /// Looks afresh at what stands around the guests.
    async fn look_around(&self, facility: &Facility) -> Result<Look, CallError>;

    /// Reads a guest's firewall on the node it is on.
    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError>;

    /// Whether no guest has the number, on no node and seen by nobody. This is told to everybody, where lists have only
    /// what one may see.
    async fn is_free(&self, vmid: Vmid) -> Result<bool, CallError>;

    /// Sends a step, once. `seen` is what the look just before it saw: its digest goes with the call where Proxmox takes one.
    /// `secret` is the value of [`Step::secret`], where the step names one.
    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError>;

    /// Sends a file of `size` bytes to a storage, once. It is stored by the task that comes of it.
    async fn upload(&self, file: &Facility, size: u64, bytes: Bytes) -> Result<Upid, CallError> {
        let _ = (size, bytes);
        Err(CallError::NotSent(format!("{file} cannot be sent there")))
    }

    /// How a task stands.
    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError>;

    /// A task's log from line `start` (0 is the first), at most 500 lines.
    async fn task_log(&self, upid: &Upid, start: u64) -> Result<TaskLog, CallError>;

    /// The tasks that their node still knows, newest first, running ones included.
    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError>;

    /// What we may do there.
    async fn rights(&self) -> Result<Rights, CallError>;

    /// Version and privileges.
    async fn health(&self) -> Result<Health, CallError>;
}

/// Makes the way to a cluster from its settings.
pub trait Connector: Send + Sync {
    /// A way to the cluster; nothing is sent yet. The error says which setting is wrong, and repeats no secret.
    fn connect(&self, id: ClusterId, access: &Access, secret: &Secret) -> Result<Arc<dyn Hypervisor>, String>;
}

#[cfg(test)]
mod tests {
    use super::{CallError, Upid};
    use crate::guest::Vmid;

    fn rejected(status: u16, reason: &str) -> CallError {
        CallError::Rejected { status, reason: reason.to_owned() }
    }

    #[test]
    fn only_a_missing_configuration_means_that_a_guest_is_not_there() {
        let vmid = Vmid::try_from(999).unwrap();
        let gone = "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist";
        assert!(rejected(500, gone).is_not_there(vmid));
        assert!(rejected(500, &gone.replace("qemu-server", "lxc")).is_not_there(vmid));
        assert!(!rejected(500, &gone.replace("999", "1999")).is_not_there(vmid));
        assert!(!rejected(403, "Permission check failed (/vms/999, VM.Audit)").is_not_there(vmid));
        assert!(!rejected(500, "storage 'x' does not exist").is_not_there(vmid));
        assert!(!CallError::MaybeSent(gone.to_owned()).is_not_there(vmid));
    }

    #[test]
    fn a_lock_that_was_not_got_is_told_from_work_that_took_too_long() {
        let lock = "can't lock file '/var/lock/qemu-server/lock-114.conf' - got timeout";
        assert!(rejected(500, lock).is_lock_timeout());
        assert!(rejected(500, &format!("unable to create VM 114 - {lock}")).is_lock_timeout());
        assert!(rejected(500, "cfs-lock 'file-user_cfg' error: got lock request timeout").is_lock_timeout());
        assert!(!rejected(500, "VM 300 qmp command 'device_add' failed - got timeout").is_lock_timeout());
        assert!(!rejected(500, "cfs-lock 'storage-nfs' error: got lock timeout - aborting command").is_lock_timeout());
        assert!(!CallError::MaybeSent(lock.to_owned()).is_lock_timeout());
    }

    #[test]
    fn a_task_is_named_by_proxmoxs_identifier_and_nothing_else() {
        let upid =
            |kind: &str| format!("UPID:pve1:00004D8A:000433A9:6B037920:{kind}:100:root@pam!lab:").parse::<Upid>();
        assert_eq!(upid("qmstart").unwrap().kind(), "qmstart");
        assert_eq!(upid("move_volume").unwrap().kind(), "move_volume");
        assert_eq!(upid("qmstart").unwrap().user(), "root@pam!lab");
        for bad in ["", "qm start", "qm/../start", "qm:start"] {
            assert!(upid(bad).is_err(), "{bad}");
        }
    }
}
