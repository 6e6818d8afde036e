//! A guest: its configuration with pending changes and snapshots, and whether it runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::format;
use crate::schema::{self, Kind as Type, schema};

/// A configuration: option → value, as in the guest's file.
pub type Config = BTreeMap<String, String>;

/// The bus names of a VM's drives, in the order Proxmox goes through them.
pub const DRIVE_BUSES: [&str; 6] = ["ide", "scsi", "virtio", "sata", "efidisk", "tpmstate"];
/// Of a guest's memory in MiB when nothing is said.
pub const DEFAULT_MEMORY: u64 = 512;

/// VM or container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Qemu,
    Lxc,
}

impl Kind {
    /// As in paths of the API and in types of resources.
    pub fn api(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }

    /// As in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Qemu => "VM",
            Self::Lxc => "CT",
        }
    }

    /// The directory of configuration files.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Qemu => "qemu-server",
            Self::Lxc => "lxc",
        }
    }

    /// The prefix of task types.
    pub fn task(self) -> &'static str {
        match self {
            Self::Qemu => "qm",
            Self::Lxc => "vz",
        }
    }

    /// The option that holds the guest's name.
    pub fn name_option(self) -> &'static str {
        match self {
            Self::Qemu => "name",
            Self::Lxc => "hostname",
        }
    }

    /// The lock file that tasks on the guest hold.
    pub fn lock_file(self, vmid: u32) -> String {
        match self {
            Self::Qemu => format!("/var/lock/qemu-server/lock-{vmid}.conf"),
            Self::Lxc => format!("/run/lock/lxc/pve-config-{vmid}.lock"),
        }
    }
}

/// One guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guest {
    pub vmid: u32,
    pub node: String,
    pub kind: Kind,
    /// What holds now.
    pub config: Config,
    /// What is to hold after the next stop.
    pub pending: Config,
    /// Options that go at the next stop.
    pub pending_delete: BTreeSet<String>,
    pub snapshots: BTreeMap<String, Config>,
    pub run: Option<Run>,
}

/// A running guest's process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    /// Since when, in seconds since the epoch.
    pub since: f64,
    pub pid: u32,
    pub paused: bool,
}

/// What a node tells the others of a guest.
#[derive(Debug, Clone)]
pub struct Brief {
    pub name: String,
    /// Of a running guest: since when, in seconds since the epoch.
    pub since: Option<f64>,
    pub maxcpu: f64,
    pub maxmem: u64,
    pub mem: u64,
    pub maxdisk: u64,
    pub template: bool,
}

impl Guest {
    pub fn new(node: &str, kind: Kind, vmid: u32, config: Config) -> Self {
        Self {
            vmid,
            node: node.to_owned(),
            kind,
            config,
            pending: Config::new(),
            pending_delete: BTreeSet::new(),
            snapshots: BTreeMap::new(),
            run: None,
        }
    }

    pub fn get(&self, option: &str) -> Option<&str> {
        self.config.get(option).map(String::as_str)
    }

    pub fn flag(&self, option: &str) -> bool {
        self.get(option) == Some("1")
    }

    pub fn lock(&self) -> Option<&str> {
        self.get("lock")
    }

    /// Refuses a guest that another operation has locked.
    pub fn ensure_unlocked(&self) -> Result<(), String> {
        match self.lock() {
            Some(lock) => Err(format!("{} is locked ({lock})", self.kind.noun())),
            None => Ok(()),
        }
    }

    /// The name as lists show it.
    pub fn name(&self) -> String {
        match (self.get(self.kind.name_option()), self.kind) {
            (Some(name), _) => name.to_owned(),
            (None, Kind::Qemu) => format!("VM {}", self.vmid),
            (None, Kind::Lxc) => format!("CT{}", self.vmid),
        }
    }

    /// A whole number of the configuration.
    pub fn number(&self, option: &str, default: u64) -> u64 {
        let text = self.get(option).unwrap_or_default();
        let text = text.strip_prefix("current=").unwrap_or(text);
        text.parse().unwrap_or(default)
    }

    /// The memory in bytes.
    pub fn memory(&self) -> u64 {
        self.number("memory", DEFAULT_MEMORY).saturating_mul(1 << 20)
    }

    /// The number of CPUs; `limit` is how many the node has.
    pub fn cpus(&self, limit: u32) -> u64 {
        let cpus = match self.kind {
            Kind::Qemu => {
                let all = self.number("cores", 1).saturating_mul(self.number("sockets", 1));
                self.number("vcpus", all)
            }
            Kind::Lxc => self.number("cores", u64::from(limit)),
        };
        cpus.min(u64::from(limit)).max(1)
    }

    /// The file's checksum; it changes whenever the configuration, pending changes or snapshots do.
    pub fn digest(&self) -> String {
        let mut text = print(&self.config);
        if !self.pending.is_empty() || !self.pending_delete.is_empty() {
            let delete: Vec<&str> = self.pending_delete.iter().map(String::as_str).collect();
            text.extend(["\n[PENDING]\n", &print(&self.pending), "delete: ", &delete.join(","), "\n"]);
        }
        for (name, config) in &self.snapshots {
            text.extend(["\n[", name, "]\n", &print(config)]);
        }
        hex::encode(Sha1::digest(text))
    }

    /// Whether a snapshot refers to a volume.
    pub fn is_in_snapshot(&self, volid: &str) -> bool {
        self.snapshots.values().any(|config| config.values().any(|value| volume_of(value) == volid))
    }

    /// Refuses a digest that is not the current one.
    pub fn ensure_digest(&self, digest: Option<&str>) -> Result<(), String> {
        let complaint = match self.kind {
            Kind::Qemu => "checksum mismatch (file change by other user?)",
            Kind::Lxc => "detected modified configuration - file changed by other user? Try again.",
        };
        match digest {
            Some(digest) if digest != self.digest() => Err(complaint.to_owned()),
            _ => Ok(()),
        }
    }

    /// The configuration as it will be: pending changes merged in.
    pub fn merged(&self) -> Config {
        let mut config = self.config.clone();
        config.extend(self.pending.clone());
        config.retain(|option, _| !self.pending_delete.contains(option));
        config
    }

    /// A configuration as the API shows it: numbers for numbers, the password masked, the digest added.
    pub fn shown(&self, config: &Config) -> Value {
        let mut shown: Map<String, Value> =
            config.iter().map(|(option, value)| (option.clone(), self.typed(option, value))).collect();
        shown.insert("digest".to_owned(), json!(self.digest()));
        Value::Object(shown)
    }

    fn typed(&self, option: &str, value: &str) -> Value {
        if option == "cipassword" {
            return json!("**********");
        }
        if option == "description" && self.kind == Kind::Lxc {
            return json!(format!("{}\n", value.trim_end_matches('\n')));
        }
        let property = schema().config_property(self.kind.api(), option);
        let number = property.is_some_and(|p| matches!(p.kind, Type::Integer | Type::Boolean));
        match value.parse::<i64>() {
            Ok(value) if number || matches!(option, "snaptime") => json!(value),
            _ => json!(value),
        }
    }

    /// The options one by one, each with what is pending for it.
    pub fn pending_list(&self) -> Value {
        let mut options: BTreeSet<&String> = self.config.keys().collect();
        options.extend(self.pending.keys());
        options.extend(&self.pending_delete);
        let entry = |option: &String| {
            let mut entry = json!({ "key": option });
            if let Some(value) = self.config.get(option) {
                entry["value"] = self.typed(option, value);
            }
            if let Some(value) = self.pending.get(option) {
                entry["pending"] = self.typed(option, value);
            }
            if self.pending_delete.contains(option) {
                entry["delete"] = json!(1);
            }
            entry
        };
        let mut list: Vec<Value> = options.into_iter().map(entry).collect();
        list.push(json!({ "key": "digest", "value": self.digest() }));
        Value::Array(list)
    }

    /// The options that name drives or mount points, in Proxmox's order.
    pub fn drives(config: &Config, kind: Kind) -> Vec<(&str, &str)> {
        let mut drives: Vec<(usize, u32, &str, &str)> = config
            .iter()
            .filter_map(|(option, value)| {
                let (bus, number) = drive(kind, option)?;
                Some((bus, number, option.as_str(), value.as_str()))
            })
            .collect();
        drives.sort_unstable();
        drives.into_iter().map(|(_, _, option, value)| (option, value)).collect()
    }

    /// The volumes that a guest refers to anywhere: drives, unused disks, snapshots, pending.
    pub fn referenced(&self) -> BTreeSet<String> {
        let configs = [&self.config, &self.pending].into_iter().chain(self.snapshots.values());
        configs
            .flat_map(|config| {
                config.iter().filter(|(option, _)| {
                    drive(self.kind, option).is_some() || option.starts_with("unused") || *option == "vmstate"
                })
            })
            .map(|(_, value)| volume_of(value).to_owned())
            .filter(|volid| volid.contains(':'))
            .collect()
    }

    /// Notes a volume that is no longer attached under the first free `unusedN`.
    pub fn add_unused(&mut self, volid: &str) {
        if self.config.iter().any(|(option, value)| option.starts_with("unused") && value == volid) {
            return;
        }
        let free = (0..256).find(|n| !self.config.contains_key(&format!("unused{n}")));
        if let Some(n) = free {
            self.config.insert(format!("unused{n}"), volid.to_owned());
        }
    }

    /// The size of the disk that the guest boots from, in bytes.
    pub fn root_disk_size(&self) -> u64 {
        let first = match self.kind {
            Kind::Lxc => self.get("rootfs"),
            Kind::Qemu => boot_disk(&self.config),
        };
        first.and_then(|value| format::size(format::split(value, "file").get("size")?)).unwrap_or(0)
    }

    /// What the node tells the others.
    pub fn brief(&self) -> Brief {
        Brief {
            name: self.name(),
            since: self.run.as_ref().map(|run| run.since),
            #[expect(clippy::cast_precision_loss, reason = "CPU counts are small")]
            maxcpu: self.cpus(u32::MAX) as f64,
            maxmem: self.memory(),
            mem: if self.run.is_some() { self.memory_used() } else { 0 },
            maxdisk: self.root_disk_size(),
            template: self.flag("template"),
        }
    }

    /// Whole seconds since the start; 0 when stopped.
    pub fn uptime(&self, now: f64) -> i64 {
        uptime(self.run.as_ref().map(|run| run.since), now)
    }

    /// What a running guest uses of its memory, in bytes: a plausible part.
    pub fn memory_used(&self) -> u64 {
        let share = 25 + u64::from(self.vmid % 40);
        self.memory() / 100 * share
    }
}

/// Whole seconds from a start; 0 where there was none.
#[expect(clippy::cast_possible_truncation, reason = "uptimes fit")]
pub fn uptime(since: Option<f64>, now: f64) -> i64 {
    since.map_or(0, |since| (now - since).max(0.0) as i64)
}

/// The file's text of a configuration.
pub fn print(config: &Config) -> String {
    config.iter().flat_map(|(option, value)| [option, ": ", value, "\n"]).collect()
}

/// The bus's place and the number, where an option names a drive or a mount point.
pub fn drive(kind: Kind, option: &str) -> Option<(usize, u32)> {
    match (kind, schema::numbered(option)) {
        (Kind::Lxc, None) if option == "rootfs" => Some((0, 0)),
        (Kind::Lxc, Some(("mp", number))) => Some((1, number)),
        (Kind::Qemu, Some((bus, number))) => Some((DRIVE_BUSES.iter().position(|known| *known == bus)?, number)),
        _ => None,
    }
}

/// The volume of a drive's value: what stands before the first comma.
pub fn volume_of(value: &str) -> &str {
    let first = value.split(',').next().unwrap_or_default();
    first.strip_prefix("file=").or_else(|| first.strip_prefix("volume=")).unwrap_or(first)
}

/// Whether a drive's value is a CD-ROM.
pub fn is_cdrom(value: &str) -> bool {
    value.split(',').any(|part| part == "media=cdrom") || matches!(volume_of(value), "none" | "cdrom")
}

/// Whether a drive's value is a cloud-init drive.
pub fn is_cloudinit(value: &str) -> bool {
    let volume = volume_of(value);
    volume.ends_with(":cloudinit") || volume.contains("-cloudinit")
}

/// The value of the first disk in a VM's boot order.
fn boot_disk(config: &Config) -> Option<&str> {
    let order = config.get("boot")?.strip_prefix("order=")?;
    let mut disks = order
        .split(';')
        .filter(|device| drive(Kind::Qemu, device).is_some())
        .filter_map(|device| config.get(device))
        .filter(|value| !is_cdrom(value));
    disks.next().map(String::as_str)
}
