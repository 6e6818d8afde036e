//! Starting and stopping guests.

use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::change;
use crate::cluster::Cluster;
use crate::format;
use crate::guest::{Guest, Kind, Run, is_cdrom, volume_of};
use crate::snapshot;
use crate::work::Work;

/// How long a shutdown waits for the guest when nothing is said, in seconds.
pub const SHUTDOWN_TIMEOUT: f64 = 60.0;
/// The longest that it may be told to wait, in seconds: a day.
pub const LONGEST_TIMEOUT: f64 = 86_400.0;

/// One change of a guest's power state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Power {
    pub kind: Kind,
    pub vmid: u32,
    pub action: Action,
    /// Seconds that a shutdown waits for the guest.
    pub timeout: f64,
    /// Whether a guest that does not shut down is stopped.
    pub force: bool,
    /// Whether running shutdowns give way to a stop.
    pub overrule: bool,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Start,
    Stop,
    Shutdown,
    Reboot,
    Reset,
    Suspend,
    /// Suspends to disk.
    Hibernate,
    Resume,
}

impl Action {
    /// The task's type behind `qm` or `vz`.
    pub fn task(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Start, _) => "start",
            (Self::Stop, _) => "stop",
            (Self::Shutdown, _) => "shutdown",
            (Self::Reboot, _) => "reboot",
            (Self::Reset, _) => "reset",
            (Self::Suspend, Kind::Qemu) => "pause",
            (Self::Suspend, Kind::Lxc) | (Self::Hibernate, _) => "suspend",
            (Self::Resume, _) => "resume",
        }
    }
}

impl Power {
    /// A plain change without options.
    pub fn new(kind: Kind, vmid: u32, action: Action) -> Self {
        Self { kind, vmid, action, timeout: SHUTDOWN_TIMEOUT, force: false, overrule: false }
    }

    pub fn begin(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<f64, String> {
        let Self { kind, vmid, .. } = *self;
        if self.action == Action::Start {
            ensure_startable(cluster, node, kind, vmid)?;
            return Ok(1.5);
        }
        let guest = cluster.guest(node, kind, vmid).map_err(|problem| match kind {
            Kind::Qemu => format!("unable to find configuration file for VM {vmid} on node '{node}'"),
            Kind::Lxc => problem,
        })?;
        if guest.run.is_none() {
            return Ok(0.0);
        }
        if self.action == Action::Hibernate && guest.lock() == Some("backup") {
            return Err("cannot suspend to disk during backup".to_owned());
        }
        guest.ensure_unlocked()?;
        let answers = answers_acpi(guest);
        Ok(match self.action {
            Action::Shutdown | Action::Reboot if answers => 3.0,
            Action::Shutdown | Action::Reboot => self.timeout,
            Action::Stop => {
                self.overrule_shutdowns(cluster, log);
                1.0
            }
            _ => 0.5,
        })
    }

    /// Running shutdowns end, whose lock a stop would otherwise wait for.
    fn overrule_shutdowns(&self, cluster: &mut Cluster, log: &mut Vec<String>) {
        if !self.overrule {
            return;
        }
        let kind = format!("{}shutdown", self.kind.task());
        let overruled = cluster.running_tasks(&kind, self.vmid);
        for upid in &overruled {
            cluster.interrupt(upid);
        }
        if !overruled.is_empty() {
            log.push(format!("overruled {kind} tasks: {}", overruled.join(", ")));
        }
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let Self { kind, vmid, .. } = *self;
        let (now, pid) = (cluster.now, cluster.next_pid());
        let guest = cluster.guest_mut(node, kind, vmid)?;
        let run = Run { since: now, pid, paused: false };
        match self.action {
            Action::Start => guest.run = Some(run),
            Action::Stop | Action::Shutdown | Action::Reboot if guest.run.is_none() => {}
            Action::Shutdown | Action::Reboot if !answers_acpi(guest) => {
                if !self.force {
                    return Err("VM quit/powerdown failed - got timeout".to_owned());
                }
                log.push("VM still running - terminating now with SIGTERM".to_owned());
                change::stop(cluster, node, vmid);
            }
            Action::Stop | Action::Shutdown => change::stop(cluster, node, vmid),
            Action::Reboot => {
                change::stop(cluster, node, vmid);
                cluster.guest_mut(node, kind, vmid)?.run = Some(run);
            }
            Action::Reset => {}
            Action::Hibernate => return snapshot::hibernate(cluster, node, vmid, log),
            // What sleeps on disk is started from there.
            Action::Resume if guest.lock() == Some("suspended") => {
                for option in ["lock", "vmstate", "runningmachine", "runningcpu"] {
                    guest.config.remove(option);
                }
                guest.run = Some(run);
            }
            Action::Suspend | Action::Resume => {
                if let Some(run) = &mut guest.run {
                    run.paused = self.action == Action::Suspend;
                }
            }
        }
        Ok(())
    }
}

/// Whether the guest runs a system that hears ACPI. One that is emulated without KVM never gets that far here:
/// it is how a guest that ignores a shutdown is made.
pub fn answers_acpi(guest: &Guest) -> bool {
    guest.kind == Kind::Lxc || guest.get("kvm") != Some("0")
}

fn ensure_startable(cluster: &Cluster, node: &str, kind: Kind, vmid: u32) -> Result<(), String> {
    let guest = cluster.guest(node, kind, vmid)?;
    if guest.flag("template") {
        let noun = if kind == Kind::Qemu { "vm" } else { "CT" };
        return Err(format!("you can't start a {noun} if it's a template"));
    }
    guest.ensure_unlocked()?;
    if guest.run.is_some() {
        return Err(format!("{} {vmid} already running", kind.noun()));
    }
    for (_, value) in Guest::drives(&guest.config, kind) {
        let volume = volume_of(value);
        let in_storage = format::volume_id(volume).is_some();
        if in_storage && (!is_cdrom(value) || !matches!(volume, "none" | "cdrom")) {
            cluster.require_volume(node, volume)?;
        }
    }
    let Some(host) = cluster.nodes.get(node) else {
        return Ok(());
    };
    let cpus = guest.number("cores", 1).saturating_mul(guest.number("sockets", 1));
    if kind == Kind::Qemu && cpus > u64::from(host.cores) {
        return Err(format!("MAX {} vcpus allowed per VM on this node", host.cores));
    }
    let bridges = guest.config.iter().filter(|(option, _)| option.starts_with("net"));
    for (_, value) in bridges {
        if let Some(bridge) = format::split(value, "model").get("bridge")
            && !cluster.has_bridge(node, bridge)
        {
            return Err(format!("bridge '{bridge}' does not exist"));
        }
    }
    Ok(())
}

/// Starts, stops or suspends the guests of a node, as the node's bulk actions do.
pub fn bulk(
    cluster: &mut Cluster,
    node: &str,
    caller: &Caller,
    action: &str,
    vmids: Option<&[u32]>,
    log: &mut Vec<String>,
) {
    let chosen: Vec<(u32, Kind, bool)> = cluster
        .guests
        .values()
        .filter(|guest| guest.node == node && !guest.flag("template"))
        .filter(|guest| match vmids {
            Some(vmids) => vmids.contains(&guest.vmid),
            None => action != "startall" || guest.flag("onboot"),
        })
        .map(|guest| (guest.vmid, guest.kind, guest.run.is_some()))
        .collect();
    for (vmid, kind, running) in chosen {
        let (action, verb) = match (action, running) {
            ("startall", false) => (Action::Start, "Starting"),
            ("stopall", true) => (Action::Shutdown, "Stopping"),
            ("suspendall", true) if kind == Kind::Qemu => (Action::Suspend, "Suspending"),
            ("suspendall", false) => {
                log.push(format!("VM {vmid} not running, skipping suspension"));
                continue;
            }
            _ => continue,
        };
        log.push(format!("{verb} {} {vmid}", kind.noun()));
        let task = format!("{}{}", kind.task(), action.task(kind));
        let power = Power { force: true, ..Power::new(kind, vmid, action) };
        cluster.submit(caller, node, &task, &vmid.to_string(), Work::Power(power));
    }
}
