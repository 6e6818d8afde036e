//! From what was said of guests that exist to edits, with a question for what stays open.

use std::ops::Range;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef, Edit, EditField, LEAVE_OUT, Question};

use super::change::disk_ref;
use super::describe::{address_answered, unit_answered};
use super::draft::Context;
use super::item::{DiskItem, How, Item, Said, Which};

/// The edits that `items` say.
pub fn edits(context: &Context<'_>, items: &[Said<Item>], how: How, questions: &mut Vec<Question>) -> Vec<Edit> {
    let mut edits = Edits { context, how, questions, done: Vec::new() };
    for item in items {
        edits.add(&item.value, &item.tokens);
    }
    edits.done
}

struct Edits<'a, 'q> {
    context: &'a Context<'a>,
    how: How,
    questions: &'q mut Vec<Question>,
    done: Vec<Edit>,
}

impl Edits<'_, '_> {
    fn add(&mut self, item: &Item, tokens: &Range<usize>) {
        let words = self.context.words(tokens);
        match item {
            Item::Plain(plain, amount) => self.push(EditField::Plain(*plain), amount.clone(), tokens),
            Item::Unitless(plain, number) => {
                if let Some(size) = unit_answered(self.context, *number, tokens, self.questions) {
                    self.push(EditField::Plain(*plain), Amount::To(Value::Size(size)), tokens);
                }
            }
            Item::Disk(disk) => self.disk(disk, tokens),
            Item::Nic { parts, fresh }
                if *fresh || self.how == How::Add && parts.iter().any(|(part, _)| *part == NicPart::Bridge) =>
            {
                let text =
                    format!("“{words}”: MycoPod changes the NICs that a guest has, and adds none. Leave it out?");
                self.give_up(tokens, text);
            }
            Item::Nic { parts, .. } => {
                for (part, value) in parts {
                    self.push(EditField::Nic(None, *part), Amount::To(value.clone()), tokens);
                }
            }
            Item::Address(address) => {
                if let Some(text) = address_answered(self.context, address, tokens, self.questions) {
                    self.push(EditField::Nic(None, NicPart::Ip), Amount::To(Value::Text(text)), tokens);
                }
            }
            Item::Bare(amount) => match self.context.answer("amount", tokens) {
                Some("memory") => self.push(EditField::Plain(Plain::Memory), amount.clone(), tokens),
                Some("disk") => self.push(EditField::Disk(DiskRef::Only, DiskPart::Size), amount.clone(), tokens),
                _ => self.questions.push(self.context.question(
                    "amount",
                    tokens,
                    format!("“{words}” of what: memory, or disk?"),
                    &["memory", "disk"],
                )),
            },
            Item::Several(items) => items.iter().for_each(|item| self.add(item, tokens)),
            Item::NicCount(_) | Item::Storage(_) | Item::Node(_) | Item::Image(_) => {
                let text = format!("“{words}” cannot be changed on a guest that exists. Leave it out?");
                self.give_up(tokens, text);
            }
        }
    }

    /// Asks to leave out words that say what cannot be done.
    fn give_up(&mut self, tokens: &Range<usize>, text: String) {
        if self.context.answer("unread", tokens) != Some(LEAVE_OUT) {
            self.questions.push(self.context.question("unread", tokens, text, &[LEAVE_OUT]));
        }
    }

    fn push(&mut self, field: EditField, amount: Amount, tokens: &Range<usize>) {
        // “remove VLAN 30” takes away; to set it would be the contrary.
        if self.how == How::Remove && matches!(amount, Amount::To(_)) {
            let words = self.context.words(tokens);
            let text = format!("“{words}” cannot be taken away: say what shall be there instead. Leave it out?");
            return self.give_up(tokens, text);
        }
        self.done.push(Edit { field, amount, source: self.context.source(tokens) });
    }

    fn disk(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        let sized = |size: DiskRef| EditField::Disk(size, DiskPart::Size);
        match (&disk.which, &disk.amount, self.how) {
            (Which::One, Amount::To(_), How::Add) | (Which::Further, Amount::To(_), How::Add | How::Give) => {
                self.new_disk(disk, tokens);
            }
            (Which::The(_) | Which::System, amount, How::Set | How::More | How::Less | How::Add | How::Remove)
            | (Which::Mass, amount @ (Amount::Plus(_) | Amount::Minus(_) | Amount::Times(_) | Amount::Over(_)), _)
                if disk.storage.is_none() =>
            {
                if let Some(which) = disk_ref(&disk.which) {
                    self.push(sized(which), amount.clone(), tokens);
                }
            }
            (Which::The(which), amount, How::Give) if disk.storage.is_none() => {
                self.push(sized(which.clone()), amount.clone(), tokens);
            }
            _ => self.unclear(disk, tokens),
        }
    }

    fn new_disk(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        for _ in 0..disk.times {
            let storage =
                disk.storage.as_ref().map(|storage| self.context.said(storage.value.clone(), &storage.tokens));
            self.push(EditField::NewDisk { storage, parts: Vec::new() }, disk.amount.clone(), tokens);
        }
    }

    /// “web-01 gets a 60 GB disk”: another one, or is it to grow?
    fn unclear(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        let Amount::To(Value::Size(size)) = &disk.amount else {
            let text = format!("“{}”: which disk, and to what size?", self.context.words(tokens));
            self.questions.push(self.context.question("new-disk", tokens, text, &[]));
            return;
        };
        let (new, grown) = (format!("A further disk of {size}"), format!("Its disk grows to {size}"));
        match self.context.answer("new-disk", tokens) {
            Some(answer) if answer == new => self.new_disk(disk, tokens),
            Some(answer) if answer == grown => {
                self.push(EditField::Disk(DiskRef::Only, DiskPart::Size), disk.amount.clone(), tokens);
            }
            _ => {
                let text = format!("“{}”: a further disk, or shall the one it has grow?", self.context.words(tokens));
                self.questions.push(self.context.question("new-disk", tokens, text, &[&new, &grown]));
            }
        }
    }
}
