//! Realms: where users come from. The sandbox asks no directory: those of LDAP and the like are kept only.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::section::{self, Section, TYPE};
use crate::work::Work;

/// Where realms are kept that are not as they came.
const KIND: &str = "realm";
/// The realms that are always there, with what they are.
const BUILT_IN: [(&str, &str); 2] =
    [("pam", "Linux PAM standard authentication"), ("pve", "Proxmox VE authentication server")];
/// The method that makes realms.
const CREATE: &str = "/access/domains";
/// Parameters that are no options of a realm.
const NOT_OPTIONS: [&str; 6] = ["realm", TYPE, "password", "check-connection", "digest", "delete"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", CREATE) => list,
        ("POST", CREATE) => add,
        ("GET", "/access/domains/{realm}") => read,
        ("PUT", "/access/domains/{realm}") => change,
        ("DELETE", "/access/domains/{realm}") => remove,
        ("POST", "/access/domains/{realm}/sync") => sync,
        _ => return None,
    })
}

fn built_in(name: &str) -> Option<Section> {
    let (name, comment) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some(Section::from([(TYPE.to_owned(), (*name).to_owned()), ("comment".to_owned(), (*comment).to_owned())]))
}

/// A realm, with its type.
pub fn find(cluster: &Cluster, name: &str) -> Option<Section> {
    cluster.sections_of(KIND).get(name).cloned().or_else(|| built_in(name))
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let mut names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
    names.extend(cluster.sections_of(KIND).keys().map(String::as_str).filter(|name| built_in(name).is_none()));
    let entry = |name: &str| {
        let realm = find(cluster, name).unwrap_or_default();
        let mut entry = json!({ "realm": name, "type": realm.get(TYPE) });
        if let Some(comment) = realm.get("comment").filter(|comment| !comment.is_empty()) {
            entry["comment"] = json!(comment);
        }
        if realm.get("default").is_some_and(|default| default == "1") {
            entry["default"] = json!(1);
        }
        if let Some(factor) = realm.get("tfa") {
            entry["tfa"] = json!(crate::format::split(factor, TYPE).get(TYPE));
        }
        entry
    };
    Ok(names.into_iter().map(entry).collect::<Value>().into())
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("realm");
    let realm = find(cluster, name).ok_or_else(|| format!("domain '{name}' does not exist"))?;
    let mut shown = section::shown(CREATE, &realm);
    shown["digest"] = json!(cluster.sections_digest(KIND));
    Ok(shown.into())
}

/// Refuses to check the connection of what has none.
fn ensure_checkable(call: &Call, of: &str) -> Result<(), String> {
    if call.get("check-connection").is_some() && !matches!(of, "ldap" | "ad") {
        return Err("'check-connection' parameter can only be set for realms of type 'ldap' or 'ad'".to_owned());
    }
    Ok(())
}

fn store(cluster: &mut Cluster, name: &str, realm: Section) {
    let realms = cluster.sections_mut(KIND);
    if realm.get("default").is_some_and(|default| default == "1") {
        for other in realms.values_mut() {
            other.remove("default");
        }
    }
    realms.insert(name.to_owned(), realm);
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, of) = (call.text("realm"), call.text(TYPE));
    let failed = |problem: String| Failure::failed(format!("add auth server failed: {problem}"));
    if find(cluster, name).is_some() {
        return Err(failed(format!("domain '{name}' already exists")));
    }
    if built_in(of).is_some() {
        return Err(failed(format!("unable to create builtin type '{of}'")));
    }
    ensure_checkable(call, of).map_err(failed)?;
    let mut realm = call.section(&NOT_OPTIONS);
    section::check(KIND, of, &realm, true).map_err(failed)?;
    if call.flag("check-connection") {
        return Err(failed(format!("Connection refused at {}: the sandbox reaches no network", call.text("server1"))));
    }
    realm.insert(TYPE.to_owned(), of.to_owned());
    store(cluster, name, realm);
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("realm");
    let failed = |problem: String| Failure::failed(format!("update auth server failed: {problem}"));
    cluster.ensure_sections_digest(KIND, call.get("digest")).map_err(failed)?;
    let mut realm = find(cluster, name).ok_or_else(|| failed(format!("domain '{name}' does not exist")))?;
    let of = realm.get(TYPE).cloned().unwrap_or_default();
    ensure_checkable(call, &of).map_err(failed)?;
    let set = call.section(&NOT_OPTIONS);
    let delete = call.list("delete");
    if delete.is_empty() && set.is_empty() && call.get("password").is_none() {
        return Err(failed("no options specified".to_owned()));
    }
    for option in delete {
        realm.remove(option);
    }
    section::check(KIND, &of, &set, false).map_err(failed)?;
    realm.extend(set);
    store(cluster, name, realm);
    Ok(Reply::null())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("realm");
    let failed = |problem: String| Failure::failed(format!("delete auth server failed: {problem}"));
    if built_in(name).is_some() {
        // They come back with the next look at the file.
        cluster.sections_mut(KIND).remove(name);
        return Ok(Reply::null());
    }
    let removed = cluster.sections_mut(KIND).remove(name);
    removed.map(|_| Reply::null()).ok_or_else(|| failed(format!("authentication domain '{name}' does not exist")))
}

fn sync(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("realm");
    let realm = find(cluster, name).ok_or_else(|| Failure::parameter("realm", "Realm does not exist."))?;
    let of = realm.get(TYPE).map_or("", String::as_str);
    if !matches!(of, "ldap" | "ad") {
        return Err(Failure::failed(format!("Cannot sync realm type '{of}'! Only LDAP/AD realms can be synced.")));
    }
    let defaults = crate::format::split(realm.get("sync-defaults-options").map_or("", String::as_str), "");
    if call.get("scope").is_none() && !defaults.contains_key("scope") {
        return Err(Failure::parameter(
            "scope",
            "Not passed as parameter and not defined in realm default sync options.",
        ));
    }
    let task = if call.flag("dry-run") { "auth-realm-sync-test" } else { "auth-realm-sync" };
    let server = realm.get("server1").cloned().unwrap_or_default();
    let problem = format!("could not connect to {server}: the sandbox reaches no network");
    Ok(call.submit(cluster, task, name, Work::Fail { problem }))
}
