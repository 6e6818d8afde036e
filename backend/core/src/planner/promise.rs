//! What a plan promises to its guests beforehand: memory, space on storages, addresses. Other plans see it, so that
//! nothing is promised twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::place::{bytes, memory_of};
use super::{Planner, is_on};
use crate::field::{DiskPart, Field, NicPart, Slot, Value};
use crate::guest::{GuestKey, GuestRef, Vmid};
use crate::observed::{Observed, Sighting};
use crate::size::Size;

/// The key of what a guest's disks take on a storage that they all move to together.
const ALL_DISKS: &str = "*";

/// What one guest has been promised on one node, as it will be when the plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The guest's number, which is reserved for it.
    pub vmid: Vmid,
    /// Its name, for people.
    pub name: String,
    /// The node.
    pub node: String,
    /// All of its memory, where it will run.
    pub memory: Size,
    /// Its new or grown disks: by slot, the storage and the whole size.
    pub disks: BTreeMap<String, (String, Size)>,
    /// Its new addresses, each with the network that it is in.
    pub addresses: BTreeMap<String, String>,
}

impl Promise {
    fn new(guest: &GuestRef, node: &str) -> Self {
        Self {
            vmid: guest.vmid,
            name: guest.name.clone(),
            node: node.to_owned(),
            memory: Size::default(),
            disks: BTreeMap::new(),
            addresses: BTreeMap::new(),
        }
    }

    fn kept<'o>(&self, observed: &'o Observed) -> Option<&'o Sighting> {
        observed.numbered(self.vmid).filter(|seen| seen.guest.node == self.node)
    }

    /// The memory that is promised and does not show in the guest yet.
    pub(super) fn memory_to_come(&self, observed: &Observed) -> Size {
        let shown = self.kept(observed).filter(|seen| is_on(seen.power)).map(|seen| memory_of(&seen.fields));
        self.memory.saturating_sub(shown.unwrap_or_default())
    }

    /// The space that is promised and that no disk has taken yet, by storage.
    pub(super) fn space_to_come<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = (&'a str, Size)> {
        let seen = self.kept(observed);
        self.disks.iter().map(move |(slot, (storage, size))| {
            let shown = match (seen, slot.strip_prefix(ALL_DISKS)) {
                (None, _) => Size::default(),
                (Some(_), Some(_)) => *size,
                (Some(seen), None) => size_on(seen, slot, storage),
            };
            (storage.as_str(), size.saturating_sub(shown))
        })
    }
}

/// What a guest's disk takes on a storage.
fn size_on(seen: &Sighting, slot: &str, storage: &str) -> Size {
    let Ok(slot) = slot.parse::<Slot>() else { return Size::default() };
    let is_there = seen.get(&Field::Disk(slot.clone(), DiskPart::Storage)) == Some(&Value::Text(storage.to_owned()));
    match seen.get(&Field::size_of(slot)) {
        Some(Value::Size(size)) if is_there => *size,
        _ => Size::default(),
    }
}

/// The addresses among a guest's fields, each with the network that its NIC is in: bridge and VLAN.
fn addresses(fields: &BTreeMap<Field, Value>) -> BTreeMap<String, String> {
    let text = |number: u8, part: NicPart| match fields.get(&Field::Nic(number, part)) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    let found = fields.iter().filter_map(|(field, value)| match (field, value) {
        (Field::Nic(number, NicPart::Ip | NicPart::Ip6), Value::Text(value)) => {
            // `dhcp` and `auto` are none.
            let address = value.split('/').next().unwrap_or_default();
            address.parse::<std::net::IpAddr>().ok()?;
            let bridge = text(*number, NicPart::Bridge);
            let network = match fields.get(&Field::Nic(*number, NicPart::Vlan)) {
                Some(Value::Count(tag)) if *tag > 0 => format!("{bridge}, VLAN {tag}"),
                _ => bridge.to_owned(),
            };
            Some((address.to_owned(), network))
        }
        _ => None,
    });
    found.collect()
}

impl Planner<'_> {
    fn promise(&mut self, guest: &GuestRef, node: &str) -> &mut Promise {
        self.promises.entry((guest.vmid, node.to_owned())).or_insert_with(|| Promise::new(guest, node))
    }

    /// Takes memory for a guest on a node, where it will have `total`.
    pub(super) fn promise_memory(&mut self, guest: &GuestRef, node: &str, more: i128, total: Size) {
        self.rooms.take_memory(node, more);
        if more > 0 {
            self.promise(guest, node).memory = total;
        }
    }

    /// As [`Self::promise_memory`], for a guest that exists and gets so much more.
    pub(super) fn promise_more_memory(&mut self, key: GuestKey, more: i128) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (guest, node) = (standing.seen.guest.clone(), standing.node.clone());
        let now = if is_on(standing.power) { bytes(memory_of(&standing.fields)) } else { 0 };
        self.promise_memory(&guest, &node, more, Size::bytes(u64::try_from(now + more).unwrap_or_default()));
    }

    /// Takes space for a guest's disk, which will be `total` large.
    pub(super) fn promise_space(&mut self, guest: &GuestRef, node: &str, disk: (&str, &str), more: Size, total: Size) {
        let (slot, storage) = disk;
        self.rooms.take_space(self.world.observed, node, storage, more);
        self.promise(guest, node).disks.insert(slot.to_owned(), (storage.to_owned(), total));
    }

    /// Takes space for disks that come to a storage of another node together.
    pub(super) fn promise_move(&mut self, guest: &GuestRef, node: &str, storage: &str, size: Size) {
        self.promise_space(guest, node, (&format!("{ALL_DISKS}{storage}"), storage), size, size);
    }

    /// Takes the addresses among the fields that a guest is given; `all` are its fields as they will be. What speaks
    /// against it where another guest has one of them, or was promised it.
    pub(super) fn promise_addresses(
        &mut self,
        guest: &GuestRef,
        given: &BTreeMap<Field, Value>,
        all: &BTreeMap<Field, Value>,
    ) -> Result<(), String> {
        let networks = addresses(all);
        let taken = given.iter().filter_map(|(field, value)| match (field, value) {
            (Field::Nic(_, NicPart::Ip | NicPart::Ip6), Value::Text(value)) => value.split('/').next(),
            _ => None,
        });
        let wanted: Vec<(String, String)> =
            taken.filter_map(|address| Some((address.to_owned(), networks.get(address)?.clone()))).collect();
        for (address, network) in wanted {
            if let Some(holder) = self.holder(guest.vmid, &address, &network) {
                return Err(format!(
                    "{address} on {network} cannot be given to {}: {holder}. Two guests with one address disturb each \
                     other. Say another address.",
                    guest.name
                ));
            }
            self.promise(guest, &guest.node).addresses.insert(address, network);
        }
        Ok(())
    }

    /// Which other guest has an address in a network, or was promised it.
    fn holder(&self, own: Vmid, address: &str, network: &str) -> Option<String> {
        let holds = |of: &BTreeMap<String, String>| of.get(address).is_some_and(|at| at == network);
        let others = self.world.observed.guests.iter().filter(|seen| seen.guest.vmid != own);
        // As this plan leaves them.
        let fields = |seen: &Sighting| {
            let standing = self.guests.get(&seen.guest.key());
            standing.map_or_else(|| addresses(&seen.fields), |standing| addresses(&standing.fields))
        };
        let gone = |seen: &Sighting| self.guests.get(&seen.guest.key()).is_some_and(|standing| standing.deleted);
        if let Some(seen) = others.into_iter().find(|seen| !gone(seen) && holds(&fields(seen))) {
            return Some(format!("{} ({}) has it", seen.guest.name, seen.guest.vmid));
        }
        let promises = self.promises.values().chain(self.world.promised);
        promises
            .filter(|promise| promise.vmid != own)
            .find(|promise| holds(&promise.addresses))
            .map(|promise| format!("a plan that stands gives it to {} ({})", promise.name, promise.vmid))
    }
}
