//! A field that is said once, and the guests behind it with its values: “Memory: web-01 8 GB, web-02 6 GB”.

use mycopod_core::reading::Amount;

use super::Parser;
use super::change::{LESS, MORE, SET};
use super::draft::{Change, Draft};
use super::item::{How, Said};
use super::named::Noun;
use super::target::Targets;
use super::wordings::words;

impl Parser<'_> {
    /// “memory web-01 = 8G”, “RAM web-01: 8 GB”: the field and its guest without a word between them.
    pub fn field_beside_targets(&mut self) -> Option<(Noun, Targets)> {
        let noun = self.noun()?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        Some((noun, targets))
    }

    /// “Memory: web-01 8 GB, web-02 6 GB”: a field, and for each guest its value of it.
    pub fn field_by_guest(&mut self) -> Option<()> {
        let counting = std::mem::replace(&mut self.counting, false);
        let read = self.values_by_guest();
        self.counting = counting;
        self.drafts.extend(read?);
        Some(())
    }

    fn values_by_guest(&mut self) -> Option<Vec<Draft>> {
        let start = self.at;
        let _ = self.any(MORE) || self.any(LESS) || self.any(SET);
        let noun = self.noun()?;
        self.any(words!("of|for|upgrade|increase|change|changes"));
        (self.mark(':') || self.any(words!("->|→|=>"))).then_some(())?;
        let one = |p: &mut Self, start: usize| {
            let targets = p.targets().filter(|targets| p.known(targets))?;
            let _ = p.mark(':') || p.mark('=') || p.any(words!("to|up to|down to|gets|get|->|→|=>"));
            let value = p.value(&noun, Amount::To)?;
            let value = p.or_arrow(&noun, value)?;
            let tokens = start..p.at;
            let Targets::Old(targets) = targets else { return None };
            let new = targets.iter().any(|target| p.is_new(target));
            let items = vec![Said { value, tokens: tokens.clone() }];
            (p.at_boundary() && !new).then_some(Draft::Change(Change { tokens, targets, items, how: How::Set }))
        };
        let mut changes = vec![one(self, start)?];
        while let Some(change) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p, p.at)
        }) {
            changes.push(change);
        }
        // What is left may be another field’s.
        self.done().then_some(changes)
    }
}
