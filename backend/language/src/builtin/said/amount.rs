//! Amounts of things: “4 cores”, “another 2 GB of RAM”, “two disks of 50 GB”, “50 % more memory”.

use mycopod_core::field::{DiskPart, Plain, Value};
use mycopod_core::reading::Amount;
use mycopod_core::size::Size;

use crate::lexer::{MORE, TokenKind};
use crate::quantity;

use super::fields::Named;
use super::item::{DiskItem, How, Item, Said, Which};
use super::named::Noun;
use crate::builtin::Parser;
use crate::builtin::whom::target::{Targets, are_one};
use crate::builtin::wordings::{Wordings, words};

/// The most NICs or disks alike in one phrase: as many as Proxmox has slots for.
pub const MAX_ALIKE: u64 = 30;

/// The most times what is there now: more is a slip.
pub const MAX_TIMES: u32 = 16;

/// Words for how large something is, which say nothing beside how large it is in numbers.
pub const SIZES: [&str; 12] =
    ["small", "tiny", "little", "big", "large", "huge", "fat", "beefy", "modest", "minimal", "mid-sized", "medium"];

/// The nouns for a disk.
pub const DISKS: &Wordings = words!(
    "hard disks|hard disk|hard drives|hard drive|disks|disk|disc|drives|drive|volumes|volume|\
    hdds|hdd|vdisks|vdisk|vhdd|rootfs|root fs|fs|mount points|mount point"
);

/// Words for all of something together.
pub const IN_TOTAL: &Wordings = words!("in total|altogether|total");

/// So much more or less, in hundredths of what is now.
pub fn of_hundredths(per_cent: u32, more: bool) -> Option<Amount> {
    let all = if more { per_cent.checked_add(100) } else { 100_u32.checked_sub(per_cent) };
    all.map(Amount::PerCent)
}

/// What a number that stands before its noun does; `None` where the words contradict each other.
fn step(how: How, more: bool, less: bool, value: Value) -> Option<Amount> {
    Some(match (how, more, less) {
        (_, true, true) | (How::Create | How::Remove, true, _) | (How::Create | How::Add, _, true) => return None,
        (How::Remove, ..) | (_, _, true) => Amount::Minus(value),
        (How::Add, ..) | (_, true, _) => Amount::Plus(value),
        _ => Amount::To(value),
    })
}

/// How many things a phrase says.
fn number_of(item: &Item) -> u64 {
    match item {
        Item::Several(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        _ => 1,
    }
}

impl Parser<'_> {
    /// “double the memory”, “twice as many cores”, “1.5 times the RAM”: of a guest that exists.
    pub fn multiple(&mut self) -> Option<Item> {
        let amount = self.times()?;
        let times = self.last_word() == "x";
        (self.any(words!("of its|of the|the number of|the amount of|as many|as much|the|its")) || times)
            .then_some(())?;
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap | Plain::Sockets)) = self.noun()? else {
            return None;
        };
        self.any(words!("it has now|it has|they have now|they have|as now"));
        Some(Item::Plain(plain, amount))
    }

    /// “double”, “three times”, “2x”, “one and a half times”.
    pub fn times(&mut self) -> Option<Amount> {
        // “web-01 needs only half the memory”
        if matches!(self.last_word(), "need" | "needs") && self.word_ahead(1) == "half" {
            self.any(words!("only|just"));
        }
        if self.any(words!("double|twice")) {
            return Some(Amount::Times(2));
        }
        if self.any(words!("triple")) {
            return Some(Amount::Times(3));
        }
        let one_and_a_half = |p: &mut Self| {
            let digits = p.peek(0).is_some_and(|token| token.text == "1.5");
            p.at += usize::from(digits);
            (digits && p.any(words!("times|x")) || p.any(words!("one and a half times"))).then_some(())
        };
        if self.attempt(one_and_a_half).is_some() {
            return Some(Amount::PerCent(150));
        }
        if let Some(times) = self.attempt(|p| {
            let times = p.number().and_then(|n| u32::try_from(n).ok()).filter(|n| (2..=MAX_TIMES).contains(n))?;
            p.any(words!("times|x")).then_some(times)
        }) {
            return Some(Amount::Times(times));
        }
        (!self.ahead(Self::quantity) && self.any(words!("half"))).then_some(Amount::Over(2))
    }

    /// “x2”, “x 2”, “times two”, behind what is multiplied.
    pub fn times_behind(&mut self) -> Option<Amount> {
        let glued = self.word().strip_prefix(['x', '×']).and_then(|times| times.parse::<u32>().ok());
        let times = if glued.is_some() {
            self.at += 1;
            glued
        } else {
            self.any(words!("x|times")).then_some(())?;
            self.number().and_then(|times| u32::try_from(times).ok())
        };
        let fits = self.at_boundary();
        times.filter(|times| fits && (2..=MAX_TIMES).contains(times)).map(Amount::Times)
    }

    /// “half”, “a quarter”, in hundredths: of what is there now.
    pub fn fraction(&mut self) -> Option<u32> {
        (!self.ahead(Self::quantity)).then_some(())?;
        if self.any(words!("a half|one half|half")) {
            return Some(50);
        }
        self.any(words!("a quarter|one quarter|quarter")).then_some(25)
    }

    /// “50 % more memory”, “25 percent less RAM”, “add 50 % memory”: of a guest that exists.
    pub fn hundredths(&mut self, how: How) -> Option<Item> {
        self.any(words!("another|an extra|an additional"));
        let fraction =
            |p: &mut Self| p.fraction().filter(|_| p.ahead(|p| p.any(words!("less|fewer|more")).then_some(())));
        let per_cent = self.per_cent().or_else(|| self.attempt(fraction))?;
        let less = self.any(words!("less|fewer"));
        let more = !less && self.any(words!("more|extra|additional"));
        self.any(words!("of"));
        let noun = self.noun()?;
        let amount = match how {
            How::Give | How::Set | How::More | How::Less if more || less => of_hundredths(per_cent, more)?,
            How::Add if !less => of_hundredths(per_cent, true)?,
            How::Remove if !more => of_hundredths(per_cent, false)?,
            _ => return None,
        };
        noun.scaled(amount)
    }

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
        // “a single core”
        let said = self.number();
        let counted = counted && said.is_none();
        let number = said.or_else(|| (more || counted).then_some(1)).filter(|number| *number > 0)?;
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

    /// “a 40 GB disk”, “two disks of 50 GB”, “another disk of 1 TB”, “2 x 50 GB data disks”.
    pub fn disks(&mut self, how: How, counted: bool, more: bool) -> Option<Item> {
        // In “another one of 50 GB” no number stands.
        let another = (more || how == How::Create) && self.word() == "one" && self.spoke_of_a_disk();
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
                    p.at_boundary().then_some(())
                });
                ((role.is_some() || more) && times == 1 && sized).then_some(())
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
            self.any(words!("each"));
        }
        // “one 50 GB disk for the OS and one 400 GB disk for data”
        let role = role.or_else(|| if how == How::Create { self.purpose() } else { None });
        let which = role.or(more.then_some(Which::Further)).unwrap_or(Which::One);
        let fits = (1..=MAX_ALIKE).contains(&times) && !matches!(how, How::Remove | How::Less);
        let mut disk = self.disk_item(Amount::To(Value::Size(size)), which, times);
        disk.parts.extend(mount.map(|mount| (DiskPart::Mount, mount)));
        (fits && (!open || self.mark(')'))).then_some(Item::Disk(disk))
    }

    /// “second”, “third”
    fn ordinal_ahead(&mut self) -> bool {
        self.ahead(|p| p.any(words!("second|2nd|third|3rd|fourth|4th")).then_some(()))
    }

    /// “20 GB root”, “1 GB root filesystem”: whether the role behind a size says by itself that it is a disk’s.
    fn is_a_disk(&mut self) -> bool {
        if self.any(words!("filesystem|file system")) {
            return true;
        }
        matches!(self.last_word(), "root" | "system" | "os" | "boot" | "data") && self.at_boundary()
    }

    /// Whether the last that was said of a new guest is a disk.
    fn spoke_of_a_disk(&self) -> bool {
        let last = self.group().and_then(|group| group.items.last());
        last.is_some_and(|(_, item)| matches!(item.value, Item::Disk(_)))
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
        const HOLDS: [&str; 12] = [
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
        // “a 20 GB disk on local-lvm and 50 GB on local”
        if how == How::Create
            && !(more || less)
            && self.spoke_of_a_disk()
            && let Some(storage) = self.storage_of_disk()
        {
            let disk = DiskItem::sized(Amount::To(value), Which::One);
            return Some(Item::Disk(DiskItem { storage: Some(storage), ..disk }));
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
                p.any(words!("limited to|limit")).then_some(())?;
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
        match limit {
            Some(limit) => Some(Item::Plain(Plain::CpuLimit, Amount::To(limit))),
            None => self.cpu_limit(),
        }
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
        while let Some(disk) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            disks.push(disk);
        }
        (disks.len() > 1 && self.any(DISKS) && (articles || self.last_word().ends_with('s')))
            .then_some(Item::Several(disks))
    }
}
