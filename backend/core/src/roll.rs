//! The cluster's own list of guests: one call that tells who is there, and roughly how.
//!
//! It lags behind for some seconds in all but who is where, so nothing is decided by it. It tells at which guests to look
//! more closely, and keeps pages up to date between looks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::field::{Field, Plain, Value};
use crate::guest::{GuestKey, GuestRef, Power};
use crate::observed::{Node, NodeState, Observed, Ownership, Sighting};
use crate::size::Size;

/// How far the list may lag behind: Proxmox's nodes tell each other every ten seconds.
const LAG: TimeDelta = TimeDelta::seconds(15);

/// Who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// When it was called, by our clock.
    pub at: DateTime<Utc>,
    /// Every node.
    pub nodes: BTreeMap<String, ListedNode>,
    /// Every guest that may be seen.
    pub guests: BTreeMap<GuestKey, Listed>,
}

/// A node as the cluster's list has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedNode {
    /// Whether the cluster has it.
    pub online: bool,
    /// Memory in use.
    pub memory_used: Option<Size>,
    /// The sizes of its storages and what is free of them.
    pub storages: BTreeMap<String, (Size, Size)>,
}

/// A guest as the cluster's list has it. What a list leaves out or does not know yet is nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// VM or container, number, name and node; the name is empty where it is not known yet.
    pub guest: GuestRef,
    /// Whether it runs.
    pub power: Power,
    /// Whether it is a template.
    pub template: bool,
    /// The lock on it.
    pub lock: Option<String>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Its memory.
    pub memory: Option<Size>,
    /// Its CPUs.
    pub cpus: Option<u64>,
    /// The size of its first disk.
    pub disk: Option<Size>,
    /// The pool it belongs to.
    pub pool: Option<String>,
    /// The state in which the HA manager keeps it.
    pub ha: Option<String>,
}

impl Roll {
    /// Whether every node is online, so that a guest that is not listed is gone or may not be seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.nodes.is_empty() && self.nodes.values().all(|node| node.online)
    }

    /// Whether that node is online.
    #[must_use]
    pub fn is_online(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|node| node.online)
    }
}

impl Observed {
    /// The same as of `roll`: who is there and where, and of guests that were not just looked at what the list tells.
    /// For pages; of a guest that only the list has seen nothing is known that it does not tell.
    #[must_use]
    pub fn called(&self, roll: &Roll) -> Self {
        let mut now = self.clone();
        now.at = now.at.max(roll.at);
        for (name, listed) in &roll.nodes {
            // What a node has is seen by asking it; that it is there again does not tell that.
            let unasked = || NodeState::Unreachable { why: "it was not asked yet".to_owned() };
            let state = now.nodes.entry(name.clone()).or_insert_with(unasked);
            match state {
                state if !listed.online => *state = NodeState::Unreachable { why: "it is offline".to_owned() },
                NodeState::Seen(node) => node.listed(listed, roll.at),
                NodeState::Unreachable { .. } => {}
            }
        }
        let is_online = |node: &str| roll.is_online(node);
        // On a node that is offline a guest's last sighting is all there is.
        now.guests.retain(|seen| {
            roll.guests.contains_key(&seen.guest.key()) || !is_online(&seen.guest.node) || seen.at >= roll.at
        });
        for seen in &mut now.guests {
            if let Some(listed) = roll.guests.get(&seen.guest.key()).filter(|listed| is_online(&listed.guest.node)) {
                seen.listed(listed, roll.at);
            }
        }
        let known: BTreeSet<GuestKey> = now.guests.iter().map(|seen| seen.guest.key()).collect();
        let new = roll.guests.values().filter(|listed| !known.contains(&listed.guest.key()));
        now.guests.extend(new.filter(|listed| is_online(&listed.guest.node)).map(|listed| {
            let mut seen = unread(listed.guest.clone());
            seen.listed(listed, roll.at);
            seen
        }));
        now.guests.sort_by_key(|seen| seen.guest.key());
        now
    }

    /// The same with one guest as it was just seen.
    #[must_use]
    pub fn with(&self, sighting: &Sighting) -> Self {
        let mut now = self.clone();
        let key = sighting.guest.key();
        now.guests.retain(|seen| seen.guest.key() != key || seen.at > sighting.at);
        if !now.guests.iter().any(|seen| seen.guest.key() == key) {
            now.guests.push(sighting.clone());
            now.guests.sort_by_key(|seen| seen.guest.key());
        }
        now
    }
}

impl Node {
    fn listed(&mut self, listed: &ListedNode, at: DateTime<Utc>) {
        self.at = self.at.max(at);
        self.memory_used = listed.memory_used.unwrap_or(self.memory_used);
        for (name, (total, free)) in &listed.storages {
            if let Some(storage) = self.storages.get_mut(name) {
                (storage.total, storage.free) = (*total, *free);
            }
        }
    }
}

impl Sighting {
    fn listed(&mut self, listed: &Listed, at: DateTime<Utc>) {
        // Existence, node and tags are live; the rest may be older than the last look.
        self.guest.node.clone_from(&listed.guest.node);
        self.lock.clone_from(&listed.lock);
        self.fields.insert(Plain::Tags.into(), Value::Set(listed.tags.clone()));
        if at - self.at < LAG {
            return;
        }
        self.at = at;
        self.template = listed.template;
        if !listed.guest.name.is_empty() {
            self.guest.name.clone_from(&listed.guest.name);
        }
        let size = |size: Option<Size>| size.map(Value::Size);
        // A paused guest runs, in the list.
        let running = match (self.power, listed.power) {
            (Power::Paused, Power::Running) | (_, Power::Unknown) => None,
            (_, power) => {
                self.power = power;
                Some(Value::Flag(power != Power::Stopped))
            }
        };
        for (field, value) in [(Plain::Memory, size(listed.memory)), (Plain::Running, running)] {
            self.fields.extend(value.map(|value| (Field::from(field), value)));
        }
    }
}

/// A guest of which only the list is known.
fn unread(guest: GuestRef) -> Sighting {
    Sighting {
        guest,
        at: DateTime::UNIX_EPOCH,
        power: Power::Unknown,
        template: false,
        lock: None,
        digest: String::new(),
        ownership: Ownership::Unmarked,
        smbios_uuid: None,
        fields: BTreeMap::new(),
        pending: BTreeSet::new(),
        hotplug: BTreeSet::new(),
        snapshots: None,
        firewall: None,
        raw: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{Kind, Vmid};

    fn guest(vmid: u32) -> GuestRef {
        GuestRef {
            kind: Kind::Qemu,
            vmid: Vmid::try_from(vmid).unwrap(),
            name: format!("g-{vmid}"),
            node: "pve1".to_owned(),
        }
    }

    fn listed(vmid: u32) -> Listed {
        Listed {
            guest: guest(vmid),
            power: Power::Running,
            template: false,
            lock: None,
            tags: BTreeSet::from(["web".to_owned()]),
            memory: Some(Size::gib(4)),
            cpus: Some(2),
            disk: None,
            pool: None,
            ha: None,
        }
    }

    fn second(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000 + second, 0).unwrap()
    }

    fn seen(vmid: u32, at: i64) -> Sighting {
        Sighting { at: second(at), power: Power::Stopped, ..unread(guest(vmid)) }
    }

    fn observed(guests: Vec<Sighting>) -> Observed {
        Observed {
            at: second(0),
            version: "8.4.1".to_owned(),
            cluster: "lab".to_owned(),
            nodes: BTreeMap::from([("pve1".to_owned(), NodeState::Unreachable { why: "not asked".to_owned() })]),
            guests,
            images: Vec::new(),
            volumes: Vec::new(),
            pools: BTreeSet::new(),
            backup_jobs: None,
            replicas: BTreeMap::new(),
        }
    }

    fn roll(at: i64, online: bool, guests: &[u32]) -> Roll {
        Roll {
            at: second(at),
            nodes: BTreeMap::from([("pve1".to_owned(), ListedNode { online, ..ListedNode::default() })]),
            guests: guests.iter().map(|vmid| (guest(*vmid).key(), listed(*vmid))).collect(),
        }
    }

    #[test]
    fn who_is_gone_is_no_longer_shown_and_who_is_new_is() {
        let now = observed(vec![seen(100, 0), seen(101, 0)]).called(&roll(60, true, &[101, 102]));
        let vmids: Vec<u32> = now.guests.iter().map(|seen| seen.guest.vmid.get()).collect();
        assert_eq!(vmids, [101, 102]);
        assert_eq!(now.guests[0].power, Power::Running);
        assert_eq!(now.guests[0].get(&Plain::Running.into()), Some(&Value::Flag(true)));
        assert_eq!(now.guests[1].get(&Plain::Memory.into()), Some(&Value::Size(Size::gib(4))));
        assert_eq!(now.at, second(60));
    }

    #[test]
    fn a_guest_that_was_just_looked_at_is_not_moved_back_by_a_list_that_lags() {
        let now = observed(vec![seen(100, 50)]).called(&roll(60, true, &[100]));
        assert_eq!((now.guests[0].power, now.guests[0].at), (Power::Stopped, second(50)));
        assert_eq!(now.guests[0].tags(), BTreeSet::from(["web".to_owned()]), "tags are live");
    }

    #[test]
    fn on_a_node_that_is_offline_nothing_is_gone() {
        let now = observed(vec![seen(100, 0)]).called(&roll(60, false, &[]));
        assert_eq!(now.guests.len(), 1);
        assert!(matches!(now.nodes["pve1"], NodeState::Unreachable { .. }));
        assert!(!roll(60, false, &[]).is_complete());
    }

    #[test]
    fn of_two_sightings_the_later_one_stands() {
        let now = observed(vec![seen(100, 50)]);
        assert_eq!(now.with(&seen(100, 40)).guests[0].at, second(50));
        assert_eq!(now.with(&seen(100, 60)).guests[0].at, second(60));
    }
}
