//! Deeds that are nouns: “restart of db-1”, “web-01 needs a snapshot called a”, “graceful shutdown for proxy”.

use mycopod_core::reading::Deed;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “restart of db-1”, “graceful shutdown for proxy and dns1”.
    pub fn deed_by_noun(&mut self) -> Option<Draft> {
        let start = self.at;
        self.any(words!("a|the|one"));
        self.any(words!("graceful|clean|quick|full|proper"));
        let deed = if self.any(words!("restart|reboot")) {
            Deed::Reboot
        } else if self.any(words!("shutdown|shut-down|power-off|stop")) {
            Deed::Shutdown { within: None }
        } else if self.any(words!("start-up|startup|start|power-on")) {
            Deed::Start
        } else if self.any(words!("deletion|removal")) {
            Deed::Delete
        } else {
            return None;
        };
        self.any(words!("of|for")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("is needed|is required|is wanted|are needed|needed|required|wanted|please|now"));
        self.doing(start, targets, deed)
    }

    /// “web-02 needs a restart”, “db-1 gets a snapshot called a”, “give web-01 a backup to local”, “do a reboot of web-01”.
    pub fn noun_of_a_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        let reboot = words!(
            "a reboot|a restart|a quick reboot|a quick restart|to be rebooted|to be restarted|rebooting|restarting"
        );
        let given = self.any(words!("give"));
        if !given && self.any(words!("do|make")) {
            self.any(words!("a reboot of|a restart of")).then_some(())?;
            let targets = self.targets()?;
            return self.doing(start, targets, Deed::Reboot);
        }
        let targets = self.targets()?;
        self.any(words!("just"));
        (given || self.any(words!("could do with|could use|needs|need|gets|get|should get|wants|requires|require")))
            .then_some(())?;
        self.any(words!("each|both"));
        if self.any(reboot) {
            return self.doing(start, targets, Deed::Reboot);
        }
        self.known(&targets).then_some(())?;
        let Targets::Old(targets) = targets else { return None };
        let before = self.addressed.replace(targets);
        let draft = self.attempt(Self::snapshot).or_else(|| self.attempt(Self::backup));
        self.addressed = before;
        draft
    }

    /// “altserver becomes a template”
    pub fn becomes_template(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.any(words!("becomes|become|should become|shall become|must become|should be|shall be|is to become|is to be|will become|can become|to"))
            .then_some(())?;
        self.any(words!("turned into|converted to|converted into|made"));
        self.any(words!("a template|templates|template")).then_some(())?;
        self.doing(start, targets, Deed::MakeTemplate)
    }
}
