//! Pools of guests and storages.

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
        call.rights(cluster).require(&format!("/pool/{name}"), "Pool.Audit")?;
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
    let failed = |problem: String| Failure::failed(format!("update pools failed: {problem}"));
    if !cluster.pools.contains_key(name) {
        return Err(failed(format!("pool '{name}' does not exist")));
    }
    let vmids: Vec<u32> = call.list("vms").into_iter().filter_map(|vmid| vmid.parse().ok()).collect();
    let removing = call.flag("delete");
    for vmid in &vmids {
        call.rights(cluster).require(&format!("/vms/{vmid}"), "VM.Allocate").or_else(|denied| {
            if call.rights(cluster).has(&format!("/pool/{name}"), "Pool.Allocate") { Ok(()) } else { Err(denied) }
        })?;
        match (cluster.pool_of(*vmid), removing) {
            (Some(pool), false) if pool == name => {
                return Err(failed(format!("VM {vmid} is already a pool member")));
            }
            (Some(pool), false) if !call.flag("allow-move") => {
                return Err(failed(format!("VM {vmid} belongs already to pool '{pool}' and 'allow-move' is not set")));
            }
            (pool, true) if pool != Some(name) => {
                return Err(failed(format!("VM {vmid} is not a pool member")));
            }
            _ => {}
        }
    }
    for vmid in vmids {
        if removing {
            cluster.leave_pool(vmid);
        } else {
            cluster.join_pool(name, vmid);
        }
    }
    if let Some(pool) = cluster.pools.get_mut(name) {
        for storage in call.list("storage") {
            let known = pool.storages.contains(storage);
            if removing && !known {
                return Err(failed(format!("Storage '{storage}' is not a pool member")));
            }
            if removing {
                pool.storages.remove(storage);
            } else {
                pool.storages.insert(storage.to_owned());
            }
        }
        if let Some(comment) = call.get("comment") {
            pool.comment = Some(comment.to_owned());
        }
    }
    Ok(Reply::null())
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
