//! Disks: `local-lvm:vm-100-disk-0,iothread=1,size=32G`.

use mycopod_core::field::Slot;
use mycopod_core::guest::Kind;
use mycopod_core::size::Size;

use super::property::PropertyString;

/// What is known of a disk.
#[derive(Debug, PartialEq, Eq)]
pub struct Disk {
    pub storage: Option<String>,
    pub size: Option<Size>,
}

/// Reads the disk in a configuration's entry. Neither CD-ROMs (cloud-init's among them), nor bind mounts
/// and devices of the host, nor the disks that no field names (EFI, TPM, unused) are disks.
pub fn read(kind: Kind, key: &str, entry: &str) -> Option<(Slot, Disk)> {
    let slot: Slot = key.parse().ok()?;
    if is_of_container(&slot) != (kind == Kind::Lxc) {
        return None;
    }
    let options = PropertyString::parse(entry);
    if options.get("media") == Some("cdrom") {
        return None;
    }
    let volume = options.get_default(if kind == Kind::Lxc { "volume" } else { "file" })?;
    let (storage, _) = volume.split_once(':').filter(|(storage, _)| !storage.contains('/'))?;
    let size = options.get("size").and_then(Size::from_proxmox);
    Some((slot, Disk { storage: Some(storage.to_owned()), size }))
}

/// The entry by which Proxmox makes a disk of `gib` GiB.
///
/// A VM's disk gets an I/O thread of its own where `iothreads` (as Proxmox's web UI does); a mount point
/// goes to `/mnt/` and its slot's name.
pub fn make(slot: &Slot, storage: &str, gib: u64, iothreads: bool) -> String {
    let mut entry = format!("{storage}:{gib}");
    if slot.as_str().starts_with("mp") {
        entry.push_str(",mp=/mnt/");
        entry.push_str(slot.as_str());
    } else if slot.as_str().starts_with("virtio") || (iothreads && slot.as_str().starts_with("scsi")) {
        entry.push_str(",iothread=1");
    }
    entry
}

/// Whether it is a container's: `rootfs` or a mount point.
pub fn is_of_container(slot: &Slot) -> bool {
    slot.as_str() == "rootfs" || slot.as_str().starts_with("mp")
}

/// A size as Proxmox takes it, in the largest unit in which it is a whole number.
pub fn print_size(size: Size) -> String {
    if size.is_whole_gib() {
        format!("{}G", size.as_gib_ceil())
    } else if size.is_whole_mib() {
        format!("{}M", size.as_mib())
    } else {
        size.as_bytes().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, Kind, Size, Slot, make, print_size, read};

    #[test]
    fn disks_are_told_from_what_only_looks_like_one() {
        let disk = |storage: &str, size| Some(Disk { storage: Some(storage.into()), size });
        let of = |kind, key, entry| read(kind, key, entry).map(|(_, disk)| disk);
        let gib = |n| Some(Size::gib(n));
        assert_eq!(
            of(Kind::Qemu, "scsi0", "local:100/vm-100-disk-0.raw,discard=on,iothread=1,size=1G"),
            disk("local", gib(1))
        );
        assert_eq!(of(Kind::Qemu, "virtio1", "file=local-lvm:vm-1-disk-1,size=8G"), disk("local-lvm", gib(8)));
        assert_eq!(of(Kind::Qemu, "scsi0", "local:114/vm-114-disk-0.raw,size=0T"), disk("local", gib(0)));
        assert_eq!(of(Kind::Lxc, "rootfs", "local:600/vm-600-disk-0.raw,size=1G"), disk("local", gib(1)));
        assert_eq!(of(Kind::Lxc, "mp0", "local:600/vm-600-disk-1.raw,mp=/data,size=1G"), disk("local", gib(1)));
        for (kind, key, entry) in [
            (Kind::Qemu, "ide2", "none,media=cdrom"),
            (Kind::Qemu, "ide2", "local:iso/tiny.iso,media=cdrom,size=350K"),
            (Kind::Qemu, "ide2", "local:103/vm-103-cloudinit.qcow2,media=cdrom"),
            (Kind::Qemu, "efidisk0", "local:104/vm-104-disk-0.raw,efitype=4m,size=528K"),
            (Kind::Qemu, "unused0", "local:200/vm-200-disk-1.raw"),
            (Kind::Qemu, "scsihw", "virtio-scsi-single"),
            (Kind::Qemu, "scsi3", "/dev/disk/by-id/ata-x:y,size=9G"),
            (Kind::Qemu, "rootfs", "local:1/x,size=1G"),
            (Kind::Lxc, "mp1", "/tmp,mp=/host"),
            (Kind::Lxc, "scsi0", "local:1/x,size=1G"),
        ] {
            assert_eq!(of(kind, key, entry), None, "{key}: {entry}");
        }
    }

    #[test]
    fn what_is_made_asks_for_whole_gib() {
        assert_eq!(make(&Slot::scsi(0), "local-lvm", 40, true), "local-lvm:40,iothread=1");
        assert_eq!(make(&Slot::scsi(0), "local-lvm", 40, false), "local-lvm:40");
        assert_eq!(make(&Slot::rootfs(), "local", 4, true), "local:4");
        assert_eq!(make(&Slot::mount_point(1), "local", 4, true), "local:4,mp=/mnt/mp1");
    }

    #[test]
    fn sizes_survive_printing() {
        for size in [Size::gib(60), Size::gib(2048), Size::mib(1536), Size::bytes(540_672)] {
            assert_eq!(Size::from_proxmox(&print_size(size)), Some(size));
        }
    }
}
