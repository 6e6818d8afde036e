//! Disks of guests that exist: further ones, growth, moves, and those that are taken out.

use std::collections::BTreeMap;

use super::keep::Fields;
use super::make::adding;
use super::{Draft, Planner, change, is_on};
use crate::field::{DiskPart, Field, Plain, Slot, Value};
use crate::guest::{GuestKey, Kind, Power};
use crate::plan::{Action, Effect};
use crate::reading::{Source, Sourced};
use crate::resolve::{content_for, disks_in_order};
use crate::settle::volume_of;
use crate::size::Size;

impl Planner<'_> {
    /// Growth of disks, further disks, and moves to other storages.
    pub(super) fn disks(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        for (field, said) in fields {
            let (Field::Disk(slot, DiskPart::Size), Value::Size(size)) = (field, &said.value) else { continue };
            let Some(standing) = self.guests.get(&key) else { return };
            match standing.has(field) {
                Some(Value::Size(is)) if is == size => {}
                Some(Value::Size(is)) if is > size => {
                    let text = format!(
                        "Disk {slot} of {} has {is} and was declared with {size}: Proxmox cannot shrink it, so it stays.",
                        standing.seen.guest.name
                    );
                    self.note(text);
                }
                Some(is) => {
                    let (is, effect) = (is.clone(), standing.effect(field, &said.value));
                    let more = match &is {
                        Value::Size(is) => size.saturating_sub(*is),
                        _ => *size,
                    };
                    let storage = standing.text(Field::storage_of(slot.clone())).to_owned();
                    if !self.give_space(key, slot, &storage, more) || !self.touch(wish, key) {
                        return;
                    }
                    let action = Action::Resize { slot: slot.clone(), size: *size };
                    let changes = vec![change(field, Some(&is), said)];
                    self.act(wish, key, Draft::new(action, effect).with(changes));
                    self.remember(key, field, &said.value);
                }
                None => self.add_disk(wish, key, slot, said, *size, fields),
            }
        }
        for (field, said) in fields {
            let (Field::Disk(slot, DiskPart::Storage), Value::Text(to)) = (field, &said.value) else { continue };
            let Some(standing) = self.guests.get(&key) else { return };
            let is = standing.text(field.clone());
            if !is.is_empty() && is != to {
                self.move_disk(wish, key, slot, to, said);
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
        let (seen, here) = (standing.seen, standing.node.clone());
        let size_field = Field::size_of(slot.clone());
        if seen.pending.contains(&size_field) && !seen.fields.contains_key(&size_field) {
            let text = format!(
                "The disk that was at {slot} of {} is taken out when it next stops; until then no other one fits \
                 there. Stop it first.",
                standing.called()
            );
            return self.ask(key.vmid, text);
        }
        let effect = standing.effect(&size_field, &said.value);
        let wanted = fields.get(&Field::storage_of(slot.clone())).and_then(|said| match &said.value {
            Value::Text(storage) => Some((storage.clone(), said.source.clone())),
            _ => None,
        });
        let Some(node) = self.world.observed.node(&here) else { return };
        let (storage, why): (String, Source) =
            match self.storage_for(key.kind, (&here, node), wanted, None, (&self.rooms, size)) {
                Ok(chosen) => chosen,
                Err(why) => {
                    let text = format!("{} gets no further disk on {here}: {why}.", seen.guest.name);
                    return self.ask(key.vmid, text);
                }
            };
        if !self.give_space(key, slot, &storage, size) || !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if effect == Effect::Pending {
            self.wait(&[format!("Disk {slot}")], &seen.guest.name);
        }
        self.unsaid(slot, fields, &seen.guest.name);
        let unused: Vec<&str> =
            seen.raw.iter().filter(|(key, _)| key.starts_with("unused")).map(|(_, volume)| volume.as_str()).collect();
        if !unused.is_empty() {
            self.note(format!(
                "{} has detached disks ({}): the new disk at {slot} is another, empty one.",
                seen.guest.name,
                unused.join(", ")
            ));
        }
        self.act(wish, key, adding(slot, fields, size, &storage, &why, effect));
        if fields.contains_key(&Field::Disk(slot.clone(), DiskPart::Import)) {
            // An imported disk has its image's size at first.
            let action = Action::Resize { slot: slot.clone(), size };
            self.act(wish, key, Draft::new(action, Effect::Live).with(vec![change(&size_field, None, said)]));
        }
        self.remember(key, &size_field, &said.value);
        self.remember(key, &Field::storage_of(slot.clone()), &Value::Text(storage));
    }

    /// Notes where a container mounts a disk for which nobody said it.
    pub(super) fn unsaid(&mut self, slot: &Slot, fields: &Fields, guest: &str) {
        if slot.as_str().starts_with("mp") && !fields.contains_key(&Field::Disk(slot.clone(), DiskPart::Mount)) {
            self.note(format!("Disk {slot} of {guest} is mounted at /mnt/{slot} in the container."));
        }
    }

    /// Takes space on the guest's node, if it has as much.
    pub(super) fn give_space(&mut self, key: GuestKey, slot: &Slot, storage: &str, more: Size) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let node = standing.node.clone();
        let free = self.rooms.free(&node, storage);
        if more > free {
            let text = format!(
                "Disk {slot} of {} would need {more} more on storage {storage} of {node}, where {free} are free.",
                standing.called()
            );
            self.ask(key.vmid, text);
            return false;
        }
        let guest = standing.seen.guest.clone();
        let grown = match standing.has(&Field::size_of(slot.clone())) {
            Some(Value::Size(size)) if standing.text(Field::storage_of(slot.clone())) == storage => *size,
            _ => Size::default(),
        };
        let total = grown.checked_add(more).unwrap_or(more);
        self.promise_space(&guest, &node, (slot.as_str(), storage), more, total);
        true
    }

    fn move_disk(&mut self, wish: usize, key: GuestKey, slot: &Slot, to: &str, said: &Sourced<Value>) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (called, field) = (standing.called(), Field::storage_of(slot.clone()));
        let from = standing.text(field.clone()).to_owned();
        let size = match standing.has(&Field::size_of(slot.clone())) {
            Some(Value::Size(size)) => *size,
            _ => Size::default(),
        };
        let takes = self.world.observed.node(&standing.node).and_then(|node| node.storages.get(to));
        let why = if !takes.is_some_and(|storage| storage.content.contains(content_for(key.kind))) {
            Some(format!("{} has no storage {to} for disks of a {}", standing.node, key.kind.noun()))
        } else if key.kind == Kind::Lxc && is_on(standing.power) {
            Some("Proxmox moves disks of a container only while it is off. Stop it first".to_owned())
        } else if standing.snapshots.as_ref().is_some_and(|snapshots| !snapshots.is_empty()) {
            Some(
                "it has snapshots, and Proxmox moves no disk with snapshots without leaving the old one behind. Delete \
                 them first"
                    .to_owned(),
            )
        } else {
            None
        };
        if let Some(why) = why {
            return self.ask(key.vmid, format!("Disk {slot} of {called} is on {from} and stays there: {why}."));
        }
        if !self.power_matters(key) || !self.give_space(key, slot, to, size) || !self.touch(wish, key) {
            return;
        }
        let action = Action::MoveDisk { disk: slot.to_string(), storage: to.to_owned() };
        let changes = vec![change(&field, Some(&Value::Text(from)), said)];
        self.act(wish, key, Draft::new(action, Effect::Live).with(changes));
        self.remember(key, &field, &said.value);
    }

    /// EFI variables, TPM state and cloud-init drive that are there and shall be on another storage: they are moved, and
    /// never made anew.
    pub(super) fn drives(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        for plain in [Plain::EfiDisk, Plain::Tpm, Plain::CloudInit] {
            let Some(said) = fields.get(&plain.into()) else { continue };
            let Value::Text(to) = &said.value else { continue };
            let Some(standing) = self.guests.get(&key) else { return };
            let from = standing.text(plain).to_owned();
            if from.is_empty() || from == *to {
                continue;
            }
            let disk = drive_of(plain, &standing.seen.raw);
            let called = standing.called();
            let why = match disk {
                _ if to.is_empty() => Some("taking it out would lose what is on it, so it is not done from here"),
                None => Some("its drive was not found"),
                Some(_) if plain != Plain::EfiDisk && is_on(standing.power) => {
                    Some("Proxmox moves it only while the VM is off. Stop it first")
                }
                Some(_) => None,
            };
            if let Some(why) = why {
                let text = format!("{} of {called} is on {from} and stays there: {why}.", plain.label());
                return self.ask(key.vmid, text);
            }
            let action = Action::MoveDisk { disk: disk.unwrap_or_default().to_owned(), storage: to.clone() };
            if !self.power_matters(key) || !self.touch(wish, key) {
                return;
            }
            let changes = vec![change(&plain.into(), Some(&Value::Text(from)), said)];
            self.act(wish, key, Draft::new(action, Effect::Live).with(changes));
            self.remember(key, &plain.into(), &said.value);
        }
    }

    /// Takes a disk out, and deletes it where `destroy`.
    pub(super) fn detach(&mut self, wish: usize, key: GuestKey, slot: &Slot, volume: &str, destroy: bool) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (seen, called) = (standing.seen, standing.called());
        let size_field = Field::size_of(slot.clone());
        let size = standing.has(&size_field).cloned();
        let none = Value::Size(Size::default());
        let there = size.is_some() && seen.raw.get(slot.as_str()).is_some_and(|entry| volume_of(entry) == volume);
        let unused = seen.raw.iter().any(|(key, entry)| key.starts_with("unused") && entry == volume);
        let waits = size.is_none() && seen.pending.contains(&size_field);
        if !(there || unused && destroy) {
            return match size {
                None if unused => self.note(format!("Disk {slot} of {called} is detached already, as {volume}.")),
                None if waits && !destroy => {
                    self.note(format!("Disk {slot} of {called} is taken out when it next stops."));
                }
                None if waits => self.ask(
                    key.vmid,
                    format!(
                        "Disk {slot} of {called} is in use until it next stops, and deleted after that. Stop it first."
                    ),
                ),
                None => self.note(format!("{called} has no disk {slot} any more.")),
                Some(_) => self.ask(
                    key.vmid,
                    format!(
                        "{slot} of {called} is another disk than when this was declared ({volume}). It is left alone."
                    ),
                ),
            };
        }
        let storage = Field::storage_of(slot.clone());
        // Proxmox names a volume anew where it puts it, so that the name to take out would not be the one that is.
        let moved = standing.node != seen.guest.node || standing.has(&storage) != seen.get(&storage);
        let why = if there && disks_in_order(seen).first() == Some(slot) {
            Some("it is the disk that the guest starts from".to_owned())
        } else if moved {
            Some("it is moved by the same declaration. Take it out in one of its own, afterwards".to_owned())
        } else if standing.is_protected() {
            Some("the guest is protected, and Proxmox takes no disk from it. Take its protection away first".to_owned())
        } else if there && standing.effect(&size_field, &none) == Effect::Pending {
            Some(match key.kind {
                Kind::Qemu => {
                    "the VM runs and does not let go of it (no hot-plug of disks there). Stop it first".to_owned()
                }
                Kind::Lxc => "Proxmox takes no mount point out of a running container. Stop it first".to_owned(),
            })
        } else if destroy && standing.snapshots.as_ref().is_none_or(|snapshots| !snapshots.is_empty()) {
            Some(match &standing.snapshots {
                None => "whether snapshots need it is not known. Plan again".to_owned(),
                Some(snapshots) => {
                    let names: Vec<&str> = snapshots.iter().map(String::as_str).collect();
                    format!("snapshots need it ({}). Delete them first", names.join(", "))
                }
            })
        } else {
            None
        };
        if let Some(why) = why {
            return self.ask(key.vmid, format!("Disk {slot} of {called} stays where it is: {why}."));
        }
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if there {
            let action = Action::Detach { slot: slot.clone(), volume: volume.to_owned() };
            self.act(wish, key, Draft::new(action, Effect::Live));
            if self.guests.get(&key).is_some_and(|standing| standing.power != Power::Stopped) {
                self.note(format!(
                    "Disk {slot} of {called} is pulled out of the running VM, whose system must let go of it; unmount \
                     it there first. If it does not, the disk stays in use until the VM next stops."
                ));
            }
        }
        if destroy {
            let mut draft = Draft::new(Action::DestroyVolume { volume: volume.to_owned() }, Effect::Destroy);
            draft.collateral.extend(size.map(|size| format!("Disk {slot}: {size} with all data on it")));
            self.act(wish, key, draft);
        }
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.retain(|field, _| !matches!(field, Field::Disk(at, _) if at == slot));
        }
    }
}

/// The configuration key of a VM's EFI disk, TPM or cloud-init drive.
pub(super) fn drive_of(plain: Plain, raw: &BTreeMap<String, String>) -> Option<&str> {
    match plain {
        Plain::EfiDisk => Some("efidisk0"),
        Plain::Tpm => Some("tpmstate0"),
        _ => raw.iter().find(|(_, entry)| entry.contains("cloudinit")).map(|(key, _)| key.as_str()),
    }
}
