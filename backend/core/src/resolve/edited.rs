//! Fields that somebody set in a form, laid over what the text says.

use super::{Doubt, Fields, Resolver};
use crate::field::{Field, Value};
use crate::intent::Wish;
use crate::observed::Sighting;
use crate::reading::{FormEdit, FormField, FormGuest, Source, Sourced, Span};

/// Forms have no words.
const NOWHERE: Span = Span { start: 0, end: 0 };

impl<'a> Resolver<'a> {
    /// Lays the edits over the wishes, in the order in which they were made.
    pub(super) fn edited(&mut self, edits: &[FormEdit]) {
        for edit in edits {
            let source = Source::inferred(format!("set in the form by {}", edit.by));
            let said = Sourced::new(edit.to.clone(), source);
            let is_about = match &edit.guest {
                FormGuest::New(resource) => {
                    let made = self.made().find(|(_, new)| new.resource == *resource).map(|(wish, _)| wish);
                    made.map(|wish| self.edit_new(wish, &edit.field, &said)).is_some()
                }
                FormGuest::Seen(vmid) => {
                    let observed = self.observed;
                    let held = self.wishes.iter().any(|wish| match wish {
                        Wish::Hold { guest, .. } => guest.vmid == *vmid,
                        Wish::Exist(_) | Wish::Once { .. } | Wish::Facility { .. } => false,
                    });
                    let seen = observed.numbered(*vmid).filter(|_| held);
                    seen.map(|seen| self.edit_seen(seen, &edit.field, &said)).is_some()
                }
            };
            if !is_about {
                let text = format!(
                    "{} was set in the form for a guest that this declaration is not about any more. Shall it be left out?",
                    edit.field
                );
                self.ask("edit", None, Doubt::new(text));
            }
        }
    }

    fn edit_new(&mut self, wish: usize, field: &FormField, said: &Sourced<Value>) {
        let Some(Wish::Exist(new)) = self.wishes.get(wish) else { return };
        let mut bare = (**new).clone();
        match (field, &said.value) {
            (FormField::Field(field), _) => {
                // What it said before is no bound: the guest is not made.
                bare.fields.remove(field);
                let subject = self.subject_made(&bare);
                let Some(value) = self.value(NOWHERE, field, bare.kind, said, &subject) else { return };
                self.fold(wish, |resolver, subject, fields| {
                    fields.insert(field.clone(), value);
                    if let Field::Nic(number, _) = field {
                        resolver.complete_nic(*number, subject, fields);
                    }
                    resolver.together(NOWHERE, subject, fields);
                });
            }
            (FormField::Node, Value::Text(node)) => {
                let node = self.node(NOWHERE, &Sourced::new(node.clone(), said.source.clone()));
                self.place(wish, |new| new.node = node);
            }
            (FormField::Vmid, Value::Count(number)) => {
                let number = u32::try_from(*number).unwrap_or(u32::MAX);
                let vmid = self.free_vmid(NOWHERE, &Sourced::new(number, said.source.clone()));
                self.place(wish, |new| new.vmid = vmid);
            }
            (FormField::Node | FormField::Vmid, _) => {}
        }
    }

    fn place(&mut self, wish: usize, change: impl FnOnce(&mut crate::intent::NewGuest)) {
        if let Some(Wish::Exist(new)) = self.wishes.get_mut(wish) {
            change(new);
        }
    }

    fn edit_seen(&mut self, seen: &'a Sighting, field: &FormField, said: &Sourced<Value>) {
        // A guest that exists is neither moved nor numbered anew by a form.
        let FormField::Field(field) = field else { return };
        let key = seen.guest.key();
        let mut subject = self.subject_seen(seen);
        let value = match field {
            Field::Firewall(part) => self.typed_firewall(NOWHERE, &subject, part, said),
            Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => {
                self.value(NOWHERE, field, subject.kind, said, &subject)
            }
        };
        let Some(value) = value else { return };
        for wish in &mut self.wishes {
            if let Wish::Hold { guest, fields } = wish
                && guest.key() == key
            {
                fields.remove(field);
                subject.fields.extend(fields.iter().map(|(field, said)| (field.clone(), said.value.clone())));
            }
        }
        let mut fields = Fields::from([(field.clone(), value)]);
        if let Field::Nic(number, _) = field {
            self.complete_nic(*number, &subject, &mut fields);
        }
        self.together(NOWHERE, &subject, &mut fields);
        self.hold(seen, fields);
        self.wishes.retain(|wish| !matches!(wish, Wish::Hold { fields, .. } if fields.is_empty()));
    }
}
