//! Parts of the cluster that know what of them has changed, so that a change is kept by writing that alone.

use std::collections::btree_map::{self, BTreeMap, Entry};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A part of the cluster whose changes can be taken, and made on another copy.
pub trait Part {
    /// What has changed since this was last asked; `None` where nothing has.
    fn take_changes(&mut self) -> serde_json::Result<Option<Value>>;
    /// Forgets what has changed.
    fn forget_changes(&mut self);
    /// Makes changes that were taken. Making them again changes nothing.
    fn apply(&mut self, changes: Value) -> serde_json::Result<()>;
}

/// A map that knows which of its entries have changed. There is no way to change one unnoticed: it gives a
/// [`BTreeMap`] to read only.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    entries: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.entries
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// The keys of entries that have changed.
    pub fn changed(&self) -> impl Iterator<Item = &K> {
        self.changed.iter()
    }

    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.changed.insert(key.clone());
        self.entries.insert(key, value)
    }

    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (key, value) = self.entries.remove_entry(key)?;
        self.changed.insert(key);
        Some(value)
    }

    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (key, _) = self.entries.get_key_value(key)?;
        self.changed.insert(key.clone());
        self.entries.get_mut(key.clone().borrow())
    }

    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        self.changed.insert(key.clone());
        self.entries.entry(key)
    }

    pub fn values_mut(&mut self) -> btree_map::ValuesMut<'_, K, V> {
        self.changed.extend(self.entries.keys().cloned());
        self.entries.values_mut()
    }
}

impl<K: Ord + Clone, V> Extend<(K, V)> for Table<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K, V> IntoIterator for &'a Table<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = btree_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries.serialize(serializer)
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { entries: BTreeMap::deserialize(deserializer)?, changed: BTreeSet::new() })
    }
}

impl<K, V> Part for Table<K, V>
where
    K: Ord + Clone + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    fn take_changes(&mut self) -> serde_json::Result<Option<Value>> {
        let changed = std::mem::take(&mut self.changed);
        if changed.is_empty() {
            return Ok(None);
        }
        let now: BTreeMap<&K, Option<&V>> = changed.iter().map(|key| (key, self.entries.get(key))).collect();
        serde_json::to_value(now).map(Some)
    }

    fn forget_changes(&mut self) {
        self.changed.clear();
    }

    fn apply(&mut self, changes: Value) -> serde_json::Result<()> {
        let changes: BTreeMap<K, Option<V>> = serde_json::from_value(changes)?;
        for (key, value) in changes {
            match value {
                Some(value) => self.entries.insert(key, value),
                None => self.entries.remove(&key),
            };
        }
        Ok(())
    }
}

/// A value that is written whole when it may have changed: anything that takes it to change it counts.
#[derive(Debug, Clone, Default)]
pub struct Whole<T> {
    value: T,
    changed: bool,
}

impl<T> Deref for Whole<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Whole<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}

impl<T: Serialize> Serialize for Whole<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { value: T::deserialize(deserializer)?, changed: false })
    }
}

impl<T: Serialize + DeserializeOwned> Part for Whole<T> {
    fn take_changes(&mut self) -> serde_json::Result<Option<Value>> {
        let changed = std::mem::take(&mut self.changed);
        changed.then(|| serde_json::to_value(&self.value)).transpose()
    }

    fn forget_changes(&mut self) {
        self.changed = false;
    }

    fn apply(&mut self, changes: Value) -> serde_json::Result<()> {
        self.value = serde_json::from_value(changes)?;
        Ok(())
    }
}

/// Entries in the order in which they came, the newest first. Each has a number, by which it is kept.
#[derive(Debug, Clone)]
pub struct Queue<T> {
    entries: VecDeque<(u64, T)>,
    next: u64,
    changed: BTreeSet<u64>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), next: 0, changed: BTreeSet::new() }
    }
}

impl<T> Queue<T> {
    /// The entries, the newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    pub fn push_front(&mut self, entry: T) {
        self.changed.insert(self.next);
        self.entries.push_front((self.next, entry));
        self.next += 1;
    }

    /// The newest entry that is wanted, to be changed.
    pub fn find_mut(&mut self, wanted: impl Fn(&T) -> bool) -> Option<&mut T> {
        let (number, entry) = self.entries.iter_mut().find(|(_, entry)| wanted(entry))?;
        self.changed.insert(*number);
        Some(entry)
    }

    /// Keeps the entries that are wanted, asked for from the newest on.
    pub fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let changed = &mut self.changed;
        self.entries.retain(|(number, entry)| {
            let stays = wanted(entry);
            if !stays {
                changed.insert(*number);
            }
            stays
        });
    }

    /// Keeps so many entries, the newest.
    pub fn truncate(&mut self, length: usize) {
        while self.entries.len() > length
            && let Some((number, _)) = self.entries.pop_back()
        {
            self.changed.insert(number);
        }
    }

    /// Puts an entry where its number belongs, or takes it away.
    fn put(&mut self, number: u64, entry: Option<T>) {
        let place = self.entries.binary_search_by(|(other, _)| number.cmp(other));
        match (place, entry) {
            (Ok(at), Some(entry)) => self.entries[at].1 = entry,
            (Ok(at), None) => drop(self.entries.remove(at)),
            (Err(at), Some(entry)) => self.entries.insert(at, (number, entry)),
            (Err(_), None) => {}
        }
        self.next = self.next.max(number + 1);
    }
}

impl<T: Serialize> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().rev().map(|(number, entry)| (number, entry)))
    }
}

/// Reads numbered entries, or a list with the newest first.
struct QueueVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for QueueVisitor<T> {
    type Value = Queue<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("numbered entries or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Queue<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        let mut queue = Queue::default();
        entries.into_iter().rev().for_each(|entry| queue.push_front(entry));
        queue.changed.clear();
        Ok(queue)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Queue<T>, A::Error> {
        let mut queue = Queue::default();
        while let Some((number, entry)) = map.next_entry()? {
            queue.put(number, Some(entry));
        }
        Ok(queue)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QueueVisitor(PhantomData))
    }
}

impl<T: Serialize + DeserializeOwned> Part for Queue<T> {
    fn take_changes(&mut self) -> serde_json::Result<Option<Value>> {
        let changed = std::mem::take(&mut self.changed);
        if changed.is_empty() {
            return Ok(None);
        }
        let mut now = Map::new();
        for number in changed {
            let place = self.entries.binary_search_by(|(other, _)| number.cmp(other));
            now.insert(number.to_string(), serde_json::to_value(place.ok().map(|at| &self.entries[at].1))?);
        }
        Ok(Some(Value::Object(now)))
    }

    fn forget_changes(&mut self) {
        self.changed.clear();
    }

    fn apply(&mut self, changes: Value) -> serde_json::Result<()> {
        let changes: BTreeMap<u64, Option<T>> = serde_json::from_value(changes)?;
        for (number, entry) in changes {
            self.put(number, entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_tells_what_has_changed_once() {
        let mut table: Table<u32, String> = serde_json::from_value(json!({ "1": "a", "2": "b", "3": "c" })).unwrap();
        assert_eq!(table.take_changes().unwrap(), None, "what was read is no change");
        table.insert(4, "d".to_owned());
        table.remove(&1);
        table.remove(&9);
        table.get_mut(&2).unwrap().push('!');
        assert!(table.get_mut(&9).is_none());
        let changes = table.take_changes().unwrap().unwrap();
        assert_eq!(changes, json!({ "1": null, "2": "b!", "4": "d" }));
        assert_eq!(table.take_changes().unwrap(), None);
        let mut copy: Table<u32, String> = serde_json::from_value(json!({ "1": "a", "2": "b", "3": "c" })).unwrap();
        copy.apply(changes.clone()).unwrap();
        copy.apply(changes).unwrap();
        assert_eq!(*copy, *table);
        assert_eq!(copy.take_changes().unwrap(), None);
        table.entry(5).or_default().push('e');
        table.extend([(6, "f".to_owned())]);
        assert_eq!(table.take_changes().unwrap(), Some(json!({ "5": "e", "6": "f" })));
        table.values_mut().for_each(String::clear);
        assert_eq!(table.take_changes().unwrap().unwrap().as_object().unwrap().len(), 5);
    }

    #[test]
    fn a_whole_value_counts_as_changed_when_it_was_taken_to_be() {
        let mut whole: Whole<Vec<u8>> = serde_json::from_value(json!([1])).unwrap();
        assert_eq!((whole.len(), whole.take_changes().unwrap()), (1, None));
        whole.push(2);
        assert_eq!(whole.take_changes().unwrap(), Some(json!([1, 2])));
    }

    #[test]
    fn a_queue_keeps_its_order_through_changes_and_reads_lists() {
        let mut queue: Queue<String> = serde_json::from_value(json!(["new", "old"])).unwrap();
        assert_eq!(serde_json::to_value(&queue).unwrap(), json!({ "0": "old", "1": "new" }));
        let mut copy = queue.clone();
        queue.push_front("newest".to_owned());
        queue.find_mut(|entry| entry == "new").unwrap().push('!');
        queue.retain(|entry| entry != "old");
        let changes = queue.take_changes().unwrap().unwrap();
        assert_eq!(changes, json!({ "0": null, "1": "new!", "2": "newest" }));
        copy.apply(changes).unwrap();
        assert!(copy.iter().eq(["newest", "new!"]) && queue.iter().eq(copy.iter()));
        copy.push_front("after".to_owned());
        copy.truncate(1);
        assert_eq!(copy.take_changes().unwrap(), Some(json!({ "1": null, "2": null, "3": "after" })));
    }
}
