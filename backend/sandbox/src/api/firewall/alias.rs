//! Aliases: names for addresses and networks.

use super::{read, write};
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Alias, comment};
use crate::format::firewall::without_full_prefix;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/aliases") => list,
        ("POST", "/aliases") => add,
        ("GET", "/aliases/{name}") => show,
        ("PUT", "/aliases/{name}") => change,
        ("DELETE", "/aliases/{name}") => remove,
        _ => return None,
    })
}

/// What aliases are looked up by.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn missing() -> Failure {
    Failure::parameter("name", "no such alias")
}

fn ensure_free(taken: bool, name: &str) -> Outcome<()> {
    if taken { Err(Failure::parameter("name", format!("alias '{name}' already exists"))) } else { Ok(()) }
}

fn described(call: &Call) -> Alias {
    Alias {
        name: call.text("name").to_owned(),
        cidr: without_full_prefix(call.text("cidr")).to_owned(),
        comment: comment(call.get("comment")),
    }
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(read(cluster, call).shown_aliases().into())
}

fn show(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    let alias = firewall.aliases.get(&key(call.text("name"))).ok_or_else(missing)?;
    Ok(serde_json::Value::Object(alias.shown()).into())
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    let aliases = &mut write(cluster, call).aliases;
    ensure_free(aliases.contains_key(&key(name)), name)?;
    aliases.insert(key(name), described(call));
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let mut firewall = read(cluster, call);
    firewall.shown_aliases().ensure_unmodified(call)?;
    let old = key(call.text("name"));
    firewall.aliases.remove(&old).ok_or_else(missing)?;
    let mut alias = described(call);
    if let Some(name) = call.get("rename").filter(|name| key(name) != old) {
        ensure_free(firewall.aliases.contains_key(&key(name)), name)?;
        name.clone_into(&mut alias.name);
    }
    firewall.aliases.insert(key(&alias.name), alias);
    *write(cluster, call) = firewall;
    Ok(Reply::null())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    read(cluster, call).shown_aliases().ensure_unmodified(call)?;
    write(cluster, call).aliases.remove(&key(call.text("name")));
    Ok(Reply::null())
}
