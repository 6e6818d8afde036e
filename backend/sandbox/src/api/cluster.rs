//! The cluster as a whole: status, resources, the next free VMID, options, the log.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Brief, Guest, uptime};

/// The range that the next VMID is looked for in, when the options say nothing.
const FIRST_VMID: u32 = 100;
const LAST_VMID: u32 = 1_000_000;
pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/version" | "/nodes/{node}/version") => version,
        ("GET", "/cluster/status") => status,
        ("GET", "/cluster/resources") => resources,
        ("GET", "/cluster/nextid") => nextid,
        ("GET", "/cluster/log") => log,
        ("GET", "/cluster/metrics/export") => metrics,
        ("GET", "/cluster/config/nodes" | "/cluster/notifications/targets") => nothing,
        ("GET", "/cluster/ceph/status" | "/nodes/{node}/ceph/status") => no_ceph,
        _ => return None,
    })
}

fn version(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!({ "release": "8.4", "version": "8.4.1", "repoid": "2a5fa54a8503f96d" }).into())
}

fn nothing(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([]).into())
}

fn metrics(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!({ "data": [] }).into())
}

fn no_ceph(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Err(Failure::failed("binary not installed: /usr/bin/ceph-mon"))
}

fn status(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let single = cluster.name.is_none();
    let here = cluster.nodes.keys().find(|name| !cluster.faults.offline(name));
    let node = |(name, node): (&String, &crate::cluster::Node)| {
        json!({
            "type": "node", "id": format!("node/{name}"), "name": name, "ip": node.address, "level": "",
            "online": u8::from(!cluster.faults.offline(name)), "nodeid": if single { 0 } else { node.number },
            "local": u8::from(Some(name) == here),
        })
    };
    let mut entries: Vec<Value> = cluster.nodes.iter().map(node).collect();
    if let Some(name) = &cluster.name {
        entries.insert(
            0,
            json!({
                "type": "cluster", "id": "cluster", "name": name, "version": 2,
                "quorate": u8::from(!cluster.faults.no_quorum()), "nodes": cluster.nodes.len(),
            }),
        );
    }
    Ok(Value::Array(entries).into())
}

fn resources(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if cluster.time_scale == 0.0 {
        cluster.broadcast();
    }
    let cluster = &*cluster;
    let rights = call.rights(cluster);
    let wanted = |kind: &str| call.get("type").is_none_or(|asked| asked == kind);
    let mut entries = Vec::new();
    if call.get("type").is_none() {
        let pools = cluster.pools.keys().filter(|pool| rights.has(&format!("/pool/{pool}"), "Pool.Audit"));
        entries.extend(pools.map(|pool| json!({ "type": "pool", "id": format!("/pool/{pool}"), "pool": pool })));
    }
    if wanted("vm") {
        let guests = cluster.guests.values().filter(|guest| rights.has(&format!("/vms/{}", guest.vmid), "VM.Audit"));
        entries.extend(guests.map(|guest| {
            let mut entry = guest_resource(guest, cluster);
            if let Some(pool) = cluster.pool_of(guest.vmid) {
                entry["pool"] = json!(pool);
            }
            entry
        }));
    }
    if wanted("node") {
        let guests = super::node::memory_of_guests(cluster);
        entries.extend(cluster.nodes.keys().map(|name| {
            let audits = rights.has(&format!("/nodes/{name}"), "Sys.Audit");
            let mut entry = super::node::summary(cluster, name, audits, &guests);
            entry["cgroup-mode"] = json!(2);
            entry
        }));
    }
    if wanted("storage") {
        for node in cluster.nodes.keys() {
            let storages = cluster.storages.iter().filter(|(_, storage)| storage.on_node(node) && storage.enabled());
            entries.extend(storages.filter(|(name, _)| {
                rights.has_any(&format!("/storage/{name}"), &["Datastore.Audit", "Datastore.AllocateSpace"])
            }).map(|(name, storage)| {
                let mut entry = json!({
                    "type": "storage", "id": format!("storage/{node}/{name}"), "node": node, "storage": name,
                    "status": "unknown", "shared": u8::from(storage.shared()), "content": storage.get("content"),
                    "plugintype": storage.get("type"),
                });
                if !cluster.faults.offline(node) {
                    let (total, used, _) = cluster.usage(node, name);
                    entry["status"] = json!(if total > 0 { "available" } else { "unknown" });
                    entry["maxdisk"] = json!(total);
                    entry["disk"] = json!(used);
                }
                entry
            }));
        }
    }
    if wanted("sdn") && rights.has("/sdn/zones/localnetwork", "SDN.Audit") {
        entries.extend(cluster.nodes.keys().map(|node| {
            json!({ "type": "sdn", "id": format!("sdn/{node}/localnetwork"), "node": node, "sdn": "localnetwork", "status": "ok" })
        }));
    }
    Ok(Value::Array(entries).into())
}

/// A guest as `/cluster/resources` has it: some of it live, the rest as last broadcast.
pub fn guest_resource(guest: &Guest, cluster: &Cluster) -> Value {
    let kind = guest.kind.api();
    let mut entry = json!({
        "type": kind, "id": format!("{kind}/{}", guest.vmid), "vmid": guest.vmid, "node": guest.node, "status": "unknown",
    });
    if let Some(tags) = guest.get("tags") {
        entry["tags"] = json!(tags);
    }
    if let Some(lock) = guest.lock() {
        entry["lock"] = json!(lock);
    }
    let sid = super::status::sid(guest);
    if let Some(resource) = cluster.sections.get("ha/resources").and_then(|resources| resources.get(&sid)) {
        entry["hastate"] = json!(resource.get("state"));
    }
    let Some(brief) = cluster.broadcast.get(&guest.vmid).filter(|_| !cluster.faults.offline(&guest.node)) else {
        return entry;
    };
    let Brief { name, since, maxcpu, maxmem, mem, maxdisk, template } = brief;
    let running = since.is_some();
    let limit = cluster.nodes.get(&guest.node).map_or(1.0, |node| f64::from(node.cores));
    entry["name"] = json!(name);
    entry["status"] = json!(if running { "running" } else { "stopped" });
    entry["uptime"] = json!(uptime(*since, cluster.broadcast_at));
    #[expect(clippy::cast_possible_truncation, reason = "CPU counts are small")]
    let cpus = maxcpu.min(limit) as i64;
    entry["maxcpu"] = json!(cpus);
    entry["maxmem"] = json!(maxmem);
    entry["mem"] = json!(mem);
    entry["maxdisk"] = json!(maxdisk);
    entry["template"] = json!(u8::from(*template));
    entry["cpu"] = if running { json!(0.02) } else { json!(0) };
    for counter in ["disk", "diskread", "diskwrite", "netin", "netout"] {
        entry[counter] = json!(0);
    }
    entry
}

fn nextid(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if let Some(vmid) = call.get("vmid") {
        let taken = cluster.guests.contains_key(&call.vmid("vmid"));
        return if taken {
            Err(Failure::parameter("vmid", format!("VM {vmid} already exists")))
        } else {
            Ok(json!(vmid).into())
        };
    }
    let range = format::split(cluster.options.get("next-id").map_or("", String::as_str), "lower");
    let bound = |name: &str, default: u32| range.get(name).and_then(|bound| bound.parse().ok()).unwrap_or(default);
    let (first, last) = (bound("lower", FIRST_VMID), bound("upper", LAST_VMID));
    let free = (first..last).find(|vmid| !cluster.guests.contains_key(vmid));
    // A string, though it is a number everywhere else.
    free.map(|vmid| json!(vmid.to_string()).into())
        .ok_or_else(|| Failure::failed(format!("unable to get any free VMID in range [{first}, {last}]")))
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let all = call.rights(cluster).has("/", "Sys.Syslog");
    let most = call.number("max").map_or(50, |max| usize::try_from(max).unwrap_or(usize::MAX));
    let own = call.caller.id();
    let entries = cluster.log.iter().filter(|entry| all || entry.user == own).take(most);
    let entries = entries.map(|entry| {
        json!({
            "id": format!("{}:{}", entry.uid, entry.node), "uid": entry.uid.to_string(), "node": entry.node,
            "user": entry.user, "tag": entry.tag, "msg": entry.msg, "time": entry.time, "pri": entry.pri, "pid": entry.pid,
        })
    });
    Ok(entries.collect::<Value>().into())
}
