//! What a changed field does to a guest in use, by Proxmox VE 8.4's own rules.

use std::collections::BTreeSet;

use crate::field::{DiskPart, Field, NicPart, Plain};
use crate::guest::{Kind, Power};
use crate::plan::Effect;

/// When a change of `field` takes effect. `hotplug` holds the kinds of change that the VM takes while it runs.
pub(super) fn of(field: &Field, kind: Kind, power: Power, hotplug: &BTreeSet<String>) -> Effect {
    match power {
        Power::Stopped => return Effect::Live,
        Power::Running | Power::Paused | Power::Unknown => {}
    }
    match kind {
        Kind::Qemu => of_vm(field, hotplug),
        Kind::Lxc => of_container(field),
    }
}

fn of_vm(field: &Field, hotplug: &BTreeSet<String>) -> Effect {
    let plugged = |kind: &str| if hotplug.contains(kind) { Effect::Live } else { Effect::Pending };
    match field {
        Field::Plain(plain) => match plain {
            // Written at once, or handed to the running QEMU.
            Plain::Name
            | Plain::CpuLimit
            | Plain::CpuUnits
            | Plain::Balloon
            | Plain::Shares
            | Plain::Hotplug
            | Plain::Cdrom
            | Plain::OnBoot
            | Plain::StartupOrder
            | Plain::StartupUp
            | Plain::StartupDown
            | Plain::Protection
            | Plain::Tags
            | Plain::Description
            | Plain::Pool
            | Plain::Ha
            | Plain::Running => Effect::Live,
            // Of a VM's CPUs only `vcpus` is hot-plugged: cores, sockets and type wait whatever `hotplug` says.
            Plain::Vcpus => plugged("cpu"),
            Plain::Memory => plugged("memory"),
            Plain::Cores
            | Plain::Sockets
            | Plain::CpuType
            | Plain::Numa
            | Plain::Machine
            | Plain::Bios
            | Plain::EfiDisk
            | Plain::Tpm
            | Plain::OsType
            | Plain::ScsiController
            | Plain::Vga
            | Plain::Serial
            | Plain::Agent
            | Plain::BootOrder
            | Plain::CloudInit
            // The cloud-init drive is read when the VM's system starts.
            | Plain::CiUser
            | Plain::Password
            | Plain::SshKeys
            | Plain::CiUpgrade
            | Plain::Snippets
            | Plain::Nameserver
            | Plain::SearchDomain
            // No field of a VM's.
            | Plain::Swap
            | Plain::Nesting
            | Plain::Keyctl
            | Plain::Fuse
            | Plain::Timezone
            | Plain::Unprivileged => Effect::Pending,
        },
        Field::Disk(_, part) => match part {
            DiskPart::Size | DiskPart::Storage | DiskPart::Import | DiskPart::Backup => plugged("disk"),
            // How a drive is attached is fixed while it is.
            DiskPart::Cache
            | DiskPart::Discard
            | DiskPart::Ssd
            | DiskPart::Iothread
            | DiskPart::ReadOnly
            | DiskPart::Mount => Effect::Pending,
        },
        Field::Nic(_, part) => match part {
            NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6 => Effect::Pending,
            NicPart::Bridge
            | NicPart::Vlan
            | NicPart::Model
            | NicPart::Mac
            | NicPart::Firewall
            | NicPart::Rate
            | NicPart::Mtu
            | NicPart::LinkDown
            | NicPart::Queues => plugged("network"),
        },
    }
}

fn of_container(field: &Field) -> Effect {
    match field {
        Field::Plain(plain) => match plain {
            // A container's amounts are written to its control group at once.
            Plain::Name
            | Plain::Cores
            | Plain::CpuLimit
            | Plain::CpuUnits
            | Plain::Memory
            | Plain::Swap
            | Plain::OnBoot
            | Plain::StartupOrder
            | Plain::StartupUp
            | Plain::StartupDown
            | Plain::Protection
            | Plain::Tags
            | Plain::Description
            | Plain::Nameserver
            | Plain::SearchDomain
            | Plain::Pool
            | Plain::Ha
            | Plain::Running => Effect::Live,
            Plain::Nesting
            | Plain::Keyctl
            | Plain::Fuse
            | Plain::Timezone
            | Plain::Unprivileged
            | Plain::Password
            | Plain::SshKeys
            // No field of a container's.
            | Plain::Sockets
            | Plain::Vcpus
            | Plain::CpuType
            | Plain::Numa
            | Plain::Balloon
            | Plain::Shares
            | Plain::Machine
            | Plain::Bios
            | Plain::EfiDisk
            | Plain::Tpm
            | Plain::OsType
            | Plain::ScsiController
            | Plain::Vga
            | Plain::Serial
            | Plain::Agent
            | Plain::Hotplug
            | Plain::BootOrder
            | Plain::Cdrom
            | Plain::CloudInit
            | Plain::CiUser
            | Plain::CiUpgrade
            | Plain::Snippets => Effect::Pending,
        },
        Field::Disk(_, part) => match part {
            DiskPart::Size | DiskPart::Backup => Effect::Live,
            DiskPart::Storage
            | DiskPart::Mount
            | DiskPart::ReadOnly
            | DiskPart::Cache
            | DiskPart::Discard
            | DiskPart::Ssd
            | DiskPart::Iothread
            | DiskPart::Import => Effect::Pending,
        },
        Field::Nic(..) => Effect::Live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Slot;

    fn hotplug(kinds: &[&str]) -> BTreeSet<String> {
        kinds.iter().map(|&kind| kind.to_owned()).collect()
    }

    #[test]
    fn cores_of_a_running_vm_wait_and_a_container_s_do_not() {
        let plugs = hotplug(&["network", "disk", "cpu"]);
        assert_eq!(of(&Plain::Cores.into(), Kind::Qemu, Power::Running, &plugs), Effect::Pending);
        assert_eq!(of(&Plain::Cores.into(), Kind::Qemu, Power::Stopped, &plugs), Effect::Live);
        assert_eq!(of(&Plain::Cores.into(), Kind::Lxc, Power::Running, &plugs), Effect::Live);
        assert_eq!(of(&Plain::Tags.into(), Kind::Qemu, Power::Running, &plugs), Effect::Live);
    }

    #[test]
    fn memory_disks_and_nics_are_live_where_they_are_hot_plugged() {
        for (field, kind) in [
            (Field::Plain(Plain::Memory), "memory"),
            (Field::size_of(Slot::scsi(1)), "disk"),
            (Field::Nic(0, NicPart::Vlan), "network"),
        ] {
            assert_eq!(of(&field, Kind::Qemu, Power::Running, &hotplug(&[kind])), Effect::Live);
            assert_eq!(of(&field, Kind::Qemu, Power::Running, &hotplug(&[])), Effect::Pending);
        }
    }
}
