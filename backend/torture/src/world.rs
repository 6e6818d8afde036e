//! A sandbox's world, as it is compared with another.

use std::collections::BTreeMap;

use mycopod_core::guest::Vmid;
use serde_json::{Map, Value};

/// What of a world tells what was done to it, without what is drawn by chance or the time it was done at.
#[must_use]
pub fn essence(world: &Value) -> Value {
    let mut essence = Map::new();
    for part in ["guests", "volumes", "pools", "members", "sections", "firewalls", "options", "storages"] {
        essence.insert(part.to_owned(), masked(part, &world[part]));
    }
    Value::Object(essence)
}

/// An essence in which each firewall rule stands once. Nothing in Proxmox keeps a rule from being put in twice, so that
/// a call of a process that was taken for dead can do it.
#[must_use]
pub fn without_doubles(mut essence: Value) -> Value {
    for firewall in essence["firewalls"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(rules) = firewall["rules"].as_array_mut() {
            let mut seen = Vec::new();
            rules.retain(|rule| {
                let is_first = !seen.contains(rule);
                seen.push(rule.clone());
                is_first
            });
        }
    }
    essence
}

/// An essence in which volumes have no numbers.
#[must_use]
pub fn without_volume_numbers(essence: Value) -> Value {
    const BEFORE: &str = "-disk-";
    match essence {
        Value::String(text) => {
            let mut parts = text.split(BEFORE);
            let first = parts.next().unwrap_or_default().to_owned();
            let strip = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
            Value::String(parts.fold(first, |text, part| text + BEFORE + &strip(part)))
        }
        Value::Array(all) => all.into_iter().map(without_volume_numbers).collect(),
        Value::Object(map) => {
            let strip = |key: String| match without_volume_numbers(Value::String(key)) {
                Value::String(key) => key,
                _ => String::new(),
            };
            map.into_iter().map(|(key, value)| (strip(key), without_volume_numbers(value))).collect()
        }
        other => other,
    }
}

/// A guest of a world.
#[must_use]
pub fn guest(world: &Value, vmid: Vmid) -> Option<&Value> {
    world["guests"].get(vmid.to_string())
}

/// The path of the guest of that name in Proxmox's API.
#[must_use]
pub fn path_of(world: &Value, name: &str) -> Option<String> {
    let mut guests = world["guests"].as_object().into_iter().flatten();
    let (vmid, guest) =
        guests.find(|(_, guest)| ["name", "hostname"].iter().any(|option| guest["config"][*option] == name))?;
    Some(format!("/nodes/{}/{}/{vmid}", guest["node"].as_str()?, guest["kind"].as_str()?))
}

/// How many tasks of each kind there were.
#[must_use]
pub fn tasks(world: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, task) in world["tasks"].as_object().into_iter().flatten() {
        *counts.entry(task["type"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// Where two values differ.
#[must_use]
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut all = Vec::new();
    differ("", expected, found, &mut all);
    all
}

fn differ(at: &str, expected: &Value, found: &Value, all: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let keys: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                differ(&format!("{at}/{key}"), &of(expected), &of(found), all);
            }
        }
        _ if expected == found => {}
        _ => all.push(format!("{at}: {expected} was expected, {found} is there")),
    }
}

/// Names of values that are moments, or drawn by chance.
const CHANCE: [&str; 10] =
    ["ctime", "since", "pid", "smbios1", "vmgenid", "meta", "snaptime", "digest", "lock-time", "used"];

fn masked(name: &str, value: &Value) -> Value {
    match value {
        _ if CHANCE.contains(&name) => Value::String("…".to_owned()),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (mask(key), masked(key, value))).collect()),
        Value::Array(all) => Value::Array(all.iter().map(|value| masked(name, value)).collect()),
        Value::String(text) => Value::String(mask(text)),
        other => other.clone(),
    }
}

/// A text without MAC addresses, UUIDs, markers and moments.
fn mask(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-');
    let mut masked = String::new();
    for part in text.split_inclusive(|c| !is_part(c)) {
        let word = part.trim_end_matches(|c| !is_part(c));
        masked += if is_drawn(word) { "…" } else { word };
        masked += &part[word.len()..];
    }
    // A backup is named by the moment at which it was made.
    let is_dated = text.contains("vzdump-");
    masked.chars().map(|c| if is_dated && c.is_ascii_digit() { '0' } else { c }).collect()
}

/// Whether a word is one of our markers or names a backup job of ours, or is so long and of such characters that chance has made it.
fn is_drawn(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_mac = word.len() == 17 && word.bytes().filter(|byte| *byte == b':').count() == 5;
    let is_long = word.len() >= 12 && digits >= 8 && word.len() - digits <= 5;
    word.starts_with("mycopod:")
        || word.starts_with("mycopod-")
        || is_mac
        || (is_long && word.bytes().any(|byte| byte.is_ascii_digit()))
}
