//! What is multiplied or divided: “double the memory of web-01”, “halve its cores”.

use mycopod_core::field::Plain;
use mycopod_core::reading::Amount;

use super::change::Wish;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “triple the memory of test-1”, “double web-01's cores and memory”, “halve its memory”.
    pub fn scaled(&mut self) -> Option<Wish> {
        let (by, more): (u32, bool) = match self.word() {
            "double" => (2, true),
            "triple" => (3, true),
            "quadruple" => (4, true),
            "halve" | "half" => (2, false),
            _ => return None,
        };
        self.at += 1;
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
        Some((targets, items, How::Set))
    }

    /// “cut the memory of web-01 in half”
    pub fn halved(&mut self, noun: &Noun, how: How) -> Option<Item> {
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap)) = noun else { return None };
        (how == How::Less && self.any(words!("in half|by half"))).then_some(Item::Plain(*plain, Amount::Over(2)))
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
