//! Destroying, migrating and asynchronously changing guests.

use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::disk;
use crate::guest::{Config, Kind};

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

/// Locks a guest for its migration; gives the duration.
pub fn begin_migrate(cluster: &mut Cluster, node: &str, kind: Kind, vmid: u32) -> Result<f64, String> {
    let guest = cluster.guest(node, kind, vmid)?;
    guest.ensure_unlocked()?;
    let bytes = disk::total_size(cluster, node, kind, &guest.config);
    let guest = cluster.guest_mut(node, kind, vmid)?;
    guest.config.insert("lock".to_owned(), "migrate".to_owned());
    Ok(disk::copy_seconds(bytes))
}

/// Moves a guest with its local volumes to another node.
pub fn migrate(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    target: &str,
    online: bool,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let guest = cluster.guest_mut(node, kind, vmid)?;
    guest.config.remove("lock");
    let running = guest.run.is_some();
    let verb = if running && online { "live" } else { "offline" };
    log.push(format!("starting {verb} migration of {} {vmid} to node '{target}'", kind.noun()));
    let volumes = guest.referenced();
    for volid in &volumes {
        let (storage, _) = volid.split_once(':').unwrap_or_default();
        cluster.usable_storage(target, storage)?;
    }
    for volid in &volumes {
        let key = cluster.volume_key(node, volid);
        if let Some(mut volume) = cluster.volumes.remove(&key) {
            log.push(format!("copying local disk image '{volid}'"));
            target.clone_into(&mut volume.node);
            cluster.insert_volume(volume);
        }
    }
    target.clone_into(&mut cluster.guest_mut(node, kind, vmid)?.node);
    log.push("migration finished successfully".to_owned());
    Ok(())
}
