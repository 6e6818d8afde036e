//! What VMs and containers have in common: lists, status, power, snapshots, clones, destruction.

use serde_json::{Value, json};

use super::status::{self, Detail};
use crate::call::{Call, Handler, Reply};
use crate::clone::Clone;
use crate::cluster::Cluster;
use crate::disk;
use crate::failure::{Failure, Outcome};
use crate::guest::{Config, Guest, Kind, is_cdrom, is_cloudinit, volume_of};
use crate::power::{Action, LONGEST_TIMEOUT, Power, SHUTDOWN_TIMEOUT};
use crate::snapshot::{self, Snapshot, can_snapshot};
use crate::storage::Storage;
use crate::work::Work;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    let rest = path.strip_prefix("/nodes/{node}/qemu").or_else(|| path.strip_prefix("/nodes/{node}/lxc"))?;
    Some(match (verb, rest) {
        ("GET", "") => list,
        ("DELETE", "/{vmid}") => destroy,
        ("GET", "/{vmid}/config") => config,
        ("GET", "/{vmid}/pending") => pending,
        ("GET", "/{vmid}/status/current") => current,
        ("POST", "/{vmid}/status/start") => start,
        ("POST", "/{vmid}/status/stop") => stop,
        ("POST", "/{vmid}/status/shutdown") => shutdown,
        ("POST", "/{vmid}/status/reboot") => reboot,
        ("POST", "/{vmid}/status/reset") => reset,
        ("POST", "/{vmid}/status/suspend") => suspend,
        ("POST", "/{vmid}/status/resume") => resume,
        ("GET", "/{vmid}/snapshot") => snapshots,
        ("POST", "/{vmid}/snapshot") => take_snapshot,
        ("DELETE", "/{vmid}/snapshot/{snapname}") => delete_snapshot,
        ("GET", "/{vmid}/snapshot/{snapname}") => snapshot_index,
        ("GET", "/{vmid}/snapshot/{snapname}/config") => snapshot_config,
        ("PUT", "/{vmid}/snapshot/{snapname}/config") => describe_snapshot,
        ("POST", "/{vmid}/snapshot/{snapname}/rollback") => roll_back,
        ("GET", "/{vmid}/feature") => feature,
        ("POST", "/{vmid}/clone") => clone,
        ("GET", "/{vmid}/rrddata") => curve,
        ("POST", "/{vmid}/vncproxy" | "/{vmid}/termproxy") => console,
        _ => return None,
    })
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let detail = if call.flag("full") { Detail::FullList } else { Detail::List };
    let guests = cluster.guests.values().filter(|guest| guest.node == call.node && guest.kind == call.kind());
    let seen = guests.filter(|guest| rights.has(&format!("/vms/{}", guest.vmid), "VM.Audit"));
    Ok(seen.map(|guest| status::guest(cluster, guest, detail)).collect::<Value>().into())
}

fn current(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    Ok(status::guest(cluster, guest, Detail::Current).into())
}

fn config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let config = match call.get("snapshot") {
        Some(name) => guest.snapshots.get(name).cloned().ok_or_else(|| missing(name))?,
        None if call.flag("current") => guest.config.clone(),
        None => guest.merged(),
    };
    Ok(guest.shown(&config).into())
}

fn pending(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(call.guest(cluster)?.pending_list().into())
}

fn curve(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    if !cluster.guests.contains_key(&vmid) {
        return Err(Failure::failed(format!(
            "RRD error: opening '/var/lib/rrdcached/db/pve2-vm/{vmid}': No such file or directory"
        )));
    }
    super::node::curve(cluster, call)
}

fn console(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    const LASTS: f64 = 10.0;
    let vmid = call.text("vmid").to_owned();
    let upid = call.submit(cluster, "vncproxy", &vmid, Work::Last { seconds: LASTS }).data;
    let ticket = crate::auth::ticket(cluster, &call.caller.user).replacen("PVE:", "PVEVNC:", 1);
    let mut console = json!({
        "user": call.caller.id(), "ticket": ticket, "port": "5900", "upid": upid, "cert": "",
    });
    if call.flag("generate-password") {
        console["password"] = json!(hex::encode(crate::ambient::random::<4>()));
    }
    Ok(console.into())
}

// --- power ---

fn power(cluster: &mut Cluster, call: &Call, action: Action) -> Outcome<Reply> {
    call.ensure_root_only(&["skiplock"])?;
    let (kind, vmid) = (call.kind(), call.vmid("vmid"));
    let guest = cluster.guest(&call.node, kind, vmid);
    let suspended = guest.as_ref().is_ok_and(|guest| guest.lock() == Some("suspended"));
    let paused = guest.as_ref().is_ok_and(|guest| guest.run.as_ref().is_some_and(|run| run.paused));
    let managed = guest.as_ref().is_ok_and(|guest| status::is_managed(cluster, guest));
    let stopped = guest.map_or(true, |guest| guest.run.is_none());
    if kind == Kind::Lxc && !stopped && matches!(action, Action::Start | Action::Resume) {
        return Err(Failure::failed(format!("CT {vmid} already running")));
    }
    if kind == Kind::Qemu && paused && action == Action::Reboot {
        return Err(Failure::failed("VM is paused - cannot shutdown"));
    }
    // Containers are asked at once what of a VM only the task finds out.
    let asked_first = kind == Kind::Lxc || !matches!(action, Action::Stop | Action::Shutdown);
    if action != Action::Start && stopped && asked_first && !(suspended && action == Action::Resume) {
        let noun = if action == Action::Reboot { "VM" } else { kind.noun() };
        return Err(Failure::failed(format!("{noun} {vmid} not running")));
    }
    let seconds = |name: &str| call.get(name).and_then(|text| text.parse::<f64>().ok());
    let power = Power {
        kind,
        vmid,
        action,
        timeout: seconds("timeout").unwrap_or(SHUTDOWN_TIMEOUT).min(LONGEST_TIMEOUT),
        force: call.flag("forceStop"),
        overrule: action == Action::Stop && call.flag("overrule-shutdown"),
    };
    // Of a managed guest the manager is asked.
    let task = match action {
        Action::Start if managed => "hastart".to_owned(),
        Action::Stop | Action::Shutdown if managed => {
            if power.overrule {
                return Err(Failure::parameter("overrule-shutdown", "Not applicable for HA resources."));
            }
            "hastop".to_owned()
        }
        _ => format!("{}{}", kind.task(), action.task(kind)),
    };
    if managed && task.starts_with("ha") {
        let state = if action == Action::Start { "started" } else { "stopped" };
        let sid = format!("{}:{vmid}", if kind == Kind::Qemu { "vm" } else { "ct" });
        if let Some(resource) = cluster.sections_mut("ha/resources").get_mut(&sid) {
            resource.insert("state".to_owned(), state.to_owned());
        }
    }
    Ok(call.submit(cluster, &task, &vmid.to_string(), Work::Power(power)))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    const OF_MIGRATIONS: [&str; 6] =
        ["stateuri", "skiplock", "migratedfrom", "migration_type", "migration_network", "targetstorage"];
    call.ensure_root_only(&OF_MIGRATIONS)?;
    call.ensure_root_only(&["force-cpu"])?;
    power(cluster, call, Action::Start)
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.ensure_root_only(&["skiplock", "keepActive", "migratedfrom"])?;
    power(cluster, call, Action::Stop)
}

fn shutdown(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    power(cluster, call, Action::Shutdown)
}

fn reboot(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    power(cluster, call, Action::Reboot)
}

fn reset(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    power(cluster, call, Action::Reset)
}

fn suspend(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if !call.flag("todisk") {
        return power(cluster, call, Action::Suspend);
    }
    if let Ok(guest) = call.guest(cluster)
        && guest.run.is_some()
    {
        if status::is_managed(cluster, guest) {
            return Err(Failure::failed("Cannot suspend HA managed VM to disk"));
        }
        call.rights(cluster).require(&format!("/vms/{}", guest.vmid), "VM.Config.Disk")?;
        if guest.config.keys().any(|option| option.starts_with("hostpci")) {
            return Err(Failure::failed(
                "cannot suspend VM to disk due to passed-through PCI device(s), which lack the possibility to save/restore their internal state",
            ));
        }
        let storage = call.get("statestorage").map_or_else(|| snapshot::state_storage(cluster, guest), str::to_owned);
        call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    }
    power(cluster, call, Action::Hibernate)
}

fn resume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    power(cluster, call, Action::Resume)
}

// --- destruction ---

fn destroy(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.ensure_root_only(&["skiplock"])?;
    let (kind, vmid) = (call.kind(), call.vmid("vmid"));
    let noun = kind.noun();
    let guest = call.guest(cluster)?;
    if guest.flag("protection") {
        return Err(Failure::failed(format!("can't remove {noun} {vmid} - protection mode enabled")));
    }
    let managed = status::is_managed(cluster, guest);
    if managed && !call.flag("purge") {
        return Err(Failure::failed(format!(
            "unable to remove {noun} {vmid} - used in HA resources and purge parameter not set."
        )));
    }
    if guest.run.is_some() {
        if kind == Kind::Lxc && call.flag("force") {
            crate::change::stop(cluster, &call.node, vmid);
        } else {
            return Err(Failure::failed(match kind {
                Kind::Qemu => format!("VM {vmid} is running - destroy failed"),
                Kind::Lxc => format!("unable to destroy CT {vmid} - container is running"),
            }));
        }
    }
    let work =
        Work::Destroy { kind, vmid, purge: call.flag("purge"), unreferenced: call.flag("destroy-unreferenced-disks") };
    Ok(call.submit(cluster, &format!("{}destroy", kind.task()), &vmid.to_string(), work))
}

// --- snapshots ---

fn missing(name: &str) -> Failure {
    Failure::failed(format!("snapshot '{name}' does not exist"))
}

fn snapshots(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let time = |config: &Config| config.get("snaptime").and_then(|time| time.parse::<i64>().ok());
    let mut entries: Vec<Value> = guest.snapshots.iter().map(|(name, config)| {
        let mut entry = json!({
            "name": name, "snaptime": time(config), "description": config.get("description").map_or("", String::as_str),
        });
        if guest.kind == Kind::Qemu {
            entry["vmstate"] = json!(u8::from(config.contains_key("vmstate")));
        }
        if let Some(parent) = config.get("parent") {
            entry["parent"] = json!(parent);
        }
        entry
    }).collect();
    let mut current = json!({
        "name": "current", "description": "You are here!", "digest": guest.digest(), "running": u8::from(guest.run.is_some()),
    });
    if let Some(parent) = guest.get("parent") {
        current["parent"] = json!(parent);
    }
    entries.push(current);
    Ok(Value::Array(entries).into())
}

fn snapshot_work(cluster: &mut Cluster, call: &Call, task: &str, action: snapshot::Action) -> Reply {
    let (kind, vmid) = (call.kind(), call.vmid("vmid"));
    let work = Work::Snapshot(Snapshot { kind, vmid, name: call.text("snapname").to_owned(), action });
    call.submit(cluster, &format!("{}{task}", kind.task()), &vmid.to_string(), work)
}

fn take_snapshot(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("snapname");
    let reserved = match call.kind() {
        Kind::Qemu => name == "current" || name.eq_ignore_ascii_case("pending"),
        Kind::Lxc => matches!(name, "current" | "vzdump"),
    };
    if reserved {
        let name = if name.eq_ignore_ascii_case("pending") { "pending" } else { name };
        return Err(Failure::failed(format!("unable to use snapshot name '{name}' (reserved name)")));
    }
    if call.kind() == Kind::Qemu {
        call.guest(cluster)?;
    }
    let action = snapshot::Action::Take {
        description: call.get("description").map(str::to_owned),
        vmstate: call.flag("vmstate"),
    };
    Ok(snapshot_work(cluster, call, "snapshot", action))
}

fn delete_snapshot(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let action = snapshot::Action::Delete { force: call.flag("force") };
    Ok(snapshot_work(cluster, call, "delsnapshot", action))
}

fn roll_back(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let action = snapshot::Action::Rollback { start: call.flag("start") };
    Ok(snapshot_work(cluster, call, "rollback", action))
}

fn snapshot_index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{ "cmd": "rollback" }, { "cmd": "config" }]).into())
}

fn snapshot_config(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let name = call.text("snapname");
    let config = guest.snapshots.get(name).ok_or_else(|| missing(name))?;
    let mut shown = guest.shown(config);
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("digest");
    }
    Ok(shown.into())
}

fn describe_snapshot(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let Some(description) = call.get("description") else {
        return Ok(Reply::null());
    };
    call.wait_for_lock(cluster)?;
    let name = call.text("snapname");
    let guest = call.guest_mut(cluster)?;
    guest.ensure_unlocked()?;
    let config = guest.snapshots.get_mut(name).ok_or_else(|| missing(name))?;
    config.insert("description".to_owned(), description.to_owned());
    Ok(Reply::null())
}

fn feature(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let unknown =
        |_| Failure::failed(format!("unable to find configuration file for VM {vmid} on node '{}'", call.node));
    let guest = match call.kind() {
        Kind::Qemu => call.guest(cluster).map_err(unknown)?,
        Kind::Lxc => call.guest(cluster)?,
    };
    let config = match call.get("snapname") {
        Some(name) => guest.snapshots.get(name).ok_or_else(|| missing(name))?,
        None => &guest.config,
    };
    let drives = Guest::drives(config, guest.kind).into_iter().filter(|(_, value)| !is_cdrom(value));
    let volumes: Vec<&str> = drives.map(|(_, value)| volume_of(value)).collect();
    let has = match call.text("feature") {
        "snapshot" => can_snapshot(cluster, guest),
        "clone" => volumes.iter().all(|volid| disk::can_link(cluster, guest.kind, volid)),
        _ => true,
    };
    let mut answer = json!({ "hasFeature": u8::from(has) });
    if guest.kind == Kind::Qemu {
        let shared = |volid: &&str| {
            cluster.storages.get(volid.split(':').next().unwrap_or_default()).is_some_and(Storage::shared)
        };
        let everywhere = volumes.iter().all(shared);
        let nodes = cluster.nodes.keys().filter(|node| everywhere || **node == call.node);
        answer["nodes"] = json!(nodes.collect::<Vec<_>>());
    }
    Ok(answer.into())
}

// --- clones ---

fn clone(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, vmid, newid) = (call.kind(), call.vmid("vmid"), call.vmid("newid"));
    call.ensure_pool(cluster)?;
    let target = call.get("target").unwrap_or(&call.node).to_owned();
    cluster.ensure_node(&target)?;
    let unknown = |problem| match kind {
        Kind::Qemu => format!("unable to find configuration file for VM {vmid} on node '{}'", call.node),
        Kind::Lxc => problem,
    };
    let guest = cluster.guest(&call.node, kind, vmid).map_err(unknown)?;
    if let Some(storage) = call.get("storage") {
        cluster.storage(storage)?;
    }
    guest.ensure_unlocked()?;
    let config = match call.get("snapname") {
        Some(name) => guest.snapshots.get(name).cloned().ok_or_else(|| missing(name))?,
        None => guest.config.clone(),
    };
    if cluster.guests.contains_key(&newid) {
        return Err(Failure::failed(match kind {
            Kind::Qemu => format!("unable to create VM {newid}: config file already exists"),
            Kind::Lxc => format!("CT {newid} already exists on node '{}'", call.node),
        }));
    }
    let template = guest.flag("template");
    let full = call.get("full").map_or(!template, |full| full == "1");
    for (option, value) in Guest::drives(&config, kind) {
        let volid = volume_of(value);
        let own = volid.split(':').next().unwrap_or_default();
        if is_cdrom(value) && !is_cloudinit(value) || !volid.contains(':') {
            continue;
        }
        let storage = if full { call.get("storage").unwrap_or(own) } else { own };
        call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        if !full && !is_cloudinit(value) && !disk::can_link(cluster, kind, volid) {
            return Err(Failure::failed(match kind {
                Kind::Qemu => format!("Linked clone feature is not supported for '{volid}' ({option})"),
                Kind::Lxc => format!("Linked clone feature for '{volid}' is not available"),
            }));
        }
        let local = !cluster.storages.get(own).is_some_and(Storage::shared);
        if local && target != call.node {
            return Err(Failure::failed(format!("can't clone to non-shared storage '{own}' on node '{target}'")));
        }
    }
    let mut settings = Config::new();
    let copy = || match kind {
        Kind::Qemu => format!("Copy-of-VM-{}", guest.get("name").map_or_else(|| vmid.to_string(), str::to_owned)),
        Kind::Lxc => format!("Copy-of-CT-{}", guest.name()),
    };
    let name = call.get(kind.name_option()).map_or_else(copy, str::to_owned);
    settings.insert(kind.name_option().to_owned(), name);
    if let Some(description) = call.get("description") {
        settings.insert("description".to_owned(), description.to_owned());
    }
    let bytes = disk::total_size(cluster, &call.node, kind, &config);
    let clone = Clone {
        kind,
        source: vmid,
        newid,
        config,
        settings,
        full,
        bytes,
        target,
        storage: call.get("storage").map(str::to_owned),
        format: call.get("format").map(str::to_owned),
        pool: call.get("pool").map(str::to_owned),
    };
    clone.claim(cluster);
    Ok(call.submit(cluster, &format!("{}clone", kind.task()), &vmid.to_string(), Work::Clone(Box::new(clone))))
}
