//! Containers: creation, configuration, what becomes of them.

mod disk;
mod rights;

use serde_json::json;

use self::rights::Ct;
use super::qemu::{PATHS, check_lists, ensure_may_allocate, ensure_public_keys, parse_config, redo};
use crate::call::{Call, Handler, Reply};
use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::create::Create;
use crate::disk::make_base;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, volume_of};
use crate::work::Work;

/// Parameters of a creation that are no options of the guest.
const NOT_OPTIONS: [&str; 14] = [
    "node",
    "vmid",
    "ostemplate",
    "bwlimit",
    "force",
    "ignore-unpack-errors",
    "password",
    "pool",
    "restore",
    "ssh-public-keys",
    "start",
    "storage",
    "unique",
    "digest",
];
/// The root disk's size when nothing is said, in GiB.
const DEFAULT_ROOT: u32 = 4;
pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path.strip_prefix("/nodes/{node}/lxc")?) {
        ("POST", "") => create,
        ("PUT", "/{vmid}/config") => set_config,
        ("PUT", "/{vmid}/resize") => disk::resize,
        ("POST", "/{vmid}/move_volume") => disk::move_volume,
        ("POST", "/{vmid}/template") => template,
        ("GET", "/{vmid}/interfaces") => interfaces,
        _ => return None,
    })
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    call.ensure_pool(cluster)?;
    ensure_may_allocate(cluster, call, vmid)?;
    let mut settings = call.options(&NOT_OPTIONS);
    let restore = call.flag("restore");
    let ct = Ct {
        cluster,
        call,
        vmid,
        pool: call.get("pool"),
        unprivileged: settings.get("unprivileged").is_some_and(|value| value == "1"),
        config: &Config::new(),
    };
    ct.ensure_set(&settings)?;
    if let Some(keys) = call.get("ssh-public-keys") {
        ensure_public_keys(keys)?;
    }
    let template = call.text("ostemplate").to_owned();
    if format::volume_id(&template).is_none() && !call.caller.is_root() {
        return Err(Failure::failed(PATHS));
    }
    let storage = call.get("storage").unwrap_or("local");
    cluster.storage(storage)?;
    let forced = restore && call.flag("force");
    if !forced {
        cluster.ensure_unused(vmid)?;
    }
    let replaced = cluster.guests.get(&vmid).cloned();
    if replaced.as_ref().is_some_and(|guest| guest.run.is_some()) {
        return Err(Failure::failed(format!("unable to restore CT {vmid} - CT is running")));
    }
    if !settings.contains_key("rootfs") && settings.keys().any(|option| option.starts_with("mp")) {
        return Err(Failure::failed("mount points configured, but 'rootfs' not set - aborting"));
    }
    let mut restored = None;
    if restore {
        let volume = cluster.require_volume(&call.node, &template)?;
        let config = parse_config(volume.config.as_deref().unwrap_or_default());
        for (option, value) in config.iter().filter(|(option, _)| drive(Kind::Lxc, option).is_some()) {
            settings.entry(option.clone()).or_insert_with(|| redo(value, call.get("storage"), "volume"));
        }
        restored = Some(config);
    }
    settings.entry("rootfs".to_owned()).or_insert_with(|| format!("{storage}:{DEFAULT_ROOT}"));
    ensure_mounts(cluster, call, &settings)?;
    let create = Create {
        kind: Kind::Lxc,
        vmid,
        settings,
        undefined: None,
        pool: call.get("pool").map(str::to_owned),
        start: call.flag("start"),
        template: Some(template),
        restore: restored,
        replaced: replaced.map(Box::new),
    };
    create.claim(cluster, &call.node);
    let task = if restore { "vzrestore" } else { "vzcreate" };
    Ok(call.submit(cluster, task, &vmid.to_string(), Work::Create(Box::new(create))))
}

/// Refuses mount points on storages that are not there, that may not be used, or that hold no containers.
fn ensure_mounts(cluster: &Cluster, call: &Call, settings: &Config) -> Outcome<()> {
    for (_, value) in settings.iter().filter(|(option, _)| drive(Kind::Lxc, option).is_some()) {
        let Some((name, what)) = format::volume_id(volume_of(value)) else {
            continue;
        };
        let storage = cluster.storage(name)?;
        if format::is_decimal(what) {
            call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.AllocateSpace")?;
            if !storage.holds("rootdir") {
                return Err(Failure::failed(format!("storage '{name}' does not support container directories")));
            }
        }
    }
    Ok(())
}

fn set_config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let set = call.options(&["node", "vmid", "digest", "delete", "revert"]);
    let own = |name: &str| call.list(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let change = Change {
        set,
        delete: own("delete"),
        revert: own("revert"),
        digest: call.get("digest").map(str::to_owned),
        ..Change::default()
    };
    if change.is_empty() {
        return Err(Failure::failed("no options specified"));
    }
    call.wait_for_lock(cluster)?;
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    guest.ensure_digest(change.digest.as_deref())?;
    let unprivileged = guest.flag("unprivileged");
    let ct = Ct { cluster, call, vmid: guest.vmid, pool: None, unprivileged, config: &guest.config };
    ct.ensure_deleted(change.delete.iter().chain(&change.revert))?;
    check_lists(&change, "lxc")?;
    ct.ensure_set(&change.set)?;
    for option in &change.delete {
        let known = guest.get(option).is_some() || guest.pending.contains_key(option);
        match option.as_str() {
            "memory" | "rootfs" | "ostype" if known => {
                return Err(Failure::failed(format!("unable to delete required option '{option}'")));
            }
            "unprivileged" if known => {
                return Err(Failure::failed("unable to delete read-only option: 'unprivileged'"));
            }
            _ => {}
        }
    }
    ensure_storages(cluster, guest, &change.set)?;
    if change.set.contains_key("unprivileged") {
        return Err(Failure::failed("unable to modify read-only option: 'unprivileged'"));
    }
    change::apply(cluster, &call.node, Kind::Lxc, call.vmid("vmid"), &change, &mut Vec::new())?;
    Ok(Reply::null())
}

/// Refuses to change the drives of a protected container, and mount points on storages for other things.
fn ensure_storages(cluster: &Cluster, guest: &Guest, settings: &Config) -> Outcome<()> {
    for (option, value) in settings.iter().filter(|(option, _)| drive(Kind::Lxc, option).is_some()) {
        if guest.flag("protection") {
            let what = format!("can't update CT {} drive '{option}'", guest.vmid);
            return Err(Failure::failed(format!("{what} - protection mode enabled")));
        }
        if let Some((name, _)) = format::volume_id(volume_of(value))
            && !cluster.storage(name)?.holds("rootdir")
        {
            return Err(Failure::failed(format!("storage '{name}' does not allow content type 'rootdir' (Container)")));
        }
    }
    Ok(())
}

fn template(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.wait_for_lock(cluster)?;
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    if !guest.snapshots.is_empty() {
        return Err(Failure::failed("unable to create template, because CT contains snapshots"));
    }
    if guest.flag("template") {
        return Err(Failure::failed("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Failure::failed("you can't convert a CT to template if the CT is running"));
    }
    let mut config = guest.config.clone();
    make_base(cluster, &call.node, Kind::Lxc, &mut config, None);
    config.insert("template".to_owned(), "1".to_owned());
    call.guest_mut(cluster)?.config = config;
    // At once, where a VM's takes a task.
    Ok(Reply::null())
}

fn interfaces(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    if guest.run.is_none() {
        return Ok(Reply::null());
    }
    let mut list =
        vec![json!({ "name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128" })];
    for (option, value) in &guest.config {
        if option.starts_with("net") {
            let parts = format::split(value, "name");
            let mut interface =
                json!({ "name": parts.get("name"), "hwaddr": parts.get("hwaddr").map(|mac| mac.to_lowercase()) });
            if let Some(address) = parts.get("ip").filter(|ip| ip.contains('/')) {
                interface["inet"] = json!(address);
            }
            list.push(interface);
        }
    }
    Ok(json!(list).into())
}
