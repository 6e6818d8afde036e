//! A disk's place on a guest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::NoField;

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

    /// Whether it is a container's: `rootfs` or a mount point.
    #[must_use]
    pub fn is_of_container(&self) -> bool {
        self.0 == "rootfs" || self.0.starts_with("mp")
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
