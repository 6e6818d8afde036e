//! Changes of fields: of guests that exist, or of those that the same text makes.

use std::collections::BTreeSet;

use super::amount::absolute;
use super::create::free_slots;
use super::target::Found;
use super::value::{self, storage_of};
use super::{Doubt, Fields, Resolver, Subject};
use crate::field::{DiskPart, Field, MAX_NICS, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::intent::{NewGuest, Wish};
use crate::observed::{Observed, Sighting, Volume};
use crate::reading::{Edit, EditField, LEAVE_OUT, Sourced, Span, Target};
use crate::size::Size;

impl<'a> Resolver<'a> {
    /// Other values for fields of the targets.
    pub(super) fn change(&mut self, at: Span, targets: &[Target], edits: &[Edit]) {
        for found in self.targets(targets) {
            match found {
                Found::Seen(seen) => {
                    let subject = self.subject_seen(seen);
                    let mut fields = Fields::new();
                    self.edits(at, &subject, edits, &mut fields);
                    self.together(at, &subject, &mut fields);
                    self.hold(seen, fields);
                }
                Found::Made(wish) => self.fold(wish, |resolver, subject, fields| {
                    resolver.edits(at, subject, edits, fields);
                    resolver.together(at, subject, fields);
                }),
            }
        }
    }

    /// Works on the fields of a guest that this text makes.
    pub(super) fn fold(&mut self, wish: usize, work: impl FnOnce(&mut Self, &Subject<'a>, &mut Fields)) {
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
    pub(super) fn hold(&mut self, seen: &Sighting, fields: Fields) {
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
            Wish::Exist(_) | Wish::Facility { .. } => false,
        });
        if let Some(Wish::Hold { fields: held, .. }) = last {
            held.extend(fields);
        } else {
            self.wishes.push(Wish::Hold { guest: seen.guest.clone(), fields });
        }
    }

    /// Lays `edits` over `fields`, with relative amounts made absolute.
    pub(super) fn edits(&mut self, at: Span, subject: &Subject<'a>, edits: &[Edit], fields: &mut Fields) {
        let mut added = Vec::new();
        let edits: Vec<Edit> = edits.iter().flat_map(|edit| self.one_by_one(at, subject, edit)).collect();
        for edit in &edits {
            if let EditField::Firewall(part) = &edit.field {
                self.firewall(at, subject, part, edit, fields);
                continue;
            }
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
                Field::Plain(_) | Field::Firewall(_) => continue,
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
                        Field::Plain(_) | Field::Nic(..) | Field::Firewall(_) => None,
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
                    subject.fields.keys().chain(fields.keys()).any(is) || added.iter().any(|(field, _)| is(field))
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
            // It may become several fields; see `Self::firewall` and `Self::one_by_one`.
            EditField::Firewall(_) | EditField::EachNic(..) => None,
            EditField::Nic(number, part) => self.nic(span, subject, *number).map(|number| Field::Nic(number, *part)),
        }
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
        let observed = self.observed;
        let made = self.pools_made();
        let check = |value: Value| {
            let value = value::check(field, kind, value, &subject.nodes)?;
            if now != Some(&value)
                && !matches!((field, &value), (Field::Plain(Plain::Pool), Value::Text(name)) if made.contains(name))
                && let Some(doubt) = absent(field, &value, observed, subject)
            {
                return Err(doubt);
            }
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
                (field, wanted, now) => match fixed(field, wanted, now, subject) {
                    Some(why) => Err(why),
                    None => Ok(value),
                },
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

/// A pool or a file that a value names and that is not to be seen.
fn absent(field: &Field, value: &Value, observed: &Observed, subject: &Subject<'_>) -> Option<Doubt> {
    let Value::Text(name) = value else { return None };
    let content = match field {
        Field::Plain(Plain::Pool) if !name.is_empty() && !observed.pools.contains(name) => {
            let text = format!("There is no pool {name}, or none that may be seen. Which one is meant?");
            return Some(Doubt::new(text).or(&observed.pools));
        }
        Field::Plain(Plain::Cdrom) if !name.is_empty() && name != "none" => "iso",
        // A guest's own disk can be imported as well; those are in no list of files.
        Field::Disk(_, DiskPart::Import) if name.contains(":import/") => "import",
        _ => return None,
    };
    let of_content = || observed.volumes.iter().filter(|volume| volume.content == content);
    let reachable = |volume: &&Volume| subject.nodes.iter().any(|(node, _)| **node == volume.node);
    if of_content().filter(reachable).any(|volume| volume.volume == *name) {
        return None;
    }
    let options: BTreeSet<&String> = of_content().filter(reachable).map(|volume| &volume.volume).collect();
    let text = format!("{name} is on no storage of the node of {}. Which file is meant?", subject.name);
    Some(Doubt::new(text).or(options))
}

/// Why Proxmox cannot set a field so, and what it would take. No edit ever replaces a guest.
fn fixed(field: &Field, wanted: &Value, now: Option<&Value>, subject: &Subject<'_>) -> Option<Doubt> {
    let name = &subject.name;
    let exists = subject.seen.is_some();
    let text = match field {
        Field::Plain(Plain::Unprivileged) if exists && now.is_some_and(|is| is != wanted) => format!(
            "Whether a container is unprivileged is fixed when it is made: {name} cannot be changed. Restore a backup of \
             it as a new container, or leave it as it is."
        ),
        Field::Plain(plain @ (Plain::Keyctl | Plain::Fuse))
            if *wanted != now.cloned().unwrap_or(Value::Flag(false)) =>
        {
            format!(
                "{} of {name} is for root@pam alone to change: Proxmox takes it from no token, so it is not planned. Set \
                 it on its node with “pct set”, or leave it out.",
                plain.label()
            )
        }
        Field::Plain(plain @ (Plain::SshKeys | Plain::Password)) if exists && subject.kind == Kind::Lxc => format!(
            "Proxmox sets {} of a container at its making alone, and {name} is made. Change it inside the container.",
            plain.label()
        ),
        Field::Plain(plain @ (Plain::EfiDisk | Plain::Tpm | Plain::CloudInit))
            if exists
                && *wanted == Value::Text(String::new())
                && now.is_some_and(|now| *now != Value::Text(String::new())) =>
        {
            format!(
                "{} of {name} would be lost by taking it out, and no edit replaces it later. Do that in Proxmox itself, \
                 or leave it.",
                plain.label()
            )
        }
        // A disk that is only declared yet is made with it.
        Field::Disk(slot, DiskPart::Import) if subject.keys.contains(slot.as_str()) => format!(
            "Disk {slot} of {name} exists, and an image is imported only into a new disk. Say a further disk, or leave it \
             out."
        ),
        Field::Plain(_) | Field::Disk(..) | Field::Nic(..) | Field::Firewall(_) => return None,
    };
    Some(Doubt::new(text))
}

/// A new guest has its name beside its fields: what a later sentence calls it is its name.
pub(super) fn take_name(new: &mut NewGuest, fields: &mut Fields) {
    if let Some(Sourced { value: Value::Text(name), source }) = fields.remove(&Field::Plain(Plain::Name))
        && let Ok(name) = name.parse()
    {
        new.name = Sourced::new(name, source);
    }
}
