//! Changes and deeds: to guests that exist, or to those that the same text makes.

use chrono::DateTime;

use super::amount::absolute;
use super::create::free_slots;
use super::target::Found;
use super::value::{self, storage_of};
use super::{Doubt, Fields, Resolver, Subject, about, disks_in_order};
use crate::field::{DiskPart, Field, MAX_NICS, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::intent::{NewGuest, OneDeed, Wish};
use crate::observed::Sighting;
use crate::reading::{Deed, DiskRef, Edit, EditField, LEAVE_OUT, Selector, Source, Sourced, Span, Target};
use crate::size::Size;

impl<'a> Resolver<'a> {
    /// Other values for fields of the targets.
    pub(super) fn change(&mut self, at: Span, targets: &[Target], edits: &[Edit]) {
        for found in self.targets(targets) {
            match found {
                Found::Seen(seen) if self.is_no_template(seen) => {
                    let subject = self.subject_seen(seen);
                    let mut fields = Fields::new();
                    self.edits(at, &subject, edits, &mut fields);
                    self.together(at, &subject, &mut fields);
                    self.hold(seen, fields);
                }
                Found::Seen(_) => {}
                Found::Made(wish) => self.fold(wish, |resolver, subject, fields| {
                    resolver.edits(at, subject, edits, fields);
                    resolver.together(at, subject, fields);
                }),
            }
        }
    }

    /// Something done once to the targets.
    pub(super) fn deed(&mut self, at: Span, targets: &[Target], deed: &Deed) {
        let interrupts = interrupts(deed);
        if let Some(all) = targets.iter().find(|target| matches!(target.selector, Selector::Kind(_)))
            && interrupts
        {
            let text = format!(
                "“{}” would all be interrupted at once. Say their names, or a tag that they carry.",
                all.span.of(self.text)
            );
            return self.ask("all", Some(all.span), Doubt::new(text));
        }
        for found in self.targets(targets) {
            match found {
                Found::Seen(seen) if self.is_no_template(seen) => {
                    if let Some(deed) = self.one_deed(at, seen, deed) {
                        let wish = Wish::Once { guest: seen.guest.clone(), deed };
                        if !self.wishes.contains(&wish) {
                            self.wishes.push(wish);
                        }
                    }
                }
                Found::Seen(_) => {}
                Found::Made(wish) => match deed {
                    Deed::Start => self.run(at, wish, true),
                    Deed::Stop | Deed::Shutdown { .. } => self.run(at, wish, false),
                    Deed::Adopt => {}
                    Deed::Reboot
                    | Deed::Suspend
                    | Deed::Resume
                    | Deed::Delete
                    | Deed::Snapshot { .. }
                    | Deed::Rollback { .. }
                    | Deed::DeleteSnapshot { .. }
                    | Deed::Backup { .. }
                    | Deed::Restore { .. }
                    | Deed::MakeTemplate
                    | Deed::Migrate { .. }
                    | Deed::Detach(_)
                    | Deed::DestroyDisk(_)
                    | Deed::RemoveNic(_) => {
                        let text = "This is asked of a guest that the same declaration makes. Declare it when the guest exists.";
                        self.ask("too-early", Some(at), Doubt::new(text));
                    }
                },
            }
        }
    }

    /// Whether a guest that this text makes shall run.
    fn run(&mut self, at: Span, wish: usize, running: bool) {
        let value = Sourced::new(Value::Flag(running), Source::said(at, self.text));
        self.fold(wish, |resolver, subject, fields| {
            resolver.put(&subject.name, fields, Field::Plain(Plain::Running), value);
        });
    }

    /// Works on the fields of a guest that this text makes.
    fn fold(&mut self, wish: usize, work: impl FnOnce(&mut Self, &Subject<'a>, &mut Fields)) {
        let Some(Wish::Exist(new)) = self.wishes.get(wish) else { return };
        let subject = self.subject_made(new);
        let mut fields = new.fields.clone();
        work(self, &subject, &mut fields);
        let Some(Wish::Exist(new)) = self.wishes.get_mut(wish) else { return };
        take_name(new, &mut fields);
        for field in fields.keys() {
            if let Field::Disk(slot, DiskPart::Size) = field
                && !new.disks.contains(slot)
            {
                new.disks.push(slot.clone());
            }
        }
        new.fields = fields;
    }

    /// Adds `fields` to what shall hold of a guest: to its last wish where that is of the same sort.
    fn hold(&mut self, seen: &Sighting, fields: Fields) {
        let key = seen.guest.key();
        if fields.is_empty() {
            return;
        }
        let mut before = Fields::new();
        for wish in &self.wishes {
            if let Wish::Hold { guest, fields } = wish
                && guest.key() == key
            {
                before.extend(fields.clone());
            }
        }
        let mut fields = fields;
        for (field, value) in &mut fields {
            self.put(&seen.guest.name, &mut before, field.clone(), value.clone());
            if let Some(kept) = before.get(field) {
                *value = kept.clone();
            }
        }
        let last = self.wishes.iter_mut().rev().find(|wish| match wish {
            Wish::Hold { guest, .. } | Wish::Once { guest, .. } => guest.key() == key,
            Wish::Exist(_) => false,
        });
        if let Some(Wish::Hold { fields: held, .. }) = last {
            held.extend(fields);
        } else {
            self.wishes.push(Wish::Hold { guest: seen.guest.clone(), fields });
        }
    }

    fn one_deed(&mut self, at: Span, seen: &'a Sighting, deed: &Deed) -> Option<OneDeed> {
        let name = &seen.guest.name;
        match deed {
            Deed::Start => Some(OneDeed::Start),
            Deed::Shutdown { within } => {
                let seconds = within.as_ref().map_or(OneDeed::SHUTDOWN_SECONDS, |within| within.value);
                Some(OneDeed::Shutdown { seconds })
            }
            Deed::Stop => Some(OneDeed::Stop),
            Deed::Reboot => Some(OneDeed::Reboot),
            Deed::Suspend => Some(OneDeed::Suspend),
            Deed::Resume => Some(OneDeed::Resume),
            Deed::MakeTemplate => Some(OneDeed::MakeTemplate),
            Deed::Detach(disk) => self.disk(at, &self.subject_seen(seen), disk).map(OneDeed::Detach),
            Deed::DestroyDisk(disk) => self.disk(at, &self.subject_seen(seen), disk).map(OneDeed::DestroyDisk),
            Deed::RemoveNic(number) => self.nic(at, &self.subject_seen(seen), *number).map(OneDeed::RemoveNic),
            Deed::Rollback { snapshot: Some(snapshot) } => Some(OneDeed::Rollback(snapshot.value.clone())),
            Deed::DeleteSnapshot { snapshot: Some(snapshot) } => Some(OneDeed::DeleteSnapshot(snapshot.value.clone())),
            Deed::Rollback { snapshot: None } | Deed::DeleteSnapshot { snapshot: None } => {
                self.ask("snapshot", Some(at), Doubt::new(format!("Which snapshot of {name} is meant?")));
                None
            }
            Deed::Backup { storage: Some(storage), mode } => Some(OneDeed::Backup {
                storage: storage.value.clone(),
                mode: mode.as_ref().map_or_else(|| "snapshot".to_owned(), |mode| mode.value.clone()),
            }),
            Deed::Backup { storage: None, .. } => {
                self.ask(
                    "backup-storage",
                    Some(at),
                    Doubt::new(format!("On which storage shall {name} be backed up?")),
                );
                None
            }
            Deed::Restore { backup: Some(backup) } => Some(OneDeed::Restore(backup.value.clone())),
            Deed::Restore { backup: None } => {
                self.ask("backup", Some(at), Doubt::new(format!("From which backup shall {name} be restored?")));
                None
            }
            Deed::Migrate { node, storage } => {
                let node = self.node(at, node)?.value;
                Some(OneDeed::Migrate { node, storage: storage.as_ref().map(|storage| storage.value.clone()) })
            }
            Deed::Adopt => Some(OneDeed::Adopt),
            Deed::Delete if seen.get(&Field::Plain(Plain::Protection)) == Some(&Value::Flag(true)) => {
                let text = format!(
                    "{name} ({} on {}) is protected against deletion, so deleting it is not planned. Whoever may \
                     decide that takes its protection away first.",
                    seen.guest.vmid, seen.guest.node
                );
                self.ask(&about(seen.guest.vmid), None, Doubt::new(text));
                None
            }
            Deed::Delete => Some(OneDeed::Delete),
            Deed::Snapshot { name: said } => {
                let made_up = || {
                    let (seconds, _) = self.declaration.0.get_timestamp()?.to_unix();
                    let time = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
                    Some(time.format("mycopod-%Y%m%d-%H%M%S").to_string())
                };
                let why = "named by the declaration’s time, as no name was said";
                let said = said.clone().unwrap_or_else(|| {
                    Sourced::new(made_up().unwrap_or_else(|| "mycopod".to_owned()), Source::inferred(why))
                });
                let taken = seen.snapshots.clone().unwrap_or_default();
                let check = |snapshot: String| {
                    let fits = (2..=40).contains(&snapshot.len())
                        && snapshot.starts_with(|c: char| c.is_ascii_alphabetic())
                        && snapshot.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                        && !["current", "pending"].contains(&snapshot.as_str());
                    if !fits {
                        let text = format!(
                            "“{snapshot}” cannot be a snapshot’s name: Proxmox takes 2 to 40 letters, digits, - and _, a \
                             letter first. What shall it be called?"
                        );
                        return Err(Doubt::new(text));
                    }
                    if taken.contains(&snapshot) {
                        let text =
                            format!("{name} has a snapshot {snapshot} already. What shall the new one be called?");
                        return Err(Doubt::new(text).or([format!("{snapshot}-2")]));
                    }
                    Ok(snapshot)
                };
                self.settle_text("snapshot", at, &said, check).map(|name| OneDeed::Snapshot(name.value))
            }
        }
    }

    /// Lays `edits` over `fields`, with relative amounts made absolute.
    pub(super) fn edits(&mut self, at: Span, subject: &Subject<'a>, edits: &[Edit], fields: &mut Fields) {
        let mut added = Vec::new();
        for edit in edits {
            let Some(field) = self.edited_field(at, subject, edit, fields, &mut added) else { continue };
            if let Field::Nic(number, _) = field
                && !subject.fields.keys().any(|known| matches!(known, Field::Nic(n, _) if *n == number))
                && !fields.keys().any(|known| matches!(known, Field::Nic(n, _) if *n == number))
                && !edits.iter().any(|edit| edit.field == EditField::Nic(Some(number), NicPart::Bridge))
                && !matches!(edit.field, EditField::NewNic { .. })
            {
                let text = format!(
                    "{} has no NIC {number}. Shall it get one? Then say its bridge; else say which NIC is meant.",
                    subject.name
                );
                self.ask("nic", edit.source.span().or(Some(at)), Doubt::new(text));
                continue;
            }
            let now = fields.get(&field).map(|said| &said.value).or_else(|| subject.fields.get(&field));
            let amount = match absolute(&edit.amount, now) {
                Ok(value) => Sourced::new(value, edit.source.clone()),
                Err(why) => {
                    let topic = format!("amount-{}", field.label());
                    let text = format!("{} of {}: {why}. To what shall it be set?", field.label(), subject.name);
                    let span = edit.source.span().or(Some(at));
                    let answer = self.answers.get(&topic, span).map(|answer| (answer, value::read(&field, answer)));
                    match answer {
                        Some((LEAVE_OUT, _)) => continue,
                        Some((answer, Some(value))) => Sourced::new(value, super::answered(answer)),
                        Some((_, None)) | None => {
                            self.ask(&topic, span, Doubt::new(text));
                            continue;
                        }
                    }
                }
            };
            if let Some(value) = self.value(at, &field, subject.kind, &amount, subject) {
                self.put(&subject.name, fields, field, value);
            }
        }
        let nics: Vec<u8> = fields
            .keys()
            .filter_map(|field| match field {
                Field::Nic(number, NicPart::Bridge) => Some(*number),
                _ => None,
            })
            .collect();
        for number in nics {
            self.complete_nic(number, subject, fields);
        }
        for (field, value) in added {
            let of = match &field {
                Field::Disk(slot, _) => Field::size_of(slot.clone()),
                Field::Nic(number, _) => Field::Nic(*number, NicPart::Bridge),
                Field::Plain(_) => continue,
            };
            if fields.contains_key(&of) {
                fields.insert(field, value);
            }
        }
    }

    /// The field that an edit names on this guest. The other parts of a further disk or NIC go to `added`.
    fn edited_field(
        &mut self,
        at: Span,
        subject: &Subject<'a>,
        edit: &Edit,
        fields: &Fields,
        added: &mut Vec<(Field, Sourced<Value>)>,
    ) -> Option<Field> {
        let span = edit.source.span().unwrap_or(at);
        match &edit.field {
            EditField::Plain(plain) => Some(Field::Plain(*plain)),
            EditField::Disk(disk, part) => self.disk(span, subject, disk).map(|slot| Field::Disk(slot, *part)),
            EditField::NewDisk { storage, parts } => {
                let known = subject.fields.keys().chain(fields.keys()).chain(added.iter().map(|(field, _)| field));
                let taken: Vec<Slot> = known
                    .filter_map(|field| match field {
                        Field::Disk(slot, _) => Some(slot.clone()),
                        Field::Plain(_) | Field::Nic(..) => None,
                    })
                    .collect();
                let Some(slot) = free_slots(subject.kind, subject.seen)
                    .find(|slot| !taken.contains(slot) && !subject.keys.contains(slot.as_str()))
                else {
                    let text = format!("{} has no room for a further disk.", subject.name);
                    self.ask("disk", Some(span), Doubt::new(text));
                    return None;
                };
                if let Some(said) = storage {
                    let nodes = subject.nodes.clone();
                    let storage =
                        self.settle_text("storage", span, said, |name| storage_of(subject.kind, name, &nodes));
                    let field = Field::storage_of(slot.clone());
                    added.extend(storage.map(|storage| (field, storage.map(Value::Text))));
                }
                for (part, said) in parts {
                    let field = Field::Disk(slot.clone(), *part);
                    let value = self.value(span, &field, subject.kind, said, subject);
                    added.extend(value.map(|value| (field, value)));
                }
                Some(Field::size_of(slot))
            }
            EditField::NewNic { parts } => {
                let taken = |number: &u8| {
                    let is = |field: &Field| matches!(field, Field::Nic(n, _) if n == number);
                    subject.fields.keys().any(is) || added.iter().any(|(field, _)| is(field))
                };
                let Some(number) = (0..MAX_NICS).find(|number| !taken(number)) else {
                    let text = format!("{} has no room for a further NIC.", subject.name);
                    self.ask("nic", Some(span), Doubt::new(text));
                    return None;
                };
                for (part, said) in parts {
                    let field = Field::Nic(number, *part);
                    let value = self.value(span, &field, subject.kind, said, subject);
                    added.extend(value.map(|value| (field, value)));
                }
                Some(Field::Nic(number, NicPart::Bridge))
            }
            EditField::Nic(number, part) => self.nic(span, subject, *number).map(|number| Field::Nic(number, *part)),
        }
    }

    /// The disk that was meant.
    fn disk(&mut self, span: Span, subject: &Subject<'a>, disk: &DiskRef) -> Option<Slot> {
        let slots = slots_of(subject);
        let options: Vec<String> = slots
            .iter()
            .filter_map(|slot| {
                let size = subject.fields.get(&Field::Disk(slot.clone(), DiskPart::Size))?;
                Some(format!("{slot} ({size})"))
            })
            .collect();
        let chosen = match disk {
            DiskRef::Only => match slots.as_slice() {
                [slot] => Some(slot.clone()),
                _ => None,
            },
            DiskRef::Data => match slots.as_slice() {
                [_, slot] => Some(slot.clone()),
                _ => None,
            },
            DiskRef::Nth(n) => usize::from(*n).checked_sub(1).and_then(|index| slots.get(index)).cloned(),
            DiskRef::Slot(slot) => slots.contains(slot).then(|| slot.clone()),
        };
        if chosen.is_some() {
            return chosen;
        }
        let text = match (disk, slots.len()) {
            (_, 0) => format!("{} has no disk.", subject.name),
            (DiskRef::Only, count) => format!("{} has {count} disks. Which one is meant?", subject.name),
            (DiskRef::Data, 1) => {
                format!("{} has one disk, and no data disk besides. Which one is meant?", subject.name)
            }
            (DiskRef::Data, count) => format!("{} has {} data disks. Which one is meant?", subject.name, count - 1),
            (DiskRef::Nth(n), count) => {
                format!("{} has no disk number {n}, but {count}. Which one is meant?", subject.name)
            }
            (DiskRef::Slot(slot), _) => format!("{} has no disk {slot}. Which one is meant?", subject.name),
        };
        // The slots differ from guest to guest, so the answer is of this guest.
        let topic = format!("disk-of-{}", subject.name);
        let answer = self.answers.get(&topic, Some(span)).map(str::to_owned);
        let answered =
            answer.and_then(|answer| slots.iter().find(|slot| answer.split(' ').next() == Some(slot.as_str())));
        if answered.is_none() {
            self.ask(&topic, Some(span), Doubt::new(text).or(options));
        }
        answered.cloned()
    }

    /// The number of the NIC that was meant.
    fn nic(&mut self, span: Span, subject: &Subject<'a>, number: Option<u8>) -> Option<u8> {
        if number.is_some() {
            return number;
        }
        let nics: Vec<(u8, &Value)> = subject
            .fields
            .iter()
            .filter_map(|(field, value)| match field {
                Field::Nic(number, NicPart::Bridge) => Some((*number, value)),
                _ => None,
            })
            .collect();
        if let [(only, _)] = nics.as_slice() {
            return Some(*only);
        }
        let topic = format!("nic-of-{}", subject.name);
        let answer = self.answers.get(&topic, Some(span)).map(str::to_owned);
        let option = |number: u8, bridge: &Value| format!("NIC {number} ({bridge})");
        let answered = answer.and_then(|answer| {
            nics.iter().find(|(number, bridge)| answer == option(*number, bridge) || answer == number.to_string())
        });
        if let Some((number, _)) = answered {
            return Some(*number);
        }
        let text = format!("{} has {} NICs. Which one is meant?", subject.name, nics.len());
        let options = nics.iter().map(|(number, bridge)| option(*number, bridge));
        self.ask(&topic, Some(span), Doubt::new(text).or(options));
        None
    }

    /// A value that Proxmox takes for this field of this guest.
    pub(super) fn value(
        &mut self,
        at: Span,
        field: &Field,
        kind: Kind,
        said: &Sourced<Value>,
        subject: &Subject<'a>,
    ) -> Option<Sourced<Value>> {
        let now = subject.fields.get(field);
        if *field == Field::Plain(Plain::Name) {
            return self.renamed(at, said, subject);
        }
        let check = |value: Value| {
            let value = value::check(field, kind, value, &subject.nodes)?;
            match (field, &value, now) {
                (Field::Disk(slot, DiskPart::Size), Value::Size(size), Some(Value::Size(has))) if size < has => {
                    let text = format!(
                        "Disk {slot} of {} has {has}, and Proxmox cannot shrink a disk to {size}. How large shall it be?",
                        subject.name
                    );
                    Err(Doubt::new(text).or([has]))
                }
                (Field::Disk(_, DiskPart::Size), Value::Size(size), None) if !size.is_whole_gib() => {
                    let text = format!("New disks are made in whole GiB, and {size} is none. How large shall it be?");
                    Err(Doubt::new(text).or([Size::gib(size.as_gib_ceil())]))
                }
                (Field::Plain(Plain::Unprivileged), wanted, Some(is)) if subject.seen.is_some() && wanted != is => {
                    let text = format!(
                        "Whether a container is unprivileged is fixed when it is made: {} cannot be changed. Restore a \
                         backup of it as a new container, or leave it as it is.",
                        subject.name
                    );
                    Err(Doubt::new(text))
                }
                (Field::Nic(_, NicPart::Ip), Value::Text(_), _) if !subject.addressable => {
                    let text = format!(
                        "{} has no cloud-init drive, so its address is set inside its own system and not by Proxmox.",
                        subject.name
                    );
                    Err(Doubt::new(text))
                }
                _ => Ok(value),
            }
        };
        self.settle(&field.to_string(), at, said, |answer| value::read(field, answer), check)
    }

    /// Another name for a guest: free, unless it is its own.
    fn renamed(&mut self, at: Span, said: &Sourced<Value>, subject: &Subject<'a>) -> Option<Sourced<Value>> {
        let Value::Text(name) = &said.value else { return None };
        let own = subject.seen.map(|seen| seen.guest.key());
        let name =
            self.free_name(at, &Sourced::new(name.clone(), said.source.clone()), |seen| Some(seen.guest.key()) == own)?;
        Some(name.map(|name| Value::Text(name.into())))
    }
}

/// Whether a deed takes guests out of service or data away: never done to all guests of a kind.
const fn interrupts(deed: &Deed) -> bool {
    match deed {
        Deed::Stop
        | Deed::Shutdown { .. }
        | Deed::Reboot
        | Deed::Suspend
        | Deed::Delete
        | Deed::Rollback { .. }
        | Deed::DeleteSnapshot { .. }
        | Deed::Restore { .. }
        | Deed::MakeTemplate
        | Deed::Migrate { .. }
        | Deed::Detach(_)
        | Deed::DestroyDisk(_)
        | Deed::RemoveNic(_) => true,
        Deed::Start | Deed::Resume | Deed::Snapshot { .. } | Deed::Backup { .. } | Deed::Adopt => false,
    }
}

/// A new guest has its name beside its fields: what a later sentence calls it is its name.
pub(super) fn take_name(new: &mut NewGuest, fields: &mut Fields) {
    if let Some(Sourced { value: Value::Text(name), source }) = fields.remove(&Field::Plain(Plain::Name))
        && let Ok(name) = name.parse()
    {
        new.name = Sourced::new(name, source);
    }
}

/// A guest's disks in order, those that were said for a new one included.
fn slots_of(subject: &Subject<'_>) -> Vec<Slot> {
    let mut slots = subject.seen.map(disks_in_order).unwrap_or_default();
    for field in subject.fields.keys() {
        if let Field::Disk(slot, DiskPart::Size) = field
            && !slots.contains(slot)
        {
            slots.push(slot.clone());
        }
    }
    slots
}
