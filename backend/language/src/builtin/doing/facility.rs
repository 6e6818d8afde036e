//! What stands around the guests: “create pool lab”, “download https://… to local”, “back up web-01 every night at 2”.

use mycopod_core::reading::{Sourced, WantedFacility};

use crate::account::is_address;
use crate::lexer::TokenKind;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Arrangement, Draft};
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// Something made or deleted around the guests.
    pub fn facility(&mut self) -> Option<Draft> {
        let start = self.at;
        if let Some(pools) = self.attempt(Self::make_pools).or_else(|| self.attempt(Self::joining_the_new_pool)) {
            return Some(pools);
        }
        let rules = [Self::delete_one, Self::download, Self::backup_job];
        let wanted = rules.into_iter().find_map(|rule| self.attempt(rule))?;
        Some(Draft::Facility(Arrangement { tokens: start..self.at, wanted }))
    }

    /// “delete pool lab”, “delete backup job mycopod-1”, “delete the file local:iso/debian-12.iso”
    fn delete_one(&mut self) -> Option<WantedFacility> {
        let drops = self.any(words!("drop"));
        (drops || self.any(words!("delete|remove|destroy|get rid of"))).then_some(())?;
        self.articles();
        self.any(words!("empty|unused"));
        if self.any(words!("resource pool|pool")) {
            return Some(WantedFacility::DeletePool { name: self.pool_name()? });
        }
        (!drops).then_some(())?;
        if self.any(words!("backup job")) {
            let at = self.at;
            let id = self.name()?;
            return Some(WantedFacility::DeleteBackupJob { id: Sourced::new(id, self.source(&(at..self.at))) });
        }
        self.any(words!("iso image|disk image|container template|file|image|iso|template|backup|volume"));
        let at = self.at;
        let volume = self.peek(0).filter(|token| token.text.contains(':') && token.text.contains('/'))?.text.clone();
        self.at += 1;
        Some(WantedFacility::DeleteFile { volume: Sourced::new(volume.to_string(), self.source(&(at..self.at))) })
    }

    /// “download <https://example.org/debian-12.qcow2> to local on pve1 as base.qcow2, sha256 6d2f…”
    fn download(&mut self) -> Option<WantedFacility> {
        self.any(words!("download|fetch|get|grab|pull|load")).then_some(())?;
        self.articles();
        self.any(words!("following"));
        self.any(words!("iso image|disk image|container template|file|image|iso|template"));
        self.any(words!("from|at"));
        self.mark(':');
        let at = self.at;
        let address = self.peek(0).filter(|token| is_address(&token.text))?.text.clone();
        self.at += 1;
        let url = Sourced::new(address.to_string(), self.source(&(at..self.at)));
        let (mut storage, mut node, mut file, mut checksum) = (None, None, None, None);
        loop {
            if file.is_none()
                && let Some(said) = self.attempt(|p| {
                    p.mark(',');
                    if !p.any(words!("as|and call it|and name it|and save it as")) {
                        p.any(words!("file name|filename|named|called|name")).then_some(())?;
                        let _ = p.mark(':') || p.mark('=');
                    }
                    p.file_name()
                })
            {
                file = Some(said);
            } else if checksum.is_none()
                && let Some(said) = self.attempt(Self::checksum)
            {
                checksum = Some(said);
            } else if node.is_none()
                && let Some(said) = self.attempt(|p| {
                    let placed = p.any(words!("on|to|onto|of"))
                        || p.mark(',') && p.ahead(|p| p.any(words!("node|host")).then_some(()));
                    placed.then_some(())?;
                    let announced = p.any(words!("node|host"));
                    let at = p.at;
                    let name = p.name().filter(|name| announced || p.inventory.nodes.contains(name))?;
                    Some(Sourced::new(name, p.source(&(at..p.at))))
                })
            {
                node = Some(said);
            } else if storage.is_none()
                && let Some(said) = self.attempt(Self::storage_there)
            {
                storage = Some(said);
            } else {
                break;
            }
        }
        Some(WantedFacility::Download { url, storage, node, file, checksum })
    }

    /// “sha256 6d2f…”, “with checksum sha256:6d2f…”
    fn checksum(&mut self) -> Option<Sourced<String>> {
        let _ = self.mark(',') || self.mark('(');
        self.any(words!("with|and"));
        self.articles();
        let checksum = self.any(words!("checksum"));
        let _ = self.mark(':') || self.mark('=');
        let algorithm = self.any(words!("md5|sha1|sha224|sha256|sha384|sha512"));
        (checksum || algorithm).then_some(())?;
        self.any(words!("checksum"));
        let _ = self.mark(':') || self.mark('=');
        let at = self.at;
        let digits = self.peek(0).filter(|token| token.is_content())?.text.clone();
        self.at += 1;
        let source = self.source(&(at..self.at));
        self.mark(')');
        Some(Sourced::new(digits.to_string(), source))
    }

    /// “to local”, “on the storage backup”.
    pub fn storage_there(&mut self) -> Option<Sourced<String>> {
        let placed = self.any(words!("to|on|onto|into|for"));
        self.articles();
        let announced = self.any(words!("target storage|storage|datastore"));
        (placed || announced).then_some(())?;
        let _ = announced && (self.mark(':') || self.mark('='));
        let at = self.at;
        // “backup” is what many call the storage for backups.
        let known = |p: &Self| p.peek(0).is_some_and(|token| p.inventory.storages.contains(token.text.as_str()));
        let name = if known(self) { self.take_text() } else { self.name() }?;
        let source = self.source(&(at..self.at));
        if !announced {
            self.any(words!("storage|datastore"));
        }
        Some(Sourced::new(name, source))
    }

    fn file_name(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        let name = self.take_text()?;
        Some(Sourced::new(name, self.source(&(at..self.at))))
    }

    pub fn quoted(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        self.peek(0).filter(|token| token.kind == TokenKind::Quoted)?;
        let text = self.take_text()?;
        Some(Sourced::new(text, self.source(&(at..self.at))))
    }

    /// The present token's text, whatever it is but a mark.
    pub fn take_text(&mut self) -> Option<String> {
        let text = self.peek(0).filter(|token| token.is_content())?.text.clone();
        self.at += 1;
        Some(text.to_string())
    }
}
