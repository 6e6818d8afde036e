//! From what was said of guests that exist to edits, with a question for what stays open.

use std::ops::Range;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef, Edit, EditField, LEAVE_OUT, Question, Sourced};

use crate::quantity;

use super::draft::{Context, MAX_OPTIONS};
use super::settle::{address_answered, cores_of_a_socket, shared_cores, storage_answered, unit_answered};
use crate::builtin::changing::change::disk_ref;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};

/// The edits that `items` say.
pub fn edits<'a>(
    context: &'a Context<'a>,
    items: &'a [Said<Item>],
    how: How,
    of_copy: bool,
    several: bool,
    questions: &mut Vec<Question>,
) -> Vec<Edit> {
    let sockets = items.iter().find_map(|item| match &item.value {
        Item::Plain(Plain::Sockets, Amount::To(sockets)) => Some(sockets),
        _ => None,
    });
    let mut edits = Edits { context, how, of_copy, several, sockets, questions, done: Vec::new() };
    for (at, item) in items.iter().enumerate() {
        let value = beside_cores(context, items, at).unwrap_or_else(|| item.value.clone());
        edits.add(&value, &item.tokens);
    }
    edits.done
}

/// The memory in “4 cores, 8 GB” and `4c/8g`: an amount alone behind cores, where nothing else is said of the memory.
fn beside_cores(context: &Context<'_>, items: &[Said<Item>], at: usize) -> Option<Item> {
    let Item::Bare(amount) = &items[at].value else { return None };
    let before = items.get(at.checked_sub(1)?)?;
    let Item::Plain(Plain::Cores, cores) = &before.value else { return None };
    let between = context.tokens.get(before.tokens.end..items[at].tokens.start)?;
    let joined = between.iter().all(|token| !token.is_content() || token.word == "and");
    let of_memory = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Memory, _) | Item::Bare(_));
    let alike = std::mem::discriminant(amount) == std::mem::discriminant(cores);
    let only = items.iter().filter(|item| of_memory(item)).count() == 1;
    (alike && joined && only).then(|| Item::Plain(Plain::Memory, amount.clone()))
}

/// Words that say whether something becomes more or less.
const UP: [&str; 10] =
    ["increase", "increased", "raise", "raised", "grow", "extend", "expand", "enlarge", "bump", "bumped"];
const DOWN: [&str; 7] = ["reduce", "reduced", "lower", "lowered", "decrease", "decreased", "shrink"];

/// Edits of which the words tell whether they go up or down: “increase the memory to 8 GB”.
pub fn in_its_direction(context: &Context<'_>, tokens: &Range<usize>, mut edits: Vec<Edit>) -> Vec<Edit> {
    let said = |words: &[&str]| context.tokens[tokens.clone()].iter().any(|token| words.contains(&token.word.as_str()));
    let (up, down) = (said(&UP), said(&DOWN));
    if up == down {
        return edits;
    }
    for edit in edits.iter_mut().filter(|edit| matches!(edit.field, EditField::Plain(_))) {
        if let Amount::To(value @ (Value::Count(_) | Value::Size(_))) = &edit.amount {
            let value = value.clone();
            edit.amount = if up { Amount::UpTo(value) } else { Amount::DownTo(value) };
        }
    }
    edits
}

struct Edits<'a, 'q> {
    context: &'a Context<'a>,
    how: How,
    /// Whether they say where a copy differs.
    of_copy: bool,
    /// Whether they are said of several guests.
    several: bool,
    /// The sockets that they say.
    sockets: Option<&'a Value>,
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
            Item::CoresInTotal(_) if self.several => self.questions.push(shared_cores(self.context, tokens)),
            Item::CoresInTotal(total) => {
                if let Some(cores) = cores_of_a_socket(self.context, *total, self.sockets, tokens, self.questions) {
                    self.push(EditField::Plain(Plain::Cores), Amount::To(cores), tokens);
                }
            }
            Item::Disk(disk) => self.disk(disk, tokens),
            Item::DiskPart(disk, part, amount) => self.disk_part(disk.as_ref(), *part, amount, tokens),
            Item::OnStorage(plain) => {
                if let Some(storage) = storage_answered(self.context, *plain, tokens, self.questions) {
                    let amount = Amount::To(storage.value);
                    self.done.push(Edit { field: EditField::Plain(*plain), amount, source: storage.source });
                }
            }
            Item::Nic { parts, fresh: true, .. } => self.new_nic(parts, tokens),
            Item::NicCount(number) => {
                let asked = self.questions.len();
                for _ in 0..*number {
                    self.new_nic(&[], tokens);
                    // One answer goes for all.
                    if self.questions.len() > asked {
                        break;
                    }
                }
            }
            Item::Nic { number: None, parts, .. }
                if self.how == How::Add && parts.iter().any(|(part, _)| *part == NicPart::Bridge) =>
            {
                let text =
                    format!("“{words}”: say “add a NIC on …” for a further one, or “move it to …”. Leave it out?");
                self.give_up(tokens, text);
            }
            Item::Nic { number, parts, .. } => {
                for (part, value) in parts {
                    self.nic_part(*number, *part, value, tokens);
                }
            }
            Item::Replug { number, part, from, to } => {
                self.push(EditField::Nic(*number, *part), Amount::FromTo(from.clone(), to.clone()), tokens);
            }
            Item::Address(address) => {
                if let Some(text) = address_answered(self.context, address, tokens, self.questions) {
                    self.push(EditField::Nic(None, NicPart::Ip), Amount::To(Value::Text(text)), tokens);
                }
            }
            // Nobody counts disk space in MB.
            Item::Bare(amount)
                if self.context.tokens[tokens.clone()]
                    .iter()
                    .any(|token| quantity::unit(&token.word) == Some(1 << 20)) =>
            {
                self.push(EditField::Plain(Plain::Memory), amount.clone(), tokens);
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
            Item::Firewall(part, amount) => self.push(EditField::Firewall(part.clone()), amount.clone(), tokens),
            Item::Several(items) => items.iter().for_each(|item| self.add(item, tokens)),
            Item::Storage(storage) if self.of_copy && self.done.is_empty() => {
                let storage = Amount::To(Value::Text(storage.clone()));
                self.push(EditField::Disk(DiskRef::Only, DiskPart::Storage), storage, tokens);
            }
            // The disk just added.
            Item::Storage(storage) if self.new_disk_storage(storage, tokens) => {}
            Item::EachNic(number, parts) => {
                let count = number.exactly();
                for (part, value) in parts {
                    self.push(EditField::EachNic(count, *part), Amount::To(value.clone()), tokens);
                }
            }
            Item::Storage(_)
            | Item::Node(_)
            | Item::Image(_)
            | Item::Vmid(_)
            | Item::Like(_)
            | Item::Same
            | Item::SameAs(_) => {
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
        if self.how == How::Remove && matches!(amount, Amount::To(_) | Amount::FromTo(..)) {
            let words = self.context.words(tokens);
            let text = format!("“{words}” cannot be taken away: say what shall be there instead. Leave it out?");
            return self.give_up(tokens, text);
        }
        self.done.push(Edit { field, amount, source: self.context.source(tokens) });
    }

    /// A part of the disk that was said, else of the one just spoken of, else of the only one.
    fn disk_part(&mut self, disk: Option<&DiskRef>, part: DiskPart, amount: &Amount, tokens: &Range<usize>) {
        let source = self.context.source(tokens);
        match (disk, self.done.last_mut(), amount) {
            (None, Some(Edit { field: EditField::NewDisk { parts, .. }, .. }), Amount::To(value)) => {
                parts.push((part, Sourced::new(value.clone(), source)));
            }
            (None, Some(Edit { field: EditField::Disk(last, _), .. }), _) => {
                let last = last.clone();
                self.push(EditField::Disk(last, part), amount.clone(), tokens);
            }
            (disk, ..) => {
                let disk = disk.cloned().unwrap_or(DiskRef::Only);
                self.push(EditField::Disk(disk, part), amount.clone(), tokens);
            }
        }
    }

    /// A part of the NIC that was said, else of the one just added, else of the only one.
    fn nic_part(&mut self, number: Option<u8>, part: NicPart, value: &Value, tokens: &Range<usize>) {
        let source = self.context.source(tokens);
        match (number, self.done.last_mut()) {
            (None, Some(Edit { field: EditField::NewNic { parts }, .. })) => {
                parts.push((part, Sourced::new(value.clone(), source)));
            }
            (None, Some(Edit { field: EditField::Nic(last, _), .. })) => {
                let last = *last;
                self.push(EditField::Nic(last, part), Amount::To(value.clone()), tokens);
            }
            (number, _) => self.push(EditField::Nic(number, part), Amount::To(value.clone()), tokens),
        }
    }

    fn new_nic(&mut self, parts: &[(NicPart, Value)], tokens: &Range<usize>) {
        let bridge = parts.iter().find(|(part, _)| *part == NicPart::Bridge).map(|(_, bridge)| bridge.clone());
        let bridge = match (bridge, self.context.answer("bridge", tokens)) {
            (Some(bridge), _) => bridge,
            (None, Some(answer)) if !answer.trim().is_empty() => Value::Text(answer.trim().to_owned()),
            _ => {
                let bridges: Vec<&str> =
                    self.context.inventory.bridges.iter().map(String::as_str).take(MAX_OPTIONS).collect();
                let text = format!("“{}”: on which bridge?", self.context.words(tokens));
                return self.questions.push(self.context.question("bridge", tokens, text, &bridges));
            }
        };
        let parts = parts
            .iter()
            .filter(|(part, _)| *part != NicPart::Bridge)
            .map(|(part, value)| (*part, self.context.said(value.clone(), tokens)))
            .collect();
        self.push(EditField::NewNic { parts }, Amount::To(bridge), tokens);
    }

    /// Whether a storage is that of the disk just added, which has none yet.
    fn new_disk_storage(&mut self, name: &str, tokens: &Range<usize>) -> bool {
        let said = self.context.said(name.to_owned(), tokens);
        match self.done.last_mut() {
            Some(Edit { field: EditField::NewDisk { storage: storage @ None, .. }, .. }) => {
                *storage = Some(said);
                true
            }
            _ => false,
        }
    }

    fn disk(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        let sized = |size: DiskRef| EditField::Disk(size, DiskPart::Size);
        match (&disk.which, &disk.amount, self.how) {
            (Which::One, Amount::To(_), How::Add)
            | (Which::Further | Which::Added, Amount::To(_), How::Add | How::Give) => {
                self.new_disk(disk, tokens);
            }
            (Which::The(_) | Which::System, amount, How::Set | How::More | How::Less | How::Add | How::Remove)
            | (
                Which::Mass,
                amount @ (Amount::FromTo(..)
                | Amount::Plus(_)
                | Amount::Minus(_)
                | Amount::Times(_)
                | Amount::Over(_)
                | Amount::PerCent(_)),
                _,
            ) if disk.storage.is_none() => {
                if let Some(which) = disk_ref(&disk.which) {
                    self.push(sized(which), amount.clone(), tokens);
                    self.other_parts(disk, tokens);
                }
            }
            // There is one system disk, and never a further one.
            (Which::System, amount, How::Give) if disk.storage.is_none() => {
                self.push(sized(DiskRef::Nth(1)), amount.clone(), tokens);
                self.other_parts(disk, tokens);
            }
            (Which::The(which), amount, How::Give) if disk.storage.is_none() => {
                self.push(sized(which.clone()), amount.clone(), tokens);
                self.other_parts(disk, tokens);
            }
            _ => self.unclear(disk, tokens),
        }
    }

    fn new_disk(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        for _ in 0..disk.times {
            let storage =
                disk.storage.as_ref().map(|storage| self.context.said(storage.value.clone(), &storage.tokens));
            self.push(EditField::NewDisk { storage, parts: Vec::new() }, disk.amount.clone(), tokens);
            self.other_parts(disk, tokens);
        }
    }

    fn other_parts(&mut self, disk: &DiskItem, tokens: &Range<usize>) {
        for (part, value) in &disk.parts {
            self.disk_part(None, *part, &Amount::To(value.clone()), tokens);
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
