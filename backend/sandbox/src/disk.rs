//! Disks of guests: made, resized, moved, turned into a template's base, removed.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::format::{self, print_size};
use crate::guest::{Config, Guest, Kind, drive, is_cloudinit, volume_of};
use crate::storage::{LARGEST_LOGICAL, Request, Storage, Volume, formatting};

const GIB: u64 = 1 << 30;
/// The sizes of disks whose size is not for the user to choose, in bytes.
const EFI_SMALL: u64 = 128 << 10;
const EFI_LARGE: u64 = 528 << 10;
const TPM: u64 = 4 << 20;
const CLOUD_INIT: u64 = 4 << 20;
/// Bytes a second that a copy of a disk moves.
const COPY_RATE: u64 = 2 << 30;
/// What a qcow2 image can grow to before its tables are too large.
const LARGEST_QCOW2: u64 = 1 << 56;

/// Where a disk is to be.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    pub node: &'a str,
    pub kind: Kind,
    pub vmid: u32,
    /// `scsi0`, `rootfs`, …
    pub option: &'a str,
    /// Whether the guest is a template.
    pub base: bool,
}

/// Makes what a drive's value asks for (`local:32`, `local:cloudinit`, an existing volume) and gives the value as
/// it is stored.
pub fn realize(cluster: &mut Cluster, slot: &Slot, value: &str, log: &mut Vec<String>) -> Result<String, String> {
    let mut parts = format::split(value, "file");
    if let Some(volume) = parts.remove("volume") {
        parts.entry("file".to_owned()).or_insert(volume);
    }
    let file = parts.get("file").cloned().unwrap_or_default();
    if matches!(file.as_str(), "none" | "cdrom") {
        return Ok(format!("{file},media=cdrom"));
    }
    let format = parts.remove("format");
    parts.remove("size");
    let Some((storage, what)) = format::volume_id(&file) else {
        return Ok(value.to_owned());
    };
    if let Some(source) = parts.remove("import-from") {
        let size = cluster.require_volume(slot.node, &source)?.size;
        let source_format = cluster.require_volume(slot.node, &source)?.format.clone();
        log.push(format!("create full clone of drive ({source})"));
        let format = format.unwrap_or(source_format);
        let volid = cluster.allocate(&slot.request(storage, Some(&format), size, "disk"), log)?;
        log.extend(transferred(size));
        parts.insert("file".to_owned(), volid);
        parts.insert("size".to_owned(), print_size(size));
    } else if what == "cloudinit" {
        let format = cluster.storage(storage)?.has_files().then_some("qcow2");
        let request = slot.request(storage, format, CLOUD_INIT, "cloudinit");
        let volid = cluster.allocate(&request, log)?;
        parts.insert("file".to_owned(), volid);
        parts.insert("media".to_owned(), "cdrom".to_owned());
    } else if format::is_decimal(what) {
        let size = slot.size(what, &parts);
        let volid = cluster.allocate(&slot.request(storage, format.as_deref(), size, "disk"), log)?;
        if slot.option == "efidisk0" {
            log.extend(transferred(size));
        }
        parts.insert("file".to_owned(), volid);
        parts.insert("size".to_owned(), print_size(size));
    } else {
        let size = cluster.require_volume(slot.node, &file)?.size;
        if !file.contains("-cloudinit") {
            parts.insert("size".to_owned(), print_size(size));
        }
        return Ok(print_drive(&parts));
    }
    let printed = print_drive(&parts);
    if slot.kind == Kind::Qemu {
        log.push(format!("{}: successfully created disk '{printed}'", slot.option));
    }
    Ok(printed)
}

/// The volume first, then a mount point's path, then the rest by name.
fn print_drive(parts: &BTreeMap<String, String>) -> String {
    let mut rest = parts.clone();
    let first = rest.remove("file").into_iter();
    let path = rest.remove("mp").map(|path| format!("mp={path}"));
    let rest = rest.into_iter().map(|(key, value)| format!("{key}={value}"));
    first.chain(path).chain(rest).collect::<Vec<_>>().join(",")
}

impl Slot<'_> {
    fn request<'a>(&'a self, storage: &'a str, format: Option<&'a str>, size: u64, purpose: &'a str) -> Request<'a> {
        Request { node: self.node, storage, vmid: self.vmid, format, size, kind: self.kind, purpose, base: self.base }
    }

    fn size(&self, gib: &str, parts: &BTreeMap<String, String>) -> u64 {
        match self.option {
            "efidisk0" if parts.get("efitype").is_some_and(|kind| kind == "4m") => EFI_LARGE,
            "efidisk0" => EFI_SMALL,
            "tpmstate0" => TPM,
            _ => {
                let bytes = gib
                    .parse()
                    .map_or_else(|_| gib.parse().map_or(0, |n| format::scale(n, GIB)), |n: u64| n.saturating_mul(GIB));
                bytes.div_ceil(1024).saturating_mul(1024)
            }
        }
    }
}

/// What a copy prints.
pub fn transferred(size: u64) -> [String; 2] {
    let human = human(size);
    [format!("transferred 0.0 B of {human} (0.00%)"), format!("transferred {human} of {human} (100.00%)")]
}

#[expect(clippy::cast_precision_loss, reason = "for the eye")]
fn human(size: u64) -> String {
    let (unit, name) = match size {
        0..1024 => return format!("{size}.0 B"),
        1024..0x10_0000 => (1_u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        0x4000_0000..0x100_0000_0000 => (GIB, "GiB"),
        _ => (1 << 40, "TiB"),
    };
    format!("{:.1} {name}", size as f64 / unit as f64)
}

/// The seconds that copying a guest's disks takes.
#[expect(clippy::cast_precision_loss, reason = "a duration")]
pub fn copy_seconds(bytes: u64) -> f64 {
    2.0 + bytes as f64 / COPY_RATE as f64
}

/// The new size that a resize asks for: absolute, or `+` and a difference.
pub fn resized(current: u64, wanted: &str) -> Option<u64> {
    match wanted.strip_prefix('+') {
        Some(more) => current.checked_add(format::size(more)?),
        None => format::size(wanted),
    }
}

/// Checks what a resize needs; gives its duration.
pub fn begin_resize(
    cluster: &Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    disk: &str,
    wanted: &str,
) -> Result<f64, String> {
    let guest = cluster.guest(node, kind, vmid)?;
    guest.ensure_unlocked()?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = volume_of(value);
    if format::volume_id(volid).is_none() {
        return Err(format!("unable to parse volume ID '{volid}'"));
    }
    let volume = cluster.require_volume(node, volid)?;
    match resized(volume.size, wanted) {
        Some(size) if size < volume.size => Err("shrinking disks is not supported".to_owned()),
        Some(_) => Ok(1.0),
        None => Err("invalid size".to_owned()),
    }
}

/// Resizes a guest's disk.
pub fn resize(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    disk: &str,
    wanted: &str,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let guest = cluster.guest(node, kind, vmid)?;
    let template = guest.flag("template");
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?.to_owned();
    let volid = volume_of(&value).to_owned();
    let volume = cluster.require_volume(node, &volid)?;
    let size = resized(volume.size, wanted).ok_or("invalid size")?;
    if size == volume.size {
        return Ok(());
    }
    let format = volume.format.clone();
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    let storage = cluster.storage(storage)?;
    let path = storage.path(name);
    if storage.has_files() && (template || size >= LARGEST_QCOW2) {
        log.push(if template {
            format!("qemu-img: Could not open '{path}': Could not open '{path}': Operation not permitted")
        } else {
            "qemu-img: Failed to grow the L1 table: File too large".to_owned()
        });
        return Err(format!("command '/usr/bin/qemu-img resize -f {format} {path} {size}' failed: exit code 1"));
    }
    if !storage.has_files() && size > LARGEST_LOGICAL {
        return Err(format!("lvextend '{path}' error: Volume is too large."));
    }
    log.push("Image resized.".to_owned());
    let key = cluster.volume_key(node, &volid);
    cluster.volumes.update(&key, |volume| volume.size = size);
    let mut parts = format::split(&value, "file");
    parts.insert("size".to_owned(), print_size(size));
    let guest = cluster.guest_mut(node, kind, vmid)?;
    guest.config.insert(disk.to_owned(), print_drive(&parts));
    Ok(())
}

/// Where a disk is moved to.
pub struct Target<'a> {
    pub storage: &'a str,
    pub format: Option<&'a str>,
    /// Whether the old volume goes.
    pub delete: bool,
}

/// Copies a disk to another storage or format; the old volume is kept as unused unless it is to go.
pub fn move_disk(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    vmid: u32,
    disk: &str,
    target: &Target,
    log: &mut Vec<String>,
) -> Result<(), String> {
    let guest = cluster.guest(node, kind, vmid)?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?.to_owned();
    let old = volume_of(&value).to_owned();
    let volume = cluster.require_volume(node, &old)?.clone();
    let format = target.format.unwrap_or(&volume.format).to_owned();
    // Another move may have come first while this one waited for the guest's lock.
    if old.split_once(':').is_some_and(|(storage, _)| storage == target.storage) && format == volume.format {
        return Err("you can't move to the same storage with same format".to_owned());
    }
    log.push(format!("create full clone of drive {disk} ({old})"));
    let slot = Slot { node, kind, vmid, option: disk, base: false };
    // By its name Proxmox knows a cloud-init drive wherever it is.
    let purpose = if is_cloudinit(&value) { "cloudinit" } else { "disk" };
    let volid = cluster.allocate(&slot.request(target.storage, Some(&format), volume.size, purpose), log)?;
    log.extend(transferred(volume.size));
    let mut parts = format::split(&value, "file");
    parts.insert("file".to_owned(), volid);
    parts.insert("size".to_owned(), print_size(volume.size));
    let guest = cluster.guest_mut(node, kind, vmid)?;
    guest.config.insert(disk.to_owned(), print_drive(&parts));
    if target.delete {
        cluster.free(node, &old);
    } else {
        guest.add_unused(&old);
    }
    Ok(())
}

/// Gives a disk to another guest; its volume is renamed.
pub fn reassign(
    cluster: &mut Cluster,
    node: &str,
    kind: Kind,
    from: (u32, &str),
    to: (u32, &str),
    log: &mut Vec<String>,
) -> Result<(), String> {
    let ((vmid, disk), (target, target_disk)) = (from, to);
    let guest = cluster.guest(node, kind, vmid)?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?.to_owned();
    if cluster.guest(node, kind, target)?.get(target_disk).is_some() {
        return Err(format!("Target disk key '{target_disk}' is already in use for VM '{target}'!"));
    }
    let old = volume_of(&value).to_owned();
    let mut volume = cluster.require_volume(node, &old)?.clone();
    let (storage, _) = old.split_once(':').unwrap_or_default();
    log.push(format!("moving disk '{disk}' from VM '{vmid}' to '{target}'"));
    let slot = Slot { node, kind, vmid: target, option: target_disk, base: false };
    let renamed =
        cluster.allocate(&slot.request(storage, Some(&volume.format), volume.size, "disk"), &mut Vec::new())?;
    cluster.free(node, &old);
    volume.volid.clone_from(&renamed);
    volume.vmid = Some(target);
    cluster.insert_volume(volume);
    let mut parts = format::split(&value, "file");
    parts.insert("file".to_owned(), renamed);
    let printed = print_drive(&parts);
    log.push(format!("removing disk '{disk}' from VM '{vmid}' config"));
    log.push(format!("update VM {target}: -{target_disk} {printed}"));
    cluster.guest_mut(node, kind, vmid)?.config.remove(disk);
    cluster.guest_mut(node, kind, target)?.config.insert(target_disk.to_owned(), printed);
    Ok(())
}

/// Renames a template's volumes from `vm-` to `base-` and writes them into the configuration.
pub fn make_base(cluster: &mut Cluster, node: &str, kind: Kind, config: &mut Config, only: Option<&str>) {
    let drives: Vec<String> = config
        .keys()
        .filter(|option| drive(kind, option).is_some() && only.is_none_or(|only| only == *option))
        .cloned()
        .collect();
    for option in drives {
        let Some(value) = config.get(&option).cloned() else { continue };
        let old = volume_of(&value).to_owned();
        let key = cluster.volume_key(node, &old);
        let renamed = old.replacen("/vm-", "/base-", 1).replacen(":vm-", ":base-", 1);
        if renamed == old || old.contains("-cloudinit") {
            continue;
        }
        if let Some(mut volume) = cluster.volumes.remove(&key) {
            volume.volid.clone_from(&renamed);
            cluster.insert_volume(volume);
            config.insert(option, value.replacen(&old, &renamed, 1));
        }
    }
}

/// Makes a VM a template.
pub fn make_template(cluster: &mut Cluster, node: &str, vmid: u32, disk: Option<&str>) -> Result<(), String> {
    let mut config = cluster.guest(node, Kind::Qemu, vmid)?.config.clone();
    make_base(cluster, node, Kind::Qemu, &mut config, disk);
    config.insert("template".to_owned(), "1".to_owned());
    cluster.guest_mut(node, Kind::Qemu, vmid)?.config = config;
    Ok(())
}

/// The linked clones that stand on a volume.
pub fn children<'a>(cluster: &'a Cluster, volid: &str) -> Option<&'a Volume> {
    cluster.volumes.linked_to(volid)
}

/// Refuses to remove a protected volume; gives the removal's duration.
pub fn begin_remove(cluster: &Cluster, node: &str, volid: &str) -> Result<f64, String> {
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    match cluster.volume(node, volid) {
        Some(volume) if volume.protected => Err(format!("cannot remove protected volume '{name}' on '{storage}'")),
        _ if children(cluster, volid).is_some() => {
            Err(format!("base volume '{name}' is still in use by linked clones"))
        }
        _ => Ok(0.5),
    }
}

/// Removes a volume; one that is not there is only mentioned.
pub fn remove(cluster: &mut Cluster, node: &str, volid: &str, log: &mut Vec<String>) {
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    let path = cluster.storage(storage).map(|storage| storage.path(name)).unwrap_or_default();
    if !cluster.free(node, volid) {
        log.push(format!("disk image '{path}' does not exist"));
    }
    log.push(format!("Removed volume '{volid}'"));
}

/// A linked clone's volume on a base volume.
pub fn link(cluster: &mut Cluster, slot: &Slot, base: &Volume, log: &mut Vec<String>) -> Result<String, String> {
    let (storage_name, base_name) = base.volid.split_once(':').unwrap_or_default();
    let storage = cluster.storage(storage_name)?.clone();
    let format = if storage.has_files() { "qcow2" } else { "raw" };
    let volid = cluster.allocate(&slot.request(storage_name, Some(format), base.size, "disk"), &mut Vec::new())?;
    let key = cluster.volume_key(slot.node, &volid);
    let mut volume = cluster.volumes.remove(&key).unwrap_or_default();
    log.push(format!("create linked clone of drive {} ({})", slot.option, base.volid));
    let (_, name) = volid.split_once(':').unwrap_or_default();
    if storage.has_files() {
        log.push(formatting(&storage.path(name), format, base.size));
        volume.volid = format!("{storage_name}:{base_name}/{name}");
    }
    // A thin volume outlives its origin, so LVM-thin keeps no account of which stands on which.
    volume.parent = (storage.get("type") != "lvmthin").then(|| base.volid.clone());
    let volid = volume.volid.clone();
    cluster.insert_volume(volume);
    Ok(volid)
}

/// Whether a linked clone can stand on a volume: on a template's base volumes, but not on a container's file.
pub fn can_link(cluster: &Cluster, kind: Kind, volid: &str) -> bool {
    let storage = volid.split(':').next().unwrap_or_default();
    let files = cluster.storages.get(storage).is_some_and(Storage::has_files);
    let own = volid.rsplit(['/', ':']).next().unwrap_or_default();
    own.starts_with("base-") && !(files && kind == Kind::Lxc)
}

/// Sum of the sizes of a configuration's disks, in bytes.
pub fn total_size(cluster: &Cluster, node: &str, kind: Kind, config: &Config) -> u64 {
    Guest::drives(config, kind)
        .into_iter()
        .filter_map(|(_, value)| cluster.volume(node, volume_of(value)))
        .map(|volume| volume.size)
        .fold(0, u64::saturating_add)
}
