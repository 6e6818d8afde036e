//! “from 4 to 8 GB”, “8 GB instead of 4”, “4 GB → 8 GB”: what a value is said to be now, beside what it shall be.

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef};
use mycopod_core::size::Size;

use crate::quantity;

use super::disks::DISKS;
use super::item::{DiskItem, How, Item, Said, Which};
use super::named::Noun;
use super::network::MAX_VLAN;
use super::nic::NicRef;
use crate::builtin::Parser;
use crate::builtin::changing::change::{Wish, disk_ref};
use crate::builtin::changing::verbs::{MORE, SET};
use crate::builtin::wordings::words;

/// GiB and MiB, the units of what has none.
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// An amount that may have no unit of its own.
pub enum Before {
    /// With its unit.
    Whole(Value),
    /// A number, in digits, of the unit that comes later.
    Number(String),
}

impl Parser<'_> {
    /// “from 4”, before “to 8 GB”.
    pub fn amount_before(&mut self) -> Option<Before> {
        self.any(words!("from")).then_some(())?;
        let before = self.before()?;
        self.any(words!("up to|down to|to")).then_some(())?;
        Some(before)
    }

    /// “8 →”, before “12 cores”.
    pub fn amount_and_arrow(&mut self) -> Option<Before> {
        let before = self.before()?;
        self.any(words!("->|→|=>")).then_some(before)
    }

    fn before(&mut self) -> Option<Before> {
        self.verb(words!("the current|the present|the|currently"));
        if let Some(size) = self.quantity() {
            return Some(Before::Whole(Value::Size(size)));
        }
        // “instead of none”
        if self.any(words!("none")) {
            return Some(Before::Number("0".to_owned()));
        }
        // “instead of the half it has now”
        if self.any(words!("half")) {
            return Some(Before::Number("0.5".to_owned()));
        }
        let number = self.number()?;
        let cores = self.any(words!("cpu cores|cores|core|vcpus|vcpu|cpus|cpu"));
        Some(if cores { Before::Whole(Value::Count(number)) } else { Before::Number(number.to_string()) })
    }

    /// “from vmbr0 to vmbr1”, “vlan 10 → 20”: what a NIC is said to be on now, before what it shall be on.
    pub fn replugged(&mut self) -> Option<Item> {
        if let Some(item) = self.attempt(Self::plugged_instead) {
            return Some(item);
        }
        let from = self.any(words!("from|off"));
        let one = |p: &mut Self| match p.bridge(false, false).or_else(|| p.vlan(false))? {
            Item::Nic { number: None, parts, .. } => Some(parts),
            _ => None,
        };
        let before = self.attempt(one)?;
        let joined = if from { words!("and onto|and on to|over to|to|onto|->|→|=>") } else { words!("->|→|=>") };
        self.any(joined).then_some(())?;
        let after = self.attempt(one).or_else(|| {
            // “from VLAN 10 to 20”
            let vlan = matches!(before.as_slice(), [(NicPart::Vlan, _)]);
            let number = self.number().filter(|number| vlan && (1..=MAX_VLAN).contains(number))?;
            Some(vec![(NicPart::Vlan, Value::Count(number))])
        })?;
        let now = |part: &NicPart| before.iter().find(|(known, _)| known == part).map(|(_, value)| value.clone());
        // “from VLAN 10 to vmbr1” does not say what becomes of the VLAN.
        before.iter().all(|(part, _)| after.iter().any(|(known, _)| known == part)).then_some(())?;
        let item = |(part, to)| match now(&part) {
            Some(from) => Item::Replug { number: None, part, from, to },
            None => Item::nic(part, to),
        };
        let mut items: Vec<Item> = after.into_iter().map(item).collect();
        if items.len() == 1 { items.pop() } else { Some(Item::Several(items)) }
    }

    /// “to vmbr1 instead of vmbr0”
    fn plugged_instead(&mut self) -> Option<Item> {
        self.any(words!("over to|to|onto|on to|into|on|in"));
        let to = self.bridge(false, false)?;
        self.any(words!("instead of|rather than")).then_some(())?;
        match (to, self.bridge(false, false)?) {
            (Item::Nic { number, parts: to, .. }, Item::Nic { parts: from, .. }) => match (&to[..], &from[..]) {
                ([(part, to)], [(NicPart::Bridge, from)]) => {
                    Some(Item::Replug { number, part: *part, from: from.clone(), to: to.clone() })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `item`, which says what shall be, from what is said to be `first`; `start` is where the words begin.
    pub fn changed_from(&self, start: usize, first: &Before, item: Item) -> Option<Item> {
        let unit = (start..self.at).rev().find_map(|at| quantity::unit(self.word_at(at)));
        let of = |to: &Value, bare: u64| match (first, to) {
            (Before::Whole(value @ Value::Text(_)), Value::Text(_))
            | (Before::Whole(value @ Value::Size(_)), Value::Size(_))
            | (Before::Whole(value @ Value::Count(_)), Value::Count(_)) => Some(value.clone()),
            (Before::Number(number), Value::Size(_)) => quantity::size(number, unit.unwrap_or(bare)).map(Value::Size),
            (Before::Number(number), Value::Count(_)) => quantity::whole(number).map(Value::Count),
            _ => None,
        };
        match item {
            Item::Plain(plain, Amount::To(to)) => {
                let from = of(&to, MIB)?;
                Some(Item::Plain(plain, Amount::FromTo(from, to)))
            }
            // “512 → 768 MB”
            Item::Bare(Amount::To(to)) => {
                let megabytes = unit == Some(MIB);
                let from = of(&to, MIB).filter(|_| megabytes)?;
                Some(Item::Plain(Plain::Memory, Amount::FromTo(from, to)))
            }
            Item::Disk(mut disk) => {
                let Amount::To(to) = disk.amount else { return None };
                disk.amount = Amount::FromTo(of(&to, GIB)?, to);
                Some(Item::Disk(disk))
            }
            Item::Nic { number, parts, fresh: false } => {
                let [(part @ NicPart::Vlan, to)] = <[_; 1]>::try_from(parts).ok()? else { return None };
                Some(Item::Replug { number, part, from: of(&to, 1)?, to })
            }
            _ => None,
        }
    }

    /// “by 4 GB to 8 GB”, “18 GB more, so total is 50 GB”: `item`, which is a step, and behind it what it comes to.
    pub fn up_to_total(&mut self, noun: &Noun, item: Item) -> Item {
        let total = self.attempt(|p| {
            let (step, more) = match &item {
                Item::Plain(_, Amount::Plus(step)) | Item::Disk(DiskItem { amount: Amount::Plus(step), .. }) => {
                    (step, true)
                }
                Item::Plain(_, Amount::Minus(step)) | Item::Disk(DiskItem { amount: Amount::Minus(step), .. }) => {
                    (step, false)
                }
                _ => return None,
            };
            let comma = p.mark(',') || p.mark('(');
            p.any(words!("so that|so"));
            let said = p.any(words!(
                "the new total is|the total is|total is|total|for a total of|to a total of|in total|it has|it is then"
            ));
            (said || !comma && p.any(words!("up to|down to|to"))).then_some(())?;
            let total = p.value(noun, Amount::To)?;
            p.any(words!("in total|altogether|total|then"));
            p.mark(')');
            let (Item::Plain(_, Amount::To(to)) | Item::Disk(DiskItem { amount: Amount::To(to), .. })) = &total else {
                return None;
            };
            let before = |to: u64, step: u64| if more { to.checked_sub(step) } else { to.checked_add(step) };
            let from = match (to, step) {
                (Value::Size(to), Value::Size(step)) => {
                    Value::Size(Size::bytes(before(to.as_bytes(), step.as_bytes())?))
                }
                (Value::Count(to), Value::Count(step)) => Value::Count(before(*to, *step)?),
                _ => return None,
            };
            total.with_amount(Amount::FromTo(from, to.clone()))
        });
        total.unwrap_or(item)
    }

    /// What shall be, and behind it what it is now: “8 GB instead of 4”, “8 GB (was 4 GB)”.
    pub fn instead_of(&mut self, item: Item) -> Item {
        let start = self.at;
        let changed = self.attempt(|p| {
            p.any(words!("each"));
            let open = p.mark('(');
            let comma = p.mark(',');
            // “4 cores, from 4 to 8 GB” goes on with something else.
            let from = !comma && p.any(words!("from"));
            let now = open && p.any(words!("currently|now|is now|has now|is|has|had"));
            let had = words!("it currently has|it now has|it has now|it has|currently has");
            let had_then = words!(
                "at the moment it has|at the moment it is|at present it has|currently it has|currently it is|right now it has|right now it is|\
                 so far it has|so far it had|so far it was|it is currently|it currently is|it is now|it had|it only has"
            );
            let has = comma && p.ahead(|p| p.any(words!("it is|it has|it's|they have")).then_some(()));
            let said = now
                || from
                || p.any(had)
                || comma && p.any(had_then)
                || p.any(words!(
                    "instead of|in place of|rather than|previously|now it is|now it has|now it's|it was|was|up from|down from|currently"
                ))
                || comma && p.any(words!("and not|not"));
            let told = !said && has && p.any(words!("it is|it has|it's|they have"));
            (said || told || open).then_some(())?;
            let before = p.before()?;
            let memory = p.any(words!("of memory|of ram|memory|ram"));
            let _ = memory || p.any(words!("cores|core|cpus|vcpus"));
            // “8 GB (4 now)”
            let so_far = words!("it has now|they have now|it has|they have|as now|now|currently|right now|so far|until now|till now|up to now|at the moment");
            (p.any(so_far) || said).then_some(())?;
            if open {
                p.mark(')').then_some(())?;
            }
            let said = start.saturating_sub(4);
            // “8 GB instead of 4 GB of memory”
            let item = match item.clone() {
                Item::Bare(amount) if memory => Item::Plain(Plain::Memory, amount),
                item => item,
            };
            p.changed_from(said, &before, item)
        });
        changed.unwrap_or(item)
    }

    /// “4 cores and 8 GB of RAM instead of 2 cores and 4 GB”: as many amounts as were said, in their order.
    pub fn instead_of_all(&mut self, items: Vec<Said<Item>>) -> Vec<Said<Item>> {
        let all = |p: &mut Self| {
            (items.len() > 1).then_some(())?;
            p.any(words!("each"));
            p.any(words!("instead of|in place of|rather than|previously|up from|down from")).then_some(())?;
            let mut changed = Vec::new();
            for item in &items {
                (changed.is_empty() || p.joint()).then_some(())?;
                let before = p.before()?;
                p.any(words!("of memory|of ram|memory|ram|cores|core|cpus|vcpus"));
                let value = p.changed_from(item.tokens.start, &before, item.value.clone())?;
                changed.push(Said { value, tokens: item.tokens.clone() });
            }
            Some(changed)
        };
        self.attempt(all).unwrap_or(items)
    }

    /// “extend the 32 GB disk of web-01 to 64 GB”, “web-01’s 32 GB disk to 64 GB”: a disk by what it has now.
    pub fn sized_disk(&mut self) -> Option<Wish> {
        let grows = self.verb(MORE) || self.verb(SET);
        let start = self.at;
        let sized = |p: &mut Self| {
            p.any(words!("the"));
            let now = p.quantity()?;
            p.any(DISKS).then_some(now)
        };
        let (size, targets) = self
            .attempt(|p| {
                let now = sized(p)?;
                Some((now, p.of_targets(words!("of|on|in"))?))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    Some((sized(p)?, targets))
                })
            })?;
        (grows || self.known(&targets)).then_some(())?;
        self.any(words!("should be|up to|to")).then_some(())?;
        let amount = Amount::FromTo(Value::Size(size), Value::Size(self.quantity()?));
        let value = Item::Disk(DiskItem::sized(amount, Which::The(DiskRef::Sized(size))));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// Whether an arrow follows, or an amount and then an arrow.
    pub fn arrow_or_amounts(&mut self) -> Option<()> {
        if self.before().is_some() {
            self.any(words!("of memory|of ram|memory|ram|cores|core"));
        }
        self.any(words!("->|→|=>")).then_some(())
    }

    /// “4 GB → 8 GB”: `item` was what is now.
    pub fn or_arrow(&mut self, noun: &Noun, item: Item) -> Option<Item> {
        let now = match &item {
            Item::Plain(_, Amount::To(value)) => Some(Before::Whole(value.clone())),
            Item::Unitless(_, number) => Some(Before::Number(number.to_string())),
            Item::Disk(disk) => match &disk.amount {
                Amount::To(value) => Some(Before::Whole(value.clone())),
                _ => None,
            },
            _ => None,
        };
        let start = self.at;
        if !self.any(words!("->|→|=>")) {
            return Some(item);
        }
        let to = self.value(noun, Amount::To)?;
        self.changed_from(start, &now?, to)
    }

    /// “the rate limit of web-02’s NIC”: the part behind the guest.
    pub fn of_its_part(&mut self, noun: Noun) -> Noun {
        match noun {
            Noun::Nic(None, part) => {
                let nic = self.attempt(|p| if p.any(words!("'s")) { p.nic_ref() } else { None });
                Noun::Nic(nic.and_then(|NicRef(number)| number), part)
            }
            Noun::DiskPart(None, part) => {
                let disk = self.attempt(Self::its_disk);
                Noun::DiskPart(disk, part)
            }
            Noun::Storage => match self.attempt(Self::its_disk) {
                Some(disk) => Noun::DiskPart(Some(disk), DiskPart::Storage),
                None => Noun::Storage,
            },
            noun => noun,
        }
    }

    /// “’s second disk”
    fn its_disk(&mut self) -> Option<DiskRef> {
        self.any(words!("'s")).then_some(())?;
        let (which, plural) = self.whole_disk()?;
        disk_ref(&which).filter(|_| !plural)
    }

    /// “discard … for web-01’s disk”: the part behind the guest that switches are said of.
    pub fn of_its_parts(&mut self, items: Vec<Item>) -> Vec<Item> {
        if !items.iter().all(|item| matches!(item, Item::DiskPart(None, ..) | Item::Nic { number: None, .. })) {
            return items;
        }
        let disks = items.iter().all(|item| matches!(item, Item::DiskPart(..)));
        if disks && let Some(disk) = self.attempt(Self::its_disk) {
            let of = |item: Item| match item {
                Item::DiskPart(_, part, amount) => Item::DiskPart(Some(disk.clone()), part, amount),
                other => other,
            };
            return items.into_iter().map(of).collect();
        }
        let nics = items.iter().all(|item| matches!(item, Item::Nic { .. }));
        let nic = if nics { self.attempt(|p| if p.any(words!("'s")) { p.nic_ref() } else { None }) } else { None };
        match nic {
            Some(NicRef(number)) => items.into_iter().map(|item| item.of_nic(number)).collect(),
            None => items,
        }
    }
}
