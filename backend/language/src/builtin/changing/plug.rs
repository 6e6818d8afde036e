//! What is put into guests and taken out of them: disks, NICs, CDs, and guests into pools and HA.

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::{Amount, Deed, DiskRef};

use super::change::{Wish, disk_ref};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Removal};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

impl Parser<'_> {
    /// “scsi1 of db-1”, “web-01’s data disk”: one disk, and whose it is.
    fn disk_of_targets(&mut self, prepositions: &Wordings) -> Option<(DiskRef, Targets)> {
        let disk = |p: &mut Self| {
            let (which, plural) = p.whole_disk()?;
            // “disk space” is no disk.
            let whole = !plural && !matches!(p.last_word(), "space" | "size");
            disk_ref(&which).filter(|_| whole)
        };
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

    /// “net1 of web-01”, “web-01’s second NIC”.
    pub fn nic_of_targets(&mut self, prepositions: &Wordings) -> Option<(NicRef, Targets)> {
        self.attempt(|p| {
            let nic = p.nic_ref()?;
            Some((nic, p.of_targets(prepositions)?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((p.nic_ref()?, targets))
            })
        })
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
        let kept = !gone
            && self.any(words!("but keep its data|and keep its data|keeping its data|but keep the data|and keep the data|keeping the data|\
                but keep it|and keep it as an unused disk|and keep it as unused|and keep it|as an unused disk|as unused"))
                || self.attempt(Self::data_stays).is_some();
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
        self.any(words!("its data|the data|any data|data|the disk itself|the disk|it")).then_some(())
    }

    /// “scsi1 and scsi2 of db-1”: disks in a row.
    fn disks_of_targets(&mut self, prepositions: &Wordings) -> Option<(Vec<DiskRef>, Targets)> {
        let mut first = Vec::new();
        while let Some(disk) = self.attempt(|p| {
            let (which, plural) = p.whole_disk()?;
            p.joint().then_some(())?;
            disk_ref(&which).filter(|_| !plural)
        }) {
            first.push(disk);
        }
        let (last, targets) = self.disk_of_targets(prepositions)?;
        first.push(last);
        Some((first, targets))
    }

    /// “remove net1 of web-01”, “remove the second NIC from web-01”.
    pub fn nic_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        if !self.any(words!("remove|delete|destroy|detach|take|drop")) {
            return None;
        }
        let (NicRef(number), targets) = self.nic_of_targets(words!("out of|of|from|on"))?;
        self.doing(start, targets, Deed::RemoveNic(number))
    }

    /// “move scsi0 of db-1 to ceph”, “move web-01’s disk to local-lvm”.
    pub fn moving_a_disk(&mut self) -> Option<Wish> {
        if !self.any(words!("move|migrate|transfer|relocate|put")) {
            return None;
        }
        let (disk, targets) = self.disk_of_targets(words!("of|from|on"))?;
        if !self.any(words!("over to|to|onto|on")) {
            return None;
        }
        self.any(words!("the"));
        self.any(words!("storage|datastore"));
        let start = self.at;
        let storage = Value::Text(self.name()?);
        let tokens = start..self.at;
        self.any(words!("storage|datastore"));
        let value = Item::DiskPart(Some(disk), DiskPart::Storage, Amount::To(storage));
        Some((targets, vec![Said { value, tokens }], How::Set))
    }

    /// “add web-01 to the pool prod”, “remove web-01 from its pool”, “put web-01 under HA”.
    pub fn joining(&mut self) -> Option<Wish> {
        let start = self.at;
        let leaves = self.any(words!("remove|take"));
        if !leaves && !self.any(words!("add|put|move|assign|manage")) {
            return None;
        }
        let targets = self.targets()?;
        // “move mail from pool prod to pool lab”
        if let Some(item) = self.attempt(|p| {
            let at = p.at;
            p.any(words!("from")).then_some(())?;
            let from = p.pool_said()?;
            p.any(words!("to|into")).then_some(())?;
            let to = p.pool_said()?;
            let value = Item::Plain(Plain::Pool, Amount::FromTo(Value::Text(from), Value::Text(to)));
            Some(Said { value, tokens: at..p.at })
        }) {
            return Some((targets, vec![item], How::Set));
        }
        let at = self.at;
        let plain = |plain, text: &str, tokens| {
            let value = Item::Plain(plain, Amount::To(Value::Text(text.to_owned())));
            vec![Said { value, tokens }]
        };
        if leaves {
            if !self.any(words!("out of|from")) {
                return None;
            }
            self.any(words!("the|its|their"));
            // “from pool prod”, “from the prod pool”: the pool that it is said to be in.
            if let Some(pool) = self.attempt(Self::pool_said) {
                let leave = Amount::FromTo(Value::Text(pool), Value::Text(String::new()));
                let value = Item::Plain(Plain::Pool, leave);
                return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
            }
            let field = if self.any(words!("resource pool|pool|pools")) {
                Plain::Pool
            } else if self.any(words!("ha|high availability")) {
                Plain::Ha
            } else {
                return None;
            };
            return Some((targets, plain(field, "", start..self.at), How::Set));
        }
        if !self.any(words!("to|into|in|under|with|by")) {
            return None;
        }
        self.any(words!("the"));
        if self.any(words!("ha|high availability")) {
            return Some((targets, plain(Plain::Ha, "started", start..self.at), How::Set));
        }
        let pool = self.attempt(Self::pool_said)?;
        Some((targets, plain(Plain::Pool, &pool, at..self.at), How::Set))
    }

    /// “pool prod”, “the prod pool”
    fn pool_said(&mut self) -> Option<String> {
        self.any(words!("the"));
        let announced = self.any(words!("resource pool|pool"));
        self.any(words!("called|named"));
        let name = self.name()?;
        (announced || self.any(words!("resource pool|pool"))).then_some(name)
    }

    /// “insert local:iso/debian.iso into web-01”, “eject the CD of web-01”.
    pub fn changing_the_cd(&mut self) -> Option<Wish> {
        const DRIVE: &Wordings =
            words!("cd-rom drive|cdrom drive|cd drive|dvd drive|cd-rom|cdrom|cd|dvd|iso image|iso|disc");
        let start = self.at;
        let cd = |volume: &str, tokens| {
            let value = Item::Plain(Plain::Cdrom, Amount::To(Value::Text(volume.to_owned())));
            vec![Said { value, tokens }]
        };
        if self.any(words!("eject")) {
            let targets = self
                .attempt(|p| {
                    p.any(words!("the"));
                    p.any(DRIVE).then_some(())?;
                    p.of_targets(words!("of|from|in|on"))
                })
                .or_else(|| {
                    self.attempt(|p| {
                        let targets = p.owner()?;
                        p.any(DRIVE).then_some(targets)
                    })
                })?;
            return Some((targets, cd("none", start..self.at), How::Set));
        }
        if !self.any(words!("insert|load|put|mount|attach|add")) {
            return None;
        }
        self.any(words!("the"));
        self.any(DRIVE);
        let at = self.at;
        let volume = self.peek(0).filter(|token| token.text.contains(":iso/"))?.text.clone();
        self.at += 1;
        let tokens = at..self.at;
        self.any(words!("as a cd|as cd|as the cd"));
        if !self.any(words!("into|in|to|on|for")) {
            return None;
        }
        let targets = self
            .attempt(|p| {
                p.any(words!("the"));
                p.any(DRIVE).then_some(())?;
                p.of_targets(words!("of|in|on"))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    p.any(DRIVE);
                    Some(targets)
                })
            })?;
        Some((targets, cd(&volume, tokens), How::Set))
    }

    /// “unplug the NIC of web-01”, “reconnect net1 of web-01”, “plug net0 of web-01 back in”.
    pub fn cabling(&mut self) -> Option<Wish> {
        let start = self.at;
        let out = self.any(words!("unplug|disconnect"));
        let again = !out && self.any(words!("reconnect|replug"));
        if !out && !again && !self.any(words!("plug")) {
            return None;
        }
        self.attempt(|p| {
            p.any(words!("the"));
            p.any(words!("network cable of|cable of")).then_some(())
        });
        // “unplug web-01 from the network”
        let whole = |p: &mut Self| {
            let targets = p.targets()?;
            p.any(words!("from the network|from its network")).then_some((NicRef(None), targets))
        };
        let (NicRef(number), targets) = match self.nic_of_targets(words!("of|from|on")) {
            Some(found) => found,
            None => out.then(|| self.attempt(whole).or_else(|| self.attempt(Self::cable)))??,
        };
        if !out && !again && !self.any(words!("back in|in again|in")) {
            return None;
        }
        let value = Item::nic(NicPart::LinkDown, Value::Flag(out)).of_nic(number);
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “web-01’s network cable”
    fn cable(&mut self) -> Option<(NicRef, Targets)> {
        let targets = self.owner()?;
        self.any(words!("network cable|cable|network")).then_some((NicRef(None), targets))
    }

    /// “exclude scsi1 of db-1 from backups”
    pub fn backing_up_disks(&mut self) -> Option<Wish> {
        let start = self.at;
        let included = self.any(words!("include"));
        if !included && !self.any(words!("exclude")) {
            return None;
        }
        let (disk, targets) = self.disk_of_targets(words!("of|on"))?;
        let backups = if included {
            words!("in the backups|in the backup|in backups|in backup")
        } else {
            words!("from the backups|from the backup|from backups|from backup")
        };
        if !self.any(backups) {
            return None;
        }
        let value = Item::DiskPart(Some(disk), DiskPart::Backup, Amount::To(Value::Flag(included)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “remove the CPU limit of web-01”, “unset web-01’s VLAN”, “untag net0 of web-01”.
    pub fn clearing(&mut self) -> Option<Wish> {
        let start = self.at;
        if self.any(words!("untag")) {
            // “untag web-01” takes its tags, “untag net0 of web-01” the VLAN.
            let Some((NicRef(number), targets)) = self.nic_of_targets(words!("of|on")) else {
                let targets = self.targets().filter(|targets| self.known(targets))?;
                let value = Noun::Plain(Plain::Tags).switched(false)?;
                return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
            };
            let value = Item::nic(NicPart::Vlan, Value::Count(0)).of_nic(number);
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // To clear a cache is rather a deed within the guest than a mode of its disk.
        let empties = matches!(self.word(), "clear" | "drop" | "reset");
        if !self.any(words!("remove|unset|clear|drop|reset|take|lift")) {
            return None;
        }
        let (noun, targets) = self
            .attempt(|p| {
                let all = p.any(words!("all of the|all the|all"));
                let noun = p.noun().filter(|noun| !all || *noun == Noun::Plain(Plain::Tags))?;
                let targets = p.of_targets(words!("from|of|on|for"))?;
                Some((p.of_its_part(noun), targets))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    Some((p.noun()?, targets))
                })
            })?;
        if empties && matches!(noun, Noun::DiskPart(_, DiskPart::Cache)) {
            return None;
        }
        // Backups that are removed are files, not a flag.
        let flag_of_none = matches!(noun, Noun::DiskPart(None, DiskPart::Backup));
        let value = noun.switched(false).filter(|_| !flag_of_none)?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “pool lab: add wiki and altserver”, “pool lab gets wiki”: guests that come into a pool there is.
    pub fn pool_and_members(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("the"));
        self.any(words!("resource pool|pool")).then_some(())?;
        let name = self.pool_name()?.value;
        let added = self.mark(':') && self.any(words!("add|plus|+"))
            || self.any(words!("gets|should get|shall get|should contain"));
        added.then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let value = Item::Plain(Plain::Pool, Amount::To(Value::Text(name)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }
}
