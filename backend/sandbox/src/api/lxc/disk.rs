//! Volumes of containers: resized, moved to another storage or container.

use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::disk;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Kind, volume_of};
use crate::schema::Errors;
use crate::work::Work;

/// What Proxmox says of a mount point that is not there: it parses the value all the same.
fn no_mount() -> Failure {
    let missing = "property is missing and it is not optional".to_owned();
    let errors = ["volume", "mp"].map(|part| (part.to_owned(), missing.clone()));
    Failure::FailedParameters("format error".to_owned(), Errors::from(errors))
}

pub fn resize(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, disk, wanted) = (call.vmid("vmid"), call.text("disk"), call.text("size"));
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    let rights = call.rights(cluster);
    rights.require_guest(vmid, None, &["VM.Config.Disk"])?;
    guest.ensure_digest(call.get("digest"))?;
    let volid = volume_of(guest.get(disk).ok_or_else(no_mount)?);
    let (storage, _) = format::volume_id(volid).ok_or_else(|| format!("unable to parse volume ID '{volid}'"))?;
    let volume = cluster.require_volume(&call.node, volid)?;
    rights.require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    match disk::resized(volume.size, wanted) {
        Some(size) if size < volume.size => return Err(Failure::failed("unable to shrink disk size")),
        Some(size) if size == volume.size => return Err(Failure::failed("disk is already at specified size")),
        Some(_) => {}
        None => return Err(Failure::failed("invalid size string")),
    }
    let work = Work::Resize { kind: Kind::Lxc, vmid, disk: disk.to_owned(), size: wanted.to_owned() };
    Ok(call.submit(cluster, "resize", &vmid.to_string(), work))
}

pub fn move_volume(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    match (call.get("target-vmid"), call.get("storage")) {
        (Some(_), Some(_)) => Err(Failure::failed("either set storage or target-vmid, but not both")),
        (Some(_), None) => reassign(cluster, call),
        (None, Some(storage)) => move_to(cluster, call, storage),
        (None, None) => {
            let text = "both 'storage' and 'target-vmid' missing, either needs to be set";
            let errors = ["storage", "target-vmid"].map(|name| (name.to_owned(), text.to_owned()));
            Err(Failure::Parameters(errors.into_iter().collect()))
        }
    }
}

fn move_to(cluster: &mut Cluster, call: &Call, storage: &str) -> Outcome<Reply> {
    let (vmid, disk) = (call.vmid("vmid"), call.text("volume"));
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let guest = call.guest(cluster)?;
    guest.ensure_unlocked()?;
    if guest.run.is_some() {
        return Err(Failure::failed("cannot move volumes of a running container"));
    }
    if disk.starts_with("unused") {
        let problem = "only configured volumes can be moved to another storage";
        return Err(Failure::failed(format!("cannot move volume '{disk}', {problem}")));
    }
    let volid = volume_of(guest.get(disk).ok_or_else(no_mount)?);
    if call.flag("delete") && guest.is_in_snapshot(volid) {
        return Err(Failure::failed("you can't move a volume with snapshots and delete the source"));
    }
    guest.ensure_digest(call.get("digest"))?;
    let work = Work::MoveDisk {
        kind: Kind::Lxc,
        vmid,
        disk: disk.to_owned(),
        storage: storage.to_owned(),
        format: None,
        delete: call.flag("delete"),
    };
    Ok(call.submit(cluster, "move_volume", &vmid.to_string(), work))
}

fn reassign(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (vmid, target, disk) = (call.vmid("vmid"), call.vmid("target-vmid"), call.text("volume"));
    let target_disk = call.get("target-volume").unwrap_or(disk);
    let rights = call.rights(cluster);
    rights.require_guest(target, None, &["VM.Config.Disk"])?;
    let storage = reassignable(cluster, call, (vmid, disk), (target, target_disk))?;
    rights.require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let id = format!("{vmid}-{disk}>{target}-{target_disk}");
    let work =
        Work::Reassign { kind: Kind::Lxc, vmid, disk: disk.to_owned(), target, target_disk: target_disk.to_owned() };
    Ok(call.submit(cluster, "move_volume", &id, work))
}

/// Checks what a reassignment needs; gives the volume's storage.
fn reassignable(cluster: &Cluster, call: &Call, from: (u32, &str), to: (u32, &str)) -> Result<String, String> {
    let ((vmid, disk), (target, target_disk)) = (from, to);
    if disk == "rootfs" || target_disk == "rootfs" {
        return Err("Cannot move to/from 'rootfs'".to_owned());
    }
    if disk.starts_with("unused") && !target_disk.starts_with("unused") {
        return Err("Moving an unused volume to a used one is not possible".to_owned());
    }
    let source = cluster.guests.get(&vmid).ok_or_else(|| format!("could not find CT {vmid}"))?;
    let other = cluster.guests.get(&target).ok_or_else(|| format!("could not find CT {target}"))?;
    if source.node != other.node {
        return Err(format!("Both containers need to be on the same node ({} != {})", source.node, other.node));
    }
    for guest in [source, other] {
        cluster.guest(&call.node, Kind::Lxc, guest.vmid)?.ensure_unlocked()?;
    }
    if source.flag("template") || other.flag("template") {
        return Err("Can't move volumes from or to template CT".to_owned());
    }
    for (guest, digest) in [(source, "digest"), (other, "target-digest")] {
        guest.ensure_digest(call.get(digest)).map_err(|problem| format!("Container {}: {problem}", guest.vmid))?;
    }
    let value = source.get(disk).ok_or_else(|| format!("volume '{disk}' for container '{vmid}' does not exist"))?;
    if other.get(target_disk).is_some() {
        return Err(format!("Target volume key '{target_disk}' is already in use for container '{target}'"));
    }
    let volid = volume_of(value);
    if source.is_in_snapshot(volid) {
        return Err("Cannot move volume used by a snapshot to another container".to_owned());
    }
    let Some((storage, _)) = format::volume_id(volid) else {
        return Err("Cannot move a bindmount or device mount to another container".to_owned());
    };
    if source.run.is_some() && !disk.starts_with("unused") {
        return Err("Cannot move in-use volume while the source CT is running - detach or shutdown first".to_owned());
    }
    Ok(storage.to_owned())
}
