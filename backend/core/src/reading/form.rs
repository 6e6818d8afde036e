//! What is set in a form after the text was read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::field::{Field, NoField, Value};
use crate::guest::Vmid;
use crate::id::ResourceId;

/// A field that somebody set in a form, after the text was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormEdit {
    /// Of which guest.
    pub guest: FormGuest,
    /// Which field.
    pub field: FormField,
    /// What it was to be.
    pub from: Option<Value>,
    /// What it shall be.
    pub to: Value,
    /// Who set it: their address.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the intent has it already.
    pub applied: bool,
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
