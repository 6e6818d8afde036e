//! Groups of users, and roles.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::access::Grantee;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::permission::{PRIVILEGES, ROLES};

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/access/groups") => groups,
        ("POST", "/access/groups") => add_group,
        ("GET", "/access/groups/{groupid}") => group,
        ("PUT", "/access/groups/{groupid}") => change_group,
        ("DELETE", "/access/groups/{groupid}") => remove_group,
        ("GET", "/access/roles") => roles,
        ("POST", "/access/roles") => add_role,
        ("GET", "/access/roles/{roleid}") => role,
        ("PUT", "/access/roles/{roleid}") => change_role,
        ("DELETE", "/access/roles/{roleid}") => remove_role,
        _ => return None,
    })
}

// --- groups ---

fn comment(call: &Call) -> Option<String> {
    call.get("comment").filter(|comment| !comment.is_empty()).map(str::to_owned)
}

fn members<'a>(cluster: &'a Cluster, group: &str) -> Vec<&'a str> {
    let users = cluster.access.users.iter().filter(|(_, user)| user.groups.contains(group));
    users.map(|(name, _)| name.as_str()).collect()
}

fn groups(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let seen = cluster.access.groups.iter().filter(|(name, _)| {
        rights.has_any(&format!("/access/groups/{name}"), &["User.Modify", "Sys.Audit", "Group.Allocate"])
    });
    let entries = seen.map(|(name, comment)| {
        let mut entry = json!({ "groupid": name, "users": members(cluster, name).join(",") });
        if let Some(comment) = comment {
            entry["comment"] = json!(comment);
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn add_group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("groupid");
    if cluster.access.groups.contains_key(name) {
        return Err(Failure::failed(format!("create group failed: group '{name}' already exists")));
    }
    cluster.access.groups.insert(name.to_owned(), comment(call));
    Ok(Reply::null())
}

fn group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("groupid");
    let comment =
        cluster.access.groups.get(name).ok_or_else(|| Failure::failed(format!("group '{name}' does not exist")))?;
    let mut shown = json!({ "members": members(cluster, name) });
    if let Some(comment) = comment {
        shown["comment"] = json!(comment);
    }
    Ok(shown.into())
}

fn change_group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("groupid");
    let missing = || Failure::failed(format!("update group failed: group '{name}' does not exist"));
    let comment = cluster.access.groups.get_mut(name).ok_or_else(missing)?;
    if let Some(text) = call.get("comment") {
        *comment = Some(text.to_owned());
    }
    Ok(Reply::null())
}

fn remove_group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("groupid");
    if cluster.access.groups.remove(name).is_none() {
        return Err(Failure::failed(format!("delete group failed: group '{name}' does not exist")));
    }
    for user in cluster.access.users.values_mut() {
        user.groups.remove(name);
    }
    cluster.access.revoke(Grantee::Group, name);
    Ok(Reply::null())
}

// --- roles ---

fn roles(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let built_in = ROLES.iter().map(|(name, privileges)| json!({ "roleid": name, "privs": privileges, "special": 1 }));
    let added = cluster.access.roles.iter().map(|(name, privileges)| {
        let privileges: Vec<&str> = privileges.iter().map(String::as_str).collect();
        json!({ "roleid": name, "privs": privileges.join(","), "special": 0 })
    });
    Ok(built_in.chain(added).collect::<Value>().into())
}

fn privileges(call: &Call) -> Outcome<BTreeSet<String>> {
    let named = call.list("privs");
    match named.iter().find(|name| !PRIVILEGES.contains(name)) {
        Some(name) => Err(Failure::parameter("privs", format!("invalid format - invalid privilege '{name}'\n"))),
        None => Ok(named.into_iter().map(str::to_owned).collect()),
    }
}

fn add_role(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("roleid");
    if name.to_lowercase().starts_with("pve") {
        return Err(Failure::parameter(
            "roleid",
            "cannot use role ID starting with the (case-insensitive) 'PVE' namespace",
        ));
    }
    if cluster.access.has_role(name) {
        return Err(Failure::failed(format!("create role failed: role '{name}' already exists")));
    }
    cluster.access.roles.insert(name.to_owned(), privileges(call)?);
    Ok(Reply::null())
}

fn role(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("roleid");
    if !cluster.access.has_role(name) {
        return Err(Failure::failed(format!("role '{name}' does not exist")));
    }
    let privileges = cluster.access.privileges_of(name);
    Ok(Value::Object(privileges.into_iter().map(|privilege| (privilege, json!(1))).collect()).into())
}

fn ensure_own_role(name: &str, what: &str) -> Outcome<()> {
    if ROLES.iter().any(|(built_in, _)| *built_in == name) {
        return Err(Failure::failed(format!("auto-generated role '{name}' cannot be {what}")));
    }
    Ok(())
}

fn change_role(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("roleid");
    ensure_own_role(name, "modified")?;
    let named = privileges(call)?;
    let missing = || Failure::failed(format!("update role failed: role '{name}' does not exist"));
    let role = cluster.access.roles.get_mut(name).ok_or_else(missing)?;
    if call.flag("append") {
        role.extend(named);
    } else {
        *role = named;
    }
    Ok(Reply::null())
}

fn remove_role(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("roleid");
    ensure_own_role(name, "deleted")?;
    if cluster.access.roles.remove(name).is_none() {
        return Err(Failure::failed(format!("delete role failed: role '{name}' does not exist")));
    }
    cluster.access.acl.retain(|grant| grant.roleid != name);
    Ok(Reply::null())
}
