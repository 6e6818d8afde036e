//! Backups: taken once, and restored.

use mycopod_core::reading::{Deed, Sourced};

use super::errand::LIGHT;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words for a backup that is the last one made.
const LATEST: &Wordings = words!(
    "its latest backup|its last backup|its newest backup|its most recent backup|the latest backup|\
    the last backup|the newest backup|the most recent backup|latest backup|last backup|newest backup"
);

impl Parser<'_> {
    /// “back up web-01 to backups”, “take a backup of db-1 on nas in stop mode”.
    pub fn backup(&mut self) -> Option<Draft> {
        let start = self.at;
        let by_noun = |p: &mut Self| {
            let _ = p.verb(LIGHT) || p.verb(words!("store|put|write"));
            p.a_backup()?;
            p.any(words!("of|for")).then_some(())
        };
        let titled = |p: &mut Self| (p.any(words!("backups|backup")) && p.mark(':')).then_some(());
        let targets = if self.attempt(titled).is_some() {
            self.targets().filter(|targets| self.known(targets))?
        } else if self.addressed.is_some() && self.attempt(Self::a_backup_anew).is_some() {
            self.addressee()
                .or_else(|| self.addressed.clone().filter(|_| self.ahead(Self::onto_a_storage)).map(Targets::Old))?
        } else if let Some(saved) = self.attempt(Self::saved) {
            return Some(saved);
        } else if self.attempt(by_noun).is_some() || self.any(words!("back up|backup|vzdump")) {
            self.targets()?
        } else {
            // “back web-01 up”
            let split = self.any(words!("back"));
            split.then(|| self.targets())?.filter(|_| self.any(words!("up")))?
        };
        self.backed_up(start, targets)
    }

    /// Where to and how guests are backed up.
    pub fn backed_up(&mut self, start: usize, targets: Targets) -> Option<Draft> {
        let (mut storage, mut mode) = (None, None);
        loop {
            let at = self.at;
            if self.any(words!("right now|now|immediately"))
                || self.verb(words!("should be made|should be taken|should be created|must be made|must be taken"))
            {
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
                && let Some(said) = self.attempt(Self::backed_up_to)
            {
                storage = Some(said);
            }
            if self.at == at {
                break;
            }
        }
        self.doing(start, targets, Deed::Backup { storage, mode })
    }

    /// “to nas”, “(storage nas)”, “, target: nas”
    fn backed_up_to(&mut self) -> Option<Sourced<String>> {
        let open = self.mark('(');
        let comma = !open && self.mark(',');
        let mut announced = self.verb(words!("target|destination|storage|datastore"));
        if announced {
            self.any(words!("storage|datastore"));
            let _ = self.mark(':') || self.mark('=');
        } else {
            (!comma).then_some(())?;
            let within = self.any(words!("using|with|in"));
            (within || self.any(words!("and put it on|to|on|onto|into|->|→|=>"))).then_some(())?;
            self.any(words!("the"));
            announced = self.any(words!("storage|datastore"));
            // “with web-02” is no storage, and “on pve1” tells where the guest is.
            let text = self.peek(0).map(|token| token.text.clone())?;
            let stored = announced || self.inventory.storages.contains(text.as_str());
            (stored || !within && !self.inventory.nodes.contains(text.as_str())).then_some(())?;
        }
        let name = self.kept()?;
        if !announced {
            self.any(words!("storage|datastore"));
        }
        (!open || self.mark(')')).then_some(name)
    }

    /// “take a backup” of whom the sentence addresses
    fn a_backup_anew(&mut self) -> Option<()> {
        self.verb(LIGHT);
        self.a_backup()
    }

    /// “now”, “on local”, behind a backup of whom the sentence addresses
    fn onto_a_storage(&mut self) -> Option<()> {
        if self.any(words!("right now|now|immediately")) && self.at_boundary() {
            return Some(());
        }
        self.any(words!("on|in|into|using")).then_some(())?;
        self.any(words!("the"));
        self.any(words!("storage"));
        self.name().filter(|name| self.inventory.storages.contains(name)).map(|_| ())
    }

    /// “save web-01 to nas as a backup”
    fn saved(&mut self) -> Option<Draft> {
        let start = self.at;
        self.verb(words!("save|store|put|archive|dump|write")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let as_backup = words!("as a backup|as backups|as backup");
        let ahead = self.any(as_backup);
        let storage = self.backed_up_to().filter(|storage| self.inventory.storages.contains(&storage.value))?;
        (ahead || self.any(as_backup)).then_some(())?;
        let mode = self.attempt(Self::backup_mode);
        self.doing(start, targets, Deed::Backup { storage: Some(storage), mode })
    }

    /// “a quick one-off backup”: one that is made now.
    fn a_backup(&mut self) -> Option<()> {
        self.any(words!("a|an|another|the|one"));
        while self.verb(words!("new|fresh|quick|full|one-off|extra|additional|manual|complete")) {}
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
        self.restored(start, targets)
    }

    /// “… from its latest backup”
    pub fn restored(&mut self, start: usize, targets: Targets) -> Option<Draft> {
        if !self.any(words!("from|to|using|with")) {
            return None;
        }
        if self.any(LATEST) {
            return self.doing(start, targets, Deed::Restore { backup: None });
        }
        self.any(words!("the|its"));
        self.any(words!("backup"));
        let at = self.at;
        let volume = self.peek(0).filter(|token| token.text.contains(":backup/"))?.text.to_string();
        self.at += 1;
        let backup = Some(Sourced::new(volume, self.source(&(at..self.at))));
        self.doing(start, targets, Deed::Restore { backup })
    }
}
