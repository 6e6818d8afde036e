//! Backups: at once, by job, and what is in them.

use serde_json::{Value, json};

use crate::ambient;
use crate::backup::Backup;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::guest::{Guest, Kind, is_cdrom, volume_of};
use crate::work::Work;

/// Jobs are kept in the sections of this name.
const JOBS: &str = "backup";
/// Job options that are numbers when read back.
const NUMERIC: [&str; 6] = ["all", "enabled", "quiet", "remove", "repeat-missed", "ionice"];
/// How far ahead a job's next run is said to be, in seconds: schedules are kept, not carried out.
const NEXT_RUN: i64 = 3_600;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("POST", "/nodes/{node}/vzdump") => back_up,
        ("GET", "/nodes/{node}/vzdump/defaults") => defaults,
        ("GET", "/nodes/{node}/vzdump/extractconfig") => extract,
        ("GET", "/cluster/backup") => jobs,
        ("POST", "/cluster/backup") => add_job,
        ("GET", "/cluster/backup/{id}") => job,
        ("PUT", "/cluster/backup/{id}") => change_job,
        ("DELETE", "/cluster/backup/{id}") => remove_job,
        ("GET", "/cluster/backup/{id}/included_volumes") => included,
        ("GET", "/cluster/backup-info/not-backed-up") => not_backed_up,
        _ => return None,
    })
}

fn vmids(text: &str) -> Vec<u32> {
    crate::format::list(text).filter_map(|vmid| vmid.parse().ok()).collect()
}

fn back_up(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let chosen = match call.get("vmid") {
        Some(list) => vmids(list),
        None if call.flag("all") => {
            let guests = cluster.guests.values().filter(|guest| guest.node == call.node);
            guests.map(|guest| guest.vmid).collect()
        }
        None => match call.get("pool").filter(|pool| cluster.pools.contains_key(*pool)) {
            Some(pool) => cluster.members_of(pool).collect(),
            None => return Err(Failure::parameter("vmid", "property is missing")),
        },
    };
    for vmid in &chosen {
        call.rights(cluster).require(&format!("/vms/{vmid}"), "VM.Backup")?;
    }
    let storage = call.get("storage").unwrap_or("local").to_owned();
    call.rights(cluster).require(&format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
    let id = match chosen.as_slice() {
        [vmid] => vmid.to_string(),
        _ => String::new(),
    };
    let backup = Backup {
        vmids: chosen,
        storage,
        mode: call.get("mode").unwrap_or("snapshot").to_owned(),
        compress: call.get("compress").unwrap_or("0").to_owned(),
        notes: call.get("notes-template").map(str::to_owned),
        protected: call.flag("protected"),
    };
    Ok(call.submit(cluster, "vzdump", &id, Work::Backup(Box::new(backup))))
}

fn defaults(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!({
        "all": 0, "mode": "snapshot", "compress": "0", "remove": 1, "stdexcludes": 1, "bwlimit": 0, "ionice": 7, "lockwait": 180,
        "stopwait": 10, "pigz": 0, "zstd": 1, "quiet": 0, "stop": 0, "prune-backups": "keep-all=1", "dumpdir": "/var/lib/vz/dump",
        "mailnotification": "always", "notification-mode": "auto", "notification-policy": "always", "storage": "local",
        "performance": { "max-workers": 16, "pbs-entries-max": 1_048_576 }, "fleecing": { "enabled": 0 },
    }).into())
}

fn extract(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let volid = call.text("volume");
    let volume = cluster.require_volume(&call.node, volid)?;
    let config = volume.config.clone().ok_or_else(|| format!("unable to parse backup volume '{volid}'"))?;
    Ok(json!(config).into())
}

// --- jobs ---

type Job = std::collections::BTreeMap<String, String>;

fn shown(id: &str, job: &Job) -> Value {
    let mut shown = json!({ "id": id, "type": "vzdump" });
    for (name, value) in job {
        shown[name] = match value.parse::<i64>() {
            Ok(number) if NUMERIC.contains(&name.as_str()) => json!(number),
            _ => json!(value),
        };
    }
    shown
}

fn jobs(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let next = cluster.seconds() + NEXT_RUN;
    let jobs = cluster.sections.get(JOBS).into_iter().flatten();
    let entries = jobs.map(|(id, job)| {
        let mut entry = shown(id, job);
        entry["next-run"] = json!(next);
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn no_job(id: &str) -> Failure {
    Failure::parameter("id", format!("No such job '{id}'"))
}

fn find<'a>(cluster: &'a Cluster, id: &str) -> Option<&'a Job> {
    cluster.sections.get(JOBS)?.get(id)
}

/// A wrong parameter that is only found while the call is carried out comes wrapped.
fn wrapped(name: &str, problem: &str) -> Failure {
    Failure::failed(format!("400 Parameter verification failed.\n{name}: {problem}"))
}

fn add_job(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    if ["vmid", "all", "pool"].iter().all(|selection| call.get(selection).is_none()) {
        return Err(wrapped("vmid", "property is missing"));
    }
    let id = call.get("id").map_or_else(ambient::uuid, str::to_owned);
    if find(cluster, &id).is_some() {
        return Err(Failure::failed(format!("Job '{id}' already exists")));
    }
    let mut job = call.options(&["id", "dow", "starttime"]);
    job.entry("enabled".to_owned()).or_insert_with(|| "1".to_owned());
    if let Some(time) = call.get("starttime") {
        let days = call.get("dow").unwrap_or("mon,tue,wed,thu,fri,sat,sun");
        job.insert("schedule".to_owned(), format!("{days} {time}"));
    }
    cluster.sections.entry(JOBS.to_owned()).or_default().insert(id, job);
    Ok(Reply::null())
}

fn job(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    Ok(shown(id, find(cluster, id).ok_or_else(|| no_job(id))?).into())
}

fn change_job(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let changes = call.options(&["id", "delete", "digest"]);
    let jobs = cluster.sections.entry(JOBS.to_owned()).or_default();
    let job = jobs.get_mut(call.text("id")).ok_or_else(|| Failure::failed("no such vzdump job"))?;
    for name in call.list("delete") {
        job.remove(name);
    }
    job.extend(changes);
    Ok(Reply::null())
}

fn remove_job(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    let removed = cluster.sections.entry(JOBS.to_owned()).or_default().remove(id);
    removed.map(|_| Reply::null()).ok_or_else(|| wrapped("id", &format!("No such job '{id}'")))
}

/// Whether a job covers a guest.
fn covers(job: &Job, guest: &Guest) -> bool {
    let listed = |name: &str| job.get(name).is_some_and(|list| vmids(list).contains(&guest.vmid));
    (job.get("all").is_some_and(|all| all == "1") && !listed("exclude")) || listed("vmid")
}

fn included(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    let job = find(cluster, id).ok_or_else(|| no_job(id))?;
    let guests = cluster.guests.values().filter(|guest| covers(job, guest)).map(|guest| {
        let drives = Guest::drives(&guest.config, guest.kind).into_iter().filter(|(_, value)| !is_cdrom(value));
        let volumes = drives.map(|(option, value)| {
            json!({
                "id": format!("{}:{option}", guest.vmid), "name": volume_of(value), "leaf": 1, "included": 1,
                "reason": if guest.kind == Kind::Lxc { option } else { "backup=yes" },
            })
        });
        json!({
            "id": guest.vmid, "type": guest.kind.api(), "name": guest.name(), "leaf": 0, "children": volumes.collect::<Value>(),
        })
    });
    Ok(json!({ "children": guests.collect::<Value>() }).into())
}

fn not_backed_up(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let jobs: Vec<&Job> = cluster.sections.get(JOBS).into_iter().flat_map(|jobs| jobs.values()).collect();
    let missed = cluster.guests.values().filter(|guest| !jobs.iter().any(|job| covers(job, guest)));
    let entries = missed.map(|guest| json!({ "vmid": guest.vmid, "type": guest.kind.api(), "name": guest.name() }));
    Ok(entries.collect::<Value>().into())
}
