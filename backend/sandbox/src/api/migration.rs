//! Moving guests to other nodes, and asking beforehand what would be in the way.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Guest, Kind, is_cdrom, is_cloudinit, volume_of};
use crate::lifecycle::Migration;
use crate::storage::Storage;
use crate::work::Work;

/// The name under which a mapping of storages keeps the one for all others.
pub const EVERY_STORAGE: &str = "*";

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    let rest = path.strip_prefix("/nodes/{node}/qemu").or_else(|| path.strip_prefix("/nodes/{node}/lxc"))?;
    Some(match (verb, rest) {
        ("POST", "/{vmid}/migrate") => migrate,
        ("GET", "/{vmid}/migrate") => conditions,
        ("POST", "/{vmid}/remote_migrate") => migrate_away,
        ("POST", "/{vmid}/mtunnel") => tunnel,
        _ => return None,
    })
}

/// Storages to move volumes to, by the storage that they are on: `SOURCE:TARGET` or `TARGET`.
fn mapping(call: &Call, parameter: &str) -> Outcome<BTreeMap<String, String>> {
    let mut mapping = BTreeMap::new();
    let failed = |problem: String| Failure::parameter(parameter, format!("failed to parse storage map: {problem}\n"));
    let list = call.list(parameter);
    for entry in &list {
        let (source, target) = entry.split_once(':').unwrap_or((EVERY_STORAGE, entry));
        if *entry == "1" {
            if list.len() > 1 {
                return Err(failed("identity mapping cannot be combined with other mappings".to_owned()));
            }
        } else if mapping.insert(source.to_owned(), target.to_owned()).is_some() {
            return Err(failed(match source {
                EVERY_STORAGE => "default target ID can only be provided once".to_owned(),
                source => format!("duplicate mapping for source '{source}'"),
            }));
        }
    }
    Ok(mapping)
}

fn ensure_target_storages(
    cluster: &Cluster,
    call: &Call,
    parameter: &str,
    mapping: &BTreeMap<String, String>,
    target: &str,
) -> Outcome<()> {
    if call.get(parameter).is_some_and(|given| given != "1") {
        call.rights(cluster).require(&format!("/vms/{}", call.text("vmid")), "VM.Config.Disk")?;
    }
    for name in mapping.values() {
        let storage = cluster.usable_storage(target, name)?;
        call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
        let (content, what) = match call.kind() {
            Kind::Qemu => ("images", "vm images"),
            Kind::Lxc => ("rootdir", "CT rootdirs"),
        };
        if !storage.holds(content) {
            return Err(Failure::failed(format!("storage '{name}' does not support {what}")));
        }
    }
    Ok(())
}

/// Refuses storages that a VM uses and that are not on both nodes.
fn ensure_storages(cluster: &Cluster, guest: &Guest, target: &str) -> Result<(), String> {
    for (_, value) in Guest::drives(&guest.config, guest.kind) {
        let Some((storage, name)) = format::volume_id(volume_of(value)) else { continue };
        cluster.usable_storage(&guest.node, storage)?;
        let found = cluster.usable_storage(target, storage)?;
        let content = if name.starts_with("iso/") { "iso" } else { "images" };
        if !found.holds(content) {
            return Err(format!(
                "{}: content type '{content}' is not available on storage '{storage}'",
                volume_of(value)
            ));
        }
    }
    Ok(())
}

fn migrate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, vmid, target) = (call.kind(), call.vmid("vmid"), call.text("target"));
    if target == call.node {
        return Err(Failure::parameter("target", "target is local node."));
    }
    cluster.ensure_node(target)?;
    call.ensure_root_only(&["force", "migration_type", "migration_network"])?;
    let guest = call.guest(cluster)?;
    let mut online = call.flag("online");
    match (kind, guest.run.is_some()) {
        (Kind::Qemu, running) => {
            guest.ensure_unlocked()?;
            if running && !online {
                return Err(Failure::failed("can't migrate running VM without --online"));
            }
            online &= running;
        }
        (Kind::Lxc, true) if !online && !call.flag("restart") => {
            return Err(Failure::failed("can't migrate running container without --online or --restart"));
        }
        (Kind::Lxc, _) => online |= call.flag("restart"),
    }
    let parameter = if kind == Kind::Qemu { "targetstorage" } else { "target-storage" };
    let storages = mapping(call, parameter)?;
    ensure_target_storages(cluster, call, parameter, &storages, target)?;
    if kind == Kind::Qemu && storages.is_empty() {
        ensure_storages(cluster, guest, target)?;
    }
    let managed = super::status::is_managed(cluster, guest);
    let migration = Migration {
        kind,
        vmid,
        target: target.to_owned(),
        online,
        local_disks: call.flag("with-local-disks"),
        storages,
    };
    // A managed guest is moved by the manager.
    let task = match (managed, kind) {
        (true, _) => "hamigrate",
        (false, Kind::Qemu) => "qmigrate",
        (false, Kind::Lxc) => "vzmigrate",
    };
    Ok(call.submit(cluster, task, &vmid.to_string(), Work::Migrate(Box::new(migration))))
}

/// The nodes that a guest cannot go to, each with the storages that are missing there.
fn forbidden(cluster: &Cluster, guest: &Guest) -> BTreeMap<String, Value> {
    let drives = Guest::drives(&guest.config, guest.kind);
    let storages =
        drives.iter().filter_map(|(_, value)| format::volume_id(volume_of(value))).map(|(storage, _)| storage);
    let mut storages: Vec<&str> = storages.collect();
    storages.sort_unstable();
    storages.dedup();
    let missing = |node: &String| {
        let usable =
            |name: &str| cluster.storages.get(name).is_some_and(|storage| storage.enabled() && storage.on_node(node));
        let missing: Vec<&str> = storages.iter().copied().filter(|name| !usable(name)).collect();
        (!missing.is_empty()).then(|| (node.clone(), json!({ "unavailable_storages": missing })))
    };
    cluster.nodes.keys().filter(|node| **node != guest.node).filter_map(missing).collect()
}

fn conditions(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    let drives = Guest::drives(&guest.config, guest.kind);
    let local = |volid: &str| {
        let storage = volid.split(':').next().unwrap_or_default();
        volid.contains(':') && !cluster.storages.get(storage).is_some_and(Storage::shared)
    };
    let disks = drives.iter().filter(|(_, value)| local(volume_of(value))).map(|(option, value)| {
        let volid = volume_of(value);
        let mut disk = json!({
            "volid": volid, "drivename": option, "cdrom": u8::from(is_cdrom(value)), "shared": 0, "is_attached": 1,
            "is_unused": 0, "is_vmstate": 0, "is_tpmstate": u8::from(option.starts_with("tpmstate")),
            "replicate": u8::from(!value.contains("replicate=0")),
            "size": cluster.volume(&call.node, volid).map_or(0, |volume| volume.size),
        });
        if is_cloudinit(value) {
            disk["is_cloudinit"] = json!(1);
        }
        if guest.pending.contains_key(*option) {
            disk["referenced_in_pending"] = json!(1);
        }
        disk
    });
    let disks: Value = disks.collect();
    let devices = guest.config.iter().filter(|(option, value)| {
        matches!(crate::schema::numbered(option), Some(("hostpci" | "usb" | "parallel", _)))
            && !value.contains("mapping=")
            && !value.contains("spice")
    });
    let devices: Vec<&String> = devices.map(|(option, _)| option).collect();
    let not_allowed = forbidden(cluster, guest);
    let others = cluster.nodes.keys().filter(|node| **node != call.node && !not_allowed.contains_key(*node));
    Ok(json!({
        "running": u8::from(guest.run.is_some()), "allowed_nodes": others.collect::<Vec<_>>(),
        "not_allowed_nodes": not_allowed, "local_disks": disks, "local_resources": devices, "mapped-resources": [],
        "mapped-resource-info": {},
    })
    .into())
}

fn migrate_away(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    if super::status::is_managed(cluster, guest) {
        let noun = guest.kind.noun();
        return Err(Failure::parameter("vmid", format!("cannot migrate HA-managed {noun} to remote cluster")));
    }
    let remote = format::split(call.text("target-endpoint"), "host");
    let host = remote.get("host").map_or("", String::as_str);
    let port = remote.get("port").map_or("8006", String::as_str);
    Err(Failure::failed(format!("596 Connection refused ({host}:{port}: the sandbox reaches no network)")))
}

/// The other end of a migration from another cluster.
fn tunnel(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Err(Failure::failed("the sandbox takes no guests of other clusters; nothing was changed"))
}
