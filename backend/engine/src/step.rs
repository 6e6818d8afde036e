//! Carrying out one step so that no crash can make it happen twice.
//!
//! `started` is committed before anything is sent. From then on only a look tells what
//! happened: whether it is already so, whether a task is at it, or whether nothing arrived.
//! A call whose answer got lost is never sent again without that look; one whose effect a
//! look cannot see (a reboot) is not sent again at all, but left to a person.

use std::time::Duration;

use mycopod_core::backoff::Backoff;
use mycopod_core::cluster::Secret;
use mycopod_core::observed::Look;
use mycopod_core::plan::{Action, Step, Subject};
use mycopod_core::ports::{CallError, Hypervisor, Submitted, TaskState, Upid};
use mycopod_core::settle::{Settled, settled};
use mycopod_core::status::StepState;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::Refusal;
use crate::ledger::Ledger;

/// Between looks at something that is under way: Proxmox's own UI asks every second.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between attempts of a call that was surely not carried out. All waiting before a change is sent again is here.
const AGAIN: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(8));
/// The first polls of a task are quicker: most end within a second or two.
const POLL_FIRST: Duration = Duration::from_millis(200);
/// Later ones are slower, so that a long copy costs little.
const POLL_AT_MOST: Duration = Duration::from_secs(1);
/// The longest a task may run: a full copy of many terabytes over a slow network.
const TASK_AT_MOST: Duration = Duration::from_hours(24);
/// How long Proxmox may be out of reach, or a lock held by others, before a person is asked.
const PATIENCE: Duration = Duration::from_mins(2);
/// The longest log that is read: a backup of a full storage prints a line a second for some hours.
const MAX_LOG_LINES: usize = 20_000;
/// After a task's success its result may take a moment to show.
const SHOW_WITHIN: Duration = Duration::from_secs(10);
/// The HA manager works in rounds of ten seconds on each node in turn: what it is asked for happens after its task has ended.
const HA_SHOWS_WITHIN: Duration = Duration::from_mins(2);
/// How long a step waits for a place on its node before its plan lets others go first.
const WAIT_FOR_PLACE: Duration = Duration::from_secs(5);
/// Between looks whether there is a place: they are given back by other replicas, whose bells do not ring here.
const PLACE_AGAIN: Duration = Duration::from_millis(250);
/// How often a step is sent anew after looks proved that nothing came of it.
const SEND_AT_MOST: u32 = 3;

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is so, and was seen to be: this is what the last look saw.
    Done(Look),
    /// Proxmox refused, or its task failed.
    Failed(String),
    /// A person must look.
    Blocked(String),
    /// The guest is no longer as the plan saw it; nothing was sent.
    Stale(String),
    /// The server stops; the next one goes on from the ledger.
    Interrupted,
    /// There is no place for it now: it was not begun.
    Crowded,
}

/// Whether a step was begun.
pub(crate) enum Begun {
    Yes,
    /// A freeze stands.
    Frozen,
    /// There is no place for it now.
    Crowded,
}

/// One step on its way.
pub(crate) struct Run<'a> {
    pub hypervisor: &'a dyn Hypervisor,
    pub ledger: &'a Ledger,
    pub step: &'a Step,
    /// The digest that the guest must have, where it exists already.
    pub expected: Option<String>,
    /// The digest that its firewall must have, where the step changes that.
    pub expected_firewall: Option<String>,
    /// Cut off: the lease is lost or the server stops.
    pub cut: &'a CancellationToken,
}

/// What ends a run early.
enum End {
    Outcome(Outcome),
    Refusal(Refusal),
}

impl From<Refusal> for End {
    fn from(error: Refusal) -> Self {
        Self::Refusal(error)
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

impl Run<'_> {
    /// Carries the step out from where the ledger says it stands.
    pub async fn carry_out(&self, state: StepState, upid: Option<Upid>) -> Result<Outcome, Refusal> {
        let result = match (state, upid) {
            (StepState::Submitted, Some(upid)) => self.follow(&upid).await,
            (StepState::Pending, _) => match self.begin().await {
                Ok(()) => self.send(false).await,
                Err(end) => Err(end),
            },
            // Started, and perhaps sent: a crash lies between.
            _ => self.send(true).await,
        };
        match result {
            Ok(outcome) | Err(End::Outcome(outcome)) => Ok(outcome),
            Err(End::Refusal(error)) => Err(error),
        }
    }

    async fn begin(&self) -> Result<(), End> {
        let until = Instant::now() + WAIT_FOR_PLACE;
        loop {
            // What a reboot must be told apart from later: the tasks that were there before it.
            let before = if self.step.action.is_blind() { self.tasks().await? } else { Vec::new() };
            match self.ledger.started(self.step, &before).await? {
                Begun::Yes => return Ok(()),
                Begun::Frozen => return Err(Outcome::Interrupted.into()),
                Begun::Crowded if Instant::now() > until => return Err(Outcome::Crowded.into()),
                Begun::Crowded => self.pause(PLACE_AGAIN).await?,
            }
        }
    }

    /// Looks, and sends where nothing has come of it yet. `uncertain` says that it may have been sent before.
    async fn send(&self, mut uncertain: bool) -> Result<Outcome, End> {
        let (mut sent, mut refused) = (0, 0);
        let mut patience = Instant::now() + PATIENCE;
        loop {
            if uncertain {
                self.await_running_tasks().await?;
            }
            let look = self.look().await?;
            match settled(self.step, &look) {
                Settled::Yes => return Ok(Outcome::Done(look)),
                Settled::Conflict(why) => return Ok(Outcome::Blocked(why)),
                Settled::Underway(why) | Settled::Unknown(why) => {
                    if Instant::now() > patience {
                        return Ok(Outcome::Blocked(format!(
                            "{why}. Nothing more was sent. When that is settled in Proxmox, plan again"
                        )));
                    }
                    self.pause(LOOK_AGAIN).await?;
                    continue;
                }
                Settled::No => {}
            }
            if uncertain && self.step.action.is_blind() {
                return self.find_blind().await;
            }
            if let (Some(expected), Look::Present(seen)) = (&self.expected, &look)
                && *expected != seen.digest
            {
                return Ok(Outcome::Stale(format!(
                    "{} was changed by somebody else since the plan was made; nothing was sent to it. Plan again",
                    self.step.name()
                )));
            }
            if let (Some(expected), Look::Present(seen)) = (&self.expected_firewall, &look)
                && seen.firewall.as_ref().is_some_and(|firewall| firewall.digest() != *expected)
            {
                return Ok(Outcome::Stale(format!(
                    "The firewall of {} was changed by somebody else since the plan was made; nothing was sent to it. Plan again",
                    self.step.name()
                )));
            }
            if sent == SEND_AT_MOST {
                return Ok(Outcome::Blocked(format!(
                    "Proxmox’s answer got lost {SEND_AT_MOST} times and nothing came of it. Look at the node’s load and network, then plan again"
                )));
            }
            if uncertain || sent > 0 {
                self.ledger.again(self.step).await?;
            }
            let secret = self.secret().await?;
            match self.hypervisor.submit(self.step, &look, secret.as_ref()).await {
                Ok(Submitted::Done) => return self.verify(SHOW_WITHIN).await,
                Ok(Submitted::Task(upid)) => {
                    self.ledger.submitted(self.step, &upid).await?;
                    return self.follow(&upid).await;
                }
                Err(CallError::NotSent(why)) => {
                    if Instant::now() > patience {
                        return Ok(Outcome::Blocked(format!(
                            "Proxmox cannot be reached ({why}); nothing was sent. When it answers again, plan again"
                        )));
                    }
                    self.pause(AGAIN.wait(refused, self.ledger.clock())).await?;
                    refused += 1;
                }
                Err(CallError::MaybeSent(why) | CallError::Malformed(why)) => {
                    tracing::warn!(step = self.step.seq, why, "an answer got lost; looking");
                    uncertain = true;
                    sent += 1;
                    patience = Instant::now() + PATIENCE;
                    self.pause(LOOK_AGAIN).await?;
                }
                Err(error) if self.is_passing(&error) && Instant::now() < patience => {
                    self.pause(AGAIN.wait(refused, self.ledger.clock())).await?;
                    refused += 1;
                }
                Err(error @ CallError::Rejected { .. }) => {
                    if uncertain {
                        self.await_running_tasks().await?;
                    }
                    let look = self.look().await?;
                    match settled(self.step, &look) {
                        // Somebody else may have come first, e.g. with another plan that deletes the same guest.
                        Settled::Yes => return Ok(Outcome::Done(look)),
                        // What was sent before by a worker that was taken for dead came first, and is under way.
                        Settled::Underway(_) if uncertain => {
                            sent += 1;
                            self.pause(LOOK_AGAIN).await?;
                            continue;
                        }
                        _ => {}
                    }
                    return Ok(Outcome::Failed(format!("{error}. This step changed nothing")));
                }
            }
        }
    }

    /// The value of the secret that the step hands over, where it names one.
    async fn secret(&self) -> Result<Option<Secret>, End> {
        let Some(name) = self.step.secret() else { return Ok(None) };
        match self.ledger.secret(name).await? {
            Ok(secret) => Ok(Some(secret)),
            Err(why) => Err(Outcome::Blocked(format!("{why}. Nothing was sent. Set it again, then plan again")).into()),
        }
    }

    /// Follows a task to its end and looks at what came of it.
    async fn follow(&self, upid: &Upid) -> Result<Outcome, End> {
        let within = if upid.kind().starts_with("ha") { HA_SHOWS_WITHIN } else { SHOW_WITHIN };
        match self.task_end(upid).await? {
            TaskState::Ok { warnings } => {
                if warnings > 0 {
                    tracing::info!(%upid, warnings, "the task ended with warnings");
                    self.keep_log(upid).await;
                }
                if self.step.action.is_blind() {
                    return Ok(Outcome::Done(self.look().await?));
                }
                self.verify(within).await
            }
            TaskState::Failed(why) => {
                self.keep_log(upid).await;
                let look = self.look().await?;
                // Proxmox may fail a task whose aim is reached all the same, e.g. a start of what runs.
                if !self.step.action.is_blind() && settled(self.step, &look) == Settled::Yes {
                    return Ok(Outcome::Done(look));
                }
                // It runs on, and whether it is switched off is for a person to say.
                if let Action::Shutdown { seconds } = self.step.action {
                    let name = self.step.name();
                    return Ok(Outcome::Blocked(format!(
                        "it did not shut down within {seconds} s (Proxmox: {why}). It runs on and was not switched off. \
                         Shall it be switched off? Then declare “force stop {name}”; to give it the time once more, plan \
                         again"
                    )));
                }
                Ok(Outcome::Failed(failed_task(&self.step.action, &why)))
            }
            TaskState::Running | TaskState::Unknown => {
                if self.step.action.is_blind() {
                    return Ok(Outcome::Blocked(
                        "Proxmox no longer knows how the task ended. Look at the guest, then plan again".to_owned(),
                    ));
                }
                self.verify(within).await
            }
        }
    }

    /// Keeps the log of a task that has ended: its node forgets old ones.
    async fn keep_log(&self, upid: &Upid) {
        let mut lines = Vec::new();
        loop {
            let start = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            match self.hypervisor.task_log(upid, start).await {
                Ok(page) => {
                    let is_last = page.lines.is_empty() || start.saturating_add(page.lines.len() as u64) >= page.total;
                    lines.extend(page.lines);
                    if is_last || lines.len() >= MAX_LOG_LINES {
                        break;
                    }
                }
                Err(error) => {
                    lines.push(format!("(the rest could not be read: {error})"));
                    break;
                }
            }
        }
        self.ledger.keep_log(self.step, lines);
    }

    /// The state in which a task ended; [`TaskState::Running`] where it outlasted every bound.
    async fn task_end(&self, upid: &Upid) -> Result<TaskState, End> {
        let deadline = Instant::now() + TASK_AT_MOST;
        let mut patience = Instant::now() + PATIENCE;
        let mut wait = POLL_FIRST;
        loop {
            match self.hypervisor.task(upid).await {
                Ok(TaskState::Running) if Instant::now() < deadline => patience = Instant::now() + PATIENCE,
                Ok(state) => return Ok(state),
                Err(error) if Instant::now() > patience => {
                    return Err(Outcome::Blocked(format!(
                        "{error}. Its task may go on; when Proxmox answers, plan again"
                    ))
                    .into());
                }
                Err(_) => {}
            }
            self.pause(wait).await?;
            wait = (wait * 3 / 2).min(POLL_AT_MOST);
        }
    }

    /// Waits until the step's result shows.
    async fn verify(&self, within: Duration) -> Result<Outcome, End> {
        let deadline = Instant::now() + within;
        let mut wait = POLL_FIRST;
        loop {
            let look = self.look().await?;
            match settled(self.step, &look) {
                Settled::Yes => return Ok(Outcome::Done(look)),
                Settled::Conflict(why) => return Ok(Outcome::Blocked(why)),
                Settled::No | Settled::Underway(_) | Settled::Unknown(_) if Instant::now() < deadline => {
                    self.pause(wait).await?;
                    wait = (wait * 2).min(LOOK_AGAIN);
                }
                Settled::No => {
                    return Ok(Outcome::Failed(
                        "Proxmox reported success, but the guest is not so. Look at the task’s log, then plan again"
                            .to_owned(),
                    ));
                }
                Settled::Underway(why) | Settled::Unknown(why) => {
                    return Ok(Outcome::Blocked(format!("{why}. When that is settled in Proxmox, plan again")));
                }
            }
        }
    }

    /// What Proxmox answers, asked again for as long as patience lasts.
    async fn patiently<T, Asked>(&self, ask: impl Fn() -> Asked) -> Result<T, End>
    where
        Asked: Future<Output = Result<T, CallError>>,
    {
        let patience = Instant::now() + PATIENCE;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if Instant::now() > patience => {
                    return Err(Outcome::Blocked(format!("{error}. When Proxmox answers again, plan again")).into());
                }
                Err(error) => {
                    tracing::debug!(%error, "Proxmox does not answer; asking again");
                    self.pause(LOOK_AGAIN).await?;
                }
            }
        }
    }

    async fn look(&self) -> Result<Look, End> {
        self.patiently(|| self.look_once()).await
    }

    /// A look at what the step is about, and at a guest's firewall where it is about that.
    async fn look_once(&self) -> Result<Look, CallError> {
        let guest = match &self.step.subject {
            Subject::Guest { guest, .. } => guest.key(),
            Subject::Facility { facility } => return self.hypervisor.look_around(facility).await,
        };
        match (self.hypervisor.look(guest).await?, &self.step.action) {
            (Look::Present(seen), Action::Firewall(_)) => {
                let firewall = self.hypervisor.firewall(&seen.guest).await?;
                // The guest last: while its firewall was read it may have become another one.
                match self.hypervisor.look(guest).await? {
                    Look::Present(seen) => Ok(Look::Present(Box::new(seen.with_firewall(firewall)))),
                    look => Ok(look),
                }
            }
            (look, _) => Ok(look),
        }
    }

    /// The tasks that this step could be one of.
    async fn tasks(&self) -> Result<Vec<Upid>, End> {
        let Some(of) = self.step.tasks() else { return Ok(Vec::new()) };
        self.patiently(|| self.hypervisor.tasks_of(of)).await
    }

    /// After a lost answer: whatever runs on the guest must end before a look can tell.
    async fn await_running_tasks(&self) -> Result<(), End> {
        // The newest few: Proxmox runs one task at a time on a guest, and lists running ones first.
        for upid in self.tasks().await?.iter().take(5) {
            self.task_end(upid).await?;
        }
        Ok(())
    }

    /// Whether a step whose answer got lost and whose effect no look shows was begun: a task of its kind that was not there before.
    async fn find_blind(&self) -> Result<Outcome, End> {
        let before = self.ledger.baseline(self.step).await?;
        let kinds = self.step.action.blind_tasks().unwrap_or_default();
        let new = self.tasks().await?.into_iter().find(|upid| kinds.contains(&upid.kind()) && !before.contains(upid));
        match new {
            Some(upid) => {
                self.ledger.submitted(self.step, &upid).await?;
                self.follow(&upid).await
            }
            None => Ok(Outcome::Blocked(format!(
                "MycoPod was interrupted while it sent “{}”, and Proxmox shows no such task. It was not sent again. Look at {}, then plan again",
                self.step.summary,
                self.step.name()
            ))),
        }
    }

    /// Refusals that pass by themselves and changed nothing: somebody else holds a lock for a moment, or the guest has
    /// just moved to another node, where the next look finds it.
    fn is_passing(&self, error: &CallError) -> bool {
        error.is_lock_timeout() || self.step.guest().is_some_and(|guest| error.is_not_there(guest.vmid))
    }

    async fn pause(&self, time: Duration) -> Result<(), End> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            () = self.cut.cancelled() => Err(Outcome::Interrupted.into()),
        }
    }
}

fn failed_task(action: &Action, why: &str) -> String {
    let hint = match action {
        Action::Create { .. } | Action::Clone { .. } => {
            " Look at the task’s log; what was begun was cleaned up by Proxmox, or stands there locked"
        }
        _ => " Look at the task’s log, then plan again",
    };
    format!("Proxmox’s task failed: {why}.{hint}")
}
