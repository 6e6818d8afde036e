//! Fields → the parameters by which Proxmox sets them.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::observed::Sighting;
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;

use super::property::PropertyString;
use super::sighting::name_key;
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
        self.params.insert(key.to_owned(), value.to_string());
    }

    /// Takes an entry out of the configuration.
    pub fn delete(&mut self, key: &str) {
        self.delete.insert(key.to_owned());
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

/// The entry by which Proxmox makes a disk of that size.
pub fn new_disk(kind: Kind, slot: &Slot, storage: &str, size: Size, iothreads: bool) -> Result<String, CallError> {
    if disk::is_of_container(slot) != (kind == Kind::Lxc) {
        return Err(unfit(format!("a {} has no disk {slot}", kind.noun())));
    }
    if !size.is_whole_gib() || size == Size::default() {
        return Err(unfit(format!("{size} for {slot}: Proxmox makes disks of whole GiB")));
    }
    Ok(disk::make(slot, plain(storage)?, size.as_gib_ceil(), iothreads))
}

/// Sets fields of a guest of that kind; `raw` is the configuration as it is. The description is the caller's: it carries the marker.
pub fn set_fields(
    kind: Kind,
    fields: &BTreeMap<Field, Value>,
    raw: &BTreeMap<String, String>,
    macs: &BTreeMap<u8, String>,
    form: &mut Form,
) -> Result<(), CallError> {
    let mut nics: BTreeMap<u8, nic::Parts<'_>> = BTreeMap::new();
    for (field, value) in fields {
        match (field, value, kind) {
            (Field::Plain(Plain::Name), Value::Text(name), _) => form.set(name_key(kind), name),
            (Field::Plain(Plain::Cores), Value::Count(cores), _) => form.set("cores", cores),
            (Field::Plain(Plain::Sockets), Value::Count(sockets), Kind::Qemu) => form.set("sockets", sockets),
            (Field::Plain(Plain::CpuType), Value::Text(model), Kind::Qemu) => form.set("cpu", &cpu(raw, plain(model)?)),
            (Field::Plain(Plain::Memory), Value::Size(size), _) => form.set("memory", &memory(raw, mib(field, *size)?)),
            (Field::Plain(Plain::Swap), Value::Size(size), Kind::Lxc) => form.set("swap", &mib(field, *size)?),
            (Field::Plain(Plain::OnBoot), Value::Flag(flag), _) => form.set("onboot", &u8::from(*flag)),
            (Field::Plain(Plain::Protection), Value::Flag(flag), _) => form.set("protection", &u8::from(*flag)),
            (Field::Plain(Plain::Tags), Value::Set(tags), _) if tags.is_empty() => {
                if raw.contains_key("tags") {
                    form.delete("tags");
                }
            }
            (Field::Plain(Plain::Tags), Value::Set(tags), _) => {
                for tag in tags {
                    plain(tag)?;
                }
                form.set("tags", &tags.iter().cloned().collect::<Vec<_>>().join(";"));
            }
            (Field::Plain(Plain::Description), Value::Text(_), _) => {}
            (Field::Nic(n, part), value, _) => {
                nics.entry(*n).or_default().insert(*part, fit_for_nic(*part, value)?);
            }
            (field, value, kind) => {
                return Err(unfit(format!("{field} of a {} cannot be set to {value}", kind.noun())));
            }
        }
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

fn mib(field: &Field, size: Size) -> Result<u64, CallError> {
    if size.is_whole_mib() { Ok(size.as_mib()) } else { Err(unfit(format!("{field} is counted in whole MiB"))) }
}

/// The memory, as it is written there: a VM's is a property string of one option.
fn memory(raw: &BTreeMap<String, String>, mib: u64) -> String {
    let mut memory = raw.get("memory").map_or_else(PropertyString::empty, |memory| PropertyString::parse(memory));
    memory.set_default("current", &mib.to_string());
    memory.to_string()
}

/// The CPU's type, its flags being kept.
fn cpu(raw: &BTreeMap<String, String>, model: &str) -> String {
    let mut cpu = raw.get("cpu").map_or_else(PropertyString::empty, |cpu| PropertyString::parse(cpu));
    cpu.set_default("cputype", model);
    cpu.to_string()
}

fn fit_for_nic(part: NicPart, value: &Value) -> Result<&Value, CallError> {
    match (part, value) {
        (NicPart::Vlan, Value::Count(0..=4094)) => Ok(value),
        (NicPart::Ip | NicPart::Gateway, Value::Text(text)) if text.is_empty() => Ok(value),
        (NicPart::Bridge | NicPart::Model | NicPart::Ip | NicPart::Gateway, Value::Text(text)) => {
            plain(text).map(|_| value)
        }
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
