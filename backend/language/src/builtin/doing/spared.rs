//! Whom a deed is not done to: “keep test-1, but remove test-3”, “win-dc1: leave it as it is”.

use mycopod_core::reading::{Deed, Selector, Target};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Doing, Draft};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// That nothing is done.
const AS_IT_IS: &Wordings = words!(
    "exactly as it is|exactly as they are|as it is|as they are|as is|alone|untouched|unchanged|the way it is|the way they are"
);

impl Parser<'_> {
    /// “keep test-1, but remove test-3”: others than those a deed names are let be.
    pub fn keeping_others(&mut self) -> Option<Draft> {
        let start = self.at;
        self.any(words!("keep")).then_some(())?;
        let Targets::Old(spared) = self.targets().filter(|targets| self.known(targets))? else { return None };
        let kept = start..self.at;
        self.mark(',');
        self.any(words!("but")).then_some(())?;
        self.any(words!("please"));
        let draft = self.verb_ahead()?;
        let Draft::Do(doing) = &draft else { return None };
        are_others(&spared, &doing.targets).then_some(())?;
        self.asides.push(kept);
        Some(draft)
    }

    /// “win-dc1: leave it as it is”, “db-1 stays as it is”, of whom nothing else is said.
    pub fn left_alone(&mut self) -> Option<()> {
        let start = self.at;
        let Targets::Old(targets) = self.targets().filter(|targets| self.known(targets))? else { return None };
        let _ = self.mark(':') || self.mark(',') || self.any(words!("->|→|=>"));
        let so =
            self.verb(words!("leave it|leave them|keep it|keep them|should stay|can stay|stays|stay|remains|remain"));
        let none = !so && self.verb(words!("no changes|no change|nothing to do|nothing to change|unchanged|untouched"));
        (none || so && self.verb(AS_IT_IS)).then_some(())?;
        self.any(words!("please"));
        self.at_boundary().then_some(())?;
        let once = |target: &Target| {
            let Selector::Name(name) = &target.selector else { return false };
            self.tokens.iter().filter(|token| token.text.eq_ignore_ascii_case(name)).count() == 1
        };
        let chosen = |target: &Target| matches!(target.selector, Selector::All(_) | Selector::Vague(_));
        let others = !self.drafts.iter().flat_map(Draft::targets).any(chosen);
        (others && targets.iter().all(once)).then_some(())?;
        self.asides.push(start..self.at);
        // “test-2: stays as it is, just boot it” means test-2, whoever was spoken of before.
        let begins = self.tokens[self.began..start].iter().all(|token| !token.is_content());
        if begins && self.addressed.is_none() {
            self.addressed = Some(targets.clone());
        }
        self.speak_of(targets);
        Some(())
    }

    /// “start test-1 on pve2”, of guests that are elsewhere: they are moved there before.
    pub fn started_elsewhere(&mut self, doing: &Doing) -> Option<()> {
        matches!(doing.deed, Deed::Start).then_some(())?;
        self.any(words!("on")).then_some(())?;
        let moved = self.on_a_node(doing.tokens.start, Targets::Old(doing.targets.clone()), None)?;
        self.at_boundary().then(|| self.drafts.push(moved))
    }
}

/// Whether all of both are named, and nobody twice.
fn are_others(some: &[Target], others: &[Target]) -> bool {
    let name = |target: &Target| matches!(target.selector, Selector::Name(_));
    some.iter().all(|one| name(one) && others.iter().all(|other| other.selector != one.selector))
        && others.iter().all(name)
}
