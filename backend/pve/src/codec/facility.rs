//! Calls that make and delete what stands around the guests.

use mycopod_core::facility::{Backed, BackupJob, Facility, FacilityCall};
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::form::{Form, plain, unfit};
use super::request::Request;

/// Under this a job of ours is found among others.
const COMMENT: &str = "made by MycoPod";

/// The call for `call` on `facility`.
pub fn request(facility: &Facility, call: &FacilityCall) -> Result<Request, CallError> {
    let mut form = Form::default();
    let (method, path) = match (facility, call) {
        (Facility::Pool(name), FacilityCall::MakePool { comment }) => {
            form.set("poolid", plain(name)?);
            if !comment.is_empty() {
                form.set("comment", comment);
            }
            (Method::POST, vec!["pools"])
        }
        (Facility::Pool(name), FacilityCall::DeletePool) => {
            form.set("poolid", plain(name)?);
            (Method::DELETE, vec!["pools"])
        }
        (Facility::File { node, volume }, FacilityCall::Download { url, checksum }) => {
            let (storage, content, name) = parts(volume)?;
            form.set("url", url);
            form.set("content", content);
            form.set("filename", plain(name)?);
            if let Some(checksum) = checksum {
                form.set("checksum", plain(&checksum.digits)?);
                form.set("checksum-algorithm", plain(&checksum.algorithm)?);
            }
            (Method::POST, vec!["nodes", node, "storage", storage, "download-url"])
        }
        (Facility::File { node, volume }, FacilityCall::DeleteFile) => {
            let (storage, ..) = parts(volume)?;
            (Method::DELETE, vec!["nodes", node, "storage", storage, "content", volume])
        }
        (Facility::BackupJob(id), FacilityCall::MakeBackupJob(job)) => {
            form.set("id", plain(id)?);
            schedule(job, &mut form)?;
            (Method::POST, vec!["cluster", "backup"])
        }
        (Facility::BackupJob(id), FacilityCall::DeleteBackupJob) => (Method::DELETE, vec!["cluster", "backup", id]),
        (facility, call) => return Err(unfit(format!("{} of {facility}", call.name()))),
    };
    let path = path.into_iter().map(str::to_owned).collect();
    Ok(Request { node: facility.node().unwrap_or_default().to_owned(), method, path, params: form.into_params() })
}

fn schedule(job: &BackupJob, form: &mut Form) -> Result<(), CallError> {
    let list = |vmids: &std::collections::BTreeSet<mycopod_core::guest::Vmid>| {
        vmids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    match &job.guests {
        Backed::All(but) => {
            form.set("all", &1);
            if !but.is_empty() {
                form.set("exclude", &list(but));
            }
        }
        Backed::Pool(pool) => form.set("pool", plain(pool)?),
        Backed::Guests(vmids) => form.set("vmid", &list(vmids)),
    }
    form.set("schedule", &job.schedule);
    form.set("storage", plain(&job.storage)?);
    form.set("mode", plain(&job.mode)?);
    form.set("compress", "zstd");
    form.set("comment", COMMENT);
    if !job.keep.is_empty() {
        let rules: Vec<String> = job.keep.iter().map(|(rule, count)| format!("{rule}={count}")).collect();
        form.set("prune-backups", &rules.join(","));
    }
    Ok(())
}

/// Storage, content and file name of a volume such as `local:iso/debian-12.iso`.
pub fn parts(volume: &str) -> Result<(&str, &str, &str), CallError> {
    let parts = volume.split_once(':').and_then(|(storage, rest)| Some((storage, rest.split_once('/')?)));
    let (storage, (content, name)) = parts.ok_or_else(|| unfit(format!("“{volume}” is no file on a storage")))?;
    Ok((plain(storage)?, plain(content)?, name))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use mycopod_core::facility::{Backed, BackupJob, Checksum, Facility, FacilityCall};
    use mycopod_core::guest::Vmid;

    use super::request;

    fn sent(facility: &Facility, call: &FacilityCall) -> (String, String, BTreeMap<String, String>) {
        let request = request(facility, call).unwrap();
        (request.method.to_string(), request.path.join("/"), request.params.into_iter().collect())
    }

    #[test]
    fn a_download_names_content_and_checksum() {
        let file = Facility::File { node: "pve1".into(), volume: "local:import/debian-12.qcow2".into() };
        let url = "https://example.org/d.qcow2".to_owned();
        let (method, path, form) =
            sent(&file, &FacilityCall::Download { url, checksum: Checksum::of(&"ab".repeat(32)) });
        assert_eq!((method.as_str(), path.as_str()), ("POST", "nodes/pve1/storage/local/download-url"));
        assert_eq!((form["content"].as_str(), form["filename"].as_str()), ("import", "debian-12.qcow2"));
        assert_eq!((form["checksum-algorithm"].as_str(), form["checksum"].len()), ("sha256", 64));
    }

    #[test]
    fn a_backup_job_names_its_guests_and_what_it_keeps() {
        let job = BackupJob {
            guests: Backed::Guests([101, 102].into_iter().map(|n| Vmid::try_from(n).unwrap()).collect()),
            schedule: "sun 03:30".into(),
            storage: "backup".into(),
            mode: "snapshot".into(),
            keep: BTreeMap::from([("keep-daily".into(), 7), ("keep-weekly".into(), 4)]),
        };
        let id = Facility::BackupJob("mycopod-1".into());
        let (method, path, form) = sent(&id, &FacilityCall::MakeBackupJob(job));
        assert_eq!((method.as_str(), path.as_str()), ("POST", "cluster/backup"));
        assert_eq!((form["vmid"].as_str(), form["schedule"].as_str()), ("101,102", "sun 03:30"));
        assert_eq!(form["prune-backups"], "keep-daily=7,keep-weekly=4");
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let pool = Facility::Pool("lab".into());
        assert!(request(&pool, &FacilityCall::DeleteFile).is_err());
        let odd = Facility::File { node: "pve1".into(), volume: "local".into() };
        assert!(request(&odd, &FacilityCall::DeleteFile).is_err());
        let all = BackupJob {
            guests: Backed::All(BTreeSet::new()),
            schedule: "02:00".into(),
            storage: "a,b=c".into(),
            mode: "snapshot".into(),
            keep: BTreeMap::new(),
        };
        assert!(request(&Facility::BackupJob("x".into()), &FacilityCall::MakeBackupJob(all)).is_err());
    }
}
