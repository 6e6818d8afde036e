//! What a changed field does to a guest in use, by Proxmox VE 8.4's own rules.

use std::collections::BTreeSet;

use crate::field::{Field, NicPart};
use crate::guest::{Kind, Power};
use crate::plan::Effect;

/// When a change of `field` takes effect. `hotplug` holds the kinds of change that the VM takes while it runs.
pub(super) fn of(field: &Field, kind: Kind, power: Power, hotplug: &BTreeSet<String>) -> Effect {
    let plugged = |kind: &str| if hotplug.contains(kind) { Effect::Live } else { Effect::Pending };
    match power {
        Power::Stopped => return Effect::Live,
        Power::Running | Power::Paused | Power::Unknown => {}
    }
    match (kind, field) {
        // A container's amounts are written to its control group at once, and its disks and NICs are plugged.
        (
            Kind::Lxc,
            Field::Name
            | Field::Cores
            | Field::Sockets
            | Field::CpuType
            | Field::Memory
            | Field::Swap
            | Field::OnBoot
            | Field::Protection
            | Field::Tags
            | Field::Description
            | Field::Running
            | Field::DiskSize(_)
            | Field::DiskStorage(_)
            | Field::Nic(..),
        )
        | (
            Kind::Qemu,
            Field::Name | Field::OnBoot | Field::Protection | Field::Tags | Field::Description | Field::Running,
        ) => Effect::Live,
        // Of a VM's CPUs only `vcpus` is hot-plugged: cores, sockets and type wait whatever `hotplug` says. Its
        // cloud-init drive is read when its system starts.
        (
            Kind::Qemu,
            Field::Cores
            | Field::Sockets
            | Field::CpuType
            | Field::Swap
            | Field::Unprivileged
            | Field::Nic(_, NicPart::Ip | NicPart::Gateway),
        )
        | (Kind::Lxc, Field::Unprivileged) => Effect::Pending,
        (Kind::Qemu, Field::Memory) => plugged("memory"),
        (Kind::Qemu, Field::DiskSize(_) | Field::DiskStorage(_)) => plugged("disk"),
        (Kind::Qemu, Field::Nic(_, NicPart::Bridge | NicPart::Vlan | NicPart::Model)) => plugged("network"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hotplug(kinds: &[&str]) -> BTreeSet<String> {
        kinds.iter().map(|&kind| kind.to_owned()).collect()
    }

    #[test]
    fn cores_of_a_running_vm_wait_and_a_container_s_do_not() {
        let plugs = hotplug(&["network", "disk", "cpu"]);
        assert_eq!(of(&Field::Cores, Kind::Qemu, Power::Running, &plugs), Effect::Pending);
        assert_eq!(of(&Field::Cores, Kind::Qemu, Power::Stopped, &plugs), Effect::Live);
        assert_eq!(of(&Field::Cores, Kind::Lxc, Power::Running, &plugs), Effect::Live);
        assert_eq!(of(&Field::Tags, Kind::Qemu, Power::Running, &plugs), Effect::Live);
    }

    #[test]
    fn memory_disks_and_nics_are_live_where_they_are_hot_plugged() {
        for (field, kind) in [
            (Field::Memory, "memory"),
            (Field::DiskSize(crate::field::Slot::scsi(1)), "disk"),
            (Field::Nic(0, NicPart::Vlan), "network"),
        ] {
            assert_eq!(of(&field, Kind::Qemu, Power::Running, &hotplug(&[kind])), Effect::Live);
            assert_eq!(of(&field, Kind::Qemu, Power::Running, &hotplug(&[])), Effect::Pending);
        }
    }
}
