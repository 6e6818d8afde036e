//! Users and their API tokens.

use serde_json::{Map, Value, json};

use super::realm;
use crate::access::{Grantee, ROOT, Token, User};
use crate::ambient;
use crate::auth;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};

/// A user's attributes.
const ATTRIBUTES: [&str; 5] = ["comment", "email", "firstname", "lastname", "keys"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/access/users") => users,
        ("POST", "/access/users") => add_user,
        ("GET", "/access/users/{userid}") => user,
        ("PUT", "/access/users/{userid}") => change_user,
        ("DELETE", "/access/users/{userid}") => remove_user,
        ("GET", "/access/users/{userid}/token") => tokens,
        ("GET", "/access/users/{userid}/token/{tokenid}") => token,
        ("POST", "/access/users/{userid}/token/{tokenid}") => add_token,
        ("PUT", "/access/users/{userid}/token/{tokenid}") => change_token,
        ("DELETE", "/access/users/{userid}/token/{tokenid}") => remove_token,
        _ => return None,
    })
}

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
    const AUDIT: [&str; 2] = ["User.Modify", "Sys.Audit"];
    let rights = call.rights(cluster);
    let all = rights.has_any("/access/groups", &AUDIT);
    let own = call.caller.id();
    let by_group =
        |user: &User| user.groups.iter().any(|group| rights.has_any(&format!("/access/groups/{group}"), &AUDIT));
    let seen = cluster.access.users.iter().filter(|(name, user)| {
        (all || **name == own || by_group(user))
            && call.get("enabled").is_none_or(|enabled| user.enabled == (enabled == "1"))
    });
    let entries = seen.map(|(name, user)| {
        let mut entry = shown_user(user);
        entry["userid"] = json!(name);
        let realm = name.rsplit('@').next().and_then(|name| realm::find(cluster, name));
        if let Some(realm) = realm {
            entry["realm-type"] = json!(realm.get("type"));
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
    let realm = name.rsplit('@').next().unwrap_or_default();
    if call.get("password").is_some() && realm::find(cluster, realm).is_none() {
        return Err(failed(format!("auth domain '{realm}' does not exist")));
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
    if name == ROOT {
        // Proxmox adds root where it finds none, and the password is the system's.
        let root = User { enabled: true, password: user.password, ..User::default() };
        cluster.access.users.insert(ROOT.to_owned(), root);
    }
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
        comment: call.get("comment").filter(|comment| !comment.is_empty()).map(str::to_owned),
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
    if let Some(comment) = call.get("comment").filter(|comment| !matches!(*comment, "" | "0")) {
        token.comment = Some(comment.to_owned());
    }
    if let Some(expire) = call.get("expire").and_then(|expire| expire.parse().ok()) {
        token.expire = expire;
    }
    if call.get("privsep").is_some() {
        token.privsep = call.flag("privsep");
    }
    let mut shown = shown_token(None, token);
    // What was sent comes back as it came.
    for key in ["expire", "privsep"] {
        if let Some(value) = call.get(key) {
            shown[key] = json!(value);
        }
    }
    Ok(shown.into())
}

fn remove_token(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (user, name) = (call.text("userid"), call.text("tokenid"));
    find_mut(cluster, user)?.tokens.remove(name).ok_or_else(|| no_token(call))?;
    cluster.access.revoke(Grantee::Token, &format!("{user}!{name}"));
    Ok(Reply::null())
}
