//! The cluster as it was seen.
//!
//! Unknown is not absent: a guest is only known to be gone when every node was
//! [`NodeState::Seen`] and none of them has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::facility::{BackupJob, FacilityState};
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::firewall::Firewall;
use crate::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use crate::id::ResourceId;
use crate::size::Size;

/// Everything seen of one cluster in one look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// When the look ended, by our clock.
    pub at: DateTime<Utc>,
    /// Proxmox VE's version, e.g. `8.4.1`.
    pub version: String,
    /// The cluster's name, or the only node's.
    pub cluster: String,
    /// Every node the cluster knows.
    pub nodes: BTreeMap<String, NodeState>,
    /// Every guest on a seen node, templates among them.
    pub guests: Vec<Sighting>,
    /// What guests can be made from.
    pub images: Vec<Image>,
    /// Files on storages that are no guest's disks: backups, CDs, disk images to import.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// Pools that may be seen.
    #[serde(default)]
    pub pools: BTreeSet<String>,
    /// Backup jobs by id; `None` where they may not be seen.
    #[serde(default)]
    pub backup_jobs: Option<BTreeMap<String, BackupJob>>,
    /// The nodes that a guest's disks are replicated to, as far as that may be seen.
    #[serde(default)]
    pub replicas: BTreeMap<Vmid, BTreeSet<String>>,
}

/// A file on a storage that is no guest's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// As Proxmox names it, e.g. `local:iso/debian-12.iso`.
    pub volume: String,
    /// What it is: `backup`, `iso` or `import`.
    pub content: String,
    /// The node that has it.
    pub node: String,
    /// Its size.
    pub size: Size,
    /// The guest that a backup is of.
    pub guest: Option<GuestKey>,
    /// When it was made, by its node's clock.
    pub at: Option<DateTime<Utc>>,
}

impl Volume {
    /// The storage it is on.
    #[must_use]
    pub fn storage(&self) -> &str {
        self.volume.split(':').next().unwrap_or_default()
    }
}

/// A node, seen or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum NodeState {
    /// It answered.
    Seen(Node),
    /// It did not; nothing is known of its guests.
    Unreachable {
        /// What happened when it was asked.
        why: String,
    },
}

/// A node that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// When it answered, by our clock.
    pub at: DateTime<Utc>,
    /// Logical CPUs.
    pub cpus: u32,
    /// Physical memory.
    pub memory: Size,
    /// Memory in use, as the node counts it.
    pub memory_used: Size,
    /// Active storages by name.
    pub storages: BTreeMap<String, Storage>,
    /// Bridges by name.
    pub bridges: BTreeMap<String, Bridge>,
}

/// A storage as one node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Proxmox's type of it, e.g. `dir`, `lvmthin`, `zfspool`.
    #[serde(default)]
    pub kind: String,
    /// Its size.
    pub total: Size,
    /// What is free of it.
    pub free: Size,
    /// What it may hold: `images`, `rootdir`, `vztmpl`, `iso`, `backup`, `snippets`.
    pub content: BTreeSet<String>,
    /// Whether all nodes share it.
    pub shared: bool,
}

/// A bridge as one node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// Whether it passes VLAN tags on.
    pub vlan_aware: bool,
}

/// What a guest can be made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// A VM template's name, or a container template's file name.
    pub name: String,
    /// What is made from it.
    pub kind: Kind,
    /// The node that has it.
    pub node: String,
    /// How it is addressed.
    pub origin: Origin,
    /// The size of a VM template's first disk, where known.
    pub disk: Option<Size>,
}

/// How an image is addressed on its cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A VM or container template, cloned.
    Template(Vmid),
    /// A container template's volume, e.g. `local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst`.
    Volume(String),
}

/// Whose a guest is, by its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ownership {
    /// It bears our marker, made for this VMID.
    Ours(ResourceId),
    /// It bears no marker.
    Unmarked,
    /// It bears a marker that we did not make for this VMID: cloned, forged or of a lost key.
    Invalid,
}

/// One guest as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// VM or container, number, name, node.
    pub guest: GuestRef,
    /// When it was seen, by our clock.
    pub at: DateTime<Utc>,
    /// Whether it runs.
    pub power: Power,
    /// Whether it is a template.
    pub template: bool,
    /// The lock Proxmox holds on it, e.g. `create`, `clone`, `backup`.
    pub lock: Option<String>,
    /// Proxmox's digest of its configuration: 40 hexadecimal digits.
    pub digest: String,
    /// Whose it is.
    pub ownership: Ownership,
    /// The UUID in a VM's `smbios1`, by which a recycled VMID is recognised.
    pub smbios_uuid: Option<String>,
    /// The fields as configured, those still in `pending` included.
    pub fields: BTreeMap<Field, Value>,
    /// The fields whose value waits for the guest's next start.
    pub pending: BTreeSet<Field>,
    /// The kinds of change a running VM takes at once (Proxmox's `hotplug`).
    pub hotplug: BTreeSet<String>,
    /// Names of its snapshots; `None` where they were not looked at.
    pub snapshots: Option<BTreeSet<String>>,
    /// Its firewall; `None` where that was not read, which takes calls of its own.
    #[serde(default)]
    pub firewall: Option<Box<Firewall>>,
    /// The configuration as Proxmox wrote it, for editing without loss.
    pub raw: BTreeMap<String, String>,
}

impl Sighting {
    /// A field's value; a flag or number that Proxmox leaves out has its default.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<&Value> {
        self.fields.get(field)
    }

    /// The same with its firewall, which was read.
    #[must_use]
    pub fn with_firewall(mut self, firewall: Firewall) -> Self {
        self.fields.retain(|field, _| !matches!(field, Field::Firewall(_)));
        self.fields.extend(firewall.fields());
        self.firewall = Some(Box::new(firewall));
        self
    }

    /// The slots of its disks, in Proxmox's order of buses and numbers.
    pub fn disks(&self) -> impl Iterator<Item = &Slot> {
        self.fields.keys().filter_map(|field| match field {
            Field::Disk(slot, DiskPart::Size) => Some(slot),
            _ => None,
        })
    }

    /// The numbers of its NICs.
    pub fn nics(&self) -> impl Iterator<Item = u8> {
        self.fields.keys().filter_map(|field| match field {
            Field::Nic(n, NicPart::Bridge) => Some(*n),
            _ => None,
        })
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> BTreeSet<String> {
        match self.get(&Field::Plain(Plain::Tags)) {
            Some(Value::Set(tags)) => tags.clone(),
            _ => BTreeSet::new(),
        }
    }
}

/// The answer to a look at one guest, or at what stands around the guests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// The guest is there.
    Present(Box<Sighting>),
    /// What stands around the guests is there.
    Facility(FacilityState),
    /// It is proven absent: the cluster's live list was complete and does not have it.
    Absent,
    /// Neither is known.
    Unknown(String),
}

impl Observed {
    /// The guest of that kind and number.
    #[must_use]
    pub fn guest(&self, key: GuestKey) -> Option<&Sighting> {
        self.guests.iter().find(|seen| seen.guest.key() == key)
    }

    /// The guest of that number, whatever its kind: VMs and containers share the numbers.
    #[must_use]
    pub fn numbered(&self, vmid: Vmid) -> Option<&Sighting> {
        self.guests.iter().find(|seen| seen.guest.vmid == vmid)
    }

    /// A node that answered.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        match self.nodes.get(name) {
            Some(NodeState::Seen(node)) => Some(node),
            _ => None,
        }
    }

    /// Files on storages that are no guest's disks, with the nodes that list them.
    #[must_use]
    pub fn files(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut files: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let volumes = self.volumes.iter().map(|volume| (volume.volume.as_str(), volume.node.as_str()));
        let templates = self.images.iter().filter_map(|image| match &image.origin {
            Origin::Volume(volume) => Some((volume.as_str(), image.node.as_str())),
            Origin::Template(_) => None,
        });
        for (volume, node) in volumes.chain(templates) {
            files.entry(volume).or_default().insert(node);
        }
        files
    }

    /// Whether a volume is on a storage that all nodes share.
    #[must_use]
    pub fn is_shared(&self, volume: &str) -> bool {
        let storage = volume.split(':').next().unwrap_or_default();
        self.seen_nodes().any(|(_, node)| node.storages.get(storage).is_some_and(|storage| storage.shared))
    }

    /// The nodes that answered.
    pub fn seen_nodes(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.nodes.iter().filter_map(|(name, state)| match state {
            NodeState::Seen(node) => Some((name, node)),
            NodeState::Unreachable { .. } => None,
        })
    }

    /// Whether every node answered, so that what is not listed is not there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.nodes.values().all(|state| matches!(state, NodeState::Seen(_)))
    }
}
