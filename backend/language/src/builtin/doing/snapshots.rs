//! Snapshots: taken, gone back to, deleted.

use mycopod_core::reading::{Deed, Sourced};

use crate::vocabulary::{self, Class};

use super::errand::LIGHT;
use super::undergone::{MAY_BE, SHALL_BE};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Doing, Draft};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words for a snapshot that is the last one taken.
const LATEST_SNAPSHOT: &Wordings = words!(
    "its latest snapshot|its last snapshot|its newest snapshot|the latest snapshot|the last snapshot|\
    the newest snapshot|latest snapshot|last snapshot|newest snapshot"
);

/// That a snapshot is wanted.
const IS_TAKEN: &Wordings = words!(
    "should be taken|should be made|should be created|must be taken|is needed|is required|needed|required|taken|made"
);
/// Within so many words from the beginning of a clause the word “snapshot” stands where one is to be deleted.
const NEAR: usize = 14;

impl Parser<'_> {
    /// “Snapshot gitlab and mail, before the upgrade. Call both pre-17.”: how a snapshot is called that has no name yet.
    pub fn snapshot_name(&mut self) -> Option<()> {
        let Some(Draft::Do(Doing { deed: Deed::Snapshot { name: None }, .. })) = self.drafts.last() else {
            return None;
        };
        self.any(words!("call it|call them|call both|call all|name it|name them|name both|name all|name|named|called"))
            .then_some(())?;
        let _ = self.mark(':') || self.mark('=');
        let at = self.at;
        let said = self.any_name().filter(|_| self.at_boundary())?;
        let said = Sourced::new(said, self.source(&(at..self.at)));
        if let Some(Draft::Do(Doing { deed: Deed::Snapshot { name }, .. })) = self.drafts.last_mut() {
            *name = Some(said);
        }
        Some(())
    }

    /// “snapshot web-01 as pre-patch”, “take a snapshot called a of web-01 and web-02”.
    pub fn snapshot(&mut self) -> Option<Draft> {
        let start = self.at;
        // “… and one of web-02 called pre-9”
        let took = matches!(self.drafts.last(), Some(Draft::Do(Doing { deed: Deed::Snapshot { .. }, .. })));
        if took
            && let Some(targets) = self.attempt(|p| {
                (p.any(words!("another one|another|one")) && p.any(words!("of|for"))).then_some(())?;
                p.targets()
            })
        {
            return self.snapshotted(start, targets, None);
        }
        // “db-1 snapshot pre-a”
        let near = &self.tokens[self.at..self.end.min(self.at + NEAR)];
        if near.iter().any(|token| token.word == "snapshot")
            && let Some(draft) = self.attempt(|p| {
                let targets = p.targets().filter(|targets| p.known(targets))?;
                p.any(words!("snapshot")).then_some(())?;
                let name = p.snapshot_called().or_else(|| p.attempt(Self::fresh_name))?;
                p.at_boundary().then_some(())?;
                p.snapshotted(start, targets, Some(name))
            })
        {
            return Some(draft);
        }
        if let Some(before) = self.attempt(Self::a_new_one) {
            return self.snapshotted(start, before, None);
        }
        // “take a new”, or nothing before “snapshot”
        let made = self.verb(LIGHT) || self.any(words!("add"));
        let _ = made && self.any(words!("please"));
        let mut announced = self.any(words!("a|another|one")) || made;
        let _ = made && self.any(words!("the"));
        while self.verb(words!("new|fresh|quick|full")) {
            announced = true;
        }
        let several = self.any(words!("snapshots"));
        (several || self.any(words!("snapshot"))).then_some(())?;
        // “db-1: snapshot pre-a”
        if self.addressed.is_some()
            && let Some(draft) = self.attempt(|p| {
                let name = p.snapshot_called().or_else(|| p.attempt(|p| p.fresh_name().filter(|_| p.at_boundary())));
                let targets = p.addressee()?;
                p.snapshotted(start, targets, name)
            })
        {
            return Some(draft);
        }
        // “snapshot pre-a for db-1”
        let before_whom = |p: &mut Self| {
            let name = p.fresh_name()?;
            (p.any(IS_TAKEN) || matches!(p.word(), "of" | "on" | "for" | "to")).then_some(name)
        };
        // “snapshot both as pre-a”
        let both = matches!(self.word(), "both" | "all" | "each");
        let name = if both { None } else { self.snapshot_called().or_else(|| self.attempt(before_whom)) };
        let taken = self.any(IS_TAKEN);
        let of = self.any(words!("of each of|of|for|on")) || made && self.any(words!("to"));
        (of || !(announced || several || taken)).then_some(())?;
        let targets = self.targets()?;
        self.snapshotted(start, targets, name)
    }

    /// “… called pre-patch” behind whom a snapshot is taken of.
    pub fn snapshotted(&mut self, start: usize, targets: Targets, name: Option<Sourced<String>>) -> Option<Draft> {
        self.verb(words!("now|first|beforehand"));
        if let Targets::Old(targets) = &targets {
            self.attempt(|p| p.where_they_are(targets));
        }
        let name = name.or_else(|| self.snapshot_called());
        self.any(IS_TAKEN);
        self.doing(start, targets, Deed::Snapshot { name })
    }

    /// A name that is no guest’s.
    fn fresh_name(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        let name = self.name().filter(|name| !self.inventory.guests.contains_key(name))?;
        Some(Sourced::new(name, self.source(&(at..self.at))))
    }

    /// “as pre-patch”, “(pre-patch)”, “and call it pre-patch”
    fn snapshot_called(&mut self) -> Option<Sourced<String>> {
        self.attempt(|p| {
            let open = p.mark('(');
            let _ = p.mark(',');
            // “snapshots of web-01 and web-02, both called pre-fix”
            p.attempt(|p| {
                p.any(words!("both|all|each")).then_some(())?;
                p.ahead(|p| p.any(words!("called|named|as|with")).then_some(())).then_some(())
            });
            // “snapshot wiki -> v3”
            if let Some(said) = p.attempt(|p| {
                p.any(words!("->|→|=>")).then_some(())?;
                p.fresh_name().filter(|_| p.at_boundary())
            }) {
                return Some(said);
            }
            // “snapshot db-1 (pre-x)”, “snapshot of db-1: pre-x”
            if let Some(said) = p.attempt(|p| {
                (open || p.mark(':')).then_some(())?;
                let said = p.fresh_name().filter(|name| p.looks_like_name(&name.value))?;
                ((!open || p.mark(')')) && p.at_boundary()).then_some(said)
            }) {
                return Some(said);
            }
            // “new snapshot of cache: call it safe”
            p.attempt(|p| {
                p.mark(':').then_some(())?;
                p.ahead(|p| p.any(words!("call it|call them|name it|name them")).then_some(())).then_some(())
            });
            p.any(words!(
                "and call it|and call them|and name them|call it|call them|name it|name them|and name it|named|called|name|titled|title|as|\
                 with the name|with name|under the name"
            ))
            .then_some(())?;
            let _ = p.mark('=') || p.mark(':');
            let at = p.at;
            // Snapshots are called by the rhythm they are taken in; here it sets no schedule.
            let name = match p.any_name() {
                Some(name) => name,
                None if p.any(words!("hourly|daily|nightly|weekly|monthly")) => p.last_word().to_owned(),
                None => return None,
            };
            let said = Sourced::new(name, p.source(&(at..p.at)));
            (!open || p.mark(')')).then_some(said)
        })
    }

    /// “… and take a new one called b”: of the guest whose snapshot was spoken of just before.
    fn a_new_one(&mut self) -> Option<Targets> {
        let targets = match self.drafts.last()? {
            Draft::Do(doing) if matches!(doing.deed, Deed::DeleteSnapshot { .. } | Deed::Snapshot { .. }) => {
                doing.targets.clone()
            }
            _ => return None,
        };
        self.any(words!("take|make|create")).then_some(())?;
        self.any(words!("a new one|another one|another|one")).then_some(Targets::Old(targets))
    }

    /// The name of a snapshot or a backup, as it was said.
    pub fn kept(&mut self) -> Option<Sourced<String>> {
        self.attempt(|p| {
            let at = p.at;
            // “back to monday”: it is looked for among those there are.
            let name = p.any_name().or_else(|| {
                let day =
                    p.peek(0).filter(|token| vocabulary::class(&token.word) == Some(Class::Schedule))?.text.clone();
                p.at += 1;
                Some(day.to_string())
            })?;
            Some(Sourced::new(name, p.source(&(at..p.at))))
        })
    }

    /// “roll web-01 back to pre-patch”, “revert db-1 to the snapshot s1”, “restore db-1 to snapshot s1”.
    pub fn rollback(&mut self) -> Option<Draft> {
        let start = self.at;
        // “go back to snapshot monday on wiki”, “restore the snapshot monday of wiki”
        if let Some((snapshot, targets)) = self.attempt(|p| {
            let back = p.any(words!("go back to|roll back to|rollback to|revert to|back to"));
            (back || p.any(words!("restore|roll back|rollback"))).then_some(())?;
            let (snapshot, announced) = p.one_snapshot()?;
            (announced || back).then_some(())?;
            Some((snapshot, p.of_targets(words!("of|on|for"))?))
        }) {
            return self.doing(start, targets, Deed::Rollback { snapshot: Some(snapshot) });
        }
        // “web-01 back to pre-upgrade”
        if let Some(back) = self.attempt(|p| {
            let targets = p.targets().filter(|targets| p.known(targets))?;
            p.any(words!("goes back to|back to|to go back to|must go back to|should go back to")).then_some(())?;
            let (snapshot, _) = p.one_snapshot()?;
            p.doing(start, targets, Deed::Rollback { snapshot: Some(snapshot) })
        }) {
            return Some(back);
        }
        if let Some(back) = self.attempt(|p| p.back_to_a_snapshot(start)) {
            return Some(back);
        }
        let restores = self.any(words!("restore|reset"));
        if !restores && !self.any(words!("roll back|rollback|roll|revert")) && !self.verb(words!("return")) {
            return None;
        }
        // “return test-1” alone brings nothing back.
        let (split, returns) = (self.last_word() == "roll", self.last_word() == "return");
        self.any(words!("of"));
        let targets = self.targets()?;
        if split && !self.any(words!("back")) {
            return None;
        }
        self.back_to(start, targets, restores || returns)
    }

    /// “… to the snapshot monday”; what `restores` may go to a backup as well, unless the snapshot is called one.
    pub fn back_to(&mut self, start: usize, targets: Targets, restores: bool) -> Option<Draft> {
        self.any(words!("back"));
        let to = self
            .any(words!("to how it was in|to the state of|to the state in|to its state in|to what it was in|to|from"));
        if to && self.any(LATEST_SNAPSHOT) {
            return self.doing(start, targets, Deed::Rollback { snapshot: None });
        }
        let (snapshot, announced) = self.one_snapshot()?;
        (to && (announced || !restores)).then_some(())?;
        self.doing(start, targets, Deed::Rollback { snapshot: Some(snapshot) })
    }

    /// “the snapshot monday”, “its monday snapshot”, “monday”, and whether the word for it is there.
    fn one_snapshot(&mut self) -> Option<(Sourced<String>, bool)> {
        self.any(words!("the|its"));
        let announced = self.any(words!("snapshot called|snapshot named|snapshot"));
        let snapshot = self.kept()?;
        Some((snapshot, announced || self.any(words!("snapshot"))))
    }

    /// “wiki: back to snapshot monday”, “set wiki back to its monday snapshot”, “wiki should go back to the snapshot monday”.
    fn back_to_a_snapshot(&mut self, start: usize) -> Option<Draft> {
        let set = self.any(words!("set|put|take|bring|get|turn"));
        let targets = self.targets().filter(|targets| self.known(targets))?;
        if !set {
            self.any(words!("should|shall|must|has to|have to|needs to|need to|wants to"));
            self.verb(words!("go|goes|be rolled|be set|be taken|be put|be brought|be reset"));
        }
        self.any(words!("back to the state of|back to how it was in|back to")).then_some(())?;
        let snapshot = if self.any(LATEST_SNAPSHOT) {
            None
        } else {
            Some(self.one_snapshot().filter(|(_, announced)| *announced)?.0)
        };
        self.doing(start, targets, Deed::Rollback { snapshot })
    }

    /// “delete snapshot pre-patch of web-01”, “web-01’s snapshot s1 should be removed”, “removal of the snapshots a and b of wiki”.
    pub fn delete_snapshot(&mut self) -> Option<Draft> {
        let start = self.at;
        let near = &self.tokens[self.at..self.end.min(self.at + NEAR)];
        near.iter().any(|token| token.word.starts_with("snapshot")).then_some(())?;
        let verb = words!("delete|remove|destroy|get rid of|throw away|discard|deletion of|removal of");
        let (snapshots, targets) = if self.any(words!("drop")) {
            // Several that are dropped may be let go of in other ways.
            self.snapshot_of_targets().map(|(snapshot, targets)| (vec![snapshot], targets))?
        } else if self.any(verb) {
            self.snapshots_said()?
        } else {
            let had =
                self.any(words!("have|get")) || matches!(self.last_word(), "have" | "get" | "need" | "want" | "like");
            let said = self.snapshots_said()?;
            let undone = if self.mark(':') {
                self.any(words!("delete|remove|destroy|drop"))
            } else {
                (had || self.any(SHALL_BE) || self.any(MAY_BE))
                    && self.verb(words!("deleted|removed|destroyed|dropped"))
            };
            undone.then_some(said)?
        };
        let deeds = snapshots.into_iter().map(|snapshot| Deed::DeleteSnapshot { snapshot }).collect();
        self.done_in_turn(start, &targets, deeds)
    }

    /// Some snapshots and whose they are.
    fn snapshots_said(&mut self) -> Option<(Vec<Option<Sourced<String>>>, Targets)> {
        let of = words!("of|from|on|for|belonging to");
        // “the snapshots a and b”, “snapshot a and snapshot b”, “the a and b snapshots”
        let several = |p: &mut Self| {
            p.any(words!("the|its|old"));
            p.any(words!("old|two"));
            let ahead = p.any(words!("snapshots|snapshot"));
            p.mark(':');
            let mut snapshots = vec![Some(p.kept()?)];
            while let Some(next) = p.attempt(|p| {
                p.joint().then_some(())?;
                p.any(words!("the snapshot|snapshot"));
                p.kept()
            }) {
                snapshots.push(Some(next));
            }
            (snapshots.len() > 1 && (ahead || p.any(words!("snapshots")))).then_some(snapshots)
        };
        self.attempt(|p| Some((several(p)?, p.of_targets(of)?)))
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    Some((several(p)?, targets))
                })
            })
            .or_else(|| self.snapshot_of_targets().map(|(snapshot, targets)| (vec![snapshot], targets)))
    }

    /// “snapshot monday of wiki”, “the pre-patch snapshot of web-01”, “wiki’s snapshot”: one of them, where it is named.
    pub fn snapshot_of_targets(&mut self) -> Option<(Option<Sourced<String>>, Targets)> {
        let named = |p: &mut Self| {
            p.any(words!("the|its"));
            p.any(words!("old"));
            if p.any(words!("snapshot called|snapshot named|snapshot")) {
                return Some(if p.at_boundary() { None } else { p.kept() });
            }
            let name = p.kept()?;
            p.any(words!("snapshot")).then_some(Some(name))
        };
        self.attempt(|p| {
            let snapshot = named(p)?;
            Some((snapshot, p.of_targets(words!("of|from|on|for|belonging to"))?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((named(p)?, targets))
            })
        })
    }
}
