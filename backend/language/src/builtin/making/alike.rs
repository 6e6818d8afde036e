//! Guests that shall be like others: “same as web-01 but with 8 GB”, “with the hardware of db-1”.

use mycopod_core::field::Plain;
use mycopod_core::reading::{Amount, Selector};

use crate::lexer::TokenKind;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{How, Item};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words for what makes a guest like another.
const TRAITS: &Wordings = words!(
    "cpu and memory|hardware|specs|spec|specifications|specification|configuration|config|settings|setup|size|sizing|resources|values"
);

impl Parser<'_> {
    /// “same as web-01”, “like web-01”, “with the same specs as test-1”; “with the same” alone means the guest before.
    pub fn alike(&mut self) -> Option<Item> {
        let rest = self.any(words!("otherwise|everything else"));
        // “VM a-1 = web-01 with 3 cores”
        let equals = self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark('='));
        if equals && self.group().is_some_and(Group::is_bare) {
            let target = self.one_target()?;
            return self.known(&Targets::Old(vec![target.clone()])).then_some(Item::Like(target));
        }
        // “VM a-1: 4 cores. Same as web-01.”: one of both contradicts the other.
        (rest || !self.sized_before()).then_some(())?;
        let all = self.any(words!("everything|all"));
        self.any(words!("exactly|just"));
        if all && self.any(words!("as")) {
            return self.model();
        }
        self.any(words!("the"));
        if self.any(words!(
            "look exactly like|look just like|look like|like|identical to|modelled on|modeled on|similar to"
        )) {
            return self.model();
        }
        self.attempt(|p| {
            p.any(words!("based on")).then_some(())?;
            p.any(words!("the"));
            let specs = |p: &mut Self| p.one_target().filter(|_| p.any(words!("'s")) && p.any(TRAITS));
            (p.ahead(|p| p.any(TRAITS).then_some(())) || p.ahead(specs)).then_some(())
        });
        // “with the hardware of web-01”, “with web-01’s specs”
        if let Some(target) = self.attempt(|p| {
            if p.any(TRAITS) {
                return if p.any(words!("of|as|like")) { p.one_target() } else { None };
            }
            let target = p.one_target()?;
            (p.any(words!("'s")) && p.any(TRAITS)).then_some(target)
        }) {
            return self.known(&Targets::Old(vec![target.clone()])).then_some(Item::Like(target));
        }
        let before = self.drafts.len() > 1 && matches!(self.drafts[self.drafts.len() - 2], Draft::Create(_));
        if before && self.any(words!("as above|as before|as the one above|like it|like that one|like the one above|like the first one|like the first")) {
            return Some(Item::Same);
        }
        if before && self.any(words!("ditto|likewise|identical")) {
            return (self.at_boundary() || self.word() == "but").then_some(Item::Same);
        }
        self.any(words!("same")).then_some(())?;
        self.any(TRAITS);
        if self.any(words!("as the first one|as the first|as before|as above|as the one before|as the previous one")) {
            return Some(Item::Same);
        }
        if self.any(words!("as|like")) {
            return self.model();
        }
        (before && (self.at_boundary() || self.word() == "but")).then_some(Item::Same)
    }

    /// Whether an earlier sentence, and no line or part of this one, says of what size the new guest is.
    fn sized_before(&self) -> bool {
        let full_stop = |at: usize| matches!(self.tokens[at].kind, TokenKind::Mark('.' | '!'));
        if !self.began.checked_sub(1).is_some_and(full_stop) {
            return false;
        }
        let sizes = |item: &Item| matches!(item, Item::Plain(Plain::Cores | Plain::Memory, _) | Item::Disk(_));
        self.group().is_some_and(|group| {
            group.items.iter().any(|(whose, item)| {
                whose.as_slice() == group.focus && item.tokens.start < self.began && sizes(&item.value)
            })
        })
    }

    /// The guest that another shall be like: one there is, or the one that was just described.
    pub fn model(&mut self) -> Option<Item> {
        let target = self.one_target()?;
        let described = match &target.selector {
            Selector::Name(name) if !self.inventory.guests.contains_key(name) => {
                let before = &self.drafts[..self.drafts.len().saturating_sub(1)];
                before.iter().any(|draft| draft.describes(name)).then(|| name.clone())
            }
            _ => None,
        };
        // “…, except 8 GB RAM”: amounts alone, for “except the tag db” takes away.
        self.attempt(|p| {
            p.mark(',');
            p.any(words!("except for|except|apart from|but for|only with|only")).then_some(())?;
            p.any(words!("with|that it has|it has"));
            let amount = |p: &mut Self| {
                let item = p.value_noun(How::Create)?;
                matches!(item, Item::Plain(Plain::Cores | Plain::Memory, Amount::To(_)) | Item::Disk(_)).then_some(())
            };
            let counted = p.peek(0).is_some_and(|token| token.kind == TokenKind::Number) && p.ahead(amount);
            // “… except for the cores: 6”
            let keyed = |p: &mut Self| {
                p.articles();
                matches!(p.noun()?, Noun::Plain(Plain::Cores | Plain::Memory) | Noun::Disk(..)).then_some(())?;
                (p.mark(':') && p.quantity().is_some() || p.number().is_some()).then_some(())
            };
            (counted || p.ahead(keyed)).then_some(())
        });
        Some(described.map_or(Item::Like(target), Item::SameAs))
    }
}
