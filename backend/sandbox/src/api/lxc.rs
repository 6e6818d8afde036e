//! Containers: creation, configuration, disks.

use serde_json::json;

use super::qemu::{PATHS, check_lists, ensure_bridges, ensure_may_allocate, ensure_public_keys, parse_config, redo};
use crate::call::{Call, Handler, Reply};
use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::create::Create;
use crate::disk;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, volume_of};
use crate::schema::Errors;
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
/// Options that cannot be taken away.
const REQUIRED: [&str; 5] = ["rootfs", "arch", "ostype", "memory", "swap"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path.strip_prefix("/nodes/{node}/lxc")?) {
        ("POST", "") => create,
        ("PUT", "/{vmid}/config") => set_config,
        ("PUT", "/{vmid}/resize") => resize,
        ("POST", "/{vmid}/move_volume") => move_volume,
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
    ensure_may_set(call, &settings, settings.get("unprivileged").is_some_and(|value| value == "1"))?;
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
    ensure_bridges(cluster, call, &settings)?;
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

/// Refuses what only root may set.
fn ensure_may_set(call: &Call, settings: &Config, unprivileged: bool) -> Outcome<()> {
    if call.caller.is_root() {
        return Ok(());
    }
    for (option, value) in settings {
        let device = crate::schema::numbered(option).map_or(option.as_str(), |(device, _)| device);
        let refused = match device {
            "features" if !unprivileged => {
                "changing feature flags for privileged container is only allowed for root@pam"
            }
            "features" if value.split(',').any(|flag| !flag.starts_with("nesting=")) => {
                "changing feature flags (except nesting) is only allowed for root@pam"
            }
            "hookscript" => "changing the hookscript is only allowed for root@pam",
            "dev" => "configuring device passthrough is only allowed for root@pam",
            "mp" | "rootfs" if volume_of(value).starts_with("/dev/") => {
                "mount point type device is only allowed for root@pam"
            }
            "mp" | "rootfs" if volume_of(value).starts_with('/') => {
                "mount point type bind is only allowed for root@pam"
            }
            _ => continue,
        };
        return Err(Failure::denied(refused));
    }
    Ok(())
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
    check_lists(&change, "lxc")?;
    if let Some(option) = change.delete.iter().find(|option| REQUIRED.contains(&option.as_str())) {
        return Err(Failure::failed(format!("unable to delete required option '{option}'")));
    }
    call.wait_for_lock(cluster)?;
    let guest = call.guest(cluster)?;
    let unprivileged = guest.flag("unprivileged");
    ensure_privileges(cluster, call, &change, guest)?;
    ensure_may_set(call, &change.set, unprivileged)?;
    if let Some(value) = change.set.get("unprivileged")
        && (value == "1") != unprivileged
    {
        return Err(Failure::failed("unable to modify read-only option: 'unprivileged'"));
    }
    if change.delete.iter().any(|option| option == "unprivileged") {
        return Err(Failure::failed("unable to delete read-only option: 'unprivileged'"));
    }
    ensure_mounts(cluster, call, &change.set)?;
    ensure_bridges(cluster, call, &change.set)?;
    change::apply(cluster, &call.node, Kind::Lxc, call.vmid("vmid"), &change, &mut Vec::new())?;
    Ok(Reply::null())
}

fn ensure_privileges(cluster: &Cluster, call: &Call, change: &Change, guest: &Guest) -> Outcome<()> {
    let rights = call.rights(cluster);
    let path = format!("/vms/{}", guest.vmid);
    for option in change.set.keys().chain(&change.delete).chain(&change.revert) {
        let device = crate::schema::numbered(option).map_or(option.as_str(), |(device, _)| device);
        let privilege = match device {
            "cores" | "cpulimit" | "cpuunits" => "VM.Config.CPU",
            "memory" | "swap" => "VM.Config.Memory",
            "net" | "nameserver" | "searchdomain" | "hostname" => "VM.Config.Network",
            "rootfs" | "mp" | "unused" => "VM.Config.Disk",
            _ => "VM.Config.Options",
        };
        rights.require(&path, privilege)?;
    }
    Ok(())
}

fn resize(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, disk) = (call.vmid("vmid"), call.text("disk").to_owned());
    let guest = call.guest(cluster)?;
    guest.ensure_digest(call.get("digest"))?;
    guest.ensure_unlocked()?;
    let Some(value) = guest.get(&disk) else {
        // Proxmox parses the value that is not there.
        let missing = "property is missing and it is not optional".to_owned();
        let errors = ["volume", "mp"].map(|part| (part.to_owned(), missing.clone()));
        return Err(Failure::FailedParameters("format error".to_owned(), Errors::from(errors)));
    };
    let volume = cluster.require_volume(&call.node, volume_of(value))?;
    match disk::resized(volume.size, call.text("size")) {
        Some(size) if size < volume.size => return Err(Failure::failed("unable to shrink disk size")),
        Some(_) => {}
        None => return Err(Failure::failed("invalid size string")),
    }
    let work = Work::Resize { kind: Kind::Lxc, vmid, disk, size: call.text("size").to_owned() };
    Ok(call.submit(cluster, "resize", &vmid.to_string(), work))
}

fn move_volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, disk) = (call.vmid("vmid"), call.text("volume").to_owned());
    let guest = call.guest(cluster)?;
    guest.ensure_digest(call.get("digest"))?;
    guest.ensure_unlocked()?;
    if guest.get(&disk).is_none() {
        return Err(Failure::failed(format!("volume '{disk}' for container '{vmid}' does not exist")));
    }
    if guest.run.is_some() {
        return Err(Failure::failed("cannot move volumes of a running container"));
    }
    let storage = call.text("storage").to_owned();
    cluster.storage(&storage)?;
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let work = Work::MoveDisk { kind: Kind::Lxc, vmid, disk, storage, format: None, delete: call.flag("delete") };
    Ok(call.submit(cluster, "move_volume", &vmid.to_string(), work))
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
    disk::make_base(cluster, &call.node, Kind::Lxc, &mut config, None);
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
