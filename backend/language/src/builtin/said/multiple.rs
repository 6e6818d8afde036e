//! Amounts of what there is now: “double the memory”, “x2”, “half”, “50 % more RAM”.

use mycopod_core::field::Plain;
use mycopod_core::reading::Amount;

use super::item::{How, Item};
use super::named::Noun;
use crate::builtin::Parser;
use crate::builtin::wordings::words;

/// The most times what is there now: more is a slip.
pub const MAX_TIMES: u32 = 16;

/// So much more or less, in hundredths of what is now.
pub fn of_hundredths(per_cent: u32, more: bool) -> Option<Amount> {
    let all = if more { per_cent.checked_add(100) } else { 100_u32.checked_sub(per_cent) };
    all.map(Amount::PerCent)
}

impl Parser<'_> {
    /// “double the memory”, “twice as many cores”, “1.5 times the RAM”: of a guest that exists.
    pub fn multiple(&mut self) -> Option<Item> {
        let amount = self.times()?;
        let times = self.last_word() == "x";
        (self.any(words!("of its|of the|the number of|the amount of|as many|as much|the|its")) || times)
            .then_some(())?;
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap | Plain::Sockets)) = self.noun()? else {
            return None;
        };
        let _ = self.any(words!("it has now|it has|they have now|they have|as now"))
            || self.verb(words!(
                "as it has now|as they have now|as it has today|as it has|as they have|as before|as today|as currently"
            ));
        Some(Item::Plain(plain, amount))
    }

    /// “double”, “three times”, “2x”, “one and a half times”.
    pub fn times(&mut self) -> Option<Amount> {
        // “web-01 needs only half the memory”
        if matches!(self.last_word(), "need" | "needs") && self.word_ahead(1) == "half" {
            self.any(words!("only|just"));
        }
        if self.any(words!("double|twice")) {
            return Some(Amount::Times(2));
        }
        if self.any(words!("triple")) {
            return Some(Amount::Times(3));
        }
        let one_and_a_half = |p: &mut Self| {
            let digits = p.peek(0).is_some_and(|token| token.text == "1.5");
            p.at += usize::from(digits);
            (digits && p.any(words!("times|x")) || p.any(words!("one and a half times"))).then_some(())
        };
        if self.attempt(one_and_a_half).is_some() {
            return Some(Amount::PerCent(150));
        }
        if let Some(times) = self.attempt(|p| {
            let times = p.number().and_then(|n| u32::try_from(n).ok()).filter(|n| (2..=MAX_TIMES).contains(n))?;
            p.any(words!("times|x")).then_some(times)
        }) {
            return Some(Amount::Times(times));
        }
        (!self.ahead(Self::quantity) && self.any(words!("half"))).then_some(Amount::Over(2))
    }

    /// “x2”, “x 2”, “times two”, behind what is multiplied.
    pub fn times_behind(&mut self) -> Option<Amount> {
        let glued = self.word().strip_prefix(['x', '×']).and_then(|times| times.parse::<u32>().ok());
        let times = if glued.is_some() {
            self.at += 1;
            glued
        } else {
            self.any(words!("x|times")).then_some(())?;
            self.number().and_then(|times| u32::try_from(times).ok())
        };
        let fits = self.at_boundary();
        times.filter(|times| fits && (2..=MAX_TIMES).contains(times)).map(Amount::Times)
    }

    /// “half”, “a quarter”, in hundredths: of what is there now.
    pub fn fraction(&mut self) -> Option<u32> {
        (!self.ahead(Self::quantity)).then_some(())?;
        if self.any(words!("a half|one half|half")) {
            return Some(50);
        }
        self.any(words!("a quarter|one quarter|quarter")).then_some(25)
    }

    /// “50 % more memory”, “25 percent less RAM”, “add 50 % memory”: of a guest that exists.
    pub fn hundredths(&mut self, how: How) -> Option<Item> {
        self.any(words!("another|an extra|an additional"));
        let fraction =
            |p: &mut Self| p.fraction().filter(|_| p.ahead(|p| p.any(words!("less|fewer|more")).then_some(())));
        let per_cent = self.per_cent().or_else(|| self.attempt(fraction))?;
        let less = self.any(words!("less|fewer"));
        let more = !less && self.any(words!("more|extra|additional"));
        self.any(words!("of"));
        let noun = self.noun()?;
        let amount = match how {
            How::Give | How::Set | How::More | How::Less if more || less => of_hundredths(per_cent, more)?,
            How::Add if !less => of_hundredths(per_cent, true)?,
            How::Remove if !more => of_hundredths(per_cent, false)?,
            _ => return None,
        };
        noun.scaled(amount)
    }
}
