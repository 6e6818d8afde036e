//! Backups of guests (vzdump).

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::disk;
use crate::guest::{Guest, Kind, print};
use crate::storage::Volume;

/// A backup job that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backup {
    pub vmids: Vec<u32>,
    pub storage: String,
    pub mode: String,
    /// `zstd`, `gzip`, `lzo` or nothing.
    pub compress: String,
    pub notes: Option<String>,
    pub protected: bool,
}

impl Backup {
    pub fn begin(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<f64, String> {
        let name = &self.storage;
        if let Err(problem) = cluster.usable_storage(node, name) {
            return Err(format!(
                "could not activate storage '{name}': {problem}\ncould not get storage information for '{name}': {problem}"
            ));
        }
        let vmids: Vec<String> = self.vmids.iter().map(u32::to_string).collect();
        log.push(format!(
            "INFO: starting new backup job: vzdump {} --storage {name} --mode {} --node {node}",
            vmids.join(" "),
            self.mode
        ));
        let mut bytes = 0;
        for vmid in &self.vmids {
            if let Some(guest) = cluster.guests.get(vmid).filter(|guest| guest.node == node) {
                bytes = disk::total_size(cluster, node, guest.kind, &guest.config).saturating_add(bytes);
            }
        }
        for vmid in &self.vmids {
            if let Some(guest) =
                cluster.guests.get_mut(vmid).filter(|guest| guest.node == node && guest.lock().is_none())
            {
                guest.config.insert("lock".to_owned(), "backup".to_owned());
            }
        }
        Ok(disk::copy_seconds(bytes))
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let mut failed = false;
        for vmid in &self.vmids {
            if let Err(problem) = self.one(cluster, node, *vmid, log) {
                log.push(format!("ERROR: Backup of VM {vmid} failed - {problem}"));
                failed = true;
            }
        }
        if failed {
            log.push("INFO: Backup job finished with errors".to_owned());
            return Err("job errors".to_owned());
        }
        log.push("INFO: Backup job finished successfully".to_owned());
        Ok(())
    }

    fn one(&self, cluster: &mut Cluster, node: &str, vmid: u32, log: &mut Vec<String>) -> Result<(), String> {
        let ctime = cluster.seconds();
        let guest = cluster
            .guests
            .get_mut(&vmid)
            .filter(|guest| guest.node == node)
            .ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
        if guest.lock() == Some("backup") {
            guest.config.remove("lock");
        }
        guest.ensure_unlocked()?;
        let guest = guest.clone();
        log.push(format!("INFO: Starting Backup of VM {vmid} ({})", guest.kind.api()));
        log.push(format!("INFO: {} Name: {}", guest.kind.noun(), guest.name()));
        let file = self.file(&guest, ctime);
        log.push(format!("INFO: creating vzdump archive '{file}'"));
        if cluster.faults.full(node, &self.storage) {
            log.push("ERROR: zstd: error 70 : Write error : cannot write block : No space left on device".to_owned());
            return Err("vma_queue_write: write error - Broken pipe".to_owned());
        }
        let bytes = disk::total_size(cluster, node, guest.kind, &guest.config) / 10;
        cluster.insert_volume(Volume {
            volid: format!("{}:backup/{file}", self.storage),
            node: node.to_owned(),
            content: "backup".to_owned(),
            format: self.extension(guest.kind),
            size: bytes,
            used: bytes,
            vmid: Some(vmid),
            ctime,
            notes: self.notes.as_ref().map(|notes| expand(notes, &guest)),
            protected: self.protected,
            config: Some(print(&guest.config)),
            parent: None,
        });
        log.push(format!("INFO: Finished Backup of VM {vmid}"));
        Ok(())
    }

    fn extension(&self, kind: Kind) -> String {
        let archive = if kind == Kind::Qemu { "vma" } else { "tar" };
        match self.compress.as_str() {
            "zstd" => format!("{archive}.zst"),
            "gzip" => format!("{archive}.gz"),
            "lzo" | "1" => format!("{archive}.lzo"),
            _ => archive.to_owned(),
        }
    }

    fn file(&self, guest: &Guest, ctime: i64) -> String {
        let time = DateTime::from_timestamp(ctime, 0).unwrap_or_default();
        format!(
            "vzdump-{}-{}-{}.{}",
            guest.kind.api(),
            guest.vmid,
            time.format("%Y_%m_%d-%H_%M_%S"),
            self.extension(guest.kind)
        )
    }
}

/// Fills a note's placeholders.
fn expand(notes: &str, guest: &Guest) -> String {
    notes
        .replace("{{guestname}}", &guest.name())
        .replace("{{node}}", &guest.node)
        .replace("{{vmid}}", &guest.vmid.to_string())
}
