//! The worlds a sandbox begins with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::OWN_TOKEN;
use crate::access::{Caller, ROOT, User};
use crate::ambient;
use crate::auth;
use crate::cluster::{Cluster, Node, Pool};
use crate::format::print_size;
use crate::guest::{Config, Guest, Kind, Run};
use crate::storage::{Storage, Volume};

const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
/// The size of a cloud-init drive.
const CLOUD_INIT: u64 = 4 << 20;
const EVERYTHING: &str = "images,rootdir,vztmpl,iso,backup,snippets,import";
/// How long a demo's nodes have been up when it begins, in seconds.
const UP: f64 = 40.0 * 86_400.0;
/// Guests on a node of a crowd.
const GUESTS_A_NODE: u32 = 500;

/// One node `pve1` with storage `local` and bridge `vmbr0`.
pub fn empty() -> Cluster {
    let now = ambient::now();
    let mut cluster = base();
    cluster.nodes.insert("pve1".to_owned(), node(1, 2, 24 * GIB, 252 * GIB, now - 2_000.0, false));
    cluster.storages.insert("local".to_owned(), directory(252 * GIB, 25 * GIB));
    let files = [
        ("import/tiny-import.qcow2", "import", "qcow2", 196_616),
        ("iso/tiny.iso", "iso", "iso", 358_400),
        ("snippets/user.yaml", "snippets", "snippet", 26),
        ("vztmpl/tiny-debian-12_1.0_amd64.tar.zst", "vztmpl", "tzst", 1_078_599),
    ];
    for (name, content, format, size) in files {
        file(&mut cluster, "pve1", name, content, format, size);
    }
    cluster
}

/// Nodes `pve1`, … with storages and bridges.
fn nodes(name: &str, count: u32) -> Cluster {
    let now = ambient::now();
    let mut cluster = base();
    cluster.name = Some(name.to_owned());
    for number in 1..=count {
        cluster.nodes.insert(format!("pve{number}"), node(number, 32, 256 * GIB, 2 * TIB, now - UP, true));
    }
    cluster.storages.insert("local".to_owned(), directory(2 * TIB, 18 * GIB));
    let thin = [("type", "lvmthin"), ("vgname", "pve"), ("thinpool", "data"), ("content", "images,rootdir")];
    cluster.storages.insert("local-lvm".to_owned(), storage(&thin, 4 * TIB, 0));
    cluster
}

/// So many small guests in the pool `crowd`, nine of ten running.
pub fn crowd(guests: u32) -> Cluster {
    let mut cluster = nodes("crowd", guests.div_ceil(GUESTS_A_NODE).max(2));
    cluster.pools.insert("crowd".to_owned(), Pool::default());
    for n in 0..guests {
        let guest = Demo {
            vmid: 100 + n,
            node: &format!("pve{}", n / GUESTS_A_NODE + 1),
            name: &format!("guest-{n:05}"),
            cores: 1,
            memory: 512,
            disks: &[4],
            tags: "crowd",
            running: n % 10 != 0,
        };
        guest.make(&mut cluster);
        cluster.join_pool("crowd", guest.vmid);
    }
    cluster
}

/// Two nodes with storages, bridges, templates, and a few guests that somebody else made.
pub fn demo() -> Cluster {
    let mut cluster = nodes("demo", 2);
    cluster.internet = true;
    for (n, name) in ["pve1", "pve2"].into_iter().enumerate() {
        let first = 9_000 + 100 * u32::try_from(n).unwrap_or_default();
        let files = [
            ("vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", "vztmpl", "tzst", 126_515_062),
            ("vztmpl/alpine-3.21-default_20241217_amd64.tar.xz", "vztmpl", "txz", 3_211_264),
            ("iso/debian-12.10.0-amd64-netinst.iso", "iso", "iso", 663_748_608),
        ];
        for (name_in_storage, content, format, size) in files {
            file(&mut cluster, name, name_in_storage, content, format, size);
        }
        template(&mut cluster, name, first, "debian-12", 2);
        template(&mut cluster, name, first + 1, "ubuntu-24.04", 4);
    }
    let guests = [
        Demo {
            vmid: 101,
            node: "pve1",
            name: "web-01",
            cores: 2,
            memory: 4_096,
            disks: &[32],
            tags: "web",
            running: true,
        },
        Demo {
            vmid: 102,
            node: "pve2",
            name: "web-02",
            cores: 2,
            memory: 4_096,
            disks: &[32],
            tags: "web",
            running: true,
        },
        Demo {
            vmid: 103,
            node: "pve1",
            name: "db-1",
            cores: 4,
            memory: 8_192,
            disks: &[40, 100],
            tags: "db",
            running: true,
        },
        Demo {
            vmid: 111,
            node: "pve1",
            name: "test-1",
            cores: 1,
            memory: 1_024,
            disks: &[10],
            tags: "test",
            running: false,
        },
        Demo {
            vmid: 112,
            node: "pve2",
            name: "test-2",
            cores: 1,
            memory: 1_024,
            disks: &[10],
            tags: "test",
            running: false,
        },
        Demo {
            vmid: 113,
            node: "pve2",
            name: "test-3",
            cores: 1,
            memory: 1_024,
            disks: &[10],
            tags: "test",
            running: false,
        },
    ];
    for guest in guests {
        guest.make(&mut cluster);
    }
    cache(&mut cluster);
    cluster
}

/// Lets root in with a token, the one asked for or one that is made; gives it whole. `None` where it is malformed.
pub fn admit(cluster: &mut Cluster, token: Option<&str>) -> Option<String> {
    let root = cluster.access.users.entry(ROOT.to_owned()).or_insert_with(|| User { enabled: true, ..User::default() });
    let (name, secret) = match token {
        Some(token) => {
            let (id, secret) = token.split_once('=')?;
            let name = id.strip_prefix(ROOT)?.strip_prefix('!')?;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() > 1;
            (named && name.chars().all(plain) && !secret.is_empty()).then_some(())?;
            (name.to_owned(), secret.to_owned())
        }
        None => match root.tokens.get(OWN_TOKEN) {
            Some(known) => (OWN_TOKEN.to_owned(), known.secret.clone()),
            None => (OWN_TOKEN.to_owned(), ambient::uuid()),
        },
    };
    let entry = root.tokens.entry(name.clone()).or_default();
    entry.secret.clone_from(&secret);
    entry.privsep = false;
    Some(format!("{ROOT}!{name}={secret}"))
}

fn base() -> Cluster {
    let mut cluster = Cluster::default();
    let root = User {
        attributes: BTreeMap::from([("email".to_owned(), "root@example.com".to_owned())]),
        enabled: true,
        password: Some(auth::hash_password("secret123")),
        ..User::default()
    };
    cluster.access.users.insert(ROOT.to_owned(), root);
    cluster.now = ambient::now();
    cluster.record("pve1", &Caller::parse(ROOT), "the sandbox made this cluster".to_owned());
    cluster
}

fn node(number: u32, cores: u32, memory: u64, disk: u64, booted: f64, vlans: bool) -> Node {
    let address = format!("198.51.100.{}", 9 + number);
    let nic = |name: &str| -> Map<String, Value> {
        let mut nic = Map::new();
        nic.insert("iface".to_owned(), json!(name));
        for (key, value) in [("type", "eth"), ("method", "manual"), ("method6", "manual")] {
            nic.insert(key.to_owned(), json!(value));
        }
        nic.insert("families".to_owned(), json!(["inet"]));
        nic
    };
    let mut eth0 = nic("eth0");
    eth0.insert("active".to_owned(), json!(1));
    eth0.insert("exists".to_owned(), json!(1));
    let mut ens18 = nic("ens18");
    ens18.insert("priority".to_owned(), json!(3));
    let mut interfaces = BTreeMap::from([("eth0".to_owned(), eth0), ("ens18".to_owned(), ens18)]);
    let mut vmbr0 = bridge("vmbr0", 4);
    vmbr0.insert("method".to_owned(), json!("static"));
    vmbr0.insert("address".to_owned(), json!(address));
    vmbr0.insert("netmask".to_owned(), json!("24"));
    vmbr0.insert("cidr".to_owned(), json!(format!("{address}/24")));
    interfaces.insert("vmbr0".to_owned(), vmbr0);
    if vlans {
        let mut vmbr1 = bridge("vmbr1", 5);
        vmbr1.insert("bridge_vlan_aware".to_owned(), json!(1));
        vmbr1.insert("bridge_vids".to_owned(), json!("2-4094"));
        interfaces.insert("vmbr1".to_owned(), vmbr1);
    }
    Node { number, address, cores, memory, disk, booted, interfaces, ..Node::default() }
}

fn bridge(name: &str, priority: u32) -> Map<String, Value> {
    let fixed = json!({
        "iface": name, "type": "bridge", "method": "manual", "method6": "manual", "families": ["inet"],
        "autostart": 1, "active": 1, "priority": priority, "bridge_ports": "", "bridge_stp": "off", "bridge_fd": "0",
    });
    fixed.as_object().cloned().unwrap_or_default()
}

fn storage(properties: &[(&str, &str)], total: u64, base: u64) -> Storage {
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Storage { properties: properties.collect(), total, base }
}

fn directory(total: u64, base: u64) -> Storage {
    storage(&[("type", "dir"), ("path", "/var/lib/vz"), ("content", EVERYTHING)], total, base)
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch fit")]
fn seconds_ago(days: f64) -> i64 {
    (ambient::now() - days * 86_400.0) as i64
}

fn file(cluster: &mut Cluster, node: &str, name: &str, content: &str, format: &str, size: u64) {
    cluster.insert_volume(Volume {
        volid: format!("local:{name}"),
        node: node.to_owned(),
        content: content.to_owned(),
        format: format.to_owned(),
        size,
        used: size,
        ctime: seconds_ago(30.0),
        ..Volume::default()
    });
}

/// A disk on `local-lvm`, a third of it written.
fn thin_disk(cluster: &mut Cluster, node: &str, vmid: u32, name: &str, size: u64, content: &str) -> String {
    let volid = format!("local-lvm:{name}");
    cluster.insert_volume(Volume {
        volid: volid.clone(),
        node: node.to_owned(),
        content: content.to_owned(),
        format: "raw".to_owned(),
        size,
        used: size / 3,
        vmid: Some(vmid),
        ctime: seconds_ago(30.0),
        ..Volume::default()
    });
    volid
}

fn config(options: &[(&str, String)]) -> Config {
    options.iter().map(|(option, value)| ((*option).to_owned(), value.clone())).collect()
}

fn template(cluster: &mut Cluster, node: &str, vmid: u32, name: &str, gib: u64) {
    let disk = thin_disk(cluster, node, vmid, &format!("base-{vmid}-disk-0"), gib * GIB, "images");
    let cloudinit = format!("vm-{vmid}-cloudinit");
    let drive = thin_disk(cluster, node, vmid, &cloudinit, CLOUD_INIT, "images");
    let options = config(&[
        ("name", name.to_owned()),
        ("template", "1".to_owned()),
        ("cores", "1".to_owned()),
        ("memory", "1024".to_owned()),
        ("ostype", "l26".to_owned()),
        ("agent", "1".to_owned()),
        ("scsihw", "virtio-scsi-single".to_owned()),
        ("scsi0", format!("{disk},discard=on,size={}", print_size(gib * GIB))),
        ("ide2", format!("{drive},media=cdrom")),
        ("net0", format!("virtio={},bridge=vmbr0", ambient::mac())),
        ("serial0", "socket".to_owned()),
        ("vga", "serial0".to_owned()),
        ("boot", "order=scsi0".to_owned()),
        ("ipconfig0", "ip=dhcp".to_owned()),
        ("smbios1", format!("uuid={}", ambient::uuid())),
        ("vmgenid", ambient::uuid()),
        ("meta", format!("creation-qemu=9.2.0,ctime={}", seconds_ago(30.0))),
    ]);
    cluster.guests.insert(vmid, Guest::new(node, Kind::Qemu, vmid, options));
}

/// A guest of the demo.
struct Demo<'a> {
    vmid: u32,
    node: &'a str,
    name: &'a str,
    cores: u32,
    /// In MiB.
    memory: u32,
    /// In GiB.
    disks: &'a [u64],
    tags: &'a str,
    running: bool,
}

impl Demo<'_> {
    fn make(&self, cluster: &mut Cluster) {
        let Self { vmid, node, .. } = *self;
        let mut options = config(&[
            ("name", self.name.to_owned()),
            ("cores", self.cores.to_string()),
            ("memory", self.memory.to_string()),
            ("tags", self.tags.to_owned()),
            ("ostype", "l26".to_owned()),
            ("scsihw", "virtio-scsi-single".to_owned()),
            ("net0", format!("virtio={},bridge=vmbr0", ambient::mac())),
            ("boot", "order=scsi0;net0".to_owned()),
            ("smbios1", format!("uuid={}", ambient::uuid())),
            ("vmgenid", ambient::uuid()),
            ("meta", format!("creation-qemu=9.2.0,ctime={}", seconds_ago(20.0))),
        ]);
        for (n, gib) in self.disks.iter().enumerate() {
            let disk = thin_disk(cluster, node, vmid, &format!("vm-{vmid}-disk-{n}"), *gib * GIB, "images");
            options.insert(format!("scsi{n}"), format!("{disk},size={gib}G"));
        }
        if self.running {
            options.insert("onboot".to_owned(), "1".to_owned());
        }
        let mut guest = Guest::new(node, Kind::Qemu, vmid, options);
        if self.running {
            let since = ambient::now() - 12.0 * 86_400.0;
            guest.run = Some(Run { since, pid: cluster.next_pid(), paused: false });
        }
        cluster.guests.insert(vmid, guest);
    }
}

fn cache(cluster: &mut Cluster) {
    let (vmid, node) = (120, "pve2");
    let disk = thin_disk(cluster, node, vmid, "vm-120-disk-0", 8 * GIB, "rootdir");
    let options = config(&[
        ("hostname", "cache".to_owned()),
        ("arch", "amd64".to_owned()),
        ("cores", "1".to_owned()),
        ("memory", "512".to_owned()),
        ("swap", "512".to_owned()),
        ("ostype", "debian".to_owned()),
        ("unprivileged", "1".to_owned()),
        ("rootfs", format!("{disk},size=8G")),
        ("net0", format!("name=eth0,bridge=vmbr0,hwaddr={},ip=dhcp,type=veth", ambient::mac())),
    ]);
    let mut guest = Guest::new(node, Kind::Lxc, vmid, options);
    let since = ambient::now() - 5.0 * 86_400.0;
    guest.run = Some(Run { since, pid: cluster.next_pid(), paused: false });
    cluster.guests.insert(vmid, guest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_templates_on_both_nodes_with_small_disks() {
        let demo = demo();
        assert!(demo.nodes.keys().eq(["pve1", "pve2"]));
        for node in ["pve1", "pve2"] {
            for name in ["debian-12", "ubuntu-24.04"] {
                let template = demo.guests.values().find(|guest| guest.node == node && guest.name() == name).unwrap();
                assert!(template.flag("template") && template.vmid >= 9_000);
                assert!(template.root_disk_size() <= 4 * GIB);
            }
        }
    }

    #[test]
    fn a_token_must_be_one_of_root() {
        let mut cluster = empty();
        assert!(admit(&mut cluster, Some("root@pam!lab=s")).is_some());
        for bad in ["", "lab=s", "alice@pve!lab=s", "root@pam!=s", "root@pam!lab=", "root@pam!l b=s"] {
            assert!(admit(&mut cluster, Some(bad)).is_none(), "{bad}");
        }
        let made = admit(&mut cluster, None).unwrap();
        assert_eq!(admit(&mut cluster, None).unwrap(), made);
    }
}
