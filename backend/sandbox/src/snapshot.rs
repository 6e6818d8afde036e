//! Snapshots of guests.

use serde::{Deserialize, Serialize};

use crate::ambient;
use crate::change;
use crate::cluster::Cluster;
use crate::guest::{Config, Guest, Kind, Run, is_cdrom, is_cloudinit, volume_of};
use crate::storage::Request;

/// One operation on a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub kind: Kind,
    pub vmid: u32,
    pub name: String,
    pub action: Action,
}

/// What is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Action {
    Take { description: Option<String>, vmstate: bool },
    Rollback { start: bool },
    Delete { force: bool },
}

/// Options of the configuration that no snapshot takes or gives back.
const NOT_SNAPSHOTTED: [&str; 5] = ["lock", "parent", "digest", "template", "unused"];

impl Snapshot {
    pub fn begin(&self, cluster: &mut Cluster, node: &str) -> Result<f64, String> {
        let Self { kind, vmid, name, .. } = self;
        let guest = cluster.guest(node, *kind, *vmid)?;
        if guest.flag("template") {
            let noun = if *kind == Kind::Qemu { "vm" } else { "CT" };
            if matches!(self.action, Action::Take { .. }) {
                return Err(match kind {
                    Kind::Qemu => "you can't take a snapshot if it's a template".to_owned(),
                    Kind::Lxc => format!("you can't take a snapshot if it's a template {noun}"),
                });
            }
        }
        let missing = || format!("snapshot '{name}' does not exist");
        let lock = match &self.action {
            Action::Take { .. } => {
                guest.ensure_unlocked()?;
                if guest.snapshots.contains_key(name) {
                    return Err(format!("snapshot name '{name}' already used"));
                }
                if !can_snapshot(cluster, guest) {
                    return Err("snapshot feature is not available".to_owned());
                }
                "snapshot"
            }
            Action::Rollback { .. } => {
                guest.snapshots.get(name).ok_or_else(missing)?;
                guest.ensure_unlocked()?;
                "rollback"
            }
            Action::Delete { .. } => {
                guest.snapshots.get(name).ok_or_else(missing)?;
                guest.ensure_unlocked()?;
                "snapshot-delete"
            }
        };
        cluster.guest_mut(node, *kind, *vmid)?.config.insert("lock".to_owned(), lock.to_owned());
        Ok(2.0)
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let Self { kind, vmid, name, .. } = self;
        let (now, seconds, pid) = (cluster.now, cluster.seconds(), cluster.next_pid());
        let guest = cluster.guest_mut(node, *kind, *vmid)?;
        guest.config.remove("lock");
        match &self.action {
            Action::Take { description, vmstate } => {
                for (option, value) in Guest::drives(&guest.config, *kind) {
                    if !is_cdrom(value) {
                        log.push(format!("snapshotting 'drive-{option}' ({})", volume_of(value)));
                    }
                }
                let mut snapshot = guest.config.clone();
                snapshot.retain(|option, _| !NOT_SNAPSHOTTED.iter().any(|not| option.starts_with(not)));
                if let Some(parent) = guest.config.get("parent") {
                    snapshot.insert("parent".to_owned(), parent.clone());
                }
                snapshot.insert("snaptime".to_owned(), seconds.to_string());
                match description {
                    Some(text) => snapshot.insert("description".to_owned(), text.clone()),
                    None => snapshot.remove("description"),
                };
                if *vmstate && guest.run.is_some() {
                    snapshot.insert("vmstate".to_owned(), format!("vm-{vmid}-state-{name}"));
                }
                guest.snapshots.insert(name.clone(), snapshot);
                guest.config.insert("parent".to_owned(), name.clone());
            }
            Action::Rollback { start } => {
                let snapshot = guest.snapshots.get(name).cloned().unwrap_or_default();
                let with_state = snapshot.contains_key("vmstate");
                change::stop(cluster, node, *vmid);
                let guest = cluster.guest_mut(node, *kind, *vmid)?;
                guest.config = roll_back(&guest.config, &snapshot, name, *kind);
                if *start || with_state {
                    guest.run = Some(Run { since: now, pid, paused: false });
                }
            }
            Action::Delete { .. } => {
                let removed = guest.snapshots.remove(name).unwrap_or_default();
                let parent = removed.get("parent").cloned();
                let configs = guest.snapshots.values_mut().chain([&mut guest.config]);
                for config in configs.filter(|config| config.get("parent") == Some(name)) {
                    match &parent {
                        Some(parent) => config.insert("parent".to_owned(), parent.clone()),
                        None => config.remove("parent"),
                    };
                }
            }
        }
        Ok(())
    }
}

/// The configuration after a rollback: the snapshot's, but for what describes the guest as a whole.
fn roll_back(current: &Config, snapshot: &Config, name: &str, kind: Kind) -> Config {
    let mut config = snapshot.clone();
    config.retain(|option, _| !matches!(option.as_str(), "snaptime" | "vmstate" | "parent" | "description"));
    for (option, value) in current {
        if option.starts_with("unused") || option == "description" {
            config.insert(option.clone(), value.clone());
        }
    }
    config.insert("parent".to_owned(), name.to_owned());
    if kind == Kind::Qemu {
        config.insert("vmgenid".to_owned(), ambient::uuid());
    }
    config
}

/// The storage that a VM's state is written to: the one that is configured, else that of its first disk.
pub fn state_storage(cluster: &Cluster, guest: &Guest) -> String {
    let own = guest.get("vmstatestorage").map(str::to_owned);
    let disks = Guest::drives(&guest.config, guest.kind).into_iter().filter(|(_, value)| !is_cdrom(value));
    let first =
        disks.filter_map(|(_, value)| volume_of(value).split_once(':')).map(|(storage, _)| storage.to_owned()).next();
    let any = cluster.storages.keys().next().cloned();
    own.or(first).or(any).unwrap_or_default()
}

/// Writes a running VM's state to disk and stops it.
pub fn hibernate(cluster: &mut Cluster, node: &str, vmid: u32, log: &mut Vec<String>) -> Result<(), String> {
    let today = chrono::DateTime::from_timestamp(cluster.seconds(), 0).unwrap_or_default().format("%Y-%m-%d");
    let guest = cluster.guest(node, Kind::Qemu, vmid)?;
    let (storage, memory) = (state_storage(cluster, guest), guest.memory());
    let purpose = format!("state-suspend-{today}");
    let request = Request {
        node,
        storage: &storage,
        vmid,
        format: None,
        size: memory.saturating_mul(2),
        kind: Kind::Qemu,
        purpose: &purpose,
        base: false,
    };
    let volid = cluster.allocate(&request, log)?;
    log.push("State saved, quitting".to_owned());
    change::stop(cluster, node, vmid);
    let guest = cluster.guest_mut(node, Kind::Qemu, vmid)?;
    for (option, value) in
        [("vmstate", volid.as_str()), ("lock", "suspended"), ("runningmachine", "pc-i440fx-9.2+pve1")]
    {
        guest.config.insert(option.to_owned(), value.to_owned());
    }
    Ok(())
}

/// Whether every disk is on a storage that can take snapshots.
pub fn can_snapshot(cluster: &Cluster, guest: &Guest) -> bool {
    Guest::drives(&guest.config, guest.kind)
        .into_iter()
        .filter(|(_, value)| !is_cdrom(value) && !is_cloudinit(value))
        .all(|(_, value)| {
            let volid = volume_of(value);
            let (storage, _) = volid.split_once(':').unwrap_or_default();
            let thin = cluster
                .storages
                .get(storage)
                .is_some_and(|storage| matches!(storage.get("type"), "lvmthin" | "zfspool" | "rbd" | "btrfs"));
            let qcow2 = cluster
                .volume(&guest.node, volid)
                .is_some_and(|volume| volume.format == "qcow2" && volume.parent.is_none());
            thin || (qcow2 && guest.kind == Kind::Qemu)
        })
}
