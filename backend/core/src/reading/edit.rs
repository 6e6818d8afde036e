//! Changes to fields: of what, and by how much.

use serde::{Deserialize, Serialize};

use super::{Source, Sourced};
use crate::field::{DiskPart, NicPart, Plain, Slot, Value};
use crate::firewall::FirewallOption;
use crate::size::Size;

/// A change to one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which field.
    pub field: EditField,
    /// By how much, or to what.
    pub amount: Amount,
    /// The words that say it.
    pub source: Source,
}

/// The field that an edit names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EditField {
    /// One that every guest has once.
    Plain(Plain),
    /// A part of a disk that exists.
    Disk(DiskRef, DiskPart),
    /// A further disk; the amount is [`Amount::To`] its size.
    NewDisk {
        /// The storage to put it on.
        storage: Option<Sourced<String>>,
        /// The other parts that were said.
        parts: Vec<(DiskPart, Sourced<Value>)>,
    },
    /// A part of the NIC of that number; where `None`, of the only one.
    Nic(Option<u8>, NicPart),
    /// A part of every NIC, of which there must be so many where that is said.
    EachNic(Option<u8>, NicPart),
    /// A further NIC; the amount is [`Amount::To`] its bridge.
    NewNic {
        /// The other parts that were said.
        parts: Vec<(NicPart, Sourced<Value>)>,
    },
    /// A part of its firewall.
    Firewall(FirewallPart),
}

/// The part of a firewall that an edit names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallPart {
    /// An option.
    Option(FirewallOption),
    /// A rule in Proxmox's notation: [`Amount::To`] it there shall be such a rule; [`Amount::Minus`] it there shall be
    /// none like it.
    Rule,
    /// The IP set of that name; an empty text takes it away.
    IpSet(String),
    /// The alias of that name; an empty text takes it away.
    Alias(String),
}

/// The disk that somebody meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskRef {
    /// “the disk”: the only one; a question where there are several.
    Only,
    /// “the data disk”: the only one besides the system disk; a question where there are more.
    Data,
    /// “the second disk”: counted from 1 in slot order.
    Nth(u8),
    /// By slot.
    Slot(Slot),
    /// “the 100 GB disk”: the only one that is so large now; a question where there are none or several.
    Sized(Size),
    /// “both disks”, “all disks”: every one, of which there must be so many where that is said. What is taken out names one.
    Every(Option<u8>),
}

/// To what, or by how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// To this value.
    To(Value),
    /// From the first of these values to the second; where it is another now, that is a question.
    FromTo(Value, Value),
    /// Up to this value; where it is higher now, that is a question.
    UpTo(Value),
    /// Down to this value; where it is lower now, that is a question.
    DownTo(Value),
    /// By this much more; for tags, with these besides.
    Plus(Value),
    /// By this much less; for tags, without these.
    Minus(Value),
    /// Times this many: “double” is 2.
    Times(u32),
    /// Divided by this: “halve” is 2.
    Over(u32),
    /// To so many hundredths: “50 % more” is 150.
    PerCent(u32),
}
