//! What a changed field does to a guest in use, by Proxmox VE 8.4's own rules.

use std::collections::BTreeSet;

use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::{Kind, Power};
use crate::plan::Effect;
use crate::size::Size;

/// When a change of `field` from `from` to `to` takes effect. `hotplug` holds the kinds of change that the VM takes while it runs.
pub(super) fn of(
    field: &Field,
    from: Option<&Value>,
    to: &Value,
    kind: Kind,
    power: Power,
    hotplug: &BTreeSet<String>,
) -> Effect {
    match (power, kind) {
        (Power::Stopped, _) => Effect::Live,
        (Power::Running | Power::Paused | Power::Unknown, Kind::Qemu) => of_vm(field, from, to, hotplug),
        (Power::Running | Power::Paused | Power::Unknown, Kind::Lxc) => of_container(field, from, to),
    }
}

/// Whether a value says that there is nothing: no disk, no NIC, no drive.
fn is_none(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Text(text)) => text.is_empty(),
        Some(Value::Size(size)) => *size == Size::default(),
        Some(Value::Flag(_) | Value::Count(_) | Value::Set(_)) => false,
    }
}

fn of_vm(field: &Field, from: Option<&Value>, to: &Value, hotplug: &BTreeSet<String>) -> Effect {
    let live_if = |live: bool| if live { Effect::Live } else { Effect::Pending };
    let plugged = |kind: &str| live_if(hotplug.contains(kind));
    // Whether something is put in or taken out, other than changed where it is.
    let comes_or_goes = is_none(from) || is_none(Some(to));
    match field {
        Field::Plain(plain) => match plain {
            // Written at once, or handed to the running QEMU.
            Plain::Name
            | Plain::CpuLimit
            | Plain::CpuUnits
            | Plain::Shares
            | Plain::Hotplug
            | Plain::OnBoot
            | Plain::StartupOrder
            | Plain::StartupUp
            | Plain::StartupDown
            | Plain::Protection
            | Plain::Tags
            | Plain::Description
            | Plain::Pool
            | Plain::Ha
            | Plain::Running
            // Never in Proxmox's own list of pending changes, though the VM's system only reads its cloud-init drive when it starts.
            | Plain::CiUser
            | Plain::Password
            | Plain::SshKeys
            | Plain::CiUpgrade
            | Plain::Snippets
            | Plain::Nameserver
            | Plain::SearchDomain => Effect::Live,
            // The medium is changed in the drive; the drive itself is not hot-plugged.
            Plain::Cdrom => live_if(!comes_or_goes),
            // The device is not hot-plugged, and without memory to fall to there is none.
            Plain::Balloon => {
                let squeezes = |value: Option<&Value>| value != Some(&Value::Size(Size::default()));
                live_if(squeezes(from) == squeezes(Some(to)))
            }
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
            // No field of a VM's.
            | Plain::Swap
            | Plain::Nesting
            | Plain::Keyctl
            | Plain::Fuse
            | Plain::Timezone
            | Plain::Unprivileged => Effect::Pending,
        },
        Field::Disk(slot, part) => match part {
            DiskPart::Size | DiskPart::Import if comes_or_goes => live_if(hotplug.contains("disk") && is_plugged(slot)),
            // Growth and moves are done by the running QEMU; backups only look at the configuration.
            DiskPart::Size | DiskPart::Storage | DiskPart::Import | DiskPart::Backup => Effect::Live,
            // How a drive is attached is fixed while it is.
            DiskPart::Cache
            | DiskPart::Discard
            | DiskPart::Ssd
            | DiskPart::Iothread
            | DiskPart::ReadOnly
            | DiskPart::Mount => Effect::Pending,
        },
        Field::Nic(_, part) => match part {
            NicPart::Bridge if comes_or_goes => plugged("network"),
            // Its end at the host is plugged elsewhere, or bounded; the card stays.
            NicPart::Bridge
            | NicPart::Vlan
            | NicPart::Firewall
            | NicPart::Rate
            | NicPart::LinkDown
            // Cloud-init, as above.
            | NicPart::Ip
            | NicPart::Gateway
            | NicPart::Ip6
            | NicPart::Gateway6 => Effect::Live,
            NicPart::Model | NicPart::Mac | NicPart::Mtu | NicPart::Queues => plugged("network"),
        },
        Field::Firewall(_) => Effect::Live,
    }
}

/// Whether a bus takes disks while the VM runs: IDE and SATA do not.
fn is_plugged(slot: &Slot) -> bool {
    slot.as_str().starts_with("scsi") || slot.as_str().starts_with("virtio")
}

fn of_container(field: &Field, from: Option<&Value>, to: &Value) -> Effect {
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
            | Plain::Pool
            | Plain::Ha
            | Plain::Running => Effect::Live,
            // Written into its files when it starts.
            Plain::Nameserver
            | Plain::SearchDomain
            | Plain::Nesting
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
            // A further mount point is mounted at once and a larger one grows; none is taken out of a running container.
            DiskPart::Size if is_none(Some(to)) && !is_none(from) => Effect::Pending,
            DiskPart::Size => Effect::Live,
            DiskPart::Storage
            | DiskPart::Backup
            | DiskPart::Mount
            | DiskPart::ReadOnly
            | DiskPart::Cache
            | DiskPart::Discard
            | DiskPart::Ssd
            | DiskPart::Iothread
            | DiskPart::Import => Effect::Pending,
        },
        Field::Nic(..) | Field::Firewall(_) => Effect::Live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn gib(n: u64) -> Value {
        Value::Size(Size::gib(n))
    }

    fn vm(field: &str, from: Option<&Value>, to: &Value, hotplug: &[&str]) -> Effect {
        let hotplug = hotplug.iter().map(|&kind| kind.to_owned()).collect();
        of(&field.parse().unwrap(), from, to, Kind::Qemu, Power::Running, &hotplug)
    }

    /// What the recordings of a real Proxmox VE 8.4.1 show of a running VM (05 #39 to #137, 05b #11 to #41).
    #[test]
    fn a_running_vm_takes_what_the_recordings_show_that_it_takes() {
        let default = &["network", "disk", "usb"][..];
        let flag = Value::Flag(true);
        for (field, from, to) in [
            ("name", Some(text("a")), text("b")),
            ("description", None, text("d")),
            ("tags", None, Value::Set(["x".to_owned()].into())),
            ("onboot", None, flag.clone()),
            ("startup.order", None, Value::Count(2)),
            ("protection", Some(flag.clone()), Value::Flag(false)),
            ("balloon", None, Value::Size(Size::mib(128))),
            ("shares", None, Value::Count(500)),
            ("hotplug", None, Value::Set(["disk".to_owned()].into())),
            ("ciuser", None, text("bob")),
            ("cdrom", Some(text("none")), text("local:iso/tiny.iso")),
            ("disk.scsi2.size", None, gib(1)),
            ("disk.scsi0.size", Some(gib(1)), gib(2)),
            ("nic.1.bridge", None, text("vmbr0")),
            ("nic.1.bridge", Some(text("vmbr0")), text("")),
            ("nic.0.rate", None, text("5")),
            ("nic.0.link_down", None, flag.clone()),
            ("nic.0.firewall", None, flag.clone()),
        ] {
            assert_eq!(vm(field, from.as_ref(), &to, default), Effect::Live, "{field}");
        }
        for (field, from, to) in [
            ("cores", Some(Value::Count(1)), Value::Count(2)),
            ("sockets", None, Value::Count(2)),
            ("vcpus", None, Value::Count(1)),
            ("memory", Some(Value::Size(Size::mib(256))), Value::Size(Size::mib(512))),
            ("cpu", None, text("qemu64")),
            ("ostype", None, text("l26")),
            ("bios", None, text("ovmf")),
            ("machine", None, text("q35")),
            ("scsihw", None, text("lsi")),
            ("boot", Some(text("scsi0")), text("net0")),
            ("agent", None, flag.clone()),
            ("vga", Some(text("std")), text("virtio")),
            ("serial", None, flag.clone()),
            ("numa", None, flag),
            ("disk.scsi1.cache", Some(text("none")), text("writeback")),
            ("disk.ide0.size", None, gib(1)),
            ("disk.sata0.size", None, gib(1)),
            ("cdrom", None, text("none")),
            ("balloon", None, Value::Size(Size::default())),
            ("efidisk", None, text("local")),
        ] {
            assert_eq!(vm(field, from.as_ref(), &to, default), Effect::Pending, "{field}");
        }
    }

    #[test]
    fn what_is_hot_plugged_waits_where_that_kind_is_not() {
        for (field, to, kind) in [
            ("memory", gib(2), "memory"),
            ("vcpus", Value::Count(2), "cpu"),
            ("disk.scsi1.size", gib(1), "disk"),
            ("disk.virtio1.size", gib(1), "disk"),
            ("nic.1.bridge", text("vmbr0"), "network"),
            ("nic.0.mac", text("BC:24:11:00:00:01"), "network"),
        ] {
            assert_eq!(vm(field, None, &to, &[kind]), Effect::Live, "{field}");
            assert_eq!(vm(field, None, &to, &[]), Effect::Pending, "{field}");
        }
        assert_eq!(vm("nic.0.vlan", None, &Value::Count(5), &[]), Effect::Live, "the card stays");
        assert_eq!(vm("disk.scsi0.size", Some(&gib(1)), &gib(2), &[]), Effect::Live, "growth is no plugging");
    }

    #[test]
    fn a_running_container_takes_amounts_nics_and_further_mount_points() {
        let of = |field: &str, from: Option<Value>, to: Value| {
            of(&field.parse().unwrap(), from.as_ref(), &to, Kind::Lxc, Power::Running, &BTreeSet::new())
        };
        assert_eq!(of("cores", Some(Value::Count(1)), Value::Count(2)), Effect::Live);
        assert_eq!(of("memory", Some(gib(1)), gib(2)), Effect::Live);
        assert_eq!(of("nic.1.bridge", None, text("vmbr0")), Effect::Live);
        assert_eq!(of("disk.mp0.size", None, gib(1)), Effect::Live);
        assert_eq!(of("disk.mp0.size", Some(gib(1)), Value::Size(Size::default())), Effect::Pending);
        assert_eq!(of("disk.rootfs.size", Some(gib(1)), gib(2)), Effect::Live);
        assert_eq!(of("nesting", None, Value::Flag(true)), Effect::Pending);
        assert_eq!(of("timezone", None, text("host")), Effect::Pending);
    }

    #[test]
    fn a_guest_that_is_off_takes_everything_at_once() {
        for field in ["cores", "bios", "disk.ide0.size", "nic.0.mac"] {
            let effect =
                of(&field.parse().unwrap(), None, &Value::Count(1), Kind::Qemu, Power::Stopped, &BTreeSet::new());
            assert_eq!(effect, Effect::Live, "{field}");
        }
    }
}
