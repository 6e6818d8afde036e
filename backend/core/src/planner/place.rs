//! Where a new guest goes: node and storages, by what is free there.

use std::collections::BTreeMap;

use super::{Planner, World, is_on};
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::intent::NewGuest;
use crate::observed::{Node, Observed, Origin, Sighting};
use crate::policy::Policy;
use crate::reading::Source;
use crate::resolve::content_for;
use crate::size::Size;

/// What is free on each node that answered, as the steps planned so far leave it.
#[derive(Clone)]
pub(super) struct Rooms(BTreeMap<String, Room>);

#[derive(Clone)]
struct Room {
    /// Bytes of memory that no running guest, nor the host, is entitled to. Below zero where more was promised than there is.
    memory: i128,
    /// Free space by storage.
    storages: BTreeMap<String, Size>,
    /// What other plans will take of it.
    promised: BTreeMap<String, Size>,
}

/// Where a new guest can go, on one node.
pub(super) struct Spot {
    pub(super) node: String,
    /// What it is made from there.
    pub(super) origin: Option<Origin>,
    /// The node that has the template it is cloned from.
    pub(super) origin_node: String,
    /// The storage of each disk, and why that one.
    pub(super) storages: BTreeMap<Slot, (String, Source)>,
    /// Why this node, where nobody named it and there are others.
    pub(super) why: Option<String>,
}

/// What a new guest needs.
pub(super) struct Need<'a> {
    pub(super) new: &'a NewGuest,
    /// Its disks with their sizes, those of its template included.
    pub(super) disks: Vec<(Slot, Size)>,
    /// Its memory.
    pub(super) memory: Size,
    /// Whether it is to be started.
    pub(super) starts: bool,
}

impl Rooms {
    /// Memory counts what running guests are configured with, not what they use just now: that moves all the time.
    pub(super) fn of(world: &World<'_>, policy: &Policy) -> Self {
        let observed = world.observed;
        let room = |(name, node): (&String, &Node)| {
            let used: i128 = observed
                .guests
                .iter()
                .filter(|seen| seen.guest.node == *name && is_on(seen.power) && !seen.template)
                .map(|seen| bytes(memory_of(&seen.fields)))
                .sum();
            let memory = bytes(node.memory) - bytes(policy.node_reserve) - used;
            let storages = node.storages.iter().map(|(name, storage)| (name.clone(), storage.free)).collect();
            (name.clone(), Room { memory, storages, promised: BTreeMap::new() })
        };
        let mut rooms = Self(observed.seen_nodes().map(room).collect());
        for promise in world.promised {
            rooms.take_memory(&promise.node, bytes(promise.memory_to_come(observed)));
            for (storage, size) in promise.space_to_come(observed) {
                rooms.each_with(observed, &promise.node, storage, |room| {
                    let promised = room.promised.entry(storage.to_owned()).or_default();
                    *promised = promised.checked_add(size).unwrap_or(Size::bytes(u64::MAX));
                });
            }
        }
        rooms
    }

    pub(super) fn memory(&self, node: &str) -> Size {
        let free = self.0.get(node).map_or(0, |room| room.memory);
        Size::bytes(u64::try_from(free.max(0)).unwrap_or(u64::MAX))
    }

    /// Takes memory; gives it back where `size` is negative.
    pub(super) fn take_memory(&mut self, node: &str, bytes: i128) {
        if let Some(room) = self.0.get_mut(node) {
            room.memory -= bytes;
        }
    }

    pub(super) fn free(&self, node: &str, storage: &str) -> Size {
        let Some(room) = self.0.get(node) else { return Size::default() };
        let promised = room.promised.get(storage).copied().unwrap_or_default();
        room.storages.get(storage).copied().unwrap_or_default().saturating_sub(promised)
    }

    /// What is free, promised or not.
    fn unused(&self, node: &str, storage: &str) -> Size {
        self.0.get(node).and_then(|room| room.storages.get(storage)).copied().unwrap_or_default()
    }

    /// Takes space on one node's storage, or on all nodes where it is shared.
    pub(super) fn take_space(&mut self, observed: &Observed, node: &str, storage: &str, size: Size) {
        self.each_with(observed, node, storage, |room| {
            if let Some(free) = room.storages.get_mut(storage) {
                *free = free.saturating_sub(size);
            }
        });
    }

    /// The node, or all nodes where they share the storage.
    fn each_with(&mut self, observed: &Observed, node: &str, storage: &str, change: impl Fn(&mut Room)) {
        let shared =
            observed.node(node).and_then(|node| node.storages.get(storage)).is_some_and(|storage| storage.shared);
        self.0.iter_mut().filter(|(name, _)| shared || *name == node).for_each(|(_, room)| change(room));
    }
}

pub(super) fn bytes(size: Size) -> i128 {
    i128::from(size.as_bytes())
}

/// A guest's configured memory.
pub(super) fn memory_of(fields: &BTreeMap<Field, Value>) -> Size {
    match fields.get(&Field::Plain(Plain::Memory)) {
        Some(Value::Size(size)) => *size,
        _ => Size::default(),
    }
}

impl Planner<'_> {
    /// The best spot for a new guest, or why there is none, node by node.
    /// `before` is where it was planned to be, which is kept where it still fits.
    pub(super) fn spot(&self, need: &Need<'_>, before: Option<&str>) -> Result<Spot, Vec<String>> {
        let named = need.new.node.as_ref().map(|node| node.value.as_str());
        let mut spots = Vec::new();
        let mut reasons = Vec::new();
        for (name, node) in self.world.observed.seen_nodes() {
            if named.is_some_and(|named| named != name) {
                continue;
            }
            match self.spot_on(need, name, node) {
                Ok(spot) => spots.push(spot),
                Err(why) => reasons.push(format!("{name}: {why}")),
            }
        }
        if let (true, Some(named)) = (spots.is_empty() && reasons.is_empty(), named) {
            reasons.push(format!("{named}: it does not answer"));
        }
        let choice = spots.len();
        let others: Vec<&str> = reasons.iter().map(String::as_str).collect();
        let others = others.join("; ");
        // Guests of one declaration are spread; then the node with most memory to spare; then by name.
        let best = spots.into_iter().min_by_key(|spot| {
            let guests = self.placed.get(&spot.node).copied().unwrap_or(0);
            let spare = self.rooms.0.get(&spot.node).map_or(0, |room| room.memory);
            (before != Some(spot.node.as_str()), guests, -spare, spot.node.clone())
        });
        let Some(mut spot) = best else { return Err(reasons) };
        spot.why = match (named, choice, others.is_empty()) {
            (Some(_), _, _) | (None, 1, true) => None,
            (None, 1, false) => Some(format!("it is the only node that can hold it ({others})")),
            (None, _, _) => Some(
                "of the nodes that can hold it, it has the fewest guests of this declaration, then the most memory to spare"
                    .to_owned(),
            ),
        };
        Ok(spot)
    }

    fn spot_on(&self, need: &Need<'_>, name: &str, node: &Node) -> Result<Spot, String> {
        let new = need.new;
        let (origin, origin_node) = match &new.origin {
            None => (None, name.to_owned()),
            Some(wanted) => {
                let (at, origin) = self
                    .origin_on(&wanted.value.at, name)
                    .ok_or_else(|| format!("it does not have {}", wanted.value.name))?;
                (Some(origin), at)
            }
        };
        for (field, value) in &new.fields {
            if let (Field::Nic(number, NicPart::Bridge), Value::Text(bridge)) = (field, &value.value) {
                let has = node.bridges.get(bridge).ok_or_else(|| format!("it has no bridge {bridge}"))?;
                let tag = new.fields.get(&Field::Nic(*number, NicPart::Vlan)).map(|said| &said.value);
                if tag.is_some_and(|tag| *tag != Value::Count(0)) && !has.vlan_aware {
                    return Err(format!("its bridge {bridge} does not pass VLAN tags on"));
                }
            }
        }
        for plain in [Plain::EfiDisk, Plain::Tpm, Plain::CloudInit] {
            if let Some(Value::Text(storage)) = new.fields.get(&plain.into()).map(|said| &said.value)
                && !storage.is_empty()
                && !node.storages.get(storage).is_some_and(|found| found.content.contains(content_for(new.kind.value)))
            {
                return Err(format!("it has no storage {storage} for the {}", plain.label()));
            }
        }
        for (field, said) in &new.fields {
            if let (Field::Plain(Plain::Cdrom) | Field::Disk(_, DiskPart::Import), Value::Text(volume)) =
                (field, &said.value)
                && let Some((storage, _)) = volume.split_once(':')
                && !node.storages.contains_key(storage)
            {
                return Err(format!("it has no storage {storage} with {volume}"));
            }
        }
        let count = |field: &Field| match new.fields.get(field).map(|said| &said.value) {
            Some(Value::Count(count)) => *count,
            _ => 1,
        };
        let cpus = count(&Field::Plain(Plain::Cores)).saturating_mul(count(&Field::Plain(Plain::Sockets)));
        if cpus > u64::from(node.cpus) {
            return Err(format!("it has {} CPUs, and {cpus} are asked for", node.cpus));
        }
        let most = node.memory.saturating_sub(self.policy.node_reserve);
        if need.memory > most {
            return Err(format!("it has {most} of memory for guests, and {} are asked for", need.memory));
        }
        let free = self.rooms.memory(name);
        if need.starts && need.memory > free {
            return Err(format!("{free} of its memory are free, and {} are asked for", need.memory));
        }
        let storages = self.storages_on(need, name, node, origin.as_ref())?;
        Ok(Spot { node: name.to_owned(), origin, origin_node, storages, why: None })
    }

    /// What the guest is made from on `node`: what is there, or a template whose disks all nodes share.
    fn origin_on(&self, at: &BTreeMap<String, Origin>, node: &str) -> Option<(String, Origin)> {
        if let Some(origin) = at.get(node) {
            return Some((node.to_owned(), origin.clone()));
        }
        at.iter().find_map(|(elsewhere, origin)| {
            let Origin::Template(vmid) = origin else { return None };
            let seen = self.world.observed.numbered(*vmid)?;
            let shared = self.world.observed.node(node)?.storages.iter().filter(|(_, storage)| storage.shared);
            let shared: Vec<&String> = shared.map(|(name, _)| name).collect();
            let reachable = seen.disks().all(|slot| match seen.get(&Field::Disk(slot.clone(), DiskPart::Storage)) {
                Some(Value::Text(storage)) => shared.contains(&storage),
                _ => false,
            });
            reachable.then(|| (elsewhere.clone(), origin.clone()))
        })
    }

    fn storages_on(
        &self,
        need: &Need<'_>,
        name: &str,
        node: &Node,
        origin: Option<&Origin>,
    ) -> Result<BTreeMap<Slot, (String, Source)>, String> {
        let template = match origin {
            Some(Origin::Template(vmid)) => self.world.observed.numbered(*vmid),
            Some(Origin::Volume(_)) | None => None,
        };
        let linked = need.new.origin.as_ref().is_some_and(|origin| !origin.value.full);
        let said = |slot: &Slot| {
            let said = need.new.fields.get(&Field::Disk(slot.clone(), DiskPart::Storage))?;
            match &said.value {
                Value::Text(storage) => Some((storage.clone(), said.source.clone())),
                _ => None,
            }
        };
        // A copy's disks all go to one storage.
        let copied = || template.into_iter().flat_map(Sighting::disks).filter_map(said);
        let moved = copied().next();
        if copied().any(|(storage, _)| moved.as_ref().is_some_and(|(other, _)| *other != storage)) {
            return Err("all disks of a copy go to one storage".to_owned());
        }
        let mut rooms = self.rooms.clone();
        let mut storages = BTreeMap::new();
        for (slot, size) in &need.disks {
            let own = template.and_then(|seen| disk_storage(seen, slot));
            let said = said(slot).or_else(|| moved.clone().filter(|_| own.is_some()));
            let (storage, source) = if linked && own.is_some() {
                let own = own.unwrap_or_default();
                if said.is_some() {
                    return Err("the disks of a linked copy stay on their template’s storage".to_owned());
                }
                (own, Source::default("a linked copy stays on its template’s storage"))
            } else {
                self.storage_for(need.new.kind.value, (name, node), said, own, (&rooms, *size))?
            };
            let free = rooms.free(name, &storage);
            if *size > free && !linked {
                return Err(format!("{free} of storage {storage} are free, and {size} are asked for disk {slot}"));
            }
            rooms.take_space(self.world.observed, name, &storage, *size);
            storages.insert(slot.clone(), (storage, source));
        }
        Ok(storages)
    }

    /// The storage said, else the policy's, else that of what is copied, else the one with most room.
    pub(super) fn storage_for(
        &self,
        kind: Kind,
        (name, node): (&str, &Node),
        said: Option<(String, Source)>,
        own: Option<String>,
        (rooms, size): (&Rooms, Size),
    ) -> Result<(String, Source), String> {
        let content = content_for(kind);
        let policy = || {
            let storage = self.policy.storage.clone()?;
            Some((storage, Source::default("the storage of the policy")))
        };
        let copied = || own.map(|own| (own, Source::default("the storage of what it is copied from")));
        let roomiest = || {
            let storage = roomiest(kind, (name, node), rooms, size)?;
            Some((storage, Source::default("the storage with most room, unless one is named")))
        };
        let (storage, source) = said
            .or_else(policy)
            .or_else(copied)
            .or_else(roomiest)
            .ok_or_else(|| format!("it has no storage for disks of a {} ({content})", kind.noun()))?;
        if node.storages.get(&storage).is_some_and(|storage| storage.content.contains(content)) {
            Ok((storage, source))
        } else {
            Err(format!("it has no storage {storage} for disks of a {} ({content})", kind.noun()))
        }
    }
}

/// The storage that a disk is on.
fn disk_storage(seen: &Sighting, slot: &Slot) -> Option<String> {
    match seen.get(&Field::Disk(slot.clone(), DiskPart::Storage)) {
        Some(Value::Text(storage)) => Some(storage.clone()),
        _ => None,
    }
}

/// The storage with most room, of those that hold `size`; the first by name of equals. What others were promised does
/// not change which has most: that passes, and the plan is to be the same afterwards.
fn roomiest(kind: Kind, (name, node): (&str, &Node), rooms: &Rooms, size: Size) -> Option<String> {
    let key = |storage: &str| (rooms.free(name, storage) >= size, rooms.unused(name, storage));
    node.storages
        .iter()
        .filter(|(_, storage)| storage.content.contains(content_for(kind)))
        .max_by(|(a, _), (b, _)| key(a).cmp(&key(b)).then_with(|| b.cmp(a)))
        .map(|(storage, _)| storage.clone())
}
