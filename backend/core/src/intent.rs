//! A reading resolved against the cluster: which guests, which fields.
//!
//! Selectors are guests here and relative amounts are absolute, so that an intent means
//! the same whenever it is planned again. Only the fields it names are owned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::{Field, Slot, Value};
use crate::guest::{GuestName, GuestRef, Kind};
use crate::id::ResourceId;
use crate::observed::Origin;
use crate::reading::Sourced;

/// What a declaration asks for, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// One entry a guest and wish; a step carries the index of the one it serves.
    pub wishes: Vec<Wish>,
}

/// One thing that shall be so, or shall be done once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// This guest shall exist with these fields.
    Exist(Box<NewGuest>),
    /// These fields of an existing guest shall be so.
    Hold {
        /// The guest as it was when it was resolved: its kind and VMID identify it.
        guest: GuestRef,
        /// The owned fields.
        fields: BTreeMap<Field, Sourced<Value>>,
    },
    /// This shall be done once to an existing guest.
    Once {
        /// The guest as it was when it was resolved.
        guest: GuestRef,
        /// What.
        deed: OneDeed,
    },
}

/// A deed with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneDeed {
    /// Start it, if it is off.
    Start,
    /// Ask its system to shut down, if it runs.
    Shutdown {
        /// The seconds it has for that. It is never switched off unasked.
        seconds: u64,
    },
    /// Switch it off, if it runs.
    Stop,
    /// Restart its system.
    Reboot,
    /// Halt it in memory, if it runs.
    Suspend,
    /// Let it go on, if it is suspended.
    Resume,
    /// Delete it with its disks.
    Delete,
    /// Take a snapshot of this name.
    Snapshot(String),
    /// Take it back to this snapshot.
    Rollback(String),
    /// Delete this snapshot.
    DeleteSnapshot(String),
    /// Back it up.
    Backup {
        /// The storage.
        storage: String,
        /// Proxmox's mode: `snapshot`, `suspend` or `stop`.
        mode: String,
    },
    /// Overwrite it with this backup's volume.
    Restore(String),
    /// Make a template of it.
    MakeTemplate,
    /// Move it.
    Migrate {
        /// To this node.
        node: String,
        /// With its local disks to this storage; where `None`, to those of the same names.
        storage: Option<String>,
    },
    /// Take this disk out and keep it as an unused one.
    Detach(Slot),
    /// Delete this disk with its data.
    DestroyDisk(Slot),
    /// Take this NIC out.
    RemoveNic(u8),
    /// Take it over.
    Adopt,
}

impl OneDeed {
    /// The seconds that a guest's system has to shut down where nobody says so, as in Proxmox's own UI.
    pub const SHUTDOWN_SECONDS: u64 = 180;
}

/// A guest that shall exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGuest {
    /// The resource it will be, from the declaration's id and its place in it.
    pub resource: ResourceId,
    /// VM or container.
    pub kind: Kind,
    /// Its name.
    pub name: Sourced<GuestName>,
    /// The node somebody named; without one the planner places it.
    pub node: Option<Sourced<String>>,
    /// What it is made from; a VM may start from an empty disk.
    pub origin: Option<Sourced<NewOrigin>>,
    /// Its fields, defaults included. Disks without a [`Field::DiskStorage`] are placed by the planner.
    pub fields: BTreeMap<Field, Sourced<Value>>,
    /// The slots of its disks in the order in which they were said.
    pub disks: Vec<Slot>,
}

/// What a new guest is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrigin {
    /// The image's or source guest's name, as people know it.
    pub name: String,
    /// Where it may be taken from: one entry a node that has it.
    pub at: BTreeMap<String, Origin>,
    /// Whether the copy is full, or linked to its template.
    pub full: bool,
}
