//! One exchange after the other, and what happens to each.

use std::collections::BTreeSet;
use std::time::Duration;

use mycopod_core::ports::CallError;
use tokio::time::sleep;

use super::{Blocked, Held, Lab, Order, TICK};
use crate::fate::{Fate, Passed, Side};
use crate::gate::{Ask, Call, Query, Reply, Waiting};
use crate::proxy::Exchanged;
use crate::watch;

/// A call within which nothing moves for this long waits for time to pass. (Whatever the sandbox computes it does in
/// blocking tasks, which themselves hold the clock; this is for what the kernel has between two sockets.)
const GRACE: Duration = Duration::from_millis(5);
/// How often time passes while a call is under way: more than any client's patience.
const PASSES: u32 = 40;
/// The longest that it passes at once.
const LONGEST_PASS: Duration = Duration::from_secs(2);
/// Longer than any timer that is waited for while nothing is asked of the outside.
const IDLE: Duration = Duration::from_mins(10);

impl Lab {
    /// Until whoever has got an answer has acted on it, and all wait for the next one or for time to pass.
    pub async fn settled(&self) {
        sleep(TICK).await;
    }

    /// Carries out the next exchange; where none waits, lets time pass until one does.
    pub async fn turn(&mut self) {
        self.what_is_due().await;
        self.settled().await;
        let frozen: BTreeSet<usize> = self.frozen.keys().copied().collect();
        let order = &mut self.order;
        let next = self.gate.take(
            |waiting| !frozen.contains(&waiting.replica),
            |ready| match order {
                Order::First => 0,
                Order::Any(chance) => chance.below(ready.len()),
            },
        );
        let Some(waiting) = next else {
            tokio::select! {
                () = self.gate.arrival() => {}
                () = sleep(IDLE) => {}
            }
            return;
        };
        let side = match &waiting.ask {
            Ask::Proxmox(call) if call.step.is_some() => Side::Write,
            Ask::Proxmox(_) => Side::Read,
            Ask::Database(_) => Side::Statement,
        };
        self.trace.push(Passed { replica: waiting.replica, label: waiting.label.clone(), side });
        let fate = self.fates.remove(&self.count()).unwrap_or(Fate::Pass);
        self.carry_out(waiting, fate).await;
    }

    async fn carry_out(&mut self, waiting: Waiting, fate: Fate) {
        let replica = waiting.replica;
        match fate {
            Fate::Kill { executed: false } => return self.kill(replica).await,
            Fate::Freeze { executed: false, exchanges } => {
                self.gate.put_back(waiting);
                return self.freeze(replica, exchanges);
            }
            Fate::Edit | Fate::Recycle | Fate::Offline => self.somebody(fate),
            _ => {}
        }
        match waiting.ask {
            Ask::Database(query) => self.question(query, replica, fate),
            Ask::Proxmox(call) => self.call(call, replica, fate).await,
        }
        if let Fate::Kill { executed: true } | Fate::KillLate { .. } = fate {
            self.kill(replica).await;
        }
    }

    fn question(&mut self, query: Query, replica: usize, fate: Fate) {
        if fate == (Fate::Lose { executed: false }) {
            return self.proxy.cut(query.connection);
        }
        if query.question.sql.contains("now()") {
            self.database.set_time(self.time.micros());
        }
        let exchanged = self.proxy.exchange(query.connection, &query.question);
        self.answered(Blocked { query, replica, at: self.trace.len() - 1 }, exchanged, fate);
    }

    fn answered(&mut self, asked: Blocked, mut exchanged: Exchanged, fate: Fate) {
        let Blocked { query, replica, at } = asked;
        while let Exchanged::Blocked = exchanged {
            let pid = self.proxy.pid(query.connection);
            if pid.is_some_and(|pid| self.database.is_blocked(pid)) {
                self.blocked.push(Blocked { query, replica, at });
                return;
            }
            exchanged = self.proxy.receive(query.connection);
        }
        let Exchanged::Answered(reply) = exchanged else { return self.proxy.cut(query.connection) };
        if reply.status == b'I' && ends_in_change(&reply.tag) {
            self.trace[at].side = Side::Commit;
        }
        match fate {
            Fate::Lose { .. } => self.proxy.cut(query.connection),
            Fate::Freeze { exchanges, .. } => {
                self.freeze(replica, exchanges);
                self.hold(replica, Held::Database(query.reply, reply.bytes));
            }
            Fate::Kill { .. } | Fate::KillLate { .. } => {}
            Fate::Pass | Fate::Twice | Fate::Refuse | Fate::Edit | Fate::Recycle | Fate::Offline => {
                let _ = query.reply.send(reply.bytes);
            }
        }
    }

    fn hold(&mut self, replica: usize, held: Held) {
        if let Some(frozen) = self.frozen.get_mut(&replica) {
            frozen.held.push(held);
        }
    }

    async fn call(&mut self, call: Call, replica: usize, fate: Fate) {
        match fate {
            Fate::KillLate { after } => return self.late.push((self.count() + after, call)),
            Fate::Lose { executed: false } => {
                return (call.fail)(CallError::MaybeSent("the lab lost the request".to_owned()));
            }
            Fate::Refuse => return (call.fail)(refusal()),
            _ => {}
        }
        let reply = self.send(&call).await;
        match fate {
            Fate::Lose { .. } => (reply.deliver)(Some(CallError::MaybeSent("the lab lost the reply".to_owned()))),
            Fate::Freeze { exchanges, .. } => {
                self.freeze(replica, exchanges);
                self.hold(replica, Held::Proxmox(reply));
            }
            Fate::Kill { .. } | Fate::KillLate { .. } => {}
            Fate::Twice => {
                drop(self.send(&call).await);
                (reply.deliver)(None);
            }
            Fate::Pass | Fate::Refuse | Fate::Edit | Fate::Recycle | Fate::Offline => (reply.deliver)(None),
        }
    }

    /// Lets a call reach Proxmox.
    async fn send(&mut self, call: &Call) -> Reply {
        if let Some(step) = &call.step {
            let wrong = watch::write(self, step);
            self.violations.extend(wrong);
            self.writes.push((**step).clone());
        }
        self.under_way((call.work)()).await
    }

    /// Awaits a call to the sandbox. Meanwhile the clock stands, but for calls that themselves wait for time: nothing
    /// moves within them for a while of real time, and then a little of the lab's passes.
    async fn under_way<T>(&self, call: impl Future<Output = T>) -> T {
        tokio::pin!(call);
        let mut pass = TICK;
        for _ in 0..PASSES {
            loop {
                let calls = self.pve.calls();
                let (end, ended) = std::sync::mpsc::channel::<()>();
                let still = tokio::task::spawn_blocking(move || {
                    let _ = ended.recv_timeout(GRACE);
                });
                tokio::select! {
                    biased;
                    result = &mut call => {
                        drop(end);
                        return result;
                    }
                    _ = still => {}
                }
                if self.pve.calls() == calls {
                    break;
                }
            }
            tokio::select! {
                biased;
                result = &mut call => return result,
                () = sleep(pass) => {}
            }
            pass = (pass * 2).min(LONGEST_PASS);
        }
        call.await
    }

    /// Requests that arrive late, answers that waited for a lock, and replicas that go on.
    async fn what_is_due(&mut self) {
        let count = self.count();
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= count);
        self.late = late;
        for (_, call) in due {
            drop(self.send(&call).await);
        }
        for asked in std::mem::take(&mut self.blocked) {
            let exchanged = self.proxy.receive(asked.query.connection);
            self.answered(asked, exchanged, Fate::Pass);
        }
        let due: Vec<usize> =
            self.frozen.iter().filter(|(_, frozen)| frozen.until <= count).map(|(id, _)| *id).collect();
        for replica in due {
            self.let_loose(replica);
        }
    }
}

/// Whether a command that ended like this, outside of a transaction, has changed anything.
fn ends_in_change(tag: &str) -> bool {
    match tag.rsplit_once(' ') {
        None => tag == "COMMIT",
        Some((command, rows)) => !command.starts_with("SELECT") && rows != "0",
    }
}

/// What Proxmox says that carries nothing out.
fn refusal() -> CallError {
    CallError::Rejected { status: 500, reason: "the lab refuses it".to_owned() }
}
