//! What is not needed any more, and shall go: “test-1 is no longer used, please delete it”.

use mycopod_core::reading::{Deed, Selector, Sourced, WantedFacility};

use super::undergone::{MAY_BE, SHALL_BE};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Arrangement, Draft};
use crate::builtin::whom::pointing::Number;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// What is spoken of.
struct Spoken {
    whose: Targets,
    /// Some of their snapshots; the guests themselves where there are none.
    snapshots: Vec<Sourced<String>>,
}

impl Parser<'_> {
    /// “test-1 is not needed any more, please delete it”, “we no longer need old-backup, delete it”.
    pub fn unneeded(&mut self) -> Option<Draft> {
        self.beyond(Self::unneeded_and_deleted)
    }

    fn unneeded_and_deleted(&mut self) -> Option<Draft> {
        let start = self.at;
        let spoken = self
            .attempt(Self::not_needed_by_us)
            .or_else(|| self.attempt(Self::not_needed))
            .or_else(|| self.attempt(Self::carrying_snapshots))?;
        let part = !spoken.snapshots.is_empty();
        let number = if self.any(words!("and can be|and may be|and should be")) {
            // “… and can be deleted”
            matches!(self.word(), "deleted" | "removed").then(|| self.at += 1)?;
            Number::Either
        } else {
            self.then_please();
            (self.any(words!("delete|remove|destroy|throw away|get rid of|scrap|trash|dispose of"))
                || part && self.any(words!("drop")))
            .then_some(())?;
            self.those_spoken_of()?
        };
        let whose = counted(spoken.whose, if part { None } else { Some(number) })?;
        (!part || number.fits(spoken.snapshots.len())).then_some(())?;
        if !part {
            self.with_its_disks();
        }
        self.manner();
        self.at_boundary().then_some(())?;
        let mut snapshots = spoken.snapshots;
        let Some(last) = snapshots.pop() else { return self.doing(start, whose, Deed::Delete) };
        for snapshot in snapshots {
            let draft = self.doing(start, whose.clone(), Deed::DeleteSnapshot { snapshot: Some(snapshot) })?;
            self.drafts.push(draft);
        }
        self.doing(start, whose, Deed::DeleteSnapshot { snapshot: Some(last) })
    }

    /// “pool lab is empty and can be dropped, please drop it”
    pub fn unneeded_pool(&mut self) -> Option<Draft> {
        self.beyond(|p| {
            let start = p.at;
            p.any(words!("the|our"));
            p.any(words!("empty|unused|old"));
            p.any(words!("resource pool|pool")).then_some(())?;
            let name = p.pool_name()?;
            // “the pool lab can be deleted”
            if (p.any(SHALL_BE) || p.any(MAY_BE)) && p.verb(words!("deleted|removed|destroyed|dropped")) {
                p.manner();
                let wanted = WantedFacility::DeletePool { name };
                return p.at_boundary().then_some(Draft::Facility(Arrangement { tokens: start..p.at, wanted }));
            }
            p.any(words!("is")).then_some(())?;
            p.any(words!("now"));
            p.any(words!("empty|unused|no longer needed|no longer used|not needed any more|not used any more"))
                .then_some(())?;
            p.attempt(|p| {
                p.any(words!("and can be|and may be|and should be")).then_some(())?;
                (p.word() == "dropped" || matches!(p.word(), "deleted" | "removed")).then(|| p.at += 1)
            });
            p.then_please();
            p.any(words!("delete it|remove it|destroy it|drop it|get rid of it")).then_some(())?;
            p.manner();
            let wanted = WantedFacility::DeletePool { name };
            p.at_boundary().then_some(Draft::Facility(Arrangement { tokens: start..p.at, wanted }))
        })
    }

    /// “…, so please”, into the next sentence.
    fn then_please(&mut self) {
        self.attempt(|p| {
            p.mark('(').then_some(())?;
            p.ticket_number()?;
            p.mark(')').then_some(())
        });
        self.next_sentence();
        while self.mark(',')
            || self.mark('–')
            || self.mark('—')
            || self.mark(':')
            || self.any(words!("so|and|please|you can|you may|can you|could you|kindly|just"))
        {}
    }

    /// “it”, “all three”: as many.
    fn those_spoken_of(&mut self) -> Option<Number> {
        if self.any(words!("it")) {
            return Some(Number::One);
        }
        if self.any(words!("both of them|them both|both")) {
            return Some(Number::Exactly(2));
        }
        if self.any(words!("all three of them|all three")) {
            return Some(Number::Exactly(3));
        }
        self.any(words!("all of them|them all|them")).then_some(Number::Several)
    }

    /// “wiki’s snapshot monday”, “test-1 and test-2”
    fn spoken_of(&mut self) -> Option<Spoken> {
        let snapshot = |p: &mut Self| {
            let (snapshot, whose) = p.snapshot_of_targets()?;
            Some(Spoken { whose, snapshots: vec![snapshot?] })
        };
        self.attempt(snapshot).or_else(|| Some(Spoken { whose: self.targets()?, snapshots: Vec::new() }))
    }

    /// “we no longer need old-backup”
    fn not_needed_by_us(&mut self) -> Option<Spoken> {
        if !self.any(words!("nobody needs|nobody uses|no one needs|no one uses|nobody is using")) {
            self.any(words!("we|i")).then_some(())?;
            self.any(words!("no longer need|no longer use|don't need|do not need|don't use|do not use"))
                .then_some(())?;
        }
        let spoken = self.spoken_of()?;
        self.any(words!("any more|anymore|any longer"));
        Some(spoken)
    }

    /// “test-1 isn’t used any more”, “test-2 is to be deleted”
    fn not_needed(&mut self) -> Option<Spoken> {
        const OBSOLETE: [&str; 4] = ["obsolete", "decommissioned", "retired", "redundant"];
        let spoken = self.spoken_of()?;
        // “the test machines can all go, please delete them”
        if self.verb(words!("can go|can all go|can both go|can now go|may go|has to go|have to go|must go")) {
            return Some(spoken);
        }
        let negated = self.any(words!("isn't|aren't"));
        (negated || self.any(words!("is|are|gets|get"))).then_some(())?;
        let longer =
            words!("needed any more|needed anymore|needed any longer|used any more|used anymore|used any longer");
        let said = if negated {
            self.any(longer)
        } else {
            self.any(words!("no longer needed|no longer used|no longer in use"))
                || self.attempt(|p| (p.any(words!("not")) && p.any(longer)).then_some(())).is_some()
                || self
                    .attempt(|p| {
                        p.any(words!("now|to be|being"));
                        OBSOLETE.contains(&p.word()).then(|| p.at += 1)
                    })
                    .is_some()
        };
        said.then_some(spoken)
    }

    /// “wiki has two old snapshots, monday and before-update”
    fn carrying_snapshots(&mut self) -> Option<Spoken> {
        let whose = self.targets().filter(|targets| self.known(targets))?;
        self.verb(words!("has|carries|holds|still has")).then_some(())?;
        let count = self.attempt(Self::number);
        self.any(words!("old"));
        self.any(words!("snapshots")).then_some(())?;
        let _ = self.mark(',') || self.mark(':') || self.mark('(');
        let mut snapshots = vec![self.kept()?];
        while let Some(next) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.kept()
        }) {
            snapshots.push(next);
        }
        self.mark(')');
        let all = count.is_none_or(|count| u64::try_from(snapshots.len()) == Ok(count));
        (snapshots.len() > 1 && all).then_some(Spoken { whose, snapshots })
    }
}

/// The guests, where they may be so many; of those that are chosen it is looked up later.
fn counted(targets: Targets, number: Option<Number>) -> Option<Targets> {
    let (Targets::Old(mut targets), Some(number)) = (targets.clone(), number) else { return Some(targets) };
    if let [target] = targets.as_mut_slice()
        && let Selector::All(fit) = &mut target.selector
    {
        if let Number::Exactly(exactly) = number {
            fit.count = u64::try_from(exactly).ok();
        }
        return (number != Number::One).then_some(Targets::Old(targets));
    }
    number.fits(targets.len()).then_some(Targets::Old(targets))
}
