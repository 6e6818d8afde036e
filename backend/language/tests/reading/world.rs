//! The clusters that the declarations of the corpus are said in.

use std::collections::BTreeMap;

use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{GuestKey, Kind};
use mycopod_core::observed::{Bridge, Image, NodeState, Observed, Origin, Sighting, Storage, Volume};
use mycopod_core::size::Size;
use serde::Deserialize;

use crate::support::{Extra, cluster, disk, guest, node, tags, text, vmid};

/// A cluster as the corpus writes it.
#[derive(Debug, Deserialize)]
pub struct World {
    nodes: Vec<String>,
    /// The contents of each storage; every node has it for itself.
    storages: BTreeMap<String, Vec<String>>,
    /// Whether each bridge passes VLAN tags on.
    bridges: BTreeMap<String, bool>,
    pools: Vec<String>,
    guests: Vec<Guest>,
}

/// A guest as the corpus writes it.
#[derive(Debug, Deserialize)]
struct Guest {
    kind: Kind,
    name: String,
    vmid: u32,
    node: String,
    cores: u64,
    memory: String,
    disks: BTreeMap<Slot, String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    pool: String,
    #[serde(default)]
    runs: bool,
    #[serde(default)]
    protected: bool,
    /// `vmbr1.30` for a bridge with a VLAN.
    #[serde(default)]
    nics: Vec<String>,
    #[serde(default)]
    snapshots: Vec<String>,
}

/// The clusters by name.
pub fn worlds() -> BTreeMap<String, Observed> {
    let worlds: BTreeMap<String, World> =
        serde_json::from_str(include_str!("../../corpus/worlds.json")).expect("the worlds are well written");
    worlds.into_iter().map(|(name, world)| (name, world.observed())).collect()
}

/// `8G` as a size.
pub fn size(text: &str) -> Size {
    Size::from_proxmox(text).unwrap_or_else(|| panic!("“{text}” is no size"))
}

impl World {
    fn observed(&self) -> Observed {
        let storage = |content: &Vec<String>| Storage {
            kind: "dir".to_owned(),
            total: Size::gib(8192),
            free: Size::gib(8192),
            content: content.iter().cloned().collect(),
            shared: false,
        };
        let mut seen = node();
        seen.storages = self.storages.iter().map(|(name, content)| (name.clone(), storage(content))).collect();
        seen.bridges = self.bridges.iter().map(|(name, aware)| (name.clone(), Bridge { vlan_aware: *aware })).collect();
        let disks = self.storages.iter().find(|(_, content)| content.iter().any(|kind| kind == "images"));
        let home = disks.map(|(name, _)| name.as_str()).expect("a storage for disks");
        let home = if self.storages.contains_key("local-lvm") { "local-lvm" } else { home };
        let mut observed = Observed {
            nodes: self.nodes.iter().map(|name| (name.clone(), NodeState::Seen(seen.clone()))).collect(),
            guests: self.guests.iter().map(|guest| guest.sighting(home)).collect(),
            images: Vec::new(),
            volumes: Vec::new(),
            pools: self.pools.iter().cloned().collect(),
            ..cluster()
        };
        for (number, node) in (0..).zip(&self.nodes) {
            Self::furnish(&mut observed, node, number, home);
        }
        observed
    }

    /// The templates and files that each node has.
    fn furnish(observed: &mut Observed, node: &str, number: u32, home: &str) {
        for (index, name) in (0..).zip(["debian-12", "ubuntu-24.04"]) {
            let template = 9000 + 100 * number + index;
            let mut seen = guest(Kind::Qemu, template, name, node).templated();
            disks(&mut seen, &BTreeMap::from([(Slot::scsi(0), "4G".to_owned())]), home);
            observed.guests.push(seen);
            observed.images.push(Image {
                name: name.to_owned(),
                kind: Kind::Qemu,
                node: node.to_owned(),
                origin: Origin::Template(vmid(template)),
                disk: Some(Size::gib(4)),
            });
        }
        for name in [
            "alpine-3.20-default_20240908_amd64.tar.xz",
            "debian-12-standard_12.7-1_amd64.tar.zst",
            "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
        ] {
            observed.images.push(Image {
                name: name.to_owned(),
                kind: Kind::Lxc,
                node: node.to_owned(),
                origin: Origin::Volume(format!("local:vztmpl/{name}")),
                disk: None,
            });
        }
        let file = |content: &str, name: &str, of: Option<GuestKey>, storage: &str| Volume {
            volume: format!("{storage}:{content}/{name}"),
            content: content.to_owned(),
            node: node.to_owned(),
            size: Size::gib(1),
            guest: of,
            at: None,
        };
        observed
            .volumes
            .extend([file("iso", "debian-12.iso", None, "local"), file("import", "noble.qcow2", None, "local")]);
    }
}

impl Guest {
    fn sighting(&self, home: &str) -> Sighting {
        let plain = |plain, value| (Field::Plain(plain), value);
        let names: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        let mut seen = guest(self.kind, self.vmid, &self.name, &self.node);
        seen.fields.extend([
            plain(Plain::Cores, Value::Count(self.cores)),
            plain(Plain::Memory, Value::Size(size(&self.memory))),
            plain(Plain::Tags, tags(&names)),
            plain(Plain::Protection, Value::Flag(self.protected)),
            plain(Plain::Pool, text(&self.pool)),
        ]);
        for (number, nic) in (0..).zip(&self.nics) {
            let (bridge, vlan) = nic.split_once('.').unwrap_or((nic, "0"));
            seen.fields.insert(Field::Nic(number, NicPart::Bridge), text(bridge));
            seen.fields.insert(Field::Nic(number, NicPart::Model), text("virtio"));
            let vlan = vlan.parse().expect("a VLAN");
            if vlan > 0 {
                seen.fields.insert(Field::Nic(number, NicPart::Vlan), Value::Count(vlan));
            }
            let mac = format!("BC:24:11:00:{number:02X}:{:02X}", self.vmid % 256);
            seen.raw.insert(format!("net{number}"), format!("virtio={mac},bridge={bridge}"));
        }
        disks(&mut seen, &self.disks, home);
        let snapshots: Vec<&str> = self.snapshots.iter().map(String::as_str).collect();
        let seen = seen.remembers(&snapshots);
        if self.runs { seen.runs() } else { seen }
    }
}

/// Gives a guest these disks and no others.
fn disks(seen: &mut Sighting, wanted: &BTreeMap<Slot, String>, home: &str) {
    let slots: Vec<Slot> = seen.disks().cloned().collect();
    seen.fields.retain(|field, _| !matches!(field, Field::Disk(..)));
    for slot in slots {
        seen.raw.remove(slot.as_str());
    }
    for (slot, has) in wanted {
        let number = seen.guest.vmid;
        seen.raw.insert(slot.to_string(), format!("{home}:vm-{number}-{slot},size={has}"));
        seen.fields.extend(disk(slot, Value::Size(size(has)), home));
        if slot.as_str().starts_with("mp") {
            seen.fields.insert(Field::Disk(slot.clone(), DiskPart::Mount), text("/srv/data"));
        }
    }
    if let (Kind::Qemu, Some(first)) = (seen.guest.kind, wanted.keys().next()) {
        seen.raw.insert("boot".to_owned(), format!("order={first};net0"));
    }
}
