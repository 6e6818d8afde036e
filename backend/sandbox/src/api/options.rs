//! The datacenter's options, and which tags they let a caller use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::schema::{Format, Kind, schema};

const PATH: &str = "/cluster/options";
/// The prefix of new MAC addresses when nothing is said.
const MAC_PREFIX: &str = "BC:24:11";
/// The keyboard of the host that the sandbox stands in for.
const KEYBOARD: &str = "en-us";
/// What is shown to those who may not see the options.
const FOR_ALL: [&str; 2] = ["console", "tag-style"];
/// Where the range of free VMIDs begins and ends when nothing is said.
const RANGE: (u64, u64) = (100, 1_000_000);

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", PATH) => options,
        ("PUT", PATH) => set_options,
        _ => return None,
    })
}

/// An option as the API shows it: lists as lists, property strings as objects.
fn shown(name: &str, value: &str) -> Value {
    let list = |text: &str| text.split(';').filter(|part| !part.is_empty()).collect::<Value>();
    if name == "registered-tags" {
        return list(value);
    }
    let property = schema().parameter("PUT", PATH, name);
    let Some(Format::Parts(parts)) = property.and_then(|property| property.format.as_ref()) else {
        return json!(value);
    };
    let values = format::parse(parts, value).unwrap_or_default();
    let typed = |(key, text): (String, String)| {
        let flag = parts.get(&key).is_some_and(|part| part.kind == Kind::Boolean);
        let value = match text.as_str() {
            "0" | "1" if flag => json!(u8::from(text == "1")),
            text if key == "user-allow-list" => list(text),
            text => json!(text),
        };
        (key, value)
    };
    Value::Object(values.into_iter().map(typed).collect())
}

fn options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let audits = call.rights(cluster).has("/", "Sys.Audit");
    let mut answer = json!({});
    if audits {
        answer = json!({ "keyboard": KEYBOARD, "mac_prefix": MAC_PREFIX, "description": "" });
    }
    for (name, value) in cluster.options.iter().filter(|(name, _)| audits || FOR_ALL.contains(&name.as_str())) {
        answer[name] = shown(name, value);
    }
    answer["allowed-tags"] = json!(Tags::of(cluster, call).allowed);
    Ok(answer.into())
}

fn set_options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if let Some(range) = call.get("next-id") {
        let range = format::split(range, "lower");
        let bound = |name: &str, default: u64| range.get(name).and_then(|bound| bound.parse().ok()).unwrap_or(default);
        let (lower, upper) = (bound("lower", RANGE.0), bound("upper", RANGE.1));
        if lower > upper {
            return Err(Failure::failed(format!("lower ({lower}) <= upper ({upper}) boundary rule broken")));
        }
    }
    cluster.options.extend(call.options(&["delete"]));
    for name in call.list("delete") {
        cluster.options.remove(name);
    }
    Ok(Reply::null())
}

/// The tags that a caller may give to guests and take from them.
struct Tags<'a> {
    allowed: BTreeSet<&'a str>,
    /// Registered tags, which need a privilege.
    privileged: BTreeSet<&'a str>,
    /// Whether others may be made up.
    free: bool,
}

impl<'a> Tags<'a> {
    fn of(cluster: &'a Cluster, call: &Call) -> Self {
        let rights = call.rights(cluster);
        let privileged_caller = rights.has("/", "Sys.Modify");
        let option = |name: &str| cluster.options.get(name).map_or("", String::as_str);
        let access = option("user-tag-access").split(',').filter_map(|part| part.split_once('='));
        let access = |key: &str| access.clone().find(|(name, _)| *name == key).map(|(_, value)| value);
        let rule = access("user-allow").unwrap_or("free");
        let privileged: BTreeSet<&str> = format::list(option("registered-tags")).collect();
        let mut allowed = BTreeSet::new();
        if rule != "none" || privileged_caller {
            allowed.extend(access("user-allow-list").unwrap_or_default().split(';').filter(|tag| !tag.is_empty()));
        }
        if matches!(rule, "free" | "existing") || privileged_caller {
            let seen = |vmid: u32| privileged_caller || rights.has(&format!("/vms/{vmid}"), "VM.Audit");
            let tags = cluster.guests.values().filter_map(|guest| Some((guest.vmid, guest.get("tags")?)));
            allowed.extend(tags.filter(|(vmid, _)| seen(*vmid)).flat_map(|(_, tags)| format::list(tags)));
        }
        if privileged_caller {
            allowed.extend(&privileged);
        } else {
            allowed.retain(|tag| !privileged.contains(tag));
        }
        Self { allowed, privileged, free: rule == "free" }
    }
}

/// Refuses to change tags that the caller may not use.
pub fn ensure_tags(cluster: &Cluster, call: &Call, vmid: u32, old: &str, new: &str) -> Outcome<()> {
    let rights = call.rights(cluster);
    rights.require(&format!("/vms/{vmid}"), "VM.Config.Options")?;
    if rights.has("/", "Sys.Modify") {
        return Ok(());
    }
    let tags = Tags::of(cluster, call);
    let count = |list: &str, tag: &str| format::list(list).filter(|other| *other == tag).count();
    let changed = format::list(old).chain(format::list(new)).filter(|tag| count(old, tag) != count(new, tag));
    let refused = |tag: &&str| !(tags.allowed.contains(tag) || tags.free) || tags.privileged.contains(tag);
    match changed.into_iter().find(refused) {
        Some(tag) => Err(Failure::denied(&format!("/, Sys.Modify for modifying tag '{tag}'"))),
        None => Ok(()),
    }
}
