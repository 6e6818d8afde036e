//! Replays exchanges recorded from a Proxmox VE 8.4.1 and holds the sandbox to them.
//!
//! The recordings are reduced: of an answer's data the shape remains, and the values that decide what a client does
//! next. Exchanges marked `"agrees":false` are sent for their effect only.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::common::{Answer, Lab, TOKEN, form};
use mycopod_sandbox::World;
use regex::Regex;
use serde_json::{Value, json};

/// Each recording, and how many of its exchanges must agree.
const RECORDINGS: [(&str, &str, usize); 14] = [
    ("01", include_str!("recordings/01-auth-protocol.jsonl"), 58),
    ("02", include_str!("recordings/02-cluster-nodes.jsonl"), 93),
    ("03", include_str!("recordings/03-vm-create.jsonl"), 591),
    ("03b", include_str!("recordings/03b-vm-create-more.jsonl"), 77),
    ("04", include_str!("recordings/04-vm-config.jsonl"), 198),
    ("05", include_str!("recordings/05-vm-power-live.jsonl"), 200),
    ("05b", include_str!("recordings/05b-vm-live-qcow2.jsonl"), 86),
    ("06", include_str!("recordings/06-snapshot-clone-template.jsonl"), 201),
    ("08", include_str!("recordings/08-lxc.jsonl"), 186),
    ("09", include_str!("recordings/09-access-permissions.jsonl"), 302),
    ("10", include_str!("recordings/10-storage-backup.jsonl"), 137),
    ("11", include_str!("recordings/11-pools-firewall-misc.jsonl"), 167),
    ("13", include_str!("recordings/13-backup-ct-jobs.jsonl"), 59),
    ("14b", include_str!("recordings/14b-http-level.jsonl"), 4),
];

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
const IDENTITY: [&str; 22] = [
    "key", "volid", "id", "sid", "vmid", "upid", "iface", "userid", "tokenid", "roleid", "groupid", "poolid", "name",
    "storage", "node", "n", "pos", "cmd", "subdir", "type", "group", "macro",
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
                    return pairs.into_iter().try_for_each(|(a, b)| shape(a, b, &format!("{path}[{key}={}]", a[key])));
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

async fn replay(recording: &'static str) -> (usize, Vec<String>) {
    let lab = Lab::start(World::Empty, 0.0, None).await;
    let mut names = Names::default();
    let (mut agreed, mut differences) = (0, Vec::new());
    for line in recording.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let answer = send(&lab, &exchange, &names).await;
        names.learn(&exchange["data"], &answer.body["data"]);
        if exchange["agrees"] == json!(false) {
            continue;
        }
        match difference(&exchange, &answer, &names) {
            Ok(()) => agreed += 1,
            Err(what) => {
                differences.push(format!("#{} {} {}: {what}", exchange["n"], exchange["method"], exchange["path"]));
            }
        }
    }
    (agreed, differences)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_answers_as_recorded() {
    let replays = RECORDINGS.map(|(_, recording, _)| tokio::spawn(replay(recording)));
    for ((name, _, least), replayed) in RECORDINGS.into_iter().zip(replays) {
        let (agreed, differences) = replayed.await.unwrap();
        println!("{name}: {agreed} agree, {} differ", differences.len());
        assert!(agreed >= least, "{name}: {agreed} agree, at least {least} must:\n{}", differences.join("\n"));
    }
}
