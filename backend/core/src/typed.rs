//! Typed intents: what shall be of guests, field by field, as a file in Git, an API's body or a form has it.
//!
//! A field is called as everywhere, and its value has one form: `true`, `4`, `8 GiB`, `vmbr0`, a list. The published
//! schema ([`schema::schema`]) and the values that are taken ([`value_of`]) say the same.

pub mod schema;
pub mod terraform;
pub mod write;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::field::{DiskPart, Field, NicPart, Plain, Shape, Value};
use crate::firewall::{FirewallField, FirewallOption};
use crate::guest::Kind;
use crate::reading::{FormField, Sourced};
use crate::size::Size;

/// The version of the format, which an intent begins with: `mycopod: v1`.
pub const VERSION: &str = "v1";
/// The key of the version.
pub const VERSION_KEY: &str = "mycopod";
/// The longest intent, in Unicode code points: with its escapes it fits an entry of the audit log.
pub const MAX_INTENT: usize = 24_000;
/// The units of sizes. All are binary, as Proxmox's are.
pub const UNITS: [(&str, u32); 5] = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

/// A guest as an intent has it: made where there is none of that name, else changed to be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedGuest {
    /// VM or container.
    pub kind: Sourced<Kind>,
    /// Its name, by which it is found.
    pub name: Sourced<String>,
    /// Its number, where it is said.
    pub vmid: Option<Sourced<u32>>,
    /// The node it shall be made on. One that exists is not moved.
    pub node: Option<Sourced<String>>,
    /// What it shall be made from. Of one that exists it says nothing.
    pub image: Option<Sourced<String>>,
    /// Whether it shall be taken over, where it is nobody's.
    pub adopt: Option<Sourced<bool>>,
    /// Its fields. Firewall rules are none of them.
    pub fields: BTreeMap<Field, Sourced<Value>>,
    /// The rules that its firewall shall have, in Proxmox's notation.
    pub rules: Vec<Sourced<String>>,
}

/// The word for a kind of guest in an intent.
#[must_use]
pub const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Qemu => "vm",
        Kind::Lxc => "container",
    }
}

/// The kind of guest that a word of an intent means.
#[must_use]
pub fn kind_of(word: &str) -> Option<Kind> {
    [Kind::Qemu, Kind::Lxc].into_iter().find(|kind| kind_word(*kind) == word)
}

/// Whether a text is meant as an intent: its first key is the version's, or it is JSON. No sentence begins so.
#[must_use]
pub fn is_intent(text: &str) -> bool {
    let is_bare = |line: &&str| line.is_empty() || line.starts_with('#') || *line == "---";
    let first = text.lines().map(str::trim).find(|line| !is_bare(line)).unwrap_or_default();
    first.starts_with('{') || first.strip_prefix(VERSION_KEY).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// Whether an intent can name the field. Rules stand in a list of their own, and that somebody may be locked out is
/// agreed to and not written down.
#[must_use]
pub const fn is_written(field: &Field) -> bool {
    !matches!(field, Field::Firewall(FirewallField::Rule(_) | FirewallField::Lockout))
}

/// What separates the parts of a text that is a list in an intent.
const fn separator(field: &Field) -> Option<char> {
    match field.shape() {
        Shape::Hosts | Shape::Domains => Some(' '),
        Shape::SshKeys => Some('\n'),
        Shape::Devices => Some(';'),
        _ => None,
    }
}

/// Whether its value is a set of words.
const fn is_set(field: &Field) -> bool {
    matches!(field, Field::Firewall(FirewallField::IpSet(_)))
        || matches!(field.shape(), Shape::Tags | Shape::Choices(_))
}

/// The field's value in an intent.
#[must_use]
pub fn given(field: &Field, value: &Value) -> serde_json::Value {
    match value {
        Value::Flag(flag) => (*flag).into(),
        Value::Count(count) => (*count).into(),
        Value::Size(size) => size.to_string().into(),
        Value::Set(set) => set.iter().map(String::as_str).collect(),
        Value::Text(text) => match separator(field) {
            Some(_) if text.is_empty() => serde_json::Value::Array(Vec::new()),
            Some(separator) => text.split(separator).collect(),
            None if matches!(field.shape(), Shape::Decimal { .. }) => {
                // As short as it can be; what is no number stays a text and is refused where it is read.
                serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
            }
            None => text.as_str().into(),
        },
    }
}

/// The value that `given` is of the field, or what is wrong with it.
pub fn value_of(field: &Field, given: &serde_json::Value) -> Result<Value, String> {
    use serde_json::Value as Given;
    let refuse = |form: String| Err(format!("it is {}, and should be {form}", described(given)));
    if is_set(field) {
        let words = words(given)?;
        let set: BTreeSet<String> = words.iter().cloned().collect();
        return if set.len() == words.len() { Ok(Value::Set(set)) } else { Err("it names something twice".into()) };
    }
    if let Some(separator) = separator(field) {
        let words = words(given)?;
        return match words.iter().find(|word| word.is_empty() || word.contains(separator)) {
            Some(word) => Err(format!("“{}” is more than one part of the list, or none", clipped(word))),
            None => Ok(Value::Text(words.join(&separator.to_string()))),
        };
    }
    match (field.shape(), given) {
        (Shape::Flag, Given::Bool(flag)) => Ok(Value::Flag(*flag)),
        (Shape::Flag, _) => refuse("true or false".to_owned()),
        (Shape::Count { least, most }, Given::Number(number)) => match number.as_u64() {
            // A VM's cores have a bound of their node besides.
            Some(count) if (least..=most).contains(&count) => Ok(Value::Count(count)),
            _ => refuse(format!("a whole number from {least} to {most}")),
        },
        (Shape::Decimal { .. }, Given::Number(number)) => Ok(Value::Text(number.to_string())),
        (shape @ (Shape::Count { .. } | Shape::Decimal { .. }), _) => refuse(shape.to_string()),
        (Shape::Size { .. }, Given::String(text)) => size_of(text).map(Value::Size),
        (Shape::Size { .. }, _) => refuse("a size with its unit, such as 8 GiB".to_owned()),
        (_, Given::String(text)) => Ok(Value::Text(text.clone())),
        (_, Given::Bool(_) | Given::Number(_)) => refuse("a text; put it in quotes".to_owned()),
        (_, Given::Null | Given::Array(_) | Given::Object(_)) => refuse("a text".to_owned()),
    }
}

/// The same where somebody types it into a form: a size may have its unit as people write it, `8 GB` for `8 GiB`. A file
/// is read by others too, who may take GB for 10⁹ bytes; it has the one form.
pub fn value_in_form(field: &Field, given: &serde_json::Value) -> Result<Value, String> {
    let value = value_of(field, given);
    match (field.shape(), given) {
        (Shape::Size { .. }, serde_json::Value::String(text)) if value.is_err() => {
            let size = crate::resolve::read_size(text).map(Value::Size);
            size.ok_or_else(|| {
                format!("“{}” is no size: it is a number with its unit, such as 8 GB or 512 MB", clipped(text))
            })
        }
        _ => value,
    }
}

/// Why what was typed into a form does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The part of a whole disk or NIC that does not, where it is one: `size`.
    pub part: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

/// What a whole disk or NIC exists by and its other parts, as a form has them: a mapping as in a file, or `null` to leave
/// it out.
pub fn whole_in_form(whole: &FormField, given: &serde_json::Value) -> Result<(Value, BTreeMap<Field, Value>), Misfit> {
    let misfit = |part: Option<&str>, why: String| Misfit { part: part.map(str::to_owned), why };
    let (Some(key), serde_json::Value::Null | serde_json::Value::Object(_)) = (whole.key(), given) else {
        return Err(misfit(
            None,
            format!("it is {}, and should be a mapping such as {{size: 20 GiB}}", described(given)),
        ));
    };
    let Some(given) = given.as_object() else {
        let none =
            if matches!(key, Field::Disk(..)) { Value::Size(Size::default()) } else { Value::Text(String::new()) };
        return Ok((none, BTreeMap::new()));
    };
    let part = |(name, given): (&String, &serde_json::Value)| {
        let part = whole.part(name).ok_or_else(|| misfit(None, format!("it has no “{}”", clipped(name))))?;
        let value = value_in_form(&part, given).map_err(|why| misfit(Some(name), why))?;
        Ok((part, value))
    };
    let mut parts: BTreeMap<Field, Value> = given.iter().map(part).collect::<Result<_, Misfit>>()?;
    match parts.remove(&key) {
        Some(Value::Text(bridge)) if bridge.is_empty() => Err(misfit(Some("bridge"), "it is empty".to_owned())),
        Some(Value::Size(size)) if size == Size::default() => Err(misfit(Some("size"), "it is 0".to_owned())),
        Some(value) => Ok((value, parts)),
        None => {
            let name = path(&key).pop().unwrap_or_default();
            Err(Misfit { why: format!("its {name} is missing"), part: Some(name) })
        }
    }
}

/// What a form says of a field, as a file has it: the other way round than [`value_in_form`] and [`whole_in_form`].
#[must_use]
pub fn given_in_form(field: &FormField, value: &Value, parts: &BTreeMap<Field, Value>) -> serde_json::Value {
    let name = |field: &Field| path(field).pop().unwrap_or_default();
    match (field, field.key()) {
        (FormField::Field(field), _) => given(field, value),
        (_, None) => value.shown(),
        (_, Some(key)) => {
            let parts = parts.iter().map(|(part, value)| (name(part), given(part, value)));
            std::iter::once((name(&key), given(&key, value))).chain(parts).collect()
        }
    }
}

/// A size as an intent has it: a whole number and a binary unit.
fn size_of(text: &str) -> Result<Size, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = (&text[..at], text[at..].trim_start_matches(' '));
    let shift = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, shift)| *shift);
    let bytes = number.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    bytes.map(Size::bytes).ok_or_else(|| {
        format!(
            "“{}” is no size such as 8 GiB: it takes a whole number and one of B, KiB, MiB, GiB, TiB, which are binary",
            clipped(text)
        )
    })
}

fn words(given: &serde_json::Value) -> Result<Vec<String>, String> {
    let serde_json::Value::Array(words) = given else {
        return Err(format!("it is {}, and should be a list", described(given)));
    };
    let word = |word: &serde_json::Value| match word {
        serde_json::Value::String(text) => Ok(text.clone()),
        other => Err(format!("it lists {}, and should list texts", described(other))),
    };
    words.iter().map(word).collect()
}

fn described(given: &serde_json::Value) -> String {
    match given {
        serde_json::Value::Null => "nothing".to_owned(),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => given.to_string(),
        serde_json::Value::String(text) => format!("“{}”", clipped(text)),
        serde_json::Value::Array(_) => "a list".to_owned(),
        serde_json::Value::Object(_) => "a mapping".to_owned(),
    }
}

/// As much of a text as a message repeats.
fn clipped(text: &str) -> String {
    const MOST: usize = 60;
    let mut clipped: String = text.chars().take(MOST).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

/// A field's place in an intent: its key, cut at the dots.
#[must_use]
pub fn path(field: &Field) -> Vec<String> {
    field.to_string().split('.').map(str::to_owned).collect()
}

/// One field of every sort: of each disk slot, NIC, IP set and alias the one that is given.
#[must_use]
pub fn fields(slot: &crate::field::Slot, nic: u8, name: &str) -> Vec<Field> {
    let plain = Plain::ALL.into_iter().filter(|plain| *plain != Plain::Name).map(Field::Plain);
    let disk = DiskPart::ALL.into_iter().map(|part| Field::Disk(slot.clone(), part));
    let nic = NicPart::ALL.into_iter().map(|part| Field::Nic(nic, part));
    let options = FirewallOption::ALL.into_iter().map(Field::from);
    let named = [FirewallField::IpSet(name.to_owned()), FirewallField::Alias(name.to_owned())];
    plain.chain(disk).chain(nic).chain(options).chain(named.map(Field::Firewall)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::Slot;

    fn read(key: &str, given: &serde_json::Value) -> Result<Value, String> {
        value_of(&key.parse().unwrap(), given)
    }

    #[test]
    fn values_have_one_form_and_sizes_a_binary_unit() {
        assert_eq!(read("cores", &json!(4)), Ok(Value::Count(4)));
        assert_eq!(read("memory", &json!("8 GiB")), Ok(Value::Size(Size::gib(8))));
        assert_eq!(read("memory", &json!("8GiB")), Ok(Value::Size(Size::gib(8))));
        assert_eq!(read("cpulimit", &json!(1.5)), Ok(Value::Text("1.5".into())));
        assert_eq!(read("boot", &json!(["scsi0", "net0"])), Ok(Value::Text("scsi0;net0".into())));
        assert_eq!(read("tags", &json!([])), Ok(Value::Set(BTreeSet::new())));
        assert_eq!(read("pool", &json!("")), Ok(Value::Text(String::new())));
        for (key, bad) in [
            ("cores", json!("4")),
            ("cores", json!(0)),
            ("cores", json!(1.5)),
            ("cores", json!(-1)),
            ("memory", json!(8)),
            ("memory", json!("8 GB")),
            ("memory", json!("8 gib")),
            ("memory", json!("8")),
            ("memory", json!("-8 GiB")),
            ("memory", json!("99999999999999999 GiB")),
            ("onboot", json!("yes")),
            ("onboot", json!(1)),
            ("pool", json!(null)),
            ("pool", json!(true)),
            ("tags", json!("web")),
            ("tags", json!(["a", "a"])),
            ("tags", json!([1])),
            ("boot", json!(["scsi0;net0"])),
            ("boot", json!([""])),
            ("cpulimit", json!("1.5")),
        ] {
            assert!(read(key, &bad).is_err(), "{key}: {bad}");
        }
    }

    #[test]
    fn a_form_takes_units_as_people_write_them_and_a_file_does_not() {
        let memory = Plain::Memory.into();
        for text in ["8 GB", "8G", "8 gib", "8192 MB", "8GiB", "8388608 KiB"] {
            assert_eq!(value_in_form(&memory, &json!(text)), Ok(Value::Size(Size::gib(8))), "{text}");
        }
        assert!(value_of(&memory, &json!("8 GB")).is_err());
        for bad in [json!("8"), json!(8), json!("lots"), json!("8 GHz")] {
            assert!(value_in_form(&memory, &bad).is_err(), "{bad}");
        }
        assert_eq!(value_in_form(&Plain::Cores.into(), &json!("8 GB")), value_of(&Plain::Cores.into(), &json!("8 GB")));
    }

    #[test]
    fn a_whole_disk_or_nic_is_a_mapping_as_in_a_file_or_nothing() {
        let read = |whole: &str, given: &serde_json::Value| whole_in_form(&whole.parse().unwrap(), given);
        let disk = json!({ "size": "20 GB", "storage": "local-lvm", "discard": true });
        let (size, parts) = read("disk.scsi1", &disk).unwrap();
        assert_eq!((&size, parts.len()), (&Value::Size(Size::gib(20)), 2));
        let given = given_in_form(&"disk.scsi1".parse().unwrap(), &size, &parts);
        assert_eq!(given, json!({ "size": "20 GiB", "storage": "local-lvm", "discard": true }));
        assert_eq!(read("disk.mp0", &json!(null)), Ok((Value::Size(Size::default()), BTreeMap::new())));
        assert_eq!(read("nic.1", &json!(null)), Ok((Value::Text(String::new()), BTreeMap::new())));
        for (whole, bad, part) in [
            ("disk.scsi1", json!({}), Some("size")),
            ("disk.scsi1", json!({ "size": "lots" }), Some("size")),
            ("disk.scsi1", json!({ "size": "0 B" }), Some("size")),
            ("disk.scsi1", json!({ "size": "1 GiB", "discard": "yes" }), Some("discard")),
            ("disk.scsi1", json!({ "size": "1 GiB", "vlan": 1 }), None),
            ("disk.scsi1", json!("1 GiB"), None),
            ("nic.1", json!({ "vlan": 20 }), Some("bridge")),
            ("nic.1", json!({ "bridge": "" }), Some("bridge")),
            ("nic.1", json!({ "bridge": "vmbr0", "vlan": 5000 }), Some("vlan")),
        ] {
            let refused = read(whole, &bad).unwrap_err();
            assert_eq!(refused.part.as_deref(), part, "{whole} {bad}: {}", refused.why);
        }
    }

    #[test]
    fn an_intent_is_told_from_a_sentence() {
        for intent in ["mycopod: v1", "# of web-01\n\n---\nmycopod : v1\n", " {\"mycopod\": \"v1\"}"] {
            assert!(is_intent(intent), "{intent}");
        }
        for words in ["Create a VM", "mycopod shall stop web-01", "", "guests: []", "mycopods: v1"] {
            assert!(!is_intent(words), "{words}");
        }
    }

    #[test]
    fn every_field_is_a_path_of_its_own() {
        let fields = fields(&Slot::scsi(0), 0, "office");
        let paths: BTreeSet<Vec<String>> = fields.iter().map(path).collect();
        assert_eq!(paths.len(), fields.len());
        assert!(fields.iter().all(is_written));
    }
}
