//! Guests that exist: fields that shall hold, and deeds.

use std::collections::BTreeMap;

use super::make::{adding, nics_of, starting};
use super::place::{bytes, memory_of};
use super::{Draft, Planner, change, effect, is_on};
use crate::field::{DiskPart, Field, Plain, Slot, Value};
use crate::guest::{GuestKey, GuestRef, Power};
use crate::intent::OneDeed;
use crate::plan::{Action, Effect};
use crate::reading::{Source, Sourced};
use crate::settle::holds;
use crate::size::Size;

type Fields = BTreeMap<Field, Sourced<Value>>;

/// How a guest that shall not run is halted: it is asked, and never switched off unasked.
const SHUTDOWN: Action = Action::Shutdown { seconds: OneDeed::SHUTDOWN_SECONDS };

impl Planner<'_> {
    /// Fields of a guest that exists.
    pub(super) fn hold(&mut self, wish: usize, guest: &GuestRef, fields: &Fields) {
        if let Some(key) = self.standing(guest) {
            self.hold_known(wish, key, fields);
        }
    }

    pub(super) fn hold_known(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let before = self.steps.len();
        let asked = self.questions.len();
        self.update(wish, key, fields);
        self.disks(wish, key, fields);
        if let Some(said) = fields.get(&Field::Plain(Plain::Running)) {
            match said.value {
                Value::Flag(true) => self.start(wish, key, fields),
                _ => self.halt(wish, key, SHUTDOWN, fields),
            }
        }
        if self.steps.len() == before && self.questions.len() == asked && !fields.is_empty() {
            self.already(key, fields);
        }
    }

    /// All fields that Proxmox sets in one call.
    fn update(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let seen = standing.seen;
        let differing: Vec<(&Field, &Sourced<Value>)> = fields
            .iter()
            .filter(|(field, said)| match field {
                // These take calls of their own.
                Field::Plain(Plain::Running | Plain::Pool | Plain::Ha)
                | Field::Disk(_, DiskPart::Size | DiskPart::Storage | DiskPart::Import) => false,
                Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => {
                    !holds(field, &said.value, standing.fields.get(*field))
                }
            })
            .collect();
        if differing.is_empty() {
            return;
        }
        if differing.iter().any(|(field, _)| **field == Field::Plain(Plain::Unprivileged)) {
            let text = format!(
                "Whether {} is unprivileged was fixed when it was made and cannot be changed back. Leave that out, or \
                 restore a backup of it as a new container.",
                seen.guest.name
            );
            return self.ask(key.vmid, text);
        }
        let effects = differing.iter().map(|(field, _)| effect::of(field, key.kind, standing.power, &seen.hotplug));
        let worst = effects.max().unwrap_or(Effect::Live);
        let waiting: Vec<String> = differing
            .iter()
            .filter(|(field, _)| effect::of(field, key.kind, standing.power, &seen.hotplug) == Effect::Pending)
            .map(|(field, _)| field.label())
            .collect();
        let changes = differing.iter().map(|(field, said)| change(field, standing.fields.get(*field), said)).collect();
        let known = nics_of(standing.fields.keys());
        let added: Vec<u8> =
            nics_of(differing.iter().map(|(field, _)| *field)).into_iter().filter(|nic| !known.contains(nic)).collect();
        let update: BTreeMap<Field, Value> =
            differing.iter().map(|(field, said)| ((*field).clone(), said.value.clone())).collect();
        let (resource, on) = (standing.resource, is_on(standing.power));
        let more = update.contains_key(&Field::Plain(Plain::Memory)).then(|| {
            let (now, then) = (memory_of(&standing.fields), memory_of(&update));
            bytes(then) - bytes(now)
        });
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if let Some(more) = more.filter(|_| on)
            && !self.give_memory(key, more)
        {
            return;
        }
        if !waiting.is_empty() {
            self.note(format!(
                "{} of {} take effect when it next stops and starts.",
                waiting.join(", "),
                seen.guest.name
            ));
        }
        let macs = added.into_iter().map(|number| (number, self.mac(resource, number))).collect();
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.extend(update.clone());
        }
        let action = Action::Update { fields: update, macs };
        self.push(wish, &seen.guest, resource, Draft::new(action, worst).with(changes));
    }

    /// Growth of disks, and further disks.
    fn disks(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        for (field, said) in fields {
            let (Field::Disk(slot, DiskPart::Size), Value::Size(size)) = (field, &said.value) else { continue };
            let Some(standing) = self.guests.get(&key) else { return };
            let seen = standing.seen;
            match standing.fields.get(field) {
                Some(Value::Size(is)) if is == size => {}
                Some(Value::Size(is)) if is > size => self.note(format!(
                    "Disk {slot} of {} has {is} and was declared with {size}: Proxmox cannot shrink it, so it stays.",
                    seen.guest.name
                )),
                Some(is) => {
                    let (is, effect) = (is.clone(), effect::of(field, key.kind, standing.power, &seen.hotplug));
                    let resource = standing.resource;
                    let more = match &is {
                        Value::Size(is) => size.saturating_sub(*is),
                        _ => *size,
                    };
                    let storage = match standing.fields.get(&Field::Disk(slot.clone(), DiskPart::Storage)) {
                        Some(Value::Text(storage)) => storage.clone(),
                        _ => String::new(),
                    };
                    if !self.give_space(key, slot, &storage, more) || !self.touch(wish, key) {
                        return;
                    }
                    let action = Action::Resize { slot: slot.clone(), size: *size };
                    let changes = vec![change(field, Some(&is), said)];
                    self.push(wish, &seen.guest, resource, Draft::new(action, effect).with(changes));
                    self.remember(key, field, &said.value);
                }
                None => self.add_disk(wish, key, slot, said, *size, fields),
            }
        }
        for (field, said) in fields {
            let Some(standing) = self.guests.get(&key) else { return };
            if let (Field::Disk(slot, DiskPart::Storage), Some(is)) = (field, standing.fields.get(field))
                && *is != said.value
            {
                let text = format!(
                    "Disk {slot} of {} is on {is} and was declared on {}: it is not moved.",
                    standing.seen.guest.name, said.value
                );
                self.note(text);
            }
        }
    }

    fn add_disk(
        &mut self,
        wish: usize,
        key: GuestKey,
        slot: &Slot,
        said: &Sourced<Value>,
        size: Size,
        fields: &Fields,
    ) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        let effect = effect::of(&Field::Disk(slot.clone(), DiskPart::Size), key.kind, standing.power, &seen.hotplug);
        let wanted = fields.get(&Field::Disk(slot.clone(), DiskPart::Storage)).and_then(|said| match &said.value {
            Value::Text(storage) => Some((storage.clone(), said.source.clone())),
            _ => None,
        });
        let Some(node) = self.world.observed.node(&seen.guest.node) else { return };
        let (storage, why): (String, Source) =
            match self.storage_for(key.kind, &seen.guest.node, node, wanted, None, &self.rooms) {
                Ok(chosen) => chosen,
                Err(why) => {
                    let text = format!("{} gets no further disk on {}: {why}.", seen.guest.name, seen.guest.node);
                    return self.ask(key.vmid, text);
                }
            };
        if !self.give_space(key, slot, &storage, size) || !self.touch(wish, key) {
            return;
        }
        if slot.as_str().starts_with("mp") && !fields.contains_key(&Field::Disk(slot.clone(), DiskPart::Mount)) {
            self.note(format!("Disk {slot} of {} is mounted at /mnt/{slot} in the container.", seen.guest.name));
        }
        self.push(wish, &seen.guest, resource, adding(slot, fields, size, &storage, &why, effect));
        self.remember(key, &Field::Disk(slot.clone(), DiskPart::Size), &said.value);
        self.remember(key, &Field::Disk(slot.clone(), DiskPart::Storage), &Value::Text(storage));
    }

    fn remember(&mut self, key: GuestKey, field: &Field, value: &Value) {
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.insert(field.clone(), value.clone());
        }
    }

    /// Takes memory on the guest's node, if it has as much.
    fn give_memory(&mut self, key: GuestKey, more: i128) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let node = standing.seen.guest.node.clone();
        let free = self.rooms.memory(&node);
        if more > bytes(free) {
            let more = Size::bytes(u64::try_from(more).unwrap_or(u64::MAX));
            let text = format!(
                "{} ({}) would need {more} more of memory on {node}, where {free} are free.",
                standing.seen.guest.name, key.vmid
            );
            self.ask(key.vmid, text);
            return false;
        }
        self.rooms.take_memory(&node, more);
        true
    }

    /// Takes space on the guest's node, if it has as much.
    fn give_space(&mut self, key: GuestKey, slot: &Slot, storage: &str, more: Size) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let node = standing.seen.guest.node.clone();
        let free = self.rooms.free(&node, storage);
        if more > free {
            let text = format!(
                "Disk {slot} of {} ({}) would need {more} more on storage {storage} of {node}, where {free} are free.",
                standing.seen.guest.name, key.vmid
            );
            self.ask(key.vmid, text);
            return false;
        }
        self.rooms.take_space(self.world.observed, &node, storage, more);
        true
    }

    fn start(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource, memory) = (standing.seen, standing.resource, memory_of(&standing.fields));
        match standing.power {
            Power::Running => return self.depend_on_power(key),
            Power::Paused => {
                let text = format!("{} ({}) is suspended: it is resumed, not started.", seen.guest.name, key.vmid);
                return self.ask(key.vmid, text);
            }
            Power::Stopped | Power::Unknown => {}
        }
        if self.power_matters(key) && self.touch(wish, key) && self.give_memory(key, bytes(memory)) {
            self.push(wish, &seen.guest, resource, starting(fields));
            self.turn(key, Power::Running);
        }
    }

    /// Shuts a guest down or switches it off.
    fn halt(&mut self, wish: usize, key: GuestKey, action: Action, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource, memory) = (standing.seen, standing.resource, memory_of(&standing.fields));
        if standing.power == Power::Stopped {
            return self.depend_on_power(key);
        }
        if self.power_matters(key) && self.touch(wish, key) {
            let said = fields.get(&Field::Plain(Plain::Running));
            let changes = said.map(|said| change(&Field::Plain(Plain::Running), Some(&Value::Flag(true)), said));
            let draft = Draft::new(action, Effect::Stop).with(changes.into_iter().collect());
            self.push(wish, &seen.guest, resource, draft);
            self.rooms.take_memory(&seen.guest.node, -bytes(memory));
            self.turn(key, Power::Stopped);
        }
    }

    fn depend_on_power(&mut self, key: GuestKey) {
        // That nothing is to be done rests on the power state as well; with an unknown one a question was asked.
        let _ = self.power_matters(key);
    }

    fn turn(&mut self, key: GuestKey, power: Power) {
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.power = power;
        }
    }

    /// Says that a guest is as it was declared.
    fn already(&mut self, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let waiting: Vec<String> =
            fields.keys().filter(|field| standing.seen.pending.contains(*field)).map(Field::label).collect();
        let name = &standing.seen.guest.name;
        let text = if waiting.is_empty() {
            format!("{name} ({}) is as declared already.", key.vmid)
        } else {
            format!(
                "{name} ({}) is as declared, but {} take effect when it next stops and starts.",
                key.vmid,
                waiting.join(", ")
            )
        };
        self.note(text);
    }
}

impl Planner<'_> {
    /// Something that is done once.
    pub(super) fn once(&mut self, wish: usize, guest: &GuestRef, deed: &OneDeed) {
        if matches!(deed, OneDeed::Delete | OneDeed::Stop | OneDeed::Shutdown { .. }) && self.is_gone(guest) {
            return self.note(format!("{} ({}) is gone already.", guest.name, guest.vmid));
        }
        let Some(key) = self.standing(guest) else { return };
        let none = Fields::new();
        let before = self.steps.len();
        match deed {
            OneDeed::Start => self.start(wish, key, &none),
            OneDeed::Shutdown { seconds } => self.halt(wish, key, Action::Shutdown { seconds: *seconds }, &none),
            OneDeed::Stop => self.halt(wish, key, Action::Stop, &none),
            OneDeed::Reboot => self.reboot(wish, key),
            OneDeed::Suspend => self.simple(wish, key, Action::Suspend, Effect::Stop),
            OneDeed::Resume => self.simple(wish, key, Action::Resume, Effect::Live),
            OneDeed::Delete => return self.delete(wish, key),
            OneDeed::Snapshot(name) => return self.snapshot(wish, key, name),
            OneDeed::Rollback(name) => {
                self.simple(wish, key, Action::Rollback { name: name.clone() }, Effect::Destroy);
            }
            OneDeed::DeleteSnapshot(name) => {
                self.simple(wish, key, Action::DeleteSnapshot { name: name.clone() }, Effect::Destroy);
            }
            OneDeed::Backup { storage, mode } => {
                let action = Action::Backup { storage: storage.clone(), mode: mode.clone() };
                let effect = if mode == "snapshot" { Effect::Live } else { Effect::Stop };
                self.simple(wish, key, action, effect);
            }
            OneDeed::Restore(backup) => {
                self.simple(wish, key, Action::Restore { backup: backup.clone() }, Effect::Destroy);
            }
            OneDeed::MakeTemplate => self.simple(wish, key, Action::MakeTemplate, Effect::Stop),
            OneDeed::Migrate { node, storage } => self.migrate(wish, key, node, storage.as_deref()),
            OneDeed::Detach(slot) => self.detach(wish, key, slot, false),
            OneDeed::DestroyDisk(slot) => self.detach(wish, key, slot, true),
            OneDeed::RemoveNic(number) => {
                self.simple(wish, key, Action::RemoveNic { number: *number }, Effect::Live);
            }
            OneDeed::Adopt => {
                if self.guests.get(&key).is_some_and(|standing| !standing.ours) {
                    self.touch(wish, key);
                }
            }
        }
        if self.steps.len() == before && self.questions.is_empty() {
            let how = match deed {
                OneDeed::Start => "runs already",
                OneDeed::Shutdown { .. } | OneDeed::Stop => "is off already",
                OneDeed::Adopt => "is MycoPod’s already",
                OneDeed::Reboot
                | OneDeed::Suspend
                | OneDeed::Resume
                | OneDeed::Delete
                | OneDeed::Snapshot(_)
                | OneDeed::Rollback(_)
                | OneDeed::DeleteSnapshot(_)
                | OneDeed::Backup { .. }
                | OneDeed::Restore(_)
                | OneDeed::MakeTemplate
                | OneDeed::Migrate { .. }
                | OneDeed::Detach(_)
                | OneDeed::DestroyDisk(_)
                | OneDeed::RemoveNic(_) => return,
            };
            self.note(format!("{} ({}) {how}.", guest.name, guest.vmid));
        }
    }

    /// Whether a guest is proven to be gone: all nodes answered, and nothing has its VMID.
    fn is_gone(&self, guest: &GuestRef) -> bool {
        self.world.observed.is_complete() && self.world.observed.numbered(guest.vmid).is_none()
    }

    /// A deed of one step.
    fn simple(&mut self, wish: usize, key: GuestKey, action: Action, effect: Effect) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        if self.power_matters(key) && self.touch(wish, key) {
            self.push(wish, &seen.guest, resource, Draft::new(action, effect));
        }
    }

    fn migrate(&mut self, wish: usize, key: GuestKey, node: &str, storage: Option<&str>) {
        let Some(standing) = self.guests.get(&key) else { return };
        let seen = standing.seen;
        let here = self.world.observed.node(&seen.guest.node);
        let local_disks = seen.fields.iter().any(|(field, value)| match (field, value) {
            (Field::Disk(_, DiskPart::Storage), Value::Text(storage)) => {
                here.and_then(|node| node.storages.get(storage)).is_none_or(|storage| !storage.shared)
            }
            _ => false,
        });
        let running = is_on(standing.power);
        let action =
            Action::Migrate { node: node.to_owned(), running, local_disks, storage: storage.map(str::to_owned) };
        self.simple(wish, key, action, Effect::Live);
    }

    /// Takes a disk out, and deletes it where `destroy`.
    fn detach(&mut self, wish: usize, key: GuestKey, slot: &Slot, destroy: bool) {
        let Some(standing) = self.guests.get(&key) else { return };
        let seen = standing.seen;
        let effect = effect::of(&Field::size_of(slot.clone()), key.kind, standing.power, &seen.hotplug);
        let Some(volume) = seen.raw.get(slot.as_str()).and_then(|entry| entry.split(',').next()) else { return };
        let volume = volume.to_owned();
        self.simple(wish, key, Action::Detach { slot: slot.clone(), volume: volume.clone() }, effect);
        if destroy {
            self.simple(wish, key, Action::DestroyVolume { volume }, Effect::Destroy);
        }
    }

    fn reboot(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        if !is_on(standing.power) {
            let text =
                format!("{} ({}) is off, so it cannot be rebooted. Start it instead.", seen.guest.name, key.vmid);
            return self.ask(key.vmid, text);
        }
        if self.power_matters(key) && self.touch(wish, key) {
            self.push(wish, &seen.guest, resource, Draft::new(Action::Reboot, Effect::Reboot));
        }
    }

    fn delete(&mut self, wish: usize, key: GuestKey) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        if standing.fields.get(&Field::Plain(Plain::Protection)) == Some(&Value::Flag(true)) {
            let text = format!(
                "{} ({}) is protected against deletion, so deleting it is not planned. Whoever may decide that takes \
                 its protection away first.",
                seen.guest.name, key.vmid
            );
            return self.ask(key.vmid, text);
        }
        let on = is_on(standing.power);
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if on {
            // Proxmox refuses to delete a running guest.
            self.halt(wish, key, Action::Stop, &Fields::new());
        }
        let mut draft = Draft::new(Action::Delete, Effect::Destroy);
        draft.collateral = seen
            .disks()
            .map(|slot| {
                let part = |field: &Field| seen.get(field).map_or_else(|| "unknown".to_owned(), ToString::to_string);
                let (size, storage) = (
                    part(&Field::Disk(slot.clone(), DiskPart::Size)),
                    part(&Field::Disk(slot.clone(), DiskPart::Storage)),
                );
                format!("Disk {slot}: {size} on {storage}")
            })
            .collect();
        let unused = seen.raw.iter().filter(|(key, _)| key.starts_with("unused"));
        draft.collateral.extend(unused.map(|(key, volume)| format!("Detached disk {key}: {volume}")));
        let snapshots = seen.snapshots.iter().flatten();
        draft.collateral.extend(snapshots.map(|snapshot| format!("Snapshot {snapshot}")));
        self.push(wish, &seen.guest, resource, draft);
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.deleted = true;
        }
    }

    fn snapshot(&mut self, wish: usize, key: GuestKey, name: &str) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        if seen.snapshots.as_ref().is_some_and(|snapshots| snapshots.contains(name)) {
            let text = format!("{} ({}) has a snapshot {name} already. Say another name.", seen.guest.name, key.vmid);
            return self.ask(key.vmid, text);
        }
        if self.touch(wish, key) {
            let action = Action::Snapshot { name: name.to_owned() };
            self.push(wish, &seen.guest, resource, Draft::new(action, Effect::Live));
        }
    }
}
