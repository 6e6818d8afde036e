//! The faults that can be asked for: what goes wrong, with which requests or tasks, and how often.

use serde::{Deserialize, Serialize};

use crate::by_hand::ByHand;

/// The locks that Proxmox puts on guests.
const LOCKS: [&str; 13] = [
    "backup",
    "clone",
    "create",
    "destroyed",
    "disk",
    "fstrim",
    "migrate",
    "mounted",
    "rollback",
    "snapshot",
    "snapshot-delete",
    "suspended",
    "suspending",
];
/// The longest that a fault holds or delays, in seconds: a day. A typing error shall not hang a client for longer.
pub const LONGEST: f64 = 86_400.0;
/// Parts of a path's pattern, and characters of any text, that a fault may have.
const MOST_PARTS: usize = 32;
const MOST_TEXT: usize = 1_000;
/// Warnings of one task: as many lines are written to its log.
const MOST_WARNINGS: u32 = 100;
/// How deep faults may begin others.
const DEEPEST: u32 = 8;

/// Something that goes wrong.
///
/// Request and task faults hit what matches, a number of times. The others hold from when they are asked for until
/// they are cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Requests that match go wrong.
    Request(RequestFault),
    /// Tasks that match go wrong; which ones is decided when they are submitted.
    Task(TaskFault),
    /// A node cannot be reached from the others: its calls answer 595, its guests are `unknown`. The rest has quorum.
    NodeOffline {
        /// The node's name.
        node: String,
    },
    /// The cluster has lost its quorum: writes fail, reads work.
    NoQuorum,
    /// A storage has no byte left.
    StorageFull {
        /// The storage's name.
        storage: String,
        /// On this node only; everywhere where it is absent.
        #[serde(default)]
        node: Option<String>,
    },
    /// A guest is locked by somebody else. Clearing takes the lock away, if it is this one still.
    GuestLocked {
        /// The guest.
        vmid: u32,
        /// `backup`, `migrate`, `snapshot`, …
        lock: String,
    },
    /// `/cluster/resources` hears nothing new of guests: names and states stay as they are, new guests are `unknown`.
    StaleResources,
}

/// A fault of requests. Of faults that change the answer, the oldest that still waits hits a request; what happens
/// beside it ([`Effect::ByHand`], [`Effect::Begin`]) comes to that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFault {
    /// `GET`, `POST`, `PUT` or `DELETE`; any where it is absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A pattern of the path behind the formatter, such as `/nodes/*/qemu`: `*` is one part, `**` any number of them.
    pub path: String,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many requests it hits.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub effect: Effect,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The connection closes before the request is carried out.
    DropRequest,
    /// The request is carried out, but the connection closes instead of the reply.
    DropReply,
    /// The request is carried out that much later.
    Delay {
        /// Real seconds.
        seconds: f64,
    },
    /// The request is carried out, and the reply comes that much later.
    DelayReply {
        /// Real seconds.
        seconds: f64,
    },
    /// The answer is this status and reason phrase, without a body.
    Answer {
        /// The status code, such as 595, 596 or 599.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// Whether the request is carried out nevertheless.
        #[serde(default)]
        executed: bool,
    },
    /// The request is carried out, and its reply's body ends early.
    Truncate {
        /// So much of it is sent.
        bytes: usize,
        /// Whether the length is given as what is sent; otherwise the connection breaks before the given length.
        #[serde(default)]
        quietly: bool,
    },
    /// Somebody else does something just before the request is carried out.
    ByHand(ByHand),
    /// Another fault begins just before the request is carried out.
    Begin(Box<Fault>),
}

/// A fault of tasks; the oldest that still waits hits a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskFault {
    /// Proxmox's name for what the task does (`qmcreate`, `vzstart`, …); any where it is absent.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// The guest; any where it is absent.
    #[serde(default)]
    pub vmid: Option<u32>,
    /// How many matching tasks pass unharmed first.
    #[serde(default)]
    pub after: u32,
    /// How many tasks it hits.
    #[serde(default = "once")]
    pub times: u32,
    /// What happens to them.
    pub effect: TaskEffect,
}

/// What happens to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskEffect {
    /// It takes its time, and fails.
    Fail {
        /// The exit status.
        status: String,
        /// How far it came.
        #[serde(default)]
        leaves: Leaves,
    },
    /// It does its work and ends in `WARNINGS: n`.
    Warn {
        /// How many warnings its log has.
        count: u32,
    },
    /// It takes longer.
    Slow {
        /// By so many real seconds.
        seconds: f64,
    },
}

/// What a task that failed has left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaves {
    /// Nothing: it cleaned up after itself.
    #[default]
    Nothing,
    /// What it claimed and locked when it began, as a worker that was killed does.
    Halfway,
    /// Its whole work.
    Done,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault that hits the next request of a method and a path's pattern.
    #[must_use]
    pub fn request(method: &str, path: &str, effect: Effect) -> Self {
        Self::Request(RequestFault {
            method: Some(method.to_owned()),
            path: path.to_owned(),
            after: 0,
            times: 1,
            effect,
        })
    }

    /// A fault that hits the next task of a type.
    #[must_use]
    pub fn task(kind: &str, effect: TaskEffect) -> Self {
        Self::Task(TaskFault { kind: Some(kind.to_owned()), vmid: None, after: 0, times: 1, effect })
    }

    /// Hits so many requests or tasks instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        match &mut self {
            Self::Request(fault) => fault.times = times,
            Self::Task(fault) => fault.times = times,
            _ => {}
        }
        self
    }

    /// Lets so many requests or tasks pass unharmed first.
    #[must_use]
    pub fn after(mut self, after: u32) -> Self {
        match &mut self {
            Self::Request(fault) => fault.after = after,
            Self::Task(fault) => fault.after = after,
            _ => {}
        }
        self
    }

    /// Refuses what makes no sense in any cluster.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_at(0)
    }

    fn check_at(&self, depth: u32) -> Result<(), String> {
        match self {
            Self::Request(fault) => fault.check(depth),
            Self::Task(fault) => fault.check(),
            Self::GuestLocked { lock, .. } if !LOCKS.contains(&lock.as_str()) => {
                Err(format!("'{lock}' is no lock of Proxmox's; there are {}", LOCKS.join(", ")))
            }
            Self::GuestLocked { .. }
            | Self::NodeOffline { .. }
            | Self::NoQuorum
            | Self::StorageFull { .. }
            | Self::StaleResources => Ok(()),
        }
    }
}

impl RequestFault {
    /// Whether a request's method and path are among those it hits.
    pub(crate) fn covers(&self, method: &str, path: &[String]) -> bool {
        self.method.as_deref().is_none_or(|own| own == method) && matches(&self.path, path)
    }

    /// Whether it happens beside the request and leaves the answer to others.
    pub(crate) fn beside(&self) -> bool {
        matches!(self.effect, Effect::ByHand(_) | Effect::Begin(_))
    }

    fn check(&self, depth: u32) -> Result<(), String> {
        if let Some(method) = self.method.as_deref().filter(|method| !METHODS.contains(method)) {
            return Err(format!("'{method}' is no method of the API; there are {}", METHODS.join(", ")));
        }
        if !self.path.starts_with('/') || self.path.split('/').count() > MOST_PARTS {
            return Err(format!("a path's pattern starts with / and has at most {MOST_PARTS} parts"));
        }
        ensure_times(self.times)?;
        match &self.effect {
            Effect::Delay { seconds } | Effect::DelayReply { seconds } => ensure_seconds(*seconds),
            Effect::Answer { status, reason, .. } => {
                if !(200..=599).contains(status) {
                    return Err(format!("{status} is no status of an answer: 200 to 599"));
                }
                ensure_text(reason)
            }
            Effect::Begin(_) if depth >= DEEPEST => Err(format!("faults begin others at most {DEEPEST} deep")),
            Effect::Begin(fault) => fault.check_at(depth + 1),
            Effect::DropRequest | Effect::DropReply | Effect::Truncate { .. } | Effect::ByHand(_) => Ok(()),
        }
    }
}

impl TaskFault {
    /// Whether a task of that type and id is among those it hits.
    pub(crate) fn covers(&self, kind: &str, id: &str) -> bool {
        self.kind.as_deref().is_none_or(|own| own == kind) && self.vmid.is_none_or(|own| own.to_string() == id)
    }

    fn check(&self) -> Result<(), String> {
        ensure_times(self.times)?;
        match &self.effect {
            TaskEffect::Fail { status, .. }
                if status.is_empty() || status == "OK" || status.starts_with("WARNINGS") =>
            {
                Err(format!("'{status}' is no exit status of a failed task"))
            }
            TaskEffect::Fail { status, .. } => ensure_text(status),
            TaskEffect::Warn { count } if (1..=MOST_WARNINGS).contains(count) => Ok(()),
            TaskEffect::Warn { .. } => Err(format!("a task has 1 to {MOST_WARNINGS} warnings")),
            TaskEffect::Slow { seconds } => ensure_seconds(*seconds),
        }
    }
}

/// The methods that the API knows.
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

fn ensure_times(times: u32) -> Result<(), String> {
    if times > 0 { Ok(()) } else { Err("a fault hits at least once".to_owned()) }
}

/// Refuses times that are none, and those beyond [`LONGEST`].
pub fn ensure_seconds(seconds: f64) -> Result<(), String> {
    if (0.0..=LONGEST).contains(&seconds) { Ok(()) } else { Err(format!("a fault lasts 0 to {LONGEST} seconds")) }
}

fn ensure_text(text: &str) -> Result<(), String> {
    if text.len() <= MOST_TEXT && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(format!("a text is one line of at most {MOST_TEXT} characters"))
    }
}

/// Whether a path fits a pattern, in time linear in either's length.
fn matches(pattern: &str, path: &[String]) -> bool {
    // Which first parts of the path the pattern's parts so far can stand for.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = vec![false; path.len() + 1];
        if part == "**" {
            let first = reached.iter().position(|reached| *reached).unwrap_or(next.len());
            next[first..].fill(true);
        } else {
            for (n, segment) in path.iter().enumerate() {
                next[n + 1] = reached[n] && (part == "*" || part == segment);
            }
        }
        reached = next;
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        matches(pattern, &path)
    }

    #[test]
    fn a_star_is_one_part_and_two_are_any_number() {
        assert!(fits("/nodes/*/qemu", "/nodes/pve1/qemu"));
        assert!(!fits("/nodes/*/qemu", "/nodes/pve1/qemu/101"));
        assert!(!fits("/nodes/*/qemu", "/nodes/qemu"));
        assert!(fits("/nodes/**", "/nodes") && fits("/nodes/**", "/nodes/pve1/qemu/101/config"));
        assert!(fits("/**/config", "/nodes/pve1/qemu/101/config") && !fits("/**/config", "/nodes/pve1/qemu/101"));
        assert!(fits("/**/qemu/**/start", "/nodes/pve1/qemu/101/status/start"));
        assert!(!fits("/nodes/pve1", "/nodes/pve2") && !fits("/nodes", "/"));
    }

    #[test]
    fn faults_read_as_they_are_written_and_nothing_is_left_unread() {
        let fault: Fault = serde_json::from_value(json!({ "request": {
            "method": "POST", "path": "/nodes/*/qemu", "effect": { "answer": { "status": 599, "reason": "timeout" } },
        } }))
        .unwrap();
        let answer = Effect::Answer { status: 599, reason: "timeout".to_owned(), executed: false };
        assert_eq!(fault, Fault::request("POST", "/nodes/*/qemu", answer));
        assert_eq!(serde_json::from_value::<Fault>(serde_json::to_value(&fault).unwrap()).unwrap(), fault);
        for unread in [
            json!({ "request": { "path": "/", "effect": "drop_reply", "time": 2 } }),
            json!({ "request": { "path": "/", "effect": { "delay": { "seconds": 1, "ms": 2 } } } }),
            json!({ "node_offline": { "node": "pve1", "for": 3 } }),
            json!({ "no_quorum": null, "stale_resources": null }),
        ] {
            assert!(serde_json::from_value::<Fault>(unread.clone()).is_err(), "{unread}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let effect = || Effect::DropReply;
        let answer = |status| Effect::Answer { status, reason: String::new(), executed: false };
        let nested =
            (0..20).fold(Fault::NoQuorum, |fault, _| Fault::request("GET", "/", Effect::Begin(Box::new(fault))));
        for fault in [
            Fault::request("PATCH", "/", effect()),
            Fault::request("GET", "nodes", effect()),
            Fault::request("GET", "/", effect()).times(0),
            Fault::request("GET", "/", Effect::Delay { seconds: f64::NAN }),
            Fault::request("GET", "/", Effect::Delay { seconds: 1e9 }),
            Fault::request("GET", "/", answer(99)),
            Fault::request("GET", "/", answer(600)),
            Fault::task("qmstart", TaskEffect::Warn { count: 0 }),
            Fault::task("qmstart", TaskEffect::Fail { status: "OK".to_owned(), leaves: Leaves::Nothing }),
            Fault::GuestLocked { vmid: 101, lock: "mine".to_owned() },
            nested,
        ] {
            assert!(fault.check().is_err(), "{fault:?}");
        }
        assert_eq!(Fault::request("GET", "/version", effect()).check(), Ok(()));
    }
}
