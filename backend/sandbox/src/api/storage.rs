//! Storages and their content.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::digest;
use crate::format;
use crate::storage::{Storage, Volume};
use crate::work::Work;

/// Sizes of storages that are added while the sandbox runs, in bytes.
const ADDED: u64 = 252 << 30;
/// What may be put on a storage when nothing is said.
const DEFAULT_CONTENT: &str = "images,rootdir";
const AUDIT: [&str; 2] = ["Datastore.Audit", "Datastore.AllocateSpace"];
const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/storage") => definitions,
        ("POST", "/storage") => add,
        ("GET", "/storage/{storage}") => definition,
        ("PUT", "/storage/{storage}") => change,
        ("DELETE", "/storage/{storage}") => remove,
        ("GET", "/nodes/{node}/storage") => list,
        ("GET", "/nodes/{node}/storage/{storage}/status") => status,
        ("GET", "/nodes/{node}/storage/{storage}/content") => content,
        ("POST", "/nodes/{node}/storage/{storage}/content") => allocate,
        ("GET", "/nodes/{node}/storage/{storage}/content/{volume}") => volume,
        ("PUT", "/nodes/{node}/storage/{storage}/content/{volume}") => annotate,
        ("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}") => remove_volume,
        ("GET", "/nodes/{node}/storage/{storage}/prunebackups") => prunable,
        ("POST", "/nodes/{node}/storage/{storage}/download-url") => download,
        ("GET", "/nodes/{node}/query-url-metadata") => query_url,
        _ => return None,
    })
}

// --- definitions ---

fn shown(cluster: &Cluster, name: &str, storage: &Storage) -> Value {
    let mut shown = json!({ "storage": name, "digest": definitions_digest(cluster) });
    for (key, value) in &storage.properties {
        shown[key] = match key.as_str() {
            "disable" | "shared" => json!(u8::from(value == "1")),
            _ => json!(value),
        };
    }
    shown
}

fn definitions_digest(cluster: &Cluster) -> String {
    let all: BTreeMap<&String, &BTreeMap<String, String>> =
        cluster.storages.iter().map(|(name, storage)| (name, &storage.properties)).collect();
    digest(&all)
}

fn definitions(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let seen = cluster.storages.iter().filter(|(name, storage)| {
        rights.has_any(&format!("/storage/{name}"), &AUDIT)
            && call.get("type").is_none_or(|kind| storage.get("type") == kind)
    });
    Ok(seen.map(|(name, storage)| shown(cluster, name, storage)).collect::<Value>().into())
}

fn definition(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    Ok(shown(cluster, name, cluster.storage(name)?).into())
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, kind) = (call.text("storage"), call.text("type"));
    let mut properties = call.options(&["storage", "delete", "digest"]);
    ensure_properties(kind, &properties)?;
    let failed = |problem: String| Failure::failed(format!("create storage failed: {problem}"));
    if cluster.storages.contains_key(name) {
        return Err(failed(format!("storage ID '{name}' already defined")));
    }
    let mut total = ADDED;
    match kind {
        "nfs" | "cifs" | "glusterfs" | "cephfs" | "pbs" => {
            return Err(failed(format!("storage '{name}' is not online")));
        }
        "zfspool" => {
            let pool = call.text("pool");
            return Err(failed(format!(
                "could not activate storage '{name}', zfs error: cannot import '{pool}': no such pool available"
            )));
        }
        // A volume group that no disk carries.
        "lvm" | "lvmthin" => total = 0,
        "dir" if call.flag("is_mountpoint") => {
            let path = call.text("path");
            return Err(failed(format!(
                "unable to activate storage '{name}' - directory is expected to be a mount point but is not mounted: '{path}'"
            )));
        }
        _ => {}
    }
    properties.entry("content".to_owned()).or_insert_with(|| DEFAULT_CONTENT.to_owned());
    let base = total / 10;
    cluster.storages.insert(name.to_owned(), Storage { properties, total, base });
    Ok(json!({ "storage": name, "type": kind }).into())
}

/// Refuses properties that a type of storage lacks or does not know.
fn ensure_properties(kind: &str, properties: &BTreeMap<String, String>) -> Outcome<()> {
    let required: &[&str] = match kind {
        "dir" | "btrfs" => &["path"],
        "nfs" => &["server", "export"],
        "cifs" => &["server", "share"],
        "lvm" => &["vgname"],
        "lvmthin" => &["vgname", "thinpool"],
        "zfspool" => &["pool"],
        _ => &[],
    };
    if let Some(missing) = required.iter().find(|key| !properties.contains_key(**key)) {
        return Err(Failure::failed(format!("missing value for required option '{missing}'")));
    }
    if kind == "dir"
        && let Some(key) = ["server", "export", "share", "vgname", "thinpool", "pool"]
            .iter()
            .find(|key| properties.contains_key(**key))
    {
        return Err(Failure::failed(format!("unexpected property '{key}'")));
    }
    Ok(())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    let failed = |problem: String| Failure::failed(format!("update storage failed: {problem}"));
    let current = definitions_digest(cluster);
    let storage = cluster.storages.get_mut(name).ok_or_else(|| failed(format!("storage '{name}' does not exist")))?;
    if call.get("digest").is_some_and(|digest| digest != current) {
        return Err(failed(MODIFIED.to_owned()));
    }
    for key in call.list("delete") {
        storage.properties.remove(key);
    }
    storage.properties.extend(call.options(&["storage", "delete", "digest"]));
    let kind = storage.get("type").to_owned();
    Ok(json!({ "storage": name, "type": kind }).into())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    if cluster.storages.remove(name).is_none() {
        return Err(Failure::failed(format!("delete storage failed: storage '{name}' does not exist")));
    }
    let path = format!("/storage/{name}");
    cluster.access.acl.retain(|grant| grant.path != path);
    for pool in cluster.pools.values_mut() {
        pool.storages.remove(name);
    }
    Ok(Reply::null())
}

// --- on a node ---

fn on_node(cluster: &Cluster, node: &str, name: &str, storage: &Storage) -> Value {
    let (total, used, avail) = cluster.usage(node, name);
    json!({
        "type": storage.get("type"), "content": storage.get("content"), "shared": u8::from(storage.shared()),
        "enabled": u8::from(storage.enabled()), "active": u8::from(total > 0), "total": total, "used": used, "avail": avail,
    })
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let wanted = |name: &String, storage: &Storage| {
        storage.on_node(&call.node)
            && rights.has_any(&format!("/storage/{name}"), &AUDIT)
            && call.get("storage").is_none_or(|wanted| wanted == name)
            && (!call.flag("enabled") || storage.enabled())
            && (call.get("content").is_none() || call.list("content").into_iter().any(|content| storage.holds(content)))
    };
    let entries = cluster.storages.iter().filter(|(name, storage)| wanted(name, storage)).map(|(name, storage)| {
        let mut entry = on_node(cluster, &call.node, name, storage);
        entry["storage"] = json!(name);
        let (total, used, _) = cluster.usage(&call.node, name);
        if total > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a fraction")]
            let fraction = used as f64 / total as f64;
            entry["used_fraction"] = json!(fraction);
        }
        if call.flag("format") {
            entry["format"] = if storage.has_files() {
                json!([{ "raw": 1, "qcow2": 1, "vmdk": 1, "subvol": 1 }, "raw"])
            } else {
                json!([{ "raw": 1 }, "raw"])
            };
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    let storage = cluster.storages.get(name).ok_or_else(|| Failure::parameter("storage", "No such storage."))?;
    Ok(on_node(cluster, &call.node, name, storage).into())
}

fn listed(volume: &Volume) -> Value {
    let mut entry = json!({
        "volid": volume.volid, "content": volume.content, "format": volume.format, "size": volume.size, "ctime": volume.ctime,
    });
    if matches!(volume.content.as_str(), "images" | "rootdir") {
        entry["used"] = json!(volume.used);
        entry["parent"] = json!(volume.parent);
    }
    if let Some(vmid) = volume.vmid {
        entry["vmid"] = json!(vmid);
    }
    if volume.content == "backup" {
        entry["subtype"] = json!(if volume.volid.contains("vzdump-lxc") { "lxc" } else { "qemu" });
    }
    if let Some(notes) = &volume.notes {
        entry["notes"] = json!(notes);
    }
    if volume.protected {
        entry["protected"] = json!(1);
    }
    entry
}

fn content(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    cluster.usable_storage(&call.node, name)?;
    let rights = call.rights(cluster);
    let all = rights.has(&format!("/storage/{name}"), "Datastore.Allocate");
    let seen = cluster.volumes_of(&call.node, name).filter(|volume| {
        let owner = volume.vmid.is_none_or(|vmid| {
            all || volume.content != "backup" && rights.has_any(&format!("/storage/{name}"), &AUDIT)
                || rights.has_any(&format!("/vms/{vmid}"), &["VM.Backup", "VM.Audit"])
        });
        owner
            && call.get("content").is_none_or(|content| volume.content == content)
            && call.get("vmid").is_none_or(|_| volume.vmid.is_none() || volume.vmid == Some(call.vmid("vmid")))
    });
    // Of a guest, what belongs to no guest is left out where guests' volumes were asked for.
    let of_guest = call.get("vmid").is_some();
    let entries = seen.filter(|volume| !of_guest || !matches!(volume.content.as_str(), "iso" | "vztmpl"));
    Ok(entries.map(listed).collect::<Value>().into())
}

fn allocate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, vmid, filename) = (call.text("storage"), call.vmid("vmid"), call.text("filename"));
    call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
    let storage = cluster.usable_storage(&call.node, name)?;
    if filename.contains('/') || filename.contains("..") {
        return Err(Failure::failed(format!("unable to parse volume filename '{filename}'")));
    }
    let format =
        call.get("format").unwrap_or_else(|| filename.rsplit_once('.').map_or("raw", |(_, extension)| extension));
    let volume_name = if storage.has_files() { format!("{vmid}/{filename}") } else { filename.to_owned() };
    let volid = format!("{name}:{volume_name}");
    if cluster.volume(&call.node, &volid).is_some() {
        return Err(Failure::failed(format!("disk image '{}' already exists", storage.path(&volume_name))));
    }
    // Without a unit the size is in kibibytes.
    let text = call.text("size");
    let size = match text.parse::<u64>() {
        Ok(kib) => kib.saturating_mul(1024),
        Err(_) => format::size(text).unwrap_or_default(),
    };
    let used = if format == "qcow2" { 331_776 } else { 4_096 };
    let ctime = cluster.seconds();
    cluster.insert_volume(Volume {
        volid: volid.clone(),
        node: call.node.clone(),
        content: "images".to_owned(),
        format: format.to_owned(),
        size,
        used,
        vmid: Some(vmid),
        ctime,
        ..Volume::default()
    });
    Ok(json!(volid).into())
}

/// The volume that the path names, with or without its storage.
fn volid(call: &Call) -> String {
    let volume = call.text("volume");
    if volume.contains(':') { volume.to_owned() } else { format!("{}:{volume}", call.text("storage")) }
}

fn volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let (name, rest) = volid.split_once(':').unwrap_or_default();
    call.rights(cluster).require_any(&format!("/storage/{name}"), &AUDIT)?;
    let storage = cluster.storage(name)?;
    let Some(volume) = cluster.volume(&call.node, &volid) else {
        return Err(Failure::failed(format!("volume_size_info on '{volid}' failed - no format")));
    };
    let image = matches!(volume.content.as_str(), "images" | "rootdir" | "import");
    let mut shown = json!({
        "path": storage.path(rest), "format": if image { volume.format.as_str() } else { "raw" },
        "size": volume.size, "used": volume.used,
    });
    if volume.content == "backup" {
        shown["protected"] = json!(u8::from(volume.protected));
        shown["notes"] = json!(volume.notes);
    }
    Ok(shown.into())
}

fn annotate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let name = call.text("storage");
    call.rights(cluster)
        .require_any(&format!("/storage/{name}"), &["Datastore.Allocate", "Datastore.AllocateSpace"])?;
    let key = cluster.volume_key(&call.node, &volid);
    let annotated = cluster.volumes.update(&key, |volume| {
        if let Some(notes) = call.get("notes") {
            volume.notes = Some(notes.to_owned());
        }
        if call.get("protected").is_some() {
            volume.protected = call.flag("protected");
        }
    });
    annotated.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
    Ok(Reply::null())
}

fn remove_volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = volid(call);
    let name = call.text("storage");
    cluster.storage(name)?;
    let owner = owner(&volid);
    let rights = call.rights(cluster);
    let backup = volid.contains(":backup/");
    if !(backup
        && owner.is_some_and(|vmid| rights.has(&format!("/vms/{vmid}"), "VM.Backup"))
        && rights.has(&format!("/storage/{name}"), "Datastore.AllocateSpace"))
    {
        rights.require(&format!("/storage/{name}"), "Datastore.Allocate")?;
    }
    let id = owner.map_or_else(|| name.to_owned(), |vmid| format!("{vmid}@{name}"));
    Ok(call.submit(cluster, "imgdel", &id, Work::RemoveVolume { volid }))
}

/// The guest that a volume belongs to, by its name.
fn owner(volid: &str) -> Option<u32> {
    let file = volid.rsplit(['/', ':']).next()?;
    let rest = ["vm-", "base-", "subvol-", "vzdump-qemu-", "vzdump-lxc-"]
        .iter()
        .find_map(|prefix| file.strip_prefix(prefix))?;
    rest.split('-').next()?.parse().ok()
}

fn prunable(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    cluster.storage(name)?;
    let keep = format::split(call.text("prune-backups"), "keep-last");
    let last = keep.get("keep-last").and_then(|n| n.parse::<usize>().ok()).filter(|n| *n > 0);
    let mut backups: Vec<&Volume> =
        cluster.volumes_of(&call.node, name).filter(|volume| volume.content == "backup").collect();
    backups.sort_by_key(|volume| std::cmp::Reverse(volume.ctime));
    let mut kept: BTreeMap<Option<u32>, usize> = BTreeMap::new();
    let entries = backups.into_iter().map(|volume| {
        let count = kept.entry(volume.vmid).or_default();
        *count += 1;
        let mark = match last {
            _ if volume.protected => "protected",
            Some(last) if *count > last => "remove",
            _ => "keep",
        };
        json!({
            "volid": volume.volid, "ctime": volume.ctime, "vmid": volume.vmid, "mark": mark,
            "type": if volume.volid.contains("vzdump-lxc") { "lxc" } else { "qemu" },
        })
    });
    Ok(entries.collect::<Value>().into())
}

fn download(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, filename, content) = (call.text("storage"), call.text("filename"), call.text("content"));
    cluster.usable_storage(&call.node, name)?;
    let directory = content;
    let work = Work::Download {
        volid: format!("{name}:{directory}/{filename}"),
        content: content.to_owned(),
        url: call.text("url").to_owned(),
    };
    Ok(call.submit(cluster, "download", filename, work))
}

fn query_url(_: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let host = call.text("url").split('/').nth(2).unwrap_or_default();
    Err(Failure::failed(format!("invalid server response: '500 Can't connect to {host} (Connection refused)'")))
}
