//! “from 4 to 8 GB”, “8 GB instead of 4”, “4 GB → 8 GB”: what a value is said to be now, beside what it shall be.

use mycopod_core::field::Value;
use mycopod_core::reading::Amount;

use crate::quantity;

use super::Parser;
use super::item::Item;
use super::named::Noun;
use super::nic::NicRef;

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
        self.any("from").then_some(())?;
        let before = self.before()?;
        self.any("up to|down to|to").then_some(())?;
        Some(before)
    }

    fn before(&mut self) -> Option<Before> {
        if let Some(size) = self.quantity() {
            return Some(Before::Whole(Value::Size(size)));
        }
        self.number().map(|number| Before::Number(number.to_string()))
    }

    /// `item`, which says what shall be, from what is said to be `first`; `start` is where the words begin.
    pub fn changed_from(&self, start: usize, first: &Before, item: Item) -> Option<Item> {
        let unit = (start..self.at).rev().find_map(|at| quantity::unit(self.word_at(at)));
        let of = |to: &Value, bare: u64| match (first, to) {
            (Before::Whole(value), _) => Some(value.clone()),
            (Before::Number(number), Value::Size(_)) => quantity::size(number, unit.unwrap_or(bare)).map(Value::Size),
            (Before::Number(number), Value::Count(_)) => quantity::whole(number).map(Value::Count),
            _ => None,
        };
        match item {
            Item::Plain(plain, Amount::To(to)) => {
                let from = of(&to, MIB)?;
                Some(Item::Plain(plain, Amount::FromTo(from, to)))
            }
            Item::Disk(mut disk) => {
                let Amount::To(to) = disk.amount else { return None };
                disk.amount = Amount::FromTo(of(&to, GIB)?, to);
                Some(Item::Disk(disk))
            }
            _ => None,
        }
    }

    /// What shall be, and behind it what it is now: “8 GB instead of 4”, “8 GB (was 4 GB)”.
    pub fn instead_of(&mut self, item: Item) -> Item {
        let start = self.at;
        let changed = self.attempt(|p| {
            let open = p.mark('(');
            let _ = p.mark(',');
            p.any("instead of|rather than|previously|it was|was|up from|down from").then_some(())?;
            let before = p.before()?;
            p.any("of memory|of ram|memory|ram|cores|core");
            (!open || p.mark(')')).then_some(())?;
            let said = start.saturating_sub(4);
            p.changed_from(said, &before, item.clone())
        });
        changed.unwrap_or(item)
    }

    /// Whether an arrow follows, or an amount and then an arrow.
    pub fn arrow_or_amounts(&mut self) -> Option<()> {
        if self.before().is_some() {
            self.any("of memory|of ram|memory|ram|cores|core");
        }
        self.any("->|→|=>").then_some(())
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
        if !self.any("->|→|=>") {
            return Some(item);
        }
        let to = self.value(noun, Amount::To)?;
        self.changed_from(start, &now?, to)
    }

    /// “the rate limit of web-02’s NIC”: the part behind the guest.
    pub fn of_its_part(&mut self, noun: Noun) -> Noun {
        match noun {
            Noun::Nic(None, part) => {
                let nic = self.attempt(|p| if p.any("'s") { p.nic_ref() } else { None });
                Noun::Nic(nic.and_then(|NicRef(number)| number), part)
            }
            noun => noun,
        }
    }
}
