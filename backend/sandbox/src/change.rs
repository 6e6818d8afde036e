//! Changes of a guest's configuration: what applies at once, what waits for the next stop.

use std::collections::{BTreeMap, BTreeSet};

use crate::ambient;
use crate::cluster::Cluster;
use crate::disk::{self, Slot};
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, is_cdrom, is_cloudinit, volume_of};
use crate::power::answers_acpi;

/// Options of a running VM that take effect at once.
const LIVE_QEMU: [&str; 24] = [
    "autostart",
    "balloon",
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "cpulimit",
    "cpuunits",
    "description",
    "hookscript",
    "hotplug",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "nameserver",
    "onboot",
    "protection",
    "searchdomain",
    "shares",
    "sshkeys",
    "startup",
    "tags",
];
/// Options of a running container that take effect at once.
const LIVE_LXC: [&str; 14] = [
    "cores",
    "cpulimit",
    "cpuunits",
    "description",
    "hookscript",
    "hostname",
    "lock",
    "memory",
    "nameserver",
    "onboot",
    "protection",
    "searchdomain",
    "startup",
    "swap",
];
/// Parts of a drive's value that may change while it is in use.
const LIVE_DRIVE_PARTS: [&str; 6] = ["backup", "discard", "replicate", "rerror", "ssd", "werror"];
/// What is plugged at run time when a VM's `hotplug` says nothing.
const DEFAULT_HOTPLUG: &str = "network,disk,usb";

/// A wanted change.
#[derive(Debug, Default)]
pub struct Change {
    pub set: Config,
    pub delete: Vec<String>,
    pub revert: Vec<String>,
    pub digest: Option<String>,
    /// Whether a lock is passed over.
    pub skiplock: bool,
    /// Whether detached disks are destroyed.
    pub force: bool,
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty() && self.revert.is_empty()
    }
}

/// Carries a change out as far as it goes now; the rest stays pending.
pub fn apply(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    change: &Change,
    log: &mut Vec<String>,
) -> Outcome<()> {
    let guest = cluster.guest(node, kind, vmid)?;
    guest.ensure_digest(change.digest.as_deref())?;
    if !change.skiplock {
        guest.ensure_unlocked()?;
    }
    if guest.flag("protection") {
        let drive = change.delete.iter().find(|option| drive(kind, option).is_some() || option.starts_with("unused"));
        if let Some(option) = drive {
            let drive = if kind == Kind::Lxc { format!("CT {vmid} drive") } else { "drive".to_owned() };
            return Err(Failure::failed(format!("can't remove {drive} '{option}' - protection mode enabled")));
        }
    }
    let set = prepare(cluster, node, kind, vmid, &change.set, log)?;
    for option in &change.delete {
        if let Some(volid) = option
            .starts_with("unused")
            .then(|| cluster.guest(node, kind, vmid).ok()?.get(option).map(str::to_owned))
            .flatten()
        {
            remove_unused(cluster, node, kind, vmid, option, &volid)?;
        }
    }
    let guest = cluster.guest_mut(node, kind, vmid)?;
    for option in change.revert.iter().chain(set.keys()) {
        guest.pending.remove(option);
        guest.pending_delete.remove(option);
    }
    for option in change.delete.iter().filter(|option| !option.starts_with("unused")) {
        guest.pending.remove(option);
        if guest.config.contains_key(option) {
            guest.pending_delete.insert(option.clone());
        }
    }
    let current = guest.config.clone();
    let set = set.into_iter().filter(|(option, value)| current.get(option) != Some(value));
    guest.pending.extend(set);
    if guest.run.is_none() {
        settle(cluster, node, vmid);
    } else {
        let touched: BTreeSet<&String> = change.set.keys().chain(&change.delete).collect();
        plug(cluster, node, kind, vmid, &touched)?;
    }
    if change.force {
        destroy_detached(cluster, node, kind, vmid, &change.delete, &current);
    }
    Ok(())
}

/// Values as they are stored: disks allocated, NICs with an address, tags sorted.
fn prepare(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    set: &Config,
    log: &mut Vec<String>,
) -> Outcome<Config> {
    let base = cluster.guest(node, kind, vmid)?.flag("template");
    let mut stored = Config::new();
    for (option, value) in set {
        let value = if drive(kind, option).is_some() && !(kind == Kind::Lxc && value.starts_with('/')) {
            if option == "rootfs" && !value.contains(':') {
                value.clone()
            } else if kind == Kind::Lxc && !is_request(value) {
                // A container's sizes are believed.
                value.clone()
            } else {
                disk::realize(cluster, &Slot { node, kind, vmid, option, base }, value, log)?
            }
        } else {
            store(kind, option, value)
        };
        stored.insert(option.clone(), value);
    }
    if let Some(tags) = stored.get_mut("tags") {
        *tags = sorted_tags(tags);
    }
    if let Some(order) = stored.get("boot").and_then(|boot| boot.strip_prefix("order=")) {
        let guest = cluster.guest(node, kind, vmid)?.merged();
        let known = |device: &str| guest.contains_key(device) || stored.contains_key(device);
        if let Some(device) = order.split(';').find(|device| !device.is_empty() && !known(device)) {
            return Err(Failure::failed(format!("invalid bootorder: device '{device}' does not exist'")));
        }
    }
    Ok(stored)
}

/// Whether a drive's value asks for a new volume.
fn is_request(value: &str) -> bool {
    format::volume_id(volume_of(value)).is_some_and(|(_, what)| format::is_decimal(what) || what == "cloudinit")
}

/// A value as it is stored, where that needs no other knowledge.
pub fn store(kind: Kind, option: &str, value: &str) -> String {
    match (kind, crate::schema::numbered(option)) {
        (Kind::Qemu, Some(("net", _))) => qemu_nic(value),
        (Kind::Lxc, Some(("net", _))) => lxc_nic(value),
        _ => match option {
            "tags" if value.is_empty() => " ".to_owned(),
            "description" => value.trim_end().to_owned(),
            "cores" | "sockets" | "balloon" | "shares" | "cpuunits" | "vcpus" | "swap" => {
                value.parse::<u64>().map_or_else(|_| value.to_owned(), |number| number.to_string())
            }
            "memory" if kind == Kind::Lxc => {
                value.parse::<u64>().map_or_else(|_| value.to_owned(), |number| number.to_string())
            }
            _ => value.to_owned(),
        },
    }
}

/// The parts of a VM's NIC that are no model.
const NIC_PARTS: [&str; 10] =
    ["bridge", "firewall", "link_down", "macaddr", "model", "mtu", "queues", "rate", "tag", "trunks"];

fn qemu_nic(value: &str) -> String {
    let mut parts = format::split(value, "model");
    // `virtio=MAC` names the model and the address at once.
    let named = parts.keys().find(|key| !NIC_PARTS.contains(&key.as_str())).cloned();
    let (model, address) = match named {
        Some(model) => {
            let address = parts.remove(&model);
            (model, address)
        }
        None => (parts.remove("model").unwrap_or_else(|| "virtio".to_owned()), parts.remove("macaddr")),
    };
    let address = address.map_or_else(ambient::mac, |address| address.to_uppercase());
    let rest = parts.into_iter().map(|(key, value)| format!(",{key}={value}"));
    format!("{model}={address}{}", rest.collect::<String>())
}

fn lxc_nic(value: &str) -> String {
    let mut parts = format::split(value, "name");
    let name = parts.remove("name").unwrap_or_default();
    parts.entry("hwaddr".to_owned()).and_modify(|mac| *mac = mac.to_uppercase()).or_insert_with(ambient::mac);
    parts.entry("type".to_owned()).or_insert_with(|| "veth".to_owned());
    let rest = parts.into_iter().map(|(key, value)| format!(",{key}={value}"));
    format!("name={name}{}", rest.collect::<String>())
}

fn sorted_tags(tags: &str) -> String {
    let mut names: Vec<&str> = format::list(tags).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { " ".to_owned() } else { names.join(";") }
}

fn remove_unused(cluster: &mut Cluster, node: &str, kind: Kind, vmid: u32, option: &str, volid: &str) -> Outcome<()> {
    let guest = cluster.guest_mut(node, kind, vmid)?;
    let mentioned = |config: &Config| config.values().any(|value| volume_of(value) == volid);
    if guest.snapshots.values().any(mentioned) {
        return Err(Failure::failed(format!("unable to delete '{volid}' - volume is still in use (snapshot?)")));
    }
    guest.config.remove(option);
    let attached = mentioned(&guest.config);
    if !attached {
        cluster.free(node, volid);
    }
    Ok(())
}

fn destroy_detached(cluster: &mut Cluster, node: &str, kind: Kind, vmid: u32, delete: &[String], before: &Config) {
    for volid in delete.iter().filter_map(|option| before.get(option)).map(|value| volume_of(value)) {
        let Ok(guest) = cluster.guest_mut(node, kind, vmid) else { return };
        guest.config.retain(|option, value| !(option.starts_with("unused") && value == volid));
        let attached = guest.config.values().any(|value| volume_of(value) == volid);
        if !attached {
            cluster.free(node, volid);
        }
    }
}

/// Applies everything that is pending: what happens when a guest stops.
fn settle(cluster: &mut Cluster, node: &str, vmid: u32) {
    let Some(guest) = cluster.guests.get(&vmid) else { return };
    let options: Vec<String> = guest.pending_delete.iter().chain(guest.pending.keys()).cloned().collect();
    for option in options {
        settle_one(cluster, node, vmid, &option);
    }
}

/// Applies one pending option.
fn settle_one(cluster: &mut Cluster, node: &str, vmid: u32, option: &str) {
    let Some(guest) = cluster.guests.get_mut(&vmid) else { return };
    let kind = guest.kind;
    let new = guest.pending.remove(option);
    guest.pending_delete.remove(option);
    let old = guest.config.remove(option);
    let device = drive(kind, option).is_some() || option.starts_with("net");
    if let Some(value) = &new {
        if !(option == "description" && value.is_empty()) {
            guest.config.insert(option.to_owned(), value.clone());
        }
        let volid = volume_of(value);
        if drive(kind, option).is_some() {
            guest.config.retain(|other, value| !(other.starts_with("unused") && value == volid));
        }
    } else if device && kind == Kind::Qemu {
        leave_boot_order(&mut guest.config, option);
    }
    let Some(old) =
        old.filter(|old| drive(kind, option).is_some() && new.as_deref().map(volume_of) != Some(volume_of(old)))
    else {
        return;
    };
    let volid = volume_of(&old).to_owned();
    if is_cloudinit(&old) {
        cluster.free(node, &volid);
    } else if !is_cdrom(&old) && volid.contains(':') && !guest.config.values().any(|value| volume_of(value) == volid) {
        guest.add_unused(&volid);
    }
}

fn leave_boot_order(config: &mut Config, device: &str) {
    if let Some(order) = config.get("boot").and_then(|boot| boot.strip_prefix("order=")) {
        let rest: Vec<&str> = order.split(';').filter(|other| *other != device).collect();
        let boot = if rest.is_empty() { " ".to_owned() } else { format!("order={}", rest.join(";")) };
        config.insert("boot".to_owned(), boot);
    }
}

/// Applies of a running guest's pending options those that take effect at run time. Only of the options touched
/// just now a failure is told.
fn plug(cluster: &mut Cluster, node: &str, kind: Kind, vmid: u32, touched: &BTreeSet<&String>) -> Outcome<()> {
    let guest = cluster.guest(node, kind, vmid)?;
    let options: Vec<String> = guest.pending_delete.iter().chain(guest.pending.keys()).cloned().collect();
    let mut problems = BTreeMap::new();
    for option in options {
        let guest = cluster.guest(node, kind, vmid)?;
        match pluggable(guest, &option) {
            Ok(true) => settle_one(cluster, node, vmid, &option),
            Ok(false) => {}
            Err(_) if !touched.contains(&option) => {}
            Err(problem) => {
                problems.insert(option, format!("hotplug problem - {problem}\n"));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Parameters(problems)) }
}

/// Whether a pending option takes effect while the guest runs; an error where the guest does not let go.
fn pluggable(guest: &Guest, option: &str) -> Result<bool, String> {
    let live: &[&str] = match guest.kind {
        Kind::Qemu => &LIVE_QEMU,
        Kind::Lxc => &LIVE_LXC,
    };
    if live.contains(&option) || option == "tags" || option.starts_with("ipconfig") || option.starts_with("unused") {
        return Ok(true);
    }
    let (old, new) = (guest.get(option), guest.pending.get(option).map(String::as_str));
    if guest.kind == Kind::Lxc {
        // Mount points and NICs are plugged in; they are not pulled out of a running container.
        let device = option.starts_with("mp") || option.starts_with("net");
        return Ok(device && (new.is_some() && old.is_none() || option.starts_with("net")));
    }
    let hotplug = match guest.get("hotplug") {
        None | Some("1") => DEFAULT_HOTPLUG,
        Some(features) => features,
    };
    let plugs = |feature: &str| hotplug.split(',').any(|other| other == feature);
    match crate::schema::numbered(option) {
        Some(("net", _)) => Ok(plugs("network")),
        Some((bus @ ("scsi" | "virtio" | "ide" | "sata"), number)) => {
            if old.is_some_and(is_cdrom) && new.is_some_and(is_cdrom) {
                return Ok(true);
            }
            if !plugs("disk") || !matches!(bus, "scsi" | "virtio") {
                return Ok(false);
            }
            match (old, new) {
                (Some(old), Some(new)) if volume_of(old) == volume_of(new) => Ok(same_but_live(old, new)),
                (Some(_), _) if !answers_acpi(guest) => Err(format!(
                    "error on hot-unplugging device '{}{number}'",
                    if guest.get("scsihw") == Some("virtio-scsi-single") { "virtioscsi" } else { bus }
                )),
                _ => Ok(true),
            }
        }
        Some(("usb", _)) => Ok(plugs("usb")),
        _ => Ok(false),
    }
}

fn same_but_live(old: &str, new: &str) -> bool {
    let (old, new) = (format::split(old, "file"), format::split(new, "file"));
    let differs = |key: &&String| old.get(*key) != new.get(*key);
    old.keys().chain(new.keys()).filter(differs).all(|key| {
        LIVE_DRIVE_PARTS.contains(&key.as_str())
            || key.starts_with("mbps")
            || key.starts_with("iops")
            || key.starts_with("bps")
    })
}

/// Stops a guest: the process ends and what was pending holds.
pub fn stop(cluster: &mut Cluster, node: &str, vmid: u32) {
    if let Some(guest) = cluster.guests.get_mut(&vmid) {
        guest.run = None;
    }
    settle(cluster, node, vmid);
}
