//! Fields called by their name, and their values: “cpu limit 1.5”, “set X to Y”, “no ballooning”, “discard on”.

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef};

use super::disks::DISKS;
use super::fields::{self, Named};
use super::item::{DiskItem, Item, Which};
use super::nic::NicRef;
use super::shaped::{is_device, is_machine};
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
    pub const fn comes_on_top(&self) -> bool {
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
    /// Many rules look for one at the same place: where there is none, it is looked for once.
    pub fn noun(&mut self) -> Option<Noun> {
        let look = (self.at, self.end, self.group().is_some());
        let place = self.at % self.no_noun.len();
        if self.no_noun[place] == Some(look) {
            return None;
        }
        let noun = self.attempt(Self::noun_here);
        if noun.is_none() {
            self.no_noun[place] = Some(look);
        }
        noun
    }

    fn noun_here(&mut self) -> Option<Noun> {
        self.any(words!("the new|the"));
        self.any(words!("number of|amount of|size of the|size of|value of"));
        self.any(words!("the"));
        // “the mount point of cache by 20 GB”; elsewhere it is where it is mounted.
        let mount_point = |p: &mut Self| {
            let of = p.last_word() == "the" && p.ahead(|p| p.any(words!("mount point of|mountpoint of")).then_some(()));
            // “proxy’s mount point to 80 GB”
            let sized = |p: &mut Self| {
                p.any(words!("mount point|mountpoint")).then_some(())?;
                p.any(words!("to|by|from")).then(|| p.quantity())?
            };
            (of || p.last_word() == "'s" && p.ahead(sized)).then_some(())?;
            p.disk_noun()
        };
        self.attempt(mount_point)
            .or_else(|| self.attempt(Self::nic_noun))
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
        let makes = matches!(self.drafts.last(), Some(Draft::Create(_)));
        if !makes && let Some(every) = self.attempt(Self::every_disk) {
            return Some((Which::The(every), false));
        }
        let definite = self.any(words!("the|its")) || matches!(self.last_word(), "the" | "its" | "'s");
        // “the 100 GB disk”
        if definite
            && let Some(size) = self.attempt(|p| {
                let size = p.quantity()?;
                p.any(words!("hard disk|hard drive|disk|drive|volume|hdd")).then_some(size)
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
            || role == Some(Which::System) && self.any(words!("filesystem|file system"))
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
        // A container’s mount point is never the disk of its system.
        let data = data || self.last_word() == "point" && self.group().is_none();
        let which = if data && !plural { Some(Which::The(DiskRef::Data)) } else { role };
        Some((which.unwrap_or(Which::The(DiskRef::Only)), plural))
    }
}

/// The CPU types that people name without saying that it is one.
pub fn is_cpu_type(word: &str) -> bool {
    ["host", "max", "kvm64", "qemu64"].contains(&word) || word.starts_with("x86-64-")
}
