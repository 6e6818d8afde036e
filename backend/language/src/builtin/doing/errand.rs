//! Deeds that are nouns: “restart of db-1”, “web-01 needs a snapshot called a”, “perform a migration of web-01 to pve2”.

use mycopod_core::reading::Deed;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// What is done to guests, where more may belong to it than who they are.
pub enum Errand {
    Plain(Deed),
    Backup,
    Snapshot,
    Rollback,
    Restore,
    Migration,
    Template,
    Copy,
}

/// Verbs that leave it to the noun behind them what is done.
pub const LIGHT: &Wordings = words!(
    "take|make|create|do|have|run|initiate|start|save|get me|get|need|perform|trigger|execute|carry out|conduct|kick off|request|requesting|issue"
);
/// That it is wanted.
const NEEDED: &Wordings = words!(
    "is needed|is required|is wanted|is requested|is due|are needed|needed|required|wanted|requested|due|please|now"
);

impl Parser<'_> {
    /// An errand with whatever belongs to it behind whom it is done to.
    pub fn complete(&mut self, start: usize, targets: Targets, errand: Errand) -> Option<Draft> {
        match errand {
            Errand::Plain(deed) => self.doing(start, targets, deed),
            Errand::Backup => self.backed_up(start, targets),
            Errand::Snapshot => self.snapshotted(start, targets, None),
            Errand::Rollback => self.back_to(start, targets, false),
            Errand::Restore => {
                let before = targets.clone();
                self.attempt(|p| p.back_to(start, before, true)).or_else(|| self.restored(start, targets))
            }
            Errand::Migration => self.migrated(start, targets, false),
            Errand::Template => self.becoming_a_template(start, targets),
            Errand::Copy => self.copied(start, targets),
        }
    }

    /// “a quick reboot”, “graceful shutdown”, “forced stop”, “live migration”, “rollback”.
    pub fn noun_of_errand(&mut self) -> Option<Errand> {
        self.any(words!("a|an|the|one|another"));
        let forced = self.verb(words!("hard|forced|force"));
        while !forced && self.verb(words!("quick|full|proper|new|fresh|manual|complete|short|normal|simple")) {}
        let gently = !forced && self.any(words!("graceful|clean"));
        if self.verb(words!("shutdown|shut-down|power-off|poweroff|stop")) {
            let deed = if forced { Deed::Stop } else { Deed::Shutdown { within: None } };
            return Some(Errand::Plain(deed));
        }
        (!forced).then_some(())?;
        if self.verb(words!("restart|reboot|power cycle|power-cycle|rebooting|restarting")) {
            return Some(Errand::Plain(Deed::Reboot));
        }
        (!gently).then_some(())?;
        if self.verb(words!("live migration|online migration|migration")) {
            return Some(Errand::Migration);
        }
        let nouns = [
            (words!("start-up|startup|start|power-on|starting"), Errand::Plain(Deed::Start)),
            (words!("shutting down|stopping|powering off"), Errand::Plain(Deed::Shutdown { within: None })),
            (words!("deletion|removal|deleting|removing"), Errand::Plain(Deed::Delete)),
            (words!("suspending|pausing"), Errand::Plain(Deed::Suspend)),
            (words!("backup"), Errand::Backup),
            (words!("rollback"), Errand::Rollback),
            (words!("conversion"), Errand::Template),
        ];
        nouns.into_iter().find_map(|(said, errand)| self.verb(said).then_some(errand))
    }

    /// “to reboot”, “rebooting” behind “would you mind”.
    pub fn minded(&mut self) -> Option<Deed> {
        (self.last_word() == "mind").then_some(())?;
        match self.noun_of_errand()? {
            Errand::Plain(deed) if self.last_word().ends_with("ing") || self.last_word() == "down" => Some(deed),
            _ => None,
        }
    }

    /// “restart of db-1”, “perform a graceful shutdown of proxy and dns1”, “reboot needed: web-01”.
    pub fn deed_by_noun(&mut self) -> Option<Draft> {
        let start = self.at;
        let light = |p: &mut Self| p.verb(LIGHT).then(|| p.noun_of_errand())?;
        let done = self.attempt(light);
        let light = done.is_some();
        let errand = done.or_else(|| self.noun_of_errand())?;
        let needed = self.any(NEEDED);
        let of = self.any(words!("of|for")) || light && self.any(words!("on"));
        (of || self.mark(':')).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let draft = self.complete(start, targets, errand)?;
        let _ = !needed && self.any(NEEDED);
        Some(draft)
    }

    /// “web-02 needs a restart”, “db-1 gets a snapshot called a”, “give web-01 a backup to local”.
    pub fn noun_of_a_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        let given = self.any(words!("give"));
        // “can web-01 get a reboot?”
        let can = !given && self.any(words!("can|could"));
        let targets = self.targets()?;
        self.verb(words!("just|also|now"));
        let gets = if can {
            self.any(words!("get|have"))
        } else {
            given
                || self.verb(words!(
                    "could do with|could use|needs|need|gets|get|should get|should have|should be given|shall get|must get|must have|wants|\
                     requires|require|is due for"
                ))
        };
        gets.then_some(())?;
        self.any(words!("each|both"));
        self.known(&targets).then_some(())?;
        if let Some(draft) = self.attempt(|p| {
            let errand = p.noun_of_errand()?;
            p.complete(start, targets.clone(), errand)
        }) {
            return Some(draft);
        }
        let Targets::Old(targets) = targets else { return None };
        let before = self.addressed.replace(targets);
        let draft = self.attempt(Self::snapshot);
        self.addressed = before;
        draft
    }

    /// “altserver becomes a template”
    pub fn becomes_template(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("becomes|become|should become|shall become|must become|should be|shall be|is to become|is to be|will become|can become|to become|to"))
            .then_some(())?;
        self.any(words!("made"));
        self.any(words!("a template|templates|template")).then_some(())?;
        self.doing(start, targets, Deed::MakeTemplate)
    }

    /// “… into a template”
    pub fn becoming_a_template(&mut self, start: usize, targets: Targets) -> Option<Draft> {
        self.any(words!("to|into")).then_some(())?;
        self.any(words!("a template|templates|template")).then_some(())?;
        self.doing(start, targets, Deed::MakeTemplate)
    }
}
