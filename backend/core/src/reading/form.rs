//! What is set in a form after the text was read.

use std::collections::BTreeMap;
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
    /// What it shall be. Of a whole disk or NIC it is what it exists by, its size or bridge, and none where it is left out.
    pub to: Value,
    /// What else a whole disk or NIC shall be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<Field, Value>,
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
    /// The edits that count, with their numbers: those that were not taken back, and of each field the last. What was set
    /// of a disk or NIC before it was set as a whole counts no more.
    pub fn standing(edits: &[Self]) -> impl Iterator<Item = (usize, &Self)> {
        let sets = |edit: &Self, other: &Self| edit.guest == other.guest && edit.field.sets(&other.field);
        let stands = move |at: usize, edit: &Self| {
            let later = edits.iter().skip(at).filter(|later| later.taken_back.is_none());
            edit.taken_back.is_none() && !later.into_iter().any(|later| sets(later, edit))
        };
        (1..).zip(edits).filter(move |(number, edit)| stands(*number, edit))
    }

    /// The numbers of the edits that go when that one is taken back: it, and those of parts of the disk or NIC that is there
    /// by it alone.
    #[must_use]
    pub fn with(number: usize, edits: &[Self]) -> Vec<usize> {
        let is_added = |edit: &Self| edit.adds() && edit.from.is_none();
        let by = Self::standing(edits).find(|(standing, edit)| *standing == number && is_added(edit));
        let is_part = |(at, edit): &(usize, &Self)| {
            let of = |by: &Self| by.guest == edit.guest && by.field.sets(&edit.field);
            *at > number && by.is_some_and(|(_, by)| of(by))
        };
        std::iter::once(number).chain(Self::standing(edits).filter(is_part).map(|(at, _)| at)).collect()
    }

    /// Whether it sets a whole disk or NIC.
    #[must_use]
    pub const fn adds(&self) -> bool {
        self.field.is_whole() && !self.leaves_out()
    }

    /// Whether it leaves a whole disk or NIC out, or has a guest be made from no image.
    #[must_use]
    pub const fn leaves_out(&self) -> bool {
        (self.field.is_whole() || matches!(self.field, FormField::Image))
            && match &self.to {
                Value::Size(size) => size.as_bytes() == 0,
                Value::Text(name) => name.is_empty(),
                Value::Flag(_) | Value::Count(_) | Value::Set(_) => false,
            }
    }

    /// The fields that it sets, with their values: none where it leaves them out.
    pub fn fields(&self) -> impl Iterator<Item = (Field, Value)> {
        let own = self.field.key().map(|key| (key, self.to.clone()));
        let parts = self.parts.iter().map(|(field, value)| (field.clone(), value.clone()));
        own.into_iter().chain(parts).filter(|_| !self.leaves_out())
    }

    /// What it sets, as in a sentence: `20 GiB, storage local-lvm`.
    #[must_use]
    pub fn said(&self) -> String {
        if self.leaves_out() {
            return "none".to_owned();
        }
        let parts = self.parts.iter().map(|(field, value)| match field {
            Field::Disk(_, part) => format!(", {} {value}", part.label()),
            Field::Nic(_, part) => format!(", {} {value}", part.label()),
            Field::Plain(_) | Field::Firewall(_) => String::new(),
        });
        std::iter::once(self.to.to_string()).chain(parts).collect()
    }
}

/// As in a sentence: `Memory of web-01 to 8 GiB`.
impl fmt::Display for FormEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// As much of a value as a sentence repeats, in characters.
        const MOST: usize = 60;
        let to = self.said();
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
/// them. A further disk or NIC is none of them: it is set as a whole.
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
            Field::Plain(Plain::Keyctl | Plain::Fuse) => true,
            Field::Plain(Plain::Unprivileged) => exists,
            _ => exists && field.is_of_making(kind),
        };
        field.fits(kind) && !is_fixed
    };
    let of_making = [FormField::Kind, FormField::Image, FormField::Node, FormField::Vmid];
    let placed = of_making.into_iter().filter(|_| !exists);
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

/// What a form sets. Its text form, a field’s key, what stands before a key’s last dot (`disk.scsi1`, `nic.1`), `kind`,
/// `image`, `node` or `vmid`, is its only serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FormField {
    /// A field of the guest.
    Field(Field),
    /// The whole disk at that slot: all that is said of it at once, or nothing.
    Disk(Slot),
    /// The whole NIC of that number.
    Nic(u8),
    /// VM or container: what a new guest shall be.
    Kind,
    /// What a new guest shall be made from; an empty text is nothing.
    Image,
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
            Self::Disk(slot) => format!("Disk {slot}"),
            Self::Nic(number) => format!("NIC {number}"),
            Self::Kind => "Kind".to_owned(),
            Self::Image => "Image".to_owned(),
            Self::Node => "Node".to_owned(),
            Self::Vmid => "VMID".to_owned(),
        }
    }

    /// Whether it is a whole disk or NIC.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Disk(_) | Self::Nic(_))
    }

    /// The field of the guest that it is, or by which a whole disk or NIC exists.
    #[must_use]
    pub fn key(&self) -> Option<Field> {
        match self {
            Self::Field(field) => Some(field.clone()),
            Self::Disk(slot) => Some(Field::size_of(slot.clone())),
            Self::Nic(number) => Some(Field::Nic(*number, NicPart::Bridge)),
            Self::Kind | Self::Image | Self::Node | Self::Vmid => None,
        }
    }

    /// Whether the guest’s field is it, or a part of it.
    #[must_use]
    pub fn has(&self, field: &Field) -> bool {
        match (self, field) {
            (Self::Field(own), _) => own == field,
            (Self::Disk(slot), Field::Disk(of, _)) => slot == of,
            (Self::Nic(number), Field::Nic(of, _)) => number == of,
            (Self::Disk(_) | Self::Nic(_) | Self::Kind | Self::Image | Self::Node | Self::Vmid, _) => false,
        }
    }

    /// The part of a whole disk or NIC that is called so: `size`, `bridge`.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<Field> {
        let is_part = |field: &Field| self.is_whole() && self.has(field);
        format!("{self}.{name}").parse().ok().filter(is_part)
    }

    /// Whether who sets it decides the other as well.
    fn sets(&self, other: &Self) -> bool {
        self == other || matches!(other, Self::Field(field) if self.has(field))
    }
}

impl fmt::Display for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Disk(slot) => write!(f, "disk.{slot}"),
            Self::Nic(number) => write!(f, "nic.{number}"),
            Self::Kind => f.write_str("kind"),
            Self::Image => f.write_str("image"),
            Self::Node => f.write_str("node"),
            Self::Vmid => f.write_str("vmid"),
        }
    }
}

impl FromStr for FormField {
    type Err = NoField;
    fn from_str(text: &str) -> Result<Self, NoField> {
        match text {
            "kind" => Ok(Self::Kind),
            "image" => Ok(Self::Image),
            "node" => Ok(Self::Node),
            "vmid" => Ok(Self::Vmid),
            key => {
                let part = |name: &str| format!("{key}.{name}").parse();
                match (part("size"), part("bridge")) {
                    (Ok(Field::Disk(slot, _)), _) => Ok(Self::Disk(slot)),
                    (_, Ok(Field::Nic(number, _))) => Ok(Self::Nic(number)),
                    _ => key.parse().map(Self::Field),
                }
            }
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
