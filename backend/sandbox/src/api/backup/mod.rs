//! Backups: at once, by job, and what is in them.

mod job;
mod settings;

use serde_json::json;

use self::settings::Settings;
use super::storage::content::may_use;
use crate::backup::Backup;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::work::Work;

/// Said instead of a task where nothing on this node is to be backed up.
const NOTHING: &str = "OK";

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("POST", "/nodes/{node}/vzdump") => back_up,
        ("GET", "/nodes/{node}/vzdump/defaults") => defaults,
        ("GET", "/nodes/{node}/vzdump/extractconfig") => extract,
        _ => return job::handler(verb, path),
    })
}

fn back_up(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if call.flag("stdout") {
        return Err(Failure::parameter("stdout", "option is only allowed on the command line interface."));
    }
    let mut settings = Settings(call.options(&["node"]));
    let rights = call.rights(cluster);
    settings.ensure_common(cluster, call)?;
    let storage = settings.storage().map(str::to_owned);
    if let Some(name) = storage.as_ref().filter(|_| !call.caller.is_root() && settings.prunes()) {
        rights.require(&format!("/storage/{name}"), "Datastore.Allocate")?;
    }
    settings.verify(true).map_err(|(name, problem)| Failure::parameter(name, problem))?;
    let is_local = |vmid: &u32| cluster.guests.get(vmid).is_none_or(|guest| guest.node == call.node);
    let mut chosen: Vec<u32> = settings.guests(cluster)?.into_iter().filter(is_local).collect();
    if chosen.is_empty() && (settings.is_set("stop") || !settings.is_set("all")) {
        return Ok(json!(NOTHING).into());
    }
    let storage = storage.unwrap_or_else(|| "local".to_owned());
    rights.require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let id = match chosen.as_slice() {
        [vmid] => vmid.to_string(),
        _ => String::new(),
    };
    // Whether the guests may be backed up is found out by the worker; of all, it takes those that may.
    let mut denied = None;
    let is_gone = |vmid: &u32| !cluster.guests.contains_key(vmid);
    chosen.retain(|vmid| match rights.require(&format!("/vms/{vmid}"), "VM.Backup") {
        Ok(()) => true,
        Err(_) if is_gone(vmid) => true,
        Err(failure) => {
            denied.get_or_insert(format!("403 {}", failure.message()));
            false
        }
    });
    let work = match denied.filter(|_| !settings.is_set("all")) {
        Some(problem) => Work::Fail { problem },
        None => Work::Backup(Box::new(Backup {
            vmids: chosen,
            storage,
            mode: call.get("mode").unwrap_or("snapshot").to_owned(),
            compress: call.get("compress").unwrap_or("0").to_owned(),
            notes: call.get("notes-template").map(str::to_owned),
            protected: call.flag("protected"),
        })),
    };
    Ok(call.submit(cluster, "vzdump", &id, work))
}

fn defaults(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let storage = call.get("storage").unwrap_or("local");
    let rights = call.rights(cluster);
    rights.require_any(&format!("/storage/{storage}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    let own = cluster.storage(storage)?;
    let keep = own.properties.get("prune-backups").map_or("keep-all=1", String::as_str);
    let mut answer = json!({
        "all": 0, "mode": "snapshot", "compress": "0", "remove": 1, "stdexcludes": 1, "bwlimit": 0, "ionice": 7, "lockwait": 180,
        "stopwait": 10, "pigz": 0, "zstd": 1, "quiet": 0, "stop": 0, "prune-backups": keep,
        "mailnotification": "always", "notification-mode": "auto", "notification-policy": "always", "storage": storage,
        "performance": { "max-workers": 16, "pbs-entries-max": 1_048_576 }, "fleecing": { "enabled": 0 },
    });
    if let Some(path) = own.properties.get("path") {
        answer["dumpdir"] = json!(format!("{path}/dump"));
    }
    // Who only makes backups need not know these.
    if !rights.has(&format!("/nodes/{}", call.node), "Sys.Audit")
        && let Some(answer) = answer.as_object_mut()
    {
        answer.remove("dumpdir");
        answer.remove("ionice");
    }
    Ok(answer.into())
}

fn extract(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = call.text("volume");
    let volume = cluster.require_volume(&call.node, volid)?;
    may_use(cluster, call, volume, None)?;
    if format::volume_id(volid).is_some()
        && let Some(owner) = volume.vmid
    {
        call.rights(cluster).require(&format!("/vms/{owner}"), "VM.Backup")?;
    }
    let config = volume.config.clone().ok_or_else(|| format!("unable to parse backup volume '{volid}'"))?;
    Ok(json!(config).into())
}
