//! Guests that come into pools and HA, and leave them.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::change::Wish;
use super::verbs::MODAL;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::wordings::{Wordings, words};

/// “take … out of”
const OUT: &Wordings = words!("remove|take|kick|move|drop|pull|throw|get|bring");

impl Parser<'_> {
    /// “add web-01 to the pool prod”, “remove web-01 from its pool”, “put web-01 under HA”.
    pub fn joining(&mut self) -> Option<Wish> {
        let start = self.at;
        let leaves = self.ahead(Self::takes_out);
        let _ = leaves && self.verb(OUT);
        if !leaves && self.attempt(Self::makes_a_part).is_none() {
            self.verb(words!(
                "add|put|move|migrate|transfer|relocate|assign|manage|register|bring|shift|get|include|take"
            ))
            .then_some(())?;
        }
        let targets = self.targets()?;
        // “move mail from pool prod to pool lab”
        if let Some(item) = self.attempt(Self::other_pool) {
            return Some((targets, vec![item], How::Set));
        }
        let at = self.at;
        let plain = |plain, text: &str, tokens| {
            let value = Item::Plain(plain, Amount::To(Value::Text(text.to_owned())));
            vec![Said { value, tokens }]
        };
        if leaves {
            self.any(words!("out of|from")).then_some(())?;
            if let Some(item) = self.attempt(Self::pool_left) {
                return Some((targets, vec![item], How::Set));
            }
            self.any(words!("the|its|their"));
            self.any(words!("ha|high availability")).then_some(())?;
            return Some((targets, plain(Plain::Ha, "", start..self.at), How::Set));
        }
        // “make web-01 part of pool lab”
        self.verb(words!("a member|member|part"));
        if !self.any(words!("over to|to|into|in|under|with|by|of")) {
            return None;
        }
        self.any(words!("the"));
        if self.any(words!("ha|high availability")) {
            return Some((targets, plain(Plain::Ha, "started", start..self.at), How::Set));
        }
        let pool = self.attempt(Self::pool_said)?;
        Some((targets, plain(Plain::Pool, &pool, at..self.at), How::Set))
    }

    /// “take … out of”
    fn takes_out(&mut self) -> Option<()> {
        self.verb(OUT).then_some(())?;
        self.targets()?;
        self.any(words!("out of|from")).then_some(())
    }

    /// “make … part of”
    fn makes_a_part(&mut self) -> Option<()> {
        self.any(words!("make")).then_some(())?;
        let part = |p: &mut Self| {
            p.targets()?;
            p.verb(words!("a member of|member of|part of")).then_some(())
        };
        self.ahead(part).then_some(())
    }

    /// “its pool”, “pool prod”: a pool that is left; the one that is said must be the one there is.
    pub fn pool_left(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        let none = Value::Text(String::new());
        let amount = if let Some(pool) = self.attempt(Self::pool_said) {
            Amount::FromTo(Value::Text(pool), none)
        } else {
            self.any(words!("the|its|their|any"));
            self.any(words!("resource pool|pool|pools")).then_some(Amount::To(none))?
        };
        Some(Said { value: Item::Plain(Plain::Pool, amount), tokens: start..self.at })
    }

    /// “from pool prod to pool lab”
    pub fn other_pool(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!("out of|from")).then_some(())?;
        let from = self.pool_said()?;
        self.any(words!("and"));
        self.any(words!("over to|to|into")).then_some(())?;
        let to = self.pool_said().or_else(|| self.name())?;
        let value = Item::Plain(Plain::Pool, Amount::FromTo(Value::Text(from), Value::Text(to)));
        Some(Said { value, tokens: start..self.at })
    }

    /// “should leave pool prod”, “no longer belongs to the prod pool”, “out of its pool”
    pub fn leaving_a_pool(&mut self) -> Option<Said<Item>> {
        if self.any(words!("is in no pool|should be in no pool|belongs to no pool|should belong to no pool")) {
            self.any(words!("any more|anymore|any longer|from now on|now"));
            let value = Item::Plain(Plain::Pool, Amount::To(Value::Text(String::new())));
            return Some(Said { value, tokens: self.at - 1..self.at });
        }
        let past = self.any(words!(
            "no longer belongs|no longer belong|no longer is|is no longer|should no longer be|should not be|shouldn't be|must no longer be|must not be"
        ));
        // “doesn’t belong in pool prod” alone may say that it never was there.
        let is_not =
            !past && self.any(words!("doesn't belong|does not belong|don't belong|isn't|aren't|is not|are not"));
        if past || is_not {
            self.verb(words!("in|into|to|part of|a member of|member of"));
        } else {
            self.any(MODAL);
            if !self.any(words!("leaves|leave")) {
                self.any(words!("be moved|be taken|be removed|be|goes|go|comes|come|moves|move|is"));
                self.any(words!("out of")).then_some(())?;
            }
        }
        let item = self.pool_left()?;
        let ends = self.any(words!("any more|anymore|any longer"));
        (ends || !is_not).then_some(())?;
        // “…, take it out of there”
        self.attempt(|p| {
            p.mark(',').then_some(())?;
            p.any(words!("so please|so|please"));
            (p.verb(OUT) && p.any(words!("it|them"))).then_some(())?;
            p.any(words!("out of there|out of it|from there|out|off")).then_some(())
        });
        self.at_boundary().then_some(item)
    }

    /// “pool prod”, “the prod pool”
    fn pool_said(&mut self) -> Option<String> {
        self.any(words!("the"));
        let announced = self.any(words!("resource pool|pool"));
        self.any(words!("called|named"));
        let name = self.name()?;
        (announced || self.any(words!("resource pool|pool")) || self.is_a_pool(&name)).then_some(name)
    }

    /// Whether a pool is called so, and nothing else.
    pub fn is_a_pool(&self, name: &str) -> bool {
        let of = self.inventory;
        let other = [&of.nodes, &of.storages, &of.bridges, &of.tags, &of.clusters]
            .into_iter()
            .any(|names| names.contains(name));
        of.pools.contains(name) && !other && !of.guests.contains_key(name)
    }

    /// “pool lab: add wiki and altserver”, “pool lab gets wiki”: guests that come into a pool there is.
    pub fn pool_and_members(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("the"));
        self.any(words!("resource pool|pool")).then_some(())?;
        let name = self.pool_name()?.value;
        let added = self.mark(':') && self.any(words!("add|plus|+"))
            || self.any(words!("gets|should get|shall get|should contain"));
        added.then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let value = Item::Plain(Plain::Pool, Amount::To(Value::Text(name)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }
}
