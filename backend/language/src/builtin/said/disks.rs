//! Disks: “two disks of 50 GB”, “a 40 GB disk on tank”, “a 10 GB and a 20 GB disk”.

use mycopod_core::field::{DiskPart, Plain, Value};
use mycopod_core::reading::Amount;
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;

use super::amount::MAX_ALIKE;
use super::fields::Named;
use super::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::Parser;
use crate::builtin::making::head::OfMember;
use crate::builtin::wordings::{Wordings, words};

/// The nouns for a disk.
pub const DISKS: &Wordings = words!(
    "hard disks|hard disk|hard drives|hard drive|disks|disk|disc|drives|drive|volumes|volume|\
    hdds|hdd|vdisks|vdisk|vhdd|rootfs|root fs|fs|mount points|mount point"
);

/// How many things a phrase says.
fn number_of(item: &Item) -> u64 {
    match item {
        Item::Several(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        _ => 1,
    }
}

impl Parser<'_> {
    /// “a 40 GB disk”, “two disks of 50 GB”, “another disk of 1 TB”, “2 x 50 GB data disks”.
    pub fn disks(&mut self, how: How, counted: bool, more: bool) -> Option<Item> {
        // In “another one of 50 GB” no number stands; in “one 50 GB disk” one does.
        let counts = |p: &mut Self| {
            p.any(words!("one")).then_some(())?;
            p.quantity();
            p.disk_role();
            p.any(DISKS).then_some(())
        };
        let another =
            (more || how == How::Create) && self.word() == "one" && self.spoke_of_a_disk() && !self.ahead(counts);
        let times = if counted || another { 1 } else { self.number().or_else(|| more.then_some(1))? };
        let more = self.any(words!("more|additional|further|extra|other|new")) || more;
        self.any(words!("x"));
        let first = self.quantity();
        if first.is_some() && self.ordinal_ahead() && matches!(how, How::Give | How::Set) {
            return None;
        }
        let role = self.disk_role();
        // “a boot disk of 10 GB and a second one of 50 GB”
        let one = how == How::Create
            && (role.is_some() || more || another || counted && first.is_some())
            && self.spoke_of_a_disk()
            && self.any(words!("one|ones"));
        // “one disk of 20 GB and two of 50 GB”, “a 20 GB disk plus 2x 50 GB”
        let bare = how == How::Create
            && times > 1
            && self.spoke_of_a_disk()
            && if first.is_some() {
                self.at_boundary()
            } else {
                self.ahead(|p| (p.any(words!("of|with")) && p.quantity().is_some()).then_some(()))
            };
        if !one && !self.any(DISKS) && !bare {
            return None;
        }
        let mounts = first.is_none() && matches!(self.last_word(), "point" | "mountpoint");
        // “three disks each (20 GB, 50 GB, 50 GB)”
        let each = |p: &mut Self| {
            p.any(words!("each")).then_some(())?;
            p.ahead(|p| (p.mark('(') || p.mark(':') || p.any(words!("of|with"))).then_some(())).then_some(())
        };
        let _ = times > 1 && self.attempt(each).is_some();
        // “a mount point at /srv/data with 10 GB”
        let mount = self.attempt(|p| {
            p.any(words!("at|on|under")).then_some(())?;
            p.shaped(Named::Disk(DiskPart::Mount))
        });
        let mut open = false;
        let size = if let Some(size) = first {
            size
        } else {
            // “a third disk, 75 GB”
            let apart = |p: &mut Self| {
                (p.mark(',') || p.mark(':')).then_some(())?;
                let sized = p.ahead(|p| {
                    p.quantity()?;
                    p.storage_of_disk();
                    // “another mount point: 30 GB at /srv”
                    p.attempt(|p| {
                        p.any(words!("at|on|under|as")).then_some(())?;
                        p.shaped(Named::Disk(DiskPart::Mount))
                    });
                    p.at_boundary().then_some(())
                });
                // “two more disks, 50 GB each”
                let each = p.ahead(|p| (p.quantity().is_some() && p.any(words!("each"))).then_some(()));
                (((role.is_some() || more || mounts) && times == 1 && sized) || more && each).then_some(())
            };
            let sign = times > 1 && self.mark(':');
            if !sign && self.attempt(apart).is_none() {
                self.any(words!("with a size of|with sizes of|with|of|at|having|sized"));
            }
            open = self.mark('(');
            // “two disks, one of 10 GB and one of 50 GB”
            let list = |p: &mut Self| {
                let disks = p.disk_list(&Which::One)?;
                (number_of(&disks) == times).then_some(())
            };
            self.attempt(|p| {
                let _ = p.mark(',') || p.mark(':');
                let one = p.ahead(|p| p.any(words!("one of|one with|one at")).then_some(()));
                (one || times > 1 && p.ahead(list)).then_some(())
            });
            // “two disks of 40 GB and 200 GB”
            let one_by_one = |p: &mut Self| {
                let disks = p.disk_list(role.as_ref().unwrap_or(&Which::One))?;
                (number_of(&disks) == times && (!open || p.mark(')'))).then_some(disks)
            };
            let several = times > 1 && !matches!(how, How::Remove | How::Less);
            if several && let Some(disks) = self.attempt(one_by_one) {
                return Some(disks);
            }
            // “two disks: 10 GB …” says not of each that it has so much.
            if sign {
                return None;
            }
            self.quantity()?
        };
        if times > 1 {
            self.verb(words!("each|apiece|per disk"));
        }
        // “one 50 GB disk for the OS and one 400 GB disk for data”
        let role = role.or_else(|| if how == How::Create { self.purpose() } else { None });
        let which = role.or((more || mounts).then_some(Which::Further)).unwrap_or(Which::One);
        let fits = (1..=MAX_ALIKE).contains(&times) && !matches!(how, How::Remove | How::Less);
        let mut disk = self.disk_item(Amount::To(Value::Size(size)), which, times);
        disk.parts.extend(mount.map(|mount| (DiskPart::Mount, mount)));
        (fits && (!open || self.mark(')'))).then_some(Item::Disk(disk))
    }

    /// “second”, “third”
    pub fn ordinal_ahead(&mut self) -> bool {
        self.ahead(|p| p.any(words!("second|2nd|third|3rd|fourth|4th")).then_some(()))
    }

    /// “20 GB root”, “1 GB root filesystem”: whether the role behind a size says by itself that it is a disk’s.
    pub fn is_a_disk(&mut self) -> bool {
        if self.any(words!("filesystem|file system")) {
            return true;
        }
        matches!(self.last_word(), "root" | "system" | "os" | "boot" | "data") && self.at_boundary()
    }

    /// Whether the last that was said of a new guest is a disk.
    pub fn spoke_of_a_disk(&self) -> bool {
        let last = self.group().and_then(|group| group.items.last());
        last.is_some_and(|(_, item)| matches!(item.value, Item::Disk(_)))
    }

    /// Whether the memory of a new guest was said.
    pub fn spoke_of_memory(&self) -> bool {
        let memory = |(_, item): &OfMember| matches!(item.value, Item::Plain(Plain::Memory, _));
        self.group().is_some_and(|group| group.items.iter().any(memory))
    }

    /// “10” in “10 and 20 GB”: a size whose unit stands behind a later one.
    pub fn size_without_unit(&mut self) -> Option<Size> {
        let digits = |p: &mut Self| {
            let number = p.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
            p.at += 1;
            Some(number)
        };
        let number = digits(self)?;
        let at = self.at;
        let mut unit = None;
        for _ in 0..MAX_ALIKE {
            if unit.is_some() || !self.joint() || digits(self).is_none() {
                break;
            }
            unit = self.unit();
        }
        self.at = at;
        quantity::size(&number, unit?)
    }

    /// “system”, “data”, “second” before “disk”.
    pub fn disk_role(&mut self) -> Option<Which> {
        // What a further disk of a new guest is for.
        const HOLDS: [&str; 16] = [
            "repository",
            "media",
            "backup",
            "log",
            "logs",
            "archive",
            "database",
            "db",
            "home",
            "scratch",
            "storage",
            "payload",
            "repo",
            "build",
            "spool",
            "photo",
        ];
        if HOLDS.contains(&self.word())
            && self.group().is_some()
            && self.ahead(|p| {
                p.at += 1;
                p.any(DISKS).then_some(())
            })
        {
            self.at += 1;
            return Some(Which::Further);
        }
        if self.any(words!("system|boot|root|os|primary|main|first")) {
            return Some(Which::System);
        }
        self.any(words!("data|second|2nd|third|3rd|fourth|4th|additional|extra|further|secondary"))
            .then_some(Which::Further)
    }

    /// “for the OS”, “for data” behind a disk or its size.
    pub fn purpose(&mut self) -> Option<Which> {
        if self.any(words!("for the os|for os|for the system|for system|for root|for boot")) {
            return Some(Which::System);
        }
        self.any(words!("for the data|for data")).then_some(Which::Further)
    }

    /// “on local-lvm” right after a disk.
    pub fn storage_of_disk(&mut self) -> Option<Said<String>> {
        let start = self.at;
        let value = self.attempt(|p| match p.place()? {
            Item::Storage(storage) => Some(storage),
            _ => None,
        })?;
        Some(Said { value, tokens: start..self.at })
    }

    /// “a 10 GB and a 20 GB disk”
    pub fn disks_one_by_one(&mut self) -> Option<Item> {
        let one = |p: &mut Self| {
            p.any(words!("a|an|another")).then_some(())?;
            let size = Value::Size(p.quantity()?);
            Some(Item::Disk(DiskItem::sized(Amount::To(size), Which::One)))
        };
        let articles = self.ahead(one);
        // “20 GB + 50 GB disks”
        let one = |p: &mut Self| {
            if articles {
                return one(p);
            }
            let size = Value::Size(p.quantity()?);
            Some(Item::Disk(DiskItem::sized(Amount::To(size), Which::One)))
        };
        let mut disks = vec![one(self)?];
        // In “4 cores, 16 GB, 20 GB + 80 GB disks” the first is the memory, where none was said.
        let memory = |(_, item): &OfMember| matches!(item.value, Item::Plain(Plain::Memory, _));
        let at_odds = !articles
            && self.peek(0).is_some_and(|token| token.kind == TokenKind::Mark(','))
            && self.group().is_some_and(|group| !group.items.iter().any(memory));
        (!at_odds).then_some(())?;
        while let Some(disk) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            disks.push(disk);
        }
        (disks.len() > 1
            && self.any(DISKS)
            && (articles || self.last_word().ends_with('s') && !self.last_word().ends_with("fs")))
        .then_some(Item::Several(disks))
    }
}
