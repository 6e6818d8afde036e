//! Tasks: what takes time. They begin, hold their guest's lock, and end when their time has come.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::cluster::{Cluster, LOCK_WAIT};
use crate::fault::{Leaves, TaskEffect};
use crate::work::Work;

/// Ended tasks that a cluster remembers; Proxmox's archive rotates too.
const ARCHIVE: usize = 1_000;
/// A task's log keeps so many lines.
const LOG_LINES: usize = 2_000;

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub upid: String,
    pub node: String,
    pub pid: u32,
    pub pstart: u32,
    pub start: i64,
    /// Proxmox's name for what is done: `qmcreate`, `vzstart`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The guest, or whatever else it is done to.
    pub id: String,
    pub caller: Caller,
    pub log: Vec<String>,
    pub state: State,
    work: Work,
    /// What goes wrong with it on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<TaskEffect>,
}

/// Where a task is in its life. Times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Waits for another task on the same guest.
    Waiting {
        until: f64,
    },
    Running {
        due: f64,
    },
    Ended {
        at: i64,
        status: String,
    },
}

impl Task {
    pub fn running(&self) -> bool {
        !matches!(self.state, State::Ended { .. })
    }

    /// The task as `/status` shows it.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "upid": self.upid, "node": self.node, "pid": self.pid, "pstart": self.pstart,
            "starttime": self.start, "type": self.kind, "id": self.id, "user": self.caller.user,
            "status": if self.running() { "running" } else { "stopped" },
        });
        if let Some(token) = &self.caller.token {
            status["tokenid"] = json!(token);
        }
        if let State::Ended { status: exit, .. } = &self.state {
            status["exitstatus"] = json!(exit);
        }
        status
    }

    /// The task as the lists of active and ended tasks show it.
    pub fn listed(&self) -> Value {
        let mut entry = json!({
            "upid": self.upid, "node": self.node, "pid": self.pid, "pstart": self.pstart,
            "starttime": self.start, "type": self.kind, "id": self.id,
        });
        if let State::Ended { at, status } = &self.state {
            entry["endtime"] = json!(at);
            entry["status"] = json!(status);
            entry["user"] = json!(self.caller.user);
            if let Some(token) = &self.caller.token {
                entry["tokenid"] = json!(token);
            }
        } else {
            entry["status"] = json!("RUNNING");
            entry["saved"] = json!("0");
            entry["user"] = json!(self.caller.id());
        }
        entry
    }
}

/// What happens next by itself.
enum Event {
    Begin(String),
    GiveUp(String),
    Finish(String),
}

impl Cluster {
    /// Starts a task and gives its UPID.
    pub fn submit(&mut self, caller: &Caller, node: &str, kind: &str, id: &str, work: Work) -> String {
        let pid = self.next_pid();
        let start = self.seconds();
        // Hundredths of a second since the node came up, as the kernel counts.
        let booted = self.nodes.get(node).map_or(self.now, |node| node.booted);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "wraps, as the eight digits of an UPID do"
        )]
        let pstart = ((self.now - booted) * 100.0) as u64 as u32;
        let upid = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{start:08X}:{kind}:{id}:{}:", caller.id());
        self.record(node, caller, format!("starting task {upid}"));
        let held = work.guest().is_some_and(|vmid| self.lock_holder(vmid).is_some());
        let busy = held && !work.overrules();
        let until = self.now + LOCK_WAIT * self.time_scale;
        let fault = self.faults.hit_task(kind, id);
        self.tasks.push_front(Task {
            upid: upid.clone(),
            node: node.to_owned(),
            pid,
            pstart,
            start,
            kind: kind.to_owned(),
            id: id.to_owned(),
            caller: caller.clone(),
            log: if busy { vec!["trying to acquire lock...".to_owned()] } else { Vec::new() },
            state: State::Waiting { until },
            work,
            fault,
        });
        if !busy {
            self.begin(&upid);
        }
        self.forget_old_tasks();
        upid
    }

    /// The task of that UPID.
    pub fn task(&self, upid: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.upid == upid)
    }

    fn task_mut(&mut self, upid: &str) -> Option<&mut Task> {
        self.tasks.find_mut(|task| task.upid == upid)
    }

    /// The running task that holds a guest's lock file.
    pub fn lock_holder(&self, vmid: u32) -> Option<&Task> {
        self.tasks.iter().find(|task| matches!(task.state, State::Running { .. }) && task.work.guest() == Some(vmid))
    }

    /// The running tasks of a kind on a guest.
    pub fn running_tasks(&self, kind: &str, vmid: u32) -> Vec<String> {
        let id = vmid.to_string();
        self.tasks
            .iter()
            .filter(|task| task.running() && task.kind == kind && task.id == id)
            .map(|task| task.upid.clone())
            .collect()
    }

    /// Does everything that was to happen until `now`, in its order.
    pub fn advance(&mut self, now: f64) {
        loop {
            let next = self.next_event().filter(|(at, _)| *at <= now);
            self.broadcast_until(next.as_ref().map_or(now, |(at, _)| *at));
            let Some((at, event)) = next else { break };
            self.now = at.max(self.now);
            match event {
                Event::Begin(upid) => {
                    if let Some(task) = self.task_mut(&upid) {
                        task.log.push(" OK".to_owned());
                    }
                    self.begin(&upid);
                }
                Event::GiveUp(upid) => {
                    let lock = self.task(&upid).and_then(|task| task.work.lock_file(&task.node, self));
                    let lock = lock.unwrap_or_default();
                    self.end(&upid, Err(format!("can't lock file '{lock}' - got timeout")));
                }
                Event::Finish(upid) => self.finish(&upid),
            }
        }
        self.now = self.now.max(now);
        self.expire_faults();
    }

    /// What happens next by itself, and when.
    fn next_event(&self) -> Option<(f64, Event)> {
        let event = |task: &Task| match task.state {
            State::Running { due } => Some((due, Event::Finish(task.upid.clone()))),
            State::Waiting { until } => {
                let held = task.work.guest().is_some_and(|vmid| self.lock_holder(vmid).is_some());
                Some(if held {
                    (until, Event::GiveUp(task.upid.clone()))
                } else {
                    (self.now, Event::Begin(task.upid.clone()))
                })
            }
            State::Ended { .. } => None,
        };
        // Of those at the same time the oldest.
        self.tasks.iter().rev().filter_map(event).min_by(|(a, _), (b, _)| a.total_cmp(b))
    }

    fn begin(&mut self, upid: &str) {
        let Some(task) = self.task(upid) else { return };
        let (work, node, caller) = (task.work.clone(), task.node.clone(), task.caller.clone());
        let longer = match &task.fault {
            Some(TaskEffect::Slow { seconds }) => *seconds,
            _ => 0.0,
        };
        let mut log = Vec::new();
        let begun = work.begin(self, &node, &caller, &mut log);
        let due = begun.as_ref().map(|seconds| self.now + seconds * self.time_scale + longer);
        if let Some(task) = self.task_mut(upid) {
            task.log.extend(log);
            if let Ok(due) = due {
                task.state = State::Running { due };
            }
        }
        if let Err(problem) = begun {
            self.end(upid, Err(problem));
        }
    }

    fn finish(&mut self, upid: &str) {
        let Some(task) = self.task(upid) else { return };
        let (work, node, fault) = (task.work.clone(), task.node.clone(), task.fault.clone());
        let mut log = Vec::new();
        let done = match fault {
            Some(TaskEffect::Fail { status, leaves }) => {
                match leaves {
                    Leaves::Nothing => work.give_up(self),
                    Leaves::Halfway => {}
                    Leaves::Done => drop(work.finish(self, &node, &mut log)),
                }
                Err(status)
            }
            Some(TaskEffect::Warn { count }) => work.finish(self, &node, &mut log).and_then(|()| {
                log.extend((1..=count).map(|n| format!("WARN: a warning on demand, {n} of {count}")));
                Err(format!("WARNINGS: {count}"))
            }),
            Some(TaskEffect::Slow { .. }) | None => work.finish(self, &node, &mut log),
        };
        if let Some(task) = self.task_mut(upid) {
            task.log.extend(log);
        }
        self.end(upid, done);
    }

    /// Ends a task; its waiters begin with the next event.
    pub fn end(&mut self, upid: &str, result: Result<(), String>) {
        let at = self.seconds();
        let Some(task) = self.task_mut(upid) else { return };
        if !task.running() {
            return;
        }
        let status = match result {
            Ok(()) => {
                task.log.push("TASK OK".to_owned());
                "OK".to_owned()
            }
            Err(problem) => {
                let line = problem.replace('\n', " ");
                // Success with something to read in the log.
                task.log.push(if line.starts_with("WARNINGS: ") {
                    format!("TASK {line}")
                } else {
                    format!("TASK ERROR: {line}")
                });
                line
            }
        };
        task.log.truncate(LOG_LINES);
        task.state = State::Ended { at, status: status.clone() };
        let (node, caller, upid) = (task.node.clone(), task.caller.clone(), task.upid.clone());
        self.record(&node, &caller, format!("end task {upid} {status}"));
    }

    /// Ends a running task by a signal: what it claimed or locked is free again.
    pub fn interrupt(&mut self, upid: &str) {
        let Some(work) = self.task(upid).filter(|task| task.running()).map(|task| task.work.clone()) else { return };
        work.give_up(self);
        self.end(upid, Err(work.interrupted()));
    }

    fn forget_old_tasks(&mut self) {
        let mut ended = 0;
        self.tasks.retain(|task| {
            ended += usize::from(!task.running());
            task.running() || ended <= ARCHIVE
        });
    }
}
