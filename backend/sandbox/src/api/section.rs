//! Configuration that is kept as simple sections: HA resources and groups, SDN zones and vnets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::digest;

type Section = BTreeMap<String, String>;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/cluster/ha/resources" | "/cluster/ha/groups" | "/cluster/sdn/zones" | "/cluster/sdn/vnets") => list,
        ("POST", "/cluster/ha/resources" | "/cluster/ha/groups" | "/cluster/sdn/zones" | "/cluster/sdn/vnets") => {
            create
        }
        (
            "GET",
            "/cluster/ha/resources/{sid}"
            | "/cluster/ha/groups/{group}"
            | "/cluster/sdn/zones/{zone}"
            | "/cluster/sdn/vnets/{vnet}",
        ) => read,
        (
            "PUT",
            "/cluster/ha/resources/{sid}"
            | "/cluster/ha/groups/{group}"
            | "/cluster/sdn/zones/{zone}"
            | "/cluster/sdn/vnets/{vnet}",
        ) => change,
        (
            "DELETE",
            "/cluster/ha/resources/{sid}"
            | "/cluster/ha/groups/{group}"
            | "/cluster/sdn/zones/{zone}"
            | "/cluster/sdn/vnets/{vnet}",
        ) => remove,
        ("POST", "/cluster/replication") => no_replication,
        _ => return None,
    })
}

/// Where a method's sections are kept, the parameter that names one, and what one is called.
fn place(call: &Call) -> (&'static str, &'static str, &'static str) {
    let path = call.method.path.as_str();
    if path.starts_with("/cluster/ha/resources") {
        ("ha/resources", "sid", "resource")
    } else if path.starts_with("/cluster/ha/groups") {
        ("ha/groups", "group", "ha group")
    } else if path.starts_with("/cluster/sdn/zones") {
        ("sdn/zones", "zone", "sdn")
    } else {
        ("sdn/vnets", "vnet", "sdn vnet")
    }
}

fn shown(kind: &str, key: &str, id: &str, section: &Section) -> Value {
    let mut shown = json!({ key: id, "digest": digest(section) });
    for (name, value) in section {
        shown[name] = match value.parse::<i64>() {
            Ok(number) if kind.starts_with("ha/") || name == "tag" => json!(number),
            _ => json!(value),
        };
    }
    match kind {
        "ha/resources" => shown["type"] = json!(id.split(':').next().unwrap_or_default()),
        "ha/groups" => shown["type"] = json!("group"),
        _ => {}
    }
    shown
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, key, _) = place(call);
    let pending = call.flag("pending") && kind.starts_with("sdn/");
    let sections = cluster.sections.get(kind).into_iter().flatten();
    let entries = sections.map(|(id, section)| {
        if pending {
            let kind = if key == "vnet" { "vnet" } else { section.get("type").map_or("", String::as_str) };
            return json!({ key: id, "state": "new", "pending": section, "digest": null, "type": kind });
        }
        shown(kind, key, id, section)
    });
    Ok(entries.collect::<Value>().into())
}

/// A resource's id with its kind: `vm:100` for `100`.
fn sid(cluster: &Cluster, text: &str) -> String {
    let kind = text.parse().ok().and_then(|vmid: u32| cluster.guests.get(&vmid)).map(|guest| guest.kind);
    match kind {
        Some(crate::guest::Kind::Qemu) => format!("vm:{text}"),
        Some(crate::guest::Kind::Lxc) => format!("ct:{text}"),
        None => text.to_owned(),
    }
}

fn id(cluster: &Cluster, call: &Call) -> String {
    let (_, key, _) = place(call);
    if key == "sid" { sid(cluster, call.text(key)) } else { call.text(key).to_owned() }
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, key, noun) = place(call);
    let id = id(cluster, call);
    if kind == "ha/resources" {
        let vmid: Option<u32> = id.rsplit(':').next().and_then(|vmid| vmid.parse().ok());
        if vmid.is_none_or(|vmid| !cluster.guests.contains_key(&vmid)) {
            return Err(Failure::failed(format!("resource '{id}' does not exist in cluster")));
        }
    }
    let sections = cluster.sections.entry(kind.to_owned()).or_default();
    if sections.contains_key(&id) {
        return Err(Failure::failed(format!("create {noun} failed: {noun} ID '{id}' already defined")));
    }
    let mut section = call.options(&[key, "type", "digest"]);
    if kind == "sdn/zones" {
        section.insert("type".to_owned(), call.text("type").to_owned());
    }
    if kind == "ha/resources" {
        section.entry("state".to_owned()).or_insert_with(|| "started".to_owned());
    }
    sections.insert(id, section);
    Ok(Reply::null())
}

fn missing(noun: &str, id: &str) -> Failure {
    Failure::failed(format!("no such {noun} '{id}'"))
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, key, noun) = place(call);
    let id = id(cluster, call);
    let section =
        cluster.sections.get(kind).and_then(|sections| sections.get(&id)).ok_or_else(|| missing(noun, &id))?;
    Ok(shown(kind, key, &id, section).into())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, key, noun) = place(call);
    let id = id(cluster, call);
    let changes = call.options(&[key, "type", "digest", "delete"]);
    let section =
        cluster.sections.entry(kind.to_owned()).or_default().get_mut(&id).ok_or_else(|| missing(noun, &id))?;
    for name in call.list("delete") {
        section.remove(name);
    }
    section.extend(changes);
    Ok(Reply::null())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (kind, _, noun) = place(call);
    let id = id(cluster, call);
    let removed = cluster.sections.entry(kind.to_owned()).or_default().remove(&id);
    match removed {
        Some(_) => Ok(Reply::null()),
        None if kind == "ha/resources" => {
            Err(Failure::failed(format!("cannot delete service '{id}', not HA managed!")))
        }
        None => Err(missing(noun, &id)),
    }
}

fn no_replication(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let target = call.text("target");
    if !cluster.nodes.contains_key(target) {
        return Err(Failure::failed(format!("Target '{target}' does not exist.")));
    }
    Err(Failure::NotImplemented("Method 'POST /cluster/replication' is not part of the sandbox".to_owned()))
}
