//! What values Proxmox takes for a field.
//!
//! Bounds are those of Proxmox VE 8.4's API, and of the nodes on which the guest is or may be placed.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Doubt, mended};
use crate::field::{Field, NicPart, Slot, Value};
use crate::guest::{GuestName, Kind};
use crate::observed::Node;
use crate::reading::Plain;
use crate::size::Size;

/// Nodes by name.
pub(super) type Nodes<'a> = [(&'a String, &'a Node)];

/// The least memory that Proxmox takes.
const MIN_MEMORY: Size = Size::mib(16);
/// The longest notes: Proxmox takes 8192 characters, and our marker needs some of them.
const MAX_DESCRIPTION: usize = 8_000;
/// The largest VLAN tag (IEEE 802.1Q keeps 4095 to itself).
const MAX_VLAN: u64 = 4_094;
/// The most sockets that Proxmox takes.
const MAX_SOCKETS: u64 = 4;
/// The network cards that Proxmox emulates and people use.
const MODELS: [&str; 5] = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/// The field that a [`Plain`] stands for.
pub(super) const fn field_of(plain: Plain) -> Field {
    match plain {
        Plain::Name => Field::Name,
        Plain::Cores => Field::Cores,
        Plain::Sockets => Field::Sockets,
        Plain::CpuType => Field::CpuType,
        Plain::Memory => Field::Memory,
        Plain::Swap => Field::Swap,
        Plain::OnBoot => Field::OnBoot,
        Plain::Protection => Field::Protection,
        Plain::Unprivileged => Field::Unprivileged,
        Plain::Tags => Field::Tags,
        Plain::Description => Field::Description,
        Plain::Running => Field::Running,
    }
}

/// What a storage must allow to hold a guest's disks.
pub(crate) const fn content_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Qemu => "images",
        Kind::Lxc => "rootdir",
    }
}

/// Why guests of this kind have no such field.
fn foreign(field: &Field, kind: Kind) -> Option<&'static str> {
    match (field, kind) {
        (Field::Sockets, Kind::Lxc) => Some("a container has cores, but no CPU sockets"),
        (Field::CpuType, Kind::Lxc) => Some("a container uses its node’s CPU as it is"),
        (Field::Nic(_, NicPart::Model), Kind::Lxc) => Some("a container’s NIC has no model"),
        (Field::Swap, Kind::Qemu) => Some("swap is set inside a VM’s own system"),
        (Field::Unprivileged, Kind::Qemu) => Some("only containers are privileged or unprivileged"),
        (
            Field::Name
            | Field::Cores
            | Field::Sockets
            | Field::CpuType
            | Field::Memory
            | Field::Swap
            | Field::OnBoot
            | Field::Protection
            | Field::Unprivileged
            | Field::Tags
            | Field::Description
            | Field::Running
            | Field::DiskSize(_)
            | Field::DiskStorage(_)
            | Field::Nic(..),
            Kind::Qemu | Kind::Lxc,
        ) => None,
    }
}

/// `value` as Proxmox will keep it, or what is wrong with it.
pub(super) fn check(field: &Field, kind: Kind, value: Value, nodes: &Nodes<'_>) -> Result<Value, Doubt> {
    if let Some(why) = foreign(field, kind) {
        return Err(Doubt::new(format!("{} “{value}” does not apply: {why}.", field.label())));
    }
    match (field, value) {
        (Field::Name, Value::Text(name)) => match name.parse::<GuestName>() {
            Ok(name) => Ok(Value::Text(name.into())),
            Err(bad) => Err(Doubt::new(format!("{bad}. What shall it be called?")).or(mended(&name))),
        },
        (Field::Cores, Value::Count(cores)) => {
            let cpus = nodes.iter().map(|(_, node)| u64::from(node.cpus)).max().unwrap_or(u64::MAX);
            within(field, cores, 1, cpus, "the node’s CPUs")
        }
        (Field::Sockets, Value::Count(sockets)) => within(field, sockets, 1, MAX_SOCKETS, "what Proxmox takes"),
        (Field::CpuType, Value::Text(cpu)) => {
            let plausible = (2..=40).contains(&cpu.len())
                && cpu.starts_with(|c: char| c.is_ascii_alphanumeric())
                && cpu.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            if plausible {
                Ok(Value::Text(cpu))
            } else {
                Err(Doubt::new(format!("“{cpu}” is no CPU type. Which one?")).or(["host", "x86-64-v2-AES", "kvm64"]))
            }
        }
        (Field::Memory, Value::Size(size)) => whole_mib(field, size, MIN_MEMORY),
        (Field::Swap, Value::Size(size)) => whole_mib(field, size, Size::bytes(0)),
        (Field::OnBoot | Field::Protection | Field::Unprivileged | Field::Running, Value::Flag(flag)) => {
            Ok(Value::Flag(flag))
        }
        (Field::Tags, Value::Set(tags)) => tags.iter().map(|tag| tag_of(tag)).collect::<Result<_, _>>().map(Value::Set),
        (Field::Description, Value::Text(text)) => description(&text),
        (Field::DiskSize(_), Value::Size(size)) => {
            if size.is_whole_mib() && size >= Size::mib(1) {
                Ok(Value::Size(size))
            } else {
                Err(Doubt::new(format!("A disk of {size} is no whole number of MiB. How large shall it be?"))
                    .or([Size::gib(size.as_gib_ceil().max(1))]))
            }
        }
        (Field::DiskStorage(_), Value::Text(storage)) => storage_of(kind, storage, nodes).map(Value::Text),
        (Field::Nic(_, part), value) => nic(*part, value, nodes),
        (
            Field::Name
            | Field::Cores
            | Field::Sockets
            | Field::CpuType
            | Field::Memory
            | Field::Swap
            | Field::OnBoot
            | Field::Protection
            | Field::Unprivileged
            | Field::Tags
            | Field::Description
            | Field::Running
            | Field::DiskSize(_)
            | Field::DiskStorage(_),
            value,
        ) => Err(Doubt::new(format!("{} cannot be “{value}”. What shall it be?", field.label()))),
    }
}

/// Reads an answer as a value of `field`.
pub(super) fn read(field: &Field, answer: &str) -> Option<Value> {
    let answer = answer.trim();
    match field {
        Field::Name | Field::CpuType | Field::Description | Field::DiskStorage(_) => Some(Value::Text(answer.into())),
        Field::Cores | Field::Sockets | Field::Nic(_, NicPart::Vlan) => answer.parse().ok().map(Value::Count),
        Field::Memory | Field::Swap | Field::DiskSize(_) => read_size(answer).map(Value::Size),
        Field::OnBoot | Field::Protection | Field::Unprivileged | Field::Running => match answer {
            "yes" => Some(Value::Flag(true)),
            "no" => Some(Value::Flag(false)),
            _ => None,
        },
        Field::Tags => {
            let tags = answer.split([',', ';', ' ']).filter(|tag| !tag.is_empty());
            Some(Value::Set(tags.map(str::to_owned).collect()))
        }
        Field::Nic(_, NicPart::Bridge | NicPart::Ip | NicPart::Gateway | NicPart::Model) => {
            Some(Value::Text(answer.into()))
        }
    }
}

/// Reads `8 GiB`, `8G`, `512MB` …; units are binary, as Proxmox's are. A number alone is none: of what?
pub(super) fn read_size(text: &str) -> Option<Size> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.trim().parse().ok()?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift).map(Size::bytes)
}

/// A storage that one of `nodes` has and that takes disks of this kind of guest.
pub(super) fn storage_of(kind: Kind, name: String, nodes: &Nodes<'_>) -> Result<String, Doubt> {
    let content = content_for(kind);
    let mut known = false;
    let mut fit = BTreeSet::new();
    for (storage_name, storage) in nodes.iter().flat_map(|(_, node)| &node.storages) {
        known |= *storage_name == name;
        if storage.content.contains(content) {
            fit.insert(storage_name);
        }
    }
    if fit.contains(&name) {
        return Ok(name);
    }
    let on = on_nodes(nodes);
    let text = if known {
        format!("Storage {name}{on} may not hold disks of a {} ({content}). Which one shall?", kind.noun())
    } else {
        format!("There is no active storage {name}{on}. Which one is meant?")
    };
    Err(Doubt::new(text).or(fit))
}

/// A bridge that one of `nodes` has.
fn bridge_of(name: String, nodes: &Nodes<'_>) -> Result<String, Doubt> {
    let known: BTreeSet<&String> = nodes.iter().flat_map(|(_, node)| node.bridges.keys()).collect();
    if known.contains(&name) {
        return Ok(name);
    }
    Err(Doubt::new(format!("There is no bridge {name}{}. Which one is meant?", on_nodes(nodes))).or(known))
}

/// ` on pve1` where only that node comes into question.
fn on_nodes(nodes: &Nodes<'_>) -> String {
    match nodes {
        [(name, _)] => format!(" on {name}"),
        _ => String::new(),
    }
}

fn nic(part: NicPart, value: Value, nodes: &Nodes<'_>) -> Result<Value, Doubt> {
    match (part, value) {
        (NicPart::Bridge, Value::Text(bridge)) => bridge_of(bridge, nodes).map(Value::Text),
        (NicPart::Vlan, Value::Count(vlan)) => {
            if (1..=MAX_VLAN).contains(&vlan) {
                Ok(Value::Count(vlan))
            } else {
                Err(Doubt::new(format!("{vlan} is no VLAN tag: they go from 1 to {MAX_VLAN}. Which one is meant?")))
            }
        }
        (NicPart::Ip, Value::Text(ip)) => address(&ip).map(Value::Text),
        (NicPart::Gateway, Value::Text(gateway)) => match gateway.parse::<Ipv4Addr>() {
            Ok(gateway) => Ok(Value::Text(gateway.to_string())),
            Err(_) => Err(Doubt::new(format!("“{gateway}” is no IPv4 address of a gateway. Which one is it?"))),
        },
        (NicPart::Model, Value::Text(model)) => {
            let known = MODELS.contains(&model.to_ascii_lowercase().as_str());
            if known {
                Ok(Value::Text(model.to_ascii_lowercase()))
            } else {
                Err(Doubt::new(format!("Proxmox emulates no NIC “{model}”. Which one is meant?")).or(MODELS))
            }
        }
        (part, value) => {
            Err(Doubt::new(format!("The {} of a NIC cannot be “{value}”. What shall it be?", part.as_str())))
        }
    }
}

/// `dhcp`, or a host's IPv4 address with its prefix.
fn address(text: &str) -> Result<String, Doubt> {
    if text.eq_ignore_ascii_case("dhcp") {
        return Ok("dhcp".to_owned());
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        let text = format!("{address} has no prefix: how large is its network?");
        return Err(Doubt::new(text).or([24, 16, 8].map(|prefix| format!("{address}/{prefix}"))));
    }
    let Some(network) = Network::read(text) else {
        return Err(Doubt::new(format!("“{text}” is no IPv4 address such as 10.0.0.5/24, and not dhcp. What is it?")));
    };
    if network.is_host() {
        Ok(format!("{}/{}", network.address, network.prefix))
    } else {
        Err(Doubt::new(format!("{text} is the network itself or its broadcast address. Which host’s address is it?")))
    }
}

/// An IPv4 address with its prefix.
pub(super) struct Network {
    pub(super) address: Ipv4Addr,
    prefix: u32,
}

impl Network {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix))?;
        Some(Self { address: address.parse().ok()?, prefix })
    }

    fn mask(&self) -> u32 {
        u32::MAX << (32 - self.prefix)
    }

    /// Neither the network's own nor its broadcast address; networks of two have neither (RFC 3021).
    fn is_host(&self) -> bool {
        let host = self.address.to_bits() & !self.mask();
        self.prefix >= 31 || (host != 0 && host != !self.mask())
    }

    /// Whether `other` is another address in it.
    pub(super) fn reaches(&self, other: Ipv4Addr) -> bool {
        other != self.address && (other.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }
}

fn within(field: &Field, number: u64, low: u64, high: u64, bound: &str) -> Result<Value, Doubt> {
    if (low..=high).contains(&number) {
        return Ok(Value::Count(number));
    }
    let text = format!("{} cannot be {number}: it goes from {low} to {high}, {bound}. How many?", field.label());
    Err(Doubt::new(text).or([number.clamp(low, high)]))
}

fn whole_mib(field: &Field, size: Size, least: Size) -> Result<Value, Doubt> {
    if size.is_whole_mib() && size >= least {
        return Ok(Value::Size(size));
    }
    let text =
        format!("{} of {size} is not possible: Proxmox takes whole MiB, {least} at least. How much?", field.label());
    Err(Doubt::new(text).or([Size::mib(size.as_mib()).max(least)]))
}

/// A tag as Proxmox keeps it: in lower case.
fn tag_of(tag: &str) -> Result<String, Doubt> {
    let tag = tag.to_lowercase();
    let first = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if first && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(&b)) {
        return Ok(tag);
    }
    let mended: String =
        tag.chars().map(|c| if c.is_ascii_alphanumeric() || "_-+.".contains(c) { c } else { '-' }).collect();
    let mended = mended.trim_start_matches(['-', '+', '.']).to_owned();
    Err(Doubt::new(format!("“{tag}” is no tag: Proxmox takes letters, digits and _ - + . only. Which tags are meant?"))
        .or((!mended.is_empty()).then_some(mended)))
}

/// Notes as Proxmox gives them back, and without anything that looks like our marker.
fn description(text: &str) -> Result<Value, Doubt> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.chars().count() > MAX_DESCRIPTION {
        return Err(Doubt::new(format!("A description has {MAX_DESCRIPTION} characters at most. What shall it say?")));
    }
    if text.contains("<!-- mycopod:") {
        return Err(Doubt::new("A description cannot contain MycoPod’s own marker. What shall it say?"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Doubt::new("A description cannot contain control characters. What shall it say?"));
    }
    Ok(Value::Text(text))
}

/// Whether a guest of this kind may have a disk there.
pub(super) fn slot_fits(slot: &Slot, kind: Kind) -> bool {
    let of_container = slot.as_str() == "rootfs" || slot.as_str().starts_with("mp");
    match kind {
        Kind::Lxc => of_container,
        Kind::Qemu => !of_container,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Result<Value, Doubt>) -> Option<String> {
        value.ok().map(|value| value.to_string())
    }

    #[test]
    fn addresses_are_hosts_with_a_prefix() {
        assert_eq!(address("10.1.2.3/24").ok().as_deref(), Some("10.1.2.3/24"));
        assert_eq!(address("DHCP").ok().as_deref(), Some("dhcp"));
        for bad in ["10.1.2.0/24", "10.1.2.255/24", "10.1.2.3/33", "10.1.2.3/0", "10.1.2.300/24", "fe80::1/64", "x"] {
            assert!(address(bad).is_err(), "{bad}");
        }
        let bare = address("10.1.2.3").err().unwrap();
        assert!(bare.options.contains(&"10.1.2.3/24".to_owned()));
        let network = Network::read("10.1.2.3/24").unwrap();
        assert!(network.reaches("10.1.2.1".parse().unwrap()));
        assert!(!network.reaches("10.1.2.3".parse().unwrap()), "a guest is not its own gateway");
        assert!(!network.reaches("10.1.3.1".parse().unwrap()));
    }

    #[test]
    fn sizes_in_answers_need_a_unit() {
        assert_eq!(read_size("8 GiB"), Some(Size::gib(8)));
        assert_eq!(read_size("512MB"), Some(Size::mib(512)));
        assert_eq!(read_size("8"), None);
        assert_eq!(read_size("99999999999999 TiB"), None);
    }

    #[test]
    fn what_a_kind_does_not_have_is_a_question() {
        assert!(check(&Field::Swap, Kind::Qemu, Value::Size(Size::gib(1)), &[]).is_err());
        assert!(check(&Field::Sockets, Kind::Lxc, Value::Count(1), &[]).is_err());
        assert!(check(&Field::Swap, Kind::Lxc, Value::Size(Size::gib(1)), &[]).is_ok());
    }

    #[test]
    fn tags_are_kept_as_proxmox_keeps_them() {
        let tags = |tag: &str| text(check(&Field::Tags, Kind::Qemu, Value::Set([tag.to_owned()].into()), &[]));
        assert_eq!(tags("Web"), Some("web".to_owned()));
        assert_eq!(tags("a b"), None);
        assert_eq!(tags("-a"), None);
        assert_eq!(tags("x;y"), None);
    }

    #[test]
    fn a_description_cannot_forge_a_marker() {
        let of = |text: &str| check(&Field::Description, Kind::Qemu, Value::Text(text.to_owned()), &[]);
        assert!(of("hello <!-- mycopod:x:y -->").is_err());
        assert!(of("hello\nworld").is_ok());
        assert!(of("\u{7}").is_err());
    }

    #[test]
    fn memory_has_a_floor_and_whole_mebibytes() {
        let of = |size| check(&Field::Memory, Kind::Qemu, Value::Size(size), &[]).is_ok();
        assert!(of(Size::mib(16)));
        assert!(!of(Size::mib(15)));
        assert!(!of(Size::bytes(Size::gib(1).as_bytes() + 1)));
    }
}
