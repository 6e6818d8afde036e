//! The software-defined network beside its sections: applying it, and how it is on a node.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::Outcome;
use crate::section::Section;
use crate::work::Work;

/// The zone of bridges that are no vnets.
const LOCAL_ZONE: &str = "localnetwork";
/// How long applying takes, in seconds.
const TAKES: f64 = 3.0;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/cluster/sdn") => index,
        ("PUT", "/cluster/sdn") => apply,
        ("GET", "/cluster/sdn/ipams/{ipam}/status") => addresses,
        ("POST" | "PUT" | "DELETE", "/cluster/sdn/vnets/{vnet}/ips") => map_address,
        ("GET", "/nodes/{node}/sdn/zones") => zones,
        ("GET", "/nodes/{node}/sdn/zones/{zone}/content") => content,
        _ => return None,
    })
}

fn index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!(["vnets", "zones", "controllers", "ipams", "dns"].map(|id| json!({ "id": id }))).into())
}

fn apply(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    super::section::commit(cluster);
    Ok(call.submit(cluster, "reloadnetworkall", "", Work::Last { seconds: TAKES }))
}

fn addresses(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([]).into())
}

/// The sandbox hands no addresses out: a mapping is accepted, not kept.
fn map_address(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(Reply::null())
}

/// Whether a zone is on a node.
fn on_node(zone: &Section, node: &str) -> bool {
    zone.get("nodes").is_none_or(|nodes| crate::format::list(nodes).any(|name| name == node))
}

fn zones(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let running = cluster.sections_of("running/sdn/zones").iter().filter(|(_, zone)| on_node(zone, &call.node));
    let names = running
        .map(|(name, _)| name.as_str())
        .filter(|name| rights.has_any(&format!("/sdn/zones/{name}"), &["SDN.Audit", "SDN.Allocate"]));
    Ok(names.map(|zone| json!({ "zone": zone, "status": "available" })).collect::<Value>().into())
}

fn content(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let zone = call.text("zone");
    if zone == LOCAL_ZONE {
        let node = cluster.nodes.get(&call.node);
        let bridges = node.into_iter().flat_map(|node| node.interfaces.iter());
        let bridges = bridges.filter(|(_, interface)| interface.get("type").is_some_and(|of| of == "bridge"));
        return Ok(bridges.map(|(name, _)| json!({ "vnet": name, "status": "available" })).collect::<Value>().into());
    }
    let vnets = cluster.sections_of("running/sdn/vnets").iter();
    let vnets = vnets.filter(|(_, vnet)| vnet.get("zone").is_some_and(|own| own == zone));
    Ok(vnets.map(|(name, _)| json!({ "vnet": name, "status": "available" })).collect::<Value>().into())
}

impl Cluster {
    /// The zone of a bridge or vnet, for its permissions.
    pub fn zone_of(&self, bridge: &str) -> &str {
        let vnet = self.sections_of("sdn/vnets").get(bridge);
        vnet.and_then(|vnet| vnet.get("zone")).map_or(LOCAL_ZONE, String::as_str)
    }

    /// The vnets that a node has, with their zones.
    pub fn vnets_on(&self, node: &str) -> impl Iterator<Item = (&String, &Section, &str)> {
        let zones = self.sections_of("running/sdn/zones");
        let vnets = self.sections_of("running/sdn/vnets").iter();
        vnets.filter_map(move |(name, vnet)| {
            let zone = vnet.get("zone")?;
            on_node(zones.get(zone)?, node).then_some((name, vnet, zone.as_str()))
        })
    }

    /// Whether a node has a bridge or vnet of that name.
    pub fn has_bridge(&self, node: &str, bridge: &str) -> bool {
        let own = self.nodes.get(node).is_some_and(|node| node.interfaces.contains_key(bridge));
        let vnet = self.sections_of("running/sdn/vnets").get(bridge);
        let zone = vnet.and_then(|vnet| self.sections_of("running/sdn/zones").get(vnet.get("zone")?));
        own || zone.is_some_and(|zone| on_node(zone, node))
    }
}
