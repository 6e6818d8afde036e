//! Guests of a typed intent: made where there is none of that name, else changed to be so.

use std::collections::{BTreeMap, BTreeSet};

use super::making::Beginning;
use super::{Doubt, Fields, Resolver, Subject, bus_rank, label, number};
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::intent::{OneDeed, Wish};
use crate::observed::{Ownership, Sighting};
use crate::reading::{Amount, Edit, EditField, FirewallPart, Sourced, Span};
use crate::typed::TypedGuest;

/// The answer by which a guest is made though one of its name may be where nobody answers.
const MAKE: &str = "Make it";
/// The answer by which a guest that is nobody's becomes MycoPod's.
const TAKE_OVER: &str = "Take it over";

/// What an intent's guest is on the cluster.
enum Meant<'a> {
    Seen(&'a Sighting),
    New,
}

impl<'a> Resolver<'a> {
    pub(super) fn typed(&mut self, ordinal: usize, at: Span, guest: &TypedGuest) {
        match self.meant(at, guest) {
            Some(Meant::Seen(seen)) => self.be(at, seen, guest),
            Some(Meant::New) => self.make(ordinal, at, guest),
            None => {}
        }
    }

    /// By its name; by its VMID where several are called so, or where one of ours is called otherwise since.
    fn meant(&mut self, at: Span, guest: &TypedGuest) -> Option<Meant<'a>> {
        let name = &guest.name.value;
        let observed = self.observed;
        let called: Vec<&'a Sighting> =
            observed.guests.iter().filter(|seen| seen.guest.name == *name && !seen.template).collect();
        let vmid = guest.vmid.as_ref().map(|said| said.value);
        let has_it = |seen: &&&'a Sighting| Some(seen.guest.vmid.get()) == vmid;
        let is_ours = |seen: &&'a Sighting| matches!(seen.ownership, Ownership::Ours(_));
        let numbered = || observed.guests.iter().find(|seen| has_it(&seen) && is_ours(seen));
        let doubt = match (called.as_slice(), called.iter().find(has_it)) {
            (_, Some(seen)) => return Some(Meant::Seen(seen)),
            ([seen], None) if vmid.is_none() => return Some(Meant::Seen(seen)),
            ([], None) => match numbered() {
                Some(seen) if seen.guest.kind == guest.kind.value => return Some(Meant::Seen(seen)),
                _ => return self.may_be_made(at, guest).then_some(Meant::New),
            },
            ([seen], None) => {
                let vmid = vmid.unwrap_or_default();
                Doubt::new(format!(
                    "{name} is VMID {}, and the intent says {vmid}. Which one is meant?",
                    seen.guest.vmid
                ))
            }
            (several, None) => Doubt::new(format!("{} guests are called {name}. Which one is meant?", several.len())),
        };
        let topic = format!("which-{name}");
        let answer = self.answers.get(&topic, Some(at));
        let chosen = called.iter().find(|seen| answer == Some(label(seen).as_str()));
        if chosen.is_none() {
            self.ask(&topic, Some(at), doubt.or(called.iter().map(|seen| label(seen))));
        }
        chosen.map(|seen| Meant::Seen(seen))
    }

    /// What was not seen may be where nobody answers.
    fn may_be_made(&mut self, at: Span, guest: &TypedGuest) -> bool {
        let topic = format!("unseen-{}", guest.name.value);
        if self.observed.is_complete() || self.answers.get(&topic, Some(at)) == Some(MAKE) {
            return true;
        }
        let text = format!(
            "{} was not seen.{} It may be there. Declare this again when all nodes answer, or shall it be made all the \
             same?",
            guest.name.value,
            self.blind_spot()
        );
        self.ask(&topic, Some(at), Doubt::new(text).or([MAKE]));
        false
    }

    /// A guest that exists shall be so.
    fn be(&mut self, at: Span, seen: &'a Sighting, guest: &TypedGuest) {
        let name = &seen.guest.name;
        if seen.guest.kind != guest.kind.value {
            let (is, said) = (seen.guest.kind.noun(), guest.kind.value.noun());
            let text = format!("{name} is a {is}, and the intent says {said}. A guest stays what it was made as.");
            return self.ask(&format!("kind-{name}"), guest.kind.source.span().or(Some(at)), Doubt::new(text));
        }
        if !self.may_take_over(at, seen, guest) {
            return;
        }
        if let Some(node) = guest.node.as_ref().filter(|node| node.value != seen.guest.node) {
            let text = format!(
                "{name} is on {}, and the intent says {}. An intent moves no guest: say “migrate {name} to {}”, or leave \
                 it where it is.",
                seen.guest.node, node.value, node.value
            );
            self.ask(&format!("node-{name}"), node.source.span().or(Some(at)), Doubt::new(text));
        }
        let subject = self.subject_seen(seen);
        let mut fields = Fields::new();
        let called = guest.name.clone().map(Value::Text);
        // Of the making alone: it was made, but for a disk that it has not yet.
        let is_to_come = |field: &Field| matches!(field, Field::Disk(slot, DiskPart::Import) if !subject.keys.contains(slot.as_str()));
        let is_of_now = |field: &Field| !field.is_of_making(guest.kind.value) || is_to_come(field);
        let of_now = guest.fields.iter().filter(|(field, _)| is_of_now(field));
        let said = of_now.map(|(field, said)| (field.clone(), said.clone()));
        let said: Fields = said.chain([(Field::Plain(Plain::Name), called)]).collect();
        self.lay(at, &said, &subject, &mut fields);
        self.rules(at, guest, &subject, &mut fields);
        self.together(at, &subject, &mut fields);
        self.hold(seen, fields);
    }

    /// A guest that is nobody's becomes ours only where that is said.
    fn may_take_over(&mut self, at: Span, seen: &'a Sighting, guest: &TypedGuest) -> bool {
        if matches!(seen.ownership, Ownership::Ours(_)) {
            return true;
        }
        let name = &seen.guest.name;
        let topic = format!("adopt-{name}");
        let is_said = guest.adopt.as_ref().is_some_and(|adopt| adopt.value);
        if is_said || self.answers.get(&topic, Some(at)) == Some(TAKE_OVER) {
            self.wishes.push(Wish::Once { guest: seen.guest.clone(), deed: OneDeed::Adopt });
            return true;
        }
        let text = format!(
            "{} exists and is not MycoPod’s. Shall it be taken over? The intent can say so: adopt: true.",
            label(seen)
        );
        self.ask(&topic, Some(at), Doubt::new(text).or([TAKE_OVER]));
        false
    }

    /// A guest that does not exist is made so.
    fn make(&mut self, ordinal: usize, at: Span, guest: &TypedGuest) {
        let kind = guest.kind.value;
        let begins = Beginning {
            kind: &guest.kind,
            name: &guest.name,
            vmid: guest.vmid.as_ref(),
            node: guest.node.as_ref(),
            image: guest.image.as_ref(),
        };
        let Some((mut new, template)) = self.begin(ordinal, at, begins) else { return };
        let subject = self.subject_made(&new);
        let mut fields = Fields::new();
        self.lay(at, &guest.fields, &subject, &mut fields);
        self.rules(at, guest, &subject, &mut fields);
        let has_system = match kind {
            Kind::Lxc => fields.contains_key(&Field::size_of(Slot::rootfs())),
            Kind::Qemu => fields.keys().any(|field| matches!(field, Field::Disk(_, DiskPart::Size))),
        };
        if !has_system && template.is_none() {
            self.disks(at, &[], template, &subject, &mut new, &mut fields);
        }
        let mut slots: Vec<Slot> = sized(&fields).filter(|slot| !new.disks.contains(slot)).cloned().collect();
        slots.sort_by_key(|slot| (bus_rank(slot), number(slot)));
        new.disks.extend(slots);
        if template.is_none() && !fields.keys().any(|field| matches!(field, Field::Nic(..))) {
            self.complete_nic(0, &subject, &mut fields);
        }
        self.end(at, new, template.is_some(), &subject, fields);
    }

    /// Checks what is said of a guest, and lays it over `fields`.
    pub(super) fn lay(&mut self, at: Span, said: &Fields, subject: &Subject<'a>, fields: &mut Fields) {
        for (field, said) in said {
            let has = |of: &Field| subject.fields.contains_key(of) || fields.contains_key(of);
            if let Field::Disk(slot, part) = field
                && *part != DiskPart::Size
                && !has(&Field::size_of(slot.clone()))
            {
                let text = format!("{} has no disk {slot}. Shall it get one? Then say its size.", subject.name);
                self.ask(&format!("disk-{slot}-of-{}", subject.name), said.source.span(), Doubt::new(text));
                continue;
            }
            if let Field::Disk(slot, DiskPart::Size) = field
                && subject.keys.contains(slot.as_str())
                && !has(field)
            {
                let text = format!(
                    "{slot} of {} holds a drive that is no disk of its own, such as a CD. Say another place for the disk.",
                    subject.name
                );
                self.ask(&format!("disk-{slot}-of-{}", subject.name), said.source.span(), Doubt::new(text));
                continue;
            }
            if let (Field::Nic(number, part), Some(_)) = (field, subject.seen)
                && *part != NicPart::Bridge
                && !has(&Field::Nic(*number, NicPart::Bridge))
            {
                let text = format!("{} has no NIC {number}. Shall it get one? Then say its bridge.", subject.name);
                self.ask(&format!("nic-{number}-of-{}", subject.name), said.source.span(), Doubt::new(text));
                continue;
            }
            let value = match field {
                Field::Firewall(part) => self.typed_firewall(at, subject, part, said),
                Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => {
                    self.value(at, field, subject.kind, said, subject)
                }
            };
            if let Some(value) = value {
                fields.insert(field.clone(), value);
            }
        }
        let nics: BTreeSet<u8> = fields
            .keys()
            .filter_map(|field| match field {
                Field::Nic(number, _) => Some(*number),
                Field::Plain(_) | Field::Disk(..) | Field::Firewall(_) => None,
            })
            .collect();
        for number in nics {
            self.complete_nic(number, subject, fields);
        }
    }

    fn rules(&mut self, at: Span, guest: &TypedGuest, subject: &Subject<'a>, fields: &mut Fields) {
        for rule in &guest.rules {
            let amount = Amount::To(Value::Text(rule.value.clone()));
            let edit = Edit { field: EditField::Firewall(FirewallPart::Rule), amount, source: rule.source.clone() };
            self.firewall(at, subject, &FirewallPart::Rule, &edit, fields);
        }
    }
}

/// The slots of the disks that shall be.
fn sized(fields: &BTreeMap<Field, Sourced<Value>>) -> impl Iterator<Item = &Slot> {
    fields.keys().filter_map(|field| match field {
        Field::Disk(slot, DiskPart::Size) => Some(slot),
        Field::Plain(_) | Field::Disk(..) | Field::Nic(..) | Field::Firewall(_) => None,
    })
}
