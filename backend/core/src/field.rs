//! The fields of a guest that can be declared, and their values.
//!
//! One key names a field the same way in a reading, a plan, the database, the API and
//! the UI. Disks are keyed by slot and NICs by number, never by order.

mod part;
mod plain;
mod shape;
mod slot;
mod value;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use part::{DiskPart, NicPart};
pub use plain::Plain;
pub use shape::Shape;
pub use slot::Slot;
pub use value::Value;

use crate::firewall::FirewallField;
use crate::guest::Kind;

/// The most NICs of a guest: `net0` to `net31`.
pub const MAX_NICS: u8 = 32;

/// A field of a guest that can be declared. Its text form (`cores`, `disk.scsi0.size`,
/// `nic.0.vlan`) is its only serialised form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// One that every guest has once.
    Plain(Plain),
    /// A part of the disk at that slot.
    Disk(Slot, DiskPart),
    /// A part of the NIC of that number.
    Nic(u8, NicPart),
    /// A part of its firewall.
    Firewall(FirewallField),
}

/// A text that names no field.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” names no field of a guest")]
pub struct NoField(pub String);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(plain) => f.write_str(plain.as_str()),
            Self::Disk(slot, part) => write!(f, "disk.{slot}.{}", part.as_str()),
            Self::Nic(n, part) => write!(f, "nic.{n}.{}", part.as_str()),
            Self::Firewall(field) => write!(f, "firewall.{}", field.key()),
        }
    }
}

impl FromStr for Field {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        if let Some(plain) = Plain::ALL.into_iter().find(|plain| plain.as_str() == text) {
            return Ok(Self::Plain(plain));
        }
        let no_field = || NoField(text.to_owned());
        if let Some(key) = text.strip_prefix("firewall.") {
            return FirewallField::of_key(key).map(Self::Firewall).ok_or_else(no_field);
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            ["disk", slot, part] => {
                let part = DiskPart::ALL.into_iter().find(|p| p.as_str() == *part).ok_or_else(no_field)?;
                Ok(Self::Disk(slot.parse()?, part))
            }
            ["nic", n, part] => {
                let part = NicPart::ALL.into_iter().find(|p| p.as_str() == *part).ok_or_else(no_field)?;
                Ok(Self::Nic(n.parse().ok().filter(|n| *n < MAX_NICS).ok_or_else(no_field)?, part))
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

impl From<Plain> for Field {
    fn from(plain: Plain) -> Self {
        Self::Plain(plain)
    }
}

impl Field {
    /// The field's name as a page shows it, e.g. `Disk scsi0 size`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Plain(plain) => plain.label().to_owned(),
            Self::Disk(slot, part) => format!("Disk {slot} {}", part.label()),
            Self::Nic(n, part) => format!("NIC {n} {}", part.label()),
            Self::Firewall(field) => field.label(),
        }
    }

    /// What values it takes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match self {
            Self::Plain(plain) => plain.shape(),
            Self::Firewall(FirewallField::Option(option)) => option.shape(),
            Self::Firewall(FirewallField::Lockout) => Shape::Flag,
            // Checked where they are resolved, by what the guest’s firewall has.
            Self::Firewall(FirewallField::Rule(_) | FirewallField::IpSet(_) | FirewallField::Alias(_)) => Shape::Word,
            Self::Disk(_, part) => part.shape(),
            Self::Nic(_, part) => part.shape(),
        }
    }

    /// Whether guests of this kind can have it.
    #[must_use]
    pub fn fits(&self, kind: Kind) -> bool {
        let only = match self {
            Self::Plain(plain) => plain.only(),
            Self::Disk(slot, part) => {
                let of = if slot.is_of_container() { Kind::Lxc } else { Kind::Qemu };
                if of != kind {
                    return false;
                }
                part.only()
            }
            Self::Nic(_, part) => part.only(),
            Self::Firewall(_) => None,
        };
        only.is_none_or(|only| only == kind)
    }

    /// Whether Proxmox takes it at a guest's making alone and does not show it afterwards: what was declared of it
    /// then can neither differ nor be held.
    #[must_use]
    pub const fn is_of_making(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Plain(Plain::SshKeys | Plain::Password), Kind::Lxc) | (Self::Disk(_, DiskPart::Import), _) => true,
            (Self::Plain(_) | Self::Disk(..) | Self::Nic(..) | Self::Firewall(_), _) => false,
        }
    }

    /// The size of the disk at a slot, by which it exists.
    #[must_use]
    pub const fn size_of(slot: Slot) -> Self {
        Self::Disk(slot, DiskPart::Size)
    }

    /// The storage of the disk at a slot.
    #[must_use]
    pub const fn storage_of(slot: Slot) -> Self {
        Self::Disk(slot, DiskPart::Storage)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{DiskPart, Field, FirewallField, Kind, NicPart, Plain, Slot};
    use crate::firewall::FirewallOption;

    fn every_field() -> Vec<Field> {
        let disks = DiskPart::ALL.into_iter().map(|part| Field::Disk(Slot::scsi(3), part));
        let nics = NicPart::ALL.into_iter().map(|part| Field::Nic(1, part));
        let options = FirewallOption::ALL.into_iter().map(Field::from);
        let firewall = [
            FirewallField::Rule("0123456789".to_owned()),
            FirewallField::IpSet("admins".to_owned()),
            FirewallField::Alias("office".to_owned()),
            FirewallField::Lockout,
        ];
        let firewall = options.chain(firewall.map(Field::Firewall));
        Plain::ALL.into_iter().map(Field::Plain).chain(disks).chain(nics).chain(firewall).collect()
    }

    #[test]
    fn every_field_survives_its_text_form_and_has_one_of_its_own() {
        let fields = every_field();
        for field in &fields {
            assert_eq!(field.to_string().parse().as_ref(), Ok(field));
        }
        let labels: BTreeSet<String> = fields.iter().map(Field::label).collect();
        assert_eq!(labels.len(), fields.len(), "no two are called alike");
    }

    #[test]
    fn a_disk_belongs_to_guests_of_its_kind() {
        assert!(Field::size_of(Slot::scsi(0)).fits(Kind::Qemu) && !Field::size_of(Slot::scsi(0)).fits(Kind::Lxc));
        assert!(Field::size_of(Slot::rootfs()).fits(Kind::Lxc) && !Field::size_of(Slot::rootfs()).fits(Kind::Qemu));
        assert!(!Field::Disk(Slot::scsi(0), DiskPart::Mount).fits(Kind::Qemu));
        assert!(!Field::Plain(Plain::Swap).fits(Kind::Qemu) && Field::Plain(Plain::Swap).fits(Kind::Lxc));
    }

    #[test]
    fn slots_beyond_proxmoxs_buses_are_refused() {
        for text in ["scsi31", "ide4", "sata6", "virtio16", "mp256", "rootfs0", "scsi", "", "scsi-1"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}
