//! What can be said of a guest, one phrase at a time: “4 cores”, “a 40 GB disk on tank”, “vmbr1 vlan 20”.

use std::ops::Range;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::{Amount, DiskRef, FirewallPart, Target};
use mycopod_core::size::Size;

use super::named::{Noun, is_cpu_type};
use crate::builtin::Parser;
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

/// What is done with the phrases that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They describe a new guest.
    Create,
    /// They say what a guest shall have.
    Give,
    /// “set”: as [`How::Give`], but a list of tags replaces.
    Set,
    /// “increase … to”, “increase … by”.
    More,
    /// “reduce … to”, “reduce … by”.
    Less,
    /// They come on top.
    Add,
    /// They are taken away.
    Remove,
}

/// How many of [`How`] there are.
const HOWS: usize = 7;

/// A look for a phrase: all that decides whether there is one, beside the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    at: usize,
    end: usize,
    how: How,
    counting: bool,
    addressed: bool,
    asides: usize,
    drafts: usize,
    group: Option<(usize, usize, usize, bool, bool)>,
}

/// A value and the tokens that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// What is said.
    pub value: T,
    /// Where.
    pub tokens: Range<usize>,
}

/// One phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A field that every guest has once.
    Plain(Plain, Amount),
    /// A number for memory or swap that has no unit and is too small to be meant in MiB.
    Unitless(Plain, u64),
    /// “8 cores in total”: those of all sockets of one guest together.
    CoresInTotal(u64),
    /// A disk, or several alike.
    Disk(DiskItem),
    /// A part of a disk; where no disk is said, of the one that was spoken of last.
    DiskPart(Option<DiskRef>, DiskPart, Amount),
    /// Parts of one NIC, of that `number` where it was said; `fresh` where the words say that it is a further one.
    Nic { number: Option<u8>, parts: Vec<(NicPart, Value)>, fresh: bool },
    /// A small volume of its own (EFI variables, TPM state, cloud-init) on a storage that is not said.
    OnStorage(Plain),
    /// An address without the length of its prefix.
    Address(String),
    /// A part of a NIC that is said to be something else now.
    Replug { number: Option<u8>, part: NicPart, from: Value, to: Value },
    /// “two NICs”.
    NicCount(u64),
    /// “both e1000”: parts of so many NICs, which are all that were described.
    EachNic(Number, Vec<(NicPart, Value)>),
    /// Where its disks are.
    Storage(String),
    /// The node it is on.
    Node(String),
    /// What it is made from.
    Image(String),
    /// Its VMID.
    Vmid(u32),
    /// The guest that it shall be like.
    Like(Target),
    /// “with the same”: as the guest described before.
    Same,
    /// “same as a-1”: as that one, which the text describes further ahead.
    SameAs(String),
    /// An amount of either memory or disk space.
    Bare(Amount),
    /// A part of the firewall.
    Firewall(FirewallPart, Amount),
    /// Several of these in one phrase: “disks: 20G, 100G”.
    Several(Vec<Item>),
}

impl Item {
    /// One part of a NIC.
    pub fn nic(part: NicPart, value: Value) -> Self {
        Self::Nic { number: None, parts: vec![(part, value)], fresh: false }
    }

    /// The only kind of guest that has it; `None` for both.
    pub fn only(&self) -> Option<Kind> {
        match self {
            Self::Plain(plain, _) | Self::Unitless(plain, _) | Self::OnStorage(plain) => plain.only(),
            Self::DiskPart(_, part, _) => part.only(),
            Self::Disk(disk) => disk.parts.iter().find_map(|(part, _)| part.only()),
            Self::Nic { parts, .. } => parts.iter().find_map(|(part, _)| part.only()),
            Self::Image(image) => image.to_lowercase().starts_with("windows").then_some(Kind::Qemu),
            Self::Several(items) => items.iter().find_map(Self::only),
            _ => None,
        }
    }

    /// Whether it is a disk, or several.
    pub fn is_disk(&self) -> bool {
        match self {
            Self::Disk(_) => true,
            Self::Several(items) => items.iter().all(Self::is_disk),
            _ => false,
        }
    }

    /// The same field by another amount.
    pub fn with_amount(&self, amount: Amount) -> Option<Self> {
        match self {
            Self::Plain(plain, _) => Some(Self::Plain(*plain, amount)),
            Self::Disk(disk) => Some(Self::Disk(DiskItem { amount, ..disk.clone() })),
            _ => None,
        }
    }

    /// Whether it is said instead of `other`, which was said of several guests: another amount of the same.
    pub fn replaces(&self, other: &Self) -> bool {
        let one_disk = |item: &Self| match item {
            Self::Disk(disk) => disk.times == 1 && matches!(disk.which, Which::One | Which::Unclear | Which::Mass),
            _ => false,
        };
        match (self, other) {
            // Tags come together.
            (Self::Plain(_, Amount::To(Value::Set(_))), _) => false,
            (Self::Plain(one, Amount::To(_)), Self::Plain(other, Amount::To(_))) => one == other,
            (one, other) => one_disk(one) && one_disk(other),
        }
    }

    /// Parts of a NIC, where it says no more: neither which one nor its bridge.
    pub fn part_of_a_nic(self) -> Option<Vec<(NicPart, Value)>> {
        match self {
            Self::Nic { number: None, parts, fresh: false } => {
                parts.iter().all(|(part, _)| *part != NicPart::Bridge).then_some(parts)
            }
            _ => None,
        }
    }

    /// The same of the NIC of that number, where one was said.
    pub fn of_nic(self, of: Option<u8>) -> Self {
        match self {
            Self::Nic { number, parts, fresh } => Self::Nic { number: of.or(number), parts, fresh },
            Self::Replug { number, part, from, to } => Self::Replug { number: of.or(number), part, from, to },
            Self::Several(items) => Self::Several(items.into_iter().map(|item| item.of_nic(of)).collect()),
            other => other,
        }
    }
}

/// A disk as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskItem {
    /// Its size or growth.
    pub amount: Amount,
    /// Which one the words make it.
    pub which: Which,
    /// How many alike.
    pub times: u64,
    /// Where.
    pub storage: Option<Said<String>>,
    /// What else was said of it at once.
    pub parts: Vec<(DiskPart, Value)>,
}

impl DiskItem {
    /// A disk of which only its size or growth was said.
    pub const fn sized(amount: Amount, which: Which) -> Self {
        Self { amount, which, times: 1, storage: None, parts: Vec::new() }
    }
}

/// Which disk the words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// “a 20 GB disk”.
    One,
    /// “20 GB disk”, which is one disk or the space on it.
    Unclear,
    /// “20 GB of disk space”.
    Mass,
    /// “another disk”, “a second disk”, “a data disk”.
    Further,
    /// “add a 20 GB disk”, said of a guest that the same text makes.
    Added,
    /// “system disk”.
    System,
    /// “the disk”, “the second disk”, “scsi1”.
    The(DiskRef),
}

impl Parser<'_> {
    /// One phrase and where it stood. Many rules look for one at the same place: it is read once.
    pub fn item(&mut self, how: How) -> Option<Said<Item>> {
        let look = self.look(how);
        // What it is looked for as has a place of its own: rules that look for another thing there come in between.
        let place = (self.at * HOWS + how as usize) % self.looks.len();
        if let Some((_, found)) = self.looks[place].as_ref().filter(|(before, _)| *before == look) {
            let found = found.clone()?;
            self.at = found.tokens.end;
            return Some(found);
        }
        let item = self.attempt(|p| p.phrase(how));
        // What leaves an aside behind is read each time, for the aside.
        if self.asides.len() == look.asides {
            self.looks[place] = Some((look, item.clone()));
        }
        item
    }

    fn look(&self, how: How) -> Look {
        let group = self.group().map(|group| {
            (group.items.len(), group.members.len(), group.focus.len(), group.kind.is_some(), group.plural)
        });
        Look {
            at: self.at,
            end: self.end,
            how,
            counting: self.counting,
            addressed: self.addressed.is_some(),
            asides: self.asides.len(),
            drafts: self.drafts.len(),
            group,
        }
    }

    fn phrase(&mut self, how: How) -> Option<Said<Item>> {
        let start = self.at;
        // Nothing begins with these.
        if self.peek(0).is_none_or(|token| {
            matches!(
                token.kind,
                TokenKind::Break | TokenKind::Mark('/' | ',' | '|' | ':' | ')' | '.' | ';' | '?' | '=')
            )
        }) {
            return None;
        }
        let gives = matches!(how, How::Create | How::Give | How::Set);
        let value = self
            .attempt(Self::os_type_behind)
            .or_else(|| self.attempt(Self::image_of_system))
            .or_else(|| if how == How::Create { self.attempt(Self::volumes_together) } else { None })
            .or_else(|| {
                if matches!(how, How::Create | How::Give | How::Set | How::Add) {
                    self.attempt(|p| p.stated(how))
                } else {
                    None
                }
            })
            .or_else(|| {
                if matches!(how, How::Create | How::Give | How::Set) { self.attempt(Self::value_as) } else { None }
            })
            .or_else(|| if how == How::Create { self.of_a_new_guest() } else { None })
            .or_else(|| if gives { self.in_an_order() } else { None })
            .or_else(|| match how {
                How::Create => self.attempt(Self::limited),
                How::Give | How::Set => self.attempt(Self::bounded),
                _ => None,
            })
            .or_else(|| {
                if matches!(how, How::Create | How::Give | How::Set) {
                    self.attempt(Self::fetched).or_else(|| self.attempt(Self::reachable))
                } else {
                    None
                }
            })
            .or_else(|| if how == How::Create { self.attempt(Self::of_its_memory) } else { None })
            .or_else(|| {
                if matches!(how, How::Create | How::Give | How::Set) {
                    self.attempt(Self::sockets_of_cores).or_else(|| self.attempt(Self::cores_on_sockets))
                } else {
                    None
                }
            })
            .or_else(|| self.attempt(Self::delayed))
            .or_else(|| self.attempt(Self::key_alone))
            .or_else(|| if how == How::Create { self.attempt(Self::disks_one_by_one) } else { None })
            .or_else(|| {
                if how == How::Create { self.attempt(Self::vmid).or_else(|| self.attempt(Self::alike)) } else { None }
            })
            .or_else(|| if how == How::Remove { None } else { self.attempt(Self::flag) })
            .or_else(|| self.attempt(Self::none))
            .or_else(|| self.attempt(|p| p.tags(how)))
            .or_else(|| self.attempt(Self::cpu_type))
            .or_else(|| self.attempt(crate::builtin::Parser::description))
            .or_else(|| {
                if how == How::Create {
                    self.attempt(Self::its_card)
                        .or_else(|| self.attempt(Self::bridges))
                        .or_else(|| self.attempt(Self::vlan_each))
                        .or_else(|| self.attempt(Self::all_on))
                } else {
                    None
                }
            })
            .or_else(|| {
                if how == How::Create {
                    None
                } else {
                    self.attempt(Self::replugged).or_else(|| self.attempt(|p| p.further_nics(how)))
                }
            })
            .or_else(|| self.attempt(|p| p.nic(how)))
            .or_else(|| if how == How::Create { None } else { self.attempt(Self::other_pool).map(|said| said.value) })
            .or_else(|| self.attempt(Self::pool))
            .or_else(|| self.attempt(crate::builtin::Parser::place))
            .or_else(|| if how == How::Create { self.attempt(Self::image) } else { None })
            .or_else(|| {
                let like = how == How::Create && self.shall_be_like();
                if like || matches!(how, How::Give | How::Set) { self.attempt(Self::multiple) } else { None }
            })
            .or_else(|| if how == How::Create { None } else { self.attempt(|p| p.hundredths(how)) })
            .or_else(|| if how == How::Create { None } else { self.attempt(Self::changed) })
            .or_else(|| if how == How::Create { None } else { self.attempt(Self::another_core) })
            .or_else(|| self.attempt(|p| p.noun_value(how)))
            .or_else(|| if how == How::Create { self.attempt(Self::value_before) } else { None })
            .or_else(|| self.attempt(|p| p.value_noun(how)))?;
        let value = if gives { self.on_more_disks(value) } else { value };
        // “firewall enabled on its network card”
        let of_a_nic = matches!(&value, Item::Nic { number: None, parts, fresh: false } if parts.iter().all(|(part, _)| *part != NicPart::Bridge));
        let _ = of_a_nic && self.any(words!("on its network card|for its network card|on the network card|on its nic|for its nic|on the nic|on its interface|on the interface|on the network"));
        let value = if how == How::Create {
            // “same as web-01, but 8 GB instead of 4 GB”
            if self.shall_be_like() { self.instead_of(value) } else { value }
        } else {
            let value = self.of_its_own(value);
            self.instead_of(value)
        };
        Some(Said { value, tokens: start..self.at })
    }

    /// “host CPU”, “kvm64 cpu type”.
    fn cpu_type(&mut self) -> Option<Item> {
        // “2 cores (type host)”, “2 cores of type host”
        if let Some(cpu) = self.attempt(|p| {
            let opened = p.at.checked_sub(1).is_some_and(|at| p.tokens[at].kind == crate::lexer::TokenKind::Mark('('));
            let open = p.mark('(');
            // “2 cores (host)”
            let cores = |(_, item): &(Option<usize>, Said<Item>)| matches!(item.value, Item::Plain(Plain::Cores, _));
            let counted = p.group().and_then(|group| group.items.last()).filter(|last| cores(last));
            // “2 cores x86-64-v3”
            let at_once = counted.is_some_and(|(_, cores)| cores.tokens.end == p.at);
            let alone = counted.is_some() && (open || opened || at_once);
            let typed = p.any(words!("cpu type|of type|type")) || alone && p.any(words!("cpu"));
            (typed || alone).then_some(())?;
            let _ = p.mark(':') || p.mark('=');
            let cpu = is_cpu_type(p.word()).then(|| p.peek(0).map(|token| token.text.clone()))??;
            p.at += 1;
            (!open || p.mark(')')).then_some(cpu)
        }) {
            return Some(Item::Plain(Plain::CpuType, Amount::To(Value::Text(cpu.to_string()))));
        }
        self.articles();
        let cpu = is_cpu_type(self.word()).then(|| self.peek(0).map(|token| token.text.clone()))??;
        self.at += 1;
        self.any(words!("cpu type|cpu model|processor type|cpu|processor"))
            .then_some(Item::Plain(Plain::CpuType, Amount::To(Value::Text(cpu.to_string()))))
    }

    /// “no swap”, “without any swap”, “0 swap”, “swap off”.
    fn none(&mut self) -> Option<Item> {
        if self.attempt(|p| (p.any(words!("swap space|swap")) && p.any(words!("off|disabled"))).then_some(())).is_some()
        {
            return Some(Item::Plain(Plain::Swap, Amount::To(Value::Size(Size::default()))));
        }
        let none = if self.any(words!("no|without")) {
            self.any(words!("any"));
            true
        } else {
            self.number() == Some(0)
        };
        (none && self.any(words!("swap space|swap"))).then(|| {
            self.at_all();
            Item::Plain(Plain::Swap, Amount::To(Value::Size(Size::default())))
        })
    }

    /// “at all”, “whatsoever”, behind what there is none of.
    pub fn at_all(&mut self) {
        self.verb(words!("at all|whatsoever"));
    }

    /// Whether a new guest is being described that shall be like another.
    pub fn shall_be_like(&self) -> bool {
        self.group().is_some_and(|group| group.items.iter().any(|(_, item)| matches!(item.value, Item::Like(_))))
    }

    /// “memory to 8 GB”, “cores: 4”, “memory by 2 GB”.
    fn noun_value(&mut self, how: How) -> Option<Item> {
        let one = self.any(words!("a|an"));
        let at = self.at;
        self.articles();
        // “its second disk” is there; “second disk 200 GB” may be, or shall be added.
        let definite = (at..self.at).any(|at| matches!(self.word_at(at), "the" | "its" | "their"));
        // “a bigger disk: 52 GB” takes the place of the one there is.
        let bigger = how != How::Create && self.any(words!("bigger|larger|smaller"));
        let (one, definite) = (one && !bigger, definite || bigger);
        let theirs = (at..self.at).any(|at| self.word_at(at) == "their");
        let noun = self.noun()?;
        // “their disks to 80 GB”: one of each.
        let noun = match noun {
            Noun::Disk(which, true) if theirs => Noun::Disk(which, false),
            noun => noun,
        };
        // “second disk to 200 GB”, “data disk: 80 GB”: what is added has no size yet.
        let sized = |p: &mut Self| (p.any(words!("from|up to|to|->|→|=>")) || p.mark(':') || p.mark('=')).then_some(());
        let definite = definite || self.ahead(sized);
        let noun = match noun {
            // “add a disk of 50 GB”: no disk there is.
            Noun::Disk(..) if one && how != How::Create => return None,
            Noun::Disk(Which::The(DiskRef::Only), several) if how == How::Add => Noun::Disk(Which::One, several),
            // What is added is a further disk, whatever its number.
            Noun::Disk(Which::The(DiskRef::Nth(_) | DiskRef::Data), several) if how == How::Add => {
                Noun::Disk(Which::Further, several)
            }
            // One by its number is there, or it is asked which one is meant.
            Noun::Disk(Which::The(DiskRef::Data), several) if how == How::Give && !definite => {
                Noun::Disk(Which::Unclear, several)
            }
            noun => noun,
        };
        let item = self.connected_value(&noun, how)?;
        // “mtu 9000 on net0”, “cache none for scsi1”
        Some(match (self.of_which(noun), item) {
            (Noun::DiskPart(disk, _), Item::DiskPart(None, part, amount)) => Item::DiskPart(disk, part, amount),
            (Noun::Nic(number, _), item) => item.of_nic(number),
            (_, item) => item,
        })
    }
}
