//! Disks: `local-lvm:vm-100-disk-0,iothread=1,size=32G`.

use std::collections::BTreeMap;

use mycopod_core::field::{DiskPart, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;

use super::form::{plain, unfit};
use super::property::PropertyString;

/// Reads the disk in a configuration's entry, with every part that disks of its kind have. Neither CD-ROMs
/// (cloud-init's among them), nor bind mounts and devices of the host, nor the disks that no field names (EFI, TPM,
/// unused) are disks.
pub fn read(kind: Kind, key: &str, entry: &str) -> Option<(Slot, Vec<(DiskPart, Value)>)> {
    let slot: Slot = key.parse().ok()?;
    if slot.is_of_container() != (kind == Kind::Lxc) {
        return None;
    }
    let options = PropertyString::parse(entry);
    if options.get("media") == Some("cdrom") {
        return None;
    }
    let volume = options.get_default(volume_key(kind))?;
    let (storage, name) = volume.split_once(':').filter(|(storage, _)| !storage.contains('/'))?;
    if kind == Kind::Qemu && name.contains("cloudinit") {
        return None;
    }
    let mut parts = vec![(DiskPart::Storage, Value::Text(storage.to_owned()))];
    parts.extend(options.get("size").and_then(Size::from_proxmox).map(|size| (DiskPart::Size, Value::Size(size))));
    for part in DiskPart::ALL {
        let written = option_of(part, kind).and_then(|option| options.get(option));
        let value = match (part, kind) {
            (DiskPart::Cache, Kind::Qemu) => Some(Value::Text(written.unwrap_or("none").to_owned())),
            (DiskPart::Discard, Kind::Qemu) => Some(Value::Flag(written == Some("on"))),
            (DiskPart::Ssd | DiskPart::Iothread, Kind::Qemu) | (DiskPart::ReadOnly, _) => {
                Some(Value::Flag(written == Some("1")))
            }
            // A VM's disks are in its backups unless they are taken out, a container's mount points are not unless they
            // are put in, and its root file system always is, so that nothing is written of it.
            (DiskPart::Backup, Kind::Qemu) => Some(Value::Flag(written != Some("0"))),
            (DiskPart::Backup, Kind::Lxc) => (key != "rootfs").then(|| Value::Flag(written == Some("1"))),
            (DiskPart::Mount, Kind::Lxc) => written.map(|path| Value::Text(path.to_owned())),
            (DiskPart::Size | DiskPart::Storage | DiskPart::Import, _)
            | (DiskPart::Mount, Kind::Qemu)
            | (DiskPart::Cache | DiskPart::Discard | DiskPart::Ssd | DiskPart::Iothread, Kind::Lxc) => None,
        };
        parts.extend(value.map(|value| (part, value)));
    }
    Some((slot, parts))
}

/// The entry by which Proxmox makes a disk of that size, or of an image's where it is imported.
///
/// A VM's disk gets an I/O thread of its own where `iothreads` (as Proxmox's web UI does), unless its parts say; a
/// mount point goes to `/mnt/` and its slot's name, unless they say.
pub fn make(
    kind: Kind,
    slot: &Slot,
    storage: &str,
    size: Size,
    parts: &BTreeMap<DiskPart, Value>,
    iothreads: bool,
) -> Result<String, CallError> {
    if slot.is_of_container() != (kind == Kind::Lxc) {
        return Err(unfit(format!("a {} has no disk {slot}", kind.noun())));
    }
    if !size.is_whole_gib() || size == Size::default() {
        return Err(unfit(format!("{size} for {slot}: Proxmox makes disks of whole GiB")));
    }
    let storage = plain(storage)?;
    let mut entry = match parts.get(&DiskPart::Import) {
        Some(Value::Text(image)) => {
            let mut entry = PropertyString::parse(&format!("{storage}:0"));
            entry.set("import-from", plain(image)?);
            entry
        }
        _ => PropertyString::parse(&format!("{storage}:{}", size.as_gib_ceil())),
    };
    let bus = slot.as_str();
    if bus.starts_with("mp") && !parts.contains_key(&DiskPart::Mount) {
        entry.set("mp", &format!("/mnt/{slot}"));
    }
    let threads = bus.starts_with("virtio") || (iothreads && bus.starts_with("scsi"));
    if threads && !parts.contains_key(&DiskPart::Iothread) {
        entry.set("iothread", "1");
    }
    set_parts(kind, slot, &mut entry, parts)?;
    Ok(entry.to_string())
}

/// The entry with these parts changed; every other option stays where and as it is.
pub fn edit(kind: Kind, slot: &Slot, entry: &str, parts: &BTreeMap<DiskPart, Value>) -> Result<String, CallError> {
    if parts.contains_key(&DiskPart::Import) {
        return Err(unfit(format!("disk {slot} is there: an image is imported at a disk's making alone")));
    }
    let mut entry = PropertyString::parse(entry);
    set_parts(kind, slot, &mut entry, parts)?;
    Ok(entry.to_string())
}

fn set_parts(
    kind: Kind,
    slot: &Slot,
    entry: &mut PropertyString,
    parts: &BTreeMap<DiskPart, Value>,
) -> Result<(), CallError> {
    for (part, value) in parts {
        if *part == DiskPart::Import {
            continue;
        }
        let root = slot.as_str() == "rootfs" && matches!(part, DiskPart::Backup | DiskPart::Mount);
        let fits = !root && part.only().is_none_or(|only| only == kind);
        let Some(option) = option_of(*part, kind).filter(|_| fits) else {
            return Err(unfit(format!("disk {slot} of a {} has no {}", kind.noun(), part.label())));
        };
        // What is Proxmox's default is left out.
        match (part, value) {
            (DiskPart::Cache, Value::Text(mode)) if mode == "none" => entry.remove(option),
            (DiskPart::Cache | DiskPart::Mount, Value::Text(text)) => entry.set(option, plain(text)?),
            (DiskPart::Discard, Value::Flag(true)) => entry.set(option, "on"),
            (DiskPart::Backup, Value::Flag(true)) if kind == Kind::Qemu => entry.remove(option),
            (DiskPart::Backup, Value::Flag(false)) if kind == Kind::Qemu => entry.set(option, "0"),
            (_, Value::Flag(true)) => entry.set(option, "1"),
            (_, Value::Flag(false)) => entry.remove(option),
            _ => return Err(unfit(format!("{} of disk {slot} cannot be set to {value}", part.label()))),
        }
    }
    Ok(())
}

/// The option of a disk's entry that holds a part; `None` where none does.
const fn option_of(part: DiskPart, kind: Kind) -> Option<&'static str> {
    match part {
        DiskPart::Size | DiskPart::Storage | DiskPart::Import => None,
        DiskPart::Cache => Some("cache"),
        DiskPart::Discard => Some("discard"),
        DiskPart::Ssd => Some("ssd"),
        DiskPart::Iothread => Some("iothread"),
        DiskPart::Backup => Some("backup"),
        DiskPart::ReadOnly => Some("ro"),
        DiskPart::Mount => match kind {
            Kind::Lxc => Some("mp"),
            Kind::Qemu => None,
        },
    }
}

const fn volume_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Qemu => "file",
        Kind::Lxc => "volume",
    }
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
    use super::{BTreeMap, DiskPart, Kind, Size, Slot, Value, edit, make, print_size, read};

    fn part(kind: Kind, key: &str, entry: &str, part: DiskPart) -> Option<Value> {
        read(kind, key, entry)?.1.into_iter().find(|(known, _)| *known == part).map(|(_, value)| value)
    }

    #[test]
    fn disks_are_told_from_what_only_looks_like_one() {
        for (kind, key, entry, storage, size) in [
            (Kind::Qemu, "scsi0", "local:100/vm-100-disk-0.raw,discard=on,iothread=1,size=1G", "local", 1),
            (Kind::Qemu, "virtio1", "file=local-lvm:vm-1-disk-1,size=8G", "local-lvm", 8),
            (Kind::Qemu, "scsi0", "local:114/vm-114-disk-0.raw,size=0T", "local", 0),
            (Kind::Lxc, "rootfs", "local:600/vm-600-disk-0.raw,size=1G", "local", 1),
            (Kind::Lxc, "mp0", "local:600/vm-600-disk-1.raw,mp=/data,size=1G", "local", 1),
        ] {
            assert_eq!(part(kind, key, entry, DiskPart::Storage), Some(Value::Text(storage.into())), "{entry}");
            assert_eq!(part(kind, key, entry, DiskPart::Size), Some(Value::Size(Size::gib(size))), "{entry}");
        }
        for (kind, key, entry) in [
            (Kind::Qemu, "ide2", "none,media=cdrom"),
            (Kind::Qemu, "ide2", "local:iso/tiny.iso,media=cdrom,size=350K"),
            (Kind::Qemu, "ide2", "local:103/vm-103-cloudinit.qcow2,media=cdrom"),
            (Kind::Qemu, "ide0", "local-lvm:vm-103-cloudinit"),
            (Kind::Qemu, "efidisk0", "local:104/vm-104-disk-0.raw,efitype=4m,size=528K"),
            (Kind::Qemu, "unused0", "local:200/vm-200-disk-1.raw"),
            (Kind::Qemu, "scsihw", "virtio-scsi-single"),
            (Kind::Qemu, "scsi3", "/dev/disk/by-id/ata-x:y,size=9G"),
            (Kind::Qemu, "rootfs", "local:1/x,size=1G"),
            (Kind::Lxc, "mp1", "/tmp,mp=/host"),
            (Kind::Lxc, "scsi0", "local:1/x,size=1G"),
        ] {
            assert_eq!(read(kind, key, entry), None, "{key}: {entry}");
        }
    }

    #[test]
    fn parts_that_proxmox_leaves_out_have_their_default() {
        let vm = |entry, of| part(Kind::Qemu, "scsi0", entry, of);
        let plain = "local:1/x,size=1G";
        assert_eq!(vm(plain, DiskPart::Cache), Some(Value::Text("none".into())));
        assert_eq!(vm(plain, DiskPart::Backup), Some(Value::Flag(true)));
        assert_eq!(vm("local:1/x,backup=0,cache=writeback,size=1G", DiskPart::Backup), Some(Value::Flag(false)));
        assert_eq!(vm(plain, DiskPart::Mount), None);
        let mount = |of| part(Kind::Lxc, "mp0", "local:1/x,mp=/srv/data,ro=1,size=1G", of);
        assert_eq!(mount(DiskPart::Mount), Some(Value::Text("/srv/data".into())));
        assert_eq!(
            (mount(DiskPart::Backup), mount(DiskPart::ReadOnly)),
            (Some(Value::Flag(false)), Some(Value::Flag(true)))
        );
        assert_eq!(mount(DiskPart::Cache), None);
    }

    #[test]
    fn what_is_made_asks_for_whole_gib() {
        let of = |kind, slot: Slot, parts: &[(DiskPart, Value)], threads| {
            make(kind, &slot, "local-lvm", Size::gib(40), &parts.iter().cloned().collect(), threads).unwrap()
        };
        assert_eq!(of(Kind::Qemu, Slot::scsi(0), &[], true), "local-lvm:40,iothread=1");
        assert_eq!(of(Kind::Qemu, Slot::scsi(0), &[], false), "local-lvm:40");
        assert_eq!(of(Kind::Qemu, Slot::scsi(0), &[(DiskPart::Iothread, Value::Flag(false))], true), "local-lvm:40");
        assert_eq!(of(Kind::Lxc, Slot::rootfs(), &[], true), "local-lvm:40");
        assert_eq!(of(Kind::Lxc, Slot::mount_point(1), &[], true), "local-lvm:40,mp=/mnt/mp1");
        let mounted = [(DiskPart::Mount, Value::Text("/srv".into())), (DiskPart::Backup, Value::Flag(true))];
        assert_eq!(of(Kind::Lxc, Slot::mount_point(1), &mounted, true), "local-lvm:40,backup=1,mp=/srv");
        let image = [(DiskPart::Import, Value::Text("local:import/noble.qcow2".into()))];
        let imported = of(Kind::Qemu, Slot::scsi(0), &image, true);
        assert_eq!(imported, "local-lvm:0,import-from=local:import/noble.qcow2,iothread=1");
        for (kind, slot, size) in [
            (Kind::Lxc, Slot::scsi(0), Size::gib(1)),
            (Kind::Qemu, Slot::scsi(0), Size::mib(1)),
            (Kind::Qemu, Slot::scsi(0), Size::default()),
        ] {
            assert!(make(kind, &slot, "local", size, &BTreeMap::new(), false).is_err());
        }
    }

    #[test]
    fn an_edit_keeps_the_other_options_and_their_order() {
        let entry = "local:1/x,iothread=1,mbps_rd=5,size=1G";
        let of = |parts: &[(DiskPart, Value)]| {
            edit(Kind::Qemu, &Slot::scsi(0), entry, &parts.iter().cloned().collect()).unwrap()
        };
        assert_eq!(
            of(&[(DiskPart::Discard, Value::Flag(true)), (DiskPart::Iothread, Value::Flag(false))]),
            "local:1/x,discard=on,mbps_rd=5,size=1G"
        );
        assert_eq!(of(&[(DiskPart::Backup, Value::Flag(true)), (DiskPart::Ssd, Value::Flag(false))]), entry);
        let foreign = BTreeMap::from([(DiskPart::Mount, Value::Text("/srv".into()))]);
        assert!(edit(Kind::Qemu, &Slot::scsi(0), entry, &foreign).is_err());
        let forged = BTreeMap::from([(DiskPart::Cache, Value::Text("none,file=x".into()))]);
        assert!(edit(Kind::Qemu, &Slot::scsi(0), entry, &forged).is_err());
    }

    #[test]
    fn sizes_survive_printing() {
        for size in [Size::gib(60), Size::gib(2048), Size::mib(1536), Size::bytes(540_672)] {
            assert_eq!(Size::from_proxmox(&print_size(size)), Some(size));
        }
    }
}
