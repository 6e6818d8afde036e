//! The client: calls by step, tasks, and what the other modules look at.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mycopod_core::cluster::Secret;
use mycopod_core::facility::Facility;
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, GuestRef, Vmid};
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{Bytes, CallError, Clock, Health, Hypervisor, Submitted, TaskLog, TaskState, Upid};
use mycopod_core::rights::Rights;
use mycopod_core::roll::{Listed, Roll};
use serde_json::Value;
use thiserror::Error;

use crate::codec;
use crate::json::{Row, excerpt};
use crate::login::Credential;
use crate::transport::Transport;
use crate::trust::Trust;

/// The most lines of a task's log in one answer.
const LOG_LINES: &str = "500";
/// The most tasks of one guest that are asked for: a node's archive holds about 1,000 in all.
const TASKS: &str = "100";

/// What Proxmox says of a task that its node does not know any more.
const NO_SUCH_TASK: &str = "no such task";

/// How to reach a cluster.
pub struct Config {
    /// The addresses of the API on one or several hosts of one cluster, with commas between them, e.g.
    /// `https://pve1.example.org:8006,https://pve2.example.org:8006`.
    pub url: String,
    /// How to log in.
    pub credential: Credential,
    /// Which server is believed to be Proxmox.
    pub trust: Trust,
    /// The pool that new guests join, for credentials that have their rights on a pool alone.
    pub pool: Option<String>,
    /// What markers are made and checked with.
    pub marker_key: MarkerKey,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
}

/// A setting with which Proxmox cannot be reached. Never repeats the setting's value.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The address.
    #[error(
        "the address of Proxmox must be like https://pve1.example.org:8006, and hold neither user nor password; at most 32 hosts are separated by commas"
    )]
    Url,
    /// The API token.
    #[error("the API token must be like USER@REALM!ID=SECRET, as Proxmox shows it when it is made")]
    Token,
    /// The user.
    #[error("the user must be given with the realm, like root@pam")]
    User,
    /// The CA file.
    #[error("the CA file holds no certificate in PEM; take /etc/pve/pve-root-ca.pem from a node of the cluster")]
    CaFile,
    /// The pin.
    #[error(
        "a pin must be a SHA-256 of 64 hexadecimal digits, colons allowed, of a certificate or its public key; several are separated by commas"
    )]
    Pin,
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(String),
}

/// Proxmox VE, over its REST API.
pub struct Pve {
    pub(crate) transport: Transport,
    pub(crate) marker: MarkerKey,
    pub(crate) pool: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Pve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pve").field("hosts", &self.transport.hosts()).finish_non_exhaustive()
    }
}

impl Pve {
    /// A client. Nothing is sent yet: a cluster that is down or refuses shows with the first call.
    pub fn connect(config: Config) -> Result<Self, ConfigError> {
        let Config { url, credential, trust, pool, marker_key, clock } = config;
        let transport = Transport::new(&url, credential, &trust, Arc::clone(&clock))?;
        Ok(Self { transport, marker: marker_key, pool, clock })
    }

    /// How many requests were sent so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.transport.calls()
    }

    /// Asks each host on its own, by its name, whether it answers, knows us and belongs to the cluster.
    pub async fn check_hosts(&self) -> Vec<(String, Result<(), CallError>)> {
        self.transport.check_hosts().await
    }

    /// The objects that a list holds.
    pub(crate) async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<Row>, CallError> {
        Row::list(self.transport.get(path, query).await?.data)
    }

    /// One object.
    pub(crate) async fn object(&self, path: &[&str]) -> Result<Row, CallError> {
        Row::object(self.transport.get(path, &[]).await?.data)
    }
}

#[async_trait]
impl Hypervisor for Pve {
    async fn observe(&self) -> Result<Observed, CallError> {
        self.survey().await
    }

    async fn roll(&self) -> Result<Roll, CallError> {
        self.call_the_roll().await
    }

    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        self.read_listed(listed).await
    }

    async fn look(&self, guest: GuestKey) -> Result<Look, CallError> {
        self.look_at(guest).await
    }

    async fn look_around(&self, facility: &Facility) -> Result<Look, CallError> {
        self.look_at_facility(facility).await
    }

    async fn firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        self.read_firewall(guest).await
    }

    async fn is_free(&self, vmid: Vmid) -> Result<bool, CallError> {
        self.is_number_free(vmid).await
    }

    async fn submit(&self, step: &Step, seen: &Look, secret: Option<&Secret>) -> Result<Submitted, CallError> {
        let request = codec::request(step, seen, &self.marker, self.pool.as_deref(), secret)?;
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let answer = self.transport.write(&request.node, &request.method, &path, &request.params).await?;
        match answer.data {
            Value::String(upid) => upid
                .parse()
                .map(Submitted::Task)
                .map_err(|_| CallError::MaybeSent(format!("it names no task: {}", excerpt(&upid)))),
            _ => Ok(Submitted::Done),
        }
    }

    async fn upload(&self, file: &Facility, size: u64, bytes: Bytes) -> Result<Upid, CallError> {
        self.send_file(file, size, bytes).await
    }

    async fn task(&self, upid: &Upid) -> Result<TaskState, CallError> {
        let status = match self.object(&["nodes", upid.node(), "tasks", upid.as_str(), "status"]).await {
            Err(CallError::Rejected { status: 400, reason }) if reason.contains(NO_SUCH_TASK) => {
                return Ok(TaskState::Unknown);
            }
            status => status?,
        };
        let end = status.text("exitstatus");
        Ok(match (status.text("status").as_deref(), end) {
            (Some("running"), _) => TaskState::Running,
            (Some("stopped"), Some(end)) => ended(&end),
            _ => TaskState::Unknown,
        })
    }

    async fn task_log(&self, upid: &Upid, start: u64) -> Result<TaskLog, CallError> {
        let path = ["nodes", upid.node(), "tasks", upid.as_str(), "log"];
        let answer = self.transport.get(&path, &[("start", &start.to_string()), ("limit", LOG_LINES)]).await?;
        let total = answer.total;
        let lines: Vec<_> =
            Row::list(answer.data)?.iter().map(|line| plain(&line.text("t").unwrap_or_default())).collect();
        let seen = start.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        Ok(TaskLog { lines, total: total.unwrap_or(seen) })
    }

    async fn tasks_of(&self, tasks: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        let (node, key, value) = match tasks {
            Tasks::OfGuest { node, vmid } => (node, "vmid", vmid.to_string()),
            Tasks::OfKind { node, kind } => (node, "typefilter", kind.to_owned()),
        };
        let query = [(key, &*value), ("source", "all"), ("limit", TASKS)];
        let rows = self.list(&["nodes", node, "tasks"], &query).await?;
        let mut tasks: Vec<Upid> = rows.iter().filter_map(|row| row.text("upid")?.parse().ok()).collect();
        tasks.sort_by(|a, b| b.starttime().cmp(&a.starttime()).then_with(|| b.cmp(a)));
        tasks.dedup();
        Ok(tasks)
    }

    async fn rights(&self) -> Result<Rights, CallError> {
        self.granted().await
    }

    async fn health(&self) -> Result<Health, CallError> {
        self.check().await
    }
}

/// A line of a task's log without what would move a terminal's cursor. Programs that draw their progress return to
/// the line's begin again and again: what they wrote last stands.
fn plain(line: &str) -> String {
    let last = line.trim_end_matches(['\r', '\n']).rsplit('\r').next().unwrap_or_default();
    last.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

/// A task's exit status: `OK`, `WARNINGS: n`, or what went wrong.
fn ended(status: &str) -> TaskState {
    match (status, status.strip_prefix("WARNINGS: ")) {
        ("OK", _) => TaskState::Ok { warnings: 0 },
        (_, Some(warnings)) => TaskState::Ok { warnings: warnings.trim().parse().unwrap_or(1) },
        (failure, None) => TaskState::Failed(excerpt(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::{TaskState, ended, plain};

    #[test]
    fn a_task_with_warnings_is_a_success() {
        assert_eq!(ended("OK"), TaskState::Ok { warnings: 0 });
        assert_eq!(ended("WARNINGS: 3"), TaskState::Ok { warnings: 3 });
        assert_eq!(ended("VM 300 already running"), TaskState::Failed("VM 300 already running".into()));
    }

    #[test]
    fn a_line_of_a_log_is_one_line() {
        assert_eq!(plain("übertrage ✓\r"), "übertrage ✓");
        assert_eq!(plain("10%\r20%\r30%"), "30%");
        assert_eq!(plain("\u{1b}[31mred"), " [31mred");
    }
}
