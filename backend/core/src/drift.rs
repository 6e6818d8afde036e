//! What a declaration owns, and where the cluster is no longer so.

use std::collections::BTreeMap;

use crate::field::{Field, NicPart, Plain, Value};
use crate::guest::{GuestKey, Kind};
use crate::id::ResourceId;
use crate::intent::{Intent, OneDeed, Wish};
use crate::observed::Sighting;
use crate::reading::{Source, Sourced};
use crate::settle::holds;
use crate::size::Size;

/// The declared fields that `seen` does not have so: field, declared, observed. Of a disk or NIC that was taken out
/// last, what was declared of it before counts no more; that it was taken out is a deed, which drift never repeats.
#[must_use]
pub fn drift(fields: &BTreeMap<Field, Value>, seen: &Sighting) -> Vec<(Field, Value, Option<Value>)> {
    fields
        .iter()
        .filter(|(field, _)| existence_of(field).is_none_or(|of| !fields.get(&of).is_some_and(is_absence)))
        // Of a firewall that was not read nothing can be said.
        .filter(|(field, _)| !matches!(field, Field::Firewall(_)) || seen.firewall.is_some())
        .filter(|(field, value)| !holds(field, value, seen.get(field)))
        .map(|(field, value)| (field.clone(), value.clone(), seen.get(field).cloned()))
        .collect()
}

/// The field by which a field's disk or NIC exists.
#[must_use]
pub fn existence_of(field: &Field) -> Option<Field> {
    match field {
        Field::Plain(_) | Field::Firewall(_) => None,
        Field::Disk(slot, _) => Some(Field::size_of(slot.clone())),
        Field::Nic(number, _) => Some(Field::Nic(*number, NicPart::Bridge)),
    }
}

/// Whether a declared size or bridge says that there shall be no disk or NIC.
#[must_use]
pub fn is_absence(value: &Value) -> bool {
    match value {
        Value::Size(size) => *size == Size::default(),
        Value::Text(text) => text.is_empty(),
        Value::Flag(_) | Value::Count(_) | Value::Set(_) => false,
    }
}

/// The fields that somebody named, by resource: what was said, or follows from what was said or answered. Defaults are
/// nobody's. `resource_of` tells which resource an existing guest is, where it is ours.
#[must_use]
pub fn owned(
    intent: &Intent,
    resource_of: impl Fn(GuestKey) -> Option<ResourceId>,
) -> BTreeMap<ResourceId, BTreeMap<Field, Value>> {
    let mut owned: BTreeMap<ResourceId, BTreeMap<Field, Value>> = BTreeMap::new();
    for wish in &intent.wishes {
        match wish {
            Wish::Exist(new) => {
                let fields = owned.entry(new.resource).or_default();
                fields.insert(Field::Plain(Plain::Name), Value::Text(new.name.value.to_string()));
                fields.extend(values(&new.fields, new.kind));
            }
            Wish::Hold { guest, fields } => {
                if let Some(resource) = resource_of(guest.key()) {
                    owned.entry(resource).or_default().extend(values(fields, guest.kind));
                }
            }
            Wish::Once { guest, deed } => {
                // Whether a guest runs is a state that is kept. Of what was taken out, that it is absent overtakes what
                // older declarations say of it. The rest happens once.
                let (field, value) = match deed {
                    OneDeed::Start | OneDeed::Resume => (Plain::Running.into(), Value::Flag(true)),
                    OneDeed::Shutdown { .. } | OneDeed::Stop => (Plain::Running.into(), Value::Flag(false)),
                    OneDeed::Detach { slot, .. } | OneDeed::DestroyDisk { slot, .. } => {
                        (Field::size_of(slot.clone()), Value::Size(Size::default()))
                    }
                    OneDeed::RemoveNic(number) => (Field::Nic(*number, NicPart::Bridge), Value::Text(String::new())),
                    OneDeed::Reboot
                    | OneDeed::Suspend
                    | OneDeed::Delete
                    | OneDeed::Snapshot(_)
                    | OneDeed::Rollback(_)
                    | OneDeed::DeleteSnapshot(_)
                    | OneDeed::Backup { .. }
                    | OneDeed::Restore(_)
                    | OneDeed::MakeTemplate
                    | OneDeed::Migrate { .. }
                    | OneDeed::Adopt => continue,
                };
                if let Some(resource) = resource_of(guest.key()) {
                    owned.entry(resource).or_default().insert(field, value);
                }
            }
        }
    }
    owned
}

/// The fields that somebody named: by saying or by answering.
pub(crate) fn named(fields: &BTreeMap<Field, Sourced<Value>>) -> impl Iterator<Item = (&Field, &Sourced<Value>)> {
    fields.iter().filter(|(_, said)| match said.source {
        Source::Said(_) | Source::Inferred { .. } => true,
        Source::Default { .. } => false,
    })
}

fn values(fields: &BTreeMap<Field, Sourced<Value>>, kind: Kind) -> impl Iterator<Item = (Field, Value)> {
    let held = named(fields).filter(move |(field, _)| !field.is_of_making(kind));
    held.map(|(field, said)| (field.clone(), said.value.clone()))
}
