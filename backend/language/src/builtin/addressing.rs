//! Whom a clause is about that names nobody: whom its sentence begins with, or the guests that the clause before it names.

use mycopod_core::reading::{Deed, Selector, Target};

use super::Parser;
use super::changing::verbs::{ADD, LESS, MORE, REMOVE, SET};
use super::drafting::draft::{Change, Doing, Draft};
use super::whom::target::Targets;
use super::wordings::words;
use crate::lexer::Token;

impl Parser<'_> {
    /// “VM web-01: set …”: a guest there is, and a verb.
    pub fn told_to_change(&mut self) -> Option<()> {
        // “containers on gamma: add …”
        let those = |p: &mut Self| {
            p.ahead(|p| p.guest_noun().filter(|noun| noun.plural)).then_some(())?;
            let Targets::Old(targets) = p.targets()? else { return None };
            targets.iter().all(|target| matches!(target.selector, Selector::All(_))).then_some(())
        };
        let named = |p: &mut Self| {
            p.guest_noun()?;
            let named = p.peek(0).is_some_and(|token| p.inventory.guests.contains_key(token.text.as_str()));
            p.at += usize::from(named);
            named.then_some(())
        };
        self.attempt(those).or_else(|| self.attempt(named))?;
        self.mark(':').then_some(())?;
        let verbs = [SET, MORE, LESS, ADD, REMOVE];
        let verb = verbs.into_iter().any(|verbs| self.verb(verbs));
        (verb || self.any(words!("enable|disable|start|stop|reboot|restart|shut|snapshot|rename|move|migrate")))
            .then_some(())
    }

    /// “db-1: detach scsi1”: a statement about whom the sentence begins with.
    pub fn addressing(&mut self) -> Option<()> {
        let at = self.at;
        let before = self.drafts.len();
        let (targets, asked) = self.attempt(|p| {
            // “on db-1 replace the tag db by database”
            let led = p.any(words!("on|for|of|regarding|concerning|as for"));
            let Targets::Old(targets) = p.targets()? else { return None };
            p.known(&Targets::Old(targets.clone())).then_some(())?;
            // “test-1 -> start”
            if p.mark(':') || led || p.any(words!("->|→|=>")) {
                p.courtesies();
                return Some((targets, led));
            }
            // “web-01, please reboot”
            p.mark(',');
            p.any(words!("please|kindly")).then_some((targets, true))
        })?;
        self.addressed = Some(targets.clone());
        self.mark(',');
        let pointed = self.ahead(Self::one_of_those);
        // “prod-db: the freeze is over, take its protection off”
        let told = self.ahead(Self::statement);
        self.drafts.truncate(before);
        while !told && (self.attempt(Self::aside).is_some() || self.attempt(Self::complaint).is_some()) {
            self.courtesies();
        }
        let read = self.statement().filter(|()| {
            let addressed = |one: &Target| targets.iter().any(|target| target.selector == one.selector);
            let about = |draft: &Draft| match draft {
                // “Of web-01 and db-1, the former gets …”
                Draft::Change(_) | Draft::Do(_) if pointed => draft.targets().iter().all(addressed),
                Draft::Change(_) | Draft::Do(_) if asked => {
                    let meant = draft.targets().iter().map(|target| &target.selector);
                    meant.eq(targets.iter().map(|target| &target.selector))
                }
                // “web-01 and db-1: the former gets …”
                Draft::Change(_) | Draft::Do(_) => draft.targets().iter().all(addressed),
                // “ID 735: VM a-1”: what is made would lose its number.
                Draft::Create(_) => false,
                _ => !asked,
            };
            self.drafts[before..].iter().all(about)
        });
        if read.is_none() {
            self.drafts.truncate(before);
            (self.at, self.addressed) = (at, None);
        } else if let Some(Draft::Change(Change { tokens, .. }) | Draft::Do(Doing { tokens, .. })) =
            self.drafts.get_mut(before)
        {
            // Whom “it” means was said in front.
            tokens.start = at;
        }
        read
    }

    /// “Snapshot prod-db. Then 12 cores and 32 GB of RAM.”: whom a sentence goes on with that begins so and names nobody, where all
    /// before it is about the same guests.
    pub fn then_of_the_same(&self) -> Option<Vec<Target>> {
        let says = |token: &&Token| token.is_content() && !matches!(token.word.as_str(), "and" | "please");
        let first = self.tokens[self.began..self.end].iter().find(says)?;
        matches!(first.word.as_str(), "then" | "afterwards").then_some(())?;
        // “Then tag both with moved”: a pronoun finds whom it means by itself.
        let points = |token: &Token| matches!(token.word.as_str(), "it" | "them" | "they" | "both" | "each" | "all");
        (!self.tokens[self.began..self.end].iter().any(points)).then_some(())?;
        self.unread.is_empty().then_some(())?;
        let targets = self.drafts.last()?.targets();
        let named = targets.iter().all(|one| matches!(one.selector, Selector::Name(_) | Selector::Vmid(_)));
        let same = |draft: &Draft| match draft {
            Draft::Do(Doing { deed: Deed::Delete, .. }) => false,
            Draft::Do(_) | Draft::Change(_) => {
                draft.targets().iter().map(|one| &one.selector).eq(targets.iter().map(|one| &one.selector))
            }
            _ => false,
        };
        (named && !targets.is_empty() && self.drafts.iter().all(same)).then(|| targets.to_vec())
    }

    /// “… of db-1, then grow scsi1 by 50 GB”, “set web-01 to 4 cores, then reboot”: a statement that names nobody is about the
    /// guests that the statement before it in the sentence names.
    pub fn going_on(&mut self) -> Option<()> {
        let last = self.drafts.last().filter(|last| last.tokens().start >= self.began && self.addressed.is_none())?;
        let targets = last.targets().to_vec();
        let named = targets.iter().all(|one| matches!(one.selector, Selector::Name(_) | Selector::Vmid(_)));
        let gone = matches!(last, Draft::Do(Doing { deed: Deed::Delete, .. }));
        (named && !gone && !targets.is_empty()).then_some(())?;
        let (at, before) = (self.at, self.drafts.len());
        // “…, but take a snapshot first”
        self.any(words!("but"));
        self.addressed = Some(targets.clone());
        let but = self.at > at;
        let read = self.statement().filter(|()| {
            self.drafts[before..].iter().all(|draft| match draft {
                Draft::Change(change) => change.targets == targets && !but,
                Draft::Do(doing) => {
                    doing.targets == targets
                        && match doing.deed {
                            Deed::Reboot | Deed::Start => !but,
                            Deed::Snapshot { .. } | Deed::Backup { .. } => true,
                            _ => false,
                        }
                }
                _ => false,
            })
        });
        self.addressed = None;
        if read.is_none() {
            self.drafts.truncate(before);
            self.at = at;
        }
        read
    }
}
