//! Destroying, migrating and asynchronously changing guests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::disk;
use crate::guest::{Config, Guest, Kind, is_cdrom, is_cloudinit, volume_of};
use crate::storage::Storage;

/// What a migration to a node that cannot be reached says.
const NO_WAY: &str = "Can't connect to destination address using public key";

/// Checks what a destroy needs once its task runs; gives its duration.
pub fn begin_destroy(cluster: &Cluster, node: &str, kind: Kind, vmid: u32) -> Result<f64, String> {
    let guest = cluster.guest(node, kind, vmid)?;
    guest.ensure_unlocked()?;
    for volid in guest.referenced() {
        let (storage, _) = volid.split_once(':').unwrap_or_default();
        cluster.storage(storage)?;
        if guest.flag("template") && disk::children(cluster, &volid).is_some() {
            // Proxmox says “cloned” here, and “clones” where the volume alone is deleted.
            return Err(format!("base volume '{volid}' is still in use by linked cloned"));
        }
    }
    Ok(1.5)
}

/// Removes a guest with its volumes.
pub fn destroy(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    purge: bool,
    unreferenced: bool,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let referenced = cluster.guest(node, kind, vmid)?.referenced();
    for volid in referenced {
        // Volumes of other guests stay.
        match cluster.volume(node, &volid).map(|volume| volume.vmid) {
            Some(owner) if owner == Some(vmid) => {
                cluster.free(node, &volid);
            }
            Some(_) => {}
            None => {
                let (storage, name) = volid.split_once(':').unwrap_or_default();
                let path = cluster.storage(storage).map(|storage| storage.path(name)).unwrap_or_default();
                log.push(format!("disk image '{path}' does not exist"));
            }
        }
    }
    if unreferenced {
        let own = cluster.volumes.owned_by(vmid);
        let images = own.filter(|(_, volume)| matches!(volume.content.as_str(), "images" | "rootdir"));
        let keys: Vec<String> = images.map(|(key, _)| key.clone()).collect();
        for key in keys {
            cluster.volumes.remove(&key);
        }
    }
    cluster.guests.remove(&vmid);
    cluster.broadcast.remove(&vmid);
    cluster.firewalls.remove(&format!("guest/{vmid}"));
    cluster.leave_pool(vmid);
    if purge {
        log.push(format!("purging {} {vmid} from related configurations..", kind.noun()));
        cluster.purge(vmid);
    }
    Ok(())
}

/// The line that an update's task begins with.
pub fn describe_update(vmid: u32, changes: &Config) -> String {
    let changes: Vec<String> = changes
        .iter()
        .filter(|(option, _)| !matches!(option.as_str(), "digest" | "cipassword"))
        .map(|(option, value)| format!("-{option} {value}"))
        .collect();
    format!("update VM {vmid}: {}", changes.join(" "))
}

/// Carries out a change of a VM's configuration in a task; `changes` are the call's parameters.
pub fn configure(
    cluster: &mut Cluster,
    node: &str,
    vmid: u32,
    changes: &Config,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let list = |option: &str| -> Vec<String> {
        changes.get(option).map(|list| crate::format::list(list).map(str::to_owned).collect()).unwrap_or_default()
    };
    let mut set = changes.clone();
    set.retain(|option, _| !matches!(option.as_str(), "delete" | "revert" | "force" | "skiplock" | "digest"));
    let change = Change {
        set,
        delete: list("delete"),
        revert: list("revert"),
        digest: changes.get("digest").cloned(),
        skiplock: changes.contains_key("skiplock"),
        force: changes.get("force").is_some_and(|force| force == "1"),
    };
    change::apply(cluster, node, Kind::Qemu, vmid, &change, log).map_err(|failure| {
        let details = failure.errors().into_iter().flatten().map(|(name, problem)| format!(" {name}: {problem}"));
        failure.message() + &details.collect::<String>()
    })
}

/// A migration that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Migration {
    pub kind: Kind,
    pub vmid: u32,
    pub target: String,
    /// Whether a running guest goes on running, or is started anew there.
    pub online: bool,
    /// Whether local disks in use may be copied.
    pub local_disks: bool,
    /// Storages to move volumes to, by the one that they are on; `*` is every other.
    pub storages: BTreeMap<String, String>,
}

impl Migration {
    /// A live migration to a node with everything that is on local disks.
    pub fn live(kind: Kind, vmid: u32, target: &str) -> Self {
        Self { kind, vmid, target: target.to_owned(), online: true, local_disks: true, storages: BTreeMap::new() }
    }

    /// Locks the guest; gives the duration.
    pub fn begin(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<f64, String> {
        if cluster.faults.offline(&self.target) {
            log.push(format!("ERROR: migration aborted (duration 00:00:03): {NO_WAY}"));
            return Err("migration aborted".to_owned());
        }
        let guest = cluster.guest(node, self.kind, self.vmid)?;
        guest.ensure_unlocked()?;
        let problems = self.problems(cluster, guest);
        if !problems.is_empty() {
            log.extend(problems);
            log.push(
                "ERROR: migration aborted: Problem found while scanning volumes - can't migrate VM - check log"
                    .to_owned(),
            );
            return Err("migration aborted".to_owned());
        }
        let bytes = disk::total_size(cluster, node, self.kind, &guest.config);
        let guest = cluster.guest_mut(node, self.kind, self.vmid)?;
        guest.config.insert("lock".to_owned(), "migrate".to_owned());
        Ok(disk::copy_seconds(bytes))
    }

    /// Why volumes cannot go along.
    fn problems(&self, cluster: &Cluster, guest: &Guest) -> Vec<String> {
        let live = self.kind == Kind::Qemu && self.online && guest.run.is_some();
        let problem = |(_, value): (&str, &str)| {
            let volid = volume_of(value);
            let (storage, name) = volid.split_once(':')?;
            if cluster.storages.get(storage).is_some_and(Storage::shared) {
                return None;
            }
            let why = if is_cdrom(value) && !is_cloudinit(value) {
                "local cdrom image".to_owned()
            } else if live && !self.local_disks && !is_cloudinit(value) {
                "can't live migrate attached local disks without with-local-disks option".to_owned()
            } else if name.split('/').count() > 2 {
                "clone on local storage not supported".to_owned()
            } else {
                let to = self.storage(storage);
                cluster.usable_storage(&self.target, to).err()?
            };
            Some(format!("can't migrate local disk '{volid}': {why}"))
        };
        Guest::drives(&guest.config, self.kind).into_iter().filter_map(problem).collect()
    }

    /// The storage that volumes of a storage go to.
    fn storage<'a>(&'a self, own: &'a str) -> &'a str {
        self.storages.get(own).or_else(|| self.storages.get("*")).map_or(own, String::as_str)
    }

    /// Moves the guest with its local volumes.
    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let Self { kind, vmid, target, .. } = self;
        let guest = cluster.guest_mut(node, *kind, *vmid)?;
        guest.config.remove("lock");
        let verb = if guest.run.is_some() && self.online { "live" } else { "offline" };
        log.push(format!("starting {verb} migration of {} {vmid} to node '{target}'", kind.noun()));
        let volumes = guest.referenced();
        let mut moved = BTreeMap::new();
        for volid in &volumes {
            let Some((storage, name)) = volid.split_once(':') else { continue };
            let to = format!("{}:{name}", self.storage(storage));
            let key = cluster.volume_key(node, volid);
            let local = !cluster.storages.get(storage).is_some_and(Storage::shared);
            if let Some(mut volume) = cluster.volumes.get(&key).filter(|volume| local && volume.vmid.is_some()).cloned()
            {
                cluster.volumes.remove(&key);
                log.push(format!("copying local disk image '{volid}'"));
                target.clone_into(&mut volume.node);
                volume.volid.clone_from(&to);
                cluster.insert_volume(volume);
                moved.insert(volid.clone(), to);
            }
        }
        let guest = cluster.guest_mut(node, *kind, *vmid)?;
        target.clone_into(&mut guest.node);
        let configs = [&mut guest.config, &mut guest.pending].into_iter().chain(guest.snapshots.values_mut());
        for value in configs.flat_map(Config::values_mut) {
            if let Some(to) = moved.get(volume_of(value)) {
                *value = value.replacen(&volume_of(value).to_owned(), to, 1);
            }
        }
        log.push("migration finished successfully".to_owned());
        Ok(())
    }
}
