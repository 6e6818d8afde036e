//! What is done once.

use serde::{Deserialize, Serialize};

use super::{DiskRef, Sourced};

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
