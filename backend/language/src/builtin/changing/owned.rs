//! Changes that begin with a field and whose it is: “the memory of web-01 should be 8 GB”, “its data disk grows by 50 GB”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, DiskRef};

use super::change::Wish;
use super::verbs::{Course, Leads, MODAL};
use crate::builtin::Parser;
use crate::builtin::doing::undergone::MAY_BE;
use crate::builtin::said::beside_now::Before;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::multiple::of_hundredths;
use crate::builtin::said::named::Noun;
use crate::builtin::wordings::words;

/// What is to become of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Becomes {
    /// “should be set to”
    This,
    /// “has to grow by”
    More,
    /// “can be reduced by”
    Less,
}

impl Parser<'_> {
    /// “can be”, before “switched off”
    fn may_be_switched(&mut self) -> Option<()> {
        self.any(MAY_BE).then_some(())?;
        self.ahead(Self::on_or_off).then_some(())
    }

    /// “should be raised to”, “has to grow by”.
    fn becomes(&mut self) -> Option<Becomes> {
        let passive = |p: &mut Self| {
            p.any(words!(
                "should be|shall be|must be|has to be|have to be|needs to be|need to be|is to be|ought to be|can be|may be|could be|gets|get"
            ))
            .then_some(())?;
            p.moved()
        };
        let grows = |p: &mut Self| {
            let _ = p.any(MODAL) || p.any(words!("can|could|may"));
            if p.any(words!("grows|grow|rises|rise|increases|increase|goes up|go up")) {
                return Some(Leads::Up);
            }
            p.verb(words!("shrinks|shrink|drops|drop|decreases|decrease|goes down|go down")).then_some(Leads::Down)
        };
        let leads = self.attempt(passive).or_else(|| self.attempt(grows))?;
        match self.course(leads) {
            Some(Course::More) => Some(Becomes::More),
            Some(Course::Less) => Some(Becomes::Less),
            Some(Course::To) => Some(Becomes::This),
            None => (self.word() == "from").then_some(Becomes::This),
        }
    }

    /// “should be doubled”
    pub fn multiplied(&mut self, noun: &Noun) -> Option<Item> {
        if let Some(times) = self.attempt(Self::times_behind) {
            return noun.clone().scaled(times);
        }
        if let Some(doubled) = self.attempt(|p| p.scaled_by_word(noun)) {
            return Some(doubled);
        }
        let modal = self.any(MODAL) || self.any(words!("can|could|may"));
        let verb = self.any(words!("be|get|become")) || !modal && self.any(words!("gets|becomes|is"));
        (modal || verb).then_some(())?;
        let amount = if self.any(words!("doubled|double|twice")) {
            Amount::Times(2)
        } else if self.any(words!("tripled|triple")) {
            Amount::Times(3)
        } else if self.any(words!("quadrupled|quadruple")) {
            Amount::Times(4)
        } else {
            self.any(words!("halved|halve|half")).then_some(Amount::Over(2))?
        };
        self.any(words!("in size|its size|the size|size|as big|as large"));
        self.at_boundary().then_some(())?;
        noun.clone().scaled(amount)
    }

    /// “can web-01’s disk be made 50 GB?”, “could the memory of web-01 be raised by 2 GB?”
    pub fn could_be(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("can|could|may")).then_some(())?;
        let (noun, targets) = self.field_of_targets().filter(|(_, targets)| self.known(targets))?;
        self.any(words!("please|kindly"));
        self.any(words!("be")).then_some(())?;
        let course = if self.verb(words!("made")) {
            Course::To
        } else {
            let leads = self.moved()?;
            self.course(leads)?
        };
        let value = self.value(&noun, |value| match course {
            Course::To => Amount::To(value),
            Course::More => Amount::Plus(value),
            Course::Less => Amount::Minus(value),
        })?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “the memory of web-01 should be 8 GB”, “db-1 ram -> 12 GB”, “web-01 memory=8G cores=4”.
    pub fn owned(&mut self) -> Option<Wish> {
        let start = self.at;
        let (noun, targets) = self.field_of_targets().or_else(|| self.field_beside_targets())?;
        if let Some(value) =
            self.attempt(|p| p.multiplied(&noun)).or_else(|| self.attempt(|p| p.bandwidth_limited(&noun)))
        {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        let _ = noun == Noun::Plain(Plain::Balloon) && self.any(words!("for ballooning"));
        if self.known(&targets)
            && let Some(value) = self.attempt(|p| p.stays_at(&noun))
        {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        let becomes = self.attempt(Self::becomes);
        let modal = |p: &mut Self| {
            p.any(MODAL).then_some(())?;
            p.any(words!("now|also"));
            p.any(words!("be limited to|be|become|read|say|have|use|get|go up to|go down to|go to")).then_some(())
        };
        // “the disk of web-01, please grow it to 50 GB”, “memory of web-01: make it 4 GB”
        let told = self.known(&targets) && self.attempt(Self::told_to_become).is_some();
        let verb = told
            || becomes.is_some()
            || self.attempt(modal).is_some()
            || self.verb(words!(
                "ought to be|is limited to|to be|becomes|reads|uses|gets|goes up to|goes down to|goes to|up to|down to|is|to"
            ));
        let verb = verb || self.attempt(Self::may_be_switched).is_some();
        // “RAM of cache up by 512 MB”
        let up = |p: &mut Self| (p.any(words!("up by|plus")) && p.ahead(Self::counted)).then_some(());
        let up = !verb && self.known(&targets) && self.attempt(up).is_some();
        // “RAM on web-01 up from 4 to 8 GB”
        let rises = |p: &mut Self| {
            p.any(words!("goes up|goes down|should go up|should go|to go up|to go|goes|up|down|changes"))
                .then_some(())?;
            (p.word() == "from").then_some(())
        };
        let verb = verb || self.attempt(rises).is_some() || self.word() == "from" && self.known(&targets);
        // “the disk of web-01 at 50 GB”
        let verb = verb
            || self.known(&targets)
                && self.attempt(|p| (p.any(words!("at")) && p.ahead(Self::counted)).then_some(())).is_some();
        // “the memory of web-01 8 GB”, “web-01’s disk 20 GB bigger”
        let sized = |p: &mut Self| {
            p.any(words!("each|both"));
            p.quantity()
        };
        let verb = verb || self.known(&targets) && self.ahead(sized);
        // “web-01’s disk + 40 GB”
        let plus = up || !verb && self.known(&targets) && self.any(words!("plus|+")) && self.ahead(Self::counted);
        let sign = plus || self.known(&targets) && (self.mark(':') || !verb && self.mark('='));
        let arrow = !(verb || sign) && self.known(&targets) && self.ahead(Self::arrow_or_amounts);
        if !(verb || sign || arrow) {
            return None;
        }
        // “db-1 ram -> 12 GB”
        let _ = arrow && self.any(words!("->|→|=>"));
        // “web-01’s disk should be 25 % larger”, “the second disk of gitlab: twice its size”
        if let Some(value) = self.attempt(|p| p.by_a_share(&noun)) {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // “gitlab’s disks: first 80 GB, second 300 GB”
        if matches!(noun, Noun::Disk(_, true))
            && let Some(value) = self.attempt(Self::disks_by_ordinal).or_else(|| self.attempt(Self::each_disk_grows))
        {
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // “wiki’s root disk: plus 15 GB”
        let more = becomes == Some(Becomes::More) || plus || sign && self.any(words!("plus|another|+more"));
        let value = if more {
            let value = self.value(&noun, Amount::Plus)?;
            self.up_to_total(&noun, value)
        } else if becomes == Some(Becomes::Less) {
            let value = self.value(&noun, Amount::Minus)?;
            self.up_to_total(&noun, value)
        } else if self.word() == "from" {
            let at = self.at;
            let first = self.amount_before()?;
            let value = self.value(&noun, Amount::To)?;
            self.changed_from(at, &first, value)?
        } else {
            let value = self.value(&noun, Amount::To)?;
            // “should be 20 GB bigger”
            let value = match &value {
                Item::Plain(_, Amount::To(by @ (Value::Count(_) | Value::Size(_))))
                | Item::Disk(DiskItem { amount: Amount::To(by), storage: None, .. })
                    if verb =>
                {
                    if self.any(words!("more|extra|on top|bigger|larger")) {
                        value.with_amount(Amount::Plus(by.clone()))?
                    } else if self.any(words!("less|fewer|smaller")) {
                        value.with_amount(Amount::Minus(by.clone()))?
                    } else {
                        value
                    }
                }
                _ => value,
            };
            let value = self.or_arrow(&noun, value)?;
            self.instead_of(value)
        };
        let value = self.but_wanted(&noun, value);
        let mut items = vec![Said { value, tokens: start..self.at }];
        // “web-01 memory=8G cores=4”
        while let Some(next) = self.attempt(|p| {
            p.joint();
            p.item(How::Set)
        }) {
            items.push(next);
        }
        let _ = self.in_total(&targets) || self.any(words!("each|large|big|in size"));
        Some((targets, items, How::Set))
    }

    /// “, please grow it to”, “: make it”
    fn told_to_become(&mut self) -> Option<()> {
        let parted = self.mark(':') || self.mark(',') || self.mark('–');
        self.any(words!("please|kindly"));
        let told = self.verb(words!(
            "make it|make that|set it to|bring it to|bring it up to|grow it to|raise it to|extend it to|increase it to|expand it to|enlarge it to|resize it to|\
             change it to|reduce it to|lower it to|take it to|take it up to|get it to"
        ));
        (parted && told && self.ahead(Self::counted)).then_some(())
    }

    /// “each 20 GB bigger”, behind several disks
    fn each_disk_grows(&mut self) -> Option<Item> {
        self.any(words!("each|both"));
        let size = Value::Size(self.quantity()?);
        self.any(words!("each"));
        self.any(words!("bigger|larger|more")).then_some(())?;
        Some(Item::Disk(DiskItem::sized(Amount::Plus(size), Which::The(DiskRef::Every(None)))))
    }

    /// “stays at 4 GB”: what it must be now.
    fn stays_at(&mut self, noun: &Noun) -> Option<Item> {
        self.any(words!("can|should|shall|may"));
        self.verb(words!("stays at|stays|stay at|stay|remains at|remains|remain at|remain")).then_some(())?;
        let value = self.value(noun, Amount::To)?;
        let Item::Plain(_, Amount::To(now)) = &value else { return None };
        value.with_amount(Amount::FromTo(now.clone(), now.clone()))
    }

    /// “25 % larger”, “twice its size”
    fn by_a_share(&mut self, noun: &Noun) -> Option<Item> {
        let amount = if let Some(per_cent) = self.per_cent() {
            let more = self.any(words!("more|larger|bigger"));
            (more || self.any(words!("less|smaller"))).then_some(())?;
            of_hundredths(per_cent, more)?
        } else {
            let amount = self.times()?;
            self.any(words!("its current size|its size|the size|as much|as big|as large")).then_some(amount)?
        };
        noun.clone().scaled(amount)
    }

    /// “… is 4 GB and should be 8 GB”, “… is 4 GB, make it 8”: `now` is what is said to be.
    fn but_wanted(&mut self, noun: &Noun, now: Item) -> Item {
        let start = self.at;
        let wanted = self.attempt(|p| {
            p.wanted_behind().then_some(())?;
            let like = Said { value: now.clone(), tokens: start.saturating_sub(2)..start };
            let to = p.attempt(|p| p.amount_like(&like, false)).or_else(|| p.value(noun, Amount::To))?;
            let before = match &now {
                Item::Plain(_, Amount::To(value)) | Item::Disk(DiskItem { amount: Amount::To(value), .. }) => {
                    Before::Whole(value.clone())
                }
                _ => return None,
            };
            p.changed_from(start, &before, to)
        });
        wanted.unwrap_or(now)
    }
}
