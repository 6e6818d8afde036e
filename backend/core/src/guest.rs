//! What a guest is called and where it lives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The two kinds of guest, by Proxmox's own names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A virtual machine.
    Qemu,
    /// A container.
    Lxc,
}

impl Kind {
    /// As in Proxmox's paths: `qemu` or `lxc`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// As people say it: `VM` or `container`.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "container",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A guest's number on its cluster, 100 to 999,999,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vmid(u32);

/// A number that is no VMID.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0} is no VMID: Proxmox takes 100 to 999999999")]
pub struct NoVmid(pub u32);

impl Vmid {
    /// The smallest VMID that Proxmox gives to guests.
    pub const MIN: u32 = 100;
    /// The largest VMID.
    pub const MAX: u32 = 999_999_999;

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Vmid {
    type Error = NoVmid;
    fn try_from(number: u32) -> Result<Self, NoVmid> {
        if (Self::MIN..=Self::MAX).contains(&number) { Ok(Self(number)) } else { Err(NoVmid(number)) }
    }
}

impl From<Vmid> for u32 {
    fn from(vmid: Vmid) -> Self {
        vmid.0
    }
}

impl fmt::Display for Vmid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which object on the cluster: the kind and the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GuestKey {
    /// VM or container.
    pub kind: Kind,
    /// Its number.
    pub vmid: Vmid,
}

/// A guest as a plan or a page names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestRef {
    /// VM or container.
    pub kind: Kind,
    /// Its number.
    pub vmid: Vmid,
    /// Its name; empty where Proxmox knows none.
    pub name: String,
    /// The node it is on, or shall be on.
    pub node: String,
}

impl GuestRef {
    /// The part that identifies it.
    #[must_use]
    pub const fn key(&self) -> GuestKey {
        GuestKey { kind: self.kind, vmid: self.vmid }
    }
}

/// A guest's name: a DNS name of 1 to 63 characters in each label, 64 in all
/// (Proxmox VE refuses longer ones, underscores and anything but ASCII).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestName(String);

/// A text that cannot be a guest's name, and why.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{name}” cannot be a guest’s name: {why}")]
pub struct NoGuestName {
    /// What was given.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl GuestName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestName {
    type Err = NoGuestName;
    fn from_str(name: &str) -> Result<Self, NoGuestName> {
        let bad = |why| Err(NoGuestName { name: name.to_owned(), why });
        if name.is_empty() {
            return bad("it is empty");
        }
        if name.len() > 64 {
            return bad("Proxmox takes 64 characters at most");
        }
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            return bad("Proxmox takes letters, digits, hyphens and dots only");
        }
        if name
            .split('.')
            .any(|label| label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-'))
        {
            return bad("each part between dots starts and ends with a letter or digit and has 63 characters at most");
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for GuestName {
    type Error = NoGuestName;
    fn try_from(name: String) -> Result<Self, NoGuestName> {
        name.parse()
    }
}

impl From<GuestName> for String {
    fn from(name: GuestName) -> Self {
        name.0
    }
}

impl fmt::Display for GuestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a guest runs, as its own node says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// It runs.
    Running,
    /// It is off.
    Stopped,
    /// It is suspended in memory.
    Paused,
    /// Its node did not say.
    Unknown,
}
