//! Fields that somebody set in a form, laid over what the text says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::create::free_slots;
use super::{Doubt, Fields, Resolver, Subject, about, about_new, label, template_of, vmid_in};
use crate::field::{MAX_NICS, Slot, Value};
use crate::guest::{GuestName, Kind};
use crate::id::ResourceId;
use crate::intent::{NewGuest, Wish};
use crate::observed::Sighting;
use crate::reading::{
    Answers, FormEdit, FormField, FormGuest, LEAVE_OUT, Question, Reading, Selector, Source, Sourced, Span, Target,
    What,
};
use crate::typed::kind_of;

/// Forms have no words.
const NOWHERE: Span = Span { start: 0, end: 0 };
/// As many edits are named in one question: more is a list nobody reads.
const MAX_NAMED: usize = 3;

/// The answers to doubts about each edit that stands. Each has doubts of its own: an answer about one says nothing about
/// another of the same field, nor about one that was taken back.
pub(super) fn answers_by_edit(reading: &Reading, answers: &Answers) -> BTreeMap<usize, Answers> {
    FormEdit::standing(&reading.edits).map(|(number, _)| (number, answers.of_edit(number))).collect()
}

/// A question about an edit, which says so.
pub(super) fn question(number: usize, edit: &FormEdit, question: Question) -> Question {
    let text = format!("Set in the form: {edit}. {}", question.text);
    let span = question.span.filter(|span| *span != NOWHERE);
    Question { text, span, ..question }.of_edit(number)
}

/// The edits of which a question could come that would not be asked without any: those of the guest that it is about, or
/// else all that stand.
#[must_use]
pub fn suspects(question: &Question, edits: &[FormEdit]) -> Vec<usize> {
    let of_guest = FormEdit::standing(edits).filter(|(_, edit)| is_of_guest(question, edit));
    let of_guest: Vec<usize> = of_guest.map(|(number, _)| number).collect();
    if of_guest.is_empty() { FormEdit::standing(edits).map(|(number, _)| number).collect() } else { of_guest }
}

/// A question that comes from these edits, which says so; and that its way out is one without the guest, where it is.
#[must_use]
pub fn because_of(question: Question, numbers: Vec<usize>, edits: &[FormEdit]) -> Question {
    let meant = || FormEdit::standing(edits).filter(|(number, _)| numbers.contains(number)).map(|(_, edit)| edit);
    let mut named: Vec<String> = meant().take(MAX_NAMED).map(FormEdit::to_string).collect();
    if numbers.len() > MAX_NAMED {
        named.push(format!("{} more", numbers.len() - MAX_NAMED));
    }
    let way_out = match meant().find(|edit| is_of_guest(&question, edit)) {
        Some(edit) => format!(" “{LEAVE_OUT}” leaves out all that is declared of {}.", edit.name),
        None => String::new(),
    };
    let text = format!("Set in the form: {}. {}{way_out}", named.join("; "), question.text);
    Question { text, edits: numbers, ..question }
}

/// The disk and the NIC that a guest of this kind could be given besides these: of each the next that is free. `on` is the
/// guest where it exists, or the template it is made from.
#[must_use]
pub fn further(kind: Kind, on: Option<&Sighting>, disks: &[Slot], nics: &[u8]) -> Vec<FormField> {
    let disk = free_slots(kind, on).find(|slot| !disks.contains(slot));
    let is_free = |number: &u8| !nics.contains(number) && on.is_none_or(|seen| seen.nics().all(|nic| nic != *number));
    let nic = (0..MAX_NICS).find(is_free);
    disk.map(FormField::Disk).into_iter().chain(nic.map(FormField::Nic)).collect()
}

/// Whether a planner's question is about the guest of the edit.
fn is_of_guest(question: &Question, edit: &FormEdit) -> bool {
    match edit.guest {
        FormGuest::Seen(vmid) => question.id == about(vmid),
        FormGuest::New(_) => edit.name.parse::<GuestName>().is_ok_and(|name| question.id == about_new(&name)),
    }
}

impl<'a> Resolver<'a> {
    /// What is set in a form of the guest that the statement of that place makes, unless an answer gave it up.
    pub(super) fn set_in_form(&self, ordinal: usize, field: &FormField) -> Option<Sourced<String>> {
        let guest = FormGuest::New(ResourceId::nth_of(self.declaration, ordinal));
        let mut standing = FormEdit::standing(self.edits);
        let (number, edit) = standing.find(|(_, edit)| edit.guest == guest && edit.field == *field)?;
        let answers = self.of_edits.and_then(|answers| answers.get(&number));
        let gives_up = |answers: &Answers| answers.left_out("image", None) || answers.left_out("guest", Some(NOWHERE));
        let is_left_out = answers.is_some_and(gives_up);
        (!is_left_out).then(|| Sourced::new(edit.to.to_string(), set_by(number, edit)))
    }

    /// A statement with the kind and the image that are set in a form: they decide what else a guest has, and so they
    /// stand in the place of the words before anything comes of these.
    pub(super) fn begun<'w>(&self, ordinal: usize, what: &'w What) -> Cow<'w, What> {
        let kind = self.set_in_form(ordinal, &FormField::Kind).and_then(|set| {
            let kind = kind_of(&set.value)?;
            Some(set.map(|_| kind))
        });
        // An empty text is no image.
        let image =
            self.set_in_form(ordinal, &FormField::Image).map(|set| Some(set).filter(|set| !set.value.is_empty()));
        let mut begun = Cow::Borrowed(what);
        if kind.is_none() && image.is_none() {
            return begun;
        }
        let (said_kind, said_image) = match begun.to_mut() {
            What::Create(create) => (&mut create.kind, &mut create.image),
            What::Typed(guest) => (&mut guest.kind, &mut guest.image),
            What::Clone { .. } | What::Change { .. } | What::Do { .. } | What::Facility(_) => return begun,
        };
        *said_kind = kind.unwrap_or_else(|| said_kind.clone());
        *said_image = image.unwrap_or_else(|| said_image.take());
        begun
    }

    /// The guest that words in a form mean: its VMID, its name, or both as an option has them.
    pub(super) fn named_in_form(&self, words: &str) -> Target {
        let labelled = self.observed.guests.iter().find(|seen| label(seen) == words).map(|seen| seen.guest.vmid);
        let selector = match labelled.or_else(|| vmid_in(words)) {
            Some(vmid) => Selector::Vmid(vmid.get()),
            None => Selector::Name(words.to_owned()),
        };
        Target { span: NOWHERE, selector }
    }

    /// Works on what comes from `source`: where that is an edit, its doubts are about that edit, and the answers to them
    /// hold.
    pub(super) fn of_edit<T>(&mut self, source: &Source, work: impl FnOnce(&mut Self) -> T) -> T {
        let Source::Set { edit: number, .. } = source else { return work(self) };
        let (answers, edits) = (self.answers, self.edits);
        self.answers = self.of_edits.and_then(|of_edits| of_edits.get(number)).unwrap_or(answers);
        self.edit = number.checked_sub(1).and_then(|at| Some((*number, edits.get(at)?)));
        let done = work(self);
        self.answers = answers;
        self.edit = None;
        done
    }

    /// Lays the edits that stand over the wishes, in the order in which they were made.
    pub(super) fn edited(&mut self) {
        let (all, edits) = (self.answers, self.edits);
        for (number, edit) in FormEdit::standing(edits) {
            let source = set_by(number, edit);
            let said = |value: Value| Sourced::new(value, source.clone());
            let fields = edit.fields().map(|(field, value)| (field, said(value))).collect();
            self.of_edit(&source, |resolver| {
                if !resolver.lay_edit(edit, &said(edit.to.clone()), &fields) && !is_left_out(all, edit) {
                    let text = "This declaration is not about that guest any more. Shall it be left out?";
                    resolver.ask("edit", None, Doubt::new(text));
                }
            });
        }
        // By the name that it was given in the form.
        self.wishes.retain(|wish| match wish {
            Wish::Exist(new) => !all.left_out(&about_new(&new.name.value), None),
            Wish::Hold { .. } | Wish::Once { .. } | Wish::Facility { .. } => true,
        });
    }

    /// Lays an edit, which sets these fields, over the wishes; whether they are about its guest still.
    fn lay_edit(&mut self, edit: &FormEdit, said: &Sourced<Value>, fields: &Fields) -> bool {
        match edit.guest {
            FormGuest::New(resource) => {
                let made = self.made().find(|(_, new)| new.resource == resource).map(|(wish, _)| wish);
                made.map(|wish| self.edit_new(wish, &edit.field, said, fields)).is_some()
            }
            FormGuest::Seen(vmid) => {
                let observed = self.observed;
                let held = self.wishes.iter().any(|wish| match wish {
                    Wish::Hold { guest, .. } => guest.vmid == vmid,
                    Wish::Exist(_) | Wish::Once { .. } | Wish::Facility { .. } => false,
                });
                let seen = observed.numbered(vmid).filter(|_| held);
                seen.map(|seen| self.edit_seen(seen, &edit.field, fields)).is_some()
            }
        }
    }

    fn edit_new(&mut self, wish: usize, field: &FormField, said: &Sourced<Value>, fields: &Fields) {
        let Some(Wish::Exist(new)) = self.wishes.get(wish) else { return };
        let mut bare = (**new).clone();
        match (field, &said.value) {
            (FormField::Field(_) | FormField::Disk(_) | FormField::Nic(_), _) => {
                // What it said before is no bound: the guest is not made.
                bare.fields.retain(|other, _| !field.has(other));
                if fields.is_empty() {
                    let template = bare.origin.as_ref().and_then(|origin| template_of(self.observed, &origin.value.at));
                    let is_of_template = |slot: &Slot| template.is_some_and(|seen| seen.disks().any(|has| has == slot));
                    bare.disks.retain(|slot| *field != FormField::Disk(slot.clone()) || is_of_template(slot));
                    return self.place(wish, |new| *new = bare);
                }
                let subject = self.subject_made(&bare);
                let mut laid = bare.fields;
                if self.lay_set(field, fields, &subject, &mut laid) {
                    self.fold(wish, |resolver, subject, fields| {
                        *fields = laid;
                        resolver.together(NOWHERE, subject, fields);
                    });
                }
            }
            (FormField::Node, Value::Text(node)) => {
                let node = self.node(NOWHERE, &Sourced::new(node.clone(), said.source.clone()));
                self.place(wish, |new| new.node = node.or(new.node.take()));
            }
            (FormField::Vmid, Value::Count(number)) => {
                let number = u32::try_from(*number).unwrap_or(u32::MAX);
                let vmid = self.free_vmid(NOWHERE, &Sourced::new(number, said.source.clone()));
                self.place(wish, |new| new.vmid = vmid.or(new.vmid.take()));
            }
            // Its kind and image stand in its statement.
            (FormField::Kind | FormField::Image | FormField::Node | FormField::Vmid, _) => {}
        }
    }

    /// Lays what an edit sets over `laid`: what a disk or NIC exists by first, and without it nothing. Whether it was
    /// taken.
    fn lay_set(&mut self, field: &FormField, fields: &Fields, subject: &Subject<'a>, laid: &mut Fields) -> bool {
        let Some(key) = field.key() else { return false };
        let (first, parts): (Fields, Fields) =
            fields.iter().map(|(field, said)| (field.clone(), said.clone())).partition(|(field, _)| *field == key);
        self.lay(NOWHERE, &first, subject, laid);
        let is_taken = laid.contains_key(&key);
        if is_taken {
            self.lay(NOWHERE, &parts, subject, laid);
        }
        is_taken
    }

    fn place(&mut self, wish: usize, change: impl FnOnce(&mut NewGuest)) {
        if let Some(Wish::Exist(new)) = self.wishes.get_mut(wish) {
            change(new);
        }
    }

    fn edit_seen(&mut self, seen: &'a Sighting, field: &FormField, said: &Fields) {
        // A guest that exists is neither moved nor numbered anew by a form.
        if field.key().is_none() {
            return;
        }
        let key = seen.guest.key();
        let mut subject = self.subject_seen(seen);
        for wish in &self.wishes {
            if let Wish::Hold { guest, fields } = wish
                && guest.key() == key
            {
                let others = fields.iter().filter(|(other, _)| !field.has(other));
                subject.fields.extend(others.map(|(field, said)| (field.clone(), said.value.clone())));
            }
        }
        let mut fields = Fields::new();
        // What is left out of the declaration stays as it is on the cluster.
        if !said.is_empty() && !self.lay_set(field, said, &subject, &mut fields) {
            return;
        }
        for wish in &mut self.wishes {
            if let Wish::Hold { guest, fields } = wish
                && guest.key() == key
            {
                fields.retain(|other, _| !field.has(other));
            }
        }
        self.together(NOWHERE, &subject, &mut fields);
        self.hold(seen, fields);
        self.wishes.retain(|wish| !matches!(wish, Wish::Hold { fields, .. } if fields.is_empty()));
    }
}

fn set_by(number: usize, edit: &FormEdit) -> Source {
    Source::Set { edit: number, by: edit.by.clone() }
}

/// Whether the guest of the edit was left out by an answer.
fn is_left_out(answers: &Answers, edit: &FormEdit) -> bool {
    match edit.guest {
        FormGuest::Seen(vmid) => answers.left_out(&about(vmid), None),
        FormGuest::New(_) => edit.name.parse::<GuestName>().is_ok_and(|name| answers.left_out(&about_new(&name), None)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::field::Plain;
    use crate::guest::Vmid;
    use crate::reading::TakenBack;
    use crate::size::Size;

    fn edit(vmid: u32, cores: u64) -> FormEdit {
        FormEdit {
            guest: FormGuest::Seen(Vmid::try_from(vmid).unwrap()),
            name: format!("web-{vmid}"),
            field: FormField::Field(Plain::Cores.into()),
            from: None,
            over: None,
            to: Value::Count(cores),
            parts: BTreeMap::new(),
            by: "ann@example.org".to_owned(),
            at: DateTime::UNIX_EPOCH,
            taken_back: None,
        }
    }

    fn taken_back(edit: FormEdit) -> FormEdit {
        let taken_back = Some(TakenBack { by: edit.by.clone(), at: edit.at });
        FormEdit { taken_back, ..edit }
    }

    fn standing(edits: &[FormEdit]) -> Vec<usize> {
        FormEdit::standing(edits).map(|(number, _)| number).collect()
    }

    #[test]
    fn of_each_field_the_last_edit_stands_that_was_not_taken_back() {
        assert_eq!(standing(&[edit(100, 1), edit(101, 2), edit(100, 3)]), [2, 3]);
        assert_eq!(standing(&[edit(100, 1), edit(101, 2), taken_back(edit(100, 3))]), [1, 2]);
        assert_eq!(standing(&[taken_back(edit(100, 1))]), [0_usize; 0]);
    }

    #[test]
    fn a_disk_that_is_set_as_a_whole_decides_its_parts_and_takes_them_with_it() {
        let set = |field: &str, to: Value| FormEdit { field: field.parse().unwrap(), to, ..edit(100, 1) };
        let size = |gib: u64| Value::Size(Size::gib(gib));
        let edits =
            [set("disk.scsi1", size(2)), set("disk.scsi1.discard", Value::Flag(true)), set("disk.scsi10", size(1))];
        assert_eq!(standing(&edits), [1, 2, 3]);
        assert_eq!(FormEdit::with(1, &edits), [1, 2]);
        assert_eq!(FormEdit::with(2, &edits), [2]);
        let out = set("disk.scsi1", size(0));
        assert_eq!((out.leaves_out(), out.fields().count(), out.said().as_str()), (true, 0, "none"));
        let [first, part, other] = edits.clone();
        assert_eq!(standing(&[first.clone(), part.clone(), other.clone(), out.clone()]), [3, 4]);
        assert_eq!(standing(&[first, part, other, taken_back(out)]), [1, 2, 3]);
        // What was there before is there without it.
        let [first, part, _] = edits;
        assert_eq!(FormEdit::with(1, &[FormEdit { from: Some(size(1)), ..first }, part]), [1]);
        for key in ["disk.scsi1", "nic.31"] {
            assert_eq!(key.parse::<FormField>().unwrap().to_string(), key);
        }
        for bad in ["disk", "disk.scsi99", "nic.32", "nic.x", "disk.scsi1.vlan", "firewall.ipset"] {
            assert!(bad.parse::<FormField>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_question_comes_from_the_edits_of_its_guest_or_else_from_any() {
        let about = |topic: &str| Question::new(topic, None, "No room.", Vec::new());
        let edits = [edit(100, 1), edit(101, 2), taken_back(edit(100, 3))];
        assert_eq!(suspects(&about("guest-100"), &edits), [1]);
        assert_eq!(suspects(&about("size"), &edits), [1, 2]);
        let said = because_of(about("guest-100"), vec![1], &edits);
        let text = "Set in the form: Cores of web-100 to 1. No room. “Leave it out” leaves out all that is declared of \
                    web-100.";
        assert_eq!((said.text.as_str(), said.edits), (text, vec![1]));
        let said = because_of(about("size"), vec![1, 2], &edits);
        assert_eq!(said.text, "Set in the form: Cores of web-100 to 1; Cores of web-101 to 2. No room.");
    }

    #[test]
    fn edits_of_before_are_read() {
        let old = r#"{"guest":"100","field":"cores","from":null,"to":{"count":2},"by":"a@b","at":"2026-01-02T03:04:05Z","applied":true}"#;
        let edit: FormEdit = serde_json::from_str(old).unwrap();
        assert_eq!((edit.name.as_str(), edit.taken_back), ("", None));
    }
}
