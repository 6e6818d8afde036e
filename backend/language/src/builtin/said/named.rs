//! Fields called by their name, and their values: “cpu limit 1.5”, “set X to Y”, “no ballooning”, “discard on”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;

use super::amount::{DISKS, MAX_ALIKE, of_hundredths};
use super::fields::{self, Named};
use super::item::{DiskItem, How, Item, Said, Which};
use super::nic::NicRef;
use super::shaped::{LEAST_MIB, is_device, is_machine};
use crate::builtin::Parser;
use crate::builtin::changing::change::disk_ref;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::wordings::words;

/// A field called by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A field that every guest has once.
    Plain(Plain),
    /// A disk; `true` for “disks”.
    Disk(Which, bool),
    /// A part of a disk; where `None`, of the one that was spoken of last, or the only one.
    DiskPart(Option<DiskRef>, DiskPart),
    /// A part of the NIC of that number; where `None`, of the one that was spoken of last, or the only one.
    Nic(Option<u8>, NicPart),
    /// Where disks are.
    Storage,
    /// Where the guest is.
    Node,
}

impl Noun {
    /// `amount`, which is relative, of it: what a guest has an amount of.
    pub fn scaled(self, amount: Amount) -> Option<Item> {
        match self {
            Self::Plain(plain @ (Plain::Cores | Plain::Sockets | Plain::Memory | Plain::Swap)) => {
                Some(Item::Plain(plain, amount))
            }
            Self::Disk(which, false) => Some(Item::Disk(DiskItem::sized(amount, which))),
            _ => None,
        }
    }

    /// The field without the disk or NIC that it is of; `None` for a disk itself.
    pub const fn named(&self) -> Option<Named> {
        match self {
            Self::Plain(plain) => Some(Named::Plain(*plain)),
            Self::Disk(..) => None,
            Self::DiskPart(_, part) => Some(Named::Disk(*part)),
            Self::Nic(_, part) => Some(Named::Nic(*part)),
            Self::Storage => Some(Named::Disk(DiskPart::Storage)),
            Self::Node => Some(Named::Node),
        }
    }

    /// That it is `value`.
    pub fn is(&self, value: Value) -> Option<Item> {
        match self {
            Self::Plain(plain) => Some(Item::Plain(*plain, Amount::To(value))),
            Self::DiskPart(disk, part) => Some(Item::DiskPart(disk.clone(), *part, Amount::To(value))),
            Self::Nic(number, part) => Some(Item::nic(*part, value).of_nic(*number)),
            Self::Disk(..) | Self::Storage | Self::Node => None,
        }
    }

    /// That it is switched on or off; `None` where it is no switch and cannot be taken away.
    pub fn switched(&self, on: bool) -> Option<Item> {
        let named = self.named()?;
        let value = match (self, named.shape()) {
            (Self::Plain(plain), _) if on && named.is_volume() => return Some(Item::OnStorage(*plain)),
            (_, Shape::Flag) => Value::Flag(on),
            (Self::Plain(Plain::Ha), _) if on => Value::Text("started".to_owned()),
            _ if on => return None,
            _ => named.cleared()?,
        };
        self.is(value)
    }

    /// “add a TPM on local-lvm”, “add the SSH key …”: what was not there is added by its value.
    const fn comes_on_top(&self) -> bool {
        matches!(
            self,
            Self::Plain(
                Plain::EfiDisk | Plain::Tpm | Plain::CloudInit | Plain::Cdrom | Plain::SshKeys | Plain::Nameserver
            )
        )
    }

    /// Whether its words and values have rules of their own.
    pub const fn is_counted(&self) -> bool {
        match self {
            Self::Plain(plain) => matches!(
                plain,
                Plain::Name
                    | Plain::Cores
                    | Plain::Sockets
                    | Plain::Memory
                    | Plain::Swap
                    | Plain::CpuType
                    | Plain::Tags
                    | Plain::Description
                    | Plain::OnBoot
                    | Plain::Protection
                    | Plain::Unprivileged
            ),
            Self::Nic(_, part) => matches!(part, NicPart::Bridge | NicPart::Ip),
            Self::Disk(..) | Self::Storage | Self::Node => true,
            Self::DiskPart(..) => false,
        }
    }
}

impl Parser<'_> {
    /// “number of cores”, “memory”, “second disk”, “scsi1”, “VLAN tag”, “cache of scsi1”, “net1’s MTU”.
    pub fn noun(&mut self) -> Option<Noun> {
        self.any(words!("the new|the"));
        self.any(words!("number of|amount of|size of the|size of|value of"));
        self.any(words!("the"));
        self.attempt(Self::nic_noun)
            .or_else(|| self.attempt(Self::field_noun))
            .or_else(|| self.attempt(Self::disk_noun))
    }

    pub fn word_ahead(&self, ahead: usize) -> &str {
        self.peek(ahead).map_or("", |token| token.word.as_str())
    }

    /// How many words here name a field.
    pub fn field_length(&self) -> usize {
        fields::field(|ahead| self.word_ahead(ahead)).map_or(0, |(length, _)| length)
    }

    /// The words of the table.
    fn field_word(&mut self) -> Option<Named> {
        let (length, named) = fields::field(|ahead| self.word_ahead(ahead))?;
        self.at += length;
        Some(named)
    }

    fn field_noun(&mut self) -> Option<Noun> {
        let start = self.at;
        let named = self.field_word()?;
        let alone = self.at == start + 1;
        let word = self.word_at(start).to_owned();
        // A word of several meanings names the field where a value of it follows.
        let follows = |p: &mut Self, fits: &dyn Fn(&mut Self) -> bool| {
            p.ahead(|p| {
                let _ = p.mark('=') || p.mark(':') || p.any(words!("to|is|of|type"));
                fits(p).then_some(())
            })
        };
        Some(match named {
            // “cpu=host” names a type, “cpu=4” counts.
            Named::Plain(Plain::Cores) if word == "cpu" && alone && follows(self, &|p| is_cpu_type(p.word())) => {
                Noun::Plain(Plain::CpuType)
            }
            Named::Plain(Plain::Machine) if word == "machine" && alone => {
                follows(self, &|p| is_machine(p.word())).then_some(Noun::Plain(Plain::Machine))?
            }
            Named::Plain(Plain::BootOrder) if word == "boot" && alone => self
                .ahead(|p| {
                    (p.mark('=') || p.mark(':')).then_some(())?;
                    (p.any(words!("order")) || is_device(p.word())).then_some(())
                })
                .then_some(Noun::Plain(Plain::BootOrder))?,
            Named::Plain(Plain::Tpm) => {
                // The only version there is.
                let version = self
                    .peek(0)
                    .is_some_and(|token| matches!(token.word.as_str(), "v2.0" | "v2") || token.text == "2.0");
                self.at += usize::from(version);
                Noun::Plain(Plain::Tpm)
            }
            Named::Plain(plain) => Noun::Plain(plain),
            Named::Disk(part) => match self.of_which(Noun::DiskPart(None, part)) {
                Noun::DiskPart(None, DiskPart::Storage) => Noun::Storage,
                noun => noun,
            },
            Named::Nic(part) => self.of_which(Noun::Nic(None, part)),
            Named::Node => Noun::Node,
        })
    }

    /// “net1’s VLAN”, “second NIC”.
    fn nic_noun(&mut self) -> Option<Noun> {
        let NicRef(number) = self.nic_ref()?;
        let part = self.attempt(|p| {
            p.any(words!("'s"));
            match p.field_word()? {
                Named::Nic(part) => Some(part),
                _ => None,
            }
        });
        (number.is_some() || part.is_some()).then(|| Noun::Nic(number, part.unwrap_or(NicPart::Bridge)))
    }

    fn disk_noun(&mut self) -> Option<Noun> {
        let (which, plural) = self.whole_disk()?;
        let part = self.attempt(|p| {
            p.any(words!("'s"));
            match p.field_word()? {
                Named::Disk(part) => Some(part),
                _ => None,
            }
        });
        match (part, disk_ref(&which)) {
            (Some(part), Some(disk)) if !plural => Some(Noun::DiskPart(Some(disk), part)),
            (Some(_), _) => None,
            (None, _) => Some(Noun::Disk(which, plural)),
        }
    }

    /// “the second disk”, “scsi1”, “disk scsi1”, “data disk”, “root disk”; `true` for several.
    pub fn whole_disk(&mut self) -> Option<(Which, bool)> {
        let slot = |p: &mut Self| Some((Which::The(DiskRef::Slot(p.slot()?)), false));
        let definite = self.any(words!("the|its")) || matches!(self.last_word(), "the" | "its" | "'s");
        // “the 100 GB disk”
        if definite
            && let Some(size) = self.attempt(|p| {
                let size = p.quantity()?;
                p.any(words!("hard disk|hard drive|disk|drive|volume")).then_some(size)
            })
        {
            return Some((Which::The(DiskRef::Sized(size)), false));
        }
        let second =
            ["second", "2nd", "third", "3rd", "fourth", "4th"].iter().position(|ordinal| *ordinal == self.word());
        if let Some(nth) = second {
            self.at += 1;
            let nth = u8::try_from(nth / 2 + 2).ok()?;
            return self.any(DISKS).then_some((Which::The(DiskRef::Nth(nth)), false));
        }
        let data = self.ahead(|p| p.any(words!("data")).then_some(()));
        let role = self.disk_role();
        if self.any(words!("rootfs|root fs|root filesystem"))
            || role == Some(Which::System) && self.any(words!("filesystem"))
        {
            return Some((Which::System, false));
        }
        if let Some(slot) = self.attempt(slot) {
            self.any(words!("disk"));
            return Some(slot);
        }
        // “disk1”, “disk 2:” of a new guest, which has none yet
        let numbered = |p: &mut Self| {
            let glued = p.word().strip_prefix("disk").is_some_and(|n| matches!(n, "1" | "2" | "3" | "4"));
            p.at += 1;
            let apart = p.last_word() == "disk"
                && p.number().is_some_and(|n| n <= 4)
                && p.ahead(|p| (p.mark(':') || p.mark('=')).then_some(()));
            let makes = matches!(p.drafts.last(), Some(Draft::Create(_)));
            (makes && (glued || apart)).then_some((Which::One, false))
        };
        if let Some(disk) = self.attempt(numbered) {
            return Some(disk);
        }
        if !self.any(words!("disk size|disk space")) && !self.any(DISKS) {
            return None;
        }
        let plural = self.last_word().ends_with('s') && self.last_word() != "rootfs";
        if !plural && let Some(slot) = self.attempt(slot) {
            return Some(slot);
        }
        self.any(words!("size"));
        let which = if data && !plural { Some(Which::The(DiskRef::Data)) } else { role };
        Some((which.unwrap_or(Which::The(DiskRef::Only)), plural))
    }

    /// What follows a field's name: “to 8 GB”, “= 4”, “: 4”, “by 2 GB”, or the value at once.
    pub fn connected_value(&mut self, noun: &Noun, how: How) -> Option<Item> {
        if !matches!(noun, Noun::Nic(_, NicPart::Ip)) && self.any(words!("by")) {
            self.any(words!("another|an additional|an extra"));
            if matches!(how, How::More | How::Less)
                && let Some(per_cent) = self.per_cent().or_else(|| self.attempt(Self::fraction))
            {
                return noun.clone().scaled(of_hundredths(per_cent, how == How::More)?);
            }
            let by = match how {
                How::More | How::Add => Amount::Plus,
                How::Less | How::Remove => Amount::Minus,
                How::Create | How::Give | How::Set => return None,
            };
            return self.value(noun, by);
        }
        if matches!(noun, Noun::Nic(_, NicPart::Bridge | NicPart::Vlan))
            && how != How::Create
            && let Some(item) = self.attempt(Self::replugged)
        {
            return Some(item);
        }
        if let Some(item) = self.attempt(|p| {
            let start = p.at;
            let first = p.amount_before()?;
            let item = p.value(noun, Amount::To)?;
            p.changed_from(start, &first, item)
        }) {
            return Some(item);
        }
        // “RAM (GB): 4”
        if matches!(noun, Noun::Plain(_) | Noun::Disk(_, false))
            && let Some(size) = self.attempt(|p| {
                p.mark('(').then_some(())?;
                let unit = p.unit()?;
                (p.mark(')') && (p.mark(':') || p.mark('=') || p.any(words!("to|is")))).then_some(())?;
                let number = p.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
                p.at += 1;
                let size = quantity::size(&number, unit)?;
                p.at_boundary().then_some(Value::Size(size))
            })
        {
            return match noun {
                Noun::Plain(plain) if matches!(plain.shape(), Shape::Size { .. }) => {
                    Some(Item::Plain(*plain, Amount::To(size)))
                }
                Noun::Disk(which, _) => Some(Item::Disk(DiskItem::sized(Amount::To(size), which.clone()))),
                _ => None,
            };
        }
        // “disk +10G”, “RAM: +50 %”
        let plus = |p: &mut Self| {
            p.mark(':');
            p.any(words!("+more")).then_some(())
        };
        if matches!(how, How::Give | How::Set | How::More) && self.attempt(plus).is_some() {
            if let Some(per_cent) = self.per_cent() {
                return noun.clone().scaled(of_hundredths(per_cent, true)?);
            }
            return self.value(noun, Amount::Plus);
        }
        // “RAM x2”
        if matches!(how, How::Give | How::Set)
            && let Some(times) = self.attempt(Self::times_behind)
        {
            return noun.clone().scaled(times);
        }
        let sign = self.assigns();
        let to = !sign
            && (self.any(words!("to be|should be|shall be|must be|set to|to|is|of|at|size"))
                || matches!(how, How::More | How::Give | How::Set) && self.any(words!("up to"))
                || (matches!(how, How::Less | How::Give | How::Set) || *noun == Noun::Plain(Plain::Balloon))
                    && self.any(words!("down to")));
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
        if bare && matches!(noun, Noun::Plain(Plain::Name | Plain::OnBoot | Plain::Protection)) {
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
            let which = match p.purpose() {
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
                if let Some(size) = self.quantity() {
                    self.any(words!("of ram|of memory|ram|memory"));
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
            p.any(words!("mounted at|mounted on|mounted under|mount at|at|on|under|as|->|→|=>"));
            p.shaped(Named::Disk(DiskPart::Mount))
        }) {
            disk.parts.push((DiskPart::Mount, mount));
            disk.which = if disk.which == Which::System { Which::System } else { Which::Further };
        }
        if disk.storage.is_none() {
            disk.storage = self.storage_of_disk();
        }
        disk
    }
}

/// The CPU types that people name without saying that it is one.
pub fn is_cpu_type(word: &str) -> bool {
    ["host", "max", "kvm64", "qemu64"].contains(&word) || word.starts_with("x86-64-")
}
