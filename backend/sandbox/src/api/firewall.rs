//! The firewall's configuration, at every level: cluster, node, guest, security group.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Firewall, Set, digest, typed};
use crate::format::ip_version;

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";
/// A few of the macros that rules may name, with what they are.
const MACROS: [(&str, &str); 24] = [
    ("Amanda", "Amanda Backup"),
    ("Auth", "Auth (identd) traffic"),
    ("BGP", "Border Gateway Protocol traffic"),
    ("Ceph", "Ceph Storage Cluster traffic (Ceph Monitors, OSD & MDS Daemons)"),
    ("DHCPfwd", "Forwarded DHCP traffic"),
    ("DNS", "Domain Name System traffic (upd and tcp)"),
    ("FTP", "File Transfer Protocol"),
    ("Git", "Git distributed revision control traffic"),
    ("HTTP", "Hypertext Transfer Protocol (WWW)"),
    ("HTTPS", "Hypertext Transfer Protocol (WWW) over SSL"),
    ("IMAP", "Internet Message Access Protocol"),
    ("LDAP", "Lightweight Directory Access Protocol traffic"),
    ("MSNP", "Microsoft Notification Protocol"),
    ("MySQL", "MySQL server"),
    ("NTP", "Network Time Protocol (ntpd)"),
    ("OSPF", "OSPF multicast traffic"),
    ("Ping", "ICMP echo request"),
    ("PostgreSQL", "PostgreSQL server"),
    ("PPtP", "Point-to-Point Tunneling Protocol"),
    ("RDP", "Microsoft Remote Desktop Protocol traffic"),
    ("SMTP", "Simple Mail Transfer Protocol"),
    ("SSH", "Secure shell traffic"),
    ("Telnets", "Telnet over SSL"),
    ("VNC", "VNC traffic for VNC display's 0 - 99"),
];
/// Parameters that place a call rather than describe what it makes.
const PLACE: [&str; 9] = ["node", "vmid", "pos", "digest", "delete", "moveto", "group", "name", "rename"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    let rest = path
        .strip_prefix("/cluster/firewall")
        .or_else(|| path.strip_prefix("/nodes/{node}/firewall"))
        .or_else(|| path.strip_prefix("/nodes/{node}/qemu/{vmid}/firewall"))
        .or_else(|| path.strip_prefix("/nodes/{node}/lxc/{vmid}/firewall"))?;
    Some(match (verb, rest) {
        ("GET", "/options") => options,
        ("PUT", "/options") => set_options,
        ("GET", "/rules" | "/groups/{group}") => rules,
        ("POST", "/rules" | "/groups/{group}") => add_rule,
        ("GET", "/rules/{pos}" | "/groups/{group}/{pos}") => rule,
        ("PUT", "/rules/{pos}" | "/groups/{group}/{pos}") => change_rule,
        ("DELETE", "/rules/{pos}" | "/groups/{group}/{pos}") => remove_rule,
        ("GET", "/groups") => groups,
        ("POST", "/groups") => add_group,
        ("DELETE", "/groups/{group}") => remove_group,
        ("GET", "/aliases") => aliases,
        ("POST", "/aliases") => add_alias,
        ("GET", "/aliases/{name}") => alias,
        ("PUT", "/aliases/{name}") => change_alias,
        ("DELETE", "/aliases/{name}") => remove_alias,
        ("GET", "/ipset") => sets,
        ("POST", "/ipset") => add_set,
        ("GET", "/ipset/{name}") => set,
        ("POST", "/ipset/{name}") => add_entry,
        ("DELETE", "/ipset/{name}") => remove_set,
        ("GET", "/ipset/{name}/{cidr}") => entry,
        ("DELETE", "/ipset/{name}/{cidr}") => remove_entry,
        ("GET", "/macros") => macros,
        ("GET", "/refs") => refs,
        ("GET", "/log") => log,
        _ => return None,
    })
}

/// The scope of a call's firewall, as in [`Cluster::firewalls`].
fn scope(call: &Call) -> String {
    let path = call.method.path.as_str();
    if path.contains("/groups/{group}") {
        format!("group/{}", call.text("group"))
    } else if path.contains("{vmid}") {
        format!("guest/{}", call.text("vmid"))
    } else if path.starts_with("/nodes/") {
        format!("node/{}", call.node)
    } else {
        "cluster".to_owned()
    }
}

fn read(cluster: &Cluster, call: &Call) -> Firewall {
    cluster.firewalls.get(&scope(call)).cloned().unwrap_or_default()
}

fn write<'a>(cluster: &'a mut Cluster, call: &Call) -> &'a mut Firewall {
    cluster.firewalls.entry(scope(call)).or_default()
}

// --- options ---

fn options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let options = read(cluster, call).options;
    let mut shown = json!({ "digest": digest(&options) });
    for (name, value) in &options {
        shown[name] = typed(name, value);
    }
    Ok(shown.into())
}

fn set_options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = write(cluster, call);
    ensure_digest(call, &digest(&firewall.options))?;
    for name in call.list("delete") {
        firewall.options.remove(name);
    }
    firewall.options.extend(call.options(&["node", "vmid", "delete", "digest"]));
    Ok(Reply::null())
}

fn ensure_digest(call: &Call, current: &str) -> Outcome<()> {
    match call.get("digest") {
        Some(digest) if digest != current => Err(Failure::failed(MODIFIED)),
        _ => Ok(()),
    }
}

// --- rules ---

fn no_rule(call: &Call) -> Failure {
    Failure::failed(format!("no rule at position {}", call.text("pos")))
}

fn position(call: &Call, firewall: &Firewall) -> Outcome<usize> {
    call.number("pos")
        .and_then(|position| usize::try_from(position).ok())
        .filter(|position| *position < firewall.rules.len())
        .ok_or_else(|| no_rule(call))
}

fn rules(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    Ok((0..firewall.rules.len()).filter_map(|position| firewall.rule(position)).collect::<Value>().into())
}

fn rule(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = read(cluster, call);
    let position = position(call, &firewall)?;
    let mut shown = firewall.rule(position).unwrap_or_default();
    shown["pos"] = json!(position.to_string());
    Ok(shown.into())
}

/// A rule's options, checked against each other.
fn described(call: &Call) -> Outcome<BTreeMap<String, String>> {
    let rule = call.options(&PLACE);
    for port in ["dport", "sport"] {
        if rule.contains_key(port) && !rule.contains_key("proto") && !rule.contains_key("macro") {
            return Err(Failure::parameter("proto", format!("missing property - '{port}' requires this property")));
        }
    }
    if let Some(name) = rule.get("macro")
        && !MACROS.iter().any(|(known, _)| known == name)
    {
        return Err(Failure::parameter("macro", format!("unknown macro '{name}'")));
    }
    Ok(rule)
}

fn add_rule(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rule = described(call)?;
    let firewall = write(cluster, call);
    ensure_digest(call, &digest(&firewall.rules))?;
    let position = call.number("pos").and_then(|position| usize::try_from(position).ok()).unwrap_or(0);
    firewall.rules.insert(position.min(firewall.rules.len()), rule);
    Ok(Reply::null())
}

fn change_rule(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let changes = call.options(&PLACE);
    let firewall = write(cluster, call);
    ensure_digest(call, &digest(&firewall.rules))?;
    let position = position(call, firewall)?;
    if let Some(target) = call.number("moveto").and_then(|target| usize::try_from(target).ok()) {
        let rule = firewall.rules.remove(position);
        // The target counts the rule itself where it stands before it.
        let target = if target > position { target - 1 } else { target };
        firewall.rules.insert(target.min(firewall.rules.len()), rule);
        return Ok(Reply::null());
    }
    if let Some(rule) = firewall.rules.get_mut(position) {
        for name in call.list("delete") {
            rule.remove(name);
        }
        rule.extend(changes);
    }
    Ok(Reply::null())
}

fn remove_rule(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let firewall = write(cluster, call);
    ensure_digest(call, &digest(&firewall.rules))?;
    let position = position(call, firewall)?;
    firewall.rules.remove(position);
    Ok(Reply::null())
}

// --- security groups ---

fn groups(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let groups =
        cluster.firewalls.iter().filter_map(|(scope, firewall)| Some((scope.strip_prefix("group/")?, firewall)));
    let entries = groups.map(|(name, firewall)| {
        let mut entry = json!({ "group": name, "digest": digest(&firewall.rules) });
        if let Some(comment) = &firewall.comment {
            entry["comment"] = json!(comment);
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn add_group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("group");
    let scope = format!("group/{name}");
    if cluster.firewalls.contains_key(&scope) && call.get("rename").is_none() {
        return Err(Failure::parameter("group", format!("Security group '{name}' already exists")));
    }
    let mut firewall =
        call.get("rename").and_then(|old| cluster.firewalls.remove(&format!("group/{old}"))).unwrap_or_default();
    firewall.comment = call.get("comment").map(str::to_owned);
    cluster.firewalls.insert(scope, firewall);
    Ok(Reply::null())
}

fn remove_group(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("group");
    if !read(cluster, call).rules.is_empty() {
        return Err(Failure::failed(format!("Security group '{name}' is not empty")));
    }
    cluster.firewalls.remove(&scope(call));
    Ok(Reply::null())
}

// --- aliases ---

fn shown_alias(name: &str, alias: &BTreeMap<String, String>, digest: &str) -> Value {
    let mut shown = json!({ "name": name, "digest": digest });
    for (key, value) in alias {
        shown[key] = json!(value);
    }
    if let Some(version) = alias.get("cidr").and_then(|cidr| ip_version(cidr)) {
        shown["ipversion"] = json!(version);
    }
    shown
}

fn aliases(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let aliases = read(cluster, call).aliases;
    let digest = digest(&aliases);
    Ok(aliases.iter().map(|(name, alias)| shown_alias(name, alias, &digest)).collect::<Value>().into())
}

fn no_alias(call: &Call) -> Failure {
    Failure::parameter("name", format!("no such alias '{}'", call.text("name")))
}

fn alias(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let aliases = read(cluster, call).aliases;
    let alias = aliases.get(call.text("name")).ok_or_else(|| no_alias(call))?;
    Ok(shown_alias(call.text("name"), alias, &digest(&aliases)).into())
}

fn add_alias(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    let aliases = &mut write(cluster, call).aliases;
    if aliases.contains_key(name) {
        return Err(Failure::parameter("name", format!("alias '{name}' already exists")));
    }
    aliases.insert(name.to_owned(), call.options(&PLACE));
    Ok(Reply::null())
}

fn change_alias(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let aliases = &mut write(cluster, call).aliases;
    ensure_digest(call, &digest(aliases))?;
    let mut alias = aliases.remove(call.text("name")).ok_or_else(|| no_alias(call))?;
    alias.extend(call.options(&PLACE));
    aliases.insert(call.get("rename").unwrap_or(call.text("name")).to_owned(), alias);
    Ok(Reply::null())
}

fn remove_alias(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    write(cluster, call).aliases.remove(call.text("name"));
    Ok(Reply::null())
}

// --- IP sets ---

fn sets(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let sets = read(cluster, call).sets;
    let digest = digest(&sets);
    let entries = sets.iter().map(|(name, set)| {
        let mut entry = json!({ "name": name, "digest": digest });
        if let Some(comment) = &set.comment {
            entry["comment"] = json!(comment);
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn add_set(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    let sets = &mut write(cluster, call).sets;
    if sets.contains_key(name) && call.get("rename").is_none() {
        return Err(Failure::parameter("name", format!("IPSet '{name}' already exists")));
    }
    let mut set = call.get("rename").and_then(|old| sets.remove(old)).unwrap_or_default();
    set.comment = call.get("comment").map(str::to_owned);
    sets.insert(name.to_owned(), set);
    Ok(Reply::null())
}

fn find_set<'a>(cluster: &'a mut Cluster, call: &Call) -> Outcome<&'a mut Set> {
    let name = call.text("name");
    let missing = || Failure::failed(format!("no such IPSet '{name}'"));
    write(cluster, call).sets.get_mut(name).ok_or_else(missing)
}

fn set(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let set = find_set(cluster, call)?;
    let digest = digest(&set.entries);
    let entries = set.entries.iter().map(|(cidr, entry)| {
        let mut shown = json!({ "cidr": cidr, "digest": digest });
        for (name, value) in entry.iter().filter(|(name, value)| !(*name == "nomatch" && *value == "0")) {
            shown[name] = typed(name, value);
        }
        shown
    });
    Ok(entries.collect::<Value>().into())
}

fn add_entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let cidr = call.text("cidr").to_owned();
    let known = ip_version(&cidr).is_some()
        || read(cluster, call).aliases.contains_key(&cidr)
        || cluster.firewalls.get("cluster").is_some_and(|firewall| firewall.aliases.contains_key(&cidr));
    if !known {
        return Err(Failure::failed(format!("no such alias '{cidr}'")));
    }
    let set = find_set(cluster, call)?;
    if set.entries.contains_key(&cidr) {
        return Err(Failure::parameter("cidr", format!("address '{cidr}' already exists")));
    }
    set.entries.insert(cidr, call.options(&["node", "vmid", "name", "cidr"]));
    Ok(Reply::null())
}

fn entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let cidr = call.text("cidr").to_owned();
    let set = find_set(cluster, call)?;
    let entry = set.entries.get(&cidr).ok_or_else(|| Failure::parameter("cidr", "no such IP/Network"))?;
    Ok(json!({ "cidr": cidr, "comment": entry.get("comment"), "digest": digest(&set.entries) }).into())
}

fn remove_entry(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let cidr = call.text("cidr").to_owned();
    find_set(cluster, call)?.entries.remove(&cidr);
    Ok(Reply::null())
}

fn remove_set(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("name");
    if !find_set(cluster, call)?.entries.is_empty() && !call.flag("force") {
        return Err(Failure::failed(format!("IPSet '{name}' is not empty")));
    }
    write(cluster, call).sets.remove(name);
    Ok(Reply::null())
}

// --- the rest ---

fn macros(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(MACROS.iter().map(|(name, text)| json!({ "macro": name, "descr": text })).collect::<Value>().into())
}

fn refs(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let own = scope(call);
    let mut entries = Vec::new();
    let scopes =
        if own == "cluster" { vec![("cluster", "dc")] } else { vec![(own.as_str(), "guest"), ("cluster", "dc")] };
    for (scope, place) in scopes {
        let Some(firewall) = cluster.firewalls.get(scope) else { continue };
        let named = |kind: &str, name: &String| {
            let sign = if kind == "ipset" { "+" } else { "" };
            json!({ "type": kind, "name": name, "ref": format!("{sign}{name}"), "scope": place })
        };
        let wanted = |kind: &str| call.get("type").is_none_or(|wanted| wanted == kind);
        entries.extend(firewall.sets.keys().filter(|_| wanted("ipset")).map(|name| named("ipset", name)));
        entries.extend(firewall.aliases.keys().filter(|_| wanted("alias")).map(|name| named("alias", name)));
    }
    Ok(Value::Array(entries).into())
}

fn log(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    // No list, unlike every other log.
    Ok(json!({ "n": 1, "t": "unable to open file - No such file or directory" }).into())
}
