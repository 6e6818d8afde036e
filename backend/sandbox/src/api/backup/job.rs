//! Backup jobs. Their schedules are kept, not carried out.

use serde_json::{Value, json};

use super::settings::{Problem, Settings, ensure_names};
use crate::ambient;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
use crate::guest::{Guest, Kind, is_cdrom, volume_of};
use crate::schema::schema;
use crate::section::Section;

/// Jobs are kept in the sections of this name.
const JOBS: &str = "backup";
/// Job options that are numbers when read back.
const NUMERIC: [&str; 6] = ["all", "enabled", "quiet", "remove", "repeat-missed", "ionice"];
/// How far ahead a job's next run is said to be, in seconds.
const NEXT_RUN: i64 = 3_600;
/// All days, which a schedule need not name.
const ALL_DAYS: &str = "mon,tue,wed,thu,fri,sat,sun";
/// Parameters of a change that are no options of a backup.
const NO_OPTIONS: [&str; 8] = ["id", "delete", "schedule", "starttime", "dow", "enabled", "node", "digest"];

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/cluster/backup") => list,
        ("POST", "/cluster/backup") => add,
        ("GET", "/cluster/backup/{id}") => show,
        ("PUT", "/cluster/backup/{id}") => change,
        ("DELETE", "/cluster/backup/{id}") => remove,
        ("GET", "/cluster/backup/{id}/included_volumes") => included,
        ("GET", "/cluster/backup-info/not-backed-up") => not_backed_up,
        _ => return None,
    })
}

fn shown(id: &str, job: &Section) -> Value {
    let mut shown = json!({ "id": id, "type": "vzdump" });
    for (name, value) in job {
        shown[name] = match value.parse::<i64>() {
            Ok(number) if NUMERIC.contains(&name.as_str()) => json!(number),
            _ => json!(value),
        };
    }
    shown
}

fn list(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    let next = cluster.seconds() + NEXT_RUN;
    let entries = cluster.sections_of(JOBS).iter().map(|(id, job)| {
        let mut entry = shown(id, job);
        entry["next-run"] = json!(next);
        entry
    });
    Ok(entries.collect::<Value>().into())
}

fn find<'a>(cluster: &'a Cluster, id: &str) -> Outcome<&'a Section> {
    let missing = || Failure::parameter("id", format!("No such job '{id}'"));
    cluster.sections_of(JOBS).get(id).ok_or_else(missing)
}

/// What is found wrong while the configuration is locked comes wrapped.
fn wrapped((name, problem): (&str, String)) -> Failure {
    Failure::failed(format!("400 Parameter verification failed.\n{name}: {problem}"))
}

fn ensure_storage(cluster: &Cluster, call: &Call, settings: &Settings) -> Outcome<()> {
    match settings.storage() {
        Some(name) if !call.caller.is_root() => {
            call.rights(cluster).require(&format!("/storage/{name}"), "Datastore.Allocate")
        }
        _ => Ok(()),
    }
}

fn ensure_pool(cluster: &Cluster, call: &Call) -> Outcome<()> {
    call.ensure_pool(cluster)?;
    match call.get("pool") {
        Some(pool) if !pool.is_empty() => call.rights(cluster).require(&format!("/pool/{pool}"), "VM.Backup"),
        _ => Ok(()),
    }
}

/// A job's options with a start time and days written as a schedule.
fn scheduled(call: &Call, required: bool) -> Outcome<Settings> {
    let mut job = call.options(&["id", "delete", "dow", "starttime"]);
    match (call.get("schedule"), call.get("starttime")) {
        (Some(_), Some(_)) => Err(Failure::parameter("starttime", "'starttime' and 'schedule' cannot both be set")),
        (None, None) if required => Err(Failure::parameter("schedule", "neither 'starttime' nor 'schedule' were set")),
        (None, Some(time)) => {
            let days: Vec<&str> = format::list(call.text("dow")).collect();
            let days = days.join(",");
            let schedule = if days.is_empty() || days == ALL_DAYS { time.to_owned() } else { format!("{days} {time}") };
            job.insert("schedule".to_owned(), schedule);
            Ok(Settings(job))
        }
        _ => Ok(Settings(job)),
    }
}

fn add(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let given = Settings(call.options(&["id"]));
    given.ensure_common(cluster, call)?;
    ensure_storage(cluster, call, &given)?;
    ensure_pool(cluster, call)?;
    let mut job = scheduled(call, true)?;
    job.0.entry("enabled".to_owned()).or_insert_with(|| "1".to_owned());
    let id = call.get("id").map_or_else(ambient::uuid, str::to_owned);
    if cluster.sections_of(JOBS).contains_key(&id) {
        return Err(Failure::failed(format!("Job '{id}' already exists")));
    }
    job.verify(true).map_err(wrapped)?;
    cluster.sections_mut(JOBS).insert(id, job.0);
    Ok(Reply::null())
}

fn show(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    Ok(shown(id, find(cluster, id)?).into())
}

fn change(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let given = Settings(call.options(&["id", "delete"]));
    let deleted = call.list("delete");
    given.ensure_common(cluster, call)?;
    ensure_names(cluster, call, &deleted)?;
    if given.is_set("storage") || deleted.contains(&"storage") {
        ensure_storage(cluster, call, &given)?;
    }
    ensure_pool(cluster, call)?;
    let mut changes = scheduled(call, false)?;
    if changes.0.is_empty() && deleted.is_empty() {
        return Err(Failure::failed("no options specified"));
    }
    changes.verify(false).map_err(wrapped)?;
    let Some(current) = cluster.sections_of(JOBS).get(call.text("id")).cloned() else {
        return Err(Failure::failed("no such vzdump job"));
    };
    let mut job = Settings(current);
    if job.is_set("dumpdir") && !call.caller.is_root() {
        return Err(Failure::failed("only root@pam may edit jobs with a 'dumpdir' option."));
    }
    ensure_storage(cluster, call, &job).map_err(|failure| match failure {
        Failure::Denied(text) => Failure::failed(format!("403 {text}")),
        other => other,
    })?;
    for name in deleted {
        if NO_OPTIONS.contains(&name) || schema().property(call.method, name).is_none() {
            return Err(wrapped(("delete", format!("unknown option '{name}'"))));
        }
        job.0.remove(name);
    }
    job.0.extend(changes.0.clone());
    choose(&mut job, &changes).map_err(wrapped)?;
    cluster.sections_mut(JOBS).insert(call.text("id").to_owned(), job.0);
    Ok(Reply::null())
}

/// Of the ways to choose guests, leaves the one that was given last.
fn choose(job: &mut Settings, changes: &Settings) -> Result<(), Problem> {
    if job.0.contains_key("exclude") && !job.0.contains_key("pool") {
        job.0.insert("all".to_owned(), "1".to_owned());
    }
    let others: &[&str] = if changes.0.contains_key("vmid") {
        &["all", "exclude", "pool"]
    } else if changes.is_set("all") {
        &["vmid", "pool"]
    } else if job.is_set("pool") {
        &["vmid", "all", "exclude"]
    } else {
        &[]
    };
    job.0.retain(|name, _| !others.contains(&name.as_str()));
    job.verify(true)
}

fn remove(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    match cluster.sections_mut(JOBS).remove(id) {
        Some(_) => Ok(Reply::null()),
        None => Err(wrapped(("id", format!("No such job '{id}'")))),
    }
}

/// Whether a guest's volume is in its backups, and why.
fn inclusion(guest: &Guest, option: &str, value: &str) -> (bool, &'static str) {
    let parts = format::split(value, "file");
    let backup = parts.get("backup").map(String::as_str);
    match guest.kind {
        Kind::Lxc if option == "rootfs" => (true, "rootfs"),
        Kind::Lxc if volume_of(value).starts_with('/') => (false, "not a volume"),
        Kind::Lxc if backup == Some("1") => (true, "enabled"),
        Kind::Lxc => (false, "disabled"),
        Kind::Qemu if option.starts_with("efidisk") && guest.get("bios") != Some("ovmf") => {
            (false, "efidisk but no OMVF BIOS")
        }
        // Proxmox says so of any value.
        Kind::Qemu => (backup != Some("0"), if backup.is_some() { "backup=no" } else { "backup=yes" }),
    }
}

fn volumes(guest: &Guest) -> Vec<Value> {
    let drives = Guest::drives(&guest.config, guest.kind).into_iter().filter(|(_, value)| !is_cdrom(value));
    let entries = drives.map(|(option, value)| {
        let (included, reason) = inclusion(guest, option, value);
        json!({
            "id": format!("{}:{option}", guest.vmid), "name": volume_of(value), "leaf": 1,
            "included": u8::from(included), "reason": reason,
        })
    });
    entries.collect()
}

fn included(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let job = Settings(find(cluster, call.text("id"))?.clone());
    let rights = call.rights(cluster);
    let seen = job.guests(cluster)?.into_iter().filter(|vmid| rights.has(&format!("/vms/{vmid}"), "VM.Audit"));
    let entries = seen.map(|vmid| match cluster.guests.get(&vmid) {
        Some(guest) => {
            let volumes = volumes(guest);
            json!({
                "id": vmid, "type": guest.kind.api(), "name": guest.name(), "leaf": u8::from(volumes.is_empty()),
                "children": volumes,
            })
        }
        None => json!({ "id": vmid, "type": "unknown", "leaf": 1 }),
    });
    Ok(json!({ "children": entries.collect::<Value>() }).into())
}

fn not_backed_up(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let mut covered = Vec::new();
    for job in cluster.sections_of(JOBS).values() {
        covered.extend(Settings(job.clone()).guests(cluster)?);
    }
    let rights = call.rights(cluster);
    let missed = cluster.guests.values().filter(|guest| !covered.contains(&guest.vmid));
    let missed = missed.filter(|guest| rights.has(&format!("/vms/{}", guest.vmid), "VM.Audit"));
    let entries = missed.map(|guest| json!({ "vmid": guest.vmid, "type": guest.kind.api(), "name": guest.name() }));
    Ok(entries.collect::<Value>().into())
}
