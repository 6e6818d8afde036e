//! What setting and deleting an option of a container needs.

use crate::api::options::ensure_tags;
use crate::api::qemu::ensure_bridge;
use crate::api::storage::content::may_use;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Config, volume_of};
use crate::schema::numbered;

const PRIVILEGED_FEATURES: &str = "changing feature flags for privileged container is only allowed for root@pam";
const OTHER_FEATURES: &str = "changing feature flags (except nesting) is only allowed for root@pam";

/// A caller's rights to a container: its own, or for one that is to be made those of its pool.
#[derive(Clone, Copy)]
pub struct Ct<'a> {
    pub cluster: &'a Cluster,
    pub call: &'a Call<'a>,
    pub vmid: u32,
    pub pool: Option<&'a str>,
    pub unprivileged: bool,
    /// What it has so far.
    pub config: &'a Config,
}

impl Ct<'_> {
    fn require(&self, privilege: &str) -> Outcome<()> {
        self.call.rights(self.cluster).require_guest(self.vmid, self.pool, &[privilege])
    }

    /// Refuses to set options that the caller may not set so.
    pub fn ensure_set(&self, options: &Config) -> Outcome<()> {
        options.iter().try_for_each(|(option, value)| self.ensure(option, Some(value)))
    }

    /// Refuses to delete options that the caller may not delete.
    pub fn ensure_deleted<'o>(&self, options: impl IntoIterator<Item = &'o String>) -> Outcome<()> {
        options.into_iter().try_for_each(|option| self.ensure(option, None))
    }

    fn ensure(&self, option: &str, value: Option<&str>) -> Outcome<()> {
        if self.call.caller.is_root() {
            return Ok(());
        }
        let old = self.config.get(option).map(String::as_str);
        match numbered(option).map_or(option, |(device, _)| device) {
            "cores" | "cpuunits" | "cpulimit" => self.require("VM.Config.CPU"),
            "memory" | "swap" => self.require("VM.Config.Memory"),
            "nameserver" | "searchdomain" | "hostname" => self.require("VM.Config.Network"),
            "rootfs" | "mp" => {
                self.require("VM.Config.Disk")?;
                value.map_or(Ok(()), |value| self.ensure_mount(value))
            }
            "net" => {
                self.require("VM.Config.Network")?;
                [old, value].into_iter().flatten().try_for_each(|nic| ensure_bridge(self.cluster, self.call, nic))
            }
            "dev" => Err(Failure::denied("configuring device passthrough is only allowed for root@pam")),
            "features" => self.ensure_features(old, value),
            "hookscript" => Err(Failure::denied("changing the hookscript is only allowed for root@pam")),
            "tags" => {
                ensure_tags(self.cluster, self.call, self.vmid, old.unwrap_or_default(), value.unwrap_or_default())
            }
            _ => self.require("VM.Config.Options"),
        }
    }

    fn ensure_mount(&self, value: &str) -> Outcome<()> {
        let volid = volume_of(value);
        let kind = match volid {
            _ if volid.starts_with("/dev/") => "device",
            _ if volid.starts_with('/') => "bind",
            _ => "volume",
        };
        if kind != "volume" {
            return Err(Failure::denied(&format!("mount point type {kind} is only allowed for root@pam")));
        }
        match format::volume_id(volid) {
            Some((storage, what)) if format::is_decimal(what) => {
                self.call.rights(self.cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")
            }
            _ => match self.cluster.volume(&self.call.node, volid) {
                Some(volume) => may_use(self.cluster, self.call, volume, Some(self.vmid)),
                None => Ok(()),
            },
        }
    }

    fn ensure_features(&self, old: Option<&str>, new: Option<&str>) -> Outcome<()> {
        if !self.unprivileged {
            return Err(Failure::denied(PRIVILEGED_FEATURES));
        }
        let flags = |text: Option<&str>| format::split(text.unwrap_or_default(), "nesting");
        let (old, new) = (flags(old), flags(new));
        let mut changed = old.keys().chain(new.keys()).filter(|flag| old.get(*flag) != new.get(*flag));
        let mut nesting = false;
        if changed.any(|flag| {
            nesting |= flag == "nesting";
            flag != "nesting"
        }) {
            return Err(Failure::denied(OTHER_FEATURES));
        }
        if nesting { self.require("VM.Allocate") } else { Ok(()) }
    }
}
