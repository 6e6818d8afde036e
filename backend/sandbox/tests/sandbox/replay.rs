//! Replays exchanges recorded from a Proxmox VE 8.4.1, prints how many are answered alike, and holds the sandbox to
//! the level it has reached. `scripts/replay-score` runs this with its output shown.
//!
//! The recordings are reduced (`scripts/reduce-recording`): of an answer's data the shape remains, and the values that
//! decide what a client does next. Exchanges marked `"scored":false` are sent for their effect only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::common::{Answer, Lab, TOKEN, form};
use mycopod_sandbox::World;
use regex::Regex;
use serde_json::{Value, json};

/// Each recording, and how many of its exchanges must agree.
const RECORDINGS: [(&str, &str, usize); 14] = [
    ("01 authentication, protocol", include_str!("recordings/01-auth-protocol.jsonl"), 59),
    ("02 cluster, nodes", include_str!("recordings/02-cluster-nodes.jsonl"), 93),
    ("03 VM: create", include_str!("recordings/03-vm-create.jsonl"), 663),
    ("03b VM: create, more", include_str!("recordings/03b-vm-create-more.jsonl"), 82),
    ("04 VM: configuration", include_str!("recordings/04-vm-config.jsonl"), 211),
    ("05 VM: power, live changes", include_str!("recordings/05-vm-power-live.jsonl"), 208),
    ("05b VM: live, qcow2", include_str!("recordings/05b-vm-live-qcow2.jsonl"), 98),
    ("06 snapshots, clones, templates", include_str!("recordings/06-snapshot-clone-template.jsonl"), 237),
    ("08 containers", include_str!("recordings/08-lxc.jsonl"), 201),
    ("09 access, permissions", include_str!("recordings/09-access-permissions.jsonl"), 304),
    ("10 storage, backup", include_str!("recordings/10-storage-backup.jsonl"), 145),
    ("11 pools, firewall, others", include_str!("recordings/11-pools-firewall-misc.jsonl"), 171),
    ("13 backups of containers, jobs", include_str!("recordings/13-backup-ct-jobs.jsonl"), 69),
    ("14b HTTP", include_str!("recordings/14b-http-level.jsonl"), 4),
];

/// What a client lives by: the paths that begin so.
const PATHS: [(&str, &str); 7] = [
    ("/nodes/*/qemu", "^/api2/json/nodes/[^/]+/qemu"),
    ("/nodes/*/lxc", "^/api2/json/nodes/[^/]+/lxc"),
    ("/nodes/*/tasks", "^/api2/json/nodes/[^/]+/tasks"),
    ("/cluster/resources", "^/api2/json/cluster/resources"),
    ("/cluster/nextid", "^/api2/json/cluster/nextid"),
    ("/access", "^/api2/json/access"),
    ("/pools", "^/api2/json/pools"),
];
/// Per cent of the exchanges at those paths together, and of all, that must agree.
const LEAST_AT_PATHS: usize = 95;
const LEAST_OF_ALL: usize = 90;

/// Values of the top level that decide what a client does next.
const DECIDES: [&str; 4] = ["exitstatus", "status", "qmpstatus", "lock"];
/// Figures that change by themselves.
const RUNTIME: [&str; 16] = [
    "cpu",
    "mem",
    "uptime",
    "diskread",
    "diskwrite",
    "netin",
    "netout",
    "maxdisk",
    "maxmem",
    "level",
    "disk",
    "template",
    "pid",
    "maxcpu",
    "loadavg",
    "pressurecpusome",
];
/// What pairs the elements of two lists, in this order.
const IDENTITY: [&str; 20] = [
    "key", "volid", "id", "sid", "vmid", "upid", "iface", "userid", "tokenid", "roleid", "groupid", "poolid", "name",
    "storage", "node", "n", "pos", "cmd", "subdir", "type",
];

/// What the recorded host called differently than this sandbox: UPIDs, digests, tickets, secrets.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn translate(&self, text: &str) -> String {
        static LONG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(.)[^…]*…\[(\d+) characters\]$").unwrap());
        if let Some(found) = LONG.captures(text) {
            return found[1].repeat(found[2].parse().unwrap());
        }
        self.0.iter().fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
    }

    fn translate_all(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => json!(self.translate(text)),
            Value::Array(values) => values.iter().map(|value| self.translate_all(value)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.translate_all(value))).collect(),
            other => other.clone(),
        }
    }

    fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::String(a), Value::String(b)) if a != b && is_name(a) => {
                self.0.insert(a.clone(), b.clone());
            }
            (Value::Object(a), Value::Object(b)) => {
                for (key, value) in a {
                    self.learn(value, &b.get(key).cloned().unwrap_or_default());
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == 1 && b.len() == 1 => self.learn(&a[0], &b[0]),
            _ => {}
        }
    }
}

/// Whether a host makes up such a value itself.
fn is_name(text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let uuid = text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(hex);
    uuid || (text.len() == 40 && hex(text))
        || ["UPID:", "PVE:", "local:backup/vzdump-"].iter().any(|prefix| text.starts_with(prefix))
}

/// A text without what differs from run to run.
fn mask(text: &str) -> String {
    static VOLATILE: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r#"UPID:[^\s"',]+"#, "UPID"),
            (r"\b[0-9a-f]{40}\b", "DIGEST"),
            (r" at /\S+ line \d+\.?", ""),
            (r"\b[0-9A-F]{2}(:[0-9A-F]{2}){5}\b", "MAC"),
        ]
        .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
    });
    let masked =
        VOLATILE.iter().fold(text.to_owned(), |text, (pattern, name)| pattern.replace_all(&text, *name).into_owned());
    masked.trim().to_owned()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Where `got` has not the shape of `want`.
fn shape(want: &Value, got: &Value, path: &str) -> Result<(), String> {
    if kind(want) != kind(got) {
        return Err(format!("{path}: {} instead of {}", kind(got), kind(want)));
    }
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            for (key, value) in want.iter().filter(|(key, _)| !RUNTIME.contains(&key.as_str())) {
                let other = got.get(key).ok_or_else(|| format!("{path}.{key}: missing"))?;
                if let (true, Some(a), Some(b)) =
                    (path == "data" && DECIDES.contains(&key.as_str()), value.as_str(), other.as_str())
                    && (a, b) != ("running", "stopped")
                    && mask(a) != mask(b)
                {
                    return Err(format!("{path}.{key}: {b:?} instead of {a:?}"));
                }
                shape(value, other, &format!("{path}.{key}"))?;
            }
            Ok(())
        }
        (Value::Array(want), Value::Array(got)) if !want.is_empty() => {
            if got.is_empty() {
                return Err(format!("{path}: empty"));
            }
            let scalar =
                |entry: &Value, key: &str| entry.get(key).is_some_and(|value| !value.is_array() && !value.is_object());
            for key in IDENTITY {
                if !want.iter().chain(got).all(|entry| scalar(entry, key)) {
                    continue;
                }
                let pairs: Vec<_> = want
                    .iter()
                    .filter_map(|entry| Some((entry, got.iter().find(|other| other[key] == entry[key])?)))
                    .collect();
                if !pairs.is_empty() {
                    // Left pending on the recorded host only.
                    let artifact = |entry: &Value| matches!(entry["key"].as_str(), Some("cpuunits" | "cpulimit"));
                    let mut pairs = pairs.into_iter().filter(|(entry, _)| !artifact(entry));
                    return pairs.try_for_each(|(a, b)| shape(a, b, &format!("{path}[{key}={}]", a[key])));
                }
            }
            let tries: Vec<_> = got.iter().map(|other| shape(&want[0], other, &format!("{path}[*]"))).collect();
            if tries.iter().any(Result::is_ok) { Ok(()) } else { tries[0].clone() }
        }
        _ => Ok(()),
    }
}

/// Sends a recorded request.
async fn send(lab: &Lab, exchange: &Value, names: &Names) -> Answer {
    let text = |key: &str| exchange[key].as_str().unwrap_or_default();
    let verb = text("method");
    let authorization = match text("auth") {
        "" => format!("PVEAPIToken={TOKEN}"),
        "none" => String::new(),
        other => names.translate(other),
    };
    let fields = names.translate_all(&exchange["request"]);
    let in_query = matches!(verb, "GET" | "DELETE");
    let query = if exchange["query"].is_object() {
        &exchange["query"]
    } else if in_query {
        &fields
    } else {
        &Value::Null
    };
    let mut path: String = names.translate(text("path")).replace(' ', "%20");
    if query.as_object().is_some_and(|query| !query.is_empty()) {
        path.push('?');
        path.push_str(&form(query));
    }
    let body = if exchange["request_json"].is_object() {
        Some(names.translate_all(&exchange["request_json"]).to_string())
    } else {
        (!in_query).then(|| form(&fields))
    };
    lab.send(verb, &path, &authorization, body).await.unwrap()
}

/// What is different about an answer.
fn difference(exchange: &Value, answer: &Answer, names: &Names) -> Result<(), String> {
    if exchange["status"] != answer.status {
        return Err(format!("status {} instead of {}", answer.status, exchange["status"]));
    }
    let reason = exchange["reason"].as_str().unwrap_or_default();
    if mask(&names.translate(reason)) != mask(&answer.reason) {
        return Err(format!("reason {:?} instead of {reason:?}", answer.reason));
    }
    if let Some(errors) = exchange["errors"].as_object() {
        let got = answer.body["errors"].as_object().cloned().unwrap_or_default();
        let masked = |map: &serde_json::Map<String, Value>| -> BTreeMap<String, String> {
            map.iter().map(|(key, text)| (key.clone(), mask(text.as_str().unwrap_or_default()))).collect()
        };
        if masked(errors) != masked(&got) {
            return Err(format!("errors {got:?} instead of {errors:?}"));
        }
    }
    match exchange.get("data") {
        Some(data) => shape(data, &answer.body["data"], "data"),
        None => Ok(()),
    }
}

/// A guest's destruction that was recorded by its task only: it is carried out when the task is first asked for.
async fn destroy_unrecorded(lab: &Lab, exchange: &Value, names: &mut Names, known: &mut BTreeSet<String>) {
    static TASK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(UPID:pve1:[^/]*:(qm|vz)destroy:(\d+):[^/]*:)").unwrap());
    let Some(found) = TASK.captures(exchange["path"].as_str().unwrap()) else { return };
    if names.0.contains_key(&found[1]) || !known.insert(found[1].to_owned()) {
        return;
    }
    let kind = if &found[2] == "qm" { "qemu" } else { "lxc" };
    let guest = format!("/nodes/pve1/{kind}/{}", &found[3]);
    if kind == "qemu" {
        lab.call("PUT", &format!("{guest}/config"), &json!({ "protection": 0 })).await;
    }
    let answer = lab.call("DELETE", &guest, &Value::Null).await;
    if let Some(upid) = answer.body["data"].as_str() {
        names.0.insert(found[1].to_owned(), upid.to_owned());
    }
}

/// The UPIDs in a recorded answer.
fn upids(answer: &Value) -> impl Iterator<Item = String> {
    static UPID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"UPID:[^"\\ ,/]+:"#).unwrap());
    let text = answer.to_string();
    UPID.find_iter(&text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>().into_iter()
}

/// One exchange that was scored: its path, and what is different about the answer.
type Scored = (String, Result<(), String>);

async fn replay(recording: &'static str) -> Vec<Scored> {
    let lab = Lab::start(World::Empty, 0.0, None).await;
    let mut names = Names::default();
    let (mut known, mut scored) = (BTreeSet::new(), Vec::new());
    for line in recording.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let path = exchange["path"].as_str().unwrap();
        if path.contains("/tasks/") {
            destroy_unrecorded(&lab, &exchange, &mut names, &mut known).await;
        }
        let answer = send(&lab, &exchange, &names).await;
        known.extend(upids(&exchange["data"]));
        names.learn(&exchange["data"], &answer.body["data"]);
        if exchange["scored"] == json!(false) {
            continue;
        }
        let difference = difference(&exchange, &answer, &names)
            .map_err(|what| format!("#{} {} {path}: {what}", exchange["n"], exchange["method"]));
        scored.push((path.to_owned(), difference));
    }
    scored
}

/// How many agree, of how many.
fn count<'a>(scored: impl Iterator<Item = &'a Scored>) -> (usize, usize) {
    scored.fold((0, 0), |(agreed, all), (_, difference)| (agreed + usize::from(difference.is_ok()), all + 1))
}

/// Prints a line of the score, and gives the tenths of a per cent.
fn print_share(name: &str, (agreed, all): (usize, usize)) -> usize {
    let share = 1000 * agreed / all.max(1);
    println!("{name:34} {agreed:5} of {all:5}  {:3}.{} %", share / 10, share % 10);
    share
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_answers_as_recorded() {
    let replays = RECORDINGS.map(|(_, recording, _)| tokio::spawn(replay(recording)));
    let (mut all, mut fallen) = (Vec::new(), Vec::new());
    for ((name, _, least), replayed) in RECORDINGS.into_iter().zip(replays) {
        let scored = replayed.await.unwrap();
        let counted = count(scored.iter());
        print_share(name, counted);
        for (_, difference) in &scored {
            if let Err(what) = difference {
                println!("    {what}");
            }
        }
        if counted.0 < least {
            fallen.push(format!("{name}: {} agree, at least {least} must", counted.0));
        }
        all.extend(scored);
    }
    println!();
    for (name, pattern) in PATHS {
        let pattern = Regex::new(pattern).unwrap();
        print_share(name, count(all.iter().filter(|(path, _)| pattern.is_match(path))));
    }
    let lives_by = Regex::new(&PATHS.map(|(_, pattern)| pattern).join("|")).unwrap();
    if print_share("these paths", count(all.iter().filter(|(path, _)| lives_by.is_match(path)))) < 10 * LEAST_AT_PATHS {
        fallen.push(format!("the paths that a client lives by: less than {LEAST_AT_PATHS} % agree"));
    }
    if print_share("all", count(all.iter())) < 10 * LEAST_OF_ALL {
        fallen.push(format!("all: less than {LEAST_OF_ALL} % agree"));
    }
    assert!(fallen.is_empty(), "{}", fallen.join("\n"));
}
