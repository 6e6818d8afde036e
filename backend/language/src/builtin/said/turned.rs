//! Values before their fields: “9.9.9.9 as its DNS server”, “the q35 machine type”, “500 CPU units”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};

use super::fields::Named;
use super::item::{How, Item, Said, Which};
use super::named::Noun;
use crate::builtin::Parser;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

/// The most tokens of a value before “as its memory”.
const MAX_VALUE: usize = 6;

/// The most tokens of a value before its field: “2 GB”.
const LONGEST: usize = 2;

impl Parser<'_> {
    /// “9.9.9.9 as its DNS server”, “12 GB as memory”, “"main db" as description”.
    pub fn value_as(&mut self) -> Option<Item> {
        self.any(words!("use|using|with"));
        let start = self.at;
        let mut words = (1..=MAX_VALUE).map_while(|ahead| self.peek(ahead).map(|token| (ahead, token.word == "as")));
        let ends = words.find(|(_, is)| *is)?.0 + start;
        self.at = ends + 1;
        self.articles();
        // A size as a disk may be another one.
        let noun = self.noun().filter(|noun| !matches!(noun, Noun::Disk(..)))?;
        self.exactly_before(&noun, start..ends)
    }

    /// “the q35 machine type”, “500 CPU units”, “2 GB minimum memory”: where the shape of the value tells that it is one.
    pub fn value_before(&mut self) -> Option<Item> {
        self.peek(1)?;
        let at = self.at;
        (1..=LONGEST).find_map(|length| {
            self.attempt(|p| {
                p.at = at + length;
                // Most words name no field: it must cost nothing there.
                // In “8 GB RAM, ballooning …” the size is of the RAM.
                (p.field_length() > 0 && !matches!(p.word(), "ram" | "memory")).then_some(())?;
                let noun = p.noun().filter(|noun| !noun.is_counted() || matches!(noun, Noun::Plain(Plain::CpuType)))?;
                let told = matches!(
                    noun.named()?.shape(),
                    Shape::Choice(_)
                        | Shape::Count { .. }
                        | Shape::Decimal { .. }
                        | Shape::Size { .. }
                        | Shape::Machine
                        | Shape::Timezone
                );
                told.then_some(())?;
                p.exactly_before(&noun, at..at + length)
            })
        })
    }

    /// The value of `noun` that these tokens are, no more and no less.
    fn exactly_before(&mut self, noun: &Noun, tokens: std::ops::Range<usize>) -> Option<Item> {
        let (at, end) = (self.at, self.end);
        let value = self.exactly(tokens, |p| p.value(noun, Amount::To));
        (self.at, self.end) = (at, end);
        value
    }

    /// “number 3 in the startup order”, “third in the startup order”, “order 3 at startup”.
    pub fn in_the_startup_order(&mut self) -> Option<Item> {
        let nth = if self.any(words!("order")) {
            let nth = self.number()?;
            self.any(words!("at startup|at boot")).then_some(nth)?
        } else {
            self.any(words!("as"));
            let nth = if self.any(words!("number")) { self.number()? } else { u64::from(self.ordinal()?) };
            self.any(words!("in the startup order|in the start order|in startup order|in start order"))
                .then_some(nth)?
        };
        Some(Item::Plain(Plain::StartupOrder, Amount::To(Value::Count(nth))))
    }

    /// “the second one on local”, “the first with discard”: one of the disks that were just described in this order.
    pub fn one_of_its_disks(&mut self) -> Option<Item> {
        let nth = if self.any(words!("the latter|the last one|the last|the other one|the other")) {
            None
        } else {
            self.any(words!("the"));
            let nth = self.ordinal()?;
            self.any(words!("disk|one"));
            Some(nth)
        };
        let disks = u8::try_from(self.disks_in_order()?).ok()?;
        let nth = nth.unwrap_or(disks);
        (nth <= disks).then_some(())?;
        self.any(words!("should be|is|goes|with"));
        let item = self.attempt(Self::place).or_else(|| self.attempt(|p| p.stated(How::Create))).or_else(|| {
            self.any(words!("without backups|without backup|no backups|no backup")).then_some(Item::DiskPart(
                None,
                DiskPart::Backup,
                Amount::To(Value::Flag(false)),
            ))
        })?;
        let (part, amount) = match item {
            Item::Storage(storage) => (DiskPart::Storage, Amount::To(Value::Text(storage))),
            Item::DiskPart(None, part, amount) => (part, amount),
            _ => return None,
        };
        self.at_boundary().then_some(Item::DiskPart(Some(DiskRef::Nth(nth)), part, amount))
    }

    /// How many disks the new guest has, where there are several and they were said in the order in which they are made.
    pub fn disks_in_order(&self) -> Option<usize> {
        let group = self.group().filter(|group| group.members.len() < 2)?;
        let (mut last, mut count) = ((false, false), 0);
        let mut visit = |item: &Item| {
            let Item::Disk(disk) = item else { return Some(()) };
            let place = (disk.which == Which::Further, disk.which != Which::System);
            let apart =
                matches!(disk.which, Which::The(_)) || disk.parts.iter().any(|(part, _)| *part == DiskPart::Mount);
            (!apart && (place >= last || count == 0)).then_some(())?;
            (last, count) = (place, count + usize::try_from(disk.times).ok()?);
            Some(())
        };
        for (_, said) in &group.items {
            match &said.value {
                Item::Several(items) => items.iter().try_for_each(&mut visit)?,
                item => visit(item)?,
            }
        }
        (count > 1).then_some(count)
    }

    /// “on 2 sockets”
    pub fn on_sockets(&mut self) -> Option<Item> {
        self.any(words!("on|over")).then_some(())?;
        let sockets = self.number().filter(|sockets| *sockets > 0)?;
        self.any(words!("cpu sockets|sockets|cpu socket|socket"))
            .then_some(Item::Plain(Plain::Sockets, Amount::To(Value::Count(sockets))))
    }

    /// “put "main db" in the notes”, “describe it as "main db"”
    pub fn noted(&mut self) -> Option<Item> {
        if self.word() == "describe" && self.word_ahead(1) == "it" && self.word_ahead(2) == "as" {
            self.at += 3;
            let text = self.free_text(false)?;
            return Some(Item::Plain(Plain::Description, Amount::To(Value::Text(text))));
        }
        self.any(words!("put|write")).then_some(())?;
        let text = self.peek(0).filter(|token| token.kind == TokenKind::Quoted)?.text.clone();
        self.at += 1;
        self.any(words!("in|into|as")).then_some(())?;
        self.articles();
        self.any(words!("description|notes|note|comment"))
            .then_some(Item::Plain(Plain::Description, Amount::To(Value::Text(text.to_string()))))
    }

    /// “limited to 20 MB/s”, behind a NIC.
    pub fn rate_of_a_nic(&mut self) -> Option<Item> {
        (self.any(words!("limited to|limited at|capped at|capped to"))
            || self.verb(words!("no more than|not more than|at most|at max|max")))
        .then_some(())?;
        self.spoke_of_a_nic().then_some(())?;
        let rate = self.shaped(Named::Nic(NicPart::Rate))?;
        self.at_boundary().then(|| Item::nic(NicPart::Rate, rate))
    }

    /// “its disk on local”, “the disks should be on tank”: where what was described is, or will be.
    pub fn disks_are_on(&mut self) -> Option<Item> {
        self.verb(words!("with|put|store|place"));
        let all = self.any(words!("all its|all the|all"));
        self.any(words!("the|its|their"));
        if !self.any(super::disks::DISKS) {
            return None;
        }
        let several = all || self.last_word().ends_with('s');
        self.any(words!("should be stored|should be placed|should be|shall be|must be|should go|is stored|is to be|is|are|goes|go|lives|stored"));
        (self.word() == "on" || self.word() == "to").then_some(())?;
        let Item::Storage(storage) = self.place()? else { return None };
        // Of several disks one may be meant.
        (several || self.disks_described() < 2).then_some(Item::Storage(storage))
    }

    /// How many disks were said of the new guest.
    fn disks_described(&self) -> usize {
        let count = |item: &Item| match item {
            Item::Several(items) => items.iter().filter(|item| item.is_disk()).count(),
            Item::Disk(disk) => usize::try_from(disk.times).unwrap_or(usize::MAX),
            _ => 0,
        };
        self.group().map_or(0, |group| group.items.iter().map(|(_, Said { value, .. })| count(value)).sum())
    }
}
