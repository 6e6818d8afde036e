//! Clones of guests.

use serde::{Deserialize, Serialize};

use crate::ambient;
use crate::cluster::Cluster;
use crate::disk::{self, Slot};
use crate::format::{self, print_size};
use crate::guest::{Config, Guest, Kind, drive, is_cdrom, is_cloudinit, volume_of};
use crate::storage::{Request, Volume};

/// A clone that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clone {
    pub kind: Kind,
    pub source: u32,
    pub newid: u32,
    /// The source's configuration when the clone was asked for.
    pub config: Config,
    /// Options that the clone gets instead: name, description.
    pub settings: Config,
    pub full: bool,
    pub storage: Option<String>,
    pub format: Option<String>,
    /// The node that the clone goes to.
    pub target: String,
    pub pool: Option<String>,
    /// Bytes to copy.
    pub bytes: u64,
}

impl Clone {
    /// Claims the new VMID.
    pub fn claim(&self, cluster: &mut Cluster) {
        let lock = Config::from([("lock".to_owned(), "clone".to_owned())]);
        cluster.guests.insert(self.newid, Guest::new(&self.target, self.kind, self.newid, lock));
        if let Some(pool) = &self.pool {
            cluster.join_pool(pool, self.newid);
        }
    }

    /// How long it takes.
    pub fn seconds(&self) -> f64 {
        if self.full { disk::copy_seconds(self.bytes) + 2.0 } else { 3.0 }
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let mut made = Vec::new();
        match self.build(cluster, node, &mut made, log) {
            Ok(config) => {
                if let Some(guest) = cluster.guests.get_mut(&self.newid) {
                    guest.config = config;
                }
                Ok(())
            }
            Err(problem) => {
                for volid in made {
                    cluster.free(&self.target, &volid);
                }
                self.give_up(cluster);
                Err(format!("clone failed: {problem}"))
            }
        }
    }

    /// Gives the VMID back.
    pub fn give_up(&self, cluster: &mut Cluster) {
        cluster.guests.remove(&self.newid);
        cluster.leave_pool(self.newid);
    }

    /// The copy's configuration; its disks are made.
    pub fn build(
        &self,
        cluster: &mut Cluster,
        node: &str,
        made: &mut Vec<String>,
        log: &mut Vec<String>,
    ) -> Result<Config, String> {
        let mut config = Config::new();
        for (option, value) in &self.config {
            if matches!(option.as_str(), "lock" | "template" | "parent" | "snaptime" | "vmstate")
                || option.starts_with("unused")
            {
                continue;
            }
            let value = if drive(self.kind, option).is_some() && (!is_cdrom(value) || is_cloudinit(value)) {
                self.disk(cluster, node, option, value, made, log)?
            } else {
                match (self.kind, crate::schema::numbered(option)) {
                    (Kind::Qemu, Some(("net", _))) => renew_address(value),
                    (Kind::Lxc, Some(("net", _))) => renew_hwaddr(value),
                    _ => value.clone(),
                }
            };
            config.insert(option.clone(), value);
        }
        if self.kind == Kind::Qemu {
            let smbios = config.get("smbios1").map(|text| format::split(text, "uuid")).unwrap_or_default();
            let mut smbios = smbios;
            smbios.insert("uuid".to_owned(), ambient::uuid());
            let uuid = smbios.remove("uuid").unwrap_or_default();
            let rest = smbios.into_iter().map(|(key, value)| format!(",{key}={value}"));
            config.insert("smbios1".to_owned(), format!("uuid={uuid}{}", rest.collect::<String>()));
            config.insert("vmgenid".to_owned(), ambient::uuid());
        }
        config.extend(self.settings.clone());
        config.retain(|option, value| option != "description" || !value.is_empty());
        Ok(config)
    }

    fn disk(
        &self,
        cluster: &mut Cluster,
        node: &str,
        option: &str,
        value: &str,
        made: &mut Vec<String>,
        log: &mut Vec<String>,
    ) -> Result<String, String> {
        let old = volume_of(value).to_owned();
        let source = cluster.require_volume(node, &old)?.clone();
        let slot = Slot { node: &self.target, kind: self.kind, vmid: self.newid, option, base: false };
        let cloudinit = is_cloudinit(value);
        let volid = if self.full || cloudinit {
            self.copy(cluster, &slot, &source, cloudinit, log)?
        } else {
            disk::link(cluster, &slot, &source, log)?
        };
        made.push(volid.clone());
        let size = (!cloudinit).then(|| print_size(source.size));
        let parts: Vec<String> = value
            .split(',')
            .skip(1)
            .filter(|part| !part.starts_with("size="))
            .map(str::to_owned)
            .chain(size.map(|size| format!("size={size}")))
            .collect();
        Ok([vec![volid], parts].concat().join(","))
    }

    fn copy(
        &self,
        cluster: &mut Cluster,
        slot: &Slot,
        source: &Volume,
        cloudinit: bool,
        log: &mut Vec<String>,
    ) -> Result<String, String> {
        let (own, _) = source.volid.split_once(':').unwrap_or_default();
        let storage = self.storage.as_deref().unwrap_or(own);
        let what = if self.kind == Kind::Qemu { "drive" } else { "mountpoint" };
        log.push(format!("create full clone of {what} {} ({})", slot.option, source.volid));
        let format = self.format.as_deref().unwrap_or(&source.format);
        let request = Request {
            node: slot.node,
            storage,
            vmid: slot.vmid,
            format: Some(format),
            size: source.size,
            kind: self.kind,
            purpose: if cloudinit { "cloudinit" } else { "disk" },
            base: false,
        };
        let volid = cluster.allocate(&request, log)?;
        log.extend(disk::transferred(source.size));
        let key = cluster.volume_key(slot.node, &volid);
        cluster.volumes.update(&key, |volume| volume.used = source.used.max(volume.used));
        Ok(volid)
    }
}

fn renew_address(value: &str) -> String {
    match value.split_once(',') {
        Some((model, rest)) => format!("{}={},{rest}", model.split('=').next().unwrap_or_default(), ambient::mac()),
        None => format!("{}={}", value.split('=').next().unwrap_or_default(), ambient::mac()),
    }
}

fn renew_hwaddr(value: &str) -> String {
    let renewed = value
        .split(',')
        .map(|part| if part.starts_with("hwaddr=") { format!("hwaddr={}", ambient::mac()) } else { part.to_owned() });
    renewed.collect::<Vec<_>>().join(",")
}
