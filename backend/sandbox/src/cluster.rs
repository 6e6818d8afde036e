//! The state of a whole cluster: plain data, changed only by calls and by the passing of time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::{Access, Caller};
use crate::failure::{Failure, Outcome};
use crate::firewall::Firewall;
use crate::guest::{Brief, Guest, Kind};
use crate::injected::Faults;
use crate::storage::Storage;
use crate::table::{Part, Queue, Table, Whole};
use crate::task::Task;
use crate::volumes::Volumes;

/// How long a call waits for a guest's lock file, in real seconds.
pub const LOCK_WAIT: f64 = 10.0;
/// How often nodes broadcast their guests' state to `/cluster/resources`, in real seconds.
const BROADCAST_EVERY: f64 = 10.0;
/// The cluster log keeps so many entries.
const LOG_ENTRIES: usize = 500;

/// A cluster of nodes and everything on them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cluster {
    /// How often the world has been written whole.
    pub generation: u64,
    /// The cluster's name; a single node has none.
    pub name: Option<String>,
    pub nodes: Table<String, Node>,
    pub storages: Table<String, Storage>,
    pub volumes: Volumes,
    pub guests: Table<u32, Guest>,
    pub access: Whole<Access>,
    pub pools: Table<String, Pool>,
    /// The pools of the guests that are in one.
    members: Table<u32, String>,
    /// Whether the nodes reach an internet, which is pretended: what a URL elsewhere has is made up.
    pub internet: bool,
    /// Datacenter options as the API takes them.
    pub options: Table<String, String>,
    /// By scope: `cluster`, `node/NAME`, `guest/VMID`, `group/NAME`.
    pub firewalls: Table<String, Firewall>,
    /// Simple configuration sections by kind and id: HA resources and groups, backup jobs, SDN zones and vnets.
    pub sections: Table<String, BTreeMap<String, BTreeMap<String, String>>>,
    pub tasks: Queue<Task>,
    pub log: Queue<LogEntry>,
    /// What tickets are signed with.
    pub secret: Whole<String>,
    /// Counts processes started, log entries written and the like.
    serial: Whole<u32>,
    /// What `/cluster/resources` last heard of each guest, and when.
    #[serde(skip)]
    pub broadcast: BTreeMap<u32, Brief>,
    #[serde(skip)]
    pub broadcast_at: f64,
    /// The guests that have changed since, beside those that [`Cluster::guests`] says have.
    #[serde(skip)]
    untold: BTreeSet<u32>,
    /// When the nodes broadcast, whether or not anything was new.
    #[serde(skip)]
    last_broadcast: f64,
    /// The time of the call, in seconds since the epoch.
    #[serde(skip)]
    pub now: f64,
    /// Multiplies every duration and lag; 0 is at once.
    #[serde(skip)]
    pub time_scale: f64,
    /// What goes wrong on demand; not kept.
    #[serde(skip)]
    pub faults: Faults,
}

/// One node of the cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Node {
    /// Its number in the cluster, from 1.
    pub number: u32,
    pub address: String,
    pub cores: u32,
    /// In bytes.
    pub memory: u64,
    /// The root file system's size in bytes.
    pub disk: u64,
    /// When it came up, in seconds since the epoch.
    pub booted: f64,
    pub interfaces: BTreeMap<String, Map<String, Value>>,
    /// Interfaces as they will be after the next reload, where that differs.
    pub pending_interfaces: Option<BTreeMap<String, Map<String, Value>>>,
    /// The node's own options (`description`, `wakeonlan`, …).
    pub options: BTreeMap<String, String>,
}

/// A pool of guests and storages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pool {
    pub comment: Option<String>,
    pub storages: BTreeSet<String>,
    /// Where worlds of older sandboxes have a pool's guests.
    #[serde(default, skip_serializing)]
    guests: BTreeSet<u32>,
}

impl Pool {
    /// An empty pool.
    pub fn new(comment: Option<String>) -> Self {
        Self { comment, ..Self::default() }
    }
}

/// One line of the cluster log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogEntry {
    pub uid: u32,
    pub node: String,
    pub user: String,
    pub tag: String,
    pub msg: String,
    pub time: i64,
    pub pri: u8,
    pub pid: u32,
}

impl Cluster {
    /// The time of the call in whole seconds.
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch fit for as long as the sun shines")]
    pub fn seconds(&self) -> i64 {
        self.now as i64
    }

    /// A number that was not given out before.
    pub fn next_serial(&mut self) -> u32 {
        *self.serial = self.serial.wrapping_add(1);
        *self.serial
    }

    /// A process id that was not given out lately.
    pub fn next_pid(&mut self) -> u32 {
        const FIRST: u32 = 2_000;
        const LAST: u32 = 4_000_000;
        FIRST + self.next_serial().wrapping_mul(7) % (LAST - FIRST)
    }

    /// The guest of that id on that node, or Proxmox's complaint that it has no configuration file there.
    pub fn guest(&self, node: &str, kind: Kind, vmid: u32) -> Result<&Guest, String> {
        self.guests
            .get(&vmid)
            .filter(|guest| guest.node == node && guest.kind == kind)
            .ok_or_else(|| no_config(node, kind, vmid))
    }

    /// As [`Cluster::guest`], to be changed.
    pub fn guest_mut(&mut self, node: &str, kind: Kind, vmid: u32) -> Result<&mut Guest, String> {
        self.guests
            .get_mut(&vmid)
            .filter(|guest| guest.node == node && guest.kind == kind)
            .ok_or_else(|| no_config(node, kind, vmid))
    }

    /// The pool that a guest is in.
    pub fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.members.get(&vmid).map(String::as_str)
    }

    /// The guests of a pool.
    pub fn members_of(&self, pool: &str) -> impl Iterator<Item = u32> {
        self.members.iter().filter(move |(_, own)| *own == pool).map(|(vmid, _)| *vmid)
    }

    /// The guests that are in a pool.
    pub fn in_pools(&self) -> impl Iterator<Item = u32> {
        self.members.keys().copied()
    }

    /// Puts a guest into a pool, out of the one that it is in.
    pub fn join_pool(&mut self, pool: &str, vmid: u32) {
        if self.pools.contains_key(pool) {
            self.members.insert(vmid, pool.to_owned());
        }
    }

    /// Takes a guest out of the pool that it is in.
    pub fn leave_pool(&mut self, vmid: u32) {
        self.members.remove(&vmid);
    }

    /// The pool that a permission path's guest or storage is in.
    pub fn pool_of_path(&self, path: &str) -> Option<&str> {
        if let Some(vmid) = path.strip_prefix("/vms/") {
            return self.pool_of(vmid.parse().ok()?);
        }
        let storage = path.strip_prefix("/storage/")?;
        self.pools.iter().find(|(_, pool)| pool.storages.contains(storage)).map(|(name, _)| name.as_str())
    }

    /// The key of a volume in [`Cluster::volumes`]: volumes of shared storages are on no node.
    pub fn volume_key(&self, node: &str, volid: &str) -> String {
        let storage = volid.split(':').next().unwrap_or_default();
        let shared = self.storages.get(storage).is_some_and(Storage::shared);
        let node = if shared { "" } else { node };
        format!("{node} {volid}")
    }

    /// Refuses a VMID that is taken, on whichever node.
    pub fn ensure_unused(&self, vmid: u32) -> Result<(), String> {
        match self.guests.get(&vmid) {
            Some(guest) => Err(format!("{} {vmid} already exists on node '{}'", guest.kind.noun(), guest.node)),
            None => Ok(()),
        }
    }

    /// Refuses a node that is not of the cluster.
    pub fn ensure_node(&self, node: &str) -> Result<(), String> {
        if self.nodes.contains_key(node) { Ok(()) } else { Err(format!("no such cluster node '{node}'")) }
    }

    /// The node a call goes to; `localhost` is the first.
    pub fn resolve_node(&self, name: &str) -> Outcome<String> {
        if name == "localhost" {
            let here = self.nodes.keys().find(|node| !self.faults.offline(node));
            return here.cloned().ok_or_else(|| Failure::failed("the cluster has no nodes"));
        }
        if self.nodes.contains_key(name) {
            return Ok(name.to_owned());
        }
        Err(Failure::failed(format!(
            "hostname lookup '{name}' failed - failed to get address info for: {name}: Name or service not known"
        )))
    }

    /// Adds an entry to the cluster log.
    pub fn record(&mut self, node: &str, caller: &Caller, msg: String) {
        let entry = LogEntry {
            uid: self.next_serial(),
            node: node.to_owned(),
            user: caller.id(),
            tag: "pvedaemon".to_owned(),
            msg,
            time: self.seconds(),
            pri: 6,
            pid: 1_000,
        };
        self.log.push_front(entry);
        self.log.truncate(LOG_ENTRIES);
    }

    /// Lets the nodes broadcast as often as they do until a time. Between two events nothing changes, so that of
    /// many broadcasts only the last is carried out.
    pub fn broadcast_until(&mut self, until: f64) {
        let period = BROADCAST_EVERY * self.time_scale;
        let missed = ((until - self.last_broadcast) / period).floor();
        if period > 0.0 && missed >= 1.0 {
            self.last_broadcast += missed * period;
            self.broadcast();
        }
    }

    /// Lets the nodes tell `/cluster/resources` how the guests are that have changed.
    pub fn broadcast(&mut self) {
        if self.faults.stale() {
            return;
        }
        self.broadcast_at = self.now;
        let mut changed = std::mem::take(&mut self.untold);
        changed.extend(self.guests.changed());
        for vmid in changed {
            match self.guests.get(&vmid) {
                Some(guest) => self.broadcast.insert(vmid, guest.brief()),
                None => self.broadcast.remove(&vmid),
            };
        }
    }

    /// The parts that are kept, by their names.
    fn parts(&mut self) -> [(&'static str, &mut dyn Part); 14] {
        [
            ("nodes", &mut self.nodes),
            ("storages", &mut self.storages),
            ("volumes", &mut self.volumes),
            ("guests", &mut self.guests),
            ("access", &mut self.access),
            ("pools", &mut self.pools),
            ("members", &mut self.members),
            ("options", &mut self.options),
            ("firewalls", &mut self.firewalls),
            ("sections", &mut self.sections),
            ("tasks", &mut self.tasks),
            ("log", &mut self.log),
            ("secret", &mut self.secret),
            ("serial", &mut self.serial),
        ]
    }

    /// What has changed since this was last asked, part by part.
    pub fn take_changes(&mut self) -> serde_json::Result<Map<String, Value>> {
        self.untold.extend(self.guests.changed());
        let changes =
            self.parts().into_iter().map(|(name, part)| Ok(part.take_changes()?.map(|it| (name.to_owned(), it))));
        changes.filter_map(Result::transpose).collect()
    }

    /// Forgets what has changed, where all of it is kept already or nothing is.
    pub fn forget_changes(&mut self) {
        self.untold.extend(self.guests.changed());
        self.parts().into_iter().for_each(|(_, part)| part.forget_changes());
    }

    /// Makes changes that [`Cluster::take_changes`] gave.
    pub fn apply(&mut self, changes: Map<String, Value>) -> serde_json::Result<()> {
        for (name, changes) in changes {
            let part = self.parts().into_iter().find(|(own, _)| *own == name);
            let unknown = || serde::de::Error::custom(format!("a newer sandbox wrote '{name}'"));
            part.ok_or_else(unknown)?.1.apply(changes)?;
        }
        Ok(())
    }

    /// Completes a cluster that was read: nothing was told of its guests yet, and older worlds have them in pools.
    pub fn complete(&mut self) {
        self.untold.extend(self.guests.keys());
        let pools = self.pools.iter().flat_map(|(name, pool)| pool.guests.iter().map(|vmid| (*vmid, name.clone())));
        let members: Vec<(u32, String)> = pools.collect();
        self.members.extend(members);
    }

    /// Removes a guest from pools, backup jobs and HA; its firewall rules and grants go too.
    pub fn purge(&mut self, vmid: u32) {
        let id = vmid.to_string();
        let path = format!("/vms/{vmid}");
        if self.access.acl.iter().any(|grant| grant.path == path) {
            self.access.acl.retain(|grant| grant.path != path);
        }
        let own = |sid: &String| sid.rsplit(':').next() == Some(&id);
        if self.sections.get("ha/resources").is_some_and(|resources| resources.keys().any(own))
            && let Some(resources) = self.sections.get_mut("ha/resources")
        {
            resources.retain(|sid, _| !own(sid));
        }
        for job in self.sections.get_mut("backup").into_iter().flat_map(BTreeMap::values_mut) {
            for key in ["vmid", "exclude"] {
                if let Some(list) = job.get_mut(key) {
                    let rest: Vec<&str> = list.split(',').filter(|other| *other != id).collect();
                    *list = rest.join(",");
                }
            }
        }
    }
}

fn no_config(node: &str, kind: Kind, vmid: u32) -> String {
    format!("Configuration file 'nodes/{node}/{}/{vmid}.conf' does not exist", kind.directory())
}
