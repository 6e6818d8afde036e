//! What somebody else does to the cluster, past the API: on a node's command line, in its files, by its HA manager.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ambient;
use crate::change;
use crate::clone::Clone as CloneWork;
use crate::cluster::Cluster;
use crate::guest::{Config, Guest, Run};
use crate::lifecycle::{self, Migration};

/// The VMIDs that Proxmox allows.
const VMIDS: std::ops::RangeInclusive<u32> = 100..=999_999_999;
/// The longest value of an option, in bytes.
const LONGEST_VALUE: usize = 64 * 1024;

/// Something done by hand. It happens at once, without a task, and asks neither for locks nor for digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ByHand {
    /// A guest's configuration file is edited: what is set and deleted holds now, whatever it is.
    Edit {
        /// The guest.
        vmid: u32,
        /// Options and their values, as in the file.
        #[serde(default)]
        set: BTreeMap<String, String>,
        /// Options that go.
        #[serde(default)]
        delete: Vec<String>,
    },
    /// A guest gets another name.
    Rename {
        /// The guest.
        vmid: u32,
        /// Its new name.
        name: String,
    },
    /// A guest is started or stopped.
    Power {
        /// The guest.
        vmid: u32,
        /// Whether it runs from now on.
        running: bool,
    },
    /// A guest is moved to another node with its disks, as HA or a migration does.
    Move {
        /// The guest.
        vmid: u32,
        /// Where it is from now on.
        node: String,
    },
    /// A guest is cloned in full, with its notes and tags.
    Clone {
        /// The guest.
        vmid: u32,
        /// The clone's VMID.
        newid: u32,
        /// The clone's name; the guest's own where it is absent.
        #[serde(default)]
        name: Option<String>,
    },
    /// A guest is destroyed with its disks.
    Destroy {
        /// The guest.
        vmid: u32,
    },
    /// A guest is destroyed, and another one made under its VMID: alike, in the same pool, but without notes, tags
    /// and snapshots, stopped, with empty disks and a new identity.
    Recycle {
        /// The VMID.
        vmid: u32,
        /// The new guest's name; the old one's where it is absent.
        #[serde(default)]
        name: Option<String>,
    },
    /// Tickets and CSRF prevention tokens given so far are good no more; API tokens are.
    ExpireTickets,
}

impl ByHand {
    /// Does it, or says why it cannot be done; then nothing has changed.
    pub(crate) fn apply(&self, cluster: &mut Cluster) -> Result<(), String> {
        match self {
            Self::Edit { vmid, set, delete } => edit(cluster, *vmid, set, delete),
            Self::Rename { vmid, name } => {
                let option = find(cluster, *vmid)?.kind.name_option();
                edit(cluster, *vmid, &BTreeMap::from([(option.to_owned(), name.clone())]), &[])
            }
            Self::Power { vmid, running } => power(cluster, *vmid, *running),
            Self::Move { vmid, node } => {
                cluster.ensure_node(node)?;
                let (from, kind) = (find(cluster, *vmid)?.node.clone(), find(cluster, *vmid)?.kind);
                if from == *node {
                    return Ok(());
                }
                Migration::live(kind, *vmid, node).finish(cluster, &from, &mut Vec::new())
            }
            Self::Clone { vmid, newid, name } => clone(cluster, *vmid, *newid, name.as_deref()),
            Self::Destroy { vmid } => destroy(cluster, *vmid),
            Self::Recycle { vmid, name } => recycle(cluster, *vmid, name.as_deref()),
            Self::ExpireTickets => {
                *cluster.secret = hex::encode(ambient::random::<32>());
                Ok(())
            }
        }
    }
}

fn find(cluster: &Cluster, vmid: u32) -> Result<&Guest, String> {
    cluster.guests.get(&vmid).ok_or_else(|| format!("there is no guest {vmid}"))
}

fn edit(cluster: &mut Cluster, vmid: u32, set: &BTreeMap<String, String>, delete: &[String]) -> Result<(), String> {
    find(cluster, vmid)?;
    for (option, value) in set {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if option.is_empty() || !option.chars().all(plain) {
            return Err(format!("'{option}' is no option of a guest's configuration"));
        }
        // A line of the file is one option; notes are kept as one value here.
        if value.len() > LONGEST_VALUE || option != "description" && value.chars().any(char::is_control) {
            return Err(format!("the value of '{option}' does not fit in a line of a guest's configuration"));
        }
    }
    if let Some(guest) = cluster.guests.get_mut(&vmid) {
        guest.config.retain(|option, _| !delete.contains(option));
        guest.config.extend(set.clone());
    }
    Ok(())
}

fn power(cluster: &mut Cluster, vmid: u32, running: bool) -> Result<(), String> {
    let guest = find(cluster, vmid)?;
    let node = guest.node.clone();
    match (guest.run.is_some(), running) {
        (false, true) if guest.flag("template") => return Err(format!("guest {vmid} is a template")),
        (false, true) => {
            let run = Run { since: cluster.now, pid: cluster.next_pid(), paused: false };
            if let Some(guest) = cluster.guests.get_mut(&vmid) {
                guest.run = Some(run);
            }
        }
        (true, false) => change::stop(cluster, &node, vmid),
        (true, true) | (false, false) => {}
    }
    Ok(())
}

/// The work that makes a copy of a guest as it is, under another VMID or its own.
fn copy_of(cluster: &Cluster, vmid: u32, newid: u32, name: Option<&str>) -> Result<CloneWork, String> {
    let guest = find(cluster, vmid)?;
    let name = name.map(|name| (guest.kind.name_option().to_owned(), name.to_owned()));
    Ok(CloneWork {
        kind: guest.kind,
        source: vmid,
        newid,
        config: guest.config.clone(),
        settings: name.into_iter().collect(),
        full: true,
        storage: None,
        format: None,
        target: guest.node.clone(),
        pool: cluster.pool_of(vmid).map(str::to_owned),
        bytes: 0,
    })
}

fn clone(cluster: &mut Cluster, vmid: u32, newid: u32, name: Option<&str>) -> Result<(), String> {
    if !VMIDS.contains(&newid) {
        return Err(format!("{newid} is no VMID"));
    }
    cluster.ensure_unused(newid)?;
    let work = copy_of(cluster, vmid, newid, name)?;
    work.claim(cluster);
    let node = work.target.clone();
    work.finish(cluster, &node, &mut Vec::new())
}

fn destroy(cluster: &mut Cluster, vmid: u32) -> Result<(), String> {
    let guest = find(cluster, vmid)?;
    let (node, kind) = (guest.node.clone(), guest.kind);
    lifecycle::destroy(cluster, &node, kind, vmid, false, false, &mut Vec::new())
}

fn recycle(cluster: &mut Cluster, vmid: u32, name: Option<&str>) -> Result<(), String> {
    let work = copy_of(cluster, vmid, vmid, name)?;
    let node = work.target.clone();
    let mut config: Config = work.build(cluster, &node, &mut Vec::new(), &mut Vec::new())?;
    config.retain(|option, _| !matches!(option.as_str(), "description" | "tags"));
    destroy(cluster, vmid)?;
    cluster.guests.insert(vmid, Guest::new(&node, work.kind, vmid, config));
    if let Some(pool) = &work.pool {
        cluster.join_pool(pool, vmid);
    }
    Ok(())
}
