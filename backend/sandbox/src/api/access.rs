//! Users, groups, roles, tokens, the access control list, and logging in.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::access::{Caller, Grant, Grantee, Token, User};
use crate::ambient;
use crate::auth;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::permission::{PRIVILEGES, ROLES, normalize};
use crate::schema::Errors;

/// The realms, with what they are.
const REALMS: [(&str, &str); 2] =
    [("pam", "Linux PAM standard authentication"), ("pve", "Proxmox VE authentication server")];
/// The roots of the paths that grants are made on.
const ROOTS: [&str; 8] = ["access", "mapping", "nodes", "pool", "sdn", "storage", "vms", ""];
/// The paths that a user's permissions are shown for in any case.
const SHOWN: [&str; 9] =
    ["/", "/access", "/access/groups", "/access/realm", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
/// A user's attributes.
const ATTRIBUTES: [&str; 5] = ["comment", "email", "firstname", "lastname", "keys"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/access/ticket") => no_ticket,
        ("POST", "/access/ticket") => log_in,
        ("GET", "/access/domains") => realms,
        ("GET", "/access/permissions") => permissions,
        ("GET", "/access/users") => users,
        ("POST", "/access/users") => add_user,
        ("GET", "/access/users/{userid}") => user,
        ("PUT", "/access/users/{userid}") => change_user,
        ("DELETE", "/access/users/{userid}") => remove_user,
        ("PUT", "/access/password") => change_password,
        ("GET", "/access/users/{userid}/token") => tokens,
        ("GET", "/access/users/{userid}/token/{tokenid}") => token,
        ("POST", "/access/users/{userid}/token/{tokenid}") => add_token,
        ("PUT", "/access/users/{userid}/token/{tokenid}") => change_token,
        ("DELETE", "/access/users/{userid}/token/{tokenid}") => remove_token,
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
    let name = call.text("username");
    let user = match call.get("realm") {
        Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
        _ => name.to_owned(),
    };
    if !auth::verify_password(cluster, &user, call.text("password")) {
        return Err(Failure::Unauthorized("authentication failure".to_owned()));
    }
    let caller = Caller { user: user.clone(), token: None };
    let node = cluster.nodes.keys().next().cloned().unwrap_or_default();
    cluster.record(&node, &caller, format!("successful auth for user '{user}'"));
    Ok(json!({
        "username": user, "ticket": auth::ticket(cluster, &user), "CSRFPreventionToken": auth::csrf(cluster, &user),
        "cap": capabilities(cluster, &caller),
    })
    .into())
}

/// What the user interface may offer, by area.
fn capabilities(cluster: &Cluster, caller: &Caller) -> Value {
    let areas: [(&str, &str, &[&str]); 7] = [
        ("vms", "/vms", &["VM."]),
        ("storage", "/storage", &["Datastore."]),
        ("nodes", "/nodes", &["Sys."]),
        ("access", "/access", &["User.Modify", "Group.Allocate"]),
        ("dc", "/", &["Sys.Audit", "Sys.Modify", "SDN."]),
        ("sdn", "/sdn", &["SDN."]),
        ("mapping", "/mapping", &["Mapping."]),
    ];
    let mut capabilities = Map::new();
    for (area, path, prefixes) in areas {
        let mut found = Map::new();
        let below = format!("{path}/");
        let paths =
            cluster.access.acl.iter().map(|grant| grant.path.as_str()).filter(|granted| granted.starts_with(&below));
        for path in std::iter::once(path).chain(paths) {
            for privilege in cluster.access.privileges(caller, path, None).keys() {
                let named = prefixes.iter().any(|prefix| privilege.starts_with(prefix));
                if named || (privilege == "Permissions.Modify" && area != "dc") {
                    found.insert(privilege.clone(), json!(1));
                }
            }
        }
        capabilities.insert(area.to_owned(), Value::Object(found));
    }
    Value::Object(capabilities)
}

fn realms(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let realms = REALMS.iter().map(|(realm, comment)| json!({ "realm": realm, "type": realm, "comment": comment }));
    Ok(realms.collect::<Value>().into())
}

fn permissions(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let asked = call.get("userid").map_or_else(|| call.caller.clone(), Caller::parse);
    let own = asked == call.caller || (call.caller.token.is_none() && asked.user == call.caller.user);
    if !own {
        call.rights(cluster).require("/access", "Sys.Audit")?;
    }
    let mut paths: BTreeSet<String> = BTreeSet::new();
    if let Some(path) = call.get("path") {
        paths.insert(normalize(path).unwrap_or_default());
    } else {
        paths.extend(SHOWN.map(str::to_owned));
        paths.extend(cluster.access.acl.iter().map(|grant| grant.path.clone()));
    }
    let mut shown = Map::new();
    for path in paths {
        let pool = cluster.pool_of_path(&path);
        let privileges = cluster.access.privileges(&asked, &path, pool);
        if !privileges.is_empty() {
            let privileges: Map<String, Value> =
                privileges.into_iter().map(|(name, propagate)| (name, json!(u8::from(propagate)))).collect();
            shown.insert(path, Value::Object(privileges));
        }
    }
    Ok(Value::Object(shown).into())
}

// --- users ---

fn no_user(user: &str) -> Failure {
    Failure::failed(format!("no such user ('{user}')"))
}

fn find<'a>(cluster: &'a Cluster, user: &str) -> Outcome<&'a User> {
    cluster.access.users.get(user).ok_or_else(|| no_user(user))
}

fn find_mut<'a>(cluster: &'a mut Cluster, user: &str) -> Outcome<&'a mut User> {
    cluster.access.users.get_mut(user).ok_or_else(|| no_user(user))
}

fn shown_token(name: Option<&str>, token: &Token) -> Value {
    let mut shown = json!({ "privsep": u8::from(token.privsep), "expire": token.expire });
    if let Some(name) = name {
        shown["tokenid"] = json!(name);
    }
    if let Some(comment) = &token.comment {
        shown["comment"] = json!(comment);
    }
    shown
}

fn token_list(user: &User) -> Value {
    user.tokens.iter().map(|(name, token)| shown_token(Some(name), token)).collect()
}

fn shown_user(user: &User) -> Value {
    let mut shown = json!({ "enable": u8::from(user.enabled), "expire": user.expire });
    for (name, value) in &user.attributes {
        shown[name] = json!(value);
    }
    shown
}

fn users(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let all = rights.has_any("/access/groups", &["User.Modify", "Sys.Audit"]);
    let own = call.caller.id();
    let seen = cluster.access.users.iter().filter(|(name, user)| {
        (all || **name == own) && call.get("enabled").is_none_or(|enabled| user.enabled == (enabled == "1"))
    });
    let entries = seen.map(|(name, user)| {
        let mut entry = shown_user(user);
        entry["userid"] = json!(name);
        if let Some((realm, _)) = REALMS.iter().find(|(realm, _)| name.ends_with(&format!("@{realm}"))) {
            entry["realm-type"] = json!(realm);
        }
        if call.flag("full") {
            let groups: Vec<&str> = user.groups.iter().map(String::as_str).collect();
            entry["groups"] = json!(groups.join(","));
            entry["tokens"] = if user.tokens.is_empty() { Value::Null } else { token_list(user) };
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn user(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let user = find(cluster, call.text("userid"))?;
    let mut shown = shown_user(user);
    shown["groups"] = json!(user.groups);
    let tokens: Map<String, Value> =
        user.tokens.iter().map(|(name, token)| (name.clone(), shown_token(None, token))).collect();
    shown["tokens"] = if tokens.is_empty() { Value::Null } else { Value::Object(tokens) };
    Ok(shown.into())
}

/// Sets what a call says of a user.
fn describe(user: &mut User, call: &Call) {
    user.attributes.extend(call.options(&[]).into_iter().filter(|(name, _)| ATTRIBUTES.contains(&name.as_str())));
    if call.get("enable").is_some() {
        user.enabled = call.flag("enable");
    }
    if let Some(expire) = call.get("expire").and_then(|expire| expire.parse().ok()) {
        user.expire = expire;
    }
    if call.get("groups").is_some() {
        let groups = call.list("groups").into_iter().map(str::to_owned);
        if call.flag("append") {
            user.groups.extend(groups);
        } else {
            user.groups = groups.collect();
        }
    }
}

fn ensure_groups(cluster: &Cluster, call: &Call) -> Result<(), String> {
    let missing = call.list("groups").into_iter().find(|group| !cluster.access.groups.contains_key(*group));
    missing.map_or(Ok(()), |group| Err(format!("no such group '{group}'")))
}

fn add_user(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("userid");
    let failed = |problem: String| Failure::failed(format!("create user failed: {problem}"));
    if cluster.access.users.contains_key(name) {
        return Err(failed(format!("user '{name}' already exists")));
    }
    ensure_groups(cluster, call).map_err(failed)?;
    let mut user = User { enabled: true, ..User::default() };
    user.password = call.get("password").map(auth::hash_password);
    describe(&mut user, call);
    cluster.access.users.insert(name.to_owned(), user);
    Ok(Reply::null())
}

fn change_user(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    find(cluster, call.text("userid"))?;
    ensure_groups(cluster, call).map_err(|problem| Failure::failed(format!("update user failed: {problem}")))?;
    describe(find_mut(cluster, call.text("userid"))?, call);
    Ok(Reply::null())
}

fn remove_user(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("userid");
    let user = cluster.access.users.remove(name).ok_or_else(|| no_user(name))?;
    cluster.access.revoke(Grantee::User, name);
    for token in user.tokens.keys() {
        cluster.access.revoke(Grantee::Token, &format!("{name}!{token}"));
    }
    Ok(Reply::null())
}

fn change_password(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if call.caller.token.is_some() {
        return Err(Failure::denied("API tokens can't change passwords"));
    }
    let hash = auth::hash_password(call.text("password"));
    find_mut(cluster, call.text("userid"))?.password = Some(hash);
    Ok(Reply::null())
}

// --- tokens ---

fn no_token(call: &Call) -> Failure {
    let (token, user) = (call.text("tokenid"), call.text("userid"));
    Failure::failed(format!("no such token '{token}' for user '{user}'"))
}

fn tokens(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(token_list(find(cluster, call.text("userid"))?).into())
}

fn token(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let user = find(cluster, call.text("userid"))?;
    let token = user.tokens.get(call.text("tokenid")).ok_or_else(|| no_token(call))?;
    Ok(shown_token(None, token).into())
}

fn add_token(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, userid) = (call.text("tokenid"), call.text("userid"));
    let user = find_mut(cluster, userid)?;
    if user.tokens.contains_key(name) {
        return Err(Failure::parameter("tokenid", "Token already exists."));
    }
    let secret = ambient::uuid();
    let expire = call.get("expire").and_then(|expire| expire.parse().ok()).unwrap_or(0);
    let token = Token {
        comment: call.get("comment").map(str::to_owned),
        expire,
        privsep: call.get("privsep").is_none_or(|privsep| privsep == "1"),
        secret: secret.clone(),
    };
    user.tokens.insert(name.to_owned(), token);
    // What was sent comes back as it came; only the default is a number.
    let mut info = json!({ "privsep": 1 });
    for key in ["comment", "expire", "privsep"] {
        if let Some(value) = call.get(key) {
            info[key] = json!(value);
        }
    }
    Ok(json!({ "full-tokenid": format!("{userid}!{name}"), "value": secret, "info": info }).into())
}

fn change_token(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let missing = no_token(call);
    let token = find_mut(cluster, call.text("userid"))?.tokens.get_mut(call.text("tokenid")).ok_or(missing)?;
    if let Some(comment) = call.get("comment") {
        token.comment = Some(comment.to_owned());
    }
    if let Some(expire) = call.get("expire").and_then(|expire| expire.parse().ok()) {
        token.expire = expire;
    }
    if call.get("privsep").is_some() {
        token.privsep = call.flag("privsep");
    }
    Ok(shown_token(None, token).into())
}

fn remove_token(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (user, name) = (call.text("userid"), call.text("tokenid"));
    find_mut(cluster, user)?.tokens.remove(name).ok_or_else(|| no_token(call))?;
    cluster.access.revoke(Grantee::Token, &format!("{user}!{name}"));
    Ok(Reply::null())
}

// --- groups ---

fn members<'a>(cluster: &'a Cluster, group: &str) -> Vec<&'a str> {
    let users = cluster.access.users.iter().filter(|(_, user)| user.groups.contains(group));
    users.map(|(name, _)| name.as_str()).collect()
}

fn groups(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let entries = cluster.access.groups.iter().map(|(name, comment)| {
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
    cluster.access.groups.insert(name.to_owned(), call.get("comment").map(str::to_owned));
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

// --- the access control list ---

fn acl(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let audits = rights.has("/access", "Sys.Audit");
    let may = |path: &str| {
        audits || rights.has(path, "Permissions.Modify") || path.starts_with("/vms/") && rights.has(path, "VM.Allocate")
    };
    let seen = cluster.access.acl.iter().filter(|grant| may(&grant.path)).map(|grant| {
        let mut entry = json!(grant);
        entry["propagate"] = json!(u8::from(grant.propagate));
        entry
    });
    Ok(seen.collect::<Value>().into())
}

fn change_acl(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let subjects =
        [(Grantee::User, "users", "user"), (Grantee::Group, "groups", "group"), (Grantee::Token, "tokens", "token")];
    if subjects.iter().all(|(_, list, _)| call.get(list).is_none()) {
        let problem = "either 'users', 'groups' or 'tokens' is required.".to_owned();
        return Err(Failure::Parameters(
            subjects.map(|(_, list, _)| (list.to_owned(), problem.clone())).into_iter().collect::<Errors>(),
        ));
    }
    let path = normalize(call.text("path"))
        .filter(|path| ROOTS.contains(&path.split('/').nth(1).unwrap_or_default()))
        .ok_or_else(|| Failure::parameter("path", format!("invalid ACL path '{}'", call.text("path"))))?;
    let failed = |problem: String| Failure::failed(format!("ACL update failed: {problem}"));
    let propagate = call.get("propagate").is_none_or(|propagate| propagate == "1");
    let mut grants = Vec::new();
    for roleid in call.list("roles") {
        if !cluster.access.has_role(roleid) {
            return Err(failed(format!("role '{roleid}' does not exist")));
        }
        for (grantee, list, noun) in subjects {
            for ugid in call.list(list) {
                let known = match grantee {
                    Grantee::User => cluster.access.users.contains_key(ugid),
                    Grantee::Group => cluster.access.groups.contains_key(ugid),
                    Grantee::Token => {
                        let owner = Caller::parse(ugid);
                        let tokens = cluster.access.users.get(&owner.user).map(|user| &user.tokens);
                        owner.token.is_some_and(|token| tokens.is_some_and(|tokens| tokens.contains_key(&token)))
                    }
                };
                if !known {
                    return Err(failed(format!("{noun} '{ugid}' does not exist")));
                }
                grants.push(Grant {
                    path: path.clone(),
                    grantee,
                    ugid: ugid.to_owned(),
                    roleid: roleid.to_owned(),
                    propagate,
                });
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
