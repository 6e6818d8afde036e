//! Fields that are switched or said in one: “nesting on”, “no ballooning”, “with a TPM”, “UEFI”, “enable discard”.

use mycopod_core::field::{DiskPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};

use crate::lexer::TokenKind;

use super::fields::{self, Named};
use super::item::{How, Item};
use super::named::Noun;
use super::nic::NicRef;
use crate::builtin::Parser;
use crate::builtin::changing::change::disk_ref;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// A field that is switched or said in one: “nesting on”, “no ballooning”, “with a TPM”, “UEFI”, “enable discard”.
    pub fn stated(&mut self, how: How) -> Option<Item> {
        self.any(words!("to be|be|is|are"));
        if let Some((length, (named, said))) = fields::phrase(|ahead| self.word_ahead(ahead)) {
            self.at += length;
            // “virtio-scsi-single as scsi controller”
            self.attempt(|p| {
                p.any(words!("as the|as its|as a|as"));
                p.noun().filter(|noun| noun.named() == Some(named)).map(|_| ())
            });
            self.attempt(|p| (p.any(words!("enabled")) && p.at_boundary()).then_some(()));
            return match named {
                Named::Plain(plain) => Some(Item::Plain(plain, Amount::To(said.value()))),
                Named::Disk(part) => Some(Item::DiskPart(None, part, Amount::To(said.value()))),
                Named::Nic(part) => Some(Item::nic(part, said.value())),
                Named::Node => None,
            };
        }
        if self.any(words!("features|feature")) {
            let _ = self.mark(':') || self.mark('=');
        }
        // “600 GB at /srv without backup”
        let at_once = self
            .group()
            .and_then(|group| group.items.last())
            .is_some_and(|(_, item)| item.value.is_disk() && item.tokens.end == self.at);
        let prefix = self.prefix();
        self.articles();
        self.any(words!("any"));
        let noun = self.noun().filter(|noun| !noun.is_counted())?;
        self.any(words!("feature"));
        let flag = noun.named()?.shape() == Shape::Flag;
        let last = self.last_word().to_owned();
        let explicit = self.attempt(|p| {
            let sign = p.assigns() || p.any(words!("to be|set to|to|is"));
            let value = if flag { p.yes_or_no()? } else { p.on_or_off()? };
            let whom = |p: &Self| p.peek(0).is_some_and(|token| p.inventory.guests.contains_key(token.text.as_str()));
            let on_whom = prefix.is_none() && matches!(how, How::Give | How::Set) && p.last_word() == "on" && whom(p);
            (sign
                || on_whom
                || p.at_boundary()
                || matches!(p.word(), "for" | "of" | "to" | "with" | "from" | "on" | "in"))
            .then_some(value)
        });
        let on = match (prefix, explicit) {
            (Some(_), Some(_)) => return None,
            (Some(on), None) => {
                if !on {
                    self.at_all();
                }
                let ends = self.at_boundary()
                    || matches!(self.word(), "to" | "for" | "on" | "of" | "from" | "in" | "anymore" | "any")
                    || how == How::Create && matches!(self.word(), "with" | "called" | "named");
                let files = noun == Noun::DiskPart(None, DiskPart::Backup);
                (ends && (!files || !on && (self.in_brackets_of_a_disk() || at_once))).then_some(on)?
            }
            (None, Some(on)) => on,
            // “40 GB SSD” is a disk of another make, “backup” and “firewall” are more than a flag.
            (None, None) if last == "ssd" && self.in_brackets_of_a_disk() && self.at_boundary() => true,
            (None, None) if matches!(last.as_str(), "ssd" | "backup" | "backups") => return None,
            (None, None) => {
                let of_part = |p: &mut Self| {
                    p.any(words!("of|on|for")).then_some(())?;
                    p.attempt(Self::whole_disk).map(|_| ()).or_else(|| p.nic_ref().map(|_| ()))
                };
                // “iothread for scsi0 of web-01”
                let placed = matches!(noun, Noun::DiskPart(Some(_), _) | Noun::Nic(Some(_), _));
                let ends = self.at_boundary()
                    || matches!(how, How::Give | How::Set) && placed && matches!(self.word(), "of" | "on" | "for")
                    || matches!(how, How::Add | How::Give) && self.word() == "to"
                    || how == How::Give && (flag || noun == Noun::Plain(Plain::Ha)) && self.word() == "for"
                    || matches!(how, How::Give | How::Create | How::Set) && self.ahead(of_part)
                    || self.ahead(|p| (p.any(words!("for now|at first")) && p.at_boundary()).then_some(()));
                ends.then_some(true)?
            }
        };
        self.of_which(noun).switched(on)
    }

    /// “… on for scsi1”, “… off on net1”: the disk or NIC behind the value.
    pub fn of_which(&mut self, noun: Noun) -> Noun {
        match noun {
            Noun::DiskPart(None, part) => {
                let disk = self.attempt(|p| {
                    p.any(words!("of|on|for")).then_some(())?;
                    let (which, plural) = p.whole_disk()?;
                    disk_ref(&which).filter(|_| !plural)
                });
                Noun::DiskPart(disk, part)
            }
            Noun::Nic(None, part) => {
                let nic = self.attempt(|p| if p.any(words!("of|on|for|from")) { p.nic_ref() } else { None });
                Noun::Nic(nic.and_then(|NicRef(number)| number), part)
            }
            noun => noun,
        }
    }

    /// “iothread on for scsi0 and scsi1”: the same part of further disks.
    pub fn on_more_disks(&mut self, item: Item) -> Item {
        let Item::DiskPart(Some(DiskRef::Slot(_)), part, amount) = &item else { return item };
        let mut items = vec![item.clone()];
        while let Some(disk) = self.attempt(|p| {
            p.joint().then_some(())?;
            let slot = DiskRef::Slot(p.slot()?);
            p.at_boundary().then_some(slot)
        }) {
            items.push(Item::DiskPart(Some(disk), *part, amount.clone()));
        }
        if items.len() > 1 { Item::Several(items) } else { item }
    }

    /// “TPM and EFI disk on local-lvm”: small volumes in a row, and where they are.
    pub fn volumes_together(&mut self) -> Option<Item> {
        self.any(words!("with"));
        let volume = |p: &mut Self| {
            p.articles();
            match p.noun()? {
                Noun::Plain(plain) if Named::Plain(plain).is_volume() => Some(plain),
                _ => None,
            }
        };
        let mut volumes = vec![volume(self)?];
        while let Some(next) = self.attempt(|p| {
            p.joint().then_some(())?;
            volume(p)
        }) {
            volumes.push(next);
        }
        self.any(words!("both"));
        (volumes.len() > 1 && self.any(words!("on"))).then_some(())?;
        self.any(words!("the storage|storage"));
        let storage = self.name()?;
        let item = |plain| Item::Plain(plain, Amount::To(Value::Text(storage.clone())));
        Some(Item::Several(volumes.into_iter().map(item).collect()))
    }

    /// “…, both on local-lvm”, behind as many disks.
    pub fn all_disks_on(&mut self) -> Option<Item> {
        // Of two guests “both” may be the guests.
        let group = self.group().filter(|group| group.members.len() < 2 && !group.plural)?;
        let count = |item: &Item| match item {
            Item::Disk(disk) => usize::try_from(disk.times).unwrap_or(usize::MAX),
            Item::Several(items) if item.is_disk() => items.len(),
            _ => 0,
        };
        let disks: usize = group.items.iter().map(|(_, item)| count(&item.value)).sum();
        let said = if self.any(words!("both")) { disks == 2 } else { self.any(words!("all three|all")) && disks > 2 };
        self.any(words!("of them|of the disks|disks|drives|volumes"));
        (said && self.word() == "on").then_some(())?;
        self.place().filter(|place| matches!(place, Item::Storage(_)))
    }

    /// “Windows 11 as os type”, “l26 os type”: a value before its field.
    pub fn os_type_behind(&mut self) -> Option<Item> {
        let value = self.shaped(Named::Plain(Plain::OsType))?;
        self.any(words!("as"));
        self.any(words!("guest os type|os type|ostype")).then_some(Item::Plain(Plain::OsType, Amount::To(value)))
    }

    /// “in pool prod”, “in the prod pool”.
    pub fn pool(&mut self) -> Option<Item> {
        if let Some(pool) = self.attempt(Self::in_the_new_pool) {
            return Some(pool);
        }
        self.any(words!("to be|be|is|are"));
        self.verb(words!(
            "belongs in|belong in|goes in|go in|goes into|go into|a member of|member of|part of|belong to|belongs to|belonging to|joins|join|in|into|for|to"
        ))
        .then_some(())?;
        self.any(words!("the"));
        let name = if self.any(words!("resource pool|pool")) {
            self.any(words!("called|named"));
            self.pool_name()?.value
        } else {
            let into = matches!(self.last_word(), "in" | "into" | "to" | "joins" | "join" | "the");
            let name = self.name()?;
            (self.any(words!("resource pool|pool")) || into && self.is_a_pool(&name)).then_some(name)?
        };
        Some(Item::Plain(Plain::Pool, Amount::To(Value::Text(name))))
    }

    /// Whether brackets are open behind a disk that was just described: “a 10 GB disk (ssd, discard)”.
    fn in_brackets_of_a_disk(&self) -> bool {
        let disk = self.group().and_then(|group| group.items.iter().rev().find(|(_, item)| item.value.is_disk()));
        disk.is_some_and(|(_, disk)| {
            let marks = || self.tokens[disk.tokens.start..self.at].iter().rev().map(|token| token.kind);
            let opened = marks().position(|kind| kind == TokenKind::Mark('('));
            let closed = marks().position(|kind| kind == TokenKind::Mark(')'));
            opened.is_some_and(|opened| closed.is_none_or(|closed| opened < closed))
        })
    }

    /// “enable” or “no” before a field.
    pub fn prefix(&mut self) -> Option<bool> {
        if self.any(words!("enable|activate|turn on|switch on")) {
            return Some(true);
        }
        self.any(words!("disable|deactivate|turn off|switch off|do not use|don't use|no|without")).then_some(false)
    }

    pub fn on_or_off(&mut self) -> Option<bool> {
        if self.any(words!("on|enabled|active|switched on|turned on|activated")) {
            return Some(true);
        }
        self.any(words!("off|disabled|switched off|turned off|deactivated")).then_some(false)
    }

    /// Fields in a row that can be switched: “nesting and keyctl”, “discard and ssd emulation on scsi1”.
    pub fn switches(&mut self, on: bool) -> Option<Vec<Item>> {
        let switch = |p: &mut Self| {
            p.noun().filter(|noun| {
                // “backups” without a disk are more than a flag.
                !noun.is_counted() && *noun != Noun::DiskPart(None, DiskPart::Backup)
                    || matches!(noun, Noun::Plain(Plain::OnBoot | Plain::Protection | Plain::Unprivileged))
                    || !on && *noun == Noun::Plain(Plain::Swap)
            })
        };
        let mut nouns = vec![switch(self)?];
        while let Some(next) = self.attempt(|p| {
            p.joint().then_some(())?;
            switch(p)
        }) {
            nouns.push(next);
        }
        // “… on scsi1” is said of all of them.
        let (disk, nic) = match nouns.last() {
            Some(Noun::DiskPart(disk, _)) => (disk.clone(), None),
            Some(Noun::Nic(number, _)) => (None, *number),
            _ => (None, None),
        };
        let owned = |noun: Noun| match noun {
            Noun::DiskPart(None, part) => Noun::DiskPart(disk.clone(), part),
            Noun::Nic(None, part) => Noun::Nic(nic, part),
            noun => noun,
        };
        nouns.into_iter().map(|noun| owned(noun).switched(on)).collect()
    }

    /// A volume that says by itself what it is for: “with local:iso/debian.iso”, “from local:import/noble.qcow2”, “debian-12.iso in the CD
    /// drive”.
    pub fn volume_alone(&mut self) -> Option<Item> {
        self.any(words!("with|from|mount|insert|attach|put|use"));
        self.articles();
        self.any(words!("iso image|iso file|iso|cd"));
        let volume = match self.attempt(Self::iso_by_name) {
            Some(volume) => volume,
            None => self.token(|text| text.contains(":import/") || text.contains(":iso/"))?,
        };
        let value = Amount::To(Value::Text(volume.clone()));
        if volume.contains(":import/") {
            return Some(Item::DiskPart(None, DiskPart::Import, value));
        }
        let loaded = matches!(self.word(), "mounted" | "inserted");
        self.at += usize::from(loaded);
        if !(loaded || self.any(words!("as a cd|as cd-rom|as cd|attached"))) {
            self.attempt(|p| {
                p.any(words!("in|into")).then_some(())?;
                p.articles();
                p.any(words!("cd-rom drive|cd-rom|cd drive|dvd drive|cdrom drive|drive|cdrom|dvd|cd")).then_some(())
            });
        }
        Some(Item::Plain(Plain::Cdrom, value))
    }
}
