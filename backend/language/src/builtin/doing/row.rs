//! Several deeds to the same guests in a row: “snapshot and reboot web-01”, “stop, then delete test-1”.

use mycopod_core::reading::Deed;

use super::errand::Errand;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// Verbs in a row, and then whom they are done to.
    pub fn verbs_in_a_row(&mut self) -> Option<Draft> {
        let start = self.at;
        let mut deeds = vec![self.deed_in_a_row()?];
        while let Some(next) = self.attempt(|p| {
            let joined = p.joint();
            (p.any(words!("then|also|afterwards")) || joined).then_some(())?;
            p.deed_in_a_row()
        }) {
            deeds.push(next);
        }
        (deeds.len() > 1).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        self.done_in_turn(start, &targets, deeds)
    }

    /// Several deeds to the same guests, the last of which is not yet drafted.
    pub fn done_in_turn(&mut self, start: usize, targets: &Targets, deeds: Vec<Deed>) -> Option<Draft> {
        let mut drafts: Vec<Draft> =
            deeds.into_iter().map(|deed| self.doing(start, targets.clone(), deed)).collect::<Option<_>>()?;
        let last = drafts.pop()?;
        self.drafts.extend(drafts);
        Some(last)
    }

    /// “… and cache (name: pre-r)”, “… and mail to local” behind the snapshot or the backup of others.
    pub fn done_alike(&mut self) -> Option<Draft> {
        let start = self.at;
        let then = self.last_word() == "then";
        let errand = match self.drafts.last()? {
            Draft::Do(doing) if doing.tokens.start >= self.began => match &doing.deed {
                // “reboot dns1 first and then dns2”
                deed @ (Deed::Start | Deed::Reboot | Deed::Shutdown { within: None } | Deed::Delete) if then => {
                    let deed = deed.clone();
                    let targets = self.targets().filter(|targets| self.known(targets))?;
                    self.manner();
                    return self.at_boundary().then(|| self.doing(start, targets, deed))?;
                }
                Deed::Snapshot { name: Some(_) } => Errand::Snapshot,
                Deed::Backup { storage: Some(_), .. } => Errand::Backup,
                Deed::Rollback { snapshot: Some(_) } => Errand::Rollback,
                _ => return None,
            },
            _ => return None,
        };
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let Draft::Do(doing) = self.complete(start, targets, errand)? else { return None };
        let said = matches!(
            &doing.deed,
            Deed::Snapshot { name: Some(_) }
                | Deed::Backup { storage: Some(_), .. }
                | Deed::Rollback { snapshot: Some(_) }
        );
        said.then_some(Draft::Do(doing))
    }

    fn deed_in_a_row(&mut self) -> Option<Deed> {
        if self.any(words!("snapshot")) {
            return Some(Deed::Snapshot { name: None });
        }
        if self.any(words!("back up|backup")) {
            return Some(Deed::Backup { storage: None, mode: None });
        }
        self.asked_for()
    }
}
