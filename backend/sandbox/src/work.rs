//! What a task does: when it begins (which sets how long it takes) and when its time has come.
//!
//! Work is data, so that a task survives the end of the process and goes on after the next start.

use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::backup::Backup;
use crate::clone::Clone as CloneWork;
use crate::cluster::Cluster;
use crate::create::Create;
use crate::download::{Download, Import};
use crate::guest::{Config, Kind};
use crate::lifecycle::Migration;
use crate::power::Power;
use crate::snapshot::Snapshot;
use crate::{disk, lifecycle};

/// The work of a task. Durations are in real seconds, before the time scale.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Work {
    /// A proxy or the like that only lasts.
    Last {
        seconds: f64,
    },
    /// Fails as soon as it begins.
    Fail {
        problem: String,
    },
    Create(Box<Create>),
    Power(Power),
    Destroy {
        kind: Kind,
        vmid: u32,
        purge: bool,
        unreferenced: bool,
    },
    Configure {
        vmid: u32,
        changes: Config,
    },
    Resize {
        kind: Kind,
        vmid: u32,
        disk: String,
        size: String,
    },
    MoveDisk {
        kind: Kind,
        vmid: u32,
        disk: String,
        storage: String,
        format: Option<String>,
        delete: bool,
    },
    Reassign {
        kind: Kind,
        vmid: u32,
        disk: String,
        target: u32,
        target_disk: String,
    },
    Clone(Box<CloneWork>),
    Template {
        vmid: u32,
        disk: Option<String>,
    },
    Snapshot(Snapshot),
    Migrate(Box<Migration>),
    RemoveVolume {
        volid: String,
    },
    Download(Box<Download>),
    Import(Box<Import>),
    /// Removes backups.
    Prune {
        volids: Vec<String>,
    },
    Backup(Box<Backup>),
    /// Starts, stops or suspends many guests of a node.
    Bulk {
        action: String,
        vmids: Option<Vec<u32>>,
    },
}

impl Work {
    /// The guest whose lock file the task holds.
    pub fn guest(&self) -> Option<u32> {
        match self {
            Self::Create(create) => Some(create.vmid),
            Self::Power(power) => Some(power.vmid),
            Self::Destroy { vmid, .. }
            | Self::Configure { vmid, .. }
            | Self::Resize { vmid, .. }
            | Self::MoveDisk { vmid, .. }
            | Self::Reassign { vmid, .. }
            | Self::Template { vmid, .. } => Some(*vmid),
            Self::Migrate(migration) => Some(migration.vmid),
            // A clone's source may be used meanwhile; its target is locked in the configuration.
            Self::Clone(clone) => Some(clone.newid),
            Self::Snapshot(snapshot) => Some(snapshot.vmid),
            Self::Last { .. }
            | Self::Fail { .. }
            | Self::RemoveVolume { .. }
            | Self::Prune { .. }
            | Self::Download(_)
            | Self::Import(_)
            | Self::Backup(_)
            | Self::Bulk { .. } => None,
        }
    }

    /// Whether the task ends the one that holds the lock instead of waiting for it.
    pub fn overrules(&self) -> bool {
        matches!(self, Self::Power(power) if power.overrule)
    }

    /// The lock file's path, for the complaint that it could not be had.
    pub fn lock_file(&self, node: &str, cluster: &Cluster) -> Option<String> {
        let vmid = self.guest()?;
        let kind = cluster.guests.get(&vmid).filter(|guest| guest.node == node).map_or(Kind::Qemu, |guest| guest.kind);
        Some(kind.lock_file(vmid))
    }

    /// Begins; gives the seconds until [`Work::finish`].
    pub fn begin(
        &self,
        cluster: &mut Cluster,
        node: &str,
        caller: &Caller,
        log: &mut Vec<String>,
    ) -> Result<f64, String> {
        match self {
            Self::Last { seconds } => Ok(*seconds),
            Self::Fail { problem } => Err(problem.clone()),
            Self::Create(create) => Ok(create.seconds()),
            Self::Power(power) => power.begin(cluster, node, log),
            Self::Destroy { kind, vmid, .. } => lifecycle::begin_destroy(cluster, node, *kind, *vmid),
            Self::Configure { changes, vmid } => {
                log.push(lifecycle::describe_update(*vmid, changes));
                Ok(1.0)
            }
            Self::Resize { kind, vmid, disk, size } => disk::begin_resize(cluster, node, *kind, *vmid, disk, size),
            Self::MoveDisk { kind, vmid, .. } => {
                cluster.guest(node, *kind, *vmid)?.ensure_unlocked()?;
                Ok(4.0)
            }
            Self::Reassign { kind, vmid, .. } => {
                cluster.guest(node, *kind, *vmid)?.ensure_unlocked()?;
                Ok(1.0)
            }
            Self::Clone(clone) => Ok(clone.seconds()),
            Self::Template { .. } => Ok(1.5),
            Self::Snapshot(snapshot) => snapshot.begin(cluster, node),
            Self::Migrate(migration) => migration.begin(cluster, node, log),
            Self::RemoveVolume { volid } => disk::begin_remove(cluster, node, volid),
            Self::Prune { .. } | Self::Import(_) => Ok(1.0),
            Self::Download(download) => Ok(download.seconds()),
            Self::Backup(backup) => backup.begin(cluster, node, log),
            Self::Bulk { action, vmids } => {
                crate::power::bulk(cluster, node, caller, action, vmids.as_deref(), log);
                Ok(1.0)
            }
        }
    }

    /// Ends; what fails here is the task's exit status.
    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        match self {
            Self::Last { .. } | Self::Fail { .. } | Self::Bulk { .. } => Ok(()),
            Self::Create(create) => create.finish(cluster, node, log),
            Self::Power(power) => power.finish(cluster, node, log),
            Self::Destroy { kind, vmid, purge, unreferenced } => {
                lifecycle::destroy(cluster, node, *kind, *vmid, *purge, *unreferenced, log)
            }
            Self::Configure { vmid, changes } => lifecycle::configure(cluster, node, *vmid, changes, log),
            Self::Resize { kind, vmid, disk, size } => disk::resize(cluster, node, *kind, *vmid, disk, size, log),
            Self::MoveDisk { kind, vmid, disk, storage, format, delete } => disk::move_disk(
                cluster,
                node,
                *kind,
                *vmid,
                disk,
                &disk::Target { storage, format: format.as_deref(), delete: *delete },
                log,
            ),
            Self::Reassign { kind, vmid, disk, target, target_disk } => {
                disk::reassign(cluster, node, *kind, (*vmid, disk), (*target, target_disk), log)
            }
            Self::Clone(clone) => clone.finish(cluster, node, log),
            Self::Template { vmid, disk } => disk::make_template(cluster, node, *vmid, disk.as_deref()),
            Self::Snapshot(snapshot) => snapshot.finish(cluster, node, log),
            Self::Migrate(migration) => migration.finish(cluster, node, log),
            Self::RemoveVolume { volid } => {
                disk::remove(cluster, node, volid, log);
                Ok(())
            }
            Self::Prune { volids } => {
                for volid in volids {
                    log.push(format!("removing backup '{volid}'"));
                    cluster.free(node, volid);
                }
                Ok(())
            }
            Self::Download(download) => download.finish(cluster, node, log),
            Self::Import(import) => import.finish(cluster, node, log),
            Self::Backup(backup) => backup.finish(cluster, node, log),
        }
    }

    /// Leaves things as a worker that fails does: what it claimed or locked when it began is free again.
    pub fn give_up(&self, cluster: &mut Cluster) {
        match self {
            Self::Create(create) => create.give_up(cluster),
            Self::Clone(clone) => clone.give_up(cluster),
            Self::Snapshot(snapshot) => unlock(cluster, snapshot.vmid),
            Self::Migrate(migration) => unlock(cluster, migration.vmid),
            Self::Backup(backup) => backup.vmids.iter().for_each(|vmid| unlock(cluster, *vmid)),
            Self::Last { .. }
            | Self::Fail { .. }
            | Self::Power(_)
            | Self::Destroy { .. }
            | Self::Configure { .. }
            | Self::Resize { .. }
            | Self::MoveDisk { .. }
            | Self::Reassign { .. }
            | Self::Template { .. }
            | Self::RemoveVolume { .. }
            | Self::Prune { .. }
            | Self::Download(_)
            | Self::Import(_)
            | Self::Bulk { .. } => {}
        }
    }

    /// The exit status when a signal ends the task.
    pub fn interrupted(&self) -> String {
        const SIGNAL: &str = "interrupted by signal";
        match self {
            Self::Create(create) => format!("unable to create {} {} - {SIGNAL}", create.kind.noun(), create.vmid),
            Self::Clone(_) => format!("clone failed: {SIGNAL}"),
            Self::MoveDisk { .. } => format!("storage migration failed: {SIGNAL}"),
            Self::Backup(_) | Self::Download(_) | Self::Import(_) => SIGNAL.to_owned(),
            _ => "received interrupt".to_owned(),
        }
    }
}

fn unlock(cluster: &mut Cluster, vmid: u32) {
    if let Some(guest) = cluster.guests.get_mut(&vmid) {
        guest.config.remove("lock");
    }
}
