//! What shall have been done to guests: “web-01 should be rebooted”, “have wiki rolled back to monday”, “I want test-1 moved to
//! pve2”, “to be deleted: test-1”.

use mycopod_core::reading::Deed;

use super::errand::Errand;
use super::power::FORCEFULLY;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Before a participle: that it shall be so.
pub const SHALL_BE: &Wordings = words!(
    "should please be|should now be|should be|shall be|must be|needs to be|need to be|has to be|have to be|is to be|are to be|ought to be|\
     wants to be|want to be|to be|should get|must get"
);
/// Before a participle: that it is let be so.
pub const MAY_BE: &Wordings = words!("can now be|can be|may be|may now be");

impl Parser<'_> {
    /// The deed that was done then: “shut down”, “rebooted”.
    pub fn done_to(&mut self) -> Option<Deed> {
        let done = [
            (words!("rebooted|restarted|power cycled|power-cycled|bounced"), Deed::Reboot),
            (
                words!(
                    "started up|started|booted up|booted|powered on|powered up|turned on|switched on|brought up|brought back up"
                ),
                Deed::Start,
            ),
            (
                words!(
                    "stopped|shut down|powered off|powered down|turned off|switched off|halted|brought down|taken down"
                ),
                Deed::Shutdown { within: None },
            ),
            (words!("force-stopped|force stopped|hard-stopped|killed"), Deed::Stop),
            (words!("deleted|destroyed|removed"), Deed::Delete),
            (words!("suspended|paused"), Deed::Suspend),
            (words!("resumed|unpaused"), Deed::Resume),
        ];
        let deed = done.into_iter().find_map(|(said, deed)| self.verb(said).then_some(deed))?;
        if deed == Deed::Delete {
            self.any(words!("completely|permanently|for good"));
        }
        // “stopped forcefully”
        let stops = matches!(deed, Deed::Shutdown { .. });
        Some(if stops && self.any(FORCEFULLY) { Deed::Stop } else { deed })
    }

    /// What was done then that more belongs to than a guest: “rolled back”, “moved”.
    fn done_with(&mut self) -> Option<Errand> {
        let done = [
            (words!("backed up"), Errand::Backup),
            (words!("snapshotted"), Errand::Snapshot),
            (words!("rolled back|reverted|reset|set back|put back|brought back"), Errand::Rollback),
            (words!("restored"), Errand::Restore),
            (
                words!(
                    "live-migrated|live migrated|migrated live|migrated|moved over|moved|relocated|transferred|shifted"
                ),
                Errand::Migration,
            ),
            (words!("converted|turned|transformed"), Errand::Template),
            (words!("cloned|copied|duplicated"), Errand::Copy),
        ];
        done.into_iter().find_map(|(said, errand)| self.verb(said).then_some(errand))
    }

    /// “old-backup should be deleted”, “have web-01 rebooted”, “need test-1 up”, “make sure that web-01 gets restarted”.
    pub fn undergone(&mut self) -> Option<Draft> {
        let start = self.at;
        // “can we get web-01 rebooted” is asked for up to its verb.
        let asked = words!("have|get|need|want");
        let had = self.any(asked) || matches!(self.last_word(), "have" | "get" | "need" | "want" | "like");
        // “web-01 should be rebooted and test-1 started”
        let parallel = !had
            && self.last_word() == "and"
            && self.drafts.last().is_some_and(|last| {
                let said = last.tokens();
                let asks = ["have", "get", "need", "want", "like", "should", "must", "shall"];
                said.start >= self.began
                    && (said.start.saturating_sub(1)..said.end).any(|at| asks.contains(&self.word_at(at)))
            });
        let ensured = !had && matches!(self.last_word(), "sure" | "ensure" | "that");
        let targets = self.targets()?;
        // “altserver (on gamma) needs to be booted”
        let placed = matches!(&targets, Targets::Old(targets) if self.attempt(|p| p.where_they_are(targets)).is_some());
        // “test-1 can be scrapped”, “test-3 is done and can be deleted”
        if !had && self.known(&targets) && self.attempt(Self::may_go).is_some() {
            return self.doing(start, targets, Deed::Delete);
        }
        let sign = !had && self.mark(':');
        let may = !had && self.any(MAY_BE);
        let shall = may
            || self.any(SHALL_BE)
            || !had && !sign && self.any(words!("gets|get"))
            || ensured && !sign && self.any(words!("is|are|gets|get|be"));
        (had || shall || parallel).then_some(())?;
        if had && !shall && self.verb(words!("gone")) {
            return self.doing(start, targets, Deed::Delete);
        }
        if had
            && !shall
            && let Some(deed) = self.up_or_down()
        {
            self.any(words!("again"));
            return self.doing(start, targets, deed);
        }
        if let Some(deed) = self.done_to() {
            // “test-1 should be stopped” says how it shall be from now on; “can be stopped” lets it be done.
            let lasts = matches!(deed, Deed::Start | Deed::Shutdown { .. });
            (may || !shall || !lasts || placed).then_some(())?;
            self.any(words!("again|right now|now"));
            return self.doing(start, targets, deed);
        }
        let errand = self.done_with().filter(|_| self.known(&targets))?;
        self.complete(start, targets, errand)
    }

    /// “… can be scrapped”, “… is done and can be deleted”: that nobody wants a guest any more.
    fn may_go(&mut self) -> Option<()> {
        let told = self.attempt(|p| {
            p.any(words!("is|are")).then_some(())?;
            p.any(words!("now|both|all"));
            p.verb(words!(
                "no longer needed|no longer used|no longer in use|not needed any more|not needed anymore|not used any more|not used anymore|\
                 done|finished|obsolete|unused|empty|retired|redundant|old"
            ))
            .then_some(())?;
            p.mark(',');
            p.any(words!("and|so")).then_some(())
        });
        self.any(words!("they|it"));
        if told.is_some() && self.any(MAY_BE) && self.verb(words!("deleted|destroyed|removed")) {
            return Some(());
        }
        self.any(words!("can now|may now|can both|can all|can|may")).then_some(())?;
        self.any(words!("all|both|now"));
        // Who “can go” may go elsewhere, or only off.
        self.verb(words!("be scrapped|be thrown away|be disposed of|be gotten rid of|be binned|be trashed"))
            .then_some(())?;
        self.manner();
        self.at_boundary().then_some(())
    }

    /// “to be deleted: test-1”, “needs to be rebooted: web-01 and web-02”
    pub fn announced_to_be_done(&mut self) -> Option<Draft> {
        let start = self.at;
        self.any(words!("to be|needs to be|need to be|must be|should be|can be|has to be")).then_some(())?;
        let deed = self.done_to()?;
        self.mark(':').then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.doing(start, targets, deed)
    }
}
