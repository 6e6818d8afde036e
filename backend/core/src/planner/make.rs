//! Guests that shall exist.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::around::beside;
use super::disk::drive_of;
use super::keep::efi_disk;
use super::place::{Need, Spot, bytes, memory_of};
use super::{Draft, Planner, Standing, change};
use crate::drift::named;
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::{GuestRef, Vmid};
use crate::id::ResourceId;
use crate::intent::NewGuest;
use crate::observed::{NodeState, Origin, Ownership, Sighting};
use crate::plan::{Action, Change, Effect};
use crate::reading::{Source, Sourced};
use crate::resolve::disks_in_order;
use crate::settle::holds;
use crate::size::Size;

/// Proxmox's own prefix for MAC addresses of guests.
const MAC_PREFIX: &str = "BC:24:11";

impl<'a> Planner<'a> {
    /// Makes a guest, or what is missing of one that is there.
    pub(super) fn exist(&mut self, wish: usize, new: &NewGuest) {
        let observed = self.world.observed;
        let row = self.world.resources.iter().find(|row| row.id == new.resource);
        if let Some(seen) = observed.guests.iter().find(|seen| seen.ownership == Ownership::Ours(new.resource)) {
            return self.exists(wish, new, seen);
        }
        let Some(row) = row else { return self.make(wish, new, None, None) };
        let name = &new.name.value;
        if row.gone {
            return self.note(format!("{name} was deleted by a later declaration and is not made again."));
        }
        let vmid = row.key.vmid;
        if let Some(other) = observed.numbered(vmid) {
            let text = match other.lock.as_deref() {
                Some(lock @ ("create" | "clone")) => {
                    format!("{name} ({vmid}) is still being made (lock {lock}). Plan again when that has ended.")
                }
                _ => format!(
                    "VMID {vmid} is kept for {name}, but {} {} on {} has it and does not carry {name}’s marker. \
                     Nothing is done to it. Find out where it comes from, then declare {name} anew.",
                    other.guest.kind.noun(),
                    other.guest.name,
                    other.guest.node
                ),
            };
            return self.ask_new(name, text);
        }
        if self.world.hidden.contains(&vmid) {
            let text = format!(
                "{name} ({vmid}) was not seen, and its VMID is taken: it is there, or another guest is, and may not be \
                 seen. It is not made again. Grant VM.Audit on /vms/{vmid}, then plan again."
            );
            return self.ask_new(name, text);
        }
        let silent = matches!(observed.nodes.get(&row.node), Some(NodeState::Unreachable { .. }));
        // A guest that was seen once may have moved to any node; one that never was can only be where it was planned.
        if silent || (row.smbios_uuid.is_some() && !observed.is_complete()) {
            let text = format!(
                "{name} ({vmid}) was not seen, and not every node answers: unknown is not absent, so it is not made \
                 again. Plan again when all nodes answer."
            );
            return self.ask_new(name, text);
        }
        self.make(wish, new, Some(vmid), Some(&row.node));
    }

    /// The guest is there: what somebody named is held, and what its making left undone is done.
    fn exists(&mut self, wish: usize, new: &NewGuest, seen: &'a Sighting) {
        let key = seen.guest.key();
        if matches!(seen.lock.as_deref(), Some("create" | "clone")) {
            let text =
                format!("{} ({}) is still being made. Plan again when that has ended.", seen.guest.name, key.vmid);
            return self.ask(key.vmid, text);
        }
        if let Err(text) = self.identify(&seen.guest, seen) {
            return self.ask(key.vmid, text);
        }
        self.guests.entry(key).or_insert_with(|| Standing::of(seen, new.resource, true));
        let lacks = |field: &Field| match field {
            Field::Disk(slot, _) => !seen.fields.contains_key(&Field::size_of(slot.clone())),
            Field::Nic(number, _) => !seen.nics().any(|nic| nic == *number),
            Field::Plain(_) | Field::Firewall(_) => false,
        };
        let lacking = new.fields.iter().filter(|(field, _)| lacks(field));
        let mut fields: BTreeMap<Field, Sourced<Value>> =
            named(&new.fields).chain(lacking).map(|(field, said)| (field.clone(), said.clone())).collect();
        fields.insert(Field::Plain(Plain::Name), new.name.clone().map(|name| Value::Text(name.into())));
        self.hold_known(wish, key, &fields);
    }

    /// `kept` is the VMID that it has already, `before` the node where it was planned to be.
    fn make(&mut self, wish: usize, new: &NewGuest, kept: Option<Vmid>, before: Option<&str>) {
        let template = new.origin.as_ref().and_then(|origin| {
            origin.value.at.values().find_map(|origin| match origin {
                Origin::Template(vmid) => self.world.observed.numbered(*vmid),
                Origin::Volume(_) => None,
            })
        });
        let need = need(new, template);
        let spot = match self.spot(&need, before) {
            Ok(spot) => spot,
            Err(reasons) => {
                let text = format!("{} fits on no node. {}.", new.name.value, reasons.join("; "));
                return self.ask_new(&new.name.value, text);
            }
        };
        let said = new.vmid.as_ref().map(|said| said.value);
        if let Some(taken) = said.filter(|said| kept.is_none() && self.taken.contains(said)) {
            let text = format!("VMID {taken} is taken, or kept for another guest. Say another one, or none.");
            return self.ask_new(&new.name.value, text);
        }
        let Some(vmid) = kept.or(said).or_else(|| self.free_vmid()) else {
            return self.ask_new(&new.name.value, "There is no free VMID.".to_owned());
        };
        self.taken.insert(vmid);
        self.relies_on.insert(format!("guest/{vmid}/absent"), "yes".to_owned());
        let guest = GuestRef { kind: new.kind.value, vmid, name: new.name.value.to_string(), node: spot.node.clone() };
        self.reserve(&guest, &need, &spot);
        let given: BTreeMap<Field, Value> =
            new.fields.iter().map(|(field, said)| (field.clone(), said.value.clone())).collect();
        let mut all = template.map(|seen| seen.fields.clone()).unwrap_or_default();
        all.extend(given.clone());
        if let Err(text) = self.promise_addresses(&guest, &given, &all) {
            return self.ask_new(&new.name.value, text);
        }
        if let Some(why) = &spot.why {
            self.note(format!("{} goes to {}: {why}.", guest.name, guest.node));
        }
        match spot.origin.clone() {
            Some(Origin::Template(from)) => {
                if let Some(template) = self.world.observed.numbered(from) {
                    self.copy(wish, new, &guest, &spot, template);
                }
            }
            Some(Origin::Volume(volume)) => self.create(wish, new, &guest, &spot, Some(volume)),
            None => {
                self.note(format!(
                    "{} starts from an empty disk, as no image or template was named: it has no system yet.",
                    guest.name
                ));
                self.create(wish, new, &guest, &spot, None);
            }
        }
        for plain in [Plain::Pool, Plain::Ha] {
            // A pool that new guests belong to anyway is left for the one that was said.
            if let Some(draft) = beside(plain, "", None, &new.fields) {
                self.push(wish, &guest, new.resource, draft);
            }
        }
        // Before it runs, so that it never runs without.
        self.firewall_made(wish, new, &guest, &all);
        if need.starts {
            self.push(wish, &guest, new.resource, starting(&new.fields));
        }
    }

    fn free_vmid(&self) -> Option<Vmid> {
        (self.policy.vmid_from.max(Vmid::MIN)..=Vmid::MAX)
            .filter_map(|number| Vmid::try_from(number).ok())
            .find(|vmid| !self.taken.contains(vmid))
    }

    fn reserve(&mut self, guest: &GuestRef, need: &Need<'_>, spot: &Spot) {
        if need.starts {
            self.promise_memory(guest, &spot.node, bytes(need.memory), need.memory);
        }
        for (slot, size) in &need.disks {
            if let Some((storage, _)) = spot.storages.get(slot) {
                self.promise_space(guest, &spot.node, (slot.as_str(), storage), *size, *size);
            }
        }
        *self.placed.entry(spot.node.clone()).or_default() += 1;
    }

    /// All fields in one call.
    fn create(&mut self, wish: usize, new: &NewGuest, guest: &GuestRef, spot: &Spot, template: Option<String>) {
        let mut fields = new.fields.clone();
        // These take calls of their own.
        fields.retain(|field, _| {
            !matches!(field, Field::Plain(Plain::Running | Plain::Pool | Plain::Ha) | Field::Firewall(_))
        });
        for (slot, (storage, source)) in &spot.storages {
            let storage = Sourced::new(Value::Text(storage.clone()), source.clone());
            fields.insert(Field::Disk(slot.clone(), DiskPart::Storage), storage);
        }
        let is_uefi = fields.get(&Plain::Bios.into()).is_some_and(|said| said.value == Value::Text("ovmf".into()));
        if let (true, Some((storage, _))) = (is_uefi, new.disks.first().and_then(|slot| spot.storages.get(slot))) {
            fields.entry(Plain::EfiDisk.into()).or_insert_with(|| efi_disk(storage.clone()));
        }
        for slot in &new.disks {
            self.unsaid(slot, &new.fields, &guest.name);
        }
        if let (Some(volume), Some(origin)) = (&template, &new.origin) {
            self.relies_on.insert(format!("image/{}/{volume}", guest.node), "present".to_owned());
            if let Source::Default { why } | Source::Inferred { why } = &origin.source {
                self.note(format!("{} is made from {}: {why}.", guest.name, origin.value.name));
            }
        }
        let nics: Vec<u8> = nics_of(fields.keys());
        let macs = nics.into_iter().map(|number| (number, self.mac_said(new, number))).collect();
        let imported: Vec<Slot> = fields
            .keys()
            .filter_map(|field| match field {
                Field::Disk(at, DiskPart::Import) => Some(at.clone()),
                _ => None,
            })
            .collect();
        let mut changes =
            vec![change(&Field::Plain(Plain::Name), None, &new.name.clone().map(|name| Value::Text(name.into())))];
        changes.extend(in_reading_order(new, &fields).map(|(field, said)| change(field, None, said)));
        changes.extend(staying_off(new));
        let fields = fields.into_iter().map(|(field, said)| (field, said.value)).collect();
        let action = Action::Create { fields, template, macs };
        self.push(wish, guest, new.resource, Draft::new(action, Effect::Live).with(changes));
        // An imported disk has its image's size at first.
        for slot in imported {
            if let Some(said) = new.fields.get(&Field::size_of(slot.clone()))
                && let Value::Size(size) = said.value
            {
                let changes = vec![change(&Field::size_of(slot.clone()), None, said)];
                let draft = Draft::new(Action::Resize { slot, size }, Effect::Live).with(changes);
                self.push(wish, guest, new.resource, draft);
            }
        }
    }

    /// A copy, then what differs from the template.
    fn copy(&mut self, wish: usize, new: &NewGuest, guest: &GuestRef, spot: &Spot, template: &Sighting) {
        let key = template.guest.key();
        self.relies_on.insert(format!("guest/{}/{}/digest", key.kind, key.vmid), template.digest.clone());
        let from_name = new.origin.as_ref().map_or_else(String::new, |origin| origin.value.name.clone());
        let full = new.origin.as_ref().is_none_or(|origin| origin.value.full);
        let moved = disks_in_order(template).into_iter().find_map(|slot| {
            let (storage, _) = spot.storages.get(&slot)?;
            (template.get(&Field::Disk(slot, DiskPart::Storage)) != Some(&Value::Text(storage.clone())))
                .then(|| storage.clone())
        });
        if let Some(origin) = &new.origin
            && let Source::Inferred { why } = &origin.source
        {
            self.note(format!("{} is made from {}: {why}.", guest.name, origin.value.name));
        }
        let action = Action::Clone {
            from: key.vmid,
            from_node: spot.origin_node.clone(),
            from_name: from_name.clone(),
            full,
            storage: moved,
        };
        for (field, has) in &template.fields {
            if let (Field::Nic(_, NicPart::Ip), Value::Text(ip)) = (field, has)
                && ip != "dhcp"
                && !new.fields.contains_key(field)
            {
                self.note(format!(
                    "{} has the same address as {from_name}, {ip}: both cannot use it at once.",
                    guest.name
                ));
            }
        }
        let mut changes = copied(new, spot, template, &from_name);
        changes.extend(staying_off(new));
        self.push(wish, guest, new.resource, Draft::new(action, Effect::Live).with(changes));

        self.differ(wish, new, guest, spot, template);
    }

    /// Where a fresh copy, which is off, shall differ from its template: fields, growth, further disks.
    fn differ(&mut self, wish: usize, new: &NewGuest, guest: &GuestRef, spot: &Spot, template: &Sighting) {
        let mut update = BTreeMap::new();
        let mut changes = Vec::new();
        let mut moved = Vec::new();
        for (field, said) in &new.fields {
            let has_drive = matches!(template.get(field), Some(Value::Text(on)) if !on.is_empty());
            match field {
                // It is copied with the rest, and moved while the copy is off.
                Field::Plain(plain @ (Plain::EfiDisk | Plain::Tpm | Plain::CloudInit)) if has_drive => {
                    if !holds(field, &said.value, template.get(field)) {
                        moved.push((*plain, field, said));
                    }
                }
                Field::Plain(_) if field.is_of_making(new.kind.value) => {
                    let text = format!(
                        "{} of {} is taken by Proxmox only where a container is unpacked from an archive, and not by a \
                         copy.",
                        field.label(),
                        guest.name
                    );
                    self.ask_new(&new.name.value, text);
                }
                Field::Plain(Plain::Running | Plain::Pool | Plain::Ha)
                | Field::Disk(_, DiskPart::Size | DiskPart::Storage | DiskPart::Import)
                | Field::Firewall(_) => {}
                Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => {
                    let is = template.get(field);
                    if !holds(field, &said.value, is) {
                        update.insert(field.clone(), said.value.clone());
                        changes.push(change(field, is, said));
                    }
                }
            }
        }
        if !update.is_empty() {
            let added = nics_of(update.keys()).into_iter().filter(|number| !template.nics().any(|nic| nic == *number));
            let added: Vec<u8> = added.collect();
            let macs = added.into_iter().map(|number| (number, self.mac_said(new, number))).collect();
            let action = Action::Update { fields: update, macs };
            self.push(wish, guest, new.resource, Draft::new(action, Effect::Live).with(changes));
        }
        for (plain, field, said) in moved {
            let drive = drive_of(plain, &template.raw).unwrap_or_default().to_owned();
            match &said.value {
                Value::Text(storage) if !storage.is_empty() => {
                    let action = Action::MoveDisk { disk: drive, storage: storage.clone() };
                    let changes = vec![change(field, template.get(field), said)];
                    self.push(wish, guest, new.resource, Draft::new(action, Effect::Live).with(changes));
                }
                _ => {
                    let (label, name) = (field.label(), &guest.name);
                    let text = format!(
                        "{label} of {name} is copied with what is on it, and not taken out. Leave that out, or make \
                         {name} from an image."
                    );
                    self.ask_new(&new.name.value, text);
                }
            }
        }
        for slot in &new.disks {
            let field = Field::Disk(slot.clone(), DiskPart::Size);
            let Some(Sourced { value: Value::Size(size), source }) = new.fields.get(&field) else { continue };
            let said = Sourced::new(Value::Size(*size), source.clone());
            match template.get(&field) {
                Some(is) if holds(&field, &said.value, Some(is)) => {}
                Some(is) => {
                    let action = Action::Resize { slot: slot.clone(), size: *size };
                    let changes = vec![change(&field, Some(is), &said)];
                    self.push(wish, guest, new.resource, Draft::new(action, Effect::Live).with(changes));
                }
                None => {
                    let Some((storage, why)) = spot.storages.get(slot) else { continue };
                    let draft = adding(slot, &new.fields, *size, storage, why, Effect::Live);
                    self.push(wish, guest, new.resource, draft);
                }
            }
        }
    }

    /// The MAC address of a new guest's NIC: the one that was said, or one of our choice.
    fn mac_said(&mut self, new: &NewGuest, number: u8) -> String {
        match new.fields.get(&Field::Nic(number, NicPart::Mac)).map(|said| &said.value) {
            Some(Value::Text(mac)) => mac.clone(),
            _ => self.mac(new.resource, number),
        }
    }

    /// A MAC address for a new NIC: always the same one for the same resource and number, unless it is taken.
    pub(super) fn mac(&mut self, resource: ResourceId, number: u8) -> String {
        let mut attempt = 0u32;
        loop {
            let hash = Sha256::new()
                .chain_update(b"mycopod mac v1")
                .chain_update(resource.0.as_bytes())
                .chain_update([number])
                .chain_update(attempt.to_be_bytes())
                .finalize();
            let mac = format!("{MAC_PREFIX}:{:02X}:{:02X}:{:02X}", hash[0], hash[1], hash[2]);
            // 16 million addresses; a cluster has thousands of NICs at most, so this ends soon.
            if self.macs.insert(mac.clone()) {
                return mac;
            }
            attempt = attempt.wrapping_add(1);
        }
    }
}

/// The step that starts a guest.
pub(super) fn starting(fields: &BTreeMap<Field, Sourced<Value>>) -> Draft {
    let changes = fields
        .get(&Field::Plain(Plain::Running))
        .map(|said| change(&Field::Plain(Plain::Running), Some(&Value::Flag(false)), said));
    Draft::new(Action::Start, Effect::Live).with(changes.into_iter().collect())
}

/// The step that adds a disk as `fields` say.
pub(super) fn adding(
    slot: &Slot,
    fields: &BTreeMap<Field, Sourced<Value>>,
    size: Size,
    storage: &str,
    why: &Source,
    effect: Effect,
) -> Draft {
    let on = Sourced::new(Value::Text(storage.to_owned()), why.clone());
    let mut changes = Vec::new();
    let mut parts = BTreeMap::new();
    for part in DiskPart::ALL {
        let field = Field::Disk(slot.clone(), part);
        match (part, fields.get(&field)) {
            (DiskPart::Storage, _) => changes.push(change(&field, None, &on)),
            (_, None) => {}
            (DiskPart::Size, Some(said)) => changes.push(change(&field, None, said)),
            (_, Some(said)) => {
                parts.insert(part, said.value.clone());
                changes.push(change(&field, None, said));
            }
        }
    }
    let action = Action::AddDisk { slot: slot.clone(), storage: storage.to_owned(), size, parts };
    Draft::new(action, effect).with(changes)
}

/// That a new guest is not started, where that is so: nothing else of the plan would say it.
fn staying_off(new: &NewGuest) -> Option<Change> {
    let said = new.fields.get(&Field::Plain(Plain::Running)).filter(|said| said.value == Value::Flag(false))?;
    Some(change(&Field::Plain(Plain::Running), None, said))
}

/// Fields as people read them: the guest, its disks in the order in which they were said, its NICs.
fn in_reading_order<'f>(
    new: &NewGuest,
    fields: &'f BTreeMap<Field, Sourced<Value>>,
) -> impl Iterator<Item = (&'f Field, &'f Sourced<Value>)> {
    let place = |field: &Field| match field {
        Field::Plain(_) => (0, None),
        Field::Disk(slot, _) => (1, new.disks.iter().position(|disk| disk == slot)),
        Field::Nic(..) => (2, None),
        Field::Firewall(_) => (3, None),
    };
    let mut ordered: Vec<_> = fields.iter().collect();
    ordered.sort_by_key(|(field, _)| place(field));
    ordered.into_iter()
}

/// What the copy has from its template, and where its disks go.
fn copied(new: &NewGuest, spot: &Spot, template: &Sighting, from: &str) -> Vec<Change> {
    let mut changes =
        vec![change(&Field::Plain(Plain::Name), None, &new.name.clone().map(|name| Value::Text(name.into())))];
    for (field, has) in &template.fields {
        match field {
            // The name, the notes and the MAC addresses are the copy's own, it is off, and neither its pool nor its HA
            // state is copied.
            Field::Plain(Plain::Name | Plain::Description | Plain::Running | Plain::Pool | Plain::Ha)
            | Field::Nic(_, NicPart::Mac)
            | Field::Firewall(_) => {}
            Field::Disk(disk, DiskPart::Storage) => {
                let on = spot.storages.get(disk).map(|(on, why)| Sourced::new(Value::Text(on.clone()), why.clone()));
                changes.extend(on.map(|on| change(field, None, &on)));
            }
            // How its drives are attached is of no interest unless somebody asks.
            Field::Disk(_, part) if *part != DiskPart::Size && !new.fields.contains_key(field) => {}
            Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => {
                let is_set = !holds(field, has, None);
                // What was said and is so in the template takes no step of its own.
                let said = new.fields.get(field).filter(|said| said.value == *has).cloned();
                let has =
                    said.unwrap_or_else(|| Sourced::new(has.clone(), Source::default(format!("as {from} has it"))));
                changes.extend(is_set.then(|| change(field, None, &has)));
            }
        }
    }
    changes
}

/// What a new guest needs, its template's part included.
fn need<'n>(new: &'n NewGuest, template: Option<&Sighting>) -> Need<'n> {
    let mut slots = new.disks.clone();
    slots.extend(template.map(disks_in_order).unwrap_or_default().into_iter().filter(|slot| !new.disks.contains(slot)));
    let size_of = |slot: &Slot| {
        let field = Field::Disk(slot.clone(), DiskPart::Size);
        let value = new.fields.get(&field).map(|said| &said.value).or_else(|| template?.get(&field));
        match value {
            Some(Value::Size(size)) => *size,
            _ => Size::default(),
        }
    };
    let disks = slots.into_iter().map(|slot| (slot.clone(), size_of(&slot))).collect();
    let memory = match new.fields.get(&Field::Plain(Plain::Memory)).map(|said| &said.value) {
        Some(Value::Size(size)) => *size,
        _ => template.map(|seen| memory_of(&seen.fields)).unwrap_or_default(),
    };
    let starts = new.fields.get(&Field::Plain(Plain::Running)).is_some_and(|said| said.value == Value::Flag(true));
    Need { new, disks, memory, starts }
}

/// The numbers of the NICs among `fields`.
pub(super) fn nics_of<'f>(fields: impl Iterator<Item = &'f Field>) -> Vec<u8> {
    let mut numbers: Vec<u8> = fields
        .filter_map(|field| match field {
            Field::Nic(number, _) => Some(*number),
            _ => None,
        })
        .collect();
    numbers.dedup();
    numbers
}

/// The MAC addresses in a guest's configuration.
pub(super) fn macs_of(raw: &BTreeMap<String, String>) -> Vec<String> {
    let is_mac = |text: &&str| {
        text.len() == 17 && text.split(':').count() == 6 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
    };
    raw.iter()
        .filter(|(key, _)| key.starts_with("net"))
        .flat_map(|(_, value)| value.split([',', '=']).filter(is_mac).map(str::to_uppercase))
        .collect()
}
