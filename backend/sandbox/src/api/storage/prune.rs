//! Which backups of a storage are kept, by how many of the last, hourly, daily … ones are to be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Timelike};
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::storage::Volume;
use crate::work::Work;

/// What of a time makes two backups the same to a rule.
type Same = fn(i64) -> String;

/// The rules in the order they are gone through.
const RULES: [(&str, Same); 6] = [
    ("keep-last", |time| time.to_string()),
    ("keep-hourly", |time| at(time, |t| format!("{}/{}/{}", t.year(), t.ordinal(), t.hour()))),
    ("keep-daily", |time| at(time, |t| format!("{}/{}", t.year(), t.ordinal()))),
    ("keep-weekly", |time| at(time, |t| format!("{}/{}", t.iso_week().year(), t.iso_week().week()))),
    ("keep-monthly", |time| at(time, |t| format!("{}/{}", t.year(), t.month()))),
    ("keep-yearly", |time| at(time, |t| t.year().to_string())),
];

fn at(time: i64, part: impl Fn(DateTime<chrono::Utc>) -> String) -> String {
    part(DateTime::from_timestamp(time, 0).unwrap_or_default())
}

/// What becomes of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Keep,
    Remove,
    Protected,
    /// Its name says neither whose it is nor of when.
    Renamed,
}

impl Mark {
    fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
            Self::Protected => "protected",
            Self::Renamed => "renamed",
        }
    }
}

/// A backup's kind by its name: `qemu`, `lxc`.
fn kind(volume: &Volume) -> &'static str {
    let file = volume.volid.rsplit('/').next().unwrap_or_default();
    if file.starts_with("vzdump-lxc-") {
        "lxc"
    } else if file.starts_with("vzdump-qemu-") {
        "qemu"
    } else {
        "unknown"
    }
}

/// The marks of one guest's backups, newest first.
fn mark(times: &[i64], keep: &BTreeMap<String, String>) -> Vec<Mark> {
    let count = |rule: &str| keep.get(rule).and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let nothing = RULES.iter().all(|(rule, _)| count(rule) == 0);
    if nothing || keep.get("keep-all").is_some_and(|all| all == "1") {
        return vec![Mark::Keep; times.len()];
    }
    let mut marks: Vec<Option<Mark>> = vec![None; times.len()];
    for (rule, same) in RULES {
        let limit = count(rule);
        if limit == 0 {
            continue;
        }
        let kept = times.iter().zip(&marks).filter(|(_, mark)| **mark == Some(Mark::Keep));
        let already: BTreeSet<String> = kept.map(|(time, _)| same(*time)).collect();
        let mut new = BTreeSet::new();
        for (time, mark) in times.iter().zip(&mut marks) {
            let id = same(*time);
            if mark.is_some() || already.contains(&id) {
                continue;
            }
            if new.contains(&id) {
                *mark = Some(Mark::Remove);
            } else if new.len() < limit {
                new.insert(id);
                *mark = Some(Mark::Keep);
            } else {
                break;
            }
        }
    }
    marks.into_iter().map(|mark| mark.unwrap_or(Mark::Remove)).collect()
}

/// The backups that a call is about, each with its mark.
fn marked<'a>(cluster: &'a Cluster, call: &'a Call) -> Outcome<Vec<(&'a Volume, Mark)>> {
    let name = call.text("storage");
    let storage = cluster.storage(name)?;
    if !storage.holds("backup") {
        return Err(Failure::failed(format!("storage '{name}' does not support backups")));
    }
    let keep = match call.get("prune-backups") {
        Some(keep) => keep,
        None if storage.properties.contains_key("prune-backups") => storage.get("prune-backups"),
        None => return Err(Failure::failed(format!("no prune-backups options configured for storage '{name}'"))),
    };
    let keep = format::split(keep, "keep-last");
    let of_guest = call.get("vmid").map(|_| call.vmid("vmid"));
    let backups = cluster.volumes_of(&call.node, name).filter(|volume| volume.content == "backup");
    let wanted = backups.filter(|volume| {
        of_guest.is_none_or(|vmid| volume.vmid == Some(vmid)) && call.get("type").is_none_or(|of| of == kind(volume))
    });
    let mut backups: Vec<&Volume> = wanted.collect();
    backups.sort_by_key(|volume| (kind(volume), volume.vmid, std::cmp::Reverse(volume.ctime)));
    let mut result = Vec::new();
    for group in backups.chunk_by(|a, b| (kind(a), a.vmid) == (kind(b), b.vmid)) {
        let standard = |volume: &&&Volume| kind(volume) != "unknown" && !volume.protected;
        let times: Vec<i64> = group.iter().filter(standard).map(|volume| volume.ctime).collect();
        let mut marks = mark(&times, &keep).into_iter();
        result.extend(group.iter().map(|volume| {
            let mark = match (volume.protected, kind(volume)) {
                (true, _) => Mark::Protected,
                (false, "unknown") => Mark::Renamed,
                (false, _) => marks.next().unwrap_or(Mark::Keep),
            };
            (*volume, mark)
        }));
    }
    Ok(result)
}

pub fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let entries = marked(cluster, call)?.into_iter().map(|(volume, mark)| {
        let mut entry =
            json!({ "volid": volume.volid, "ctime": volume.ctime, "mark": mark.name(), "type": kind(volume) });
        if let Some(vmid) = volume.vmid {
            entry["vmid"] = json!(vmid);
        }
        entry
    });
    Ok(entries.collect::<Value>().into())
}

pub fn prune(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let name = call.text("storage");
    let rights = call.rights(cluster);
    let storage = format!("/storage/{name}");
    let mut id = name.to_owned();
    if let Some(vmid) = call.get("vmid") {
        rights.require(&storage, "Datastore.AllocateSpace")?;
        rights.require(&format!("/vms/{vmid}"), "VM.Backup")?;
        id = format!("{vmid}@{name}");
    } else {
        rights.require(&storage, "Datastore.Allocate")?;
    }
    // What is wrong is found out by the worker.
    let work = match marked(cluster, call) {
        Err(failure) => Work::Fail { problem: failure.message() },
        Ok(marked) => {
            let removed = marked.into_iter().filter(|(_, mark)| *mark == Mark::Remove);
            Work::Prune { volids: removed.map(|(volume, _)| volume.volid.clone()).collect() }
        }
    };
    Ok(call.submit(cluster, "prunebackups", &id, work))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn marks(times: &[i64], keep: &str) -> Vec<Mark> {
        mark(times, &format::split(keep, "keep-last"))
    }

    #[test]
    fn the_last_ones_are_kept() {
        assert_eq!(marks(&[30, 20, 10], "keep-last=2"), [Mark::Keep, Mark::Keep, Mark::Remove]);
        assert_eq!(marks(&[30, 20, 10], "keep-last=0"), [Mark::Keep; 3]);
    }

    #[test]
    fn of_an_hour_the_newest_is_kept() {
        let times = [2 * HOUR + 10, 2 * HOUR, HOUR, 0];
        assert_eq!(marks(&times, "keep-hourly=2"), [Mark::Keep, Mark::Remove, Mark::Keep, Mark::Remove]);
        assert_eq!(marks(&times, "keep-last=1,keep-daily=1"), [Mark::Keep, Mark::Remove, Mark::Remove, Mark::Remove]);
    }
}
