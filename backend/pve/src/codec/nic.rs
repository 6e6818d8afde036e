//! NICs: a VM's `net0` and, for cloud-init, `ipconfig0`; a container's `net0` has both.

use std::collections::BTreeMap;

use mycopod_core::field::{NicPart, Value};
use mycopod_core::guest::Kind;

use super::property::PropertyString;

/// The cards that QEMU emulates. In a VM's entry the card's name is the key of the MAC address.
const MODELS: [&str; 14] = [
    "virtio",
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "vmxnet3",
];

/// Proxmox's own default for Linux guests, and the fastest.
const DEFAULT_MODEL: &str = "virtio";

/// Parts that are to be so. A VLAN of 0 and an empty address or gateway mean: none.
pub type Parts<'a> = BTreeMap<NicPart, &'a Value>;

/// A configuration's entries by key; `None` takes one out.
pub type Entries = Vec<(String, Option<String>)>;

/// The parts of the NIC of number `n` in a configuration.
pub fn read(kind: Kind, n: u8, configuration: &BTreeMap<String, String>) -> Vec<(NicPart, Value)> {
    let text = |value: &str| Value::Text(value.to_owned());
    let mut parts = Vec::new();
    let net = configuration.get(&format!("net{n}")).map(|entry| PropertyString::parse(entry));
    if let Some(net) = &net {
        parts.extend(net.get("bridge").map(|bridge| (NicPart::Bridge, text(bridge))));
        let count = |option| net.get(option).and_then(|count| count.parse().ok()).filter(|count| *count != 0);
        parts.extend(count("tag").map(|tag| (NicPart::Vlan, Value::Count(tag))));
        parts.extend(count("mtu").map(|mtu| (NicPart::Mtu, Value::Count(mtu))));
        parts.extend(net.get("rate").map(|rate| (NicPart::Rate, text(rate))));
        for (part, option) in [(NicPart::Firewall, "firewall"), (NicPart::LinkDown, "link_down")] {
            parts.push((part, Value::Flag(net.get(option) == Some("1"))));
        }
        parts.extend(mac(kind, net).map(|mac| (NicPart::Mac, Value::Text(mac.to_uppercase()))));
        if kind == Kind::Qemu {
            parts.extend(model(net).map(|model| (NicPart::Model, text(model))));
            parts.extend(count("queues").map(|queues| (NicPart::Queues, Value::Count(queues))));
        }
    }
    let addresses = match kind {
        Kind::Qemu => configuration.get(&format!("ipconfig{n}")).map(|entry| PropertyString::parse(entry)),
        Kind::Lxc => net,
    };
    if let Some(addresses) = addresses {
        // `manual` leaves the address to the container: Proxmox sets none.
        let ip = addresses.get("ip").filter(|ip| *ip != "manual");
        parts.extend(ip.map(|ip| (NicPart::Ip, text(ip))));
        parts.extend(addresses.get("gw").map(|gateway| (NicPart::Gateway, text(gateway))));
        let ip6 = addresses.get("ip6").filter(|ip| *ip != "manual");
        parts.extend(ip6.map(|ip| (NicPart::Ip6, text(ip))));
        parts.extend(addresses.get("gw6").map(|gateway| (NicPart::Gateway6, text(gateway))));
    }
    parts
}

/// The card's address: in a VM's entry it stands at the card's name, in a container's under a key of its own.
fn mac(kind: Kind, net: &PropertyString) -> Option<&str> {
    match kind {
        Kind::Lxc => net.get("hwaddr"),
        Kind::Qemu => {
            let at_model = net.keyed().find(|(key, _)| MODELS.contains(key)).map(|(_, mac)| mac);
            at_model.or_else(|| net.get("macaddr"))
        }
    }
}

fn set_mac(kind: Kind, net: &mut PropertyString, mac: &str) {
    let model = net.keyed().map(|(key, _)| key).find(|key| MODELS.contains(key)).map(str::to_owned);
    match (kind, model) {
        (Kind::Lxc, _) => net.set("hwaddr", mac),
        (Kind::Qemu, Some(model)) => net.set(&model, mac),
        (Kind::Qemu, None) => net.set("macaddr", mac),
    }
}

/// Sets an option, or takes it out where it is none.
fn set_or_remove(net: &mut PropertyString, option: &str, value: &str) {
    if value.is_empty() || value == "0" {
        net.remove(option);
    } else {
        net.set(option, value);
    }
}

/// The entries that make the NIC of number `n` as `parts` say; `mac` is for one that is new.
/// A new one needs a bridge: `None` where it has none.
pub fn edit(
    kind: Kind,
    n: u8,
    configuration: &BTreeMap<String, String>,
    parts: &Parts<'_>,
    mac: Option<&str>,
) -> Option<Entries> {
    let net_key = format!("net{n}");
    let old = configuration.get(&net_key);
    if old.is_none() && !parts.contains_key(&NicPart::Bridge) {
        return None;
    }
    let mut net = match (old, kind) {
        (Some(old), _) => PropertyString::parse(old),
        (None, Kind::Qemu) => new_card(mac),
        (None, Kind::Lxc) => new_interface(n, mac),
    };
    for (part, value) in parts {
        match (part, value) {
            (NicPart::Bridge, Value::Text(bridge)) => net.set("bridge", bridge),
            (NicPart::Vlan, Value::Count(tag)) => set_or_remove(&mut net, "tag", &tag.to_string()),
            (NicPart::Mtu, Value::Count(mtu)) => set_or_remove(&mut net, "mtu", &mtu.to_string()),
            (NicPart::Rate, Value::Text(rate)) => set_or_remove(&mut net, "rate", rate),
            (NicPart::Firewall, Value::Flag(flag)) => set_or_remove(&mut net, "firewall", if *flag { "1" } else { "" }),
            (NicPart::LinkDown, Value::Flag(flag)) => {
                set_or_remove(&mut net, "link_down", if *flag { "1" } else { "" });
            }
            (NicPart::Mac, Value::Text(mac)) => set_mac(kind, &mut net, mac),
            (NicPart::Model, Value::Text(new)) if kind == Kind::Qemu => set_model(&mut net, new),
            (NicPart::Queues, Value::Count(queues)) if kind == Kind::Qemu => {
                set_or_remove(&mut net, "queues", &queues.to_string());
            }
            (NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6, Value::Text(_)) => {}
            _ => return None,
        }
    }
    if kind == Kind::Lxc {
        set_addresses(&mut net, parts);
        return Some(vec![(net_key, Some(net.to_string()))]);
    }
    let mut entries = Vec::new();
    if old.is_none_or(|old| *old != net.to_string()) {
        entries.push((net_key, Some(net.to_string())));
    }
    if parts.keys().any(|part| is_address(*part)) {
        let key = format!("ipconfig{n}");
        let mut addresses =
            configuration.get(&key).map_or_else(PropertyString::empty, |entry| PropertyString::parse(entry));
        set_addresses(&mut addresses, parts);
        let entry = Some(addresses).filter(|addresses| !addresses.is_empty()).map(|addresses| addresses.to_string());
        if entry.is_some() || configuration.contains_key(&key) {
            entries.push((key, entry));
        }
    }
    Some(entries)
}

fn new_card(mac: Option<&str>) -> PropertyString {
    let mut net = PropertyString::empty();
    match mac {
        Some(mac) => net.set(DEFAULT_MODEL, mac),
        None => net.set_default("model", DEFAULT_MODEL),
    }
    net
}

fn new_interface(n: u8, mac: Option<&str>) -> PropertyString {
    let mut net = PropertyString::empty();
    net.set("name", &format!("eth{n}"));
    if let Some(mac) = mac {
        net.set("hwaddr", mac);
    }
    net
}

/// The card's name: `virtio=MAC`, `model=virtio,macaddr=MAC` or `virtio` alone.
fn model(net: &PropertyString) -> Option<&str> {
    net.keyed().map(|(key, _)| key).find(|key| MODELS.contains(key)).or_else(|| net.get_default("model"))
}

fn set_model(net: &mut PropertyString, new: &str) {
    let old = net.keyed().map(|(key, _)| key).find(|key| MODELS.contains(key)).map(str::to_owned);
    match old {
        Some(old) => net.rename(&old, new),
        None => net.set_default("model", new),
    }
}

const fn is_address(part: NicPart) -> bool {
    matches!(part, NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6)
}

/// A gateway goes with its address: one that is gone or asked of the network has none, unless it is named.
fn set_addresses(addresses: &mut PropertyString, parts: &Parts<'_>) {
    for (ip, gateway, keys) in
        [(NicPart::Ip, NicPart::Gateway, ("ip", "gw")), (NicPart::Ip6, NicPart::Gateway6, ("ip6", "gw6"))]
    {
        if let Some(Value::Text(ip)) = parts.get(&ip) {
            if ip.is_empty() {
                addresses.remove(keys.0);
            } else {
                addresses.set(keys.0, ip);
            }
            if matches!(ip.as_str(), "" | "dhcp" | "auto") {
                addresses.remove(keys.1);
            }
        }
        match parts.get(&gateway) {
            Some(Value::Text(gateway)) if gateway.is_empty() => addresses.remove(keys.1),
            Some(Value::Text(gateway)) => addresses.set(keys.1, gateway),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BTreeMap, Entries, Kind, NicPart, Parts, Value, edit, read};

    fn config(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn edited(kind: Kind, n: u8, old: &BTreeMap<String, String>, parts: &Parts<'_>, mac: Option<&str>) -> Entries {
        edit(kind, n, old, parts, mac).unwrap()
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    fn entries(expected: &[(&str, Option<&str>)]) -> Entries {
        expected.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
    }

    #[test]
    fn a_vms_card_and_cloud_init_address_are_one_nic() {
        let vm = config(&[
            ("net1", "virtio=BC:24:11:0A:A7:C8,bridge=vmbr0,firewall=1,tag=20"),
            ("ipconfig1", "ip=10.0.0.5/24,gw=10.0.0.1,ip6=auto"),
        ]);
        let parts: BTreeMap<_, _> = read(Kind::Qemu, 1, &vm).into_iter().collect();
        assert_eq!(parts[&NicPart::Bridge], text("vmbr0"));
        assert_eq!(parts[&NicPart::Vlan], Value::Count(20));
        assert_eq!(parts[&NicPart::Model], text("virtio"));
        assert_eq!(parts[&NicPart::Ip], text("10.0.0.5/24"));
        assert_eq!(parts[&NicPart::Gateway], text("10.0.0.1"));
    }

    #[test]
    fn all_spellings_of_a_model_are_read() {
        for entry in ["e1000=BC:24:11:0A:A7:C8,bridge=vmbr0", "model=e1000,macaddr=BC:24:11:0A:A7:C8", "e1000,bridge=b"]
        {
            let parts = read(Kind::Qemu, 0, &config(&[("net0", entry)]));
            assert!(parts.contains(&(NicPart::Model, text("e1000"))), "{entry}");
        }
    }

    #[test]
    fn moving_a_nic_keeps_its_mac_and_every_other_option() {
        let vm = config(&[("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0,firewall=1,rate=5")]);
        let (bridge, vlan) = (text("vmbr1"), Value::Count(20));
        let parts = Parts::from([(NicPart::Bridge, &bridge), (NicPart::Vlan, &vlan)]);
        let moved = "virtio=BC:24:11:E6:F3:DC,bridge=vmbr1,firewall=1,rate=5,tag=20";
        assert_eq!(edited(Kind::Qemu, 0, &vm, &parts, None), entries(&[("net0", Some(moved))]));
        let none = Value::Count(0);
        let untagged = edited(Kind::Qemu, 0, &config(&[("net0", moved)]), &Parts::from([(NicPart::Vlan, &none)]), None);
        assert_eq!(untagged, entries(&[("net0", Some("virtio=BC:24:11:E6:F3:DC,bridge=vmbr1,firewall=1,rate=5"))]));
    }

    #[test]
    fn another_model_keeps_the_mac() {
        let vm = config(&[("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0")]);
        let model = text("e1000");
        let parts = Parts::from([(NicPart::Model, &model)]);
        let expected = entries(&[("net0", Some("e1000=BC:24:11:E6:F3:DC,bridge=vmbr0"))]);
        assert_eq!(edited(Kind::Qemu, 0, &vm, &parts, None), expected);
    }

    #[test]
    fn a_vms_address_touches_cloud_init_alone() {
        let vm = config(&[
            ("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0"),
            ("ipconfig0", "ip=10.0.0.5/24,gw=10.0.0.1,ip6=auto"),
        ]);
        let dhcp = text("dhcp");
        let parts = Parts::from([(NicPart::Ip, &dhcp)]);
        assert_eq!(edited(Kind::Qemu, 0, &vm, &parts, None), entries(&[("ipconfig0", Some("ip=dhcp,ip6=auto"))]));
        let none = text("");
        let parts = Parts::from([(NicPart::Ip, &none)]);
        let plain = config(&[("net0", "virtio=BC:24:11:E6:F3:DC,bridge=vmbr0"), ("ipconfig0", "ip=dhcp")]);
        assert_eq!(edited(Kind::Qemu, 0, &plain, &parts, None), entries(&[("ipconfig0", None)]));
    }

    #[test]
    fn a_containers_address_keeps_name_and_mac() {
        let net0 = "name=eth0,bridge=vmbr0,gw=10.1.1.1,hwaddr=BC:24:11:6A:2F:ED,ip=10.1.1.5/24,type=veth";
        let (ip, gateway) = (text("10.1.1.6/24"), text("10.1.1.254"));
        let parts = Parts::from([(NicPart::Ip, &ip), (NicPart::Gateway, &gateway)]);
        let expected = "name=eth0,bridge=vmbr0,gw=10.1.1.254,hwaddr=BC:24:11:6A:2F:ED,ip=10.1.1.6/24,type=veth";
        assert_eq!(
            edited(Kind::Lxc, 0, &config(&[("net0", net0)]), &parts, None),
            entries(&[("net0", Some(expected))])
        );
    }

    #[test]
    fn a_new_nic_has_the_mac_that_was_chosen_and_needs_a_bridge() {
        let (bridge, ip) = (text("vmbr0"), text("dhcp"));
        let parts = Parts::from([(NicPart::Bridge, &bridge), (NicPart::Ip, &ip)]);
        let mac = Some("BC:24:11:00:00:01");
        let vm = entries(&[("net2", Some("virtio=BC:24:11:00:00:01,bridge=vmbr0")), ("ipconfig2", Some("ip=dhcp"))]);
        assert_eq!(edited(Kind::Qemu, 2, &config(&[]), &parts, mac), vm);
        let container = entries(&[("net2", Some("name=eth2,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp"))]);
        assert_eq!(edited(Kind::Lxc, 2, &config(&[]), &parts, mac), container);
        assert_eq!(edit(Kind::Lxc, 2, &config(&[]), &Parts::from([(NicPart::Ip, &ip)]), mac), None);
    }

    proptest! {
        #[test]
        fn an_edit_changes_the_named_parts_and_keeps_the_rest(
            kind in prop_oneof![Just(Kind::Qemu), Just(Kind::Lxc)],
            others in prop::collection::btree_map("(firewall|rate|mtu|queues|link_down|trunks|type|ip6)", "[a-z0-9;]{1,6}", 0..5),
            order in any::<prop::sample::Index>(),
            tag in prop::option::of(1_u64..4095),
            bridge in prop::option::of("vmbr[0-9]{1,2}"),
            vlan in prop::option::of(0_u64..4095),
        ) {
            let mut options: Vec<String> = others.iter().map(|(key, value)| format!("{key}={value}")).collect();
            options.insert(order.index(options.len() + 1), "bridge=vmbr99".to_owned());
            options.extend(tag.map(|tag| format!("tag={tag}")));
            let head = if kind == Kind::Qemu { "virtio=BC:24:11:E6:F3:DC" } else { "name=eth0,hwaddr=BC:24:11:E6:F3:DC" };
            let entry = format!("{head},{}", options.join(","));
            let (bridge, vlan) = (bridge.map(Value::Text), vlan.map(Value::Count));
            let mut parts = Parts::new();
            parts.extend(bridge.as_ref().map(|bridge| (NicPart::Bridge, bridge)));
            parts.extend(vlan.as_ref().map(|vlan| (NicPart::Vlan, vlan)));
            let before = config(&[("net0", &entry)]);
            let mut after = before.clone();
            after.extend(edited(kind, 0, &before, &parts, None).into_iter().filter_map(|(key, entry)| Some((key, entry?))));

            let now: BTreeMap<_, _> = read(kind, 0, &after).into_iter().collect();
            let expected = bridge.unwrap_or_else(|| text("vmbr99"));
            prop_assert_eq!(now.get(&NicPart::Bridge), Some(&expected));
            let expected = vlan.or(tag.map(Value::Count)).filter(|vlan| *vlan != Value::Count(0));
            prop_assert_eq!(now.get(&NicPart::Vlan), expected.as_ref());
            let rest = |entry: &str| -> Vec<String> {
                let named = |option: &&str| option.starts_with("bridge=") || option.starts_with("tag=");
                entry.split(',').filter(|option| !named(option)).map(str::to_owned).collect()
            };
            prop_assert_eq!(rest(&after["net0"]), rest(&entry), "in their order");
        }
    }
}
