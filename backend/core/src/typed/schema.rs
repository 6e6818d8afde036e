//! The published JSON Schema of intents, made from the fields themselves.

use serde_json::{Map, Value as Json, json};

use super::{VERSION, VERSION_KEY, fields, is_set, kind_word, path, separator};
use crate::field::{DiskPart, Field, NicPart, Plain, Shape, Slot, Value};
use crate::firewall::FirewallField;
use crate::guest::{Kind, Vmid};
use crate::reading::FormField;

/// Where it is published.
const ID: &str = "urn:mycopod:intent:1";
/// The names of disks' slots.
const SLOTS: &str = "^(scsi([0-9]|[12][0-9]|30)|virtio([0-9]|1[0-5])|sata[0-5]|ide[0-3]|rootfs|mp([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5]))$";
/// The numbers of NICs.
const NICS: &str = "^([0-9]|[12][0-9]|3[01])$";
/// The names of IP sets and aliases.
const NAMES: &str = "^[A-Za-z][A-Za-z0-9_-]{1,39}$";
/// The texts that are sizes.
const SIZES: &str = "^[0-9]+ *(B|KiB|MiB|GiB|TiB)$";

/// The schema of a whole intent.
#[must_use]
pub fn schema() -> Json {
    let text = |about: &str| json!({ "type": "string", "minLength": 1, "description": about });
    let kinds = [Kind::Qemu, Kind::Lxc].map(kind_word);
    let mut guest = Map::from_iter([
        ("name".to_owned(), text("Its name, by which it is found")),
        ("kind".to_owned(), json!({ "enum": kinds })),
        (
            "vmid".to_owned(),
            json!({ "type": "integer", "minimum": Vmid::MIN, "maximum": Vmid::MAX, "description": "Its number" }),
        ),
        ("node".to_owned(), text("The node it shall be made on")),
        ("image".to_owned(), text("What it shall be made from")),
        (
            "adopt".to_owned(),
            json!({ "type": "boolean", "description": "Whether it shall be taken over, where it is nobody’s" }),
        ),
    ]);
    // Any slot, NIC and name stand for all.
    let (slot, nic, name) = (Slot::scsi(0), 0, "NAME");
    for field in fields(&slot, nic, name) {
        insert(&mut guest, &path(&field), of(&field));
    }
    let rules = json!({ "type": "array", "items": { "type": "string" }, "description": "Rules in Proxmox’s notation, such as IN HTTPS(ACCEPT) -source 10.0.0.0/8" });
    insert(&mut guest, &["firewall".to_owned(), "rules".to_owned()], rules);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "MycoPod intent",
        "description": "What shall be of guests of a Proxmox VE cluster. Only what is named is kept so.",
        "type": "object",
        "additionalProperties": false,
        "required": [VERSION_KEY, "guests"],
        "properties": {
            VERSION_KEY: { "const": VERSION },
            "cluster": text("The cluster it is for; the first where none is named"),
            "guests": {
                "type": "array",
                "minItems": 1,
                "items": { "type": "object", "additionalProperties": false, "required": ["name", "kind"], "properties": guest },
            },
        },
    })
}

/// Puts a field's schema at its path. What has many names is told by their pattern.
fn insert(properties: &mut Map<String, Json>, path: &[String], schema: Json) {
    let [key, rest @ ..] = path else { return };
    if rest.is_empty() {
        properties.insert(key.clone(), schema);
        return;
    }
    let under = properties
        .entry(key.clone())
        .or_insert_with(|| json!({ "type": "object", "additionalProperties": false, "minProperties": 1 }));
    let patterned = match key.as_str() {
        "disk" => Some(SLOTS),
        "nic" => Some(NICS),
        "ipset" | "alias" => Some(NAMES),
        _ => None,
    };
    let (table, next) = match patterned {
        Some(pattern) => ("patternProperties", vec![pattern.to_owned()]),
        None => ("properties", vec![rest[0].clone()]),
    };
    let Some(table) = under.as_object_mut().map(|under| under.entry(table).or_insert_with(|| json!({}))) else {
        return;
    };
    if let Some(table) = table.as_object_mut() {
        insert(table, &[&next, &rest[1..]].concat(), schema);
    }
}

/// The schema of what a form sets of a guest; where its kind is not known, with what both kinds have.
#[must_use]
pub fn of_form(field: &FormField, kind: Option<Kind>) -> Json {
    match field {
        FormField::Field(field) => of(field),
        FormField::Disk(slot) => {
            let kind = if slot.is_of_container() { Kind::Lxc } else { Kind::Qemu };
            let parts = DiskPart::ALL.into_iter().filter(|part| part.only().is_none_or(|only| only == kind));
            whole("size", parts.map(|part| (part.as_str(), part.label(), Field::Disk(slot.clone(), part))))
        }
        FormField::Nic(number) => {
            let parts = NicPart::ALL.into_iter().filter(|part| part.only().is_none_or(|only| Some(only) == kind));
            whole("bridge", parts.map(|part| (part.as_str(), part.label(), Field::Nic(*number, part))))
        }
        FormField::Kind => {
            let words = [Kind::Qemu, Kind::Lxc].map(kind_word);
            json!({ "type": "string", "enum": words, "description": "Kind: what it shall be" })
        }
        FormField::Image => {
            json!({ "type": "string", "description": "Image: what it shall be made from" })
        }
        FormField::Node => json!({ "type": "string", "description": "Node: the node it shall be made on" }),
        FormField::Vmid => json!({
            "type": "integer", "minimum": Vmid::MIN, "maximum": Vmid::MAX,
            "description": format!("VMID: its number, from {} to {}", Vmid::MIN, Vmid::MAX),
        }),
    }
}

/// The schema of a disk or NIC that is set as a whole: of its parts, of which it needs the one that it exists by.
fn whole(needs: &str, parts: impl Iterator<Item = (&'static str, &'static str, Field)>) -> Json {
    let part = |(name, label, field): (&str, &str, Field)| {
        let mut schema = of(&field);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("title".to_owned(), label.into());
        }
        (name.to_owned(), schema)
    };
    let parts: Map<String, Json> = parts.map(part).collect();
    json!({ "type": "object", "additionalProperties": false, "required": [needs], "properties": parts })
}

/// The schema of one field's values.
#[must_use]
pub fn of(field: &Field) -> Json {
    let mut schema = bare(field);
    if let Some(schema) = schema.as_object_mut() {
        let only = match only(field) {
            Some(kind) => format!(" ({} only)", kind.noun()),
            None => String::new(),
        };
        schema.insert("description".to_owned(), format!("{}{only}: {}", field.label(), about(field)).into());
    }
    schema
}

fn bare(field: &Field) -> Json {
    // What can be none is none where the text is empty.
    let clears = matches!(field, Field::Plain(plain) if plain.unset() == Some(Value::Text(String::new())));
    if is_set(field) {
        let items = match field.shape() {
            Shape::Choices(words) => json!({ "enum": words }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        return json!({ "type": "array", "items": items, "uniqueItems": true });
    }
    if separator(field).is_some() {
        return json!({ "type": "array", "items": { "type": "string", "minLength": 1 } });
    }
    match field.shape() {
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Decimal { most } => json!({ "type": "number", "minimum": 0, "maximum": most }),
        Shape::Size { .. } => json!({ "type": "string", "pattern": SIZES }),
        Shape::Choice(words) if clears => {
            let words: Vec<&str> = [""].iter().chain(words).copied().collect();
            json!({ "enum": words })
        }
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Text { most } => json!({ "type": "string", "maxLength": most }),
        _ => json!({ "type": "string" }),
    }
}

fn about(field: &Field) -> String {
    match field {
        Field::Plain(Plain::Password) => "the name of the secret that holds it, never the password".to_owned(),
        Field::Plain(Plain::EfiDisk | Plain::Tpm | Plain::CloudInit) => "the storage that holds it".to_owned(),
        Field::Firewall(FirewallField::IpSet(_)) => "addresses and networks".to_owned(),
        Field::Firewall(FirewallField::Alias(_)) => "an address or network".to_owned(),
        _ => field.shape().to_string(),
    }
}

fn only(field: &Field) -> Option<Kind> {
    match field {
        Field::Plain(plain) => plain.only(),
        Field::Disk(_, part) => part.only(),
        Field::Nic(_, part) => part.only(),
        Field::Firewall(_) => None,
    }
}
