//! Disks of VMs: resized, detached, moved to another storage or guest, made a template's base.

use crate::call::{Call, Reply};
use crate::change::{self, Change};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Guest, Kind, is_cdrom, is_cloudinit, volume_of};
use crate::work::Work;

pub fn resize(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    call.ensure_root_only(&["skiplock"])?;
    let (vmid, disk) = (call.vmid("vmid"), call.text("disk"));
    // Everything else is found out by the worker.
    let work = match resizable(cluster, call, vmid, disk) {
        Err(problem) => Work::Fail { problem },
        Ok(()) => Work::Resize { kind: Kind::Qemu, vmid, disk: disk.to_owned(), size: call.text("size").to_owned() },
    };
    Ok(call.submit(cluster, "resize", &vmid.to_string(), work))
}

fn resizable(cluster: &Cluster, call: &Call, vmid: u32, disk: &str) -> Result<(), String> {
    let guest = cluster.guest(&call.node, Kind::Qemu, vmid)?;
    guest.ensure_digest(call.get("digest"))?;
    guest.ensure_unlocked()?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    let volid = volume_of(value);
    let (storage, name) = format::volume_id(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
    cluster.storage(storage)?;
    super::ensure_volume_name(cluster, storage, name).map_err(|failure| failure.message())?;
    if is_cdrom(value) {
        return Err("you can't resize a cdrom".to_owned());
    }
    let denied = call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace");
    denied.map_err(|failure| format!("403 {}", failure.message()))
}

pub fn unlink(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let delete: Vec<String> = call.list("idlist").into_iter().map(str::to_owned).collect();
    let change = Change { delete, force: call.flag("force"), ..Change::default() };
    if change.is_empty() {
        return Err(Failure::failed("no options specified"));
    }
    super::check_lists(&change, "qemu")?;
    super::ensure_options(cluster, call, &change)?;
    call.wait_for_lock(cluster)?;
    super::ensure_change(cluster, call, &change)?;
    change::apply(cluster, &call.node, Kind::Qemu, call.vmid("vmid"), &change, &mut Vec::new())?;
    Ok(Reply::null())
}

pub fn move_disk(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let both = |text: &str| {
        let errors = ["storage", "target-vmid"].map(|name| (name.to_owned(), text.to_owned()));
        Err(Failure::Parameters(errors.into_iter().collect()))
    };
    match (call.get("target-vmid"), call.get("storage")) {
        (Some(_), Some(_)) => both("either set 'storage' or 'target-vmid', but not both"),
        (None, None) => both("both 'storage' and 'target-vmid' missing, either needs to be set"),
        (Some(_), None) => reassign(cluster, call),
        (None, Some(storage)) => move_to(cluster, call, storage),
    }
}

fn move_to(cluster: &mut Cluster, call: &Call, storage: &str) -> Outcome<Reply> {
    let (vmid, disk) = (call.vmid("vmid"), call.text("disk"));
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    ensure_unmodified(guest, call.get("digest"))?;
    let value = guest.get(disk).ok_or_else(|| format!("disk '{disk}' does not exist"))?;
    if is_cdrom(value) && !is_cloudinit(value) {
        return Err(Failure::failed("you can't move a cdrom"));
    }
    let volid = volume_of(value);
    let (own, name) = format::volume_id(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
    let old_format = ["raw", "qcow2", "vmdk"].into_iter().find(|format| name.ends_with(&format!(".{format}")));
    let format = call.get("format");
    if own == storage && (format.is_none() || old_format.is_none() || format == old_format) {
        return Err(Failure::failed("you can't move to the same storage with same format"));
    }
    let target = cluster.usable_storage(&call.node, storage)?;
    if !target.holds("images") {
        return Err(Failure::parameter("storage", format!("storage '{storage}' does not support vm images")));
    }
    if guest.is_in_snapshot(volid) && call.flag("delete") {
        return Err(Failure::failed("you can't move a disk with snapshots and delete the source"));
    }
    let work = Work::MoveDisk {
        kind: Kind::Qemu,
        vmid,
        disk: disk.to_owned(),
        storage: storage.to_owned(),
        format: format.map(str::to_owned),
        delete: call.flag("delete"),
    };
    Ok(call.submit(cluster, "qmmove", &vmid.to_string(), work))
}

fn ensure_unmodified(guest: &Guest, digest: Option<&str>) -> Result<(), String> {
    match digest {
        Some(digest) if digest != guest.digest() => {
            Err("detected modified configuration - file changed by other user? Try again.".to_owned())
        }
        _ => Ok(()),
    }
}

fn reassign(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, target, disk) = (call.vmid("vmid"), call.vmid("target-vmid"), call.text("disk"));
    let target_disk = call.get("target-disk").unwrap_or(disk);
    call.rights(cluster).require(&format!("/vms/{target}"), "VM.Config.Disk")?;
    if vmid == target {
        return Err(Failure::parameter("target-vmid", "must be different than source VMID to reassign disk"));
    }
    let storage = reassignable(cluster, call, (vmid, disk), (target, target_disk))?;
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let id = format!("{vmid}-{disk}>{target}-{target_disk}");
    let work =
        Work::Reassign { kind: Kind::Qemu, vmid, disk: disk.to_owned(), target, target_disk: target_disk.to_owned() };
    Ok(call.submit(cluster, "qmmove", &id, work))
}

/// Checks what a reassignment needs; gives the disk's storage.
fn reassignable(cluster: &Cluster, call: &Call, from: (u32, &str), to: (u32, &str)) -> Result<String, String> {
    let ((vmid, disk), (target, target_disk)) = (from, to);
    let source = cluster.guests.get(&vmid).ok_or_else(|| format!("could not find VM {vmid}"))?;
    let other = cluster.guests.get(&target).ok_or_else(|| format!("could not find target VM {target}"))?;
    if source.node != other.node {
        return Err(format!("Both VMs need to be on the same node ({} != {})", source.node, other.node));
    }
    for guest in [source, other] {
        cluster.guest(&call.node, Kind::Qemu, guest.vmid)?.ensure_unlocked()?;
    }
    if source.flag("template") || other.flag("template") {
        return Err("Can't move disks from or to template VMs".to_owned());
    }
    for (guest, digest) in [(source, "digest"), (other, "target-digest")] {
        ensure_unmodified(guest, call.get(digest)).map_err(|problem| format!("VM {}: {problem}", guest.vmid))?;
    }
    let value = source.get(disk).ok_or_else(|| format!("Disk '{disk}' for VM '{vmid}' does not exist"))?;
    if other.get(target_disk).is_some() {
        return Err(format!("Target disk key '{target_disk}' is already in use for VM '{target}'"));
    }
    if is_cdrom(value) && !is_cloudinit(value) {
        return Err("CD drive contents can't be moved to another VM".to_owned());
    }
    let volid = volume_of(value);
    let (storage, _) = format::volume_id(volid).ok_or_else(|| format!("Volume '{volid}' not managed by PVE"))?;
    if source.is_in_snapshot(volid) {
        return Err("Can't move disk used by a snapshot to another VM".to_owned());
    }
    if source.run.is_some() && !disk.starts_with("unused") {
        return Err("Cannot move disk to another VM while the source VM is running - detach first".to_owned());
    }
    Ok(storage.to_owned())
}

pub fn template(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let vmid = call.vmid("vmid");
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    if !guest.snapshots.is_empty() {
        return Err(Failure::failed("unable to create template, because VM contains snapshots"));
    }
    if guest.flag("template") && call.get("disk").is_none() {
        return Err(Failure::failed("you can't convert a template to a template"));
    }
    if guest.run.is_some() {
        return Err(Failure::failed("you can't convert a VM to template if VM is running"));
    }
    let work = Work::Template { vmid, disk: call.get("disk").map(str::to_owned) };
    Ok(call.submit(cluster, "qmtemplate", &vmid.to_string(), work))
}
