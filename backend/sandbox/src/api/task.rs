//! Tasks: lists, status, logs, and stopping them.

use serde_json::{Value, json};

use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::task::{State, Task};

/// Tasks in a list, and lines of a log, when nothing is said.
const PAGE: usize = 50;
/// Tasks in the cluster's list.
const RECENT: usize = 25;

pub fn handler(verb: &str, path: &str) -> Option<Handler> {
    Some(match (verb, path) {
        ("GET", "/cluster/tasks") => recent,
        ("GET", "/nodes/{node}/tasks") => list,
        ("GET", "/nodes/{node}/tasks/{upid}") => index,
        ("DELETE", "/nodes/{node}/tasks/{upid}") => stop,
        ("GET", "/nodes/{node}/tasks/{upid}/status") => status,
        ("GET", "/nodes/{node}/tasks/{upid}/log") => log,
        _ => return None,
    })
}

/// Whether a task is the caller's own: a user's tasks include those of its tokens, a token's only its own.
fn own(call: &Call, task: &Task) -> bool {
    task.caller == call.caller || (call.caller.token.is_none() && task.caller.user == call.caller.user)
}

fn recent(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let all = call.rights(cluster).has("/", "Sys.Audit");
    let shown = cluster.tasks.iter().filter(|task| all || (task.caller == call.caller && call.caller.token.is_none()));
    Ok(shown
        .take(RECENT)
        .map(|task| {
            let mut entry = task.listed();
            if task.running() {
                entry["status"] = Value::Null;
            }
            entry
        })
        .collect::<Value>()
        .into())
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let all = call.rights(cluster).has(&format!("/nodes/{}", call.node), "Sys.Audit");
    let source = call.get("source").unwrap_or("archive");
    let limit = call.number("limit").map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let start = call.number("start").map_or(0, |start| usize::try_from(start).unwrap_or(usize::MAX));
    let wanted = |task: &&Task| {
        let time = |name: &str| call.get(name).and_then(|time| time.parse::<i64>().ok());
        let ended = !task.running();
        let status = match &task.state {
            State::Ended { status, .. } => Some(status.as_str()),
            _ => None,
        };
        let kind = |status: &str| match status {
            "OK" => "ok",
            warnings if warnings.starts_with("WARNINGS") => "warning",
            _ => "error",
        };
        let statuses = call.list("statusfilter");
        task.node == call.node
            && (all || own(call, task))
            && match source {
                "active" => !ended,
                "archive" => ended,
                _ => true,
            }
            && call.get("vmid").is_none_or(|vmid| task.id == vmid)
            && call.get("typefilter").is_none_or(|kind| task.kind == kind)
            && call.get("userfilter").is_none_or(|user| task.caller.id().contains(user))
            && time("since").is_none_or(|since| task.start >= since)
            && time("until").is_none_or(|until| task.start <= until)
            && (!call.flag("errors") || status.is_some_and(|status| status != "OK"))
            && (statuses.is_empty() || status.is_some_and(|status| statuses.contains(&kind(status))))
    };
    let found: Vec<Value> = cluster.tasks.iter().filter(wanted).map(Task::listed).collect();
    let total = found.len();
    let data = found.into_iter().skip(start).take(limit).collect();
    Ok(Reply { data, total: Some(total), changes: None })
}

/// The task that the path names, if the caller may see it.
fn find<'a>(cluster: &'a Cluster, call: &Call) -> Outcome<&'a Task> {
    let upid = call.text("upid");
    if upid.split(':').count() != 9 || !upid.starts_with("UPID:") || !upid.ends_with(':') {
        return Err(Failure::parameter("upid", format!("unable to parse worker upid '{upid}'")));
    }
    let task = cluster
        .task(upid)
        .filter(|task| task.node == call.node)
        .ok_or_else(|| Failure::parameter("upid", "no such task"))?;
    if !own(call, task) {
        call.rights(cluster).require(&format!("/nodes/{}", call.node), "Sys.Audit")?;
    }
    Ok(task)
}

fn index(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    find(cluster, call)?;
    Ok(json!([{ "name": "log" }, { "name": "status" }]).into())
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(find(cluster, call)?.status().into())
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let limit = match call.number("limit") {
        None => PAGE,
        Some(0) => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let start = call.number("start").map_or(0, |start| usize::try_from(start).unwrap_or(usize::MAX));
    let lines = match find(cluster, call) {
        Ok(task) => task.log.clone(),
        // A log that is not there is told of as a line of it.
        Err(Failure::Parameters(_)) => vec!["unable to open file - No such file or directory".to_owned()],
        Err(failure) => return Err(failure),
    };
    if lines.is_empty() {
        return Ok(Reply { data: json!([{ "n": 1, "t": "no content" }]), total: Some(1), changes: None });
    }
    let total = lines.len();
    let numbered = lines.iter().enumerate().skip(start).take(limit);
    let data = numbered.map(|(n, line)| json!({ "n": n + 1, "t": line })).collect();
    Ok(Reply { data, total: Some(total), changes: None })
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let task = find(cluster, call)?;
    if task.caller != call.caller {
        call.rights(cluster).require(&format!("/nodes/{}", call.node), "Sys.Modify")?;
    }
    cluster.end(call.text("upid"), Err("interrupted by signal".to_owned()));
    Ok(Reply::null())
}
