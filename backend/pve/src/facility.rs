//! Looks at what stands around the guests: pools, files on storages, backup jobs.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::facility::{Backed, BackupJob, Facility, FacilityState};
use mycopod_core::guest::Vmid;
use mycopod_core::observed::Look;
use mycopod_core::ports::{Bytes, CallError, Upid};
use reqwest::Body;
use reqwest::multipart::{Form, Part};

use crate::client::Pve;
use crate::codec::{parts, unfit};
use crate::json::{Row, excerpt};

/// What Proxmox does with a job that does not say otherwise.
const DEFAULT_MODE: &str = "snapshot";

impl Pve {
    /// A look at one of them.
    pub(crate) async fn look_at_facility(&self, facility: &Facility) -> Result<Look, CallError> {
        match facility {
            Facility::Pool(name) => self.look_at_pool(name).await,
            Facility::File { node, volume } => self.look_at_file(node, volume).await,
            Facility::BackupJob(id) => match self.object(&["cluster", "backup", id]).await {
                Ok(row) => Ok(job(&row).map_or_else(
                    || Look::Unknown(format!("backup job {id} is not one that can be understood")),
                    |job| Look::Facility(FacilityState::BackupJob(job)),
                )),
                Err(CallError::Rejected { status: 400, reason }) if reason.contains("No such job") => Ok(Look::Absent),
                Err(error) => Err(error),
            },
        }
    }

    /// The query has nested pools too, whose names hold slashes.
    async fn look_at_pool(&self, name: &str) -> Result<Look, CallError> {
        let answer = match self.transport.get(&["pools"], &[("poolid", name)]).await {
            Err(CallError::Rejected { status: 500, reason }) if reason.contains("does not exist") => {
                return Ok(Look::Absent);
            }
            answer => answer?,
        };
        let members = answer.data.pointer("/0/members").cloned().unwrap_or_default();
        let member = |row: &Row| row.text("vmid").or_else(|| row.text("storage")).or_else(|| row.text("id"));
        let members = if members.is_null() { Vec::new() } else { Row::list(members)? };
        Ok(Look::Facility(FacilityState::Pool(members.iter().filter_map(member).collect())))
    }

    async fn look_at_file(&self, node: &str, volume: &str) -> Result<Look, CallError> {
        let (storage, _) = volume.split_once(':').unwrap_or((volume, ""));
        let listed = self.list(&["nodes", node, "storage", storage, "content"], &[]).await?;
        let is_there = listed.iter().any(|row| row.text("volid").as_deref() == Some(volume));
        Ok(if is_there { Look::Facility(FacilityState::File) } else { Look::Absent })
    }

    /// Sends a file to a storage.
    pub(crate) async fn send_file(&self, file: &Facility, size: u64, bytes: Bytes) -> Result<Upid, CallError> {
        let Facility::File { node, volume } = file else { return Err(unfit(format!("{file} is no file"))) };
        let (storage, content, name) = parts(volume)?;
        let part = Part::stream_with_length(Body::wrap_stream(bytes), size).file_name(name.to_owned());
        // Proxmox reads what a file is before the file itself.
        let form = Form::new().text("content", content.to_owned()).part("filename", part);
        let answer = self.transport.upload(node, &["nodes", node, "storage", storage, "upload"], form).await?;
        let upid = answer.data.as_str().unwrap_or_default();
        upid.parse().map_err(|_| CallError::MaybeSent(format!("it names no task: {}", excerpt(upid))))
    }

    /// The cluster's backup jobs by id; `None` without the right to ask (Sys.Audit on `/`).
    pub(crate) async fn backup_jobs(&self) -> Result<Option<BTreeMap<String, BackupJob>>, CallError> {
        match self.list(&["cluster", "backup"], &[]).await {
            Ok(rows) => Ok(Some(rows.iter().filter_map(|row| Some((row.text("id")?, job(row)?))).collect())),
            Err(CallError::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The nodes that guests are replicated to; those that may not be seen are not listed.
    pub(crate) async fn replicas(&self) -> Result<BTreeMap<Vmid, BTreeSet<String>>, CallError> {
        let rows = match self.list(&["cluster", "replication"], &[]).await {
            Err(CallError::Rejected { .. }) => Vec::new(),
            rows => rows?,
        };
        let mut replicas: BTreeMap<Vmid, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            if let (Some(vmid), Some(target)) = (row.text("guest").and_then(|guest| number(&guest)), row.text("target"))
            {
                replicas.entry(vmid).or_default().insert(target);
            }
        }
        Ok(replicas)
    }
}

/// A backup job of a storage; one to a folder is none of ours and not understood.
fn job(row: &Row) -> Option<BackupJob> {
    let vmids = |key: &str| -> BTreeSet<Vmid> {
        row.text(key).unwrap_or_default().split([',', ';', ' ']).filter_map(number).collect()
    };
    let guests = match row.text("pool") {
        Some(pool) => Backed::Pool(pool),
        None if row.flag("all") => Backed::All(vmids("exclude")),
        None => Backed::Guests(vmids("vmid")),
    };
    let rules = row.text("prune-backups").unwrap_or_default();
    let keep = rules.split(',').filter_map(|rule| {
        let (name, count) = rule.split_once('=')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    Some(BackupJob {
        guests,
        schedule: row.text("schedule").unwrap_or_default(),
        storage: row.text("storage")?,
        mode: row.text("mode").unwrap_or_else(|| DEFAULT_MODE.to_owned()),
        keep: keep.collect(),
    })
}

fn number(text: &str) -> Option<Vmid> {
    text.trim().parse::<u32>().ok().and_then(|number| Vmid::try_from(number).ok())
}
