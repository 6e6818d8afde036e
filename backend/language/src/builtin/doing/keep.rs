//! What is kept of guests to go back to: snapshots and backups.

use mycopod_core::reading::{Deed, Sourced};

use crate::vocabulary::{self, Class};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Doing, Draft};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words for a backup that is the last one made.
const LATEST: &Wordings = words!(
    "its latest backup|its last backup|its newest backup|its most recent backup|the latest backup|\
    the last backup|the newest backup|the most recent backup|latest backup|last backup|newest backup"
);
/// Words for a snapshot that is the last one taken.
const LATEST_SNAPSHOT: &Wordings = words!(
    "its latest snapshot|its last snapshot|its newest snapshot|the latest snapshot|the last snapshot|\
    the newest snapshot|latest snapshot|last snapshot|newest snapshot"
);

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
        let named = |p: &mut Self| {
            p.attempt(|p| {
                let open = p.mark('(');
                let _ = p.mark(',');
                // “snapshots of web-01 and web-02, both called pre-fix”
                p.attempt(|p| (p.any(words!("both|all|each")) && p.ahead(|p| p.any(words!("called|named|as|with")).then_some(()))).then_some(()));
                // “snapshot wiki -> v3”
                if let Some(said) = p.attempt(|p| {
                    p.any(words!("->|→|=>")).then_some(())?;
                    let at = p.at;
                    let name = p.name().filter(|name| !p.inventory.guests.contains_key(name))?;
                    p.at_boundary().then(|| Sourced::new(name, p.source(&(at..p.at))))
                }) {
                    return Some(said);
                }
                // “snapshot db-1 (pre-x)”, “snapshot of db-1: pre-x”
                if let Some(said) = p.attempt(|p| {
                    (open || p.mark(':')).then_some(())?;
                    let at = p.at;
                    let name = p.name().filter(|name| p.looks_like_name(name) && !p.inventory.guests.contains_key(name))?;
                    let said = Sourced::new(name, p.source(&(at..p.at)));
                    ((!open || p.mark(')')) && p.at_boundary()).then_some(said)
                }) {
                    return Some(said);
                }
                if !p.any(words!("and call it|and call them|and name them|call it|call them|name it|name them|and name it|named|called|name|titled|title|as|with the name|with name|under the name")) {
                    return None;
                }
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
        };
        let mut name;
        let asked = |p: &mut Self| {
            p.any(words!("a snapshot of|a snapshot for|a snapshot named|a snapshot called|snapshots of|snapshots for|new snapshot of|another snapshot of|one snapshot of")).then_some(())
        };
        // “db-1: snapshot pre-a”
        let unnamed = |p: &mut Self| {
            let at = p.at;
            let name = p.name().filter(|name| !p.inventory.guests.contains_key(name))?;
            p.at_boundary().then(|| Sourced::new(name, p.source(&(at..p.at))))
        };
        // “… and one of web-02 called pre-9”
        let took = matches!(self.drafts.last(), Some(Draft::Do(Doing { deed: Deed::Snapshot { .. }, .. })));
        let targets = if took
            && self
                .attempt(|p| (p.any(words!("another one|another|one")) && p.any(words!("of|for"))).then_some(()))
                .is_some()
        {
            name = None;
            self.targets()?
        } else if let Some(before) = self.attempt(Self::a_new_one) {
            name = named(self);
            before
        } else if self.addressed.is_some() && self.any(words!("a new snapshot|new snapshot|a snapshot|snapshot")) {
            name = named(self).or_else(|| self.attempt(unnamed));
            self.addressee()?
        } else if self.any(words!("take|make|create|do")) || self.ahead(asked) {
            self.any(words!("please"));
            self.any(words!("a|another|one"));
            self.any(words!("new|quick"));
            if !self.any(words!("snapshots|snapshot")) {
                return None;
            }
            name = named(self);
            if name.is_none() {
                name = self.attempt(|p| {
                    let at = p.at;
                    let name = p.name()?;
                    matches!(p.word(), "of" | "on" | "for").then(|| Sourced::new(name, p.source(&(at..p.at))))
                });
            }
            if !self.any(words!("of each of|of|for|on")) {
                return None;
            }
            self.targets()?
        } else {
            if !self.any(words!("snapshot")) {
                return None;
            }
            // “snapshot pre-a for db-1”
            name = self.attempt(|p| {
                let at = p.at;
                let name = p.name().filter(|name| !p.inventory.guests.contains_key(name))?;
                matches!(p.word(), "of" | "for").then(|| Sourced::new(name, p.source(&(at..p.at))))
            });
            self.any(words!("of each of|of|for|on"));
            self.targets()?
        };
        self.any(words!("now"));
        let name = name.or_else(|| named(self));
        self.doing(start, targets, Deed::Snapshot { name })
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
                Some(day)
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
            p.any(words!("the"));
            p.any(words!("snapshot called|snapshot named|snapshot")).then_some(())?;
            let snapshot = p.kept()?;
            p.any(words!("of|on|for")).then_some(())?;
            Some((snapshot, p.targets()?))
        }) {
            return self.doing(start, targets, Deed::Rollback { snapshot: Some(snapshot) });
        }
        if let Some(back) = self.attempt(|p| p.back_to_a_snapshot(start)) {
            return Some(back);
        }
        let restores = self.any(words!("restore|reset"));
        if !restores && !self.any(words!("roll back|rollback|roll|revert")) {
            return None;
        }
        let split = self.last_word() == "roll";
        self.any(words!("of"));
        let targets = self.targets()?;
        if split && !self.any(words!("back")) {
            return None;
        }
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

    /// “delete snapshot pre-patch of web-01”, “remove the pre-patch snapshot of web-01”, “delete web-01’s snapshot s1”.
    pub fn delete_snapshot(&mut self) -> Option<Draft> {
        let start = self.at;
        if !self.any(words!("delete|remove|destroy|drop|get rid of")) {
            return None;
        }
        let verb = self.last_word().to_owned();
        // “the snapshots a and b of wiki”, “snapshot a and snapshot b of wiki”
        if let Some((snapshots, targets)) = self.attempt(|p| {
            p.any(words!("the|its"));
            (verb != "drop" && p.any(words!("snapshots|snapshot"))).then_some(())?;
            p.mark(':');
            let mut snapshots = vec![p.kept()?];
            while let Some(next) = p.attempt(|p| {
                p.joint().then_some(())?;
                p.any(words!("the snapshot|snapshot"));
                p.kept()
            }) {
                snapshots.push(next);
            }
            (snapshots.len() > 1).then_some(())?;
            Some((snapshots, p.of_targets(words!("of|from|on"))?))
        }) {
            let mut deeds = snapshots.into_iter().map(|snapshot| Deed::DeleteSnapshot { snapshot: Some(snapshot) });
            let last = deeds.next_back()?;
            for deed in deeds {
                let draft = self.doing(start, targets.clone(), deed)?;
                self.drafts.push(draft);
            }
            return self.doing(start, targets, last);
        }
        let (snapshot, targets) = self.snapshot_of_targets()?;
        self.doing(start, targets, Deed::DeleteSnapshot { snapshot })
    }

    /// “snapshot monday of wiki”, “the pre-patch snapshot of web-01”, “wiki’s snapshot”: one of them, where it is named.
    pub fn snapshot_of_targets(&mut self) -> Option<(Option<Sourced<String>>, Targets)> {
        let named = |p: &mut Self| {
            p.any(words!("the|its"));
            if p.any(words!("snapshot called|snapshot named|snapshot")) {
                return Some(if p.at_boundary() { None } else { p.kept() });
            }
            let name = p.kept()?;
            p.any(words!("snapshot")).then_some(Some(name))
        };
        self.attempt(|p| {
            let snapshot = named(p)?;
            Some((snapshot, p.of_targets(words!("of|from|on"))?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((named(p)?, targets))
            })
        })
    }

    /// “back up web-01 to backups”, “take a backup of db-1 on nas in stop mode”.
    pub fn backup(&mut self) -> Option<Draft> {
        let start = self.at;
        let by_noun = |p: &mut Self| {
            p.any(words!("take|make|create|do|run|initiate|start|save|get|need"));
            p.a_backup()?;
            p.any(words!("of|for")).then_some(())
        };
        let titled = |p: &mut Self| (p.any(words!("backups|backup")) && p.mark(':')).then_some(());
        let targets = if self.attempt(titled).is_some() {
            self.targets().filter(|targets| self.known(targets))?
        } else if self.addressed.is_some() && self.attempt(Self::a_backup).is_some() {
            self.addressee()?
        } else if self.attempt(by_noun).is_some() || self.any(words!("back up|backup|vzdump")) {
            self.targets()?
        } else {
            // “back web-01 up”
            let split = self.any(words!("back"));
            split.then(|| self.targets())?.filter(|_| self.any(words!("up")))?
        };
        let (mut storage, mut mode) = (None, None);
        loop {
            let at = self.at;
            if self.any(words!("right now|now|immediately")) {
                continue;
            }
            // “back up web-01 and web-02, both to local”
            self.attempt(|p| {
                p.mark(',');
                (p.any(words!("both|all|each")) && p.ahead(|p| p.any(words!("to|onto")).then_some(()))).then_some(())
            });
            if mode.is_none()
                && let Some(said) = self.attempt(Self::backup_mode)
            {
                mode = Some(said);
            } else if storage.is_none()
                && (self.any(words!("and put it on|to|on|onto|into|->|→|=>"))
                    || self
                        .attempt(|p| {
                            p.mark(',');
                            p.any(words!("target")).then_some(())?;
                            let _ = p.mark(':') || p.mark('=');
                            Some(())
                        })
                        .is_some())
            {
                self.any(words!("the"));
                let announced = self.any(words!("storage|datastore"));
                let name = self.kept()?;
                if !announced {
                    self.any(words!("storage|datastore"));
                }
                storage = Some(name);
            }
            if self.at == at {
                break;
            }
        }
        self.doing(start, targets, Deed::Backup { storage, mode })
    }

    /// “a quick one-off backup”: one that is made now.
    fn a_backup(&mut self) -> Option<()> {
        self.any(words!("a|an|another|the|one"));
        while self.any(words!("new|quick|full|one-off|extra|additional|manual|complete")) {}
        self.any(words!("backups|backup|vzdump")).then_some(())
    }

    /// “in stop mode”, “with mode suspend”, “using snapshot mode”.
    pub fn backup_mode(&mut self) -> Option<Sourced<String>> {
        let _ = self.mark(',') || self.mark('(');
        let start = self.at;
        self.any(words!("in|with|using|by"));
        let ahead = self.any(words!("mode"));
        let _ = self.mark('=') || self.mark(':');
        let mode = ["snapshot", "suspend", "stop"].into_iter().find(|mode| *mode == self.word())?;
        self.at += 1;
        let said = ahead || self.any(words!("mode"));
        let source = self.source(&(start..self.at));
        self.mark(')');
        said.then(|| Sourced::new(mode.to_owned(), source))
    }

    /// “restore web-01 from local:backup/vzdump-…”, “restore web-01 from its latest backup”.
    pub fn restore(&mut self) -> Option<Draft> {
        let start = self.at;
        if !self.any(words!("restore")) {
            return None;
        }
        self.any(words!("of"));
        let targets = self.targets()?;
        if !self.any(words!("from|to|using|with")) {
            return None;
        }
        if self.any(LATEST) {
            return self.doing(start, targets, Deed::Restore { backup: None });
        }
        self.any(words!("the|its"));
        self.any(words!("backup"));
        let at = self.at;
        let volume = self.peek(0).filter(|token| token.text.contains(":backup/"))?.text.clone();
        self.at += 1;
        let backup = Some(Sourced::new(volume, self.source(&(at..self.at))));
        self.doing(start, targets, Deed::Restore { backup })
    }
}
