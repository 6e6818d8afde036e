//! Creation of guests: the claim of the VMID at once, disks and configuration when the task ends.

use serde::{Deserialize, Serialize};

use crate::ambient;
use crate::change;
use crate::cluster::Cluster;
use crate::disk::{self, Slot};
use crate::format;
use crate::guest::{Config, DRIVE_BUSES, Guest, Kind, drive, is_cdrom, volume_of};
use crate::power::{Action, Power};

/// A creation that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Create {
    pub kind: Kind,
    pub vmid: u32,
    /// The options as asked for.
    pub settings: Config,
    /// An option that came as JSON's null, which only the worker notices.
    pub undefined: Option<String>,
    pub pool: Option<String>,
    /// Whether the guest is started afterwards.
    pub start: bool,
    /// A container's template.
    pub template: Option<String>,
    /// A backup that is restored, with the configuration in it.
    pub restore: Option<Config>,
    /// The guest that a restore replaces.
    pub replaced: Option<Box<Guest>>,
}

impl Create {
    /// Claims the VMID: from here on the configuration is only a lock.
    pub fn claim(&self, cluster: &mut Cluster, node: &str) {
        let lock = Config::from([("lock".to_owned(), "create".to_owned())]);
        cluster.guests.insert(self.vmid, Guest::new(node, self.kind, self.vmid, lock));
        if let Some(pool) = &self.pool {
            cluster.join_pool(pool, self.vmid);
        }
    }

    /// How long it takes.
    pub fn seconds(&self) -> f64 {
        let made = match self.kind {
            Kind::Qemu => 4.0,
            Kind::Lxc => 6.0,
        };
        if self.start { made + 1.5 } else { made }
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let mut made = Vec::new();
        let built = match self.kind {
            Kind::Qemu => self.vm(cluster, node, &mut made, log),
            Kind::Lxc => self.container(cluster, node, &mut made, log),
        };
        let vmid = self.vmid;
        match built {
            Ok(config) => {
                let Some(guest) = cluster.guests.get_mut(&vmid) else {
                    return Err(format!("unable to find configuration file for {} {vmid}", self.kind.noun()));
                };
                guest.config = config;
            }
            Err(problem) => {
                for volid in made {
                    cluster.free(node, &volid);
                }
                self.give_up(cluster);
                return Err(format!("unable to create {} {vmid} - {problem}", self.kind.noun()));
            }
        }
        if let Some(guest) = &self.replaced {
            for volid in guest.referenced() {
                cluster.free(node, &volid);
            }
        }
        if self.start {
            log.push("Execute autostart".to_owned());
            let power = Power::new(self.kind, vmid, Action::Start);
            let started = power.begin(cluster, node, log).and_then(|_| power.finish(cluster, node, log));
            if let Err(problem) = started {
                log.push(format!("WARN: {problem}"));
            }
        }
        Ok(())
    }

    /// Gives the VMID back.
    pub fn give_up(&self, cluster: &mut Cluster) {
        cluster.guests.remove(&self.vmid);
        cluster.leave_pool(self.vmid);
        if let Some(guest) = &self.replaced {
            cluster.guests.insert(self.vmid, (**guest).clone());
        }
    }

    fn vm(
        &self,
        cluster: &mut Cluster,
        node: &str,
        made: &mut Vec<String>,
        log: &mut Vec<String>,
    ) -> Result<Config, String> {
        if let Some(option) = &self.undefined {
            return Err(format!("unable to parse value of '{option}' - got undefined value"));
        }
        let mut config = self.restore.clone().unwrap_or_default();
        let template = self.settings.get("template").is_some_and(|template| template == "1");
        for (option, value) in &self.settings {
            let stored = if drive(Kind::Qemu, option).is_some() {
                let slot = Slot { node, kind: Kind::Qemu, vmid: self.vmid, option, base: template };
                let stored = disk::realize(cluster, &slot, value, log)?;
                made.extend(new_volume(value, &stored));
                stored
            } else {
                change::store(Kind::Qemu, option, value)
            };
            if option == "description" && stored.is_empty() {
                continue;
            }
            config.insert(option.clone(), stored);
        }
        if !config.contains_key("boot") {
            config.insert("boot".to_owned(), default_boot(&config));
        }
        let ctime = cluster.seconds();
        config.entry("meta".to_owned()).or_insert_with(|| format!("creation-qemu=9.2.0,ctime={ctime}"));
        config.entry("smbios1".to_owned()).or_insert_with(|| format!("uuid={}", ambient::uuid()));
        config.entry("vmgenid".to_owned()).or_insert_with(ambient::uuid);
        Ok(config)
    }

    fn container(
        &self,
        cluster: &mut Cluster,
        node: &str,
        made: &mut Vec<String>,
        log: &mut Vec<String>,
    ) -> Result<Config, String> {
        let vmid = self.vmid;
        let mut config = self.restore.clone().unwrap_or_default();
        config.retain(|option, _| drive(Kind::Lxc, option).is_none());
        for (option, value) in &self.settings {
            let stored = if drive(Kind::Lxc, option).is_some() && !value.starts_with('/') {
                let slot = Slot { node, kind: Kind::Lxc, vmid, option, base: false };
                let stored = mount_point(cluster, &slot, value, log)?;
                made.extend(new_volume(value, &stored));
                stored
            } else {
                change::store(Kind::Lxc, option, value)
            };
            config.insert(option.clone(), stored);
        }
        let template = self.template.as_deref().unwrap_or_default();
        let (storage, name) = template.split_once(':').unwrap_or_default();
        let volume = cluster.require_volume(node, template)?;
        let bytes = volume.size;
        let path = cluster.storage(storage)?.path(name);
        if self.restore.is_some() {
            log.push(format!("restoring '{template}' now.."));
        }
        log.push(format!("extracting archive '{path}'"));
        log.push(format!("Total bytes read: {bytes}"));
        log.push("Detected container architecture: amd64".to_owned());
        let default = |option: &str, value: &str, config: &mut Config| {
            config.entry(option.to_owned()).or_insert_with(|| value.to_owned());
        };
        default("arch", "amd64", &mut config);
        default("hostname", &format!("CT{vmid}"), &mut config);
        default("memory", "512", &mut config);
        default("swap", "512", &mut config);
        default("ostype", ostype(name), &mut config);
        if config.get("unprivileged").is_some_and(|value| value == "0") {
            config.remove("unprivileged");
        }
        Ok(config)
    }
}

/// A container's new volume, with the file system in it.
pub fn mount_point(cluster: &mut Cluster, slot: &Slot, value: &str, log: &mut Vec<String>) -> Result<String, String> {
    let volume = volume_of(value);
    if let Some((storage, "0")) = format::volume_id(volume) {
        let storage_name = storage.to_owned();
        cluster.usable_storage(slot.node, &storage_name)?;
        let volid = format!("{storage_name}:{vmid}/subvol-{vmid}-disk-0.subvol", vmid = slot.vmid);
        cluster.insert_volume(crate::storage::Volume {
            volid: volid.clone(),
            node: slot.node.to_owned(),
            content: "rootdir".to_owned(),
            format: "subvol".to_owned(),
            vmid: Some(slot.vmid),
            ctime: cluster.seconds(),
            ..crate::storage::Volume::default()
        });
        return Ok(format!("{volid},size=0T"));
    }
    let stored = disk::realize(cluster, slot, value, log)?;
    log.push(format!("Filesystem UUID: {}", ambient::uuid()));
    Ok(stored)
}

/// The volume that a request made, if it made one.
fn new_volume(asked: &str, stored: &str) -> Option<String> {
    let volid = volume_of(stored);
    (volid != volume_of(asked) && volid.contains(':')).then(|| volid.to_owned())
}

/// The first disk, the first CD-ROM and the first NIC.
fn default_boot(config: &Config) -> String {
    let drives = Guest::drives(config, Kind::Qemu);
    let bootable = |option: &str| {
        let bus = crate::schema::numbered(option).map_or("", |(bus, _)| bus);
        DRIVE_BUSES[..4].contains(&bus)
    };
    let first = |cdrom: bool| {
        drives.iter().find(|(option, value)| bootable(option) && is_cdrom(value) == cdrom).map(|(option, _)| *option)
    };
    let nic = (0..32).map(|n| format!("net{n}")).find(|net| config.contains_key(net));
    let devices: Vec<&str> = [first(false), first(true), nic.as_deref()].into_iter().flatten().collect();
    if devices.is_empty() {
        return " ".to_owned();
    }
    format!("order={}", devices.join(";"))
}

/// The system in a template, by its file's name.
fn ostype(template: &str) -> &'static str {
    const KNOWN: [&str; 9] =
        ["alpine", "archlinux", "centos", "debian", "devuan", "fedora", "gentoo", "opensuse", "ubuntu"];
    KNOWN.into_iter().find(|system| template.contains(system)).unwrap_or("unmanaged")
}
