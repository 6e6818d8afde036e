//! What is set in a form after the text was read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Source;
use crate::field::{DiskPart, Field, NicPart, NoField, Plain, Slot, Value};
use crate::firewall::FirewallOption;
use crate::guest::{Kind, Vmid};
use crate::id::ResourceId;

/// A field that somebody set in a form, after the text was read. Its number is its place in the record, from 1 on; none is
/// ever taken off the record, so that a number means one edit for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormEdit {
    /// Of which guest.
    pub guest: FormGuest,
    /// What the guest was called then.
    #[serde(default)]
    pub name: String,
    /// Which field.
    pub field: FormField,
    /// What it was to be.
    pub from: Option<Value>,
    /// Where that came from; of a field that was set before, where it came from before that.
    #[serde(default)]
    pub over: Option<Source>,
    /// What it shall be.
    pub to: Value,
    /// Who set it: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Who took it back, and when, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
}

/// That an edit was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// Who: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl FormEdit {
    /// The edits that count, with their numbers: those that were not taken back, and of each field the last.
    pub fn standing(edits: &[Self]) -> impl Iterator<Item = (usize, &Self)> {
        let sets = |edit: &Self, other: &Self| (edit.guest, &edit.field) == (other.guest, &other.field);
        let stands = move |at: usize, edit: &Self| {
            let later = edits.iter().skip(at).filter(|later| later.taken_back.is_none());
            edit.taken_back.is_none() && !later.into_iter().any(|later| sets(later, edit))
        };
        (1..).zip(edits).filter(move |(number, edit)| stands(*number, edit))
    }
}

/// As in a sentence: `Memory of web-01 to 8 GiB`.
impl fmt::Display for FormEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// As much of a value as a sentence repeats, in characters.
        const MOST: usize = 60;
        let to = self.to.to_string();
        let clipped: String = to.chars().take(MOST).collect();
        let more = if clipped.len() < to.len() { "…" } else { "" };
        let to = if clipped.is_empty() { "none" } else { clipped.as_str() };
        match self.name.as_str() {
            "" => write!(f, "{} of {} to {to}{more}", self.field.label(), self.guest),
            name => write!(f, "{} of {name} to {to}{more}", self.field.label()),
        }
    }
}

/// The fields that a form can set of a guest of this kind with these disks and NICs, in the order in which people read
/// them. A further disk or NIC is none of them: it is several fields at once.
#[must_use]
pub fn settable(kind: Kind, exists: bool, disks: &[Slot], nics: &[u8]) -> Vec<FormField> {
    let plain = Plain::ALL.into_iter().map(Field::Plain);
    let disks = disks.iter().flat_map(|slot| DiskPart::ALL.map(|part| Field::Disk(slot.clone(), part)));
    let nics = nics.iter().flat_map(|nic| NicPart::ALL.map(|part| Field::Nic(*nic, part)));
    // A guest has a firewall of its own when it exists.
    let firewall = FirewallOption::ALL.into_iter().filter(|_| exists).map(Field::from);
    let fits = |field: &Field| {
        let is_fixed = match field {
            // For root@pam alone: Proxmox takes them from no token.
            Field::Plain(Plain::Keyctl | Plain::Fuse) | Field::Disk(_, DiskPart::Import) => true,
            Field::Plain(Plain::Unprivileged) => exists,
            _ => exists && field.is_of_making(kind),
        };
        field.fits(kind) && !is_fixed
    };
    let placed = [FormField::Node, FormField::Vmid].into_iter().filter(|_| !exists);
    let fields = plain.chain(disks).chain(nics).chain(firewall).filter(fits).map(FormField::Field);
    placed.chain(fields).collect()
}

/// The guest of a form. Its text form, a VMID or a resource’s id, is its only serialised form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FormGuest {
    /// One that the declaration makes.
    New(ResourceId),
    /// One that exists.
    Seen(Vmid),
}

impl fmt::Display for FormGuest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(resource) => resource.0.fmt(f),
            Self::Seen(vmid) => vmid.fmt(f),
        }
    }
}

impl FromStr for FormGuest {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let vmid = text.parse().ok().and_then(|number: u32| Vmid::try_from(number).ok()).map(Self::Seen);
        let resource = || text.parse::<Uuid>().ok().map(|id| Self::New(ResourceId(id)));
        vmid.or_else(resource).ok_or("it is neither a VMID nor the id of a guest to be made")
    }
}

impl TryFrom<String> for FormGuest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FormGuest> for String {
    fn from(guest: FormGuest) -> Self {
        guest.to_string()
    }
}

/// What a form sets. Its text form, a field’s key or `node` or `vmid`, is its only serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FormField {
    /// A field of the guest.
    Field(Field),
    /// The node that a new guest shall be on.
    Node,
    /// The VMID that a new guest shall have.
    Vmid,
}

impl FormField {
    /// As a page shows it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Field(field) => field.label(),
            Self::Node => "Node".to_owned(),
            Self::Vmid => "VMID".to_owned(),
        }
    }
}

impl fmt::Display for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Node => f.write_str("node"),
            Self::Vmid => f.write_str("vmid"),
        }
    }
}

impl FromStr for FormField {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        match text {
            "node" => Ok(Self::Node),
            "vmid" => Ok(Self::Vmid),
            key => key.parse().map(Self::Field),
        }
    }
}

impl TryFrom<String> for FormField {
    type Error = NoField;
    fn try_from(text: String) -> Result<Self, NoField> {
        text.parse()
    }
}

impl From<FormField> for String {
    fn from(field: FormField) -> Self {
        field.to_string()
    }
}
