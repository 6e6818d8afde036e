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
#[serde(rename_all = "lowercase")]
pub enum OneDeed {
    /// Start it, if it is off.
    Start,
    /// Ask its system to shut down, if it runs.
    Shutdown,
    /// Switch it off, if it runs.
    Stop,
    /// Restart its system.
    Reboot,
    /// Delete it with its disks.
    Delete,
    /// Take a snapshot of this name.
    Snapshot(String),
    /// Take it over.
    Adopt,
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
