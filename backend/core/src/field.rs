//! The fields of a guest that can be declared, and their values.
//!
//! One key names a field the same way in a reading, a plan, the database, the API and
//! the UI. Disks are keyed by slot and NICs by number, never by order.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::size::Size;

/// A disk's place on a guest as Proxmox names it: `scsi0`, `virtio1`, `rootfs`, `mp0` …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot(String);

impl Slot {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A container's root file system.
    #[must_use]
    pub fn rootfs() -> Self {
        Self("rootfs".to_owned())
    }

    /// `scsiN`, a VM's disk.
    #[must_use]
    pub fn scsi(n: u8) -> Self {
        Self(format!("scsi{n}"))
    }

    /// `mpN`, a container's mount point.
    #[must_use]
    pub fn mount_point(n: u8) -> Self {
        Self(format!("mp{n}"))
    }
}

impl FromStr for Slot {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = text[stem.len()..].parse::<u16>();
        // Proxmox's own counts of each bus.
        let known = match (stem, number) {
            ("rootfs", Err(_)) => text == "rootfs",
            ("scsi", Ok(n)) => n <= 30,
            ("virtio", Ok(n)) => n <= 15,
            ("sata", Ok(n)) => n <= 5,
            ("ide", Ok(n)) => n <= 3,
            ("mp", Ok(n)) => n <= 255,
            _ => false,
        };
        if known { Ok(Self(text.to_owned())) } else { Err(NoField(text.to_owned())) }
    }
}

impl TryFrom<String> for Slot {
    type Error = NoField;
    fn try_from(text: String) -> Result<Self, NoField> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a NIC is declared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NicPart {
    /// The bridge it is plugged into.
    Bridge,
    /// The VLAN tag, 1 to 4094.
    Vlan,
    /// The IPv4 address: `10.0.0.5/24` or `dhcp`. A VM's goes to its cloud-init drive.
    Ip,
    /// The IPv4 gateway.
    Gateway,
    /// A VM's emulated card, e.g. `virtio`.
    Model,
}

/// A field of a guest that can be declared. Its text form (`cores`, `disk.scsi0.size`,
/// `nic.0.vlan`) is its only serialised form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// The guest's name (a container's hostname). [`Value::Text`].
    Name,
    /// Cores per socket (VM) or in all (container). [`Value::Count`].
    Cores,
    /// A VM's CPU sockets. [`Value::Count`].
    Sockets,
    /// A VM's CPU type, e.g. `host`. [`Value::Text`].
    CpuType,
    /// Memory. [`Value::Size`], whole MiB.
    Memory,
    /// A container's swap. [`Value::Size`], whole MiB.
    Swap,
    /// Whether it starts when its node does. [`Value::Flag`].
    OnBoot,
    /// Whether Proxmox refuses to delete it. [`Value::Flag`].
    Protection,
    /// Whether a container is unprivileged; fixed at its making. [`Value::Flag`].
    Unprivileged,
    /// Its tags. [`Value::Set`].
    Tags,
    /// Its notes, without our marker. [`Value::Text`].
    Description,
    /// Whether it runs. [`Value::Flag`].
    Running,
    /// A disk's size. [`Value::Size`].
    DiskSize(Slot),
    /// The storage a disk is on. [`Value::Text`].
    DiskStorage(Slot),
    /// A part of the NIC of that number. [`Value::Text`]; the VLAN is a [`Value::Count`].
    Nic(u8, NicPart),
}

/// A text that names no field.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” names no field of a guest")]
pub struct NoField(pub String);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("name"),
            Self::Cores => f.write_str("cores"),
            Self::Sockets => f.write_str("sockets"),
            Self::CpuType => f.write_str("cpu"),
            Self::Memory => f.write_str("memory"),
            Self::Swap => f.write_str("swap"),
            Self::OnBoot => f.write_str("onboot"),
            Self::Protection => f.write_str("protection"),
            Self::Unprivileged => f.write_str("unprivileged"),
            Self::Tags => f.write_str("tags"),
            Self::Description => f.write_str("description"),
            Self::Running => f.write_str("running"),
            Self::DiskSize(slot) => write!(f, "disk.{slot}.size"),
            Self::DiskStorage(slot) => write!(f, "disk.{slot}.storage"),
            Self::Nic(n, part) => write!(f, "nic.{n}.{}", part.as_str()),
        }
    }
}

impl NicPart {
    /// All parts, in the order in which people read them.
    pub const ALL: [Self; 5] = [Self::Bridge, Self::Vlan, Self::Ip, Self::Gateway, Self::Model];

    /// The last part of the field's text form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Vlan => "vlan",
            Self::Ip => "ip",
            Self::Gateway => "gateway",
            Self::Model => "model",
        }
    }
}

impl FromStr for Field {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        let plain = [
            Self::Name,
            Self::Cores,
            Self::Sockets,
            Self::CpuType,
            Self::Memory,
            Self::Swap,
            Self::OnBoot,
            Self::Protection,
            Self::Unprivileged,
            Self::Tags,
            Self::Description,
            Self::Running,
        ];
        if let Some(field) = plain.into_iter().find(|field| field.to_string() == text) {
            return Ok(field);
        }
        let no_field = || NoField(text.to_owned());
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            ["disk", slot, "size"] => Ok(Self::DiskSize(slot.parse()?)),
            ["disk", slot, "storage"] => Ok(Self::DiskStorage(slot.parse()?)),
            ["nic", n, part] => {
                let part = NicPart::ALL.into_iter().find(|p| p.as_str() == *part).ok_or_else(no_field)?;
                Ok(Self::Nic(n.parse().ok().filter(|n| *n < 32).ok_or_else(no_field)?, part))
            }
            _ => Err(no_field()),
        }
    }
}

impl TryFrom<String> for Field {
    type Error = NoField;
    fn try_from(text: String) -> Result<Self, NoField> {
        text.parse()
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

impl Field {
    /// The field's name as a page shows it, e.g. `Disk scsi0 size`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Name => "Name".into(),
            Self::Cores => "Cores".into(),
            Self::Sockets => "Sockets".into(),
            Self::CpuType => "CPU type".into(),
            Self::Memory => "Memory".into(),
            Self::Swap => "Swap".into(),
            Self::OnBoot => "Start at boot".into(),
            Self::Protection => "Protection".into(),
            Self::Unprivileged => "Unprivileged".into(),
            Self::Tags => "Tags".into(),
            Self::Description => "Description".into(),
            Self::Running => "Running".into(),
            Self::DiskSize(slot) => format!("Disk {slot} size"),
            Self::DiskStorage(slot) => format!("Disk {slot} storage"),
            Self::Nic(n, NicPart::Bridge) => format!("NIC {n} bridge"),
            Self::Nic(n, NicPart::Vlan) => format!("NIC {n} VLAN"),
            Self::Nic(n, NicPart::Ip) => format!("NIC {n} address"),
            Self::Nic(n, NicPart::Gateway) => format!("NIC {n} gateway"),
            Self::Nic(n, NicPart::Model) => format!("NIC {n} model"),
        }
    }
}

/// The value of a field. Which variant a field takes stands at the field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number of things.
    Count(u64),
    /// An amount of memory or disk space.
    Size(Size),
    /// A name or a text.
    Text(String),
    /// A set of names.
    Set(BTreeSet<String>),
}

impl Value {
    /// As a plan shows it: sizes as text with their unit, sets joined by semicolons.
    #[must_use]
    pub fn shown(&self) -> serde_json::Value {
        match self {
            Self::Flag(flag) => (*flag).into(),
            Self::Count(count) => (*count).into(),
            Self::Size(size) => size.to_string().into(),
            Self::Text(text) => text.clone().into(),
            Self::Set(set) => set.iter().cloned().collect::<Vec<_>>().join(";").into(),
        }
    }
}

/// As in a sentence: `yes`, `4`, `8 GiB`, `vmbr0`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Count(count) => count.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Set(set) if set.is_empty() => f.write_str("none"),
            Self::Set(set) => f.write_str(&set.iter().cloned().collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, NicPart, Slot};

    #[test]
    fn every_field_survives_its_text_form() {
        for field in [
            Field::Cores,
            Field::Running,
            Field::DiskSize(Slot::scsi(3)),
            Field::DiskStorage(Slot::rootfs()),
            Field::Nic(1, NicPart::Vlan),
        ] {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
    }

    #[test]
    fn slots_beyond_proxmoxs_buses_are_refused() {
        for text in ["scsi31", "ide4", "sata6", "virtio16", "mp256", "rootfs0", "scsi", "", "scsi-1"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}
