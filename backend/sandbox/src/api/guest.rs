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
        ("POST", "/{vmid}/migrate") => migrate,
        ("GET", "/{vmid}/migrate") => migration_conditions,
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
    let stopped = guest.map_or(true, |guest| guest.run.is_none());
    // Containers are asked at once what of a VM only the task finds out.
    let asked_first = kind == Kind::Lxc || !matches!(action, Action::Stop | Action::Shutdown);
    if action != Action::Start && stopped && asked_first {
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
    let task = format!("{}{}", kind.task(), action.task(kind));
    Ok(call.submit(cluster, &task, &vmid.to_string(), Work::Power(power)))
}

fn start(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    power(cluster, call, Action::Start)
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
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
    power(cluster, call, Action::Suspend)
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
    let managed =
        cluster.sections.get("ha/resources").is_some_and(|resources| resources.contains_key(&status::sid(guest)));
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
    if matches!(name, "current" | "pending") || name == "vzdump" && call.kind() == Kind::Lxc {
        return Err(Failure::failed(format!("unable to use snapshot name '{name}' (reserved name)")));
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
    let name = call.text("snapname");
    let guest = call.guest_mut(cluster)?;
    let config = guest.snapshots.get_mut(name).ok_or_else(|| missing(name))?;
    if let Some(description) = call.get("description") {
        config.insert("description".to_owned(), description.to_owned());
    }
    Ok(Reply::null())
}

fn feature(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let unknown =
        |_| Failure::failed(format!("unable to find configuration file for VM {vmid} on node '{}'", call.node));
    let guest = call.guest(cluster).map_err(unknown)?;
    let volumes = || {
        Guest::drives(&guest.config, guest.kind)
            .into_iter()
            .filter(|(_, value)| !is_cdrom(value))
            .map(|(_, value)| volume_of(value))
    };
    let has = match call.text("feature") {
        "snapshot" => can_snapshot(cluster, guest),
        "clone" => volumes().all(|volid| disk::can_link(cluster, guest.kind, volid)),
        _ => true,
    };
    let mut answer = json!({ "hasFeature": u8::from(has) });
    if guest.kind == Kind::Qemu {
        answer["nodes"] = json!([call.node]);
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

// --- migration ---

fn migrate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, vmid) = (call.kind(), call.vmid("vmid"));
    let target = call.text("target");
    cluster.ensure_node(target)?;
    if target == call.node {
        return Err(Failure::parameter("target", "target is local node."));
    }
    let guest = call.guest(cluster)?;
    let online = call.flag("online") || call.flag("restart");
    if guest.run.is_some() && !online {
        return Err(Failure::failed(match kind {
            Kind::Qemu => "can't migrate running VM without --online".to_owned(),
            Kind::Lxc => "container is running".to_owned(),
        }));
    }
    let work = Work::Migrate { kind, vmid, target: target.to_owned(), online };
    // The one type of task whose name does not begin with `qm`.
    let task = if kind == Kind::Qemu { "qmigrate" } else { "vzmigrate" };
    Ok(call.submit(cluster, task, &vmid.to_string(), work))
}

fn migration_conditions(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let guest = call.guest(cluster)?;
    let drives = Guest::drives(&guest.config, guest.kind);
    let disks = drives.iter().filter(|(_, value)| !is_cdrom(value)).map(|(option, value)| {
        let volid = volume_of(value);
        let mut disk = json!({
            "volid": volid, "drivename": option, "cdrom": 0, "shared": 0, "is_attached": 1, "is_unused": 0,
            "is_vmstate": 0, "is_tpmstate": u8::from(option.starts_with("tpmstate")), "replicate": 1,
            "size": cluster.volume(&call.node, volid).map_or(0, |volume| volume.size),
        });
        if guest.pending.contains_key(*option) {
            disk["referenced_in_pending"] = json!(1);
        }
        disk
    });
    let others: Vec<&String> = cluster.nodes.keys().filter(|node| **node != call.node).collect();
    Ok(json!({
        "running": u8::from(guest.run.is_some()), "allowed_nodes": others, "not_allowed_nodes": {},
        "local_disks": disks.collect::<Value>(), "local_resources": [], "mapped-resources": [], "mapped-resource-info": {},
    }).into())
}
