//! Disks that are counted before each is described: “three disks: 20 GB for the system, 80 GB for the database”, “two disks on tank,
//! 40 GB and 160 GB”; and what is said of the rest of them.

use mycopod_core::field::{DiskPart, Value};
use mycopod_core::reading::{Amount, DiskRef};

use super::disks::DISKS;
use super::item::{DiskItem, Item, Said, Which};
use crate::builtin::Parser;
use crate::builtin::asides::words::{sort, sort_of};
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;
use crate::vocabulary;

/// The most disks that one phrase lists.
const MAX_COUNTED: u64 = 8;

impl Parser<'_> {
    /// So many disks of a new guest, and the size of each.
    pub fn counted_disks(&mut self) -> Option<Item> {
        let times = self.number().filter(|times| (2..=MAX_COUNTED).contains(times))?;
        self.any(words!("virtual|data"));
        let data = self.last_word() == "data";
        (self.any(DISKS) && self.last_word().ends_with('s') && !self.last_word().ends_with("fs")).then_some(())?;
        let storage = self.storage_of_disk();
        (self.mark(':') || self.mark(',') || self.mark('(') || self.mark('–') || self.mark('—')).then_some(())?;
        // “two disks, 20 GB each”
        if let Some(disk) = self.attempt(|p| {
            let size = Value::Size(p.quantity()?);
            p.verb(words!("each|apiece|per disk")).then_some(())?;
            let which = if data { Which::Further } else { Which::One };
            let own = p.storage_of_disk().or_else(|| storage.clone());
            let disk = DiskItem { times, storage: own, ..DiskItem::sized(Amount::To(size), which) };
            p.at_boundary().then_some(Item::Disk(disk))
        }) {
            return Some(disk);
        }
        let mut disks = Vec::new();
        for nth in 0..times {
            if nth > 0 {
                self.joint().then_some(())?;
            }
            disks.push(self.one_of_the_counted(storage.as_ref(), data)?);
        }
        // “two disks: 20 GB and 50 GB RAM”
        self.at_boundary().then_some(Item::Several(disks))
    }

    /// “80 GB for the database on tank”
    fn one_of_the_counted(&mut self, storage: Option<&Said<String>>, data: bool) -> Option<Item> {
        let size = Value::Size(self.quantity()?);
        let before = self.storage_of_disk();
        let role = self.purpose();
        if role.is_none() {
            self.attempt(Self::for_what_it_holds);
        }
        let which = role.unwrap_or(if data { Which::Further } else { Which::One });
        let own = before.or_else(|| self.storage_of_disk());
        let disk = DiskItem::sized(Amount::To(size), which);
        Some(Item::Disk(DiskItem { storage: own.or_else(|| storage.cloned()), ..disk }))
    }

    /// “for the database”, “for chunks”: what a disk holds, which says nothing more of it.
    fn for_what_it_holds(&mut self) -> Option<()> {
        const MOST: usize = 3;
        let start = self.at;
        self.any(words!("for")).then_some(())?;
        self.any(words!("the|our|my"));
        let from = self.at;
        while self.at < from + MOST
            && self.peek(0).is_some_and(|token| {
                let known = sort_of(token) & sort::NOUNS != 0
                    || ["database", "databases", "db", "logs", "backups", "images", "image", "media"]
                        .contains(&token.word.as_str());
                token.kind == TokenKind::Word
                    && (known
                        || vocabulary::class(&token.word).is_none() && token.text.chars().all(char::is_alphabetic))
            })
            && !self.is_place(self.at)
        {
            self.at += 1;
        }
        (self.at > from && self.at_boundary()).then(|| self.asides.push(start..self.at))
    }

    /// “the other two on local-lvm”: those of its disks of which nobody said where they are, behind one of which it was said.
    pub fn rest_of_its_disks(&mut self) -> Option<Item> {
        let told: Vec<u8> = self
            .group()?
            .items
            .iter()
            .filter_map(|(_, item)| match item.value {
                Item::DiskPart(Some(DiskRef::Nth(nth)), DiskPart::Storage, _) => Some(nth),
                _ => None,
            })
            .collect();
        (!told.is_empty() && self.any(words!("the"))).then_some(())?;
        let two = self.any(words!("other two"));
        let others = two || self.verb(words!("other disks|other ones|others|rest"));
        let disks = u8::try_from(self.disks_in_order()?).ok()?;
        let rest: Vec<u8> = (1..=disks).filter(|nth| !told.contains(nth)).collect();
        (others && (!two || rest.len() == 2) && rest.len() > 1).then_some(())?;
        self.verb(words!("should be|go|goes|is|are|live|lives"));
        let Item::Storage(storage) = self.place()? else { return None };
        let part =
            |nth| Item::DiskPart(Some(DiskRef::Nth(nth)), DiskPart::Storage, Amount::To(Value::Text(storage.clone())));
        self.at_boundary().then(|| Item::Several(rest.into_iter().map(part).collect()))
    }
}
