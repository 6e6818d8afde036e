//! What disks and NICs are declared by, part by part.

use serde::{Deserialize, Serialize};

use super::Shape;
use crate::guest::Kind;

/// Proxmox's cache modes of a VM's disk.
const CACHES: &[&str] = &["none", "writethrough", "writeback", "unsafe", "directsync"];
/// The network cards that Proxmox emulates and people use.
const MODELS: &[&str] = &["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];
/// The largest VLAN tag (IEEE 802.1Q keeps 4095 to itself).
const MAX_VLAN: u64 = 4_094;
/// The largest MTU that Proxmox takes; a VM's card takes 1 for its bridge's own.
const MAX_MTU: u64 = 65_520;
/// The most queues of a VM's card.
const MAX_QUEUES: u64 = 64;
/// The largest rate in MB/s; beyond it nobody has a network.
const MAX_RATE: u64 = 100_000;

/// What a disk is declared by.
///
/// A disk exists where its [`DiskPart::Size`] is greater than 0. A sighting has every other part of a disk that exists,
/// those that Proxmox leaves out with their default, so that a part that is missing belongs to no disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskPart {
    /// Its size; 0 where there shall be no disk.
    Size,
    /// The storage it is on.
    Storage,
    /// A VM's cache mode, `none` by default.
    Cache,
    /// Whether a VM's disk hands freed blocks back to its storage.
    Discard,
    /// Whether a VM sees a solid-state drive.
    Ssd,
    /// Whether a VM's disk has an I/O thread of its own.
    Iothread,
    /// Whether backups have it.
    Backup,
    /// Whether it can only be read.
    ReadOnly,
    /// Where a container mounts it, e.g. `/srv/data`.
    Mount,
    /// The volume a VM's new disk is copied from, e.g. `local:import/noble.qcow2`. Known at its making alone.
    Import,
}

impl DiskPart {
    /// All parts, in the order in which people read them.
    pub const ALL: [Self; 10] = [
        Self::Size,
        Self::Storage,
        Self::Mount,
        Self::Cache,
        Self::Discard,
        Self::Ssd,
        Self::Iothread,
        Self::Backup,
        Self::ReadOnly,
        Self::Import,
    ];

    /// The last part of the field's text form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Storage => "storage",
            Self::Cache => "cache",
            Self::Discard => "discard",
            Self::Ssd => "ssd",
            Self::Iothread => "iothread",
            Self::Backup => "backup",
            Self::ReadOnly => "readonly",
            Self::Mount => "mount",
            Self::Import => "import",
        }
    }

    /// As a page shows it after the slot.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Storage => "storage",
            Self::Cache => "cache",
            Self::Discard => "discard",
            Self::Ssd => "SSD emulation",
            Self::Iothread => "I/O thread",
            Self::Backup => "in backups",
            Self::ReadOnly => "read-only",
            Self::Mount => "mount path",
            Self::Import => "imported from",
        }
    }

    /// What values it takes.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Size => Shape::Size { least: 0 },
            Self::Cache => Shape::Choice(CACHES),
            Self::Storage => Shape::Word,
            Self::Discard | Self::Ssd | Self::Iothread | Self::Backup | Self::ReadOnly => Shape::Flag,
            Self::Mount => Shape::Path,
            Self::Import => Shape::Volume,
        }
    }

    /// The only kind of guest whose disks have it, or `None` for both.
    #[must_use]
    pub const fn only(self) -> Option<Kind> {
        match self {
            Self::Size | Self::Storage | Self::Backup | Self::ReadOnly => None,
            Self::Cache | Self::Discard | Self::Ssd | Self::Iothread | Self::Import => Some(Kind::Qemu),
            Self::Mount => Some(Kind::Lxc),
        }
    }
}

/// What a NIC is declared by.
///
/// A NIC exists where it has a [`NicPart::Bridge`] that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NicPart {
    /// The bridge or SDN vnet it is plugged into; empty where there shall be no NIC.
    Bridge,
    /// The VLAN tag, 1 to 4094; 0 for none.
    Vlan,
    /// The IPv4 address: `10.0.0.5/24` or `dhcp`. A VM's goes to its cloud-init drive.
    Ip,
    /// The IPv4 gateway.
    Gateway,
    /// The IPv6 address: `fd00::5/64`, `dhcp` or `auto`.
    Ip6,
    /// The IPv6 gateway.
    Gateway6,
    /// A VM's emulated card, e.g. `virtio`.
    Model,
    /// Its MAC address, in upper case.
    Mac,
    /// Whether Proxmox's firewall filters it.
    Firewall,
    /// Its bound in MB/s; `0` for none.
    Rate,
    /// Its MTU in bytes; 0 for the default, and 1 for the bridge's own (VM).
    Mtu,
    /// Whether its cable is out.
    LinkDown,
    /// A VM's packet queues; 0 for the default of one.
    Queues,
}

impl NicPart {
    /// All parts, in the order in which people read them.
    pub const ALL: [Self; 13] = [
        Self::Bridge,
        Self::Vlan,
        Self::Ip,
        Self::Gateway,
        Self::Ip6,
        Self::Gateway6,
        Self::Model,
        Self::Mac,
        Self::Firewall,
        Self::Rate,
        Self::Mtu,
        Self::LinkDown,
        Self::Queues,
    ];

    /// The last part of the field's text form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Vlan => "vlan",
            Self::Ip => "ip",
            Self::Gateway => "gateway",
            Self::Ip6 => "ip6",
            Self::Gateway6 => "gateway6",
            Self::Model => "model",
            Self::Mac => "mac",
            Self::Firewall => "firewall",
            Self::Rate => "rate",
            Self::Mtu => "mtu",
            Self::LinkDown => "link_down",
            Self::Queues => "queues",
        }
    }

    /// As a page shows it after the number.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Vlan => "VLAN",
            Self::Ip => "address",
            Self::Gateway => "gateway",
            Self::Ip6 => "IPv6 address",
            Self::Gateway6 => "IPv6 gateway",
            Self::Model => "model",
            Self::Mac => "MAC address",
            Self::Firewall => "firewall",
            Self::Rate => "rate (MB/s)",
            Self::Mtu => "MTU",
            Self::LinkDown => "link down",
            Self::Queues => "queues",
        }
    }

    /// What values it takes.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Bridge => Shape::Word,
            Self::Vlan => Shape::Count { least: 0, most: MAX_VLAN },
            Self::Ip => Shape::Address4,
            Self::Gateway => Shape::Host4,
            Self::Ip6 => Shape::Address6,
            Self::Gateway6 => Shape::Host6,
            Self::Model => Shape::Choice(MODELS),
            Self::Mac => Shape::Mac,
            Self::Firewall | Self::LinkDown => Shape::Flag,
            Self::Rate => Shape::Decimal { most: MAX_RATE },
            Self::Mtu => Shape::Count { least: 0, most: MAX_MTU },
            Self::Queues => Shape::Count { least: 0, most: MAX_QUEUES },
        }
    }

    /// The only kind of guest whose NICs have it, or `None` for both.
    #[must_use]
    pub const fn only(self) -> Option<Kind> {
        match self {
            Self::Model | Self::Queues => Some(Kind::Qemu),
            Self::Bridge
            | Self::Vlan
            | Self::Ip
            | Self::Gateway
            | Self::Ip6
            | Self::Gateway6
            | Self::Mac
            | Self::Firewall
            | Self::Rate
            | Self::Mtu
            | Self::LinkDown => None,
        }
    }
}
