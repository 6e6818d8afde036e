//! Fields called by their name, and their values: “cpu limit 1.5”, “set X to Y”, “no ballooning”, “discard on”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};
use mycopod_core::size::Size;

use super::Parser;
use super::change::disk_ref;
use super::fields::{self, Named};
use super::item::{DISKS, DiskItem, How, Item, Said, Which};
use super::nic::NicRef;
use super::shaped::{LEAST_MIB, is_device, is_machine};

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
    const fn is_counted(&self) -> bool {
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
        self.any("the");
        self.any("number of|amount of|size of the|size of|value of");
        self.any("the");
        self.attempt(Self::nic_noun)
            .or_else(|| self.attempt(Self::field_noun))
            .or_else(|| self.attempt(Self::disk_noun))
    }

    fn word_ahead(&self, ahead: usize) -> &str {
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
                let _ = p.mark('=') || p.mark(':') || p.any("to|is|of|type");
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
                    (p.any("order") || is_device(p.word())).then_some(())
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
            p.any("'s");
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
            p.any("'s");
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
        self.any("the|its");
        let second =
            ["second", "2nd", "third", "3rd", "fourth", "4th"].iter().position(|ordinal| *ordinal == self.word());
        if let Some(nth) = second {
            self.at += 1;
            let nth = u8::try_from(nth / 2 + 2).ok()?;
            return self.any(DISKS).then_some((Which::The(DiskRef::Nth(nth)), false));
        }
        let data = self.ahead(|p| p.any("data").then_some(()));
        let role = self.disk_role();
        if self.any("rootfs|root fs|root filesystem") {
            return Some((Which::System, false));
        }
        if let Some(slot) = self.attempt(slot) {
            return Some(slot);
        }
        if !self.any("disk size|disk space") && !self.any(DISKS) {
            return None;
        }
        let plural = self.last_word().ends_with('s') && self.last_word() != "rootfs";
        if role.is_none()
            && !plural
            && let Some(slot) = self.attempt(slot)
        {
            return Some(slot);
        }
        self.any("size");
        let which = if data && !plural { Some(Which::The(DiskRef::Data)) } else { role };
        Some((which.unwrap_or(Which::The(DiskRef::Only)), plural))
    }

    /// What follows a field's name: “to 8 GB”, “= 4”, “: 4”, “by 2 GB”, or the value at once.
    pub fn connected_value(&mut self, noun: &Noun, how: How) -> Option<Item> {
        if !matches!(noun, Noun::Nic(_, NicPart::Ip)) && self.any("by") {
            self.any("another|an additional|an extra");
            let by = match how {
                How::More | How::Add => Amount::Plus,
                How::Less | How::Remove => Amount::Minus,
                How::Create | How::Give | How::Set => return None,
            };
            return self.value(noun, by);
        }
        if let Some(item) = self.attempt(|p| {
            let start = p.at;
            let first = p.amount_before()?;
            let item = p.value(noun, Amount::To)?;
            p.changed_from(start, &first, item)
        }) {
            return Some(item);
        }
        let sign = self.mark('=') || self.mark(':');
        let to = !sign
            && (self.any("to be|should be|shall be|must be|to|is|of|at|size")
                || (how == How::More) && self.any("up to")
                || (how == How::Less || *noun == Noun::Plain(Plain::Balloon)) && self.any("down to"));
        let bare = !(sign || to);
        if bare && !matches!(how, How::Create | How::Give | How::Set) && !(how == How::Add && noun.comes_on_top()) {
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
            return self.disk_list(which);
        }
        let item = self.value(noun, Amount::To)?;
        self.or_arrow(noun, item)
    }

    /// “disks: 20G, 100G” and “disks of 20 GB and 100 GB”.
    fn disk_list(&mut self, which: &Which) -> Option<Item> {
        let disk = |p: &mut Self| {
            let start = p.at;
            p.any("a|one");
            if !p.ahead(super::Parser::quantity) {
                p.at = start;
            }
            let size = p.quantity()?;
            let which = if matches!(which, Which::The(_)) { Which::One } else { which.clone() };
            Some(Item::Disk(p.disk_item(Amount::To(Value::Size(size)), which, 1)))
        };
        let mut disks = vec![disk(self)?];
        // A further amount is a disk unless it says what else it is.
        while let Some(next) = self.attempt(|p| {
            p.joint();
            let next = disk(p)?;
            (p.at_boundary() && !p.ahead(|p| p.any("memory|ram|swap").then_some(()))).then_some(next)
        }) {
            disks.push(next);
        }
        Some(Item::Several(disks))
    }

    /// The value of the field called by its name.
    pub fn value(&mut self, noun: &Noun, by: impl Fn(Value) -> Amount) -> Option<Item> {
        let sets = matches!(by(Value::Count(0)), Amount::To(_));
        match noun {
            Noun::Plain(plain @ (Plain::Cores | Plain::Sockets)) => {
                let count = self.number().filter(|count| *count > 0)?;
                self.any("cpu cores|cores|core|vcpus|vcpu|cpus|cpu|sockets|socket|c");
                Some(Item::Plain(*plain, by(Value::Count(count))))
            }
            Noun::Plain(plain @ (Plain::Memory | Plain::Swap | Plain::Balloon)) => {
                if let Some(size) = self.quantity() {
                    self.any("of ram|of memory|ram|memory");
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
                    p.any("with a size of|with|of");
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
            Noun::Storage => Some(Item::Storage(self.name()?)),
            Noun::Node => Some(Item::Node(self.name()?)),
        }
    }

    /// A disk of which `amount` was said, with what follows of it: “on local-lvm”, “at /srv/data”.
    pub fn disk_item(&mut self, amount: Amount, which: Which, times: u64) -> DiskItem {
        let mut disk = DiskItem { amount, which, times, storage: self.storage_of_disk(), parts: Vec::new() };
        if let Some(mount) = self.attempt(|p| {
            p.any("mount point");
            p.any("mounted at|mounted on|mounted under|mount at|at|on|under|as");
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

    /// A field that is switched or said in one: “nesting on”, “no ballooning”, “with a TPM”, “UEFI”, “enable discard”.
    pub fn stated(&mut self, how: How) -> Option<Item> {
        self.any("to be|be|is|are");
        if let Some((length, (named, said))) = fields::phrase(|ahead| self.word_ahead(ahead)) {
            self.at += length;
            return match named {
                Named::Plain(plain) => Some(Item::Plain(plain, Amount::To(said.value()))),
                Named::Disk(part) => Some(Item::DiskPart(None, part, Amount::To(said.value()))),
                Named::Nic(part) => Some(Item::nic(part, said.value())),
                Named::Node => None,
            };
        }
        if self.any("features|feature") {
            let _ = self.mark(':') || self.mark('=');
        }
        let prefix = self.prefix();
        self.articles();
        self.any("any");
        let noun = self.noun().filter(|noun| !noun.is_counted())?;
        let flag = noun.named()?.shape() == Shape::Flag;
        let last = self.last_word().to_owned();
        let explicit = self.attempt(|p| {
            let sign = p.mark('=') || p.mark(':') || p.any("to be|set to|to|is");
            let value = if flag { p.yes_or_no()? } else { p.on_or_off()? };
            (sign || p.at_boundary() || matches!(p.word(), "for" | "of" | "to" | "with" | "from" | "on" | "in"))
                .then_some(value)
        });
        let on = match (prefix, explicit) {
            (Some(_), Some(_)) => return None,
            (Some(on), None) => {
                let ends = self.at_boundary() || matches!(self.word(), "to" | "for" | "on" | "of" | "from" | "in");
                let files = noun == Noun::DiskPart(None, DiskPart::Backup);
                (ends && !files).then_some(on)?
            }
            (None, Some(on)) => on,
            // “40 GB SSD” is a disk of another make, “backup” and “firewall” are more than a flag.
            (None, None) if matches!(last.as_str(), "ssd" | "backup" | "backups") => return None,
            (None, None) => {
                let ends = self.at_boundary() || matches!(how, How::Add | How::Give) && self.word() == "to";
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
                    p.any("of|on|for").then_some(())?;
                    let (which, plural) = p.whole_disk()?;
                    disk_ref(&which).filter(|_| !plural)
                });
                Noun::DiskPart(disk, part)
            }
            Noun::Nic(None, part) => {
                let nic = self.attempt(|p| if p.any("of|on|for|from") { p.nic_ref() } else { None });
                Noun::Nic(nic.and_then(|NicRef(number)| number), part)
            }
            noun => noun,
        }
    }

    /// “in pool prod”, “in the prod pool”.
    pub fn pool(&mut self) -> Option<Item> {
        self.any("to be|be|is|are");
        self.any("in|into").then_some(())?;
        self.any("the");
        let name = if self.any("resource pool|pool") {
            self.any("called|named");
            self.pool_name()?.value
        } else {
            let name = self.name()?;
            self.any("resource pool|pool").then_some(name)?
        };
        Some(Item::Plain(Plain::Pool, Amount::To(Value::Text(name))))
    }

    /// “enable” or “no” before a field.
    fn prefix(&mut self) -> Option<bool> {
        if self.any("enable|activate|turn on|switch on") {
            return Some(true);
        }
        self.any("disable|deactivate|turn off|switch off|do not use|don't use|no|without").then_some(false)
    }

    fn on_or_off(&mut self) -> Option<bool> {
        if self.any("on|enabled") {
            return Some(true);
        }
        self.any("off|disabled").then_some(false)
    }

    /// Fields in a row that can be switched: “nesting and keyctl”, “discard and ssd emulation on scsi1”.
    pub fn switches(&mut self, on: bool) -> Option<Vec<Item>> {
        let switch = |p: &mut Self| {
            p.noun().filter(|noun| {
                // “backups” without a disk are more than a flag.
                !noun.is_counted() && *noun != Noun::DiskPart(None, DiskPart::Backup)
                    || matches!(noun, Noun::Plain(Plain::OnBoot | Plain::Protection | Plain::Unprivileged))
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

    /// A volume that says by itself what it is for: “with local:iso/debian.iso”, “from local:import/noble.qcow2”.
    pub fn volume_alone(&mut self) -> Option<Item> {
        self.any("with|from");
        let volume = self.peek(0)?.text.clone();
        self.at += 1;
        let value = Amount::To(Value::Text(volume.clone()));
        if volume.contains(":import/") {
            return Some(Item::DiskPart(None, DiskPart::Import, value));
        }
        self.any("as cd|as a cd|as cd-rom|in the cd drive|in its cd drive|in the cd-rom drive");
        volume.contains(":iso/").then_some(Item::Plain(Plain::Cdrom, value))
    }
}

/// The CPU types that people name without saying that it is one.
pub fn is_cpu_type(word: &str) -> bool {
    ["host", "max", "kvm64", "qemu64"].contains(&word) || word.starts_with("x86-64-")
}
