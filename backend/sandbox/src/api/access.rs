//! Logging in, what a caller may do, and the access control list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::access::{Caller, Grant, Grantee, ROOT};
use crate::auth;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::permission::{Rights, normalize};
use crate::schema::Errors;

/// The paths that a user's permissions are shown for in any case.
const SHOWN: [&str; 8] = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/access/ticket") => no_ticket,
        ("POST", "/access/ticket") => log_in,
        ("GET", "/access/permissions") => permissions,
        ("PUT", "/access/password") => change_password,
        ("GET", "/access/openid") => openid,
        ("POST", "/access/openid/auth-url") => openid_url,
        ("POST", "/access/openid/login") => openid_login,
        ("GET", "/access/tfa" | "/access/tfa/{userid}") => no_factors,
        ("GET", "/access/tfa/{userid}/{id}") => no_factor,
        ("GET", "/access/users/{userid}/tfa") => factor_types,
        ("PUT", "/access/users/{userid}/unlock-tfa") => unlock,
        (_, path) if path.starts_with("/access/tfa/") => refuse_factors,
        ("GET", "/access/acl") => acl,
        ("PUT", "/access/acl") => change_acl,
        _ => return None,
    })
}

// --- logging in ---

fn no_ticket(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(Reply::null())
}

fn log_in(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let refused = || Failure::Unauthorized("authentication failure".to_owned());
    let user = match call.get("realm") {
        Some(realm) => format!("{}@{realm}", call.text("username")),
        None => call.text("username").to_owned(),
    };
    if !auth::verify_password(cluster, &user, call.text("password")) {
        return Err(refused());
    }
    let caller = Caller { user: user.clone(), token: None };
    let mut answer = json!({ "username": user, "cap": capabilities(cluster, &caller) });
    if let (Some(path), Some(_)) = (call.get("path"), call.get("privs")) {
        // Only asked whether the user may.
        let path = normalize(path).ok_or_else(refused)?;
        let rights = Rights { cluster, caller: &caller };
        if !call.list("privs").iter().all(|privilege| rights.has(&path, privilege)) {
            return Err(refused());
        }
    } else {
        answer["ticket"] = json!(auth::ticket(cluster, &user));
        answer["CSRFPreventionToken"] = json!(auth::csrf(cluster, &user));
    }
    if cluster.name.is_some() && (Rights { cluster, caller: &caller }).has("/", "Sys.Audit") {
        answer["clustername"] = json!(cluster.name);
    }
    let node = cluster.nodes.keys().next().cloned().unwrap_or_default();
    let root = Caller { user: ROOT.to_owned(), token: None };
    cluster.record(&node, &root, format!("successful auth for user '{user}'"));
    Ok(answer.into())
}

/// The areas of the user interface, each with the prefixes of the privileges that matter there.
const AREAS: [(&str, &[&str]); 7] = [
    ("vms", &["VM.", "Permissions.Modify"]),
    ("access", &["User.", "Group.", "Permissions.Modify"]),
    ("storage", &["Datastore.", "Permissions.Modify"]),
    ("nodes", &["Sys.", "Permissions.Modify"]),
    ("sdn", &["SDN.", "Permissions.Modify"]),
    ("dc", &["Sys.Audit", "Sys.Modify", "SDN."]),
    ("mapping", &["Mapping.", "Permissions.Modify"]),
];

/// What the user interface may offer, by area.
fn capabilities(cluster: &Cluster, caller: &Caller) -> Value {
    const ALWAYS: [&str; 7] = ["/", "/nodes", "/access/groups", "/vms", "/storage", "/sdn", "/mapping"];
    let mut found: BTreeMap<&str, Map<String, Value>> = AREAS.iter().map(|(area, _)| (*area, Map::new())).collect();
    let mut add = |area: &str, privilege: &str| {
        let named = AREAS.iter().find(|(name, _)| *name == area);
        if let Some((area, prefixes)) = named
            && prefixes.iter().any(|prefix| privilege.starts_with(prefix))
            && let Some(area) = found.get_mut(area)
        {
            area.insert(privilege.to_owned(), json!(1));
        }
    };
    for path in ALWAYS.into_iter().chain(cluster.access.acl.iter().map(|grant| grant.path.as_str())) {
        let first = path.split('/').nth(1).unwrap_or_default();
        for privilege in cluster.access.privileges(caller, path, cluster.pool_of_path(path)).keys() {
            match first {
                "" => add("dc", privilege),
                // A pool's privileges are those on its members.
                "pool" => ["vms", "storage"].into_iter().for_each(|area| add(area, privilege)),
                area => add(area, privilege),
            }
        }
    }
    json!(found)
}

fn change_password(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (user, own) = (call.text("userid"), call.caller.user == call.text("userid"));
    let realm = user.rsplit('@').next().unwrap_or_default();
    if !call.caller.is_root() {
        let confirmed = call.get("confirmation-password");
        let confirmed = confirmed
            .ok_or_else(|| Failure::parameter("confirmation-password", "password is required to modify user"))?;
        if !auth::verify_password(cluster, &call.caller.user, confirmed) {
            return Err(Failure::Unauthorized("authentication failure".to_owned()));
        }
        if !own && (user == ROOT || realm == "pam") {
            return Err(Failure::denied(""));
        }
    }
    if super::realm::find(cluster, realm).is_none() {
        return Err(Failure::failed(format!("auth domain '{realm}' does not exist")));
    }
    let hash = auth::hash_password(call.text("password"));
    let missing = || Failure::failed(format!("no such user ('{user}')"));
    cluster.access.users.get_mut(user).ok_or_else(missing)?.password = Some(hash);
    Ok(Reply::null())
}

// --- second factors and OpenID: the sandbox has none ---

fn openid(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{ "subdir": "auth-url" }, { "subdir": "login" }]).into())
}

fn openid_url(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let realm = call.text("realm");
    let found =
        super::realm::find(cluster, realm).ok_or_else(|| format!("authentication domain '{realm}' does not exist"))?;
    let of = found.get("type").map_or("", String::as_str);
    if of != "openid" {
        return Err(Failure::failed(format!("wrong realm type ({of} != openid)")));
    }
    let issuer = found.get("issuer-url").map_or("", String::as_str);
    Err(Failure::failed(format!("openid: cannot reach '{issuer}': the sandbox reaches no network")))
}

fn openid_login(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Err(Failure::Unauthorized("authentication failure".to_owned()))
}

fn no_factors(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([]).into())
}

fn no_factor(_: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Err(Failure::NotFound(format!("No such tfa entry '{}'", call.text("id"))))
}

fn factor_types(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let realm = call.text("userid").rsplit('@').next().unwrap_or_default();
    if super::realm::find(cluster, realm).is_none() {
        return Err(Failure::failed(format!("auth domain '{realm}' does not exist")));
    }
    Ok(if call.flag("multiple") { json!({ "user": [] }) } else { json!({}) }.into())
}

fn unlock(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!(false).into())
}

fn refuse_factors(_: &mut Cluster, call: &Call) -> Outcome<Reply> {
    match call.get("id") {
        Some(id) => Err(Failure::failed(format!("no such tfa entry '{id}'"))),
        None => Err(Failure::failed("the sandbox keeps no second factors; nothing was changed")),
    }
}

fn permissions(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let asked = call.get("userid").map_or_else(|| call.caller.clone(), Caller::parse);
    let own = asked == call.caller || (call.caller.token.is_none() && asked.user == call.caller.user);
    if !own {
        call.rights(cluster).require("/access", "Sys.Audit")?;
    }
    let at = |path: &str| -> Map<String, Value> {
        let Some(path) = normalize(path) else { return Map::new() };
        let privileges = cluster.access.privileges(&asked, &path, cluster.pool_of_path(&path)).into_iter();
        privileges.map(|(name, propagate)| (name, json!(u8::from(propagate)))).collect()
    };
    if let Some(path) = call.get("path").filter(|path| !matches!(*path, "" | "0")) {
        return Ok(json!({ path: at(path) }).into());
    }
    let mut paths: BTreeSet<String> = SHOWN.map(str::to_owned).into();
    paths.extend(cluster.access.acl.iter().map(|grant| grant.path.clone()));
    paths.extend(cluster.in_pools().map(|vmid| format!("/vms/{vmid}")));
    for pool in cluster.pools.values() {
        paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
    }
    let granted = paths.into_iter().map(|path| (at(&path), path)).filter(|(privileges, _)| !privileges.is_empty());
    Ok(Value::Object(granted.map(|(privileges, path)| (path, Value::Object(privileges))).collect()).into())
}

// --- the access control list ---

fn acl(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let audits = rights.has("/access", "Sys.Audit");
    let may = |path: &str| audits || rights.perm_modify(path).is_ok();
    let seen = cluster.access.acl.iter().filter(|grant| may(&grant.path)).map(|grant| {
        let mut entry = json!(grant);
        entry["propagate"] = json!(u8::from(grant.propagate));
        entry
    });
    Ok(seen.collect::<Value>().into())
}

/// The paths that grants are made on, beside those with an id of their own behind them.
const PATHS: [&str; 14] = [
    "/",
    "/access",
    "/access/groups",
    "/access/realm",
    "/nodes",
    "/pool",
    "/sdn",
    "/sdn/controllers",
    "/sdn/dns",
    "/sdn/ipams",
    "/sdn/zones",
    "/storage",
    "/vms",
    "/mapping",
];
/// How many levels there may be below a path.
const BELOW: [(&str, usize); 11] = [
    ("/access/groups/", 1),
    ("/access/realm/", 1),
    ("/nodes/", 1),
    ("/pool/", 3),
    ("/sdn/controllers/", 1),
    ("/sdn/dns/", 1),
    ("/sdn/ipams/", 1),
    ("/sdn/zones/", 3),
    ("/storage/", 1),
    ("/vms/", 1),
    ("/mapping/", 2),
];

/// Whether grants may be made on a path.
fn is_path(path: &str) -> bool {
    let below = |(prefix, most): &(&str, usize)| {
        path.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.split('/').count() <= *most)
    };
    let vmid = |path: &str| path.len() > 2 && path.bytes().all(|b| b.is_ascii_digit()) && !path.starts_with('0');
    PATHS.contains(&path) || BELOW.iter().any(below) && path.strip_prefix("/vms/").is_none_or(vmid)
}

/// Refuses to hand out, or take away, more than the caller has where it may not change permissions as such.
fn ensure_may_grant(cluster: &Cluster, call: &Call, path: &str, role: &str, propagate: bool) -> Result<(), String> {
    if call.rights(cluster).has(path, "Permissions.Modify") {
        return Ok(());
    }
    let own = cluster.access.privileges(&call.caller, path, cluster.pool_of_path(path));
    let removes = call.flag("delete");
    let verb = if removes { "remove" } else { "add" };
    let refused =
        |text: &str| Err(format!("400 Parameter verification failed.\nrole: Cannot {verb} role '{role}'{text}"));
    for privilege in cluster.access.privileges_of(role) {
        match own.get(&privilege) {
            None => return refused(" - requires 'Permissions.Modify' or superset of privileges."),
            Some(false) if propagate && !removes => {
                return refused(
                    " with propagation - requires 'Permissions.Modify' or propagated superset of privileges.",
                );
            }
            Some(_) => {}
        }
    }
    if role == "NoAccess" { refused(" - requires 'Permissions.Modify'") } else { Ok(()) }
}

/// Looks for whom a grant is to be given.
fn find_grantee(cluster: &Cluster, grantee: Grantee, ugid: &str) -> Result<(), String> {
    let users = &cluster.access.users;
    match grantee {
        Grantee::User if users.contains_key(ugid) => Ok(()),
        Grantee::User => Err(format!("user '{ugid}' does not exist")),
        Grantee::Group if cluster.access.groups.contains_key(ugid) => Ok(()),
        Grantee::Group => Err(format!("group '{ugid}' does not exist")),
        Grantee::Token => {
            let owner = Caller::parse(ugid);
            let user = users.get(&owner.user).ok_or_else(|| format!("no such user ('{}')", owner.user))?;
            let token = owner.token.unwrap_or_default();
            if user.tokens.contains_key(&token) {
                Ok(())
            } else {
                Err(format!("no such token '{token}' for user '{}'", owner.user))
            }
        }
    }
}

fn change_acl(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let subjects = [(Grantee::Group, "groups"), (Grantee::User, "users"), (Grantee::Token, "tokens")];
    if subjects.iter().all(|(_, list)| call.text(list).is_empty()) {
        let problem = "either 'users', 'groups' or 'tokens' is required.".to_owned();
        let errors = subjects.map(|(_, list)| (list.to_owned(), problem.clone()));
        return Err(Failure::Parameters(errors.into_iter().collect::<Errors>()));
    }
    let path = normalize(call.text("path")).filter(|path| call.flag("delete") || is_path(path));
    let invalid = || Failure::parameter("path", format!("invalid ACL path '{}'", call.text("path")));
    let path = path.ok_or_else(invalid)?;
    let failed = |problem: String| Failure::failed(format!("ACL update failed: {problem}"));
    let propagate = call.get("propagate").is_none_or(|propagate| propagate == "1");
    let mut grants = Vec::new();
    for roleid in call.list("roles") {
        if !cluster.access.has_role(roleid) {
            return Err(failed(format!("role '{roleid}' does not exist")));
        }
        ensure_may_grant(cluster, call, &path, roleid, propagate).map_err(failed)?;
        for (grantee, list) in subjects {
            for ugid in call.list(list) {
                find_grantee(cluster, grantee, ugid).map_err(failed)?;
                let (path, ugid, roleid) = (path.clone(), ugid.to_owned(), roleid.to_owned());
                grants.push(Grant { path, grantee, ugid, roleid, propagate });
            }
        }
    }
    let same =
        |a: &Grant, b: &Grant| a.path == b.path && a.grantee == b.grantee && a.ugid == b.ugid && a.roleid == b.roleid;
    cluster.access.acl.retain(|grant| !grants.iter().any(|new| same(grant, new)));
    if !call.flag("delete") {
        cluster.access.acl.extend(grants);
        cluster.access.acl.sort();
    }
    Ok(Reply::null())
}
