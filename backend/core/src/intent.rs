//! A reading resolved against the cluster: which guests, which fields.
//!
//! Selectors are guests here and relative amounts are absolute, so that an intent means
//! the same whenever it is planned again. Only the fields it names are owned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use crate::facility::{Facility, FacilityCall};
use crate::field::{DiskPart, Field, Slot, Value};
use crate::guest::{GuestKey, GuestName, GuestRef, Kind, Vmid};
use crate::id::ResourceId;
use crate::observed::Origin;
use crate::reading::{Source, Sourced};

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
    /// This shall be done once to what stands around the guests.
    Facility {
        /// To which.
        facility: Facility,
        /// What.
        call: FacilityCall,
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
    Detach {
        /// Where it is.
        slot: Slot,
        /// Which it is: another disk that is put there later is not meant.
        volume: String,
    },
    /// Delete this disk with its data.
    DestroyDisk {
        /// Where it is.
        slot: Slot,
        /// Which it is.
        volume: String,
    },
    /// Take this NIC out.
    RemoveNic(u8),
    /// Take it over.
    Adopt,
}

impl OneDeed {
    /// The seconds that a guest's system has to shut down where nobody says so, as in Proxmox's own UI.
    pub const SHUTDOWN_SECONDS: u64 = 180;

    /// Whether what it does depends on the guest's snapshots.
    #[must_use]
    pub const fn minds_snapshots(&self) -> bool {
        match self {
            Self::Snapshot(_)
            | Self::Rollback(_)
            | Self::DeleteSnapshot(_)
            | Self::Restore(_)
            | Self::MakeTemplate
            | Self::Migrate { .. }
            | Self::DestroyDisk { .. }
            | Self::Delete => true,
            Self::Start
            | Self::Shutdown { .. }
            | Self::Stop
            | Self::Reboot
            | Self::Suspend
            | Self::Resume
            | Self::Backup { .. }
            | Self::Detach { .. }
            | Self::RemoveNic(_)
            | Self::Adopt => false,
        }
    }
}

impl Intent {
    /// The guests of whose snapshots a plan must know: a look at the whole cluster does not list them.
    #[must_use]
    pub fn minds_snapshots_of(&self) -> BTreeSet<GuestKey> {
        let minds = |wish: &Wish| match wish {
            Wish::Exist(_) | Wish::Facility { .. } => None,
            Wish::Hold { guest, fields } => {
                let moves = fields.keys().any(|field| matches!(field, Field::Disk(_, DiskPart::Storage)));
                moves.then(|| guest.key())
            }
            Wish::Once { guest, deed } => deed.minds_snapshots().then(|| guest.key()),
        };
        self.wishes.iter().filter_map(minds).collect()
    }
}

/// A guest that shall exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGuest {
    /// The resource it will be, from the declaration's id and its place in it.
    pub resource: ResourceId,
    /// VM or container.
    #[serde(deserialize_with = "kind_of_before")]
    pub kind: Sourced<Kind>,
    /// Its name.
    pub name: Sourced<GuestName>,
    /// The VMID somebody named; without one the planner takes the lowest that is free.
    pub vmid: Option<Sourced<Vmid>>,
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

/// Intents of before say a kind without its source.
fn kind_of_before<'de, D: Deserializer<'de>>(intent: D) -> Result<Sourced<Kind>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Sourced(Sourced<Kind>),
        Bare(Kind),
    }
    Ok(match Said::deserialize(intent)? {
        Said::Sourced(kind) => kind,
        Said::Bare(kind) => Sourced::new(kind, Source::inferred("the declaration makes it so")),
    })
}

#[cfg(test)]
mod tests {
    use super::{Kind, NewGuest};

    #[test]
    fn intents_of_before_are_read() {
        let old = r#"{"resource":"01890a5d-ac96-774b-bcce-b302099a8057","kind":"lxc",
            "name":{"value":"dns-1","source":{"kind":"inferred","why":"a test"}},
            "vmid":null,"node":null,"origin":null,"fields":{},"disks":[]}"#;
        let old: NewGuest = serde_json::from_str(old).unwrap();
        assert_eq!(old.kind.value, Kind::Lxc);
        let again: NewGuest = serde_json::from_str(&serde_json::to_string(&old).unwrap()).unwrap();
        assert_eq!(again, old);
    }
}
