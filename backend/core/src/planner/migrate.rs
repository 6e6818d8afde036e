//! Moves to another node, with all that must be there.

use std::collections::BTreeMap;

use super::place::{bytes, memory_of};
use super::{Draft, Planner, Standing, is_on};
use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::{GuestKey, Kind, Power};
use crate::observed::{Node, NodeState};
use crate::plan::{Action, Effect};
use crate::resolve::content_for;
use crate::size::Size;

impl Planner<'_> {
    pub(super) fn migrate(&mut self, wish: usize, key: GuestKey, to: &str, storage: Option<&str>) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (called, from) = (standing.called(), standing.node.clone());
        if from == to {
            return self.note(format!("{called} is on {to} already."));
        }
        let target = match self.world.observed.nodes.get(to) {
            Some(NodeState::Seen(node)) => node,
            Some(NodeState::Unreachable { why }) => {
                return self.ask(key.vmid, format!("{called} cannot move to {to}, which does not answer ({why})."));
            }
            None => return self.ask(key.vmid, format!("{called} cannot move to {to}: there is no such node.")),
        };
        let (on, memory) = (is_on(standing.power), memory_of(&standing.fields));
        let copied = match self.fits(standing, target, storage) {
            Ok(copied) => copied,
            Err(why) => return self.ask(key.vmid, format!("{called} cannot move to {to}: {why}.")),
        };
        let mut space: BTreeMap<&str, Size> = BTreeMap::new();
        for (_, goes_to, size) in &copied {
            let sum = space.entry(goes_to).or_default();
            *sum = Size::bytes(sum.as_bytes().saturating_add(size.as_bytes()));
        }
        for (storage, size) in &space {
            let free = self.rooms.free(to, storage);
            if *size > free {
                let text = format!(
                    "{called} cannot move to {to}: {free} of storage {storage} are free there, and its disks take {size}."
                );
                return self.ask(key.vmid, text);
            }
        }
        let free = self.rooms.memory(to);
        if on && memory > free {
            let text = format!(
                "{called} cannot move to {to} while it runs: {free} of memory are free there, and it has {memory}."
            );
            return self.ask(key.vmid, text);
        }
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        self.note_ha(key);
        let local_disks = !copied.is_empty();
        let storage = storage.filter(|_| local_disks).map(str::to_owned);
        let action = Action::Migrate { node: to.to_owned(), running: on, local_disks, storage };
        // A container does not move while it runs: Proxmox stops it and starts it there.
        let effect = if on && key.kind == Kind::Lxc { Effect::Reboot } else { Effect::Live };
        self.act(wish, key, Draft::new(action, effect));
        let Some(guest) = self.guests.get(&key).map(|standing| standing.seen.guest.clone()) else { return };
        if on {
            self.rooms.take_memory(&from, -bytes(memory));
            self.promise_memory(&guest, to, bytes(memory), memory);
        }
        for (storage, size) in space {
            self.promise_move(&guest, to, storage, size);
        }
        if let Some(standing) = self.guests.get_mut(&key) {
            to.clone_into(&mut standing.node);
        }
        for (field, goes_to, _) in &copied {
            self.remember(key, field, &Value::Text(goes_to.clone()));
        }
    }

    /// Which of a guest's disks and small drives are copied, by the field that says where each is, to which storage, and
    /// their sizes; or what `target` lacks.
    fn fits(
        &self,
        standing: &Standing<'_>,
        target: &Node,
        to: Option<&str>,
    ) -> Result<Vec<(Field, String, Size)>, String> {
        let kind = standing.seen.guest.kind;
        let here = self.world.observed.node(&standing.node);
        let is_shared = |storage: &str| {
            here.and_then(|node| node.storages.get(storage)).is_some_and(|storage| storage.shared)
                && target.storages.contains_key(storage)
        };
        if standing.power == Power::Paused {
            return Err("it is suspended. Resume it first, or stop it".to_owned());
        }
        for (field, value) in &standing.fields {
            if let (Field::Nic(_, NicPart::Bridge), Value::Text(bridge)) = (field, value)
                && !target.bridges.contains_key(bridge)
            {
                return Err(format!("there is no bridge {bridge}"));
            }
        }
        let medium = standing.text(Plain::Cdrom);
        if let Some((storage, _)) = medium.split_once(':')
            && !is_shared(storage)
        {
            return Err(format!(
                "{medium} is in its CD drive, on a storage that the nodes do not share. Eject it first"
            ));
        }
        let mut copied = Vec::new();
        let small = [Plain::EfiDisk, Plain::Tpm, Plain::CloudInit]
            .map(|plain| (plain.into(), standing.text(plain), Size::default()));
        let disks = standing.fields.iter().filter_map(|(field, value)| match (field, value) {
            (Field::Disk(slot, DiskPart::Storage), Value::Text(storage)) => {
                let size = match standing.has(&Field::size_of(slot.clone())) {
                    Some(Value::Size(size)) => *size,
                    _ => Size::default(),
                };
                Some((field.clone(), storage.as_str(), size))
            }
            _ => None,
        });
        for (field, storage, size) in
            disks.chain(small).filter(|(_, storage, _)| !storage.is_empty() && !is_shared(storage))
        {
            let goes_to = to.unwrap_or(storage);
            let takes = target.storages.get(goes_to).is_some_and(|found| found.content.contains(content_for(kind)));
            if !takes {
                return Err(format!(
                    "there is no storage {goes_to} for disks of a {} ({})",
                    kind.noun(),
                    content_for(kind)
                ));
            }
            copied.push((field, goes_to.to_owned(), size));
        }
        let snapshots = standing.snapshots.iter().flatten().count();
        if !copied.is_empty() && snapshots > 0 && is_on(standing.power) && kind == Kind::Qemu {
            return Err(format!(
                "it runs on disks of its node with {snapshots} snapshots, which Proxmox does not copy while it runs. Stop \
                 it first, or delete them"
            ));
        }
        Ok(copied)
    }
}
