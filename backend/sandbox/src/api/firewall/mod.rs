//! The firewall's configuration, at every level: cluster, node, guest, vnet, security group.

mod alias;
mod group;
mod rule;
mod set;

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::firewall::{Firewall, Level, Listing, Names, Shown, describe, macros, shown};
use crate::schema::schema;

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";
/// Said where a vnet is not there, or not yet applied.
const NO_VNET: &str = "invalid vnet specified at /usr/share/perl5/PVE/API2/Firewall/Helpers.pm line 53.";
/// Parameters that place a call rather than describe what it makes.
const PLACE: [&str; 8] = ["node", "vmid", "vnet", "pos", "digest", "delete", "moveto", "group"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    let rest = path
        .strip_prefix("/cluster/firewall")
        .or_else(|| path.strip_prefix("/cluster/sdn/vnets/{vnet}/firewall"))
        .or_else(|| path.strip_prefix("/nodes/{node}/firewall"))
        .or_else(|| path.strip_prefix("/nodes/{node}/qemu/{vmid}/firewall"))
        .or_else(|| path.strip_prefix("/nodes/{node}/lxc/{vmid}/firewall"))?;
    Some(match (verb, rest) {
        ("GET", "/options") => options,
        ("PUT", "/options") => set_options,
        ("GET", "/macros") => all_macros,
        ("GET", "/refs") => refs,
        ("GET", "/log") => log,
        _ => {
            return rule::handler(verb, rest)
                .or_else(|| group::handler(verb, rest))
                .or_else(|| alias::handler(verb, rest))
                .or_else(|| set::handler(verb, rest));
        }
    })
}

/// Where a call's rules stand.
fn level(call: &Call) -> Level {
    let path = call.method.path.as_str();
    if path.contains("/groups/{group}") {
        Level::Group
    } else if path.contains("/qemu/{vmid}") {
        Level::Vm
    } else if path.contains("/lxc/{vmid}") {
        Level::Ct
    } else if path.contains("/vnets/{vnet}") {
        Level::Vnet
    } else if path.starts_with("/nodes/") {
        Level::Host
    } else {
        Level::Cluster
    }
}

/// The key of a call's firewall in [`Cluster::firewalls`].
fn key(call: &Call) -> String {
    match level(call) {
        Level::Cluster => "cluster".to_owned(),
        Level::Host => format!("node/{}", call.node),
        Level::Vm | Level::Ct => format!("guest/{}", call.text("vmid")),
        Level::Vnet => format!("vnet/{}", call.text("vnet")),
        Level::Group => format!("group/{}", call.text("group")),
    }
}

fn read(cluster: &Cluster, call: &Call) -> Firewall {
    cluster.firewalls.get(&key(call)).cloned().unwrap_or_default()
}

fn write<'a>(cluster: &'a mut Cluster, call: &Call) -> &'a mut Firewall {
    cluster.firewalls.entry(key(call)).or_default()
}

/// Where the names in a call's firewall are looked up.
fn names<'a>(cluster: &'a Cluster, call: &Call) -> Names<'a> {
    Names { own: cluster.firewalls.get(&key(call)), cluster: cluster.firewalls.get("cluster") }
}

impl Listing {
    /// Refuses a change that goes out from an older configuration.
    fn ensure_unmodified(&self, call: &Call) -> Outcome<()> {
        match call.get("digest") {
            Some(digest) if !digest.is_empty() && digest != self.digest => Err(Failure::failed(MODIFIED)),
            _ => Ok(()),
        }
    }
}

impl From<Listing> for Reply {
    fn from(listing: Listing) -> Self {
        listing.entries.into_iter().map(Value::Object).collect::<Value>().into()
    }
}

/// Whether a call's method takes a parameter.
fn knows(call: &Call, name: &str) -> bool {
    schema().property(call.method, name).is_some()
}

/// Checks the rights on a vnet, which its methods do themselves.
fn ensure_vnet(cluster: &Cluster, call: &Call, privileges: &[&str]) -> Outcome<()> {
    if level(call) != Level::Vnet {
        return Ok(());
    }
    let name = call.text("vnet");
    let vnet = cluster.sections_of("running/sdn/vnets").get(name);
    let zone = vnet.and_then(|vnet| vnet.get("zone")).ok_or_else(|| Failure::failed(NO_VNET))?;
    call.rights(cluster).require_any(&format!("/sdn/zones/{zone}/{name}"), privileges)
}

fn options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_vnet(cluster, call, &["SDN.Allocate", "SDN.Audit"])?;
    let options = read(cluster, call).shown_options().entries.into_iter().next();
    Ok(options.map(Value::Object).unwrap_or_default().into())
}

fn set_options(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    ensure_vnet(cluster, call, &["SDN.Allocate"])?;
    let now = cluster.seconds();
    let level = level(call);
    let mut firewall = read(cluster, call);
    firewall.shown_options().ensure_unmodified(call)?;
    for name in call.list("delete") {
        if PLACE.contains(&name) || !knows(call, name) {
            return Err(Failure::parameter("delete", format!("no such option '{name}'")));
        }
        firewall.options.remove(name);
    }
    firewall.options.extend(call.options(&PLACE));
    // The cluster's firewall is enabled for good by a second call: a greater number is the time of a trial.
    if let Some(enable) = call.number("enable").filter(|enable| *enable > 1) {
        let value = if level == Level::Cluster { now } else { i64::from(enable > 0) };
        firewall.options.insert("enable".to_owned(), value.to_string());
    }
    *write(cluster, call) = firewall;
    Ok(Reply::null())
}

fn all_macros(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let entry = |(name, known): (&String, &crate::firewall::Macro)| {
        let text = known.descr.as_ref().unwrap_or(name);
        json!({ "macro": name, "descr": text })
    };
    Ok(macros().iter().map(entry).collect::<Value>().into())
}

fn refs(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let wanted = |kind: &str| call.get("type").is_none_or(|wanted| wanted == kind);
    let named = |kind: &str, name: &String, place: &str, comment: Option<&String>| -> Shown {
        let sign = if kind == "ipset" { "+" } else { "" };
        let reference = format!("{sign}{name}");
        let mut entry =
            shown([("type", json!(kind)), ("name", json!(name)), ("ref", json!(reference)), ("scope", json!(place))]);
        describe(&mut entry, comment);
        entry
    };
    let scopes = names(cluster, call);
    let own = scopes.own.filter(|_| level(call) != Level::Cluster);
    let mut entries = Vec::new();
    for (firewall, place) in [(scopes.cluster, "dc"), (own, "guest")] {
        let Some(firewall) = firewall else { continue };
        if wanted("ipset") {
            entries.extend(firewall.sets.iter().map(|(name, set)| named("ipset", name, place, set.comment.as_ref())));
        }
        if wanted("alias") {
            let aliases = firewall.aliases.iter();
            entries.extend(aliases.map(|(name, alias)| named("alias", name, place, alias.comment.as_ref())));
        }
    }
    Ok(entries.into_iter().map(Value::Object).collect::<Value>().into())
}

fn log(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    // No list, unlike every other log.
    Ok(json!({ "n": 1, "t": "unable to open file - No such file or directory" }).into())
}
