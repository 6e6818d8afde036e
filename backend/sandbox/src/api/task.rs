//! Tasks: lists, status, logs, and stopping them.

use serde_json::{Value, json};

use crate::access::Caller;
use crate::call::{Call, Handler, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::format;
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
    owned(call, &task.caller)
}

fn owned(call: &Call, owner: &Caller) -> bool {
    *owner == call.caller || (call.caller.token.is_none() && owner.user == call.caller.user)
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

/// The kind of status that a list is filtered by.
fn status_kind(task: &Task) -> &'static str {
    match &task.state {
        State::Ended { status, .. } if status == "OK" => "ok",
        State::Ended { status, .. } => match status.strip_prefix("WARNINGS: ") {
            Some(number) if format::is_digits(number) => "warning",
            _ => "error",
        },
        State::Waiting { .. } | State::Running { .. } => "unknown",
    }
}

/// Whether a list shows a task, as far as the call says.
fn listed(call: &Call, task: &Task) -> bool {
    let number = |name: &str| call.get(name).and_then(|time| time.parse::<i64>().ok());
    let kind = status_kind(task);
    let status = match call.get("statusfilter") {
        _ if call.flag("errors") => kind != "ok",
        Some(kinds) => format::list(kinds).any(|wanted| wanted.eq_ignore_ascii_case(kind)),
        None => true,
    };
    // A running task's user is its token.
    let user = if task.running() { task.caller.id() } else { task.caller.user.clone() };
    let source = match call.get("source") {
        Some("all") => true,
        Some("active") => task.running(),
        _ => !task.running(),
    };
    task.node == call.node
        && status
        && source
        && call.get("userfilter").is_none_or(|part| user.to_lowercase().contains(&part.to_lowercase()))
        && call.get("vmid").is_none_or(|vmid| task.id == vmid)
        && call.get("typefilter").is_none_or(|kind| task.kind == kind)
        && number("since").is_none_or(|since| task.start >= since)
        && number("until").is_none_or(|until| task.start <= until)
}

fn list(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let all = call.rights(cluster).has(&format!("/nodes/{}", call.node), "Sys.Audit");
    let count = |name: &str, default: usize| {
        call.number(name).map_or(default, |count| usize::try_from(count).unwrap_or(usize::MAX))
    };
    let seen = |task: &&Task| (all || own(call, task)) && listed(call, task);
    // What runs comes first.
    let (running, ended): (Vec<&Task>, Vec<&Task>) = cluster.tasks.iter().filter(seen).partition(|task| task.running());
    let found: Vec<Value> = running.into_iter().chain(ended).map(Task::listed).collect();
    let total = found.len();
    let data = found.into_iter().skip(count("start", 0)).take(count("limit", PAGE)).collect();
    Ok(Reply { data, total: Some(total), changes: None })
}

/// Whether a text has the form of a UPID.
fn is_upid(text: &str) -> bool {
    let hex =
        |part: &str, lengths: &[usize]| lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
    let word = |part: &str| !part.contains('/') && !part.contains(char::is_whitespace);
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["UPID", node, pid, pstart, start, kind, id, user, ""] => {
            format::check("pve-node", "", node).is_ok()
                && hex(pid, &[8])
                && hex(pstart, &[8, 9])
                && hex(start, &[8])
                && !kind.is_empty()
                && !user.is_empty()
                && [kind, id, user].into_iter().all(|part| word(part))
        }
        _ => false,
    }
}

/// Whose task a UPID names.
fn owner(upid: &str) -> Outcome<Caller> {
    if !is_upid(upid) {
        return Err(Failure::parameter("upid", "unable to parse worker upid"));
    }
    Ok(Caller::parse(upid.rsplit(':').nth(1).unwrap_or_default()))
}

/// Refuses tasks of others to whom lacks a privilege on the node.
fn ensure_may(cluster: &Cluster, call: &Call, owner: &Caller, privilege: &str) -> Outcome<()> {
    if owned(call, owner) {
        return Ok(());
    }
    call.rights(cluster).require(&format!("/nodes/{}", call.node), privilege)
}

/// The task that the path names, if it is there and the caller may.
fn find<'a>(cluster: &'a Cluster, call: &Call, privilege: &str) -> Outcome<&'a Task> {
    let owner = owner(call.text("upid"))?;
    let task = cluster.task(call.text("upid")).ok_or_else(|| Failure::parameter("upid", "no such task"))?;
    ensure_may(cluster, call, &owner, privilege)?;
    Ok(task)
}

fn index(_: &mut Cluster, _: &Call) -> Outcome<Reply> {
    Ok(json!([{ "name": "log" }, { "name": "status" }]).into())
}

fn status(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    Ok(find(cluster, call, "Sys.Audit")?.status().into())
}

fn log(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let upid = call.text("upid");
    ensure_may(cluster, call, &owner(upid)?, "Sys.Audit")?;
    if call.flag("download") && (call.get("start").is_some() || call.get("limit").is_some()) {
        return Err(Failure::failed("'download' cannot be used together with 'start' or 'limit' parameters"));
    }
    let Some(task) = cluster.task(upid) else {
        // No list, unlike a log that is there.
        let data = json!({ "n": 1, "t": "unable to open file - No such file or directory" });
        return Ok(Reply { data, total: Some(1), changes: None });
    };
    if task.log.is_empty() {
        return Ok(Reply { data: json!([{ "n": 1, "t": "no content" }]), total: Some(1), changes: None });
    }
    let count = |name: &str| call.number(name).map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let limit = match count("limit") {
        None => PAGE,
        Some(0) => usize::MAX,
        Some(limit) => limit,
    };
    let numbered = task.log.iter().enumerate().skip(count("start").unwrap_or(0)).take(limit);
    let data = numbered.map(|(n, line)| json!({ "n": n + 1, "t": line })).collect();
    Ok(Reply { data, total: Some(task.log.len()), changes: None })
}

fn stop(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    find(cluster, call, "Sys.Modify")?;
    cluster.interrupt(call.text("upid"));
    Ok(Reply::null())
}
