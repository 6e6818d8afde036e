//! Storages and the volumes on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::format;
use crate::guest::Kind;

/// What a volume's file takes before anything is written: raw and qcow2 with preallocated metadata.
const EMPTY_RAW: u64 = 4_096;
const EMPTY_QCOW2: u64 = 331_776;
/// The largest file of the file system under a directory storage.
const LARGEST_FILE: u64 = 16 << 40;
/// The largest logical volume.
pub const LARGEST_LOGICAL: u64 = 8 << 50;

/// A storage's definition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Storage {
    /// As in `storage.cfg`: `type`, `path`, `content`, `nodes`, `disable`, …
    pub properties: BTreeMap<String, String>,
    /// Bytes on each node.
    pub total: u64,
    /// Bytes taken by what is not a volume.
    pub base: u64,
}

/// A volume: a disk image, an ISO, a template, a backup, …
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Volume {
    pub volid: String,
    pub node: String,
    pub content: String,
    pub format: String,
    pub size: u64,
    pub used: u64,
    pub vmid: Option<u32>,
    pub ctime: i64,
    pub parent: Option<String>,
    pub notes: Option<String>,
    pub protected: bool,
    /// A backup's guest configuration.
    pub config: Option<String>,
}

impl Storage {
    pub fn get(&self, key: &str) -> &str {
        self.properties.get(key).map_or("", String::as_str)
    }

    pub fn shared(&self) -> bool {
        self.get("shared") == "1"
            || matches!(
                self.get("type"),
                "nfs" | "cifs" | "cephfs" | "rbd" | "glusterfs" | "iscsi" | "iscsidirect" | "pbs"
            )
    }

    pub fn enabled(&self) -> bool {
        self.get("disable") != "1"
    }

    /// Whether the storage is meant to be on a node.
    pub fn on_node(&self, node: &str) -> bool {
        let nodes = self.get("nodes");
        nodes.is_empty() || format::list(nodes).any(|name| name == node)
    }

    /// Whether volumes are files.
    pub fn has_files(&self) -> bool {
        matches!(self.get("type"), "dir" | "nfs" | "cifs" | "btrfs" | "glusterfs" | "cephfs")
    }

    pub fn holds(&self, content: &str) -> bool {
        format::list(self.get("content")).any(|kind| kind == content)
    }

    /// The path of a volume's file or device.
    pub fn path(&self, name: &str) -> String {
        let root = self.get("path");
        match (self.get("type"), name.split_once('/')) {
            ("lvmthin" | "lvm", _) => format!("/dev/{}/{name}", self.get("vgname")),
            (_, Some(("iso", file))) => format!("{root}/template/iso/{file}"),
            (_, Some(("vztmpl", file))) => format!("{root}/template/cache/{file}"),
            (_, Some(("backup", file))) => format!("{root}/dump/{file}"),
            (_, Some(("snippets" | "import", _))) => format!("{root}/{name}"),
            _ => format!(
                "{root}/images/{}",
                name.rsplit_once('/').map_or_else(
                    || name.to_owned(),
                    // Of a linked clone's BASE/FILE/VMID/FILE the last two are its own.
                    |(directory, file)| {
                        let directory = directory.rsplit('/').next().unwrap_or(directory);
                        format!("{directory}/{file}")
                    },
                )
            ),
        }
    }
}

/// How a volume is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub node: &'a str,
    pub storage: &'a str,
    pub vmid: u32,
    /// `raw`, `qcow2`, …; `None` is the storage's default.
    pub format: Option<&'a str>,
    /// In bytes.
    pub size: u64,
    pub kind: Kind,
    /// `disk`, `cloudinit` or `state-NAME`.
    pub purpose: &'a str,
    /// Whether the guest is a template.
    pub base: bool,
}

impl Cluster {
    /// The storage, or that there is none of that name.
    pub fn storage(&self, name: &str) -> Result<&Storage, String> {
        self.storages.get(name).ok_or_else(|| format!("storage '{name}' does not exist"))
    }

    /// The storage, if it can be used on a node now.
    pub fn usable_storage(&self, node: &str, name: &str) -> Result<&Storage, String> {
        let storage = self.storage(name)?;
        if !storage.enabled() {
            return Err(format!("storage '{name}' is disabled"));
        }
        if !storage.on_node(node) {
            return Err(format!("storage '{name}' is not available on node '{node}'"));
        }
        if storage.total == 0 && matches!(storage.get("type"), "lvm" | "lvmthin") {
            return Err(format!("no such volume group '{}'", storage.get("vgname")));
        }
        Ok(storage)
    }

    /// A volume on a node.
    pub fn volume(&self, node: &str, volid: &str) -> Option<&Volume> {
        self.volumes.get(&self.volume_key(node, volid))
    }

    /// A volume on a node, or that there is none.
    pub fn require_volume(&self, node: &str, volid: &str) -> Result<&Volume, String> {
        if let Some((storage, _)) = volid.split_once(':') {
            self.storage(storage)?;
        }
        self.volume(node, volid).ok_or_else(|| format!("volume '{volid}' does not exist"))
    }

    /// The volumes of a storage on a node.
    pub fn volumes_of<'a>(&'a self, node: &'a str, storage: &str) -> impl Iterator<Item = &'a Volume> {
        let prefix = self.volume_key(node, &format!("{storage}:"));
        self.volumes
            .range(prefix.clone()..)
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(_, volume)| volume)
    }

    /// Bytes of a storage on a node: in all, used, and free.
    pub fn usage(&self, node: &str, name: &str) -> (u64, u64, u64) {
        let Some(storage) = self.storages.get(name) else {
            return (0, 0, 0);
        };
        if !storage.enabled() || !storage.on_node(node) {
            return (0, 0, 0);
        }
        if self.faults.full(node, name) {
            return (storage.total, storage.total, 0);
        }
        let volumes = self.volumes.used(&self.volume_key(node, &format!("{name}:")));
        let used = storage.base.saturating_add(volumes).min(storage.total);
        (storage.total, used, storage.total - used)
    }

    /// Makes a volume, says so in the task's log, and gives its id.
    pub fn allocate(&mut self, request: &Request, log: &mut Vec<String>) -> Result<String, String> {
        let Request { node, storage: name, vmid, size, .. } = *request;
        let storage = self.usable_storage(node, name)?;
        let files = storage.has_files();
        let format = if files { request.format.unwrap_or("raw") } else { "raw" };
        let stem = self.free_name(request);
        let volume_name = match (files, format) {
            (true, format) => format!("{vmid}/{stem}.{format}"),
            (false, _) => stem.clone(),
        };
        let path = storage.path(&volume_name);
        let (_, _, free) = self.usage(node, name);
        if files {
            log.push(formatting(&path, format, size));
        } else {
            log.push(format!("  Logical volume \"{stem}\" created."));
        }
        if files && size > LARGEST_FILE && format == "raw" {
            return Err(format!(
                "unable to create image: qemu-img: {path}: The image size is too large for file format 'raw'"
            ));
        }
        if self.faults.full(node, name) {
            return Err(no_space(storage, &path));
        }
        if !files && size > LARGEST_LOGICAL {
            return Err(format!("lvcreate '{path}' error: Volume is too large."));
        }
        // Preallocated metadata takes about one byte in 8192; thin volumes take nothing yet.
        let used = if format == "qcow2" { EMPTY_QCOW2 } else { EMPTY_RAW };
        if format == "qcow2" && size / 8192 > free {
            log.push("qemu-img: Failed to flush the refcount block cache: No space left on device".to_owned());
            return Err(format!(
                "unable to create image: qemu-img: {path}: Could not resize image: Allocating clusters failed: No space left on device"
            ));
        }
        let volid = format!("{name}:{volume_name}");
        self.insert_volume(Volume {
            volid: volid.clone(),
            node: node.to_owned(),
            content: if request.kind == Kind::Lxc { "rootdir" } else { "images" }.to_owned(),
            format: format.to_owned(),
            size,
            used,
            vmid: Some(vmid),
            ctime: self.seconds(),
            ..Volume::default()
        });
        Ok(volid)
    }

    /// Puts a volume in its place.
    pub fn insert_volume(&mut self, volume: Volume) {
        let key = self.volume_key(&volume.node, &volume.volid);
        self.volumes.insert(&key, volume);
    }

    /// Removes a volume; `false` when there was none.
    pub fn free(&mut self, node: &str, volid: &str) -> bool {
        let key = self.volume_key(node, volid);
        self.volumes.remove(&key).is_some()
    }

    /// The first name that no volume of the guest has yet.
    fn free_name(&self, request: &Request) -> String {
        let Request { vmid, purpose, .. } = *request;
        let prefix = if request.base { "base" } else { "vm" };
        if purpose != "disk" {
            return format!("vm-{vmid}-{purpose}");
        }
        let beginning = self.volume_key(request.node, &format!("{}:", request.storage));
        let here = self.volumes.owned_by(vmid).filter(|(key, _)| key.starts_with(&beginning));
        let taken: Vec<u32> = here.filter_map(|(_, volume)| disk_number(&volume.volid)).collect();
        let free = (0..=u32::MAX).find(|n| !taken.contains(n)).unwrap_or_default();
        format!("{prefix}-{vmid}-disk-{free}")
    }
}

/// What a storage without a byte left says to a new volume.
fn no_space(storage: &Storage, path: &str) -> String {
    if storage.has_files() {
        return format!("unable to create image: qemu-img: {path}: Could not create '{path}': No space left on device");
    }
    format!(
        "lvcreate '{path}' error: Cannot create new thin volume, free space in thin pool {}/{} reached threshold.",
        storage.get("vgname"),
        storage.get("thinpool")
    )
}

/// The N of `vm-100-disk-N.raw`.
fn disk_number(volid: &str) -> Option<u32> {
    let (_, rest) = volid.rsplit_once("-disk-")?;
    rest.split('.').next()?.parse().ok()
}

/// The line that `qemu-img create` prints.
pub fn formatting(path: &str, format: &str, size: u64) -> String {
    let options = match format {
        "qcow2" => format!(
            "cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size={size} lazy_refcounts=off refcount_bits=16"
        ),
        "vmdk" => format!("size={size} compat6=off hwversion=undefined"),
        _ => format!("size={size} preallocation=off"),
    };
    format!("Formatting '{path}', fmt={format} {options}")
}
