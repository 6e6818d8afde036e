//! What holds where nobody said anything, and what bounds a plan.

use serde::{Deserialize, Serialize};

use crate::size::Size;

/// The defaults and bounds by which readings are resolved and plans are made. Its
/// serialised form is part of every plan's digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Cores of a new guest.
    pub cores: u32,
    /// Memory of a new VM.
    pub vm_memory: Size,
    /// Memory of a new container.
    pub ct_memory: Size,
    /// Swap of a new container.
    pub ct_swap: Size,
    /// First disk of a new VM that is made from nothing.
    pub vm_disk: Size,
    /// Root file system of a new container.
    pub ct_disk: Size,
    /// The bridge of a new guest; without one the first that the node has.
    pub bridge: Option<String>,
    /// The storage of a new guest's disks; without one the one with most room.
    pub storage: Option<String>,
    /// A VM's CPU type: Proxmox's own web UI chooses this one since 8.0.
    pub cpu: String,
    /// What a container without a named image is made from.
    pub ct_image: String,
    /// The smallest VMID that is given to a new guest.
    pub vmid_from: u32,
    /// Memory kept free on each node for the host itself.
    pub node_reserve: Size,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cores: 1,
            vm_memory: Size::gib(2),
            ct_memory: Size::mib(512),
            ct_swap: Size::mib(512),
            vm_disk: Size::gib(32),
            ct_disk: Size::gib(8),
            bridge: None,
            storage: None,
            cpu: "x86-64-v2-AES".to_owned(),
            ct_image: "debian-12".to_owned(),
            vmid_from: 100,
            node_reserve: Size::gib(1),
        }
    }
}
