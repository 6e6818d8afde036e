//! Amounts of things: “4 cores”, “another 2 GB of RAM”, “two disks of 50 GB”, “50 % more memory”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;
use mycopod_core::size::Size;

use crate::lexer::MORE;

use super::disks::DISKS;
use super::fields::Named;
use super::item::{How, Item, Which};
use crate::builtin::Parser;
use crate::builtin::whom::target::{Targets, are_one};
use crate::builtin::wordings::{Wordings, words};

/// The most NICs or disks alike in one phrase: as many as Proxmox has slots for.
pub const MAX_ALIKE: u64 = 30;

/// Words for how large something is, which say nothing beside how large it is in numbers.
pub const SIZES: [&str; 12] =
    ["small", "tiny", "little", "big", "large", "huge", "fat", "beefy", "modest", "minimal", "mid-sized", "medium"];

/// Words for all of something together.
pub const IN_TOTAL: &Wordings = words!("in total|altogether|total");

/// What a number that stands before its noun does; `None` where the words contradict each other.
fn step(how: How, more: bool, less: bool, value: Value) -> Option<Amount> {
    Some(match (how, more, less) {
        (_, true, true) | (How::Create | How::Remove, true, _) | (How::Create | How::Add, _, true) => return None,
        (How::Remove, ..) | (_, _, true) => Amount::Minus(value),
        (How::Add, ..) | (_, true, _) => Amount::Plus(value),
        _ => Amount::To(value),
    })
}

impl Parser<'_> {
    /// “from 4 to 8 GB of RAM”: what it is said to be now, before what it shall be.
    pub fn changed(&mut self) -> Option<Item> {
        let start = self.at;
        let first = self.attempt(Self::amount_before).or_else(|| self.attempt(Self::amount_and_arrow))?;
        let item = self.item(How::Give)?;
        self.changed_from(start, &first, item.value)
    }

    /// “a second core”, “a second socket”, where there is one now.
    pub fn another_core(&mut self) -> Option<Item> {
        self.any(words!("a")).then_some(())?;
        let nth = u64::from(self.ordinal().filter(|nth| *nth > 1)?);
        let sockets = self.any(words!("cpu socket|socket"));
        (sockets || self.any(words!("cpu core|core|vcpu|cpu"))).then_some(())?;
        let plain = if sockets { Plain::Sockets } else { Plain::Cores };
        Some(Item::Plain(plain, Amount::FromTo(Value::Count(nth - 1), Value::Count(nth))))
    }

    /// “4 cores”, “another 2 GB of RAM”, “two disks of 50 GB”, “a 40 GB disk on tank”.
    pub fn value_noun(&mut self, how: How) -> Option<Item> {
        // “a gig”, “a dozen”: there the article is the number.
        let counted =
            !self.ahead(|p| p.quantity().map(|_| ()).or_else(|| p.number().map(|_| ()))) && self.any(words!("a|an"));
        self.any(words!("the|its"));
        // “a fat 1.5 TB disk”
        self.attempt(|p| {
            SIZES.contains(&p.word()).then_some(())?;
            p.at += 1;
            p.ahead(Self::quantity).then_some(())
        });
        let start = self.at;
        while self.any(words!("another|extra|additional|further|new|+more")) {}
        let signed = self.at == start + 1 && self.last_word() == MORE;
        // “a second 20 GB disk”
        if how == How::Add || how == How::Create && counted {
            self.attempt(|p| {
                (p.any(words!("second|2nd|third|3rd|fourth|4th")) && p.ahead(Self::quantity)).then_some(())
            });
        }
        let more = self.at > start;
        // “+20 GB disk” may be another disk, or the one there is shall grow.
        let disk = |p: &mut Self| {
            p.quantity()?;
            (!p.any(words!("disk space|disk storage")) && p.any(DISKS)).then_some(())
        };
        if signed && self.ahead(disk) {
            return None;
        }
        if let Some(disks) = self.attempt(|p| p.disks(how, counted, more)) {
            return Some(disks);
        }
        if let Some(size) = self.quantity() {
            return self.sized(how, size, more);
        }
        if let Some(size) = self.attempt(|p| {
            let number = p.number()?;
            p.any(words!("more|extra|additional")).then_some(())?;
            p.unit()?.checked_mul(number).map(Size::bytes)
        }) {
            return self.sized(how, size, true);
        }
        // “another gigabyte of RAM”
        if more
            && matches!(self.word(), "gb" | "gig" | "gigabyte" | "tb" | "terabyte")
            && let Some(unit) = self.unit()
        {
            return self.sized(how, Size::bytes(unit), true);
        }
        // “a single core”
        let said = self.number();
        let counted = counted && said.is_none();
        // “additional cores” does not say how many.
        let one = (more || counted) && !(self.word().ends_with('s') || self.word_ahead(1).ends_with('s'));
        let number = said.or_else(|| one.then_some(1)).filter(|number| *number > 0)?;
        self.any(words!("x"));
        let mut less = self.any(words!("fewer|less"));
        let mut more = self.any(words!("more|extra|additional|further")) || more;
        self.any(words!("virtual"));
        if self.any(words!("network cards|network interfaces|nics|interfaces")) {
            return (how == How::Create && number <= MAX_ALIKE).then_some(Item::NicCount(number));
        }
        if how == How::Create
            && number == 1
            && !counted
            && self.any(words!("network card|network interface|nic|interface"))
        {
            return Some(Item::NicCount(1));
        }
        let plain = if self.any(words!("cpu sockets|cpu socket|sockets|socket")) {
            // “2 sockets x 4 cores”
            self.attempt(|p| (p.any(words!("x")) && p.ahead(|p| p.item(how))).then_some(()));
            Plain::Sockets
        } else if self.any(words!(
            "cpu cores|cpu core|vcpu cores|processor cores|cores|core|vcpus|vcpu|vcores|vcore|\
            v cpu|cpus|cpu|processors|processor|c"
        )) {
            if !self.any(words!("per socket"))
                && !self.ahead(|p| p.any(words!("of cpu type|of cpu model")).then_some(()))
            {
                self.any(words!("of cpu"));
            }
            Plain::Cores
        } else {
            return None;
        };
        // “a core” alone says one only where it comes on top.
        if counted && !more && !matches!(how, How::Add | How::Remove) {
            return None;
        }
        less |= self.any(words!("fewer|less"));
        more |= self.any(words!("more|extra|on top|in addition|additionally"));
        let amount = step(how, more, less, Value::Count(number))?;
        let in_total = plain == Plain::Cores && matches!(amount, Amount::To(_)) && self.any(IN_TOTAL);
        if in_total {
            // “8 cores in total on 2 sockets”
            self.attempt(|p| (p.any(words!("on|in|over")) && p.ahead(Self::sockets)).then_some(()));
        }
        Some(if in_total { Item::CoresInTotal(number) } else { Item::Plain(plain, amount) })
    }

    fn sockets(&mut self) -> Option<()> {
        self.number()?;
        self.any(words!("cpu sockets|sockets")).then_some(())
    }

    /// “… in total”: of one guest it says nothing more, of several it may be what they share.
    pub fn in_total(&mut self, targets: &Targets) -> bool {
        let one = match targets {
            Targets::Old(targets) => are_one(targets),
            Targets::New => self.group().is_some_and(|group| !group.plural),
        };
        one && self.any(IN_TOTAL)
    }

    /// What an amount with a unit is an amount of.
    fn sized(&mut self, how: How, size: Size, more: bool) -> Option<Item> {
        let mut less = self.any(words!("less"));
        // “20 GB more disk” is space, “another 20 GB disk” a disk.
        let on_top = self.any(words!("more"));
        let mut more = on_top || self.any(words!("extra|additional")) || more;
        let of = self.any(words!("of"));
        more |= self.any(words!("extra|additional|further|more"));
        let value = Value::Size(size);
        let plain = if self.any(words!("memory|ram|mem|main memory")) {
            Some(Plain::Memory)
        } else {
            self.any(words!("swap space|swap")).then_some(Plain::Swap)
        };
        if let Some(plain) = plain {
            less |= self.any(words!("less"));
            more |= self.any(words!("more|extra|on top|in addition|additionally"));
            return Some(Item::Plain(plain, step(how, more, less, value)?));
        }
        // The bus that disks are on anyway.
        self.attempt(|p| {
            (how == How::Create && p.word() == "scsi").then_some(())?;
            p.at += 1;
            p.ahead(|p| p.any(DISKS).then_some(())).then_some(())
        });
        let nth = self.ordinal_ahead();
        let role = self.disk_role();
        // Of a guest that exists “a 150 GB second disk” may be the one that is there.
        let role = role.filter(|_| !(nth && matches!(how, How::Give | How::Set)));
        let alone = how == How::Create && role.is_some() && self.is_a_disk();
        let space = self.any(words!("disk space|storage space|space|storage|more space"));
        if space || alone || self.any(DISKS) {
            // “32 GB disk for the system”
            let role = role.or_else(|| if how == How::Create { self.purpose() } else { None });
            let which = match role {
                Some(role) => role,
                None if space || of || on_top && self.last_word() == "disk" => Which::Mass,
                None if more => Which::Further,
                None => Which::Unclear,
            };
            let amount = if which == Which::Mass { step(how, more, less, value)? } else { Amount::To(value) };
            let disk = self.disk_item(amount, which, 1);
            return (!less || disk.which == Which::Mass).then_some(Item::Disk(disk));
        }
        // “10 GB for the system, 50 GB for data”
        if how == How::Create
            && !(of || more || less)
            && let Some(role) = self.purpose()
        {
            return Some(Item::Disk(self.disk_item(Amount::To(value), role, 1)));
        }
        if of || role.is_some() {
            return None;
        }
        // “a 20 GB disk on local-lvm and 50 GB on local”, “8 GB RAM, 20 GB on local-lvm for the OS”
        if how == How::Create && !(more || less) {
            let known = self.spoke_of_a_disk() || self.spoke_of_memory();
            let stored = self.attempt(|p| {
                p.ahead(Self::storage_of_disk).then_some(())?;
                // “750 GB on local at /mnt/photos”
                let mut disk = p.disk_item(Amount::To(value.clone()), Which::One, 1);
                let role = p.purpose();
                (known || role.is_some()).then_some(())?;
                disk.which = role.unwrap_or(disk.which);
                Some(disk)
            });
            if let Some(disk) = stored {
                return Some(Item::Disk(disk));
            }
        }
        // “8 GB at /srv/data”
        if let Some(disk) = self.attempt(|p| {
            let disk = p.disk_item(Amount::To(value.clone()), Which::Further, 1);
            (!less && !disk.parts.is_empty()).then_some(disk)
        }) {
            return Some(Item::Disk(disk));
        }
        Some(Item::Bare(step(how, more, less, value)?))
    }

    /// “limited to half a core”
    pub fn limited(&mut self) -> Option<Item> {
        // “1 core (limit 0.5)”
        let cores = |item: &Item| matches!(item, Item::Plain(Plain::Cores, _));
        if self.group().and_then(|group| group.items.last()).is_some_and(|(_, last)| cores(&last.value))
            && let Some(limit) = self.attempt(|p| {
                p.mark(',');
                p.any(words!("limited to|limit|capped at|capped to")).then_some(())?;
                let _ = p.mark(':') || p.mark('=');
                let limit = p.shaped(Named::Plain(Plain::CpuLimit))?;
                p.at_boundary().then_some(limit)
            })
        {
            return Some(Item::Plain(Plain::CpuLimit, Amount::To(limit)));
        }
        self.any(words!("limited to|limited at|capped at|capped to|with a cap of|cap of")).then_some(())?;
        // “capped at a CPU limit of 3”
        let limit = self.attempt(|p| {
            p.articles();
            p.any(words!("cpu limit of")).then_some(())?;
            p.shaped(Named::Plain(Plain::CpuLimit))
        });
        // “limited to 50 MB/s”
        if limit.is_none()
            && let Some(rate) = self.attempt(Self::rate_alone)
        {
            return Some(rate.value);
        }
        match limit {
            Some(limit) => Some(Item::Plain(Plain::CpuLimit, Amount::To(limit))),
            None => self.cpu_limit(),
        }
    }
}
