//! Firewall configuration: options, rules, aliases, IP sets. It is kept, not enforced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::format::ip_version;

/// A firewall configuration of a cluster, node, guest or security group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Firewall {
    pub options: BTreeMap<String, String>,
    pub rules: Vec<BTreeMap<String, String>>,
    pub aliases: BTreeMap<String, BTreeMap<String, String>>,
    pub sets: BTreeMap<String, Set>,
    /// A security group's comment.
    pub comment: Option<String>,
}

/// An IP set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Set {
    pub comment: Option<String>,
    pub entries: BTreeMap<String, BTreeMap<String, String>>,
}

/// The checksum of a part of the configuration.
pub fn digest<T: Serialize>(part: &T) -> String {
    let text = match serde_json::to_string(part) {
        Ok(text) if !matches!(text.as_str(), "{}" | "[]") => text,
        _ => String::new(),
    };
    hex::encode(Sha1::digest(text))
}

/// Options that are numbers when read back.
const NUMERIC: [&str; 12] = [
    "enable",
    "dhcp",
    "ebtables",
    "ipfilter",
    "macfilter",
    "ndp",
    "radv",
    "nosmurfs",
    "tcpflags",
    "nomatch",
    "nf_conntrack_max",
    "pos",
];

/// A value as it is read back.
pub fn typed(name: &str, value: &str) -> Value {
    match value.parse::<i64>() {
        Ok(number) if NUMERIC.contains(&name) => json!(number),
        _ => json!(value),
    }
}

impl Firewall {
    /// A rule as the API shows it.
    pub fn rule(&self, position: usize) -> Option<Value> {
        let rule = self.rules.get(position)?;
        let mut shown = json!({ "pos": position, "enable": 0, "digest": digest(&self.rules) });
        for (name, value) in rule {
            shown[name] = typed(name, value);
        }
        let address = rule.get("source").or_else(|| rule.get("dest"));
        let version = address.and_then(|address| ip_version(address));
        let icmp = rule.get("proto").is_some_and(|proto| proto == "icmp").then_some(4);
        if let Some(version) = version.or(icmp) {
            shown["ipversion"] = json!(version);
        }
        Some(shown)
    }
}
