//! The fields that every guest has once.

use serde::{Deserialize, Serialize};

use super::{Shape, Value};
use crate::guest::Kind;
use crate::size::Size;

/// The most sockets that Proxmox takes.
const MAX_SOCKETS: u64 = 4;
/// The most cores of a container; a VM's are bounded by its node.
const MAX_CORES: u64 = 8_192;
/// The largest `cpulimit` of a VM, in CPUs.
const MAX_CPU_LIMIT: u64 = 128;
/// The largest `cpuunits` of a VM.
const MAX_CPU_UNITS: u64 = 262_144;
/// The largest `shares`.
const MAX_SHARES: u64 = 50_000;
/// The least memory that Proxmox takes, in MiB.
const MIN_MEMORY: u64 = 16;
/// The longest notes: Proxmox takes 8192 characters, and our marker needs some of them.
const MAX_DESCRIPTION: usize = 8_000;
/// The largest place in the start-up order, and delay in seconds: far beyond what anybody waits.
const MAX_STARTUP: u64 = 86_400;

/// A field that every guest has once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plain {
    /// The guest's name (a container's hostname).
    Name,
    /// Cores per socket (VM) or in all (container).
    Cores,
    /// A VM's CPU sockets.
    Sockets,
    /// A VM's CPUs that are plugged at its start; 0 for all.
    Vcpus,
    /// A VM's CPU type, e.g. `host`.
    CpuType,
    /// Whether a VM has NUMA nodes.
    Numa,
    /// How many CPUs' time it may use; `0` for no bound.
    CpuLimit,
    /// Its weight where CPU time is short.
    CpuUnits,
    /// Memory.
    Memory,
    /// The memory to which a VM may be squeezed; 0 for no ballooning.
    Balloon,
    /// A VM's weight where memory is short.
    Shares,
    /// A container's swap.
    Swap,
    /// A VM's machine type.
    Machine,
    /// A VM's firmware.
    Bios,
    /// The storage of a VM's EFI variables; empty for none.
    EfiDisk,
    /// The storage of a VM's TPM state (version 2.0); empty for none.
    Tpm,
    /// A VM's kind of operating system.
    OsType,
    /// A VM's SCSI controller.
    ScsiController,
    /// A VM's display.
    Vga,
    /// Whether a VM has a serial console.
    Serial,
    /// Whether a VM's system has the QEMU guest agent.
    Agent,
    /// What a VM takes while it runs.
    Hotplug,
    /// The devices that a VM boots from.
    BootOrder,
    /// A VM's CD: a volume, `none` for an empty drive, or empty for no drive.
    Cdrom,
    /// The storage of a VM's cloud-init drive; empty for none.
    CloudInit,
    /// The user that cloud-init makes.
    CiUser,
    /// The secret whose value is that user's password (a container's: root's). Its value is never read back.
    Password,
    /// The public SSH keys of that user (a container's: of root, at its making alone).
    SshKeys,
    /// Whether cloud-init upgrades packages at the first boot.
    CiUpgrade,
    /// Snippets that replace parts of cloud-init's data: `user=local:snippets/web.yaml`.
    Snippets,
    /// DNS servers.
    Nameserver,
    /// DNS search domains.
    SearchDomain,
    /// Whether a container may hold containers.
    Nesting,
    /// Whether a container may use the kernel's key store.
    Keyctl,
    /// Whether a container may mount FUSE file systems.
    Fuse,
    /// A container's time zone.
    Timezone,
    /// Whether it starts when its node does.
    OnBoot,
    /// Its place in the order in which guests start.
    StartupOrder,
    /// Seconds to wait before the next guest starts.
    StartupUp,
    /// Seconds in which it must shut down when its node does.
    StartupDown,
    /// Whether Proxmox refuses to delete it.
    Protection,
    /// Whether a container is unprivileged; fixed at its making.
    Unprivileged,
    /// Its tags.
    Tags,
    /// Its notes, without our marker.
    Description,
    /// The pool it belongs to; empty for none.
    Pool,
    /// The state in which the HA manager keeps it; empty where it does not.
    Ha,
    /// Whether it runs.
    Running,
}

/// What stands of a field besides its meaning.
struct Spec {
    key: &'static str,
    label: &'static str,
    only: Option<Kind>,
    shape: Shape,
}

const fn both(key: &'static str, label: &'static str, shape: Shape) -> Spec {
    Spec { key, label, only: None, shape }
}

const fn vm(key: &'static str, label: &'static str, shape: Shape) -> Spec {
    Spec { key, label, only: Some(Kind::Qemu), shape }
}

const fn ct(key: &'static str, label: &'static str, shape: Shape) -> Spec {
    Spec { key, label, only: Some(Kind::Lxc), shape }
}

impl Plain {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 47] = [
        Self::Name,
        Self::Cores,
        Self::Sockets,
        Self::Vcpus,
        Self::CpuType,
        Self::Numa,
        Self::CpuLimit,
        Self::CpuUnits,
        Self::Memory,
        Self::Balloon,
        Self::Shares,
        Self::Swap,
        Self::Machine,
        Self::Bios,
        Self::EfiDisk,
        Self::Tpm,
        Self::OsType,
        Self::ScsiController,
        Self::Vga,
        Self::Serial,
        Self::Agent,
        Self::Hotplug,
        Self::BootOrder,
        Self::Cdrom,
        Self::CloudInit,
        Self::CiUser,
        Self::Password,
        Self::SshKeys,
        Self::CiUpgrade,
        Self::Snippets,
        Self::Nameserver,
        Self::SearchDomain,
        Self::Nesting,
        Self::Keyctl,
        Self::Fuse,
        Self::Timezone,
        Self::OnBoot,
        Self::StartupOrder,
        Self::StartupUp,
        Self::StartupDown,
        Self::Protection,
        Self::Unprivileged,
        Self::Tags,
        Self::Description,
        Self::Pool,
        Self::Ha,
        Self::Running,
    ];

    const fn spec(self) -> Spec {
        use Shape::{Choice, Choices, Count, Decimal, Flag, Text};
        let seconds = Count { least: 0, most: MAX_STARTUP };
        match self {
            Self::Name => both("name", "Name", Shape::Name),
            Self::Cores => both("cores", "Cores", Count { least: 1, most: MAX_CORES }),
            Self::Sockets => vm("sockets", "Sockets", Count { least: 1, most: MAX_SOCKETS }),
            Self::Vcpus => vm("vcpus", "Plugged CPUs", Count { least: 1, most: MAX_CORES }),
            Self::CpuType => vm("cpu", "CPU type", Shape::Cpu),
            Self::Numa => vm("numa", "NUMA", Flag),
            Self::CpuLimit => both("cpulimit", "CPU limit", Decimal { most: MAX_CPU_LIMIT }),
            Self::CpuUnits => both("cpuunits", "CPU units", Count { least: 1, most: MAX_CPU_UNITS }),
            Self::Memory => both("memory", "Memory", Shape::Size { least: MIN_MEMORY }),
            Self::Balloon => vm("balloon", "Minimum memory", Shape::Size { least: 0 }),
            Self::Shares => vm("shares", "Memory shares", Count { least: 0, most: MAX_SHARES }),
            Self::Swap => ct("swap", "Swap", Shape::Size { least: 0 }),
            Self::Machine => vm("machine", "Machine", Shape::Machine),
            Self::Bios => vm("bios", "BIOS", Choice(&["seabios", "ovmf"])),
            Self::EfiDisk => vm("efidisk", "EFI disk", Shape::Word),
            Self::Tpm => vm("tpm", "TPM", Shape::Word),
            Self::OsType => vm(
                "ostype",
                "OS type",
                Choice(&[
                    "l26", "l24", "win11", "win10", "win8", "win7", "wvista", "w2k8", "w2k3", "w2k", "wxp", "solaris",
                    "other",
                ]),
            ),
            Self::ScsiController => vm(
                "scsihw",
                "SCSI controller",
                Choice(&["virtio-scsi-single", "virtio-scsi-pci", "lsi", "lsi53c810", "megasas", "pvscsi"]),
            ),
            Self::Vga => vm(
                "vga",
                "Display",
                Choice(&["std", "virtio", "virtio-gl", "qxl", "vmware", "cirrus", "serial0", "none"]),
            ),
            Self::Serial => vm("serial", "Serial console", Flag),
            Self::Agent => vm("agent", "Guest agent", Flag),
            Self::Hotplug => {
                vm("hotplug", "Hot-plug", Choices(&["network", "disk", "usb", "cpu", "memory", "cloudinit"]))
            }
            Self::BootOrder => vm("boot", "Boot order", Shape::Devices),
            Self::Cdrom => vm("cdrom", "CD", Shape::Volume),
            Self::CloudInit => vm("cloudinit", "Cloud-init drive", Shape::Word),
            Self::CiUser => vm("ciuser", "User", Text { most: 64 }),
            Self::Password => both("password", "Password", Shape::Word),
            Self::SshKeys => both("sshkeys", "SSH keys", Shape::SshKeys),
            Self::CiUpgrade => vm("ciupgrade", "Package upgrade", Flag),
            Self::Snippets => vm("snippets", "Cloud-init snippets", Text { most: 1_024 }),
            Self::Nameserver => both("nameserver", "DNS servers", Shape::Hosts),
            Self::SearchDomain => both("searchdomain", "DNS domain", Shape::Domains),
            Self::Nesting => ct("nesting", "Nesting", Flag),
            Self::Keyctl => ct("keyctl", "keyctl", Flag),
            Self::Fuse => ct("fuse", "FUSE", Flag),
            Self::Timezone => ct("timezone", "Time zone", Shape::Timezone),
            Self::Unprivileged => ct("unprivileged", "Unprivileged", Flag),
            Self::OnBoot => both("onboot", "Start at boot", Flag),
            Self::StartupOrder => both("startup.order", "Start-up order", seconds),
            Self::StartupUp => both("startup.up", "Start-up delay", seconds),
            Self::StartupDown => both("startup.down", "Shutdown time-out", seconds),
            Self::Protection => both("protection", "Protection", Flag),
            Self::Tags => both("tags", "Tags", Shape::Tags),
            Self::Description => both("description", "Description", Text { most: MAX_DESCRIPTION }),
            Self::Pool => both("pool", "Pool", Shape::Word),
            Self::Ha => both("ha", "HA state", Choice(&["started", "stopped", "disabled", "ignored"])),
            Self::Running => both("running", "Running", Flag),
        }
    }

    /// The field's text form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.spec().key
    }

    /// As a page shows it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.spec().label
    }

    /// What values it takes.
    #[must_use]
    pub const fn shape(self) -> Shape {
        self.spec().shape
    }

    /// The only kind of guest that has it, or `None` for both.
    #[must_use]
    pub const fn only(self) -> Option<Kind> {
        self.spec().only
    }

    /// The value that a guest has where its configuration says nothing, as Proxmox VE 8.4 documents its defaults;
    /// `None` where there is no such value.
    #[must_use]
    pub fn unset(self) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match self {
            Self::Name
            | Self::Balloon
            | Self::StartupOrder
            | Self::StartupUp
            | Self::StartupDown
            // Nobody knows; a node that does not say gives no reason to start or stop a guest.
            | Self::Running
            // A container without a number of cores has all of its node's.
            | Self::Cores => None,
            Self::Sockets => Some(Value::Count(1)),
            Self::Vcpus => Some(Value::Count(0)),
            Self::CpuType => text("kvm64"),
            Self::CpuUnits => Some(Value::Count(100)),
            Self::Shares => Some(Value::Count(1_000)),
            Self::CpuLimit => text("0"),
            Self::Memory | Self::Swap => Some(Value::Size(Size::mib(512))),
            Self::Machine => text("pc"),
            Self::Bios => text("seabios"),
            Self::OsType => text("other"),
            Self::ScsiController => text("lsi"),
            Self::Vga => text("std"),
            Self::Hotplug => Some(Value::Set(["network", "disk", "usb"].map(str::to_owned).into())),
            Self::EfiDisk
            | Self::Tpm
            | Self::BootOrder
            | Self::Cdrom
            | Self::CloudInit
            | Self::CiUser
            | Self::Password
            | Self::SshKeys
            | Self::Snippets
            | Self::Nameserver
            | Self::SearchDomain
            | Self::Timezone
            | Self::Description
            | Self::Pool
            | Self::Ha => text(""),
            Self::Tags => Some(Value::Set(std::collections::BTreeSet::new())),
            Self::Numa
            | Self::Serial
            | Self::Agent
            | Self::Nesting
            | Self::Keyctl
            | Self::Fuse
            | Self::Unprivileged
            | Self::OnBoot
            | Self::Protection => Some(Value::Flag(false)),
            Self::CiUpgrade => Some(Value::Flag(true)),
        }
    }
}
