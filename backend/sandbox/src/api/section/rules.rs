//! What families of sections check beyond their options.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ambient;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Kind, is_cdrom, volume_of};
use crate::section::{Section, TYPE};

pub const SDN_SEEN: [&str; 2] = ["SDN.Audit", "SDN.Allocate"];
pub const MAPPING_SEEN: [&str; 3] = ["Mapping.Modify", "Mapping.Use", "Mapping.Audit"];
/// The largest tags of a VLAN and of a VXLAN that Proxmox accepts.
const LAST_VLAN: u32 = 4_096;
const LAST_VXLAN: u32 = 16_777_216;

/// Where the sections that were applied are kept.
pub fn running(kind: &str) -> String {
    format!("running/{kind}")
}

fn failed(text: impl Into<String>) -> Failure {
    Failure::failed(text)
}

pub fn plain_id(_: &Cluster, call: &Call) -> Outcome<String> {
    let family = super::Family::of_path(&call.method.path);
    Ok(family.map_or("", |family| call.text(family.key)).to_owned())
}

// --- HA ---

/// A resource's id with its type: `vm:100` for `100`.
pub fn ha_resource_id(cluster: &Cluster, call: &Call) -> Outcome<String> {
    let text = call.text("sid");
    if !text.bytes().all(|b| b.is_ascii_digit()) || text.is_empty() {
        return Ok(text.to_owned());
    }
    match text.parse().ok().and_then(|vmid: u32| cluster.guests.get(&vmid)).map(|guest| guest.kind) {
        Some(Kind::Qemu) => Ok(format!("vm:{text}")),
        Some(Kind::Lxc) => Ok(format!("ct:{text}")),
        None => Err(failed(format!("unable do detect SID from VMID - VM/CT {text} does not exist"))),
    }
}

pub fn ha_resource_exists(cluster: &Cluster, _: &Call, id: &str, _: &mut Section) -> Outcome<()> {
    let (of, name) = id.split_once(':').unwrap_or_default();
    if !matches!(of, "vm" | "ct") {
        return Err(failed(format!("unknown section type '{of}'")));
    }
    let vmid = name.parse::<u32>().ok().filter(|_| name.len() > 1 && !name.starts_with(['0', '+']));
    let vmid = vmid.ok_or_else(|| failed("invalid VMID"))?;
    if cluster.guests.contains_key(&vmid) {
        Ok(())
    } else {
        Err(failed(format!("resource '{id}' does not exist in cluster")))
    }
}

pub fn ha_group_exists(cluster: &Cluster, _: &Call, _: &str, set: &mut Section) -> Outcome<()> {
    match set.get("group") {
        Some(group) if !cluster.sections_of("ha/groups").contains_key(group) => {
            Err(failed(format!("HA group '{group}' does not exist")))
        }
        _ => Ok(()),
    }
}

pub fn ha_group_unused(cluster: &Cluster, _: &Call, id: &str) -> Outcome<()> {
    let user =
        cluster.sections_of("ha/resources").iter().find(|(_, resource)| resource.get("group").is_some_and(|g| g == id));
    user.map_or(Ok(()), |(sid, _)| Err(failed(format!("ha group is used by service '{sid}'"))))
}

// --- replication ---

pub fn replicable(cluster: &Cluster, call: &Call, id: &str, set: &mut Section) -> Outcome<()> {
    let guest = id.split('-').next().unwrap_or_default();
    let found = guest.parse().ok().and_then(|vmid: u32| cluster.guests.get(&vmid));
    let found = found.ok_or_else(|| failed(format!("Guest '{guest}' does not exist.")))?;
    let target = call.text("target");
    if !cluster.nodes.contains_key(target) {
        return Err(failed(format!("Target '{target}' does not exist.")));
    }
    let node = &found.node;
    if call.get("source").is_some_and(|source| source != node) {
        let source = call.text("source");
        return Err(failed(format!("Source '{source}' does not match current node of guest '{guest}' ({node})")));
    }
    set.entry("source".to_owned()).or_insert_with(|| node.clone());
    if target == node {
        return Err(failed("Source and target must not be identical"));
    }
    ensure_replicable(cluster, found)
}

/// Refuses volumes on storages that cannot be replicated; a guest without any is refused as well.
fn ensure_replicable(cluster: &Cluster, guest: &Guest) -> Outcome<()> {
    let mut any = false;
    for (_, value) in Guest::drives(&guest.config, guest.kind) {
        let volid = volume_of(value);
        if is_cdrom(value) || value.split(',').any(|part| part == "replicate=0") || !volid.contains(':') {
            continue;
        }
        let storage = volid.split(':').next().unwrap_or_default();
        let found = cluster.storages.get(storage);
        if found.is_some_and(crate::storage::Storage::shared) {
            continue;
        }
        if found.is_none_or(|found| found.get("type") != "zfspool") {
            return Err(failed(format!("missing replicate feature on volume '{volid}'")));
        }
        any = true;
    }
    if any { Ok(()) } else { Err(failed("No replicatable volumes found")) }
}

pub fn keep_or_force(_: &Cluster, call: &Call, _: &str) -> Outcome<()> {
    if call.flag("force") && call.flag("keep") {
        return Err(Failure::parameter("keep", "conflicts with parameter 'force'"));
    }
    Ok(())
}

// --- the software-defined network ---

pub fn zone(cluster: &Cluster, _: &Call, id: &str, zone: &mut Section) -> Outcome<()> {
    for server in ["dns", "reversedns"] {
        if let Some(name) = zone.get(server).filter(|name| !cluster.sections_of("sdn/dns").contains_key(*name)) {
            return Err(Failure::parameter(server, format!("{name} don't exist")));
        }
    }
    if zone.contains_key("dnszone") && !zone.contains_key("dns") {
        return Err(Failure::parameter("dnszone", "missing dns server"));
    }
    let ipams = cluster.sections_of("sdn/ipams");
    if let Some(ipam) = zone.get("ipam").filter(|ipam| *ipam != "pve" && !ipams.contains_key(*ipam)) {
        return Err(Failure::parameter("ipam", format!("{ipam} not existing")));
    }
    if zone.get(TYPE).is_some_and(|of| of == "evpn") {
        evpn_zone(cluster, id, zone)?;
    }
    Ok(())
}

fn evpn_zone(cluster: &Cluster, id: &str, zone: &mut Section) -> Outcome<()> {
    let name = zone.get("controller").cloned().unwrap_or_default();
    match cluster.sections_of("sdn/controllers").get(&name).and_then(|controller| controller.get(TYPE)) {
        None => return Err(failed(format!("controller {name} don't exist"))),
        Some(of) if of != "evpn" => return Err(failed(format!("{name} is not a evpn controller type"))),
        Some(_) => {}
    }
    let vxlan = zone.get("vrf-vxlan").cloned().unwrap_or_default();
    let zones = cluster.sections_of("sdn/zones");
    let taken = zones.iter().find(|(other, zone)| *other != id && zone.get("vrf-vxlan") == Some(&vxlan));
    if let Some((other, _)) = taken {
        return Err(failed(format!("vrf-vxlan {vxlan} is already declared in {other}")));
    }
    zone.entry("mac".to_owned()).or_insert_with(ambient::mac);
    Ok(())
}

pub fn zone_unused(cluster: &Cluster, _: &Call, id: &str) -> Outcome<()> {
    let user =
        cluster.sections_of("sdn/vnets").iter().find(|(_, vnet)| vnet.get("zone").is_some_and(|zone| zone == id));
    user.map_or(Ok(()), |(vnet, _)| Err(failed(format!("zone {id} is used by vnet {vnet}"))))
}

/// Looks for the vnet, and whether the caller may change it.
pub fn vnet_exists(cluster: &Cluster, call: &Call, id: &str, _: &mut Section) -> Outcome<()> {
    ensure_vnet(cluster, call, id, &["SDN.Allocate"])
}

fn ensure_vnet(cluster: &Cluster, call: &Call, id: &str, privileges: &[&str]) -> Outcome<()> {
    let vnet = cluster.sections_of("sdn/vnets").get(id);
    let vnet = vnet.ok_or_else(|| failed(format!("sdn vnet '{id}' does not exist")))?;
    let zone = vnet.get("zone").map_or("", String::as_str);
    call.rights(cluster).require_any(&format!("/sdn/zones/{zone}/{id}"), privileges)
}

fn has_subnets(cluster: &Cluster, vnet: &str) -> bool {
    cluster.sections_of("sdn/subnets").values().any(|subnet| subnet.get("vnet").is_some_and(|own| own == vnet))
}

pub fn vnet(cluster: &Cluster, _: &Call, id: &str, vnet: &mut Section) -> Outcome<()> {
    let tagged = |text: String| Failure::parameter("tag", text);
    let zones = cluster.sections_of("sdn/zones");
    let name = vnet.get("zone").cloned().unwrap_or_default();
    if let Some(old) = cluster.sections_of("sdn/vnets").get(id)
        && has_subnets(cluster, id)
        && old.get("zone") != Some(&name)
    {
        return Err(Failure::parameter("zone", "can't change zone if subnets exist"));
    }
    let of = |zone: &str| zones.get(zone).and_then(|zone| zone.get(TYPE)).map_or("", String::as_str);
    if !zones.contains_key(&name) {
        return Err(failed("cannot lookup undefined type!"));
    }
    let tag = vnet.get("tag").and_then(|tag| tag.parse::<u32>().ok());
    let others = cluster.sections_of("sdn/vnets").iter().filter(|(other, _)| *other != id);
    let mut others = others.filter_map(|(other, vnet)| Some((other, vnet.get("zone")?, vnet.get("tag")?)));
    let same = |other: &String| tag.is_some_and(|tag| other.parse() == Ok(tag));
    match (of(&name), tag) {
        ("simple", Some(_)) => return Err(tagged("vlan tag is not allowed on simple zone".to_owned())),
        ("vlan", None) => return Err(tagged("missing vlan tag".to_owned())),
        ("vlan", Some(tag)) if tag > LAST_VLAN => return Err(tagged("vlan tag max value is 4096".to_owned())),
        ("qinq", Some(tag)) if tag > LAST_VLAN => return Err(tagged("VLAN tag maximal value is 4096".to_owned())),
        ("vxlan" | "evpn", None) => return Err(tagged("missing vxlan tag".to_owned())),
        ("vxlan" | "evpn", Some(tag)) if tag > LAST_VXLAN => {
            return Err(tagged("vxlan tag max value is 16777216".to_owned()));
        }
        ("vlan" | "qinq", Some(tag)) => {
            if let Some((other, _, _)) = others.find(|(_, zone, other)| **zone == name && same(other)) {
                let place = if of(&name) == "vlan" { String::new() } else { format!("zone {name} ") };
                return Err(tagged(format!("tag {tag} already exist in {place}vnet {other}")));
            }
        }
        ("vxlan" | "evpn", Some(tag)) => {
            let overlay = |zone: &str| matches!(of(zone), "vxlan" | "evpn");
            if let Some((other, zone, _)) = others.find(|(_, zone, other)| overlay(zone) && same(other)) {
                return Err(tagged(format!("vxlan tag {tag} already exist in vnet {other} in zone {zone} ")));
            }
        }
        _ => {}
    }
    if vnet.get("vlanaware").is_some_and(|aware| aware == "1") && has_subnets(cluster, id) {
        return Err(Failure::parameter("vlanaware", "vlanaware vnet is not compatible with subnets"));
    }
    Ok(())
}

pub fn vnet_unused(cluster: &Cluster, call: &Call, id: &str) -> Outcome<()> {
    ensure_vnet(cluster, call, id, &["SDN.Allocate"])?;
    if has_subnets(cluster, id) {
        return Err(Failure::parameter("vnet", "Can't delete vnet if subnets exists"));
    }
    Ok(())
}

/// A new subnet's id is made of its zone, network and prefix.
pub fn subnet_id(cluster: &Cluster, call: &Call) -> Outcome<String> {
    let text = call.text("subnet");
    if !text.contains('/') {
        return Ok(text.to_owned());
    }
    let vnet = cluster.sections_of("sdn/vnets").get(call.text("vnet"));
    let zone = vnet.and_then(|vnet| vnet.get("zone")).map_or("", String::as_str);
    Ok(format!("{zone}-{}", text.replace('/', "-")))
}

pub fn subnets_vnet(cluster: &Cluster, call: &Call) -> Outcome<()> {
    ensure_vnet(cluster, call, call.text("vnet"), &SDN_SEEN)
}

pub fn subnet_vnet(cluster: &Cluster, call: &Call, _: &str, set: &mut Section) -> Outcome<()> {
    set.insert("vnet".to_owned(), call.text("vnet").to_owned());
    ensure_vnet(cluster, call, call.text("vnet"), &["SDN.Allocate"])
}

pub fn subnet(cluster: &Cluster, _: &Call, id: &str, subnet: &mut Section) -> Outcome<()> {
    let vnet = subnet.get("vnet").and_then(|vnet| cluster.sections_of("sdn/vnets").get(vnet));
    if vnet.is_some_and(|vnet| vnet.get("vlanaware").is_some_and(|aware| aware == "1")) {
        return Err(Failure::parameter("vnet", "you can't add a subnet on a vlanaware vnet"));
    }
    let mut parts = id.splitn(3, '-').skip(1);
    let (network, mask) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(gateway) = subnet.get("gateway")
        && !(contains(network, mask, gateway) || mask == "32" && gateway.contains('.'))
    {
        return Err(Failure::parameter("gateway", format!("{gateway} is not in subnet {network}/{mask}")));
    }
    Ok(())
}

/// Whether an address is in a network.
fn contains(network: &str, mask: &str, address: &str) -> bool {
    let Ok(length) = mask.parse::<u32>() else { return false };
    match (network.parse(), address.parse()) {
        (Ok(IpAddr::V4(network)), Ok(IpAddr::V4(address))) => {
            let shift = 32_u32.saturating_sub(length);
            u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
        }
        (Ok(IpAddr::V6(network)), Ok(IpAddr::V6(address))) => {
            let shift = 128_u32.saturating_sub(length);
            u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
        }
        _ => false,
    }
}

pub fn controller(cluster: &Cluster, _: &Call, id: &str, controller: &mut Section) -> Outcome<()> {
    let of = controller.get(TYPE).map_or("", String::as_str);
    let count = |of: &str| {
        let others = cluster.sections_of("sdn/controllers").iter().filter(|(other, _)| *other != id);
        others
            .filter(|(_, other)| {
                other.get(TYPE).is_some_and(|own| own == of)
                    && (of == "evpn" || other.get("node") == controller.get("node"))
            })
            .count()
    };
    match of {
        "evpn" if count("evpn") > 0 => Err(failed("only 1 global evpn controller can be defined")),
        "bgp" if count("bgp") > 1 => Err(failed("only 1 bgp controller can be defined")),
        "isis" if count("isis") > 1 => Err(failed("only 1 bgp or isis controller can be defined")),
        _ => Ok(()),
    }
}

pub fn controller_unused(cluster: &Cluster, _: &Call, id: &str) -> Outcome<()> {
    let zones: &BTreeMap<String, Section> = cluster.sections_of("sdn/zones");
    let user = zones.iter().find(|(_, zone)| zone.get("controller").is_some_and(|controller| controller == id));
    user.map_or(Ok(()), |(zone, _)| Err(failed(format!("controller {id} is used by {zone}"))))
}
