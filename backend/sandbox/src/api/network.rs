//! A node's network interfaces. Changes are pending until the network is reloaded.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::{Cluster, Node};
use crate::failure::{Failure, Outcome};

/// Numbers of interfaces begin here.
const FIRST_PRIORITY: usize = 3;

type Interface = Map<String, Value>;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/nodes/{node}/network") => list,
        ("POST", "/nodes/{node}/network") => create,
        ("PUT", "/nodes/{node}/network") => reload,
        ("DELETE", "/nodes/{node}/network") => revert,
        ("GET", "/nodes/{node}/network/{iface}") => read,
        ("PUT", "/nodes/{node}/network/{iface}") => change,
        ("DELETE", "/nodes/{node}/network/{iface}") => remove,
        _ => return None,
    })
}

fn node<'a>(cluster: &'a Cluster, call: &Call) -> Outcome<&'a Node> {
    cluster.nodes.get(&call.node).ok_or_else(|| Failure::failed("no such node"))
}

/// The interfaces as they will be, which are made different from what they are.
fn pending<'a>(cluster: &'a mut Cluster, call: &Call) -> Outcome<&'a mut BTreeMap<String, Interface>> {
    let node = cluster.nodes.get_mut(&call.node).ok_or_else(|| Failure::failed("no such node"))?;
    Ok(node.pending_interfaces.get_or_insert_with(|| node.interfaces.clone()))
}

fn is_bridge(interface: &Interface) -> bool {
    matches!(interface.get("type").and_then(Value::as_str), Some("bridge" | "OVSBridge"))
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let node = node(cluster, call)?;
    let rights = call.rights(cluster);
    let kind = call.get("type");
    let wanted = |name: &String, interface: &Interface| {
        let own = interface.get("type").and_then(Value::as_str);
        // A bridge is seen by those who may use it or see the node.
        let seen = !is_bridge(interface)
            || rights.has_any(&format!("/sdn/zones/localnetwork/{name}"), &["SDN.Audit", "SDN.Use"]);
        seen && match kind {
            None => true,
            Some("any_bridge" | "any_local_bridge" | "include_sdn") => is_bridge(interface),
            Some(kind) => own == Some(kind),
        }
    };
    let interfaces = node.pending_interfaces.as_ref().unwrap_or(&node.interfaces);
    let shown = interfaces.iter().filter(|(name, interface)| wanted(name, interface));
    let vnets = cluster.vnets_on(&call.node).filter(|(name, _, zone)| {
        matches!(kind, Some("any_bridge" | "vnet"))
            && rights.has_any(&format!("/sdn/zones/{zone}/{name}"), &["SDN.Audit", "SDN.Use"])
    });
    let vnets = vnets.map(|(name, vnet, _)| {
        let vlan_aware = u8::from(vnet.get("vlanaware").is_some_and(|aware| aware == "1"));
        json!({ "iface": name, "type": "vnet", "active": 1, "vlanaware": vlan_aware })
    });
    let data = shown.map(|(_, interface)| Value::Object(interface.clone())).chain(vnets).collect();
    let changes = node.pending_interfaces.as_ref().map(|pending| {
        let lines =
            pending.keys().filter(|name| !node.interfaces.contains_key(*name)).map(|name| format!("+auto {name}\n"));
        format!("--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n{}", lines.collect::<String>())
    });
    Ok(Reply { data, total: None, changes })
}

fn read(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let node = node(cluster, call)?;
    let interfaces = node.pending_interfaces.as_ref().unwrap_or(&node.interfaces);
    let mut shown = interfaces.get(call.text("iface")).cloned().ok_or_else(missing)?;
    shown.remove("iface");
    Ok(Value::Object(shown).into())
}

fn missing() -> Failure {
    Failure::parameter("iface", "interface does not exist")
}

/// An interface from what a call says of it.
fn described(call: &Call, mut interface: Interface) -> Interface {
    const NUMBERS: [&str; 6] = ["autostart", "bridge_vlan_aware", "mtu", "netmask6", "vlan-id", "ovs_tag"];
    for (name, value) in call.options(&["node", "delete"]) {
        let number = value.parse::<i64>().ok().filter(|_| NUMBERS.contains(&name.as_str()));
        interface.insert(name, number.map_or_else(|| json!(value), |number| json!(number)));
    }
    for name in call.list("delete") {
        interface.remove(name);
    }
    if let Some((address, mask)) = call.get("cidr").and_then(|cidr| cidr.split_once('/')) {
        interface.insert("address".to_owned(), json!(address));
        interface.insert("netmask".to_owned(), json!(mask));
    }
    let fixed = interface.contains_key("address");
    interface.insert("method".to_owned(), json!(if fixed { "static" } else { "manual" }));
    interface.entry("method6").or_insert_with(|| json!("manual"));
    interface.entry("families").or_insert_with(|| json!(["inet"]));
    if is_bridge(&interface) {
        for (name, value) in [("bridge_ports", ""), ("bridge_stp", "off"), ("bridge_fd", "0")] {
            interface.entry(name).or_insert_with(|| json!(value));
        }
    }
    interface
}

fn create(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("iface").to_owned();
    let interfaces = pending(cluster, call)?;
    if interfaces.contains_key(&name) {
        return Err(Failure::parameter("iface", "interface already exists"));
    }
    let mut interface = described(call, Interface::new());
    interface.insert("priority".to_owned(), json!(interfaces.len() + FIRST_PRIORITY));
    interfaces.insert(name, interface);
    Ok(Reply::null())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("iface").to_owned();
    let interfaces = pending(cluster, call)?;
    let known = interfaces.get(&name).cloned().ok_or_else(missing)?;
    interfaces.insert(name, described(call, known));
    Ok(Reply::null())
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("iface").to_owned();
    pending(cluster, call)?.remove(&name).ok_or_else(missing)?;
    Ok(Reply::null())
}

fn revert(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if let Some(node) = cluster.nodes.get_mut(&call.node) {
        node.pending_interfaces = None;
    }
    Ok(Reply::null())
}

fn reload(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    const TAKES: f64 = 3.0;
    if let Some(node) = cluster.nodes.get_mut(&call.node)
        && let Some(mut pending) = node.pending_interfaces.take()
    {
        for interface in pending.values_mut() {
            interface.insert("active".to_owned(), json!(1));
        }
        node.interfaces = pending;
    }
    Ok(call.submit(cluster, "srvreload", "networking", crate::work::Work::Last { seconds: TAKES }))
}
