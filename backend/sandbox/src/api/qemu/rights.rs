//! What setting, changing and deleting an option of a VM needs.

use crate::api::options::ensure_tags;
use crate::call::Call;
use crate::change::Change;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, Guest, Kind, drive, is_cdrom, is_cloudinit};
use crate::schema::numbered;

/// The options that need a privilege, by that privilege. What is not among them only root itself may set; a token of
/// root may not.
const PRIVILEGES: [(&str, &[&str]); 6] = [
    ("VM.Config.CPU", &["cores", "cpu", "cpulimit", "cpuunits", "numa", "smp", "sockets", "vcpus"]),
    ("VM.Config.Memory", &["memory", "balloon", "shares"]),
    (
        "VM.Config.HWType",
        &["acpi", "audio0", "hotplug", "kvm", "machine", "rng0", "scsihw", "smbios1", "tablet", "vga", "watchdog"],
    ),
    (
        "VM.Config.Options",
        &[
            "agent",
            "autostart",
            "bios",
            "description",
            "keyboard",
            "localtime",
            "migrate_downtime",
            "migrate_speed",
            "name",
            "onboot",
            "ostype",
            "protection",
            "reboot",
            "startdate",
            "startup",
            "tdf",
            "template",
        ],
    ),
    ("VM.PowerMgmt", &["freeze"]),
    ("VM.Config.Disk", &["boot", "bootdisk", "vmstatestorage"]),
];
const CLOUD_INIT: [&str; 8] =
    ["cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"];

/// A caller's rights to a VM: its own, or for one that is to be made those of its pool.
#[derive(Clone, Copy)]
pub struct Vm<'a> {
    pub cluster: &'a Cluster,
    pub call: &'a Call<'a>,
    pub vmid: u32,
    pub pool: Option<&'a str>,
}

impl Vm<'_> {
    fn require(&self, privilege: &str) -> Outcome<()> {
        self.require_any(&[privilege])
    }

    fn require_any(&self, privileges: &[&str]) -> Outcome<()> {
        self.call.rights(self.cluster).require_guest(self.vmid, self.pool, privileges)
    }

    /// Refuses options that the caller may not change, as far as that does not depend on their values.
    pub fn ensure_options<'o>(&self, options: impl IntoIterator<Item = &'o String>) -> Outcome<()> {
        if self.call.caller.is_root() {
            return Ok(());
        }
        options.into_iter().try_for_each(|option| self.ensure_option(option))
    }

    fn ensure_option(&self, option: &str) -> Outcome<()> {
        let (device, _) = numbered(option).unwrap_or((option, 0));
        if drive(Kind::Qemu, option).is_some()
            || matches!(device, "cdrom" | "unused" | "serial" | "usb" | "hostpci" | "virtiofs" | "tags")
        {
            return Ok(());
        }
        if let Some((privilege, _)) = PRIVILEGES.iter().find(|(_, options)| options.contains(&option)) {
            self.require(privilege)?;
            // It changes how the host behaves.
            return if option == "startup" {
                self.call.rights(self.cluster).require("/", "Sys.Modify")
            } else {
                Ok(())
            };
        }
        match device {
            "numa" => self.require("VM.Config.CPU"),
            "net" => self.require("VM.Config.Network"),
            "vmstate" => self.require("VM.Config.Disk").and_then(|()| self.require("VM.PowerMgmt")),
            _ if device == "ipconfig" || CLOUD_INIT.contains(&option) => {
                self.require_any(&["VM.Config.Cloudinit", "VM.Config.Network"])
            }
            _ => Err(Failure::failed(format!("only root can set '{option}' config"))),
        }
    }

    /// Refuses devices of the host, and mapped ones that the caller may not use.
    pub fn ensure_devices(&self, options: &Config) -> Outcome<()> {
        if self.call.caller.is_root() {
            return Ok(());
        }
        for (option, value) in options {
            match numbered(option) {
                Some(("serial", _)) if value == "socket" => self.require("VM.Config.HWType")?,
                Some(("serial", _)) => return Err(real(option)),
                Some(("usb", _)) => {
                    self.require("VM.Config.HWType")?;
                    self.ensure_device(option, value, "usb")?;
                }
                Some(("hostpci", _)) => {
                    self.ensure_device(option, value, "pci")?;
                    self.require("VM.Config.HWType")?;
                }
                Some(("rng", _)) => {
                    self.require("VM.Config.HWType")?;
                    if value.split(',').any(|part| matches!(part, "/dev/hwrng" | "source=/dev/hwrng")) {
                        self.call.rights(self.cluster).require("/mapping/hwrng", "Mapping.Use")?;
                    }
                }
                Some(("virtiofs", _)) => {
                    self.require("VM.Config.Disk")?;
                    let parts = format::split(value, "dirid");
                    let id = parts.get("dirid").map_or("", String::as_str);
                    self.call.rights(self.cluster).require(&format!("/mapping/dir/{id}"), "Mapping.Use")?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn ensure_device(&self, option: &str, value: &str, kind: &str) -> Outcome<()> {
        let parts = format::split(value, "host");
        match (parts.get("host"), parts.get("mapping")) {
            (Some(host), _) if kind == "usb" && host.eq_ignore_ascii_case("spice") => Ok(()),
            (Some(_), _) if kind == "usb" => Err(real(option)),
            (Some(_), _) => Err(Failure::failed(format!("only root can set '{option}' config for non-mapped devices"))),
            (None, Some(id)) => self.call.rights(self.cluster).require(&format!("/mapping/{kind}/{id}"), "Mapping.Use"),
            (None, None) => Err(Failure::failed("either 'host' or 'mapping' must be set.")),
        }
    }

    fn ensure_drive(&self, value: &str) -> Outcome<()> {
        if is_cloudinit(value) {
            self.require("VM.Config.Cloudinit")?;
        }
        self.require(if is_cloudinit(value) || is_cdrom(value) { "VM.Config.CDROM" } else { "VM.Config.Disk" })
    }

    /// Refuses a change of what a guest has: its drives, devices and tags, whose values decide what is needed.
    pub fn ensure_change(&self, guest: &Guest, change: &Change) -> Outcome<()> {
        let old = |option: &str| guest.get(option).or_else(|| guest.pending.get(option).map(String::as_str));
        for option in &change.delete {
            let Some(value) = old(option) else { continue };
            if option.starts_with("unused") {
                self.require("VM.Config.Disk")?;
            } else if drive(Kind::Qemu, option).is_some() {
                self.ensure_drive(value)?;
            } else if option == "tags" {
                ensure_tags(self.cluster, self.call, self.vmid, value, "")?;
            }
        }
        let gone = |option: &&String| change.delete.contains(option) || change.set.contains_key(*option);
        let devices = guest.config.iter().filter(|(option, _)| gone(option)).map(|(o, v)| (o.clone(), v.clone()));
        let devices: Config = devices.collect();
        self.ensure_devices(&devices).map_err(|failure| match failure {
            Failure::Failed(text) if text.ends_with("real devices") => {
                Failure::Failed(text.replacen("set", if change.set.is_empty() { "delete" } else { "modify" }, 1))
            }
            other => other,
        })?;
        for (option, value) in &change.set {
            if drive(Kind::Qemu, option).is_some() {
                guest.get(option).map_or(Ok(()), |old| self.ensure_drive(old))?;
                self.ensure_drive(value)?;
            } else if option == "tags" {
                ensure_tags(self.cluster, self.call, self.vmid, guest.get(option).unwrap_or_default(), value)?;
            }
        }
        self.ensure_devices(&change.set).map_err(|failure| match failure {
            Failure::Failed(text) if text.contains("'serial") => Failure::Failed(text.replacen("set", "modify", 1)),
            other => other,
        })
    }
}

fn real(option: &str) -> Failure {
    Failure::failed(format!("only root can set '{option}' config for real devices"))
}
