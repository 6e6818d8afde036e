//! The value behind a field’s name: “to 8 GB”, “= 4”, “by 2 GB”, “(GB): 4”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;

use super::amount::MAX_ALIKE;
use super::fields::Named;
use super::item::{DiskItem, How, Item, Said, Which};
use super::multiple::of_hundredths;
use super::named::{Noun, is_cpu_type};
use super::shaped::LEAST_MIB;
use crate::builtin::Parser;
use crate::builtin::changing::verbs::{Course, Leads};
use crate::builtin::wordings::words;

/// Where a value leads that is said so.
const fn leads(how: How) -> Leads {
    match how {
        How::More | How::Add => Leads::Up,
        How::Less | How::Remove => Leads::Down,
        How::Create | How::Give | How::Set => Leads::Anywhere,
    }
}

/// Whether its values are numbers, amounts, or words that are none of a guest’s.
fn is_measured(noun: &Noun) -> bool {
    let shape = |plain: &Plain| plain.shape();
    matches!(noun, Noun::Plain(plain) if matches!(
        shape(plain),
        Shape::Count { .. } | Shape::Size { .. } | Shape::Decimal { .. } | Shape::Timezone | Shape::Cpu
    ))
}

impl Parser<'_> {
    /// What follows a field's name: “to 8 GB”, “= 4”, “: 4”, “by 2 GB”, or the value at once.
    pub fn connected_value(&mut self, noun: &Noun, how: How) -> Option<Item> {
        if let Some(item) = self.attempt(|p| p.step_by(noun, how)) {
            return Some(item);
        }
        if matches!(noun, Noun::Nic(_, NicPart::Bridge | NicPart::Vlan))
            && how != How::Create
            && let Some(item) = self.attempt(Self::replugged)
        {
            return Some(item);
        }
        if let Some(item) = self.attempt(|p| {
            let start = p.at;
            // “memory up from 2 to 4 GB”
            p.attempt(|p| (p.any(words!("up|down")) && p.word() == "from").then_some(()));
            let first = p.amount_before()?;
            let item = p.value(noun, Amount::To)?;
            p.changed_from(start, &first, item)
        }) {
            return Some(item);
        }
        if let Some(item) = self.attempt(|p| p.unit_in_brackets(noun)) {
            return Some(item);
        }
        // “RAM x2”
        if matches!(how, How::Give | How::Set)
            && let Some(times) = self.attempt(Self::times_behind)
        {
            return noun.clone().scaled(times);
        }
        let sign = self.assigns();
        // “web-01: memory doubled”
        if matches!(how, How::Give | How::Set)
            && let Some(doubled) = self.attempt(|p| p.scaled_by_word(noun))
        {
            return Some(doubled);
        }
        let to = !sign
            && (self.any(words!("to be|should be|shall be|must be|set to|to|is|are|of|at|size"))
                // “its disk enlarged to 60 GB”
                || matches!(how, How::Create | How::Give | How::Set)
                    && self.verb(words!("enlarged to|grown to|extended to|expanded to|resized to|increased to|raised to"))
                || how != How::Create && self.course(leads(how)).is_some()
                // “put the startup order of web-01 on 2”
                || how == How::Set && is_measured(noun) && self.any(words!("on"))
                || *noun == Noun::Plain(Plain::Balloon) && self.any(words!("down to")));
        let bare = !(sign || to);
        let follows = match how {
            How::Create | How::Give | How::Set => true,
            How::Add => noun.comes_on_top() || matches!(noun, Noun::Disk(Which::One | Which::Further, false)),
            How::More | How::Less => bare && self.ahead(Self::arrow_or_amounts),
            How::Remove => false,
        };
        if bare && !follows {
            return None;
        }
        if how == How::Remove {
            return None;
        }
        // “name x” belongs to “call it”; “network up” is no bridge.
        let renames = matches!(how, How::Give | How::Set) && *noun == Noun::Plain(Plain::Name);
        if bare && !renames && matches!(noun, Noun::Plain(Plain::Name | Plain::OnBoot | Plain::Protection)) {
            return None;
        }
        if let Noun::Disk(which, true) = noun {
            let one_by_one = if how == How::Create { None } else { self.attempt(Self::disks_by_ordinal) };
            return one_by_one.or_else(|| self.disk_list(which));
        }
        let item = self.value(noun, Amount::To)?;
        // “ram 0.5 GB more”
        if bare && how != How::Create && self.any(words!("more|extra|on top|bigger|larger")) {
            return match &item {
                Item::Plain(_, Amount::To(by)) | Item::Disk(DiskItem { amount: Amount::To(by), storage: None, .. }) => {
                    item.with_amount(Amount::Plus(by.clone()))
                }
                _ => None,
            };
        }
        self.or_arrow(noun, item)
    }

    /// “by 2 GB”, “with 18 GB more”, “+10G”, “+50 %”: so much more or less than there is.
    pub fn step_by(&mut self, noun: &Noun, how: How) -> Option<Item> {
        let with = how == How::More && self.any(words!("with"));
        let plus = |p: &mut Self| {
            p.mark(':');
            p.any(words!("by"));
            // “scsi1 += 50 GB”
            let plus = p.any(words!("+more|+"));
            p.mark('=');
            plus.then_some(())
        };
        let more = if with || matches!(how, How::Give | How::Set | How::More) && self.attempt(plus).is_some() {
            true
        } else {
            let by = !matches!(noun, Noun::Nic(_, NicPart::Ip));
            let course = self.course(leads(how)).filter(|course| by && *course != Course::To)?;
            self.any(words!("another|an additional|an extra"));
            course == Course::More
        };
        if let Some(per_cent) = self.per_cent().or_else(|| self.attempt(Self::fraction)) {
            return noun.clone().scaled(of_hundredths(per_cent, more)?);
        }
        let item = self.value(noun, if more { Amount::Plus } else { Amount::Minus })?;
        (!with || self.any(words!("more|extra|additional|on top"))).then_some(())?;
        Some(self.up_to_total(noun, item))
    }

    /// “(GB): 4”, behind “RAM”.
    fn unit_in_brackets(&mut self, noun: &Noun) -> Option<Item> {
        self.mark('(').then_some(())?;
        let unit = self.unit()?;
        (self.mark(')') && (self.mark(':') || self.mark('=') || self.any(words!("to|is")))).then_some(())?;
        let number = self.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
        self.at += 1;
        let size = Value::Size(quantity::size(&number, unit)?);
        self.at_boundary().then_some(())?;
        match noun {
            Noun::Plain(plain) if matches!(plain.shape(), Shape::Size { .. }) => {
                Some(Item::Plain(*plain, Amount::To(size)))
            }
            Noun::Disk(which, false) => Some(Item::Disk(DiskItem::sized(Amount::To(size), which.clone()))),
            _ => None,
        }
    }

    /// “first 80 GB, second 300 GB”: of the disks that are there.
    pub fn disks_by_ordinal(&mut self) -> Option<Item> {
        let one = |p: &mut Self| {
            p.any(words!("the"));
            let nth = p.ordinal()?;
            p.any(words!("one"));
            let _ = p.mark(':') || p.mark('=') || p.any(words!("up to|to|->|→|=>"));
            let size = Value::Size(p.quantity()?);
            Some(Item::Disk(DiskItem::sized(Amount::To(size), Which::The(DiskRef::Nth(nth)))))
        };
        let mut disks = vec![one(self)?];
        while let Some(disk) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            disks.push(disk);
        }
        Some(Item::Several(disks))
    }

    /// “disks: 20G, 100G” and “disks of 20 GB and 100 GB”.
    pub fn disk_list(&mut self, which: &Which) -> Option<Item> {
        // “data disks: 2x 500 GB”
        if let Some((times, size)) = self.attempt(|p| {
            let times = p.number().filter(|times| (1..=MAX_ALIKE).contains(times))?;
            p.any(words!("x")).then_some((times, p.quantity()?))
        }) {
            let which = if matches!(which, Which::The(_)) { Which::One } else { which.clone() };
            return Some(Item::Disk(self.disk_item(Amount::To(Value::Size(size)), which, times)));
        }
        let disk = |p: &mut Self| {
            let start = p.at;
            p.any(words!("one of|one with|one at|a|one"));
            if !p.ahead(crate::builtin::Parser::quantity) {
                p.at = start;
            }
            let size = p.quantity().or_else(|| p.attempt(Self::size_without_unit))?;
            // “8 GB root, 40 GB on /data”
            let root = p.attempt(|p| p.disk_role().filter(|_| p.at_boundary()));
            let which = match root.or_else(|| p.purpose()) {
                Some(role) => role,
                None if matches!(which, Which::The(_)) => Which::One,
                None => which.clone(),
            };
            Some(Item::Disk(p.disk_item(Amount::To(Value::Size(size)), which, 1)))
        };
        let mut disks = vec![disk(self)?];
        // A further amount is a disk unless it says what else it is.
        while let Some(next) = self.attempt(|p| {
            p.joint();
            let next = disk(p)?;
            let ends = p.at_boundary() || p.word() == "each";
            (ends && !p.ahead(|p| p.any(words!("memory|ram|swap")).then_some(()))).then_some(next)
        }) {
            disks.push(next);
        }
        Some(Item::Several(disks))
    }

    /// The value of the field called by its name.
    pub fn value(&mut self, noun: &Noun, by: impl Fn(Value) -> Amount) -> Option<Item> {
        let sets = matches!(by(Value::Count(0)), Amount::To(_));
        match noun {
            // “the CPU of web-01 to host”
            Noun::Plain(Plain::Cores) if sets && is_cpu_type(self.word()) => {
                Some(Item::Plain(Plain::CpuType, by(Value::Text(self.raw_word()?))))
            }
            Noun::Plain(plain @ (Plain::Cores | Plain::Sockets)) => {
                let count = self.number().filter(|count| *count > 0)?;
                // In “cores=2 sockets=1” the word behind the number is another key.
                let noun = |p: &mut Self, noun| {
                    p.attempt(|p| (p.any(noun) && !p.ahead(|p| p.assigns().then_some(()))).then_some(())).is_some()
                };
                // “CPU: 2 sockets, 4 cores”
                let plain = if noun(self, words!("sockets|socket")) {
                    // “2 sockets x 4 cores”
                    self.attempt(|p| (p.any(words!("x")) && p.ahead(Self::number)).then_some(()));
                    Plain::Sockets
                } else {
                    noun(self, words!("cpu cores|cores|core|vcpus|vcpu|cpus|cpu|c"));
                    *plain
                };
                Some(Item::Plain(plain, by(Value::Count(count))))
            }
            // “swap: none”
            Noun::Plain(plain @ (Plain::Swap | Plain::Balloon))
                if sets
                    && self
                        .attempt(|p| (p.any(words!("none|off|disabled|no")) && p.at_boundary()).then_some(()))
                        .is_some() =>
            {
                Some(Item::Plain(*plain, by(Value::Size(Size::default()))))
            }
            Noun::Plain(plain @ (Plain::Memory | Plain::Swap | Plain::Balloon)) => {
                // What a balloon leaves is the least there is.
                let least = *plain == Plain::Balloon && self.any(words!("at least|minimum of|minimum|min"));
                if let Some(size) = self.quantity() {
                    self.any(words!("of ram|of memory|ram|memory"));
                    let _ = *plain == Plain::Balloon && !least && self.any(words!("at least|minimum|min"));
                    return Some(Item::Plain(*plain, by(Value::Size(size))));
                }
                let number = self.number()?;
                if number >= LEAST_MIB || number == 0 && *plain != Plain::Memory {
                    return Some(Item::Plain(*plain, by(Value::Size(Size::mib(number)))));
                }
                sets.then_some(Item::Unitless(*plain, number))
            }
            Noun::Disk(which, _) => {
                // “scsi0=local-lvm:32”
                if let Some((storage, size)) = self.attempt(|p| {
                    let at = p.at;
                    let storage = Said { value: p.name()?, tokens: at..p.at };
                    (p.mark(':') && matches!(which, Which::The(DiskRef::Slot(_)) | Which::System)).then_some(())?;
                    Some((storage, p.number().map(Size::gib)?))
                }) {
                    let disk = self.disk_item(by(Value::Size(size)), which.clone(), 1);
                    return Some(Item::Disk(DiskItem { storage: Some(storage), ..disk }));
                }
                let size = self.quantity().or_else(|| self.number().map(Size::gib))?;
                Some(Item::Disk(self.disk_item(by(Value::Size(size)), which.clone(), 1)))
            }
            Noun::Plain(plain) => Some(Item::Plain(*plain, by(self.shaped(Named::Plain(*plain))?))),
            // “mount point: 8 GB at /srv/data”
            Noun::DiskPart(None, DiskPart::Mount) if sets && self.ahead(Self::quantity) => {
                let size = self.quantity()?;
                Some(Item::Disk(self.disk_item(by(Value::Size(size)), Which::Further, 1)))
            }
            // “a mount point at /srv/data with 10 GB”
            Noun::DiskPart(None, DiskPart::Mount) if sets => {
                let mount = self.shaped(Named::Disk(DiskPart::Mount))?;
                let size = self.attempt(|p| {
                    p.any(words!("with a size of|with|of"));
                    p.quantity()
                });
                let Some(size) = size else { return noun.is(mount) };
                let mut disk = self.disk_item(by(Value::Size(size)), Which::Further, 1);
                disk.parts.push((DiskPart::Mount, mount));
                Some(Item::Disk(disk))
            }
            Noun::DiskPart(disk, part) if sets => {
                Some(Item::DiskPart(disk.clone(), *part, by(self.shaped(Named::Disk(*part))?)))
            }
            Noun::Nic(number, part) if sets => self.nic_value(*number, *part),
            Noun::DiskPart(..) | Noun::Nic(..) => None,
            // “Storage: 10 GB on local-lvm”
            Noun::Storage if sets && self.ahead(Self::quantity) => {
                let size = self.quantity()?;
                Some(Item::Disk(self.disk_item(by(Value::Size(size)), Which::One, 1)))
            }
            Noun::Storage => Some(Item::Storage(self.name()?)),
            Noun::Node => Some(Item::Node(self.name()?)),
        }
    }

    /// A disk of which `amount` was said, with what follows of it: “on local-lvm”, “at /srv/data”.
    pub fn disk_item(&mut self, amount: Amount, which: Which, times: u64) -> DiskItem {
        let mut disk = DiskItem { amount, which, times, storage: self.storage_of_disk(), parts: Vec::new() };
        if let Some(mount) = self.attempt(|p| {
            p.any(words!("mount point"));
            let shown = p.verb(words!(
                "that shows up as|that shows up at|that shows up under|that appears as|that appears under|that appears at|that is mounted at|\
                 that is mounted under|that is mounted on|shown as|visible as|visible under|available at|available as|available under"
            ));
            let _ = shown || p.any(words!("mounted at|mounted on|mounted under|mount at|mount path|path|at|on|under|as|->|→|=>"));
            p.shaped(Named::Disk(DiskPart::Mount))
        }) {
            disk.parts.push((DiskPart::Mount, mount));
            // “mp0: 120 GB at /srv/data” of a guest that exists means that one, or none.
            let there = self.group().is_none() && matches!(disk.which, Which::The(DiskRef::Slot(_)));
            if !(there || disk.which == Which::System) {
                disk.which = Which::Further;
            }
        }
        if disk.storage.is_none() {
            disk.storage = self.storage_of_disk();
        }
        disk
    }
}
