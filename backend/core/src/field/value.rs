//! What a field holds.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::size::Size;

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
