//! High availability as a status: who manages, what is managed, and moving it.

use serde_json::{Map, Value, json};

use crate::access::{Caller, ROOT};
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Kind};
use crate::lifecycle::Migration;
use crate::section::Section;
use crate::work::Work;

/// The options of a resource that its status repeats.
const COMMON: [&str; 4] = ["group", "max_restart", "max_relocate", "comment"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/cluster/ha/status") => index,
        ("GET", "/cluster/ha/status/current") => current,
        ("GET", "/cluster/ha/status/manager_status") => manager,
        ("POST", "/cluster/ha/resources/{sid}/migrate" | "/cluster/ha/resources/{sid}/relocate") => migrate,
        _ => return None,
    })
}

fn index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{ "name": "current" }, { "name": "manager_status" }]).into())
}

/// The guest behind a resource's id.
fn guest<'a>(cluster: &'a Cluster, sid: &str) -> Option<&'a Guest> {
    cluster.guests.get(&sid.split_once(':')?.1.parse().ok()?)
}

/// What is asked for of a resource; `enabled` is an old word for `started`.
fn wanted(resource: &Section) -> &str {
    match resource.get("state").map_or("started", String::as_str) {
        "enabled" => "started",
        state => state,
    }
}

fn time(cluster: &Cluster) -> String {
    let now = chrono::DateTime::from_timestamp(cluster.seconds(), 0).unwrap_or_default();
    now.format("%a %b %e %H:%M:%S %Y").to_string()
}

/// A resource's state: what it is, and where that differs what is being done about it.
fn state(guest: Option<&Guest>, wanted: &str) -> &'static str {
    match (guest.map(|guest| guest.run.is_some()), wanted) {
        (_, "ignored") => "ignored",
        (None, _) => "not found",
        (Some(true), "started") => "started",
        (Some(false), "started") => "starting",
        (Some(true), _) => "stopping",
        (Some(false), "disabled") => "disabled",
        (Some(false), _) => "stopped",
    }
}

fn current(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let master = cluster.nodes.keys().find(|name| !cluster.faults.offline(name)).cloned().unwrap_or_default();
    let quorate = !cluster.faults.no_quorum();
    let status = if quorate { "OK".to_owned() } else { format!("No quorum on node '{master}'!") };
    let mut entries = vec![
        json!({ "id": "quorum", "type": "quorum", "node": master, "quorate": u8::from(quorate), "status": status }),
    ];
    let resources = cluster.sections_of("ha/resources");
    let (now, time) = (cluster.seconds(), time(cluster));
    if !resources.is_empty() {
        entries.push(json!({
            "id": "master", "type": "master", "node": master, "timestamp": now, "status": format!("{master} (active, {time})"),
        }));
        entries.extend(cluster.nodes.keys().map(|node| {
            let busy = resources.keys().any(|sid| guest(cluster, sid).is_some_and(|guest| guest.node == *node));
            let mode = if busy { "active" } else { "idle" };
            json!({
                "id": format!("lrm:{node}"), "type": "lrm", "node": node, "timestamp": now,
                "status": format!("{node} ({mode}, {time})"),
            })
        }));
    }
    entries.extend(resources.iter().map(|(sid, resource)| service(cluster, sid, resource)));
    Ok(Value::Array(entries).into())
}

fn service(cluster: &Cluster, sid: &str, resource: &Section) -> Value {
    let guest = guest(cluster, sid);
    let (node, wanted) = (guest.map(|guest| guest.node.as_str()), wanted(resource));
    let state = state(guest, wanted);
    let mut entry = json!({
        "id": format!("service:{sid}"), "type": "service", "sid": sid, "node": node, "state": state, "crm_state": state,
        "request_state": wanted, "status": format!("{sid} ({}, {state})", node.unwrap_or("---")),
        "max_restart": 1, "max_relocate": 1,
    });
    let shown = crate::section::shown("/cluster/ha/resources", resource);
    for option in COMMON {
        if let Some(value) = shown.get(option) {
            entry[option] = value.clone();
        }
    }
    entry
}

fn manager(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let node = cluster.nodes.keys().next();
    let mut status = json!({ "manager_status": {}, "quorum": { "node": node, "quorate": 1 } });
    let resources = cluster.sections_of("ha/resources");
    if !resources.is_empty() {
        let services = resources.iter().map(|(sid, resource)| {
            let guest = guest(cluster, sid);
            let node = guest.map(|guest| &guest.node);
            (sid.clone(), json!({ "node": node, "state": state(guest, wanted(resource)), "uid": "" }))
        });
        let online = cluster.nodes.keys().map(|node| (node.clone(), json!("online")));
        status["manager_status"] = json!({
            "master_node": node, "timestamp": cluster.seconds(), "node_status": online.collect::<Map<_, _>>(),
            "service_status": services.collect::<Map<_, _>>(),
        });
        let lrm = cluster.nodes.keys().map(|node| {
            let status = json!({ "mode": "active", "state": "active", "timestamp": cluster.seconds(), "results": {} });
            (node.clone(), status)
        });
        status["lrm_status"] = Value::Object(lrm.collect());
    }
    Ok(status.into())
}

/// Asks the manager to move a resource; it does so as root, in a task of its own.
fn migrate(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let sid = super::section::ha_resource_id(cluster, call)?;
    let managed = cluster.sections_of("ha/resources").get(&sid).is_some_and(|resource| wanted(resource) != "ignored");
    if !managed {
        return Err(Failure::failed(format!("resource '{sid}' is not HA managed")));
    }
    let target = call.text("node").to_owned();
    if let Some(guest) =
        guest(cluster, &sid).filter(|guest| guest.node != target && cluster.nodes.contains_key(&target))
    {
        let (kind, vmid, node, online) = (guest.kind, guest.vmid, guest.node.clone(), guest.run.is_some());
        let root = Caller { user: ROOT.to_owned(), token: None };
        let migration = Migration { online, ..Migration::live(kind, vmid, &target) };
        let task = if kind == Kind::Qemu { "qmigrate" } else { "vzmigrate" };
        cluster.submit(&root, &node, task, &vmid.to_string(), Work::Migrate(Box::new(migration)));
    }
    Ok(Reply::null())
}
