//! IP sets and their entries.

use super::{names, read, write};
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Entry, Firewall, Set, alias_reference, comment};
use crate::format::firewall::{network, without_full_prefix};

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/ipset") => list,
        ("POST", "/ipset") => add,
        ("GET", "/ipset/{name}") => entries,
        ("POST", "/ipset/{name}") => add_entry,
        ("DELETE", "/ipset/{name}") => remove,
        ("GET", "/ipset/{name}/{cidr}") => entry,
        ("PUT", "/ipset/{name}/{cidr}") => change_entry,
        ("DELETE", "/ipset/{name}/{cidr}") => remove_entry,
        _ => return None,
    })
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(read(cluster, call).shown_sets().into())
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    let mut firewall = read(cluster, call);
    let wrong = |text: String| Err(Failure::parameter("name", text));
    let mut set = match call.get("rename") {
        Some(old) => {
            firewall.shown_sets().ensure_unmodified(call)?;
            if firewall.sets.contains_key(name) && old != name {
                return wrong(format!("IPSet '{name}' does already exist"));
            }
            match firewall.sets.remove(old) {
                Some(set) => set,
                None => return wrong(format!("IPSet '{old}' does not exist")),
            }
        }
        None if firewall.sets.contains_key(name) => return wrong(format!("IPSet '{name}' already exists")),
        None => Set::default(),
    };
    set.comment = call.get("comment").map(str::to_owned).or(set.comment);
    // A name is kept in small letters, but looked up as it is given.
    firewall.sets.insert(name.to_ascii_lowercase(), set);
    *write(cluster, call) = firewall;
    Ok(Reply::null())
}

fn no_set(call: &Call) -> Failure {
    Failure::failed(format!("no such IPSet '{}'", call.text("name")))
}

fn find<'f>(firewall: &'f Firewall, call: &Call) -> Outcome<&'f Set> {
    firewall.sets.get(call.text("name")).ok_or_else(|| no_set(call))
}

fn find_mut<'c>(cluster: &'c mut Cluster, call: &Call) -> Outcome<&'c mut Set> {
    write(cluster, call).sets.get_mut(call.text("name")).ok_or_else(|| no_set(call))
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    if !find_mut(cluster, call)?.entries.is_empty() && !call.flag("force") {
        return Err(Failure::failed(format!("IPSet '{name}' is not empty")));
    }
    write(cluster, call).sets.remove(name);
    Ok(Reply::null())
}

fn entries(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    Ok(find(&firewall, call)?.shown(names(cluster, call)).into())
}

fn add_entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    let set = find(&firewall, call)?;
    let given = call.text("cidr");
    let cidr = match alias_reference(given) {
        Some((scope, name)) if names(cluster, call).alias(scope, name).is_none() => {
            return Err(Failure::failed(format!("no such alias '{name}'")));
        }
        Some(_) => given.to_owned(),
        None => without_full_prefix(&network(given)).to_owned(),
    };
    if set.entries.contains_key(&cidr) {
        return Err(Failure::parameter("cidr", format!("address '{cidr}' already exists")));
    }
    if cidr.rsplit_once('/').is_some_and(|(_, prefix)| prefix.bytes().all(|digit| digit == b'0')) {
        return Err(Failure::parameter("cidr", "a zero prefix is not allowed in ipset entries"));
    }
    let entry = Entry { nomatch: call.flag("nomatch"), comment: comment(call.get("comment")) };
    find_mut(cluster, call)?.entries.insert(cidr, entry);
    Ok(Reply::null())
}

fn no_entry() -> Failure {
    Failure::parameter("cidr", "no such IP/Network")
}

fn entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    let shown = find(&firewall, call)?.shown(names(cluster, call));
    let wanted = |entry: &crate::firewall::Shown| entry.get("cidr").is_some_and(|cidr| cidr == call.text("cidr"));
    let entry = shown.entries.into_iter().find(wanted).ok_or_else(no_entry)?;
    Ok(serde_json::Value::Object(entry).into())
}

fn change_entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_unmodified(cluster, call)?;
    let entry = find_mut(cluster, call)?.entries.get_mut(call.text("cidr")).ok_or_else(no_entry)?;
    *entry = Entry { nomatch: call.flag("nomatch"), comment: comment(call.get("comment")) };
    Ok(Reply::null())
}

fn remove_entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_unmodified(cluster, call)?;
    find_mut(cluster, call)?.entries.remove(call.text("cidr"));
    Ok(Reply::null())
}

fn ensure_unmodified(cluster: &Cluster, call: &Call) -> Outcome<()> {
    let firewall = read(cluster, call);
    find(&firewall, call)?.shown(names(cluster, call)).ensure_unmodified(call)
}
