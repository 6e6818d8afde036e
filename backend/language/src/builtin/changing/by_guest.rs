//! A field that is said once, and the guests behind it with its values: “Memory: web-01 8 GB, web-02 6 GB”.

use mycopod_core::field::Plain;
use mycopod_core::guest::Kind;
use mycopod_core::reading::{Amount, Selector, Target};

use super::change::Wish;
use super::verbs::{LESS, MORE, SET};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Change, Draft};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

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
        let read = self.attempt(Self::values_by_guest).or_else(|| self.paired());
        self.counting = counting;
        self.drafts.extend(read?);
        Some(())
    }

    /// “set RAM of web-01 and cores of db-1 to 8 GB and 6”, “the cores of web-01 and the RAM of db-1 should be doubled”
    fn paired(&mut self) -> Option<Vec<Draft>> {
        let start = self.at;
        let _ = self.verb(MORE) || self.verb(LESS) || self.verb(SET);
        let mut pairs = Vec::new();
        while let Some((noun, targets)) = self.attempt(|p| {
            (pairs.is_empty() || p.joint()).then_some(())?;
            let (noun, targets) = p.field_of_targets()?;
            let Targets::Old(targets) = targets else { return None };
            let new = targets.iter().any(|target| p.is_new(target));
            (!new && p.known(&Targets::Old(targets.clone()))).then_some((noun, targets))
        }) {
            pairs.push((noun, targets));
        }
        (pairs.len() > 1).then_some(())?;
        let at = self.at;
        let mut drafts = Vec::new();
        let mut say = |tokens: std::ops::Range<usize>, targets: &Vec<Target>, value| {
            let items = vec![Said { value, tokens: tokens.clone() }];
            drafts.push(Draft::Change(Change { tokens, targets: targets.clone(), items, how: How::Set }));
        };
        let scaled = |p: &mut Self, noun: &Noun| {
            p.at = at;
            p.multiplied(noun)
        };
        if let Some(values) =
            self.attempt(|p| pairs.iter().map(|(noun, _)| scaled(p, noun)).collect::<Option<Vec<_>>>())
        {
            for ((_, targets), value) in pairs.iter().zip(values) {
                say(start..self.at, targets, value);
            }
            return self.at_boundary().then_some(drafts);
        }
        (self.mark(':') || self.mark('=') || self.any(words!("should be|shall be|must be|up to|down to|to|->|→|=>")))
            .then_some(())?;
        for (nth, (noun, targets)) in pairs.iter().enumerate() {
            (nth == 0 || self.joint()).then_some(())?;
            let at = if nth == 0 { start } else { self.at };
            let value = self.value(noun, Amount::To)?;
            say(at..self.at, targets, value);
        }
        self.at_boundary().then_some(drafts)
    }

    /// “set cores and memory of web-01 to 4 and 8 GB”: a value for each field, in their order.
    pub fn zipped(&mut self) -> Option<Wish> {
        let start = self.at;
        let _ = self.verb(MORE) || self.verb(LESS) || self.verb(SET);
        let nouns = |p: &mut Self| {
            let mut nouns = vec![p.noun()?];
            while let Some(noun) = p.attempt(|p| {
                p.joint().then_some(())?;
                p.noun()
            }) {
                nouns.push(noun);
            }
            (nouns.len() > 1).then_some(nouns)
        };
        let of_targets = |p: &mut Self| {
            let nouns = nouns(p)?;
            Some((nouns, p.of_targets(words!("of|on|for"))?))
        };
        let counting = std::mem::replace(&mut self.counting, false);
        let found = self.attempt(of_targets).or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((nouns(p)?, targets))
            })
        });
        self.counting = counting;
        let (nouns, targets) = found.filter(|(_, targets)| self.known(targets))?;
        (self.mark(':') || self.mark('=') || self.any(words!("should be|shall be|must be|to|->|→|=>"))).then_some(())?;
        let mut items: Vec<Said<Item>> = Vec::new();
        for noun in &nouns {
            (items.is_empty() || self.joint()).then_some(())?;
            let at = if items.is_empty() { start } else { self.at };
            let value = self.value(noun, Amount::To)?;
            items.push(Said { value, tokens: at..self.at });
        }
        Some((targets, items, How::Set))
    }

    /// “the following VMs get 4 cores: web-01, web-02”
    pub fn following(&mut self) -> Option<Wish> {
        (self.any(words!("the following|following|these")) || self.last_word() == "following").then_some(())?;
        self.attempt(Self::guest_noun);
        self.any(words!("should have|should get|shall have|shall get|must have|get|need|have|are to have|are to get"))
            .then_some(())?;
        let items = self.items(How::Give)?;
        self.any(words!("each"));
        self.mark(':').then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        Some((targets, items, How::Give))
    }

    /// Whether none of them, which have names, is of another kind than was said.
    fn are_of_kind(&self, targets: &Targets, kind: Option<Kind>) -> bool {
        let (Some(kind), Targets::Old(targets)) = (kind, targets) else { return kind.is_none() };
        targets.iter().all(|target| match &target.selector {
            Selector::Name(name) => self.inventory.guests.get(name).into_iter().flatten().all(|key| key.kind == kind),
            _ => false,
        })
    }

    fn values_by_guest(&mut self) -> Option<Vec<Draft>> {
        let start = self.at;
        let _ = self.verb(MORE) || self.verb(LESS) || self.verb(SET);
        // “container swap: dns-1 512 MB, …”
        let kind = self.attempt(|p| p.guest_noun().filter(|_| p.ahead(Self::noun))).and_then(|noun| noun.kind);
        let noun = self.noun()?;
        self.any(words!("of|for|upgrade|increase|change|changes|settings|setting|values|sizes|sizing"));
        // “cores web-01 3”
        let at_once = matches!(noun, Noun::Plain(Plain::Cores | Plain::Memory | Plain::Swap)) && self.names_something();
        (self.mark(':') || self.any(words!("->|→|=>")) || at_once).then_some(())?;
        let one = |p: &mut Self, start: usize| {
            let targets = p.targets().filter(|targets| p.known(targets) && p.are_of_kind(targets, kind))?;
            // “web-01 += front”
            let value = p.attempt(|p| p.step_by(&noun, How::Set)).or_else(|| {
                let _ = p.mark(':') || p.mark('=') || p.any(words!("to|up to|down to|gets|get|->|→|=>"));
                let value = p.value(&noun, Amount::To)?;
                p.or_arrow(&noun, value)
            })?;
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
        self.mark(',');
        self.courtesies();
        self.done().then_some(changes)
    }
}
