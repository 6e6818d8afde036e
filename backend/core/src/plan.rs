//! The plan: an immutable, ordered list of steps with all choices made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::facility::{Backed, Facility, FacilityCall};
use crate::field::{DiskPart, Field, Plain, Slot, Value};
use crate::firewall::FirewallCall;
use crate::guest::{GuestRef, Vmid};
use crate::id::{DeclarationId, ResourceId};
use crate::planner::Promise;
use crate::reading::Source;
use crate::size::Size;

/// The most steps a plan may have: beyond it nobody reads what they approve.
pub const MAX_STEPS: usize = 500;

/// What is to be done, step by step.
///
/// The fields are private: a plan is made by [`Plan::new`], which computes the digest,
/// and read back from the database by deserialising, where [`Plan::is_intact`] tells
/// whether it is still what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    declaration: DeclarationId,
    steps: Vec<Step>,
    notes: Vec<String>,
    relies_on: BTreeMap<String, String>,
    policy: String,
    digest: PlanDigest,
    /// Not under the digest: it follows from the steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    promises: Vec<Promise>,
}

/// SHA-256 over a plan's steps, the facts it relies on and its policy; 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(String);

impl PlanDigest {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One call to Proxmox, with what it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 1, 2, 3 …; steps of one guest are carried out in this order.
    pub seq: u32,
    /// The entry of the intent that it serves.
    pub wish: usize,
    /// What it acts on.
    #[serde(flatten)]
    pub subject: Subject,
    /// What is done.
    pub action: Action,
    /// What it does to a guest in use.
    pub effect: Effect,
    /// The same in a sentence.
    pub summary: String,
    /// Field by field, from what to what.
    pub changes: Vec<Change>,
    /// What else goes with it: snapshots, unused disks.
    pub collateral: Vec<String>,
}

/// What a step acts on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// A guest; the action is none of [`Action::Facility`].
    Guest {
        /// Which.
        guest: GuestRef,
        /// The resource of ours that it is, or becomes by this step.
        resource: ResourceId,
    },
    /// What stands around the guests; the action is [`Action::Facility`].
    Facility {
        /// Which.
        facility: Facility,
    },
}

/// Where Proxmox lists tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks<'a> {
    /// Those of a guest.
    OfGuest {
        /// The node that lists them.
        node: &'a str,
        /// The guest.
        vmid: Vmid,
    },
    /// Those of one kind.
    OfKind {
        /// The node that lists them.
        node: &'a str,
        /// Proxmox's name of the kind.
        kind: &'static str,
    },
}

/// Steps that share one of these are carried out in the plan's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touch {
    /// A guest.
    Guest(Vmid),
    /// A pool.
    Pool(String),
    /// A file on a storage.
    Volume(String),
    /// A backup job.
    BackupJob(String),
}

/// The calls a plan is made of. Everything chosen is in them; carrying them out leaves no choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the guest of that VMID with these fields. VMs get empty disks; containers are unpacked from `template`.
    Create {
        /// Fields at its making; never [`Field::Plain(Plain::Running)`].
        fields: BTreeMap<Field, Value>,
        /// A container's template volume.
        template: Option<String>,
        /// The MAC address of each NIC, chosen in the plan.
        macs: BTreeMap<u8, String>,
    },
    /// Copy another guest or template to that VMID.
    Clone {
        /// The source's number; it is of the same kind.
        from: Vmid,
        /// The source's node.
        from_node: String,
        /// The source's name, for people.
        from_name: String,
        /// A full copy, or one linked to its template.
        full: bool,
        /// Where a full copy's disks go.
        storage: Option<String>,
    },
    /// Write our marker into its notes; nothing else changes.
    Adopt,
    /// Set these fields in one call that Proxmox does at once.
    Update {
        /// The fields; never a disk's growth, never [`Field::Plain(Plain::Running)`].
        fields: BTreeMap<Field, Value>,
        /// The MAC address of each NIC that is added.
        macs: BTreeMap<u8, String>,
    },
    /// Add an empty disk.
    AddDisk {
        /// Where.
        slot: Slot,
        /// On which storage.
        storage: String,
        /// How large, in whole GiB.
        size: Size,
        /// Its other parts, where they were said.
        parts: BTreeMap<DiskPart, Value>,
    },
    /// Grow a disk; Proxmox cannot shrink one.
    Resize {
        /// Which.
        slot: Slot,
        /// To what.
        size: Size,
    },
    /// Move a disk, its EFI variables or TPM state to another storage of its node; the old volume is deleted.
    MoveDisk {
        /// Proxmox's key of it: a slot, `efidisk0` or `tpmstate0`.
        disk: String,
        /// Where to.
        storage: String,
    },
    /// Take a disk out of the configuration; its volume stays as an unused one.
    Detach {
        /// Which.
        slot: Slot,
        /// The volume that is there.
        volume: String,
    },
    /// Delete a detached volume of the guest's, with its data.
    DestroyVolume {
        /// The volume.
        volume: String,
    },
    /// Take a NIC out, with its cloud-init address.
    RemoveNic {
        /// Its number.
        number: u8,
    },
    /// Put it into a pool, or out of the one it is in.
    SetPool {
        /// The pool it is in; empty for none.
        from: String,
        /// The pool it shall be in; empty for none.
        to: String,
    },
    /// Give it to the HA manager, change its state there, or take it away.
    SetHa {
        /// Whether the HA manager has it already.
        known: bool,
        /// The state to keep it in; empty to take it away.
        state: String,
    },
    /// Change its firewall.
    Firewall(FirewallCall),
    /// Start it.
    Start,
    /// Ask its system to shut down.
    Shutdown {
        /// The seconds it has; then the task fails, and it keeps running.
        seconds: u64,
    },
    /// Switch it off.
    Stop,
    /// Restart its system.
    Reboot,
    /// Halt it in memory.
    Suspend,
    /// Let it go on.
    Resume,
    /// Take a snapshot, without the memory's contents.
    Snapshot {
        /// Its name: 2 to 40 characters.
        name: String,
    },
    /// Take it back to a snapshot.
    Rollback {
        /// The snapshot's name.
        name: String,
    },
    /// Delete a snapshot.
    DeleteSnapshot {
        /// Its name.
        name: String,
    },
    /// Back it up.
    Backup {
        /// The storage.
        storage: String,
        /// `snapshot`, `suspend` or `stop`.
        mode: String,
    },
    /// Overwrite it with a backup of it. Its identity (VMID, marker) stays or is written anew.
    Restore {
        /// The backup's volume.
        backup: String,
    },
    /// Make a template of it.
    MakeTemplate,
    /// Move it to another node of its cluster.
    Migrate {
        /// Where to.
        node: String,
        /// Without a break in its service (VM), or by a restart (container).
        running: bool,
        /// Whether it has disks on storages that the nodes do not share: they are copied.
        local_disks: bool,
        /// The storage for them there; where `None`, those of the same names.
        storage: Option<String>,
    },
    /// Delete it with its disks.
    Delete,
    /// Make or delete what stands around the guests.
    Facility(FacilityCall),
}

impl Action {
    /// Its name in the API and on pages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Clone { .. } => "clone",
            Self::Adopt => "adopt",
            Self::Update { .. } => "update",
            Self::AddDisk { .. } => "add_disk",
            Self::Resize { .. } => "resize",
            Self::MoveDisk { .. } => "move_disk",
            Self::Detach { .. } => "detach",
            Self::DestroyVolume { .. } => "destroy_volume",
            Self::RemoveNic { .. } => "remove_nic",
            Self::SetPool { .. } => "set_pool",
            Self::SetHa { .. } => "set_ha",
            Self::Firewall(call) => call.name(),
            Self::Start => "start",
            Self::Shutdown { .. } => "shutdown",
            Self::Stop => "stop",
            Self::Reboot => "reboot",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Snapshot { .. } => "snapshot",
            Self::Rollback { .. } => "rollback",
            Self::DeleteSnapshot { .. } => "delete_snapshot",
            Self::Backup { .. } => "backup",
            Self::Restore { .. } => "restore",
            Self::MakeTemplate => "make_template",
            Self::Migrate { .. } => "migrate",
            Self::Delete => "delete",
            Self::Facility(call) => call.name(),
        }
    }

    /// The kinds of Proxmox's task that it starts, where sending it twice could do something twice that a look cannot
    /// see. Such a step is blocked, not sent again, when a crash hides whether it was sent.
    #[must_use]
    pub const fn blind_tasks(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::Reboot => Some(&["qmreboot", "vzreboot"]),
            Self::Rollback { .. } => Some(&["qmrollback", "vzrollback"]),
            Self::Backup { .. } => Some(&["vzdump"]),
            Self::Restore { .. } => Some(&["qmrestore", "vzrestore"]),
            Self::Create { .. }
            | Self::Clone { .. }
            | Self::Adopt
            | Self::Update { .. }
            | Self::AddDisk { .. }
            | Self::Resize { .. }
            | Self::MoveDisk { .. }
            | Self::Detach { .. }
            | Self::DestroyVolume { .. }
            | Self::RemoveNic { .. }
            | Self::SetPool { .. }
            | Self::SetHa { .. }
            | Self::Firewall(_)
            | Self::Start
            | Self::Shutdown { .. }
            | Self::Stop
            | Self::Suspend
            | Self::Resume
            | Self::Snapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::MakeTemplate
            | Self::Migrate { .. }
            | Self::Delete
            | Self::Facility(_) => None,
        }
    }

    /// Whether a look cannot tell that it was done.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        self.blind_tasks().is_some()
    }
}

/// What a step does to a guest in use, from the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Takes effect at once, without interruption.
    Live,
    /// Is written down and takes effect when the guest next stops and starts.
    Pending,
    /// Restarts the guest's system.
    Reboot,
    /// Takes the guest out of service.
    Stop,
    /// Destroys data.
    Destroy,
}

/// One field of a guest, from what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which.
    pub field: Field,
    /// What it is; `None` where it is not set.
    pub from: Option<Value>,
    /// What it shall be.
    pub to: Option<Value>,
    /// Who says so.
    pub source: Source,
}

/// How many guests a plan makes, changes and destroys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Guests that do not exist yet.
    pub create: usize,
    /// Guests that exist and stay.
    pub update: usize,
    /// Guests that will be gone.
    pub destroy: usize,
}

impl Step {
    /// The guest that it acts on.
    #[must_use]
    pub const fn guest(&self) -> Option<&GuestRef> {
        match &self.subject {
            Subject::Guest { guest, .. } => Some(guest),
            Subject::Facility { .. } => None,
        }
    }

    /// The resource of ours that it acts on.
    #[must_use]
    pub const fn resource(&self) -> Option<ResourceId> {
        match &self.subject {
            Subject::Guest { resource, .. } => Some(*resource),
            Subject::Facility { .. } => None,
        }
    }

    /// The guest that it makes, and the resource that this becomes.
    #[must_use]
    pub const fn made(&self) -> Option<(&GuestRef, ResourceId)> {
        match (&self.subject, &self.action) {
            (Subject::Guest { guest, resource }, Action::Create { .. } | Action::Clone { .. }) => {
                Some((guest, *resource))
            }
            _ => None,
        }
    }

    /// The name of what it acts on, as an approver writes it to consent to its destruction.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.subject {
            Subject::Guest { guest, .. } => &guest.name,
            Subject::Facility { facility } => facility.name(),
        }
    }

    /// The node that carries it out, where only one can.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match &self.subject {
            Subject::Guest { guest, .. } => Some(&guest.node),
            Subject::Facility { facility } => facility.node(),
        }
    }

    /// Where Proxmox lists the tasks that this step could be one of; `None` where it starts none.
    #[must_use]
    pub fn tasks(&self) -> Option<Tasks<'_>> {
        match (&self.subject, &self.action) {
            // A copy's are listed under its source.
            (_, Action::Clone { from, from_node, .. }) => Some(Tasks::OfGuest { node: from_node, vmid: *from }),
            (Subject::Guest { guest, .. }, _) => Some(Tasks::OfGuest { node: &guest.node, vmid: guest.vmid }),
            (Subject::Facility { facility: Facility::File { node, .. } }, action) => {
                let kind = if matches!(action, Action::Facility(call) if call.makes()) { "download" } else { "imgdel" };
                Some(Tasks::OfKind { node, kind })
            }
            (Subject::Facility { facility: Facility::Pool(_) | Facility::BackupJob(_) }, _) => None,
        }
    }

    /// What it acts on, copies from, or needs to be there.
    #[must_use]
    pub fn touches(&self) -> BTreeSet<Touch> {
        let mut touches = BTreeSet::from([match &self.subject {
            Subject::Guest { guest, .. } => Touch::Guest(guest.vmid),
            Subject::Facility { facility: Facility::Pool(name) } => Touch::Pool(name.clone()),
            Subject::Facility { facility: Facility::File { volume, .. } } => Touch::Volume(volume.clone()),
            Subject::Facility { facility: Facility::BackupJob(id) } => Touch::BackupJob(id.clone()),
        }]);
        let pool = |name: &String| (!name.is_empty()).then(|| Touch::Pool(name.clone()));
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        match &self.action {
            Action::Clone { from, .. } => {
                touches.insert(Touch::Guest(*from));
            }
            Action::Create { fields, template, .. } => {
                touches.extend(template.clone().map(Touch::Volume));
                for (field, value) in fields {
                    match field {
                        Field::Plain(Plain::Pool) => touches.extend(text(value).as_ref().and_then(pool)),
                        Field::Plain(Plain::Cdrom) | Field::Disk(_, DiskPart::Import) => {
                            touches.extend(text(value).map(Touch::Volume));
                        }
                        _ => {}
                    }
                }
            }
            Action::SetPool { from, to } => touches.extend([from, to].into_iter().filter_map(pool)),
            Action::Facility(FacilityCall::MakeBackupJob(job)) => {
                touches.extend(if let Backed::Pool(name) = &job.guests { pool(name) } else { None });
            }
            _ => {}
        }
        touches
    }

    /// The name of the secret whose value goes with the call; the value itself is in no plan.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match &self.action {
            Action::Create { fields, .. } | Action::Update { fields, .. } => {
                match fields.get(&Plain::Password.into()) {
                    Some(Value::Text(name)) if !name.is_empty() => Some(name),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl Plan {
    /// A plan with its digest. `relies_on` holds every fact the steps were chosen by (config digests, power
    /// states, absence); the same facts give the same digest, and counters that always move have no place in it.
    #[must_use]
    pub fn new(
        declaration: DeclarationId,
        steps: Vec<Step>,
        notes: Vec<String>,
        relies_on: BTreeMap<String, String>,
        policy: String,
    ) -> Self {
        let digest = digest(declaration, &steps, &relies_on, &policy);
        Self { declaration, steps, notes, relies_on, policy, digest, promises: Vec::new() }
    }

    /// The same with what it promises to its guests.
    #[must_use]
    pub(crate) fn promising(self, promises: Vec<Promise>) -> Self {
        Self { promises, ..self }
    }

    /// The room and the addresses that no other plan may promise while this one stands.
    #[must_use]
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// Whether the digest still fits what it covers.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        digest(self.declaration, &self.steps, &self.relies_on, &self.policy) == self.digest
    }

    /// The declaration it is for.
    #[must_use]
    pub const fn declaration(&self) -> DeclarationId {
        self.declaration
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What an approver should know besides the steps.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The facts it was chosen by.
    #[must_use]
    pub const fn relies_on(&self) -> &BTreeMap<String, String> {
        &self.relies_on
    }

    /// The digest that an approval names.
    #[must_use]
    pub const fn digest(&self) -> &PlanDigest {
        &self.digest
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of the guests and files of which it destroys data.
    #[must_use]
    pub fn destroys(&self) -> BTreeSet<String> {
        self.steps.iter().filter(|step| step.effect == Effect::Destroy).map(|step| step.name().to_owned()).collect()
    }

    /// Counts guests, each once, by the worst that happens to it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let vmids = |fits: &dyn Fn(&Step) -> bool| -> BTreeSet<Vmid> {
            self.steps.iter().filter(|step| fits(step)).filter_map(|step| Some(step.guest()?.vmid)).collect()
        };
        let destroyed = vmids(&|step| step.action == Action::Delete);
        let made = vmids(&|step| matches!(step.action, Action::Create { .. } | Action::Clone { .. }));
        let update = vmids(&|_| true).iter().filter(|vmid| !destroyed.contains(vmid) && !made.contains(vmid)).count();
        Summary { create: made.len(), update, destroy: destroyed.len() }
    }
}

fn digest(
    declaration: DeclarationId,
    steps: &[Step],
    relies_on: &BTreeMap<String, String>,
    policy: &str,
) -> PlanDigest {
    // Maps are ordered and structs keep their fields' order, so equal plans give equal bytes.
    let bytes = serde_json::to_vec(&(declaration, steps, relies_on, policy)).unwrap_or_default();
    PlanDigest(hex::encode(Sha256::new().chain_update(b"mycopod plan v1\n").chain_update(bytes).finalize()))
}
