//! What a declaration owns, and where the cluster is no longer so.

use std::collections::BTreeMap;

use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::{GuestKey, Kind};
use crate::id::ResourceId;
use crate::intent::{Intent, OneDeed, Wish};
use crate::observed::Sighting;
use crate::ports::Upid;
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

/// Why a field is no longer as declared, as far as Proxmox tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This task did it, or what it did can have done it.
    Task(Upid),
    /// Proxmox shows no such task: of an edit of a configuration it keeps no record.
    Unrecorded,
}

/// The latest of `tasks` that can have made `field` what it is now, begun at `since` or later. `observed` is what was
/// seen of it; the whole guest is gone where `gone`.
#[must_use]
pub fn cause(tasks: &[Upid], since: i64, field: &Field, observed: Option<&Value>, gone: bool) -> Cause {
    let fits = |task: &&Upid| task.starttime() >= since && explains(task.kind(), field, observed, gone);
    tasks.iter().filter(fits).max_by_key(|task| task.starttime()).cloned().map_or(Cause::Unrecorded, Cause::Task)
}

/// Whether a task of that kind can have made a field what it is.
fn explains(kind: &str, field: &Field, observed: Option<&Value>, gone: bool) -> bool {
    // Of a guest's tasks these write its configuration as a whole, or wherever they are asked to.
    let whole = ["qmrollback", "vzrollback", "qmrestore", "vzrestore", "qmconfig", "vzcreate", "qmcreate"];
    if gone {
        return ["qmdestroy", "vzdestroy"].contains(&kind);
    }
    if whole.contains(&kind) {
        return true;
    }
    let (on, off) = (
        ["qmstart", "vzstart", "qmresume", "vzresume", "hastart", "qmreboot", "vzreboot"].contains(&kind),
        ["qmstop", "vzstop", "qmshutdown", "vzshutdown", "qmsuspend", "vzsuspend", "hastop", "qmpause"].contains(&kind),
    );
    match field {
        Field::Plain(Plain::Running) => match observed {
            Some(Value::Flag(true)) => on,
            _ => off,
        },
        Field::Disk(_, DiskPart::Size) => ["resize", "qmresize", "vzresize"].contains(&kind),
        Field::Disk(_, DiskPart::Storage) | Field::Plain(Plain::EfiDisk | Plain::Tpm) => {
            ["qmmove", "move_volume", "qmmigrate", "vzmigrate"].contains(&kind)
        }
        Field::Plain(_) | Field::Disk(..) | Field::Nic(..) | Field::Firewall(_) => false,
    }
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
                fields.extend(values(&new.fields, new.kind.value));
            }
            Wish::Hold { guest, fields } => {
                if let Some(resource) = resource_of(guest.key()) {
                    owned.entry(resource).or_default().extend(values(fields, guest.kind));
                }
            }
            Wish::Facility { .. } => {}
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

/// The fields that somebody named: by saying, by answering or in a form.
pub(crate) fn named(fields: &BTreeMap<Field, Sourced<Value>>) -> impl Iterator<Item = (&Field, &Sourced<Value>)> {
    fields.iter().filter(|(_, said)| match said.source {
        Source::Said(_) | Source::Inferred { .. } | Source::Answered { .. } | Source::Set { .. } => true,
        Source::Default { .. } => false,
    })
}

fn values(fields: &BTreeMap<Field, Sourced<Value>>, kind: Kind) -> impl Iterator<Item = (Field, Value)> {
    let held = named(fields).filter(move |(field, _)| !field.is_of_making(kind));
    held.map(|(field, said)| (field.clone(), said.value.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(kind: &str, at: i64) -> Upid {
        format!("UPID:pve1:00004D8A:000433A9:{at:08X}:{kind}:100:ann@pve!cli:").parse().unwrap()
    }

    #[test]
    fn the_latest_task_that_can_have_done_it_is_named() {
        let tasks = [task("qmstop", 100), task("qmstop", 300), task("qmstart", 400), task("vzdump", 500)];
        let running = Field::Plain(Plain::Running);
        let of = |since, observed: bool| cause(&tasks, since, &running, Some(&Value::Flag(observed)), false);
        assert_eq!(of(50, false), Cause::Task(task("qmstop", 300)), "the start after it did not switch it off");
        assert_eq!(of(50, true), Cause::Task(task("qmstart", 400)));
        assert_eq!(of(301, false), Cause::Unrecorded, "what was done before the last look is not the cause");
        let Cause::Task(named) = of(50, true) else { unreachable!() };
        assert_eq!(named.user(), "ann@pve!cli");
    }

    #[test]
    fn an_edit_of_the_configuration_leaves_no_task() {
        let tasks = [task("qmstop", 300), task("qmstart", 400)];
        let cores = Field::Plain(Plain::Cores);
        assert_eq!(cause(&tasks, 0, &cores, Some(&Value::Count(2)), false), Cause::Unrecorded);
        let rolled_back = [task("qmstop", 300), task("qmrollback", 400)];
        assert_eq!(cause(&rolled_back, 0, &cores, None, false), Cause::Task(task("qmrollback", 400)));
        assert_eq!(cause(&[task("qmdestroy", 9)], 0, &cores, None, true), Cause::Task(task("qmdestroy", 9)));
        assert_eq!(cause(&tasks, 0, &cores, None, true), Cause::Unrecorded);
    }
}
