//! Pools of guests and storages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::{Cluster, Pool};
use crate::failure::{Failure, Outcome};

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/pools") => list,
        ("POST", "/pools") => create,
        ("GET", "/pools/{poolid}") => read,
        ("PUT", "/pools" | "/pools/{poolid}") => change,
        ("DELETE", "/pools" | "/pools/{poolid}") => remove,
        _ => return None,
    })
}

fn find<'a>(cluster: &'a Cluster, name: &str) -> Outcome<&'a Pool> {
    cluster.pools.get(name).ok_or_else(|| Failure::failed(format!("pool '{name}' does not exist")))
}

fn entry(name: &str, pool: &Pool) -> Value {
    let mut entry = json!({ "poolid": name });
    if let Some(comment) = &pool.comment {
        entry["comment"] = json!(comment);
    }
    entry
}

/// A pool with its members, of which those of a kind only, where one is asked for.
fn with_members(cluster: &mut Cluster, call: &Call, name: &str) -> Outcome<Value> {
    if cluster.time_scale == 0.0 {
        cluster.broadcast();
    }
    let pool = find(cluster, name)?;
    let guests = cluster.members_of(name).filter_map(|vmid| cluster.guests.get(&vmid));
    let wanted = |kind: &str| call.get("type").is_none_or(|wanted| wanted == kind);
    let mut members: Vec<Value> = guests
        .filter(|guest| wanted(guest.kind.api()))
        .map(|guest| super::cluster::guest_resource(guest, cluster))
        .collect();
    for storage in pool.storages.iter().filter(|name| wanted("storage") && cluster.storages.contains_key(*name)) {
        members.extend(cluster.nodes.keys().map(|node| {
            let (total, used, _) = cluster.usage(node, storage);
            json!({
                "type": "storage", "id": format!("storage/{node}/{storage}"), "node": node, "storage": storage,
                "status": "available", "maxdisk": total, "disk": used,
            })
        }));
    }
    let mut shown = entry(name, pool);
    shown["members"] = json!(members);
    Ok(shown)
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if let Some(name) = call.get("poolid") {
        // Proxmox asks for Pool.Audit here, but passes over the answer.
        return Ok(json!([with_members(cluster, call, name)?]).into());
    }
    let rights = call.rights(cluster);
    let seen = cluster.pools.iter().filter(|(name, _)| rights.has(&format!("/pool/{name}"), "Pool.Audit"));
    Ok(seen.map(|(name, pool)| entry(name, pool)).collect::<Value>().into())
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(with_members(cluster, call, call.text("poolid"))?.into())
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("poolid");
    let failed = |problem: String| Failure::failed(format!("create pool failed: {problem}"));
    if cluster.pools.contains_key(name) {
        return Err(failed(format!("pool '{name}' already exists")));
    }
    if let Some((parent, _)) = name.rsplit_once('/')
        && !cluster.pools.contains_key(parent)
    {
        return Err(failed(format!("parent '{parent}' of pool '{name}' does not exist")));
    }
    let comment = call.get("comment").map(str::to_owned);
    cluster.pools.insert(name.to_owned(), Pool::new(comment));
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("poolid");
    let changed = changed(cluster, call, name);
    let (vms, pool) = changed.map_err(|problem| Failure::failed(format!("update pools failed: {problem}")))?;
    for (vmid, pool) in vms {
        match pool {
            Some(pool) => cluster.join_pool(&pool, vmid),
            None => cluster.leave_pool(vmid),
        }
    }
    cluster.pools.insert(name.to_owned(), pool);
    Ok(Reply::null())
}

/// The pools that guests are in after a change, and the changed pool itself.
fn changed(cluster: &Cluster, call: &Call, name: &str) -> Result<(BTreeMap<u32, Option<String>>, Pool), String> {
    let mut pool = find(cluster, name).map_err(|failure| failure.message())?.clone();
    if let Some(comment) = call.get("comment") {
        pool.comment = Some(comment.to_owned());
    }
    let rights = call.rights(cluster);
    let refused = |failure: Failure| format!("{} {}", failure.status(), failure.message());
    let removing = call.flag("delete");
    let mut vms = BTreeMap::new();
    for vmid in call.list("vms").into_iter().filter_map(|vmid| vmid.parse::<u32>().ok()) {
        rights.perm_modify(&format!("/vms/{vmid}")).map_err(refused)?;
        let current = vms.get(&vmid).cloned().unwrap_or_else(|| cluster.pool_of(vmid).map(str::to_owned));
        let is_member = current.as_deref() == Some(name);
        if removing {
            if !is_member {
                return Err(format!("VM {vmid} is not a pool member"));
            }
            vms.insert(vmid, None);
            continue;
        }
        if is_member {
            return Err(format!("VM {vmid} is already a pool member"));
        }
        if let Some(other) = current {
            if !call.flag("allow-move") {
                return Err(format!("VM {vmid} belongs already to pool '{other}' and 'allow-move' is not set"));
            }
            rights.require(&format!("/pool/{other}"), "Pool.Allocate").map_err(refused)?;
        }
        vms.insert(vmid, Some(name.to_owned()));
    }
    for storage in call.list("storage") {
        rights.perm_modify(&format!("/storage/{storage}")).map_err(refused)?;
        if removing && !pool.storages.remove(storage) {
            return Err(format!("Storage '{storage}' is not a pool member"));
        }
        if !removing && !pool.storages.insert(storage.to_owned()) {
            return Err(format!("Storage '{storage}' is already a pool member"));
        }
    }
    Ok((vms, pool))
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("poolid");
    let failed = |problem: String| Failure::failed(format!("delete pool failed: {problem}"));
    let pool = cluster.pools.get(name).ok_or_else(|| failed(format!("pool '{name}' does not exist")))?;
    let prefix = format!("{name}/");
    if let Some(child) = cluster.pools.keys().find(|other| other.starts_with(&prefix)) {
        return Err(failed(format!("pool '{name}' is not empty (contains pool '{child}')")));
    }
    if let Some(vmid) = cluster.members_of(name).find(|vmid| cluster.guests.contains_key(vmid)) {
        return Err(failed(format!("pool '{name}' is not empty (contains VM {vmid})")));
    }
    if let Some(storage) = pool.storages.iter().find(|storage| cluster.storages.contains_key(*storage)) {
        return Err(failed(format!("pool '{name}' is not empty (contains storage '{storage}')")));
    }
    cluster.pools.remove(name);
    let path = format!("/pool/{name}");
    cluster.access.acl.retain(|grant| grant.path != path);
    Ok(Reply::null())
}
