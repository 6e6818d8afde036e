//! What holds where nobody said anything, and what bounds a plan.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::field::Value;
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
    /// The TCP ports by which guests are managed: a plan that would close one of them asks first.
    pub management_ports: BTreeSet<u16>,
    /// The same for guests with Windows.
    pub windows_management_ports: BTreeSet<u16>,
}

impl Policy {
    /// The TCP ports by which a guest with that OS type is managed.
    #[must_use]
    pub fn management_ports_of(&self, os_type: Option<&Value>) -> &BTreeSet<u16> {
        // Proxmox’s kinds of Windows all begin with a w; `other`, `l26` and the like do not.
        match os_type {
            Some(Value::Text(os)) if os.starts_with('w') => &self.windows_management_ports,
            _ => &self.management_ports,
        }
    }
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
            management_ports: BTreeSet::from([22]),
            windows_management_ports: BTreeSet::from([3389]),
        }
    }
}
