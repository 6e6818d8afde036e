//! Storages: what they are, and how they are on a node.

mod appliance;
pub mod content;
mod prune;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::digest::digest;
use crate::failure::{Failure, Outcome};
use crate::section;
use crate::storage::Storage;

/// Sizes of storages that are added while the sandbox runs, in bytes.
const ADDED: u64 = 252 << 30;
/// What may be put on a storage when nothing is said.
const DEFAULT_CONTENT: &str = "images,rootdir";
const AUDIT: [&str; 2] = ["Datastore.Audit", "Datastore.AllocateSpace"];
/// Where the rules of storages' options are.
const KIND: &str = "storage";
/// Parameters that are no options of a storage, secrets among them, which are kept nowhere.
const NOT_OPTIONS: [&str; 8] =
    ["storage", "type", "delete", "digest", "password", "encryption-key", "keyring", "master-pubkey"];
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
        ("GET", "/nodes/{node}/storage/{storage}/content") => content::list,
        ("POST", "/nodes/{node}/storage/{storage}/content") => content::allocate,
        ("GET", "/nodes/{node}/storage/{storage}/content/{volume}") => content::volume,
        ("PUT", "/nodes/{node}/storage/{storage}/content/{volume}") => content::annotate,
        ("DELETE", "/nodes/{node}/storage/{storage}/content/{volume}") => content::remove_volume,
        ("GET", "/nodes/{node}/storage/{storage}/prunebackups") => prune::list,
        ("DELETE", "/nodes/{node}/storage/{storage}/prunebackups") => prune::prune,
        ("POST", "/nodes/{node}/storage/{storage}/download-url") => content::download,
        ("POST", "/nodes/{node}/storage/{storage}/upload") => content::upload,
        ("GET", "/nodes/{node}/query-url-metadata") => content::query_url,
        ("GET", "/nodes/{node}/aplinfo") => appliance::list,
        ("POST", "/nodes/{node}/aplinfo") => appliance::download,
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
    let mut properties = call.options(&NOT_OPTIONS);
    properties.retain(|option, value| option != "nodes" || !value.is_empty());
    if matches!(kind, "nfs" | "cifs" | "cephfs" | "glusterfs") {
        properties.entry("path".to_owned()).or_insert_with(|| format!("/mnt/pve/{name}"));
    }
    section::check(KIND, kind, &properties, true)?;
    let path = properties.get("path").map_or("/x", String::as_str);
    if !path.starts_with('/') || !path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.@".contains(c)) {
        return Err(Failure::failed(format!("illegal path for directory storage: {path}")));
    }
    properties.insert("type".to_owned(), kind.to_owned());
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

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    let failed = |problem: String| Failure::failed(format!("update storage failed: {problem}"));
    let current = definitions_digest(cluster);
    if call.get("digest").is_some_and(|digest| digest != current) {
        return Err(failed(MODIFIED.to_owned()));
    }
    let storage = cluster.storages.get_mut(name).ok_or_else(|| failed(format!("storage '{name}' does not exist")))?;
    let kind = storage.get("type").to_owned();
    let set = call.options(&NOT_OPTIONS);
    section::check(KIND, &kind, &set, false).map_err(failed)?;
    section::delete(KIND, &kind, &mut storage.properties, &set, &call.list("delete")).map_err(failed)?;
    storage.properties.extend(set);
    Ok(json!({ "storage": name, "type": kind }).into())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    let is_base = |storage: &Storage| storage.get("base").split(':').next() == Some(name);
    if cluster.storages.contains_key(name) && cluster.storages.values().any(is_base) {
        return Err(Failure::failed(
            "delete storage failed: can't remove storage - storage is used as base of another storage",
        ));
    }
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
    if let Some(name) = call.get("storage")
        && !cluster.storages.get(name).is_some_and(|storage| storage.on_node(&call.node))
    {
        return Err(Failure::parameter("storage", "No such storage."));
    }
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
    let storage = cluster.storages.get(name).filter(|storage| storage.on_node(&call.node));
    let storage = storage.ok_or_else(|| Failure::parameter("storage", "No such storage."))?;
    Ok(on_node(cluster, &call.node, name, storage).into())
}
