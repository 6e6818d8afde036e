//! Where what was said of a new guest belongs: storages and parts to its disks, amounts to memory or disk, parts to its NICs.

use mycopod_core::field::{NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef, Question, Source, Sourced, WantedDisk};
use mycopod_core::size::Size;

use super::describe::{Description, NamedStorage};
use super::draft::Context;
use super::settle::{set_part, settle, storage_answered};
use crate::builtin::said::item::{Said, Which};

impl Description {
    /// “a Windows 11 guest …, os type win11”: what it will run, where there is nothing to make it from.
    pub(super) fn ostype_tells(&mut self, context: &Context<'_>) {
        let windows = |name: &str| name.to_lowercase().starts_with("win");
        let typed = |(plain, said): &(Plain, Sourced<Value>)| match &said.value {
            Value::Text(value) => *plain == Plain::OsType && windows(value),
            _ => false,
        };
        let there = context.inventory.images.keys().any(|image| windows(image));
        if !there && self.plain.iter().any(typed) {
            self.image.take_if(|image| windows(&image.value));
        }
    }

    /// “40 GB, local-lvm, and 80 GB, local”: where storages differ each is that of the disk before it; else it is that of all disks
    /// without one of their own.
    pub(super) fn place_storages(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        let storages = std::mem::take(&mut self.storages);
        let one_each = storages.len() > 1
            && storages.windows(2).all(|pair| pair[0].behind < pair[1].behind)
            && storages.iter().all(|storage| storage.behind > 0);
        for NamedStorage { said, behind } in storages {
            if self.disks.is_empty() {
                let words = context.words(&said.tokens);
                let text = format!(
                    "“{words}” names a storage, and no disk is said. How large shall the disk be? Say it in the declaration."
                );
                questions.push(context.question("disk-size", &said.tokens, text, &[]));
            }
            let of = if one_each { behind - 1..behind } else { 0..self.disks.len() };
            // “a 4 GB disk on local-lvm and local”: said beside the storage that each disk has already.
            let placed = self.disks[of.clone()].iter().all(|(_, disk)| disk.storage.is_some());
            for (_, disk) in &mut self.disks[of] {
                let storage = context.said(said.value.clone(), &said.tokens);
                let own = disk.storage.get_or_insert(storage);
                if placed {
                    settle(context, "storage", own, said.value.clone(), &said.tokens, questions);
                }
            }
        }
    }

    /// What was said of disks by their place, or before they were described.
    pub(super) fn place_disk_parts(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        for Said { value: (disk, part, value), tokens } in std::mem::take(&mut self.disk_parts) {
            let at = match &disk {
                None | Some(DiskRef::Only) => self.disks.len().checked_sub(1),
                Some(DiskRef::Every(_)) => None,
                Some(DiskRef::Data) => Some(1),
                Some(DiskRef::Nth(nth)) => usize::from(*nth).checked_sub(1),
                Some(DiskRef::Sized(size)) => {
                    let mut sized = (0..self.disks.len()).filter(|at| self.disks[*at].1.size.value == *size);
                    sized.next().filter(|_| sized.next().is_none())
                }
                Some(DiskRef::Slot(slot)) => {
                    let number =
                        slot.as_str().trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(0);
                    // `mp0` comes after `rootfs`.
                    Some(number + usize::from(slot.as_str().starts_with("mp")))
                }
            };
            if let Some((_, disk)) = at.and_then(|at| self.disks.get_mut(at)) {
                set_part(context, disk, part, value, &tokens, questions);
            } else {
                let text = format!(
                    "“{}” is said of a disk that is not described. How large shall it be? Say it in the declaration.",
                    context.words(&tokens)
                );
                questions.push(context.question("disk-size", &tokens, text, &[]));
            }
        }
    }

    /// Small volumes go where the disks are, unless something else was said or answered.
    pub(super) fn place_volumes(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        for Said { value: plain, tokens } in std::mem::take(&mut self.volumes) {
            if self.plain.iter().any(|(known, _)| *known == plain) {
                continue;
            }
            let beside = self.disks.iter().find_map(|(_, disk)| disk.storage.as_ref());
            let storage = match beside {
                Some(storage) => {
                    let why = format!("“{}”, and its disk is on {}", context.words(&tokens), storage.value);
                    Some(Sourced::new(Value::Text(storage.value.clone()), Source::inferred(why)))
                }
                None => storage_answered(context, plain, &tokens, questions),
            };
            self.plain.extend(storage.map(|storage| (plain, storage)));
        }
    }

    /// “4 GB” of what? Clear where only one of memory and disk is left, or where “2 cores, 4 GB, 40 GB” gives both in the usual order.
    pub(super) fn place_bare_amounts(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        let mut open = Vec::new();
        for bare in std::mem::take(&mut self.bare) {
            match context.answer("amount", &bare.tokens) {
                Some("memory") => self.plain.push((Plain::Memory, context.said(Value::Size(bare.value), &bare.tokens))),
                Some("disk") => self.bare_disk(context, &bare),
                // Disks are made in whole GiB.
                _ if !bare.value.is_whole_gib() => {
                    let value = Value::Size(bare.value);
                    self.set(context, Plain::Memory, &Amount::To(value), &bare.tokens, questions);
                }
                _ => open.push(bare),
            }
        }
        let has_memory = self.plain.iter().any(|(plain, _)| *plain == Plain::Memory);
        match (open.as_slice(), has_memory, self.disks.is_empty()) {
            ([], ..) => {}
            ([disk], true, true) => self.bare_disk(context, disk),
            ([memory], false, false) => {
                self.plain.push((Plain::Memory, context.said(Value::Size(memory.value), &memory.tokens)));
            }
            ([memory, disk], false, true) if memory.value < disk.value => {
                self.plain.push((Plain::Memory, context.said(Value::Size(memory.value), &memory.tokens)));
                self.bare_disk(context, disk);
            }
            (open, ..) => {
                for bare in open {
                    let text = format!("“{}” of what: memory, or disk?", context.words(&bare.tokens));
                    questions.push(context.question("amount", &bare.tokens, text, &["memory", "disk"]));
                }
            }
        }
    }

    pub(super) fn bare_disk(&mut self, context: &Context<'_>, bare: &Said<Size>) {
        let size = context.said(bare.value, &bare.tokens);
        self.disks.push((Which::One, WantedDisk { size, storage: None, parts: Vec::new(), further: false }));
    }

    /// “two NICs” must be as many as are described; described by one, they are alike. “A NIC” is the one a new guest has anyway.
    pub(super) fn count_nics(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        if let Some(count) = &self.nic_count {
            let wanted = usize::try_from(count.value).unwrap_or(usize::MAX);
            let alike = self.nics.len() == 1
                && self.nics[0].parts.iter().all(|(part, _)| !matches!(part, NicPart::Ip | NicPart::Gateway));
            if alike && self.nics.len() < wanted {
                self.nics = vec![self.nics[0].clone(); wanted];
            } else if self.nics.len() != wanted && !(wanted == 1 && self.nics.is_empty()) {
                let text = format!(
                    "“{}”, and {} of them described. Which bridge is each on?",
                    context.words(&count.tokens),
                    self.nics.len()
                );
                questions.push(context.question("nic-count", &count.tokens, text, &[]));
            }
            return;
        }
        let unplugged = self.nics.iter().find(|nic| !nic.parts.iter().any(|(part, _)| *part == NicPart::Bridge));
        if self.nics.len() > 1
            && let Some((_, Sourced { source: Source::Said(fragment), .. })) =
                unplugged.and_then(|nic| nic.parts.first())
        {
            let span = mycopod_core::reading::Span { start: fragment.start, end: fragment.end };
            questions.push(Question::new(
                "bridge",
                Some(span),
                format!("Which bridge is “{}” on? Say it in the declaration.", fragment.text),
                Vec::new(),
            ));
        }
    }
}
