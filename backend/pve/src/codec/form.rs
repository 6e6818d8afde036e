//! Fields → the parameters by which Proxmox sets them.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{DiskPart, Field, NicPart, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::observed::Sighting;
use mycopod_core::ports::CallError;

use super::property::PropertyString;
use super::{disk, nic};

/// The status of a call that was not sent because it could not do what its step says: it is refused like
/// one that Proxmox refuses, and trying again does not help.
const UNFIT: u16 = 400;

/// A form's parameters, each once.
#[derive(Debug, Default)]
pub struct Form {
    params: BTreeMap<String, String>,
    delete: BTreeSet<String>,
}

impl Form {
    /// A form that only the configuration just seen accepts.
    pub fn guarded(guest: &Sighting) -> Self {
        let mut form = Self::default();
        form.set("digest", &guest.digest);
        form
    }

    pub fn set(&mut self, key: &str, value: &(impl ToString + ?Sized)) {
        self.delete.remove(key);
        self.params.insert(key.to_owned(), value.to_string());
    }

    /// Takes an entry out of the configuration.
    pub fn delete(&mut self, key: &str) {
        self.delete.insert(key.to_owned());
    }

    /// Takes an entry out where it is in there.
    pub fn delete_from(&mut self, raw: &BTreeMap<String, String>, key: &str) {
        self.params.remove(key);
        if raw.contains_key(key) {
            self.delete(key);
        }
    }

    /// Whether an entry is set.
    pub fn has(&self, key: &str) -> bool {
        self.params.contains_key(key)
    }

    /// An entry as the form leaves it so far.
    pub fn entry(&self, raw: &BTreeMap<String, String>, key: &str) -> PropertyString {
        let entry = self.params.get(key).or_else(|| raw.get(key).filter(|_| !self.delete.contains(key)));
        entry.map_or_else(PropertyString::empty, |entry| PropertyString::parse(entry))
    }

    pub fn into_params(mut self) -> Vec<(String, String)> {
        if !self.delete.is_empty() {
            self.params.insert("delete".to_owned(), self.delete.into_iter().collect::<Vec<_>>().join(","));
        }
        self.params.into_iter().collect()
    }
}

/// A refusal of our own.
pub fn unfit(why: impl AsRef<str>) -> CallError {
    CallError::Rejected { status: UNFIT, reason: format!("not sent to Proxmox: {}", why.as_ref()) }
}

/// Sets fields of a guest of that kind; `raw` is the configuration as it is, empty for a guest that is made. The
/// description is the caller's: it carries the marker.
pub fn set_fields(
    kind: Kind,
    fields: &BTreeMap<Field, Value>,
    raw: &BTreeMap<String, String>,
    macs: &BTreeMap<u8, String>,
    making: bool,
    form: &mut Form,
) -> Result<(), CallError> {
    let mut nics: BTreeMap<u8, nic::Parts<'_>> = BTreeMap::new();
    let mut disks: BTreeMap<&Slot, BTreeMap<DiskPart, Value>> = BTreeMap::new();
    for (field, value) in fields {
        match field {
            Field::Plain(field) => super::plain::write(*field, value, kind, raw, making, form)?,
            Field::Nic(n, part) => {
                nics.entry(*n).or_default().insert(*part, fit_for_nic(*part, value)?);
            }
            Field::Firewall(_) => return Err(unfit(format!("{field} is no part of a guest’s configuration"))),
            Field::Disk(slot, part) => {
                disks.entry(slot).or_default().insert(*part, value.clone());
            }
        }
    }
    for (slot, parts) in disks {
        let entry = raw.get(slot.as_str()).ok_or_else(|| unfit(format!("there is no disk {slot}")))?;
        form.set(slot.as_str(), &disk::edit(kind, slot, entry, &parts)?);
    }
    for (n, parts) in nics {
        let mac = macs.get(&n).map(|mac| plain(mac)).transpose()?;
        let entries = nic::edit(kind, n, raw, &parts, mac)
            .ok_or_else(|| unfit(format!("NIC {n} of a {} cannot be made so", kind.noun())))?;
        for (key, entry) in entries {
            match entry {
                Some(entry) => form.set(&key, &entry),
                None => form.delete(&key),
            }
        }
    }
    Ok(())
}

fn fit_for_nic(part: NicPart, value: &Value) -> Result<&Value, CallError> {
    match (part, value) {
        (NicPart::Vlan, Value::Count(0..=4094))
        | (NicPart::Mtu | NicPart::Queues, Value::Count(_))
        | (NicPart::Firewall | NicPart::LinkDown, Value::Flag(_)) => Ok(value),
        (NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6, Value::Text(text)) if text.is_empty() => {
            Ok(value)
        }
        (
            NicPart::Bridge
            | NicPart::Model
            | NicPart::Mac
            | NicPart::Rate
            | NicPart::Ip
            | NicPart::Gateway
            | NicPart::Ip6
            | NicPart::Gateway6,
            Value::Text(text),
        ) => plain(text).map(|_| value),
        _ => Err(unfit(format!("{value} is no {} of a NIC", part.as_str()))),
    }
}

/// A text that stands inside a property string or list without becoming another option of it.
pub fn plain(text: &str) -> Result<&str, CallError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '_' | '-' | '+' | '/');
    if !text.is_empty() && text.chars().all(is_plain) {
        Ok(text)
    } else {
        Err(unfit(format!("“{}” has characters that Proxmox does not take there", text.escape_default())))
    }
}
