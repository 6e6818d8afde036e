//! Files that an Admin sends to a storage.
//!
//! A file cannot be declared in words, so sending it is an Admin's own act: there is no plan, and the Admin's call is the
//! approval. It is entered in the audit log before the first byte goes, makes a file that was not there, and overwrites none.

use std::time::Duration;

use mycopod_core::facility::{Facility, content_of};
use mycopod_core::id::ClusterId;
use mycopod_core::observed::Look;
use mycopod_core::ports::{Bytes, TaskState, Upid};
use mycopod_core::size::Size;
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::freezes;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cluster_admin::must_be_admin;
use crate::clusters::Cluster;
use crate::view::Uploaded;
use crate::{Actor, Engine, Refusal};

/// Files under way at once in one replica: a line is full with one, and a second need not wait for a slow first.
pub(crate) const AT_ONCE: usize = 2;
/// The largest file, in bytes: more than any installer's image or template.
pub const MAX_UPLOAD: u64 = 64 << 30;
/// Between looks at the task that stores the file.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The longest that storing may take after the last byte: a copy of the largest file on a slow disk.
const STORED_WITHIN: Duration = Duration::from_mins(30);

/// Where a file goes.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The cluster; the first where `None`.
    pub cluster: Option<String>,
    /// The node.
    pub node: String,
    /// The storage.
    pub storage: String,
    /// The file's name; its ending tells what it is.
    pub file: String,
}

impl Engine {
    /// Sends a file of `size` bytes to a storage, as an Admin.
    pub async fn upload(&self, actor: &Actor, to: &Destination, size: u64, bytes: Bytes) -> Result<Uploaded, Refusal> {
        let content = content_of(&to.file).ok_or_else(|| {
            Refusal::Invalid(format!(
                "“{}” does not tell what the file is: a CD ends in .iso or .img, a container template in .tar.gz, .tar.xz \
                 or .tar.zst, a disk image in .qcow2, .raw, .vmdk or .ova. Nothing was sent.",
                to.file
            ))
        })?;
        if size == 0 || size > MAX_UPLOAD {
            let most = Size::bytes(MAX_UPLOAD);
            return Err(Refusal::Invalid(format!("A file has 1 byte to {most}. Nothing was sent.")));
        }
        let cluster = self.destination(to.cluster.as_deref()).await?;
        {
            let mut connection = self.pool().acquire().await?;
            must_be_admin(&mut connection, actor).await?;
            if freezes::holds(&mut connection, cluster.id).await? {
                return Err(Refusal::Conflict(format!("Cluster {} is frozen. Nothing was sent.", cluster.name)));
            }
        }
        let _permit = self.0.uploads.try_acquire().map_err(|_| {
            Refusal::Conflict(format!("{AT_ONCE} files are under way already. Nothing was sent; try again later."))
        })?;
        let file = Facility::File { node: to.node.clone(), volume: format!("{}:{content}/{}", to.storage, to.file) };
        has_room(&cluster, to, content, size).await?;
        if !matches!(cluster.hypervisor().look_around(&file).await?, Look::Absent) {
            return Err(Refusal::Conflict(format!("{} is there already, and is not overwritten.", file.name())));
        }
        self.enter_file(actor, &cluster, &file, Kind::FileUploading, json!({ "size": size })).await?;
        let end = match cluster.hypervisor().upload(&file, size, bytes).await {
            Ok(upid) => self.stored(&cluster, &file, &upid).await,
            Err(error) => Err(format!("{error}")),
        };
        match end {
            Ok(()) => {
                self.enter_file(actor, &cluster, &file, Kind::FileUploaded, json!({ "size": size })).await?;
                Ok(Uploaded { volume: file.name().to_owned(), node: to.node.clone(), size })
            }
            Err(why) => {
                self.enter_file(actor, &cluster, &file, Kind::FileFailed, json!({ "error": why })).await?;
                Err(Refusal::Unavailable(format!(
                    "{} was not stored: {why}. Nothing else was touched; send it again.",
                    file.name()
                )))
            }
        }
    }

    async fn destination(&self, name: Option<&str>) -> Result<std::sync::Arc<Cluster>, Refusal> {
        let Some(name) = name else { return self.cluster_of(ClusterId::FIRST).await };
        self.read_clusters().await?;
        self.0.clusters.named(name).ok_or_else(|| Refusal::NotFound(format!("There is no cluster {name}.")))
    }

    /// Follows the task that stores a file, and looks whether it is there.
    async fn stored(&self, cluster: &Cluster, file: &Facility, upid: &Upid) -> Result<(), String> {
        let deadline = Instant::now() + STORED_WITHIN;
        loop {
            match cluster.hypervisor().task(upid).await {
                Ok(TaskState::Failed(why)) => return Err(why),
                Ok(TaskState::Ok { .. } | TaskState::Unknown) => break,
                Ok(TaskState::Running) | Err(_) if Instant::now() < deadline => sleep(LOOK_AGAIN).await,
                Ok(TaskState::Running) => return Err("its task has not ended yet".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
        match cluster.hypervisor().look_around(file).await {
            Ok(Look::Facility(_)) => Ok(()),
            Ok(_) => Err("its task ended, and the file is not there".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn enter_file(
        &self,
        actor: &Actor,
        cluster: &Cluster,
        file: &Facility,
        kind: Kind,
        details: serde_json::Value,
    ) -> Result<(), Refusal> {
        let mut details = details;
        details["file"] = json!(file);
        details["cluster"] = json!(cluster.name);
        let mut transaction = self.pool().begin().await?;
        let entry = NewEntry {
            time: self.clock().now(),
            actor: actor.into(),
            kind,
            subject: file.to_string(),
            status: kind.as_str().rsplit('.').next().unwrap_or_default().to_owned(),
            declaration: None,
            details,
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// That the storage is there, may hold such a file and has room for it.
async fn has_room(cluster: &Cluster, to: &Destination, content: &str, size: u64) -> Result<(), Refusal> {
    let observed = cluster.look_afresh().await?;
    let Some(node) = observed.node(&to.node) else {
        return Err(Refusal::Invalid(format!("There is no node {} that answers. Nothing was sent.", to.node)));
    };
    let fit: Vec<&str> = node
        .storages
        .iter()
        .filter(|(_, seen)| seen.content.contains(content))
        .map(|(name, _)| name.as_str())
        .collect();
    let found = node.storages.get(&to.storage).filter(|seen| seen.content.contains(content));
    let Some(found) = found else {
        let fit = if fit.is_empty() {
            "none of its storages may".to_owned()
        } else {
            format!("these may: {}", fit.join(", "))
        };
        return Err(Refusal::Invalid(format!(
            "{} has no storage {} that may hold such a file ({content}); {fit}. Nothing was sent.",
            to.node, to.storage
        )));
    };
    if found.free.as_bytes() < size {
        return Err(Refusal::Invalid(format!(
            "{} has {} free on {}, and the file has {}. Nothing was sent.",
            to.storage,
            found.free,
            to.node,
            Size::bytes(size)
        )));
    }
    Ok(())
}
