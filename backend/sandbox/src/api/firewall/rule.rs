//! Rules, of every level.

use serde_json::json;

use super::{PLACE, ensure_vnet, key, knows, level, names, read};
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Firewall, Level, Rule, verified};

const READ: [&str; 2] = ["SDN.Audit", "SDN.Allocate"];
const CHANGE: [&str; 1] = ["SDN.Allocate"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/rules" | "/groups/{group}") => list,
        ("POST", "/rules" | "/groups/{group}") => add,
        ("GET", "/rules/{pos}" | "/groups/{group}/{pos}") => show,
        ("PUT", "/rules/{pos}" | "/groups/{group}/{pos}") => change,
        ("DELETE", "/rules/{pos}" | "/groups/{group}/{pos}") => remove,
        _ => return None,
    })
}

/// The firewall whose rules a call is about.
pub fn firewall(cluster: &Cluster, call: &Call, privileges: &[&str]) -> Outcome<Firewall> {
    ensure_vnet(cluster, call, privileges)?;
    if level(call) == Level::Group && !cluster.firewalls.contains_key(&key(call)) {
        return Err(Failure::failed(format!("no such security group '{}'", call.text("group"))));
    }
    Ok(read(cluster, call))
}

fn position(call: &Call, firewall: &Firewall) -> Outcome<usize> {
    call.number("pos")
        .and_then(|position| usize::try_from(position).ok())
        .filter(|position| *position < firewall.rules.len())
        .ok_or_else(|| Failure::failed(format!("no rule at position {}", call.text("pos"))))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = firewall(cluster, call, &READ)?;
    let mut rules = firewall.shown_rules(level(call), names(cluster, call));
    for (position, rule) in rules.entries.iter_mut().enumerate() {
        rule.insert("pos".to_owned(), json!(position));
    }
    Ok(rules.into())
}

fn show(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = firewall(cluster, call, &READ)?;
    let position = position(call, &firewall)?;
    let mut rule = firewall.shown_rules(level(call), names(cluster, call)).entries.swap_remove(position);
    rule.insert("pos".to_owned(), json!(call.text("pos")));
    Ok(json!(rule).into())
}

/// Takes a call's properties over; what is empty goes.
fn copy(rule: &mut Rule, call: &Call) {
    for (name, value) in call.options(&PLACE) {
        if matches!(value.as_str(), "" | "-") {
            rule.remove(&name);
        } else {
            rule.insert(name, value);
        }
    }
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let mut firewall = firewall(cluster, call, &CHANGE)?;
    let mut rule = Rule::new();
    copy(&mut rule, call);
    // Always before the others, whatever position is asked for.
    firewall.rules.insert(0, verified(rule, level(call), names(cluster, call))?);
    cluster.firewalls.insert(key(call), firewall);
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let mut firewall = firewall(cluster, call, &CHANGE)?;
    firewall.shown_rules(level(call), names(cluster, call)).ensure_unmodified(call)?;
    let position = position(call, &firewall)?;
    let target = call.number("moveto").map(|target| usize::try_from(target).unwrap_or(usize::MAX));
    let mut rule = firewall.rules.remove(position);
    if let Some(target) = target.filter(|target| *target != position) {
        // The target counts the rule itself where it stands before it.
        let target = if target > position { target - 1 } else { target };
        firewall.rules.insert(target.min(firewall.rules.len()), rule);
    } else {
        copy(&mut rule, call);
        delete(&mut rule, call)?;
        firewall.rules.insert(position, verified(rule, level(call), names(cluster, call))?);
    }
    cluster.firewalls.insert(key(call), firewall);
    Ok(Reply::null())
}

fn delete(rule: &mut Rule, call: &Call) -> Outcome<()> {
    for name in call.list("delete") {
        let is_place = PLACE.contains(&name) && !matches!(name, "pos" | "digest");
        if is_place || !knows(call, name) {
            return Err(Failure::parameter("delete", format!("no such property ('{name}')")));
        }
        if matches!(name, "type" | "action") {
            return Err(Failure::parameter("delete", format!("unable to delete required property '{name}'")));
        }
        rule.remove(name);
    }
    Ok(())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let mut firewall = firewall(cluster, call, &CHANGE)?;
    firewall.shown_rules(level(call), names(cluster, call)).ensure_unmodified(call)?;
    let position = position(call, &firewall)?;
    firewall.rules.remove(position);
    cluster.firewalls.insert(key(call), firewall);
    Ok(Reply::null())
}
