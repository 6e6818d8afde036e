//! What is multiplied or divided: “double the memory of web-01”, “halve its cores”.

use mycopod_core::field::Plain;
use mycopod_core::reading::Amount;

use super::change::Wish;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::multiple::MAX_TIMES;
use crate::builtin::said::named::Noun;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “triple the memory of test-1”, “double web-01's cores and memory”, “halve its memory”.
    pub fn scaled(&mut self) -> Option<Wish> {
        if let Some(wish) = self.attempt(Self::multiplying) {
            return Some(wish);
        }
        let (by, more): (u32, bool) = match self.word() {
            "double" => (2, true),
            "triple" => (3, true),
            "quadruple" => (4, true),
            "halve" | "half" => (2, false),
            _ => return None,
        };
        self.at += 1;
        let _ = by == 2 && !more && self.any(words!("of"));
        let amount = move || if more { Amount::Times(by) } else { Amount::Over(by) };
        if let Some((items, targets)) = self.attempt(|p| {
            let items = p.scaled_nouns(&amount)?;
            Some((items, p.of_targets(words!("of|on|for|in"))?))
        }) {
            return Some((targets, items, How::Set));
        }
        self.any(words!("the size of|size of"));
        let targets = self.owner()?;
        let items = self.scaled_nouns(&amount)?;
        // “half of web-01’s memory will do”
        self.attempt(|p| {
            p.any(words!("will do|would do|should do|is enough|would be enough|will be enough")).then_some(())
        });
        Some((targets, items, How::Set))
    }

    /// “multiply the memory of web-01 by 2”
    fn multiplying(&mut self) -> Option<Wish> {
        let start = self.at;
        let times = self.verb(words!("multiply"));
        (times || self.verb(words!("divide"))).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        self.any(words!("by")).then_some(())?;
        let by = self.number().and_then(|by| u32::try_from(by).ok()).filter(|by| (2..=MAX_TIMES).contains(by))?;
        let value = noun.scaled(if times { Amount::Times(by) } else { Amount::Over(by) })?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “doubled”, behind a field.
    pub fn scaled_by_word(&mut self, noun: &Noun) -> Option<Item> {
        let amount = if self.any(words!("doubled")) {
            Amount::Times(2)
        } else if self.any(words!("tripled")) {
            Amount::Times(3)
        } else if self.any(words!("quadrupled")) {
            Amount::Times(4)
        } else {
            self.any(words!("halved")).then_some(Amount::Over(2))?
        };
        noun.clone().scaled(amount)
    }

    /// “cut the memory of web-01 in half”
    pub fn halved(&mut self, noun: &Noun, how: How) -> Option<Item> {
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap)) = noun else { return None };
        (how == How::Less && self.any(words!("in half|by half|to half|to a half|by a half")))
            .then_some(Item::Plain(*plain, Amount::Over(2)))
    }

    fn scaled_nouns(&mut self, amount: &impl Fn() -> Amount) -> Option<Vec<Said<Item>>> {
        let one = |p: &mut Self| {
            let start = p.at;
            let value = p.noun()?.scaled(amount())?;
            Some(Said { value, tokens: start..p.at })
        };
        let mut items = vec![self.attempt(one)?];
        while let Some(item) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            items.push(item);
        }
        Some(items)
    }
}
