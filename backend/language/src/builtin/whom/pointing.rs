//! Guests that are meant without being named again: “it”, “both”, “the first”, “the other one”.

use std::ops::Range;

use mycopod_core::field::Plain;
use mycopod_core::reading::{Deed, Selector, Span, Target};

use super::target::Targets;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{Item, Said};
use crate::builtin::wordings::{Wordings, words};

/// Words for one guest that was spoken of.
const ONE: &Wordings = words!(
    "it|that one|this one|the vm|the container|the machine|the guest|the new vm|the new container|the new one|the copy|the clone"
);

/// Words for several of them.
const SEVERAL: &Wordings = words!(
    "the two of them|the three of them|both of them|all of them|each of them|every one of them|every one|all three|them both|them all|them|they both|they all|they|\
     each|both|all|the vms|the containers|the machines|the guests"
);

/// Words that go on to say which guests are meant: “the VMs with the ids 104 and 106”.
const TOLD_APART: &Wordings = words!(
    "with the ids|with the id|with the vmids|with the vmid|with vmids|with vmid|with number|with the tags|with the tag|with the names|with the name|with ids|with id|with vmids|with tag"
);

/// How many guests a pronoun means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// “it”
    One,
    /// “them”
    Several,
    /// “both” and “all three”: as many.
    Exactly(usize),
    /// German “sie”: one or several.
    Either,
}

impl Number {
    /// The number where it is one: 2 of “both”.
    pub fn exactly(self) -> Option<u8> {
        match self {
            Self::Exactly(exactly) => u8::try_from(exactly).ok(),
            Self::One | Self::Several | Self::Either => None,
        }
    }

    /// Whether it may mean as many.
    pub const fn fits(self, count: usize) -> bool {
        match self {
            Self::One => count == 1,
            Self::Several => count > 1,
            Self::Exactly(exactly) => count == exactly,
            Self::Either => true,
        }
    }
}

/// What may follow a pronoun that stands alone.
const PREDICATES: [&str; 19] = [
    "should", "shall", "must", "get", "gets", "have", "has", "need", "needs", "start", "starts", "on", "off", "to",
    "at", "with", "'s", "as", "against",
];

/// Whether other words than the guest’s name mean it.
fn is_pointed_at(target: &Target, text: &str) -> bool {
    matches!(&target.selector, Selector::Name(name) if target.span.of(text) != *name)
}

/// Whether the guest is meant by its place among others: “the first two”.
fn is_some_of_those(target: &Target, text: &str) -> bool {
    let words = target.span.of(text).to_lowercase();
    ["the first", "the last", "the other", "the rest"].iter().any(|begin| words.starts_with(begin))
}

/// Whether what a text speaks of here may be a part of a guest, which “delete it” would mean as well as the guest.
fn speaks_of_a_part(draft: &Draft, moved: bool) -> bool {
    match draft {
        Draft::Do(doing) => match doing.deed {
            Deed::Detach(_) | Deed::DestroyDisk(_) | Deed::RemoveNic(_) => true,
            Deed::Snapshot { .. } | Deed::DeleteSnapshot { .. } | Deed::Rollback { .. } | Deed::Restore { .. } => {
                !moved
            }
            _ => false,
        },
        Draft::Change(change) if moved => change.items.iter().any(|item| {
            matches!(
                item.value,
                Item::Disk(_) | Item::DiskPart(..) | Item::Nic { .. } | Item::OnStorage(_) | Item::Storage(_)
            )
        }),
        // “unprotect old-1, then delete it”
        Draft::Change(change) => !change.items.iter().all(|item| {
            matches!(item.value, Item::Plain(Plain::Protection | Plain::Running | Plain::OnBoot | Plain::Name, _))
        }),
        Draft::Remove(_) | Draft::Facility(_) => true,
        Draft::Create(_) | Draft::Clone(_) => false,
    }
}

impl Parser<'_> {
    pub fn pronoun(&mut self) -> Option<Targets> {
        let start = self.at;
        if let Some(original) = self.attempt(Self::original) {
            return Some(Targets::Old(vec![original]));
        }
        let either = self.peek(0).is_some_and(|token| token.text.eq_ignore_ascii_case("sie"));
        let one = self.any(ONE);
        let said = one || self.any(SEVERAL);
        // “all” and “the VMs” stand for someone only where nothing says whom.
        let alone = matches!(self.word_at(start), "it" | "them" | "they")
            || matches!(self.last_word(), "clone" | "copy") && matches!(self.drafts.last(), Some(Draft::Clone(_)))
            || (self.at_boundary() || PREDICATES.contains(&self.word()) || self.announces(start))
                && !self.ahead(Self::target)
                && !self.ahead(Self::guest_noun)
                && !self.ahead(Self::of_node)
                && !self.ahead(|p| p.any(TOLD_APART).then_some(()));
        if !said || !alone {
            return None;
        }
        let number = match (one, (start..self.at).map(|at| self.word_at(at))) {
            _ if either => Number::Either,
            (true, _) => Number::One,
            (false, mut words) => match words.find_map(|word| match word {
                "both" => Some(2),
                "three" => Some(3),
                _ => None,
            }) {
                Some(exactly) => Number::Exactly(exactly),
                None => Number::Several,
            },
        };
        let span = self.span(&(start..self.at));
        // What was not understood may be what the pronoun means.
        let unread = self.unread.last().is_some_and(|tokens| self.names_a_guest(tokens));
        let part = self.topic().is_some_and(|topic| topic.of_a_part);
        let antecedent = if unread || part { None } else { self.antecedent(number, span) };
        let vague = || Targets::Old(vec![Target { span, selector: Selector::Vague(span.of(self.text)) }]);
        Some(antecedent.unwrap_or_else(vague))
    }

    /// “the original”: what was just cloned.
    fn original(&mut self) -> Option<Target> {
        let Some(Draft::Clone(copy)) = self.drafts.last() else { return None };
        let (from, start) = (copy.from.clone(), self.at);
        self.verb(words!("the original vm|the original one|the original|the source vm|the source")).then_some(())?;
        Some(Target { span: self.span(&(start..self.at)), ..from })
    }

    /// Whether behind the pronoun from `start` on stands what guests that exist shall have: “both: 8 GB of RAM”, “both 1 GB swap”.
    fn announces(&mut self, start: usize) -> bool {
        let new = matches!(self.drafts.last(), None | Some(Draft::Create(_) | Draft::Clone(_)));
        let counted = matches!(self.word_at(start), "both" | "each" | "they");
        let value = |p: &mut Self| {
            (p.mark(':')
                || p.any(words!("->|→|=>"))
                || counted && p.ahead(|p| p.quantity().map(|_| ()).or(p.number().map(|_| ()))))
            .then_some(())
        };
        !new && self.ahead(value)
    }

    /// The guests that were spoken of before, where it is plain which of them words for so many mean; `span` is where
    /// those words stand.
    pub fn antecedent(&self, number: Number, span: Span) -> Option<Targets> {
        // “Concerning web-01, give it 4 cores”
        if let Some(addressed) = &self.addressed
            && (number.fits(addressed.len()) || number != Number::One && are_chosen(addressed))
            && self.drafts.last().is_none_or(|last| last.tokens().start < self.began)
        {
            return Some(Targets::Old(addressed.iter().map(|target| Target { span, ..target.clone() }).collect()));
        }
        if let Some(topic) = self.topic() {
            // “web-01 is stuck, restart it”; where somebody else was spoken of before, either may be meant.
            let before = self.drafts.last().map(Draft::targets);
            let same = |one: &Target| topic.named.iter().any(|other| other.selector == one.selector);
            let plain = before.is_none_or(|before| !before.is_empty() && before.iter().all(same));
            // “All three get 4 cores. test-1 and test-2 are off, start them.”
            let plain = plain || topic.together && topic.at >= self.began;
            let named = topic.named.iter().map(|target| Target { span, ..target.clone() }).collect();
            return (plain && number.fits(topic.named.len())).then_some(Targets::Old(named));
        }
        let last = self.drafts.last()?;
        let of_last = match last {
            Draft::Create(group) => {
                // Of guests whose names are still to come the number is theirs.
                let count = group.members.len().max(usize::from(!group.plural));
                // “fe-1 and fe-2 with 2 cores, they …”: those two, or all?
                if group.focus.len() > 1 {
                    return None;
                }
                let focused = !group.focus.is_empty() && count > 1;
                let all = group.awaits_names() || number.fits(count);
                if all && !(focused && number != Number::One) || focused && number == Number::One {
                    return Some(Targets::New);
                }
                if all { Some(named(group, span)) } else { None }
            }
            Draft::Clone(copy) if number.fits(copy.names.len()) => return Some(Targets::New),
            Draft::Clone(_) | Draft::Facility(_) => None,
            Draft::Change(_) | Draft::Do(_) | Draft::Remove(_) => {
                let targets = last.targets();
                (are_chosen(targets) && number != Number::One || number.fits(targets.len()))
                    .then(|| targets.iter().map(|target| Target { span, ..target.clone() }).collect())
            }
        };
        if let Some(targets) = of_last {
            return Some(Targets::Old(targets));
        }
        // “web-01: 4 cores, web-02: 8 GB RAM. Reboot both”
        if number == Number::One {
            return None;
        }
        let made = |draft: &Draft| matches!(draft, Draft::Create(_) | Draft::Clone(_));
        let alike = self.drafts.iter().all(|draft| made(draft) == made(last) && !matches!(draft, Draft::Facility(_)));
        let sentence = |draft: &Draft| {
            let ends = |token: &crate::lexer::Token| token.ends_sentence();
            self.tokens[..draft.tokens().start].iter().filter(|token| ends(token)).count()
        };
        let mut targets: Vec<Target> = Vec::new();
        for draft in &self.drafts {
            let of_it = match draft {
                Draft::Create(group) if group.awaits_names() => return None,
                Draft::Create(group) => named(group, span),
                Draft::Clone(copy) => {
                    let selector = |name: &String| Selector::Name(name.clone());
                    copy.names.iter().map(|name| Target { span, selector: selector(&name.value) }).collect()
                }
                draft => draft.targets().to_vec(),
            };
            for target in of_it {
                matches!(target.selector, Selector::Name(_) | Selector::Vmid(_)).then_some(())?;
                if !targets.iter().any(|known| known.selector == target.selector) {
                    targets.push(Target { span, ..target });
                }
            }
        }
        let together = targets.len() == 2 || self.drafts.first().map(sentence) == Some(sentence(last));
        (alike && together && number.fits(targets.len())).then_some(Targets::Old(targets))
    }

    /// Whether `deed` is said of a guest that the clause from `start` on does not name, after something was said of a part of it:
    /// “detach scsi1 of db-1 and delete it”.
    pub fn may_mean_a_part(&self, start: usize, targets: &[Target], deed: &Deed) -> bool {
        if !matches!(deed, Deed::Delete | Deed::Migrate { .. }) {
            return false;
        }
        let points = |target: &Target| {
            let words = target.span.of(self.text).to_lowercase();
            let is = |wordings: &Wordings| wordings.text().split('|').any(|wording| wording == words);
            is(ONE) || is(SEVERAL) || words == "sie"
        };
        let clause = self.span(&(start..self.at));
        let named =
            |target: &Target| clause.start <= target.span.start && target.span.end <= clause.end && !points(target);
        let before = self.drafts.last().filter(|last| self.addressed.is_none() || last.tokens().start >= self.began);
        !targets.iter().all(named)
            && before.is_some_and(|last| speaks_of_a_part(last, matches!(deed, Deed::Migrate { .. })))
    }

    /// Whom the present sentence addresses, where a clause of it names nobody: “db-1: detach scsi1”.
    pub fn addressee(&mut self) -> Option<Targets> {
        let targets = self.addressed.clone()?;
        let ends = self.at_boundary()
            || [
                "as", "to", "from", "within", "called", "named", "back", "by", "over", "onto", "should", "shall",
                "must", "has", "needs", "becomes", "grows", "shrinks", "moves", "goes", "gets", "->", "→", "=>",
            ]
            .contains(&self.word());
        ends.then_some(Targets::Old(targets))
    }

    pub fn names_a_guest(&self, tokens: &Range<usize>) -> bool {
        self.drafts.last().is_none_or(|draft| draft.tokens().end <= tokens.start)
            && self.tokens[tokens.clone()].iter().any(|token| self.inventory.guests.contains_key(token.text.as_str()))
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

    /// “the first two”, “the last three”, “the others”: several of those that were just named.
    pub fn some_of_those(&mut self) -> Option<Vec<Target>> {
        let start = self.at;
        let (those, _) = if self.word() == "the" { self.those()? } else { return None };
        let first = self.any(words!("the first"));
        let last = !first && self.any(words!("the last"));
        let chosen = if first || last {
            let count = usize::try_from(self.number()?).ok().filter(|count| (2..=those.len()).contains(count))?;
            if first { those[..count].to_vec() } else { those[those.len() - count..].to_vec() }
        } else {
            self.verb(words!("the other ones|the others|the other one|the other|the rest|the remaining"))
                .then_some(())?;
            let count = match self.last_word() {
                "one" => Some(1),
                "other" | "remaining" => Some(self.number().map_or(Some(1), |count| usize::try_from(count).ok())?),
                _ => None,
            };
            let since = |draft: &&Draft| draft.targets().iter().all(|one| is_pointed_at(one, self.text));
            let pointed: Vec<&Target> = self.drafts.iter().rev().take_while(since).flat_map(Draft::targets).collect();
            let others: Vec<Target> =
                those.into_iter().filter(|that| !pointed.iter().any(|one| one.selector == that.selector)).collect();
            (!pointed.is_empty() && !others.is_empty()).then_some(())?;
            count.is_none_or(|count| count == others.len()).then_some(others)?
        };
        let goes_on =
            |p: &mut Self| (p.noun().is_some() || p.guest_noun().is_some() || p.name().is_some()).then_some(());
        let span = self.span(&(start..self.at));
        let meant = |that: Target| Target { span, ..that };
        (!self.ahead(goes_on)).then(|| chosen.into_iter().map(meant).collect())
    }

    /// The guests that were last named several at once, each by its name, and the one of them that was pointed at since.
    pub fn those(&self) -> Option<(Vec<Target>, Option<Selector>)> {
        let mut pointed = None;
        let mut those = None;
        for draft in self.drafts.iter().rev() {
            if self.addressed.is_some() && draft.tokens().start < self.began {
                break;
            }
            if !matches!(draft, Draft::Change(_) | Draft::Do(_)) {
                break;
            }
            match draft.targets() {
                [one] if is_pointed_at(one, self.text) => pointed = pointed.or_else(|| Some(one.selector.clone())),
                some if some.iter().all(|one| is_some_of_those(one, self.text)) => {}
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

/// Whether some of them are whoever fits.
fn are_chosen(targets: &[Target]) -> bool {
    targets.iter().any(|target| matches!(target.selector, Selector::All(_)))
}

/// The guests of a group, as words that stand at `span` mean them.
fn named(group: &Group, span: Span) -> Vec<Target> {
    let target = |member: &Said<String>| Target { span, selector: Selector::Name(member.value.clone()) };
    group.members.iter().map(target).collect()
}
