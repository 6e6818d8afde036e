//! Single disks of guests that exist: moved, backed up or not, detached and deleted.

use mycopod_core::field::{DiskPart, Value};
use mycopod_core::reading::{Amount, Deed, DiskRef};

use super::change::{Wish, disk_ref};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Removal};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

impl Parser<'_> {
    /// “scsi1 of db-1”, “web-01’s data disk”: one disk, and whose it is.
    fn disk_of_targets(&mut self, prepositions: &Wordings) -> Option<(DiskRef, Targets)> {
        let disk = Self::disk_or_disks;
        self.attempt(|p| {
            let disk = disk(p)?;
            Some((disk, p.of_targets(prepositions)?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((disk(p)?, targets))
            })
        })
    }

    /// “scsi1”, “the second disk”, “both disks”.
    pub fn disk_or_disks(&mut self) -> Option<DiskRef> {
        let (which, plural) = self.whole_disk()?;
        // “disk space” is no disk.
        let whole = !plural && !matches!(self.last_word(), "space" | "size");
        disk_ref(&which).filter(|_| whole)
    }

    /// “both disks”, “all disks”, “every disk”
    pub fn every_disk(&mut self) -> Option<DiskRef> {
        let both = self.any(words!("both of the|both the|both"));
        let each = !both && self.any(words!("every|each"));
        (both || each || self.any(words!("all of the|all the|all"))).then_some(())?;
        let noun = if each {
            words!("hard disk|hard drive|disk|drive|volume|hdd")
        } else {
            words!("hard disks|hard drives|disks|drives|volumes|hdds")
        };
        self.any(noun).then_some(DiskRef::Every(both.then_some(2)))
    }

    /// “detach scsi1 of db-1”, “delete the data disk of db-1”, “remove scsi1 from db-1 but keep its data”.
    pub fn disk_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        let (detached, deleted) =
            (self.any(words!("detach|disconnect|unhook|unplug")), self.any(words!("delete|destroy|wipe|erase")));
        if !detached && !deleted && !self.any(words!("remove|take|drop")) {
            return None;
        }
        let (disks, targets) = self.disks_of_targets(words!("out of|of|from|off|on"))?;
        let gone = self.any(words!("with all its data|with its data|and all its data|and its data|including its data|and delete its data|for good|permanently"));
        let kept = !gone && self.attempt(Self::data_kept).is_some();
        // “remove” alone says neither whether its data is kept nor that it goes.
        let deed: fn(DiskRef) -> Deed = match (detached, deleted, gone, kept) {
            (true, _, false, _) | (false, false, false, true) => Deed::Detach,
            (false, true, _, false) | (false, false, true, false) => Deed::DestroyDisk,
            (false, false, false, false) => {
                let Targets::Old(targets) = targets else { return None };
                let [disk] = <[DiskRef; 1]>::try_from(disks).ok()?;
                return Some(Draft::Remove(Removal { tokens: start..self.at, targets, disk }));
            }
            _ => return None,
        };
        let mut deeds = disks.into_iter().map(deed);
        let last = deeds.next_back()?;
        for deed in deeds {
            let draft = self.doing(start, targets.clone(), deed)?;
            self.drafts.push(draft);
        }
        self.doing(start, targets, last)
    }

    /// “…, but keep its data”, “… as an unused disk”
    fn data_kept(&mut self) -> Option<()> {
        if let Some(stays) = self.attempt(Self::data_stays) {
            return Some(stays);
        }
        let apart = self.mark(',');
        let keeps = self.any(words!("but keep|and keep|keeping|but leave|and leave|leaving"))
            || apart && self.any(words!("keep|leave"));
        let whose = keeps && self.any(words!("its data|all its data|the data|all data|the volume|the disk|it"));
        let unused = self.any(words!("as an unused disk|as an unused volume|as unused"));
        (whose || !keeps && unused).then(|| {
            self.any(words!("in place|around|untouched|intact"));
        })
    }

    /// “…, but don’t delete the data”, “… without deleting it”
    fn data_stays(&mut self) -> Option<()> {
        self.mark(',');
        self.any(words!("but|and"));
        if self.any(words!("without")) {
            ["deleting", "losing", "destroying"].contains(&self.word()).then(|| self.at += 1)?;
        } else {
            self.any(words!("don't|dont|do not|not")).then_some(())?;
            self.any(words!("delete|destroy|remove|wipe|erase|lose")).then_some(())?;
        }
        self.verb(words!("its data|the data|any data|data|the disk itself|the disk|it")).then_some(())
    }

    /// “scsi1 and scsi2 of db-1”: disks in a row.
    fn disks_of_targets(&mut self, prepositions: &Wordings) -> Option<(Vec<DiskRef>, Targets)> {
        let mut first = Vec::new();
        while let Some(disk) = self.attempt(|p| {
            let (which, plural) = p.whole_disk()?;
            // “scsi1, please”
            (p.joint() && p.ahead(Self::whole_disk)).then_some(())?;
            disk_ref(&which).filter(|_| !plural)
        }) {
            first.push(disk);
        }
        let (last, targets) = self.disk_of_targets(prepositions)?;
        first.push(last);
        // What is taken out is named one by one.
        (!first.iter().any(|disk| matches!(disk, DiskRef::Every(_)))).then_some((first, targets))
    }

    /// “move scsi0 of db-1 to ceph”, “shift web-01’s disk over to local-lvm”.
    pub fn moving_a_disk(&mut self) -> Option<Wish> {
        let moves = self.verb(words!("move|migrate|transfer|relocate|put|shift|get|bring|take|switch|push|store"));
        // “have scsi1 of db-1 moved to local”, “I want it moved to local”
        let asks =
            !moves && (self.any(words!("have")) || matches!(self.last_word(), "want" | "need" | "like" | "have"));
        (moves || asks).then_some(())?;
        let (disk, targets) = self.disk_of_targets(words!("of|from|on"))?;
        let done = self.verb(words!("moved|migrated|transferred|relocated|shifted"));
        (done || !asks).then_some(())?;
        self.any(words!("over"));
        let start = self.at;
        let value = Item::DiskPart(Some(disk), DiskPart::Storage, self.other_storage()?);
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “to local”, “from tank to local”, “off tank and onto local”, “on local, not on tank”: the storage where a disk shall be.
    pub fn other_storage(&mut self) -> Option<Amount> {
        let storage = |p: &mut Self| {
            p.any(words!("the"));
            let said = p.any(words!("storage|datastore"));
            let name = p.name()?;
            let said = p.any(words!("storage|datastore")) || said;
            Some((Value::Text(name), said))
        };
        let known = |p: &mut Self| {
            let (name, said) = storage(p)?;
            let known = matches!(&name, Value::Text(name) if p.inventory.storages.contains(name));
            (known || said).then_some(name)
        };
        let mut from = self.attempt(|p| {
            p.any(words!("away from|from|off of|off|out of")).then_some(())?;
            let from = known(p)?;
            p.any(words!("and"));
            Some(from)
        });
        self.any(words!("over to|to|onto|on to|on|into|->|→|=>")).then_some(())?;
        let (to, _) = storage(self)?;
        self.any(words!("from now on|now"));
        if from.is_none() {
            from = self.attempt(|p| {
                let comma = p.mark(',');
                let instead = p.any(words!("instead of|rather than|from"));
                (instead || comma && p.any(words!("and not|not"))).then_some(())?;
                p.any(words!("on|in"));
                known(p)
            });
        }
        Some(match from {
            Some(from) => Amount::FromTo(from, to),
            None => Amount::To(to),
        })
    }

    /// “exclude scsi1 of db-1 from backups”, “leave it out of the backup”, “don’t back up scsi1 of db-1”.
    pub fn backing_up_disks(&mut self) -> Option<Wish> {
        let start = self.at;
        let negated = self.verb(words!("don't back up|do not back up|no longer back up|never back up|stop backing up"));
        let included = !negated && self.any(words!("include|put|take|add|bring"));
        let excluded = !negated && (self.verb(words!("exclude|leave|omit|skip|keep|drop")) || included);
        (negated || excluded).then_some(())?;
        let (disk, targets) = self.disk_of_targets(words!("of|on"))?;
        let skipped = self.word_at(start) == "skip" || negated;
        let on = if excluded && self.any(words!("out of|from")) {
            self.backups().then_some(false)?
        } else if included && self.any(words!("back in|back into|in|into|to")) {
            self.backups().then_some(true)?
        } else {
            let said = self.verb(words!("in|during|from")) && self.backups();
            (negated || skipped && said).then_some(false)?
        };
        self.any(words!("again|any more|anymore|any longer"));
        let value = Item::DiskPart(Some(disk), DiskPart::Backup, Amount::To(Value::Flag(on)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }
}
