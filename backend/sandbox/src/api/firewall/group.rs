//! Security groups: rules that rules of other firewalls refer to.

use serde_json::json;

use super::{key, rule};
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Firewall, Listing, describe, shown};

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/groups") => list,
        ("POST", "/groups") => add,
        ("DELETE", "/groups/{group}") => remove,
        _ => return None,
    })
}

fn listing(cluster: &Cluster) -> Listing {
    let groups = cluster.firewalls.iter().filter_map(|(key, firewall)| Some((key.strip_prefix("group/")?, firewall)));
    let entry = |(name, firewall): (&str, &Firewall)| {
        let mut entry = shown([("group", json!(name))]);
        describe(&mut entry, firewall.comment.as_ref());
        entry
    };
    groups.map(entry).collect()
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(listing(cluster).into())
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("group");
    // A name is kept in small letters, but looked up as it is given.
    let key = format!("group/{}", name.to_ascii_lowercase());
    let exists = cluster.firewalls.contains_key(&format!("group/{name}"));
    let comment = call.get("comment").map(str::to_owned);
    let Some(old) = call.get("rename") else {
        if exists {
            return Err(Failure::parameter("group", format!("Security group '{name}' already exists")));
        }
        cluster.firewalls.insert(key, Firewall { comment, ..Firewall::default() });
        return Ok(Reply::null());
    };
    listing(cluster).ensure_unmodified(call)?;
    let Some(mut firewall) = cluster.firewalls.get(&format!("group/{old}")).cloned() else {
        return Err(Failure::parameter("group", format!("Security group '{old}' does not exist")));
    };
    if exists && old != name {
        return Err(Failure::parameter("group", format!("Security group '{name}' does already exist")));
    }
    firewall.comment = comment.or(firewall.comment);
    if old != name {
        cluster.firewalls.remove(&format!("group/{old}"));
        follow(cluster, old, name);
    }
    cluster.firewalls.insert(key, firewall);
    Ok(Reply::null())
}

/// Renames a group where rules of the cluster, its nodes and guests refer to it.
fn follow(cluster: &mut Cluster, old: &str, name: &str) {
    let refers = |rule: &crate::firewall::Rule| {
        let is = |name: &str, value: &str| rule.get(name).is_some_and(|own| own == value);
        is("type", "group") && is("action", old)
    };
    let affected: Vec<String> = cluster
        .firewalls
        .iter()
        .filter(|(key, firewall)| !key.starts_with("vnet/") && firewall.rules.iter().any(refers))
        .map(|(key, _)| key.clone())
        .collect();
    for key in affected {
        let Some(firewall) = cluster.firewalls.get_mut(&key) else { continue };
        for rule in firewall.rules.iter_mut().filter(|rule| refers(rule)) {
            rule.insert("action".to_owned(), name.to_owned());
        }
    }
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if !rule::firewall(cluster, call, &[])?.rules.is_empty() {
        return Err(Failure::failed(format!("Security group '{}' is not empty", call.text("group"))));
    }
    cluster.firewalls.remove(&key(call));
    Ok(Reply::null())
}
