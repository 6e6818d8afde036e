//! A call of an API method as its handler sees it, and what the handler gives back.

use serde_json::{Value, json};

use crate::access::Caller;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind};
use crate::permission::Rights;
use crate::receive::{File, Wanted, is_here};
use crate::schema::{Method, Parameters};
use crate::section::Section;
use crate::work::Work;

/// A call: who, what, with which parameters. They have been checked against the schema.
pub struct Call<'a> {
    pub caller: Caller,
    pub method: &'a Method,
    pub parameters: Parameters,
    /// The node that the path names, `localhost` resolved.
    pub node: String,
    /// The certificate's fingerprint.
    pub fingerprint: &'a str,
    /// The file that was uploaded with the call or fetched for it, or why none was.
    pub received: Option<&'a Result<File, String>>,
}

/// What a call gives back.
#[derive(Debug, Default)]
pub struct Reply {
    pub data: Value,
    /// Of a list that was cut: how long it is in all.
    pub total: Option<usize>,
    /// Of the network: what a reload would change.
    pub changes: Option<String>,
}

impl From<Value> for Reply {
    fn from(data: Value) -> Self {
        Self { data, ..Self::default() }
    }
}

impl Reply {
    /// Success without a value.
    pub fn null() -> Self {
        Self::default()
    }
}

/// The function behind an API method.
pub type Handler = fn(&mut Cluster, &Call) -> Outcome<Reply>;

impl Call<'_> {
    /// A parameter's text; `None` where it is absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).and_then(Value::as_str)
    }

    /// A parameter's text, empty where it is absent.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Whether a boolean parameter is set.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A VMID; the schema has made sure that it is one.
    pub fn vmid(&self, name: &str) -> u32 {
        self.get(name).and_then(|vmid| vmid.parse().ok()).unwrap_or_default()
    }

    /// The elements of a list parameter.
    pub fn list(&self, name: &str) -> Vec<&str> {
        format::list(self.text(name)).collect()
    }

    /// VM or container, by the path.
    pub fn kind(&self) -> Kind {
        if self.method.path.starts_with("/nodes/{node}/lxc") { Kind::Lxc } else { Kind::Qemu }
    }

    /// The guest that the path names.
    pub fn guest<'c>(&self, cluster: &'c Cluster) -> Outcome<&'c Guest> {
        Ok(cluster.guest(&self.node, self.kind(), self.vmid("vmid"))?)
    }

    /// As [`Call::guest`], to be changed.
    pub fn guest_mut<'c>(&self, cluster: &'c mut Cluster) -> Outcome<&'c mut Guest> {
        Ok(cluster.guest_mut(&self.node, self.kind(), self.vmid("vmid"))?)
    }

    /// The caller's rights.
    pub fn rights<'c>(&'c self, cluster: &'c Cluster) -> Rights<'c> {
        Rights { cluster, caller: &self.caller }
    }

    /// The parameters as options, without those named.
    pub fn options(&self, without: &[&str]) -> Config {
        self.parameters
            .iter()
            .filter(|(name, _)| !without.contains(&name.as_str()))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// As [`Call::options`], with lists as JSON: a section holds texts.
    pub fn section(&self, without: &[&str]) -> Section {
        let lists =
            self.parameters.iter().filter(|(name, value)| value.is_array() && !without.contains(&name.as_str()));
        let mut section = self.options(without);
        section.extend(lists.map(|(name, value)| (name.clone(), value.to_string())));
        section
    }

    /// Starts a task on this node, or for a call to the cluster on its first, and gives its UPID.
    pub fn submit(&self, cluster: &mut Cluster, task: &str, id: &str, work: Work) -> Reply {
        let first = cluster.nodes.keys().next().cloned().unwrap_or_default();
        let node = if self.node.is_empty() { first } else { self.node.clone() };
        json!(cluster.submit(&self.caller, &node, task, id, work)).into()
    }

    /// What lies at a URL of this machine, or why it cannot be had; `None` where the URL leads elsewhere.
    pub fn fetched(&self, url: &str, algorithm: Option<&str>, head: bool) -> Outcome<Option<&Result<File, String>>> {
        if !is_here(url) {
            return Ok(None);
        }
        let wanted = || Wanted { url: url.to_owned(), algorithm: algorithm.map(str::to_owned), head };
        self.received.map(Some).ok_or_else(|| Failure::Wanting(wanted()))
    }

    /// Waits for a guest's lock file, as calls that change a guest at once do.
    pub fn wait_for_lock(&self, cluster: &Cluster) -> Outcome<()> {
        let vmid = self.vmid("vmid");
        match cluster.lock_holder(vmid) {
            Some(_) => Err(Failure::Busy(vmid)),
            None => Ok(()),
        }
    }

    /// Refuses parameters that only root itself may set.
    pub fn ensure_root_only(&self, names: &[&str]) -> Outcome<()> {
        let set = |name: &&&str| self.get(name).is_some_and(|value| !matches!(value, "" | "0"));
        match names.iter().find(set) {
            Some(name) if !self.caller.is_root() => Err(Failure::parameter(name, "Only root may use this option.")),
            _ => Ok(()),
        }
    }

    /// Refuses a pool that is not there.
    pub fn ensure_pool(&self, cluster: &Cluster) -> Outcome<()> {
        match self.get("pool") {
            Some(pool) if !cluster.pools.contains_key(pool) => {
                Err(Failure::denied(&format!("pool '{pool}' does not exist")))
            }
            _ => Ok(()),
        }
    }
}
