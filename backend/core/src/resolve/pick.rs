//! Which disk or NIC of a guest somebody meant.

use super::{Doubt, Resolver, Subject, disks_in_order};
use crate::field::{DiskPart, Field, NicPart, Slot, Value};
use crate::reading::{DiskRef, Edit, EditField, Span};

impl<'a> Resolver<'a> {
    /// The disk that was meant.
    pub(super) fn disk(&mut self, span: Span, subject: &Subject<'a>, disk: &DiskRef) -> Option<Slot> {
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
            DiskRef::Sized(size) => {
                let is =
                    |slot: &&Slot| subject.fields.get(&Field::size_of((*slot).clone())) == Some(&Value::Size(*size));
                let mut sized = slots.iter().filter(is);
                sized.next().filter(|_| sized.next().is_none()).cloned()
            }
            DiskRef::Every(_) => None,
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
            (DiskRef::Every(_), count) => {
                format!("{} has {count} disks, and one at a time can be named here. Which one is meant?", subject.name)
            }
            (DiskRef::Sized(size), _) => format!("{} has not one disk of {size}. Which one is meant?", subject.name),
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

    /// An edit of every disk or NIC as one edit for each; any other as it is.
    pub(super) fn one_by_one(&mut self, at: Span, subject: &Subject<'a>, edit: &Edit) -> Vec<Edit> {
        let (noun, count, fields): (_, _, Vec<EditField>) = match &edit.field {
            EditField::Disk(DiskRef::Every(count), part) => {
                let of = |slot: Slot| EditField::Disk(DiskRef::Slot(slot), *part);
                ("disk", count, slots_of(subject).into_iter().map(of).collect())
            }
            EditField::EachNic(count, part) => {
                let of = |(number, _): (u8, _)| EditField::Nic(Some(number), *part);
                ("NIC", count, nics_of(subject).into_iter().map(of).collect())
            }
            _ => return vec![edit.clone()],
        };
        if fields.is_empty() || count.is_some_and(|count| usize::from(count) != fields.len()) {
            let there = match fields.len() {
                0 => format!("no {noun}"),
                1 => format!("one {noun}"),
                count => format!("{count} {noun}s"),
            };
            let text = format!("{} has {there}. Which of them are meant?", subject.name);
            let topic = format!("{}s-of-{}", noun.to_lowercase(), subject.name);
            self.ask(&topic, edit.source.span().or(Some(at)), Doubt::new(text));
            return Vec::new();
        }
        fields.into_iter().map(|field| Edit { field, ..edit.clone() }).collect()
    }

    /// The number of the NIC that was meant.
    pub(super) fn nic(&mut self, span: Span, subject: &Subject<'a>, number: Option<u8>) -> Option<u8> {
        if number.is_some() {
            return number;
        }
        let nics = nics_of(subject);
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

/// The numbers of a guest's NICs, and what each is connected to.
fn nics_of<'s>(subject: &'s Subject<'_>) -> Vec<(u8, &'s Value)> {
    let nic = |(field, value): (&Field, &'s Value)| match field {
        Field::Nic(number, NicPart::Bridge) => Some((*number, value)),
        _ => None,
    };
    subject.fields.iter().filter_map(nic).collect()
}
