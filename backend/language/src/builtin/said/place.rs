//! Where a guest is, and what it is made from: nodes, storages, templates and images.

use mycopod_core::field::Value;
use mycopod_core::reading::Amount;
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;
use crate::vocabulary;

use super::item::{DiskItem, Item, Said, Which};
use crate::builtin::Parser;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “on pve2”, “on the storage tank”, “node pve2”, “stored on local-lvm”.
    pub fn place(&mut self) -> Option<Item> {
        let on = self.any(words!("living on|live on|lives on|runs on|run on|stored on|placed on|located on|hosted on|on|in|at|from|to|onto|using|with"));
        self.any(words!("the"));
        let _ = self.mark('(');
        self.any(words!("target"));
        if self.any(words!("proxmox node|proxmox host|node|host")) {
            let _ = self.mark('=') || self.mark(':');
            return Some(Item::Node(self.name()?));
        }
        if self.any(words!("storage pool|storage|datastore")) {
            let _ = self.mark('=') || self.mark(':') || self.any(words!("on|is"));
            return Some(Item::Storage(self.name()?));
        }
        let name = self.name()?;
        if self.any(words!("storage|datastore")) {
            return on.then_some(Item::Storage(name));
        }
        if on && self.any(words!("node|host")) {
            return Some(Item::Node(name));
        }
        if !on && !self.at_boundary() && self.inventory.guests.contains_key(&name) {
            return None;
        }
        let node = self.inventory.nodes.contains(&name)
            || !self.inventory.storages.contains(&name) && is_numbered(&name, "pve");
        let storage =
            self.inventory.storages.contains(&name) || matches!(name.as_str(), "local" | "local-lvm" | "local-zfs");
        match (node, storage) {
            (true, false) => Some(Item::Node(name)),
            (false, true) => Some(Item::Storage(name)),
            _ => None,
        }
    }

    /// `local-lvm:10`: a disk as Proxmox writes one that is to be made.
    pub fn volume_spec(&mut self) -> Option<Item> {
        let at = self.at;
        let storage = self.name().filter(|name| self.inventory.storages.contains(name))?;
        let storage = Said { value: storage, tokens: at..self.at };
        self.mark(':').then_some(())?;
        let size = self.quantity().or_else(|| self.number().map(Size::gib))?;
        self.at_boundary().then_some(())?;
        let disk = DiskItem::sized(Amount::To(Value::Size(size)), Which::One);
        Some(Item::Disk(DiskItem { storage: Some(storage), ..disk }))
    }

    /// “running Debian 12”, “with Ubuntu 24.04”: before “running” can mean that it shall run.
    pub fn image_of_system(&mut self) -> Option<Item> {
        self.any(words!("running|runs|run|using|with")).then_some(())?;
        let system = self.system()?;
        Some(Item::Image(system))
    }

    /// “from template base”, “debian 12”, “with Ubuntu 24.04”, “image: debian-12”.
    pub fn image(&mut self) -> Option<Item> {
        let cloned = self.word() == "cloned" && self.word_ahead(1) == "from";
        self.at += usize::from(cloned);
        let from = self.any(words!("based on|from|made from|created from|out of|running|using|on|with"));
        let _ = self.any(words!("the|a|an"));
        let named =
            self.any(words!("container template|vm template|template|image|os template|operating system|system|os"));
        let _ = named
            && (self.mark('=') || self.mark(':') || self.any(words!("is|of|called|named|should be|shall be|must be")));
        if let Some(system) = self.attempt(Self::system) {
            self.any(words!("template|image|cloud image"));
            self.attempt(|p| (p.any(words!("on it")) && p.at_boundary()).then_some(()));
            return Some(Item::Image(system));
        }
        let token = self.peek(0)?;
        let text = token.text.clone();
        let volume = token.kind == TokenKind::Word && text.contains(":vztmpl/");
        let known = token.kind == TokenKind::Word
            && self.inventory.images.contains_key(text.as_str())
            && vocabulary::class(&token.word).is_none();
        if volume || known {
            self.at += 1;
            self.any(words!("template|image"));
            return Some(Item::Image(text.to_string()));
        }
        if named {
            return Some(Item::Image(self.name()?));
        }
        // “from golden template”, “from web-02”: whatever the word after “from” is, it can only be what to make it from.
        let from = from && self.last_word() != "on" && self.last_word() != "with";
        let start = self.at;
        let name = self.name()?;
        (from && (self.any(words!("template|image")) || self.word_at(start - 1) == "from")).then_some(Item::Image(name))
    }

    /// “Debian 12”, “ubuntu-24.04”, “Alpine Linux”, “Windows Server 2022”.
    pub fn system(&mut self) -> Option<String> {
        let start = self.at;
        if !vocabulary::is_system(self.word()) {
            return None;
        }
        self.at += 1;
        self.any(words!("linux"));
        self.any(words!("server"));
        // “five Debian 12 VMs”: how many they are is said before.
        let counted = start.checked_sub(1).is_some_and(|before| {
            let before = &self.tokens[before];
            before.kind == TokenKind::Number || quantity::number_word(&before.word).is_some()
        });
        let version = self.attempt(|p| {
            let version = p.peek(0)?;
            let release = version.kind == TokenKind::Number || vocabulary::is_release(&version.word);
            p.at += 1;
            // In “debian 2 cores” the number counts cores, and in “debian 2 VMs” it counts those; “24.04” counts nothing.
            let whole = !p.tokens[p.at - 1].text.contains('.');
            let counts = p.ahead(|p| p.unit().map(|_| ()).or_else(|| vocabulary::counts(p.word()).then_some(())))
                || matches!(p.word(), "x" | "more" | "disks" | "nics")
                || !counted && matches!(p.word(), "vms" | "containers" | "machines");
            (release && !(whole && counts)).then_some(())
        });
        if version.is_some() {
            self.any(words!("lts"));
        }
        let end = self.at;
        Some(self.span(&(start..end)).of(self.text))
    }
}

fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}
