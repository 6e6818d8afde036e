//! The codec on every guest configuration in the recordings of a PVE 8.4.1.
//!
//! `configurations.jsonl` has them as they were answered: the entries of `…/config` and `…/pending`, each
//! configuration once and without its digest, and the property strings that were sent and taken. `from` is the
//! exchange in `backend/sandbox/tests/sandbox/recordings`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::LazyLock;

use chrono::DateTime;
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Shape, Value};
use mycopod_core::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use mycopod_core::id::ResourceId;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Ownership, Sighting};
use mycopod_core::plan::{Action, Effect, Step, Subject};
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Json, json};

use super::plain::hotplug;
use super::property::PropertyString;
use super::{Configuration, Listed, request, sighting};
use crate::json::Row;

const RECORDED: &str = include_str!("../../tests/proxmox/configurations.jsonl");

type Raw = BTreeMap<String, String>;

/// A recorded configuration.
struct Recorded {
    from: String,
    key: GuestKey,
    rows: Vec<Json>,
}

impl Recorded {
    fn seen(&self) -> Sighting {
        seen(self.key, self.rows.clone())
    }

    fn title(&self) -> String {
        format!("{} {} ({})", self.key.kind.noun(), self.key.vmid, self.from)
    }
}

fn lines() -> impl Iterator<Item = Json> {
    RECORDED.lines().map(|line| serde_json::from_str(line).unwrap())
}

static CONFIGURATIONS: LazyLock<Vec<Recorded>> = LazyLock::new(|| {
    let configuration = |line: Json| {
        let vmid = u32::try_from(line["vmid"].as_u64().unwrap()).unwrap();
        let kind = if line["kind"] == "lxc" { Kind::Lxc } else { Kind::Qemu };
        Recorded {
            from: line["from"].as_str().unwrap().to_owned(),
            key: GuestKey { kind, vmid: Vmid::try_from(vmid).unwrap() },
            rows: line["rows"].as_array().unwrap().clone(),
        }
    };
    lines().filter(|line| line["rows"].is_array()).map(configuration).collect()
});

fn marker() -> MarkerKey {
    MarkerKey::new([7; 32])
}

fn resource() -> ResourceId {
    "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
}

fn seen(key: GuestKey, rows: Vec<Json>) -> Sighting {
    let listed = Listed { key, node: "pve1".into(), power: Power::Stopped };
    let rows = Row::list(rows.into()).unwrap();
    sighting(&listed, Configuration::of(&rows), None, &marker(), DateTime::UNIX_EPOCH)
}

fn of_raw(key: GuestKey, raw: &Raw) -> Sighting {
    seen(key, raw.iter().map(|(key, value)| json!({"key": key, "value": value})).collect())
}

/// The guest as it is after an update of those fields, which Proxmox carries out by the letter.
fn updated(guest: &Sighting, fields: BTreeMap<Field, Value>) -> Result<Sighting, CallError> {
    let step = Step {
        seq: 1,
        wish: 0,
        subject: Subject::Guest { guest: GuestRef::clone(&guest.guest), resource: resource() },
        action: Action::Update { fields, macs: BTreeMap::new() },
        effect: Effect::Live,
        summary: String::new(),
        changes: Vec::new(),
        collateral: Vec::new(),
    };
    let request = request(&step, &Look::Present(Box::new(guest.clone())), &marker(), None, None)?;
    let mut raw = guest.raw.clone();
    for (key, mut value) in request.params {
        match key.as_str() {
            "digest" => {}
            "delete" => raw.retain(|key, _| !value.split(',').any(|deleted| deleted == key)),
            key => {
                // Proxmox ends a container's notes with a new line.
                value.push_str(if key == "description" && guest.guest.kind == Kind::Lxc { "\n" } else { "" });
                raw.insert(key.to_owned(), value);
            }
        }
    }
    Ok(of_raw(guest.guest.key(), &raw))
}

/// The guest as our updates and Proxmox leave it: with our marker in its notes, its tags in order or left out, and no
/// zero before a number.
fn adopted(guest: &Sighting) -> Sighting {
    let mut raw = guest.raw.clone();
    raw.remove("tags");
    let tags = guest.tags();
    raw.extend((!tags.is_empty()).then(|| ("tags".into(), tags.into_iter().collect::<Vec<_>>().join(";"))));
    // What a VM takes while it runs can be spelt in several ways and in any order.
    if let Some(entry) = raw.get_mut("hotplug") {
        let kinds = hotplug(Some(entry));
        *entry = if kinds.is_empty() { "0".into() } else { kinds.into_iter().collect::<Vec<_>>().join(",") };
    }
    for entry in raw.values_mut() {
        // The size of a medium is written by Proxmox, which has it.
        if entry.contains("media=cdrom") {
            let mut drive = PropertyString::parse(entry);
            drive.remove("size");
            *entry = drive.to_string();
        }
        if let Ok(number) = entry.parse::<u64>() {
            *entry = number.to_string();
        }
    }
    let notes = marker().mark(raw.get("description").map_or("", String::as_str), resource(), guest.guest.vmid);
    raw.insert("description".into(), if guest.guest.kind == Kind::Lxc { format!("{notes}\n") } else { notes });
    of_raw(guest.guest.key(), &raw)
}

/// An entry's key without its number: `net0` and `net1` are of one sort.
fn sort(key: &str) -> &str {
    key.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// A field without the number of its disk or NIC.
fn sort_of(field: &Field) -> String {
    match field.to_string().split('.').collect::<Vec<_>>()[..] {
        [part, which, option] => {
            [part, sort(which), option].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        }
        _ => field.to_string(),
    }
}

fn changed(before: &Raw, after: &Raw) -> BTreeSet<String> {
    before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// Other values to give a field: those that it has elsewhere in the recordings, and some of its shape.
struct Values(BTreeMap<String, BTreeSet<Value>>);

impl Values {
    fn recorded() -> Self {
        let mut values: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (field, value) in CONFIGURATIONS.iter().flat_map(|recorded| recorded.seen().fields) {
            values.entry(sort_of(&field)).or_default().insert(value);
        }
        Self(values)
    }

    fn besides(&self, field: &Field, value: &Value) -> impl Iterator<Item = Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        let set = |word: &str| Value::Set([word.to_owned()].into());
        let made = match field.shape() {
            Shape::Flag => vec![Value::Flag(false), Value::Flag(true)],
            Shape::Count { least, most } => vec![Value::Count(most), Value::Count(least + 1)],
            Shape::Decimal { .. } => vec![text("1.5"), text("2")],
            Shape::Size { least } => vec![Value::Size(Size::mib(least + 1024)), Value::Size(Size::mib(least + 2048))],
            Shape::Choice(words) => words.iter().copied().map(text).collect(),
            Shape::Choices(words) => words.iter().copied().map(set).collect(),
            Shape::Tags => vec![set("another")],
            Shape::Name | Shape::Word | Shape::Text { .. } => vec![text("another")],
            Shape::Path => vec![text("/srv/another")],
            Shape::Volume => vec![text("local:iso/another.iso")],
            Shape::Address4 => vec![text("10.9.8.7/24")],
            Shape::Host4 => vec![text("10.9.8.1")],
            Shape::Address6 => vec![text("fd00::7/64")],
            Shape::Host6 => vec![text("fd00::1")],
            Shape::Hosts => vec![text("10.9.8.1 fd00::1")],
            Shape::Domains => vec![text("another.example")],
            Shape::Mac => vec![text("BC:24:11:99:88:77")],
            Shape::SshKeys => vec![text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA another")],
            Shape::Machine => vec![text("q35"), text("pc")],
            Shape::Cpu => vec![text("host"), text("qemu64")],
            Shape::Devices => vec![text("net0"), text("scsi0")],
            Shape::Timezone => vec![text("Europe/Vienna")],
        };
        let elsewhere = self.0.get(&sort_of(field)).into_iter().flatten().cloned();
        let others: Vec<_> = elsewhere.chain(made).filter(|other| other != value).collect();
        others.into_iter()
    }
}

#[test]
fn property_strings_are_printed_as_they_were_read() {
    let texts = |line: &Json| -> Vec<String> {
        let rows = line["rows"].as_array().into_iter().flatten();
        let entries = rows.flat_map(|row| [row["value"].clone(), row["pending"].clone()]);
        let form = line["form"].as_object().into_iter().flat_map(|form| form.values().cloned());
        entries.chain(form).filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    let texts: BTreeSet<String> = lines().flat_map(|line| texts(&line)).collect();
    assert!(texts.iter().filter(|text| text.contains('=')).count() > 200);
    for text in texts {
        assert_eq!(PropertyString::parse(&text).to_string(), text);
    }
}

#[test]
fn nothing_of_a_configuration_is_dropped() {
    for recorded in &*CONFIGURATIONS {
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let kept = recorded.rows.iter().filter(|row| row["delete"].as_u64().unwrap_or(0) == 0);
        let merged = kept.filter_map(|row| {
            let value = row.get("pending").or_else(|| row.get("value"))?;
            Some((text(&row["key"]), text(value)))
        });
        assert_eq!(recorded.seen().raw, merged.collect::<Raw>(), "{}", recorded.title());
    }
}

#[test]
fn what_is_understood_and_what_is_only_kept() {
    let (mut understood, mut all) = (BTreeSet::new(), BTreeSet::new());
    for recorded in &*CONFIGURATIONS {
        let whole = recorded.seen();
        for key in whole.raw.keys() {
            let mut raw = whole.raw.clone();
            raw.remove(key);
            let without = of_raw(recorded.key, &raw);
            let entry = format!("{} {}", recorded.key.kind.noun(), sort(key));
            if without.fields != whole.fields {
                understood.insert(entry.clone());
            }
            all.insert(entry);
        }
    }
    let kept = &all - &understood;
    let list = |keys: BTreeSet<String>| keys.into_iter().collect::<Vec<_>>().join("\n");
    let lists = format!("In fields:\n{}\n\nKept as it is:\n{}", list(understood), list(kept));
    insta::assert_snapshot!(lists);
}

#[test]
fn every_field_is_changed_alone_and_restored_to_the_letter() {
    let values = Values::recorded();
    let mut refused = BTreeSet::new();
    for recorded in &*CONFIGURATIONS {
        let guest = adopted(&recorded.seen());
        for (field, value) in &guest.fields {
            let what = format!("{}: {field} = {value}", recorded.title());
            let other = values.besides(field, value).find_map(|other| {
                let after = updated(&guest, BTreeMap::from([(field.clone(), other.clone())])).ok()?;
                Some((other, after))
            });
            let Some((other, after)) = other else {
                refused.insert(format!("{} {}", recorded.key.kind.noun(), sort_of(field)));
                continue;
            };
            assert_eq!(after.get(field), Some(&other), "{what}");
            assert_eq!(after.ownership, Ownership::Ours(resource()), "{what}");
            let touched = changed(&guest.raw, &after.raw);
            assert!(touched.len() == 1, "{what}: {other} touches {touched:?}");
            let restored = updated(&after, BTreeMap::from([(field.clone(), value.clone())]))
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(restored.fields, guest.fields, "{what} after {other}");
            // An entry that was not there may be left with its default written out.
            let differ = changed(&guest.raw, &restored.raw);
            let differ: Vec<_> = differ.iter().filter(|key| guest.raw.contains_key(*key)).collect();
            let show = |raw: &Raw| differ.iter().map(|key| raw.get(*key).cloned()).collect::<Vec<_>>();
            assert!(
                differ.is_empty(),
                "{what} after {other}: {differ:?} {:?} {:?}",
                show(&guest.raw),
                show(&restored.raw)
            );
        }
    }
    let refused = refused.into_iter().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(refused);
}

#[test]
fn every_field_that_is_not_there_is_set_alone() {
    let values = Values::recorded();
    let mut refused = BTreeSet::new();
    for recorded in representative() {
        let guest = adopted(&recorded.seen());
        for field in missing(&guest) {
            let what = format!("{}: {field}", recorded.title());
            let set = values.besides(&field, &Value::Text(String::new())).find_map(|value| {
                let after = updated(&guest, BTreeMap::from([(field.clone(), value.clone())])).ok()?;
                Some((value, after))
            });
            let Some((value, after)) = set else {
                refused.insert(format!("{} {}", recorded.key.kind.noun(), sort_of(&field)));
                continue;
            };
            assert_eq!(after.get(&field), Some(&value), "{what}");
            let touched = changed(&guest.raw, &after.raw);
            assert!(touched.len() == 1, "{what}: {value} touches {touched:?}");
        }
    }
    let refused = refused.into_iter().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(refused);
}

/// The fields that a guest of that kind can have, and this one has not: of itself, its disks and its NICs.
fn missing(guest: &Sighting) -> Vec<Field> {
    let nics: BTreeSet<u8> =
        guest.fields.keys().filter_map(|field| if let Field::Nic(n, _) = field { Some(*n) } else { None }).collect();
    let disks = guest.disks().flat_map(|slot| DiskPart::ALL.map(|part| Field::Disk(slot.clone(), part)));
    let nics = nics.into_iter().flat_map(|n| NicPart::ALL.map(|part| Field::Nic(n, part)));
    let fields = Plain::ALL.into_iter().map(Field::Plain).chain(disks).chain(nics);
    fields.filter(|field| field.fits(guest.guest.kind) && !guest.fields.contains_key(field)).collect()
}

#[test]
fn an_update_to_what_is_so_changes_nothing() {
    for recorded in &*CONFIGURATIONS {
        let guest = adopted(&recorded.seen());
        for (field, value) in &guest.fields {
            let Ok(after) = updated(&guest, BTreeMap::from([(field.clone(), value.clone())])) else { continue };
            assert_eq!(after.fields, guest.fields, "{}: {field} = {value}", recorded.title());
            let differ = changed(&guest.raw, &after.raw);
            let differ: Vec<_> = differ.iter().filter(|key| guest.raw.contains_key(*key)).collect();
            assert!(differ.is_empty(), "{}: {field} = {value}: {differ:?}", recorded.title());
        }
    }
}

/// Configurations that each have something which none before has: an entry, or an option of one.
fn representative() -> Vec<&'static Recorded> {
    let mut known = BTreeSet::new();
    let is_news = |recorded: &&Recorded| {
        let raw = recorded.seen().raw;
        let mut traits = BTreeSet::new();
        for (key, entry) in &raw {
            let kind = recorded.key.kind.noun();
            traits.insert(format!("{kind} {}", sort(key)));
            if key != "description" {
                let options = PropertyString::parse(entry);
                traits.extend(options.keyed().map(|(option, _)| format!("{kind} {} {option}", sort(key))));
            }
        }
        let news = traits.difference(&known).count() > 0;
        known.extend(traits);
        news
    };
    CONFIGURATIONS.iter().filter(is_news).collect()
}

#[test]
fn fields_as_they_are_read() {
    let mut shown = String::new();
    for recorded in representative() {
        writeln!(shown, "{}", recorded.title()).unwrap();
        for (field, value) in recorded.seen().fields {
            writeln!(shown, "  {field}: {}", value.shown()).unwrap();
        }
    }
    insta::assert_snapshot!(shown);
}

/// Entries that are property strings, whose options stand in any order.
fn has_options(key: &str) -> bool {
    let sorts = ["net", "scsi", "virtio", "ide", "sata", "rootfs", "mp", "ipconfig", "cpu", "agent", "startup", "vga"];
    sorts.contains(&sort(key))
}

proptest! {
    #[test]
    fn the_order_of_entries_and_of_options_means_nothing(which: Index, seed: u64) {
        let recorded = which.get(&CONFIGURATIONS);
        let whole = recorded.seen();
        let shuffled = |mut parts: Vec<&str>| {
            parts.sort_by_cached_key(|part| BuildHasherDefault::<DefaultHasher>::default().hash_one((seed, part)));
            parts.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let rows = shuffled(whole.raw.keys().map(String::as_str).collect()).into_iter().map(|key| {
            let entry = &whole.raw[&key];
            let options = || shuffled(entry.split(',').collect()).join(",");
            json!({"value": if has_options(&key) { options() } else { entry.clone() }, "key": key})
        });
        prop_assert_eq!(&seen(recorded.key, rows.collect()).fields, &whole.fields);
    }
}
