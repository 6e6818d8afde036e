//! Replication as its jobs stand on a node: none has run, for the sandbox copies nothing.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::section::{Section, shown};

const JOBS: &str = "replication";
/// The method whose parameters a job's options are.
const CREATE: &str = "/cluster/replication";
/// How far ahead a job's next run is said to be, in seconds.
const NEXT_RUN: i64 = 900;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/nodes/{node}/replication") => list,
        ("GET", "/nodes/{node}/replication/{id}") => index,
        ("GET", "/nodes/{node}/replication/{id}/status") => status,
        ("GET", "/nodes/{node}/replication/{id}/log") => log,
        ("POST", "/nodes/{node}/replication/{id}/schedule_now") => schedule_now,
        _ => return None,
    })
}

/// The guest that a job is of.
fn guest_of(id: &str) -> u32 {
    id.split('-').next().and_then(|vmid| vmid.parse().ok()).unwrap_or_default()
}

/// A job on a node, with how it stands.
fn standing(cluster: &Cluster, node: &str, id: &str, job: &Section) -> Option<Value> {
    let guest = cluster.guests.get(&guest_of(id)).filter(|guest| guest.node == node)?;
    let mut entry = shown(CREATE, job);
    entry["id"] = json!(id);
    entry["guest"] = json!(guest.vmid);
    entry["jobnum"] = json!(id.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()));
    entry["type"] = json!("local");
    entry["vmtype"] = json!(guest.kind.api());
    for count in ["last_sync", "last_try", "fail_count"] {
        entry[count] = json!(0);
    }
    entry["next_sync"] = json!(cluster.seconds() + NEXT_RUN);
    Some(entry)
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let rights = call.rights(cluster);
    let mut entries = Vec::new();
    for (id, job) in cluster.sections_of(JOBS) {
        let vmid = guest_of(id);
        if call.get("guest").is_some_and(|wanted| wanted != vmid.to_string()) {
            continue;
        }
        if let Some(entry) = standing(cluster, &call.node, id, job) {
            rights.require(&format!("/vms/{vmid}"), "VM.Audit")?;
            entries.push(entry);
        }
    }
    Ok(Value::Array(entries).into())
}

fn index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!(["schedule_now", "log", "status"].map(|name| json!({ "name": name }))).into())
}

fn find<'a>(cluster: &'a Cluster, call: &Call) -> Outcome<&'a Section> {
    let id = call.text("id");
    cluster.sections_of(JOBS).get(id).ok_or_else(|| Failure::failed(format!("no such replication job '{id}'")))
}

fn ensure_seen(cluster: &Cluster, call: &Call) -> Outcome<()> {
    call.rights(cluster).require(&format!("/vms/{}", guest_of(call.text("id"))), "VM.Audit")
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let id = call.text("id");
    let entry = standing(cluster, &call.node, id, find(cluster, call)?);
    let entry = entry.ok_or_else(|| Failure::failed(format!("no such replication job '{id}'")))?;
    ensure_seen(cluster, call)?;
    Ok(entry.into())
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    find(cluster, call)?;
    ensure_seen(cluster, call)?;
    // No list where there is no log.
    Ok(json!({ "n": 1, "t": "unable to open file - No such file or directory" }).into())
}

fn schedule_now(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    find(cluster, call)?;
    Ok(Reply::null())
}
