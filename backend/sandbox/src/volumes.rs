//! All volumes, found by key, owner and base, with how much they use on each storage.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::storage::Volume;
use crate::table::{Part, Table};

/// The volumes by their keys (see [`crate::cluster::Cluster::volume_key`]), and indexes that follow every change.
#[derive(Debug, Clone, Default)]
pub struct Volumes {
    table: Table<String, Volume>,
    /// Bytes used by a key's beginning, up to the colon: a node and a storage on it.
    used: BTreeMap<String, u128>,
    /// The keys of a guest's volumes.
    owned: BTreeMap<u32, BTreeSet<String>>,
    /// The keys of the linked clones that stand on a volume.
    linked: BTreeMap<String, BTreeSet<String>>,
}

impl Deref for Volumes {
    type Target = BTreeMap<String, Volume>;

    fn deref(&self) -> &BTreeMap<String, Volume> {
        &self.table
    }
}

impl Volumes {
    pub fn insert(&mut self, key: &str, volume: Volume) {
        self.uncount(key);
        self.table.insert(key.to_owned(), volume);
        self.count(key);
    }

    pub fn remove(&mut self, key: &str) -> Option<Volume> {
        self.uncount(key);
        self.table.remove(key)
    }

    /// Changes a volume; `None` where there is none.
    pub fn update<T>(&mut self, key: &str, change: impl FnOnce(&mut Volume) -> T) -> Option<T> {
        self.uncount(key);
        let changed = self.table.get_mut(key).map(change);
        self.count(key);
        changed
    }

    /// Bytes that the volumes use whose keys begin so, up to and with the colon.
    pub fn used(&self, beginning: &str) -> u64 {
        self.used.get(beginning).map_or(0, |used| u64::try_from(*used).unwrap_or(u64::MAX))
    }

    /// The volumes of a guest, with their keys.
    pub fn owned_by(&self, vmid: u32) -> impl Iterator<Item = (&String, &Volume)> {
        let keys = self.owned.get(&vmid).into_iter().flatten();
        keys.filter_map(|key| self.table.get_key_value(key))
    }

    /// A linked clone that stands on a volume.
    pub fn linked_to(&self, volid: &str) -> Option<&Volume> {
        self.table.get(self.linked.get(volid)?.first()?)
    }

    fn count(&mut self, key: &str) {
        let Some(volume) = self.table.get(key) else { return };
        *self.used.entry(beginning(key)).or_default() += u128::from(volume.used);
        if let Some(vmid) = volume.vmid {
            self.owned.entry(vmid).or_default().insert(key.to_owned());
        }
        if let Some(parent) = &volume.parent {
            self.linked.entry(parent.clone()).or_default().insert(key.to_owned());
        }
    }

    fn uncount(&mut self, key: &str) {
        let Some(volume) = self.table.get(key) else { return };
        if let Some(used) = self.used.get_mut(&beginning(key)) {
            *used -= u128::from(volume.used);
        }
        if let Some(vmid) = volume.vmid {
            leave(&mut self.owned, &vmid, key);
        }
        if let Some(parent) = &volume.parent {
            leave(&mut self.linked, parent, key);
        }
    }

    fn index(table: Table<String, Volume>) -> Self {
        let mut volumes = Self { table, ..Self::default() };
        let keys: Vec<String> = volumes.table.keys().cloned().collect();
        for key in &keys {
            volumes.count(key);
        }
        volumes
    }
}

fn leave<K: Ord>(index: &mut BTreeMap<K, BTreeSet<String>>, group: &K, key: &str) {
    if let Some(keys) = index.get_mut(group) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(group);
        }
    }
}

/// `NODE STORAGE:` of a volume's key.
fn beginning(key: &str) -> String {
    key[..key.find(':').map_or(key.len(), |colon| colon + 1)].to_owned()
}

impl Serialize for Volumes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.table.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Volumes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Table::deserialize(deserializer).map(Self::index)
    }
}

impl Part for Volumes {
    fn take_changes(&mut self) -> serde_json::Result<Option<Value>> {
        self.table.take_changes()
    }

    fn forget_changes(&mut self) {
        self.table.forget_changes();
    }

    fn apply(&mut self, changes: Value) -> serde_json::Result<()> {
        let keys: Vec<String> = changes.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.uncount(key);
        }
        self.table.apply(changes)?;
        for key in &keys {
            self.count(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(used: u64, vmid: u32, parent: Option<&str>) -> Volume {
        Volume { used, vmid: Some(vmid), parent: parent.map(str::to_owned), ..Volume::default() }
    }

    /// The indexes hold what they would hold if they were made anew.
    fn ensure_indexed(volumes: &Volumes) {
        let mut anew = Volumes::index(volumes.table.clone());
        for (beginning, used) in &volumes.used {
            assert_eq!(anew.used.remove(beginning).unwrap_or_default(), *used, "{beginning}");
        }
        assert!(anew.used.is_empty());
        assert_eq!((&anew.owned, &anew.linked), (&volumes.owned, &volumes.linked));
    }

    #[test]
    fn the_indexes_follow_every_change() {
        let mut volumes = Volumes::default();
        volumes.insert("pve1 a:base", volume(10, 100, None));
        volumes.insert("pve1 a:x", volume(5, 101, Some("a:base")));
        volumes.insert("pve1 ab:y", volume(7, 101, None));
        assert_eq!((volumes.used("pve1 a:"), volumes.used("pve1 ab:"), volumes.used("pve2 a:")), (15, 7, 0));
        assert_eq!(volumes.owned_by(101).count(), 2);
        assert!(volumes.linked_to("a:base").is_some());
        ensure_indexed(&volumes);
        let mut copy = volumes.clone();
        volumes.forget_changes();
        volumes.insert("pve1 a:x", volume(6, 102, None));
        volumes.update("pve1 a:base", |volume| volume.used = 1);
        assert_eq!(volumes.update("pve1 a:none", |_| ()), None);
        volumes.remove("pve1 ab:y");
        assert_eq!((volumes.used("pve1 a:"), volumes.used("pve1 ab:")), (7, 0));
        assert!(volumes.linked_to("a:base").is_none());
        ensure_indexed(&volumes);
        copy.apply(volumes.take_changes().unwrap().unwrap()).unwrap();
        ensure_indexed(&copy);
        assert_eq!(serde_json::to_value(&copy).unwrap(), serde_json::to_value(&volumes).unwrap());
    }
}
