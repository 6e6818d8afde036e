//! Guests that are meant without being named again: “it”, “both”, “the first”, “the other one”.

use std::ops::Range;

use mycopod_core::reading::{Selector, Target};

use super::Parser;
use super::draft::Draft;
use super::target::Targets;
use super::wordings::words;

/// What may follow a pronoun that stands alone.
const PREDICATES: [&str; 18] = [
    "should", "shall", "must", "get", "gets", "have", "has", "need", "needs", "start", "starts", "on", "off", "to",
    "at", "with", "'s", "as",
];

/// Whether other words than the guest’s name mean it.
fn is_pointed_at(target: &Target, text: &str) -> bool {
    matches!(&target.selector, Selector::Name(name) if target.span.of(text) != *name)
}
impl Parser<'_> {
    pub fn pronoun(&mut self) -> Option<Targets> {
        let start = self.at;
        let said = self.any(words!(
            "both of them|all of them|each of them|every one of them|all three|it|them both|\
            them all|them|they both|they all|they|each|both|all|that one|this one|the vm|the vms|the container|\
            the containers|the machine|the machines|the guest|the guests|the new vm|the new container|the new one|the copy|the clone"
        ));
        // “all” and “the VMs” stand for someone only where nothing says whom.
        let alone = matches!(self.word_at(start), "it" | "them" | "they")
            || matches!(self.last_word(), "clone" | "copy") && matches!(self.drafts.last(), Some(Draft::Clone(_)))
            || (self.at_boundary() || PREDICATES.contains(&self.word()))
                && !self.ahead(Self::target)
                && !self.ahead(Self::guest_noun);
        if !said || !alone {
            return None;
        }
        let referent = match self.drafts.last() {
            // What was not understood may be what the pronoun means.
            _ if self.unread.last().is_some_and(|tokens| self.names_a_guest(tokens)) => None,
            Some(Draft::Create(_) | Draft::Clone(_)) => return Some(Targets::New),
            Some(Draft::Change(change)) => Some(change.targets.clone()),
            Some(Draft::Do(deed)) => Some(deed.targets.clone()),
            Some(Draft::Remove(removal)) => Some(removal.targets.clone()),
            Some(Draft::Facility(_)) | None => None,
        };
        let span = self.span(&(start..self.at));
        Some(Targets::Old(match referent {
            Some(targets) => targets.into_iter().map(|target| Target { span, ..target }).collect(),
            None => vec![Target { span, selector: Selector::Vague(span.of(self.text)) }],
        }))
    }

    /// Whom the present sentence addresses, where a clause of it names nobody: “db-1: detach scsi1”.
    pub fn addressee(&mut self) -> Option<Targets> {
        let targets = self.addressed.clone()?;
        let ends =
            self.at_boundary() || ["as", "to", "from", "within", "called", "named", "back"].contains(&self.word());
        ends.then_some(Targets::Old(targets))
    }

    pub fn names_a_guest(&self, tokens: &Range<usize>) -> bool {
        self.drafts.last().is_none_or(|draft| draft.tokens().end <= tokens.start)
            && self.tokens[tokens.clone()].iter().any(|token| self.inventory.guests.contains_key(&token.text))
    }

    /// “the first”, “the other one”: one of several guests that were just named.
    pub fn one_of_those(&mut self) -> Option<Target> {
        let start = self.at;
        let (those, pointed) = if self.word() == "the" { self.those()? } else { return None };
        let place = if self.any(words!("the first one|the first|the former")) {
            0
        } else if self.any(words!("the second one|the second")) {
            1
        } else if self.any(words!("the third one|the third")) {
            2
        } else if self.any(words!("the last one|the last")) {
            those.len() - 1
        } else if those.len() == 2 && self.any(words!("the latter")) {
            1
        } else if those.len() == 2 && self.any(words!("the other one|the other")) {
            1 - those.iter().position(|that| pointed.as_ref() == Some(&that.selector))?
        } else {
            return None;
        };
        // “the first disk of web-01”, “the other VMs”
        let goes_on = |p: &mut Self| {
            let part = p.noun().is_some() || p.guest_noun().is_some() || p.name().is_some();
            part.then_some(())
        };
        let selector = those.get(place)?.selector.clone();
        (!self.ahead(goes_on)).then(|| Target { span: self.span(&(start..self.at)), selector })
    }

    /// The guests that were last named several at once, each by its name, and the one of them that was pointed at since.
    pub fn those(&self) -> Option<(Vec<Target>, Option<Selector>)> {
        let mut pointed = None;
        let mut those = None;
        for draft in self.drafts.iter().rev() {
            if self.addressed.is_some() && draft.tokens().start < self.began {
                break;
            }
            let targets = match draft {
                Draft::Change(change) => &change.targets,
                Draft::Do(deed) => &deed.targets,
                Draft::Create(_) | Draft::Clone(_) | Draft::Remove(_) | Draft::Facility(_) => break,
            };
            match targets.as_slice() {
                [one] if is_pointed_at(one, self.text) => pointed = pointed.or_else(|| Some(one.selector.clone())),
                several => {
                    those = Some(several.to_vec());
                    break;
                }
            }
        }
        let those = self.addressed.clone().or(those)?;
        let named = those.iter().all(|target| matches!(target.selector, Selector::Name(_) | Selector::Vmid(_)));
        (those.len() > 1 && named).then_some((those, pointed))
    }
}
