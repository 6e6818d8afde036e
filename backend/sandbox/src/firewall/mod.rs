//! Firewall configuration: options, rules, aliases, IP sets. It is kept, not enforced.

mod macros;
mod rule;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

pub use self::macros::{Macro, macros};
pub use self::rule::{Level, Names, Rule, alias_reference, verified};
use crate::format::ip_version;

/// A firewall configuration of a cluster, node, guest, vnet or security group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Firewall {
    pub options: BTreeMap<String, String>,
    pub rules: Vec<Rule>,
    /// By their names in small letters.
    pub aliases: BTreeMap<String, Alias>,
    pub sets: BTreeMap<String, Set>,
    /// A security group's comment.
    pub comment: Option<String>,
}

/// A name for an address or network.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alias {
    pub name: String,
    pub cidr: String,
    pub comment: Option<String>,
}

/// An IP set, its entries by address, network or alias.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Set {
    pub comment: Option<String>,
    pub entries: BTreeMap<String, Entry>,
}

/// What is said of an address in an IP set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Entry {
    pub nomatch: bool,
    pub comment: Option<String>,
}

/// A part of the configuration as the API shows it.
pub type Shown = Map<String, Value>;

/// A list of such parts, with the digest of them all in each.
#[derive(Debug)]
pub struct Listing {
    pub entries: Vec<Shown>,
    pub digest: String,
}

impl FromIterator<Shown> for Listing {
    fn from_iter<T: IntoIterator<Item = Shown>>(entries: T) -> Self {
        let mut entries: Vec<Shown> = entries.into_iter().collect();
        let digest = digest(&entries);
        for entry in &mut entries {
            entry.insert("digest".to_owned(), json!(digest));
        }
        Self { entries, digest }
    }
}

/// The checksum of entries: of their names and values in order, without those that are no plain value.
fn digest(entries: &[Shown]) -> String {
    let mut text = Vec::new();
    for entry in entries {
        let sorted: BTreeMap<&String, &Value> = entry.iter().collect();
        text.extend(sorted.into_iter().filter_map(|(name, value)| match value {
            Value::String(value) => Some(format!("{name}:{value}\n")),
            Value::Number(value) => Some(format!("{name}:{value}\n")),
            _ => None,
        }));
    }
    hex::encode(Sha1::digest(text.concat()))
}

/// A comment that says something.
pub fn comment(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Adds a comment to what is shown.
pub fn describe(shown: &mut Shown, comment: Option<&String>) {
    if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
        shown.insert("comment".to_owned(), json!(comment));
    }
}

/// What is shown under these names.
pub fn shown<const N: usize>(parts: [(&str, Value); N]) -> Shown {
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Alias {
    pub fn shown(&self) -> Shown {
        let mut entry = shown([("name", json!(self.name)), ("cidr", json!(self.cidr))]);
        if let Some(version) = ip_version(&self.cidr) {
            entry.insert("ipversion".to_owned(), json!(version));
        }
        describe(&mut entry, self.comment.as_ref());
        entry
    }
}

impl Firewall {
    /// The options as they are read back, and their digest.
    pub fn shown_options(&self) -> Listing {
        let number = |value: &String| value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number));
        std::iter::once(self.options.iter().map(|(name, value)| (name.clone(), number(value))).collect()).collect()
    }

    pub fn shown_aliases(&self) -> Listing {
        self.aliases.values().map(Alias::shown).collect()
    }

    pub fn shown_sets(&self) -> Listing {
        let entry = |(name, set): (&String, &Set)| {
            let mut entry = shown([("name", json!(name))]);
            describe(&mut entry, set.comment.as_ref());
            entry
        };
        self.sets.iter().map(entry).collect()
    }
}

impl Set {
    /// The entries; those that name an alias that is gone say so.
    pub fn shown(&self, names: Names) -> Listing {
        let entry = |(cidr, entry): (&String, &Entry)| {
            let mut parts = shown([("cidr", json!(cidr))]);
            if entry.nomatch {
                parts.insert("nomatch".to_owned(), json!(1));
            }
            describe(&mut parts, entry.comment.as_ref());
            if let Some((scope, name)) = alias_reference(cidr)
                && names.alias(scope, name).is_none()
            {
                parts.insert("errors".to_owned(), json!({ "cidr": format!("no such alias '{name}'") }));
            }
            parts
        };
        self.entries.iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_proxmoxs() {
        let mut firewall = Firewall::default();
        assert_eq!(firewall.shown_options().digest, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        firewall.options.insert("policy_in".to_owned(), "DROP".to_owned());
        firewall.options.insert("enable".to_owned(), "1".to_owned());
        assert_eq!(firewall.shown_options().digest, "b5b4b38b0ccd39fc3c426236926bf532647addaf");
        let alias = Alias { name: "al1".to_owned(), cidr: "10.0.0.1".to_owned(), comment: None };
        firewall.aliases.insert("al1".to_owned(), alias);
        assert_eq!(firewall.shown_aliases().digest, "8e3a687d66ddcfb59d292c2705ae4f36c14a2c9f");
    }
}
