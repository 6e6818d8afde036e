//! What somebody wants to be there: guests, their disks and NICs, and what stands around guests.

use serde::{Deserialize, Serialize};

use super::{Amount, Sourced, Target};
use crate::field::{DiskPart, NicPart, Plain, Value};
use crate::guest::Kind;
use crate::size::Size;

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
