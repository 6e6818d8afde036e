//! Carrying out approved plans: which step when, and what the ledger keeps of it.
//!
//! Steps that touch the same guest run in the plan's order; others side by side, within a
//! bound for each node. When one step does not succeed, no later step of its guest is
//! begun; other guests go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use mycopod_core::approval::Approved;
use mycopod_core::cluster::Secret;
use mycopod_core::field::Field;
use mycopod_core::guest::{GuestRef, Vmid};
use mycopod_core::id::{DeclarationId, ReconciliationId, ResourceId};
use mycopod_core::observed::Look;
use mycopod_core::plan::{Action, Plan, Step, Subject};
use mycopod_core::ports::{Clock, Upid};
use mycopod_core::status::{DeclarationStatus, ReconciliationStatus, StepState};
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::leases::{self, Lease};
use mycopod_store::{approvals, declarations, drift, freezes, reconciliations, resources, room, steps};
use serde_json::json;
use sqlx::{Postgres, Transaction};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::audit::{Entry, last};
use crate::clusters::Cluster;
use crate::step::{Begun, Outcome, Run};
use crate::worker::{LEASE, caught, fault};
use crate::{Engine, Refusal};

/// Reconciliations carried out at once by one replica: more would only wait for the nodes.
const AT_ONCE: usize = 4;

/// What is said of a step that was begun, and of its plan, where MycoPod itself goes wrong.
const OUR_FAULT: (&str, &str) = (
    "MycoPod itself went wrong before it saw the end of this step",
    "Something went wrong inside MycoPod; its log says what. Nothing more is sent, and what was begun may have been done: \
     look at the guests, then plan again.",
);
/// The same where the database was put back from a backup.
const RESTORED: (&str, &str) = (
    "the database was restored from a backup before the end of this step was seen",
    "MycoPod’s database was restored from a backup while this was carried out. Proxmox may have done all of it since, and \
     later declarations may have changed it again, so nothing more is sent. Look at the guests, then plan again.",
);

/// The ledger of one reconciliation, under its lease.
pub(crate) struct Ledger {
    engine: Engine,
    cluster: Arc<Cluster>,
    lease: Lease<ReconciliationId>,
    declaration: DeclarationId,
    /// Logs of tasks that ended with warnings or failed, by step, until the step's end is entered.
    logs: Mutex<BTreeMap<u32, Vec<String>>>,
}

impl Ledger {
    pub fn keep_log(&self, step: &Step, lines: Vec<String>) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(step.seq, lines);
    }

    /// The value of a secret, or why there is none.
    pub(crate) async fn secret(&self, name: &str) -> Result<Result<Secret, String>, Refusal> {
        self.engine.secret(name).await
    }
}

/// How the steps of a plan stand while it is carried out.
struct Progress<'a> {
    plan: &'a Plan,
    states: BTreeMap<u32, StepState>,
    upids: BTreeMap<u32, Upid>,
    /// The digest that each guest's configuration had after its last step that was done.
    digests: BTreeMap<Vmid, String>,
    /// The digest that each guest’s firewall had after its last step that this worker saw done.
    firewalls: BTreeMap<Vmid, String>,
    running: BTreeSet<u32>,
}

/// Why a plan was not carried out to its end.
#[derive(Default)]
struct Troubles {
    worst: Option<ReconciliationStatus>,
    reasons: Vec<String>,
    /// A freeze stands: no step was begun that could have been.
    is_frozen: bool,
    /// No troubles, but no place either: others go first.
    crowded: bool,
}

impl Engine {
    /// Carries out whatever was approved on a cluster, until `stop`.
    pub(crate) async fn apply_all(&self, cluster: &Arc<Cluster>, stop: &CancellationToken) {
        let id = cluster.id;
        let claim = |engine: Self| async move {
            let worker = engine.worker();
            let mut connection = engine.pool().acquire().await?;
            Ok(leases::claim_reconciliation(&mut connection, id, &worker, LEASE).await?)
        };
        let carry = |engine: Self, lease| {
            let (cluster, cut) = (Arc::clone(cluster), stop.clone());
            async move {
                match caught(engine.apply_one(&cluster, lease, &cut)).await {
                    done @ (Ok(()) | Err(Refusal::Unavailable(_))) => done,
                    // It would go wrong again; only what is out of reach may come back.
                    Err(error) => {
                        tracing::error!(%error, "carrying out a plan was broken off");
                        engine.break_off(cluster, lease, OUR_FAULT).await
                    }
                }
            }
        };
        self.work(stop, AT_ONCE, claim, carry).await;
    }

    async fn apply_one(
        &self,
        cluster: &Arc<Cluster>,
        lease: Lease<ReconciliationId>,
        cut: &CancellationToken,
    ) -> Result<(), Refusal> {
        let (reconciliation, approved, entries, standing) = {
            let mut connection = self.pool().acquire().await?;
            let Some(reconciliation) = reconciliations::get(&mut connection, lease.work).await? else { return Ok(()) };
            if reconciliation.status != ReconciliationStatus::Applying {
                return Ok(());
            }
            if reconciliation.restored {
                drop(connection);
                return self.break_off(Arc::clone(cluster), lease, RESTORED).await;
            }
            let approved = approvals::with_plan(&mut connection, reconciliation.plan).await?;
            let entries = steps::list(&mut connection, lease.work).await?;
            let standing = declarations::standing(&mut connection, reconciliation.declaration).await?;
            (reconciliation, approved, entries, standing)
        };
        let (engine, cluster, declaration) = (self.clone(), Arc::clone(cluster), reconciliation.declaration);
        let ledger = Arc::new(Ledger { engine, cluster, lease, declaration, logs: Mutex::default() });
        let approved = match approved.map(|(plan, record)| Approved::recorded(plan, &record)) {
            Some(Ok(approved)) => approved,
            Some(Err(error)) => return ledger.give_up(ReconciliationStatus::Failed, &error.to_string()).await,
            None => {
                let why = "There is no approval of this plan; nothing of it was carried out.";
                return ledger.give_up(ReconciliationStatus::Failed, why).await;
            }
        };
        if standing.is_some_and(|(status, _)| status == DeclarationStatus::Approved) {
            ledger.applying().await?;
        }
        let troubles = Troubles::known(approved.plan(), &entries);
        let mut progress = Progress::resumed(approved.plan(), entries);
        let troubles = self.run_steps(&ledger, &mut progress, troubles, cut).await?;
        // What a freeze holds up is claimed again when it is lifted, and what found no place when others had their turn.
        if (cut.is_cancelled() || troubles.is_frozen || troubles.crowded) && !progress.is_over() {
            return Ok(());
        }
        ledger.finish(approved.plan(), troubles, &progress).await
    }

    /// Leaves a reconciliation that may not be gone on with to a person.
    async fn break_off(
        &self,
        cluster: Arc<Cluster>,
        lease: Lease<ReconciliationId>,
        (of_step, why): (&str, &str),
    ) -> Result<(), Refusal> {
        let (declaration, approved, entries) = {
            let mut connection = self.pool().acquire().await?;
            let Some(reconciliation) = reconciliations::get(&mut connection, lease.work).await? else { return Ok(()) };
            let approved = approvals::with_plan(&mut connection, reconciliation.plan).await?;
            (reconciliation.declaration, approved, steps::list(&mut connection, lease.work).await?)
        };
        let ledger = Ledger { engine: self.clone(), cluster, lease, declaration, logs: Mutex::default() };
        let begun = entries.iter().filter(|entry| matches!(entry.state, StepState::Started | StepState::Submitted));
        for entry in begun {
            let mut plan = approved.iter().flat_map(|(plan, _)| plan.steps());
            if let Some(step) = plan.find(|step| step.seq == entry.seq) {
                ledger.finished(step, &Outcome::Blocked(of_step.to_owned())).await?;
            }
        }
        ledger.give_up(ReconciliationStatus::Blocked, why).await
    }

    async fn run_steps(
        &self,
        ledger: &Arc<Ledger>,
        progress: &mut Progress<'_>,
        mut troubles: Troubles,
        cut: &CancellationToken,
    ) -> Result<Troubles, Refusal> {
        let plan = progress.plan;
        // Tasks of their own: a step that nobody polls could stand within a transaction and bar all others.
        let mut running = JoinSet::new();
        loop {
            let (cancelled, frozen) = ledger.is_held_up().await?;
            troubles.is_frozen = frozen && !cancelled;
            if cancelled {
                troubles.note(
                    ReconciliationStatus::Cancelled,
                    "It was called off; the steps under way were finished.".into(),
                );
            }
            while !cut.is_cancelled() {
                // What was begun before a restart must be brought to an end even when called off or frozen.
                let next = progress.ready(self.settings().steps_per_node, cancelled || frozen);
                let Some(step) = next.and_then(|seq| plan.steps().iter().find(|step| step.seq == seq)) else { break };
                let (state, upid) = (progress.states[&step.seq], progress.upids.get(&step.seq).cloned());
                progress.running.insert(step.seq);
                let (step, expected) = (step.clone(), progress.expected(step));
                let expected_firewall = progress.expected_firewall(&step);
                let (ledger, cut) = (Arc::clone(ledger), cut.clone());
                running.spawn(async move {
                    let hypervisor = ledger.cluster.hypervisor();
                    let run = Run { hypervisor, ledger: &ledger, step: &step, expected, expected_firewall, cut: &cut };
                    let outcome = run.carry_out(state, upid).await?;
                    let state = ledger.finished(&step, &outcome).await?;
                    Ok::<_, Refusal>((step, outcome, state))
                });
            }
            let Some(ended) = running.join_next().await else { return Ok(troubles) };
            let (step, outcome, state) = ended.map_err(|_| fault())??;
            progress.running.remove(&step.seq);
            match outcome {
                Outcome::Crowded if progress.running.is_empty() => {
                    troubles.crowded = true;
                    return Ok(troubles);
                }
                Outcome::Interrupted | Outcome::Crowded => continue,
                _ => {}
            }
            progress.states.insert(step.seq, state);
            let name = step.name();
            match outcome {
                Outcome::Done(Look::Present(seen)) => {
                    let vmid = seen.guest.vmid;
                    let firewall = seen.firewall.as_ref().map(|firewall| firewall.digest());
                    progress.firewalls.extend(firewall.map(|digest| (vmid, digest)));
                    progress.digests.insert(vmid, seen.digest);
                }
                Outcome::Done(Look::Facility(_) | Look::Absent | Look::Unknown(_))
                | Outcome::Interrupted
                | Outcome::Crowded => {}
                Outcome::Failed(why) => troubles.note(ReconciliationStatus::Failed, format!("{name}: {why}.")),
                Outcome::Blocked(why) => troubles.note(ReconciliationStatus::Blocked, format!("{name}: {why}.")),
                Outcome::Stale(why) => troubles.note(ReconciliationStatus::Stale, format!("{why}.")),
            }
        }
    }
}

impl<'a> Progress<'a> {
    fn resumed(plan: &'a Plan, entries: Vec<steps::Entry>) -> Self {
        let mut progress = Self {
            plan,
            states: BTreeMap::new(),
            upids: BTreeMap::new(),
            digests: BTreeMap::new(),
            firewalls: BTreeMap::new(),
            running: BTreeSet::new(),
        };
        for entry in entries {
            progress.states.insert(entry.seq, entry.state);
            progress.upids.extend(entry.upid.map(|upid| (entry.seq, upid)));
            let guest = plan.steps().iter().find(|step| step.seq == entry.seq).and_then(Step::guest);
            if let (Some(guest), Some(digest)) = (guest, entry.digest) {
                progress.digests.insert(guest.vmid, digest);
            }
        }
        progress
    }

    fn state(&self, step: &Step) -> StepState {
        self.states.get(&step.seq).copied().unwrap_or(StepState::Skipped)
    }

    fn is_open(&self, step: &Step) -> bool {
        matches!(self.state(step), StepState::Pending | StepState::Started | StepState::Submitted)
    }

    fn is_over(&self) -> bool {
        self.plan.steps().iter().all(|step| !self.is_open(step))
    }

    /// The next step that may be begun: all earlier ones that touch the same are done, and its node has room.
    fn ready(&self, per_node: usize, only_begun: bool) -> Option<u32> {
        let steps = self.plan.steps();
        let on_node = |node: Option<&str>| {
            steps.iter().filter(|step| step.node() == node && self.running.contains(&step.seq)).count()
        };
        let is_free = |step: &Step| {
            steps
                .iter()
                .take_while(|earlier| earlier.seq < step.seq)
                .filter(|earlier| !earlier.touches().is_disjoint(&step.touches()))
                .all(|earlier| self.state(earlier) == StepState::Done)
        };
        steps
            .iter()
            .filter(|step| self.is_open(step) && !self.running.contains(&step.seq))
            .filter(|step| !only_begun || self.state(step) != StepState::Pending)
            .find(|step| on_node(step.node()) < per_node && is_free(step))
            .map(|step| step.seq)
    }

    /// The digest the step's guest must have: as its last step left it, else as the plan saw it.
    fn expected(&self, step: &Step) -> Option<String> {
        let guest = step.guest()?;
        let key = format!("guest/{}/{}/digest", guest.kind, guest.vmid);
        self.digests.get(&guest.vmid).or_else(|| self.plan.relies_on().get(&key)).cloned()
    }
    /// The digest the step’s firewall must have. After a restart in the midst of a guest’s firewall nobody knows how the
    /// last step left it; then each call still finds its rule by the marker, and goes with Proxmox’s own digest.
    fn expected_firewall(&self, step: &Step) -> Option<String> {
        let guest = step.guest().filter(|_| matches!(step.action, Action::Firewall(_)))?;
        if let Some(digest) = self.firewalls.get(&guest.vmid) {
            return Some(digest.clone());
        }
        let before = self.plan.steps().iter().filter(|earlier| earlier.guest().is_some_and(|of| of.vmid == guest.vmid));
        let begun = before.filter(|earlier| matches!(earlier.action, Action::Firewall(_)));
        let untouched = begun.into_iter().all(|earlier| self.state(earlier) != StepState::Done);
        let key = format!("guest/{}/{}/firewall", guest.kind, guest.vmid);
        self.plan.relies_on().get(&key).filter(|_| untouched).cloned()
    }
}

impl Troubles {
    /// What went wrong before, where this goes on after a restart or a freeze.
    fn known(plan: &Plan, entries: &[steps::Entry]) -> Self {
        let mut troubles = Self::default();
        for entry in entries {
            let status = match entry.state {
                StepState::Failed => ReconciliationStatus::Failed,
                StepState::Blocked => ReconciliationStatus::Blocked,
                _ => continue,
            };
            if let Some(step) = plan.steps().iter().find(|step| step.seq == entry.seq) {
                let why = entry.error.as_deref().unwrap_or_default();
                troubles.note(status, format!("{}: {why}.", step.name()));
            }
        }
        troubles
    }

    /// The worst decides how the whole ended: failed, then blocked, then stale, then called off.
    fn note(&mut self, status: ReconciliationStatus, reason: String) {
        let rank = |status: ReconciliationStatus| match status {
            ReconciliationStatus::Failed => 4,
            ReconciliationStatus::Blocked => 3,
            ReconciliationStatus::Stale => 2,
            ReconciliationStatus::Cancelled => 1,
            ReconciliationStatus::Applying | ReconciliationStatus::Converged => 0,
        };
        if self.worst.is_none_or(|worst| rank(status) > rank(worst)) {
            self.worst = Some(status);
        }
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

impl Ledger {
    pub fn clock(&self) -> &dyn Clock {
        self.engine.clock()
    }

    /// Commits that a step is about to be sent, with the tasks that were there before where that will matter. Nothing is
    /// written while a freeze stands, or where as much is at work on its node or cluster as may be, by whichever replica.
    pub async fn started(&self, step: &Step, before: &[Upid]) -> Result<Begun, Refusal> {
        let settings = self.engine.settings();
        let mut transaction = self.engine.pool().begin().await?;
        room::turn(&mut transaction, self.cluster.id).await?;
        let at_work = room::at_work(&mut transaction, self.cluster.id, step.node()).await?;
        if at_work.node >= settings.steps_per_node || at_work.cluster >= settings.steps_per_cluster {
            transaction.rollback().await?;
            return Ok(Begun::Crowded);
        }
        if !freezes::may_begin(&mut transaction, self.cluster.id).await? {
            transaction.rollback().await?;
            return Ok(Begun::Frozen);
        }
        steps::start(&mut transaction, &self.lease, step.seq, &before, self.engine.clock().now()).await?;
        self.engine
            .enter(
                &mut transaction,
                self.entry(step, Kind::StepStarted, StepState::Started, json!({ "action": step.action })),
            )
            .await?;
        transaction.commit().await?;
        self.engine.ring();
        Ok(Begun::Yes)
    }

    /// The tasks that were there before the step was first sent.
    pub async fn baseline(&self, step: &Step) -> Result<Vec<Upid>, Refusal> {
        let mut connection = self.engine.pool().acquire().await?;
        let entries = steps::list(&mut connection, self.lease.work).await?;
        let entry = entries.into_iter().find(|entry| entry.seq == step.seq);
        Ok(entry.map(|entry| entry.baseline_as()).transpose()?.flatten().unwrap_or_default())
    }

    /// Counts another sending of a step, and with it makes sure that the lease is still held.
    pub async fn again(&self, step: &Step) -> Result<(), Refusal> {
        let mut connection = self.engine.pool().acquire().await?;
        steps::attempt_again(&mut connection, &self.lease, step.seq).await?;
        Ok(())
    }

    /// Commits the task that Proxmox gave.
    pub async fn submitted(&self, step: &Step, upid: &Upid) -> Result<(), Refusal> {
        let mut transaction = self.engine.pool().begin().await?;
        steps::submitted(&mut transaction, &self.lease, step.seq, upid, self.engine.clock().now()).await?;
        self.engine
            .enter(
                &mut transaction,
                self.entry(step, Kind::StepSubmitted, StepState::Submitted, json!({ "upid": upid })),
            )
            .await?;
        transaction.commit().await?;
        self.engine.ring();
        Ok(())
    }

    /// Commits how a step ended, and what that makes of its guest.
    async fn finished(&self, step: &Step, outcome: &Outcome) -> Result<StepState, Refusal> {
        let now = self.engine.clock().now();
        let (state, kind, error) = match outcome {
            Outcome::Done(_) => (StepState::Done, Kind::StepDone, None),
            Outcome::Failed(why) => (StepState::Failed, Kind::StepFailed, Some(why.as_str())),
            Outcome::Blocked(why) | Outcome::Stale(why) => (StepState::Blocked, Kind::StepBlocked, Some(why.as_str())),
            // The ledger stays as it is: the next worker goes on from there.
            Outcome::Interrupted | Outcome::Crowded => return Ok(StepState::Started),
        };
        let mut transaction = self.engine.pool().begin().await?;
        match (outcome, step.resource()) {
            (Outcome::Done(Look::Present(seen)), Some(resource)) => {
                steps::saw(&mut transaction, &self.lease, step.seq, &seen.digest).await?;
                let uuid = seen.smbios_uuid.as_deref();
                resources::present(&mut transaction, resource, &seen.guest, self.declaration, uuid, now).await?;
            }
            (Outcome::Done(Look::Absent), Some(resource)) => resources::gone(&mut transaction, resource, now).await?,
            (
                Outcome::Done(_)
                | Outcome::Failed(_)
                | Outcome::Blocked(_)
                | Outcome::Stale(_)
                | Outcome::Interrupted
                | Outcome::Crowded,
                _,
            ) => {}
        }
        steps::finish(&mut transaction, &self.lease, step.seq, state, error, now).await?;
        let log = self.logs.lock().unwrap_or_else(PoisonError::into_inner).remove(&step.seq);
        let details = match &log {
            Some(log) => json!({ "error": error, "log": last(log) }),
            None => json!({ "error": error }),
        };
        self.engine.enter(&mut transaction, self.entry(step, kind, state, details)).await?;
        transaction.commit().await?;
        counter!(crate::STEPS_METRIC, "action" => step.action.name(), "state" => state.as_str()).increment(1);
        self.engine.ring();
        Ok(state)
    }

    fn entry(&self, step: &Step, kind: Kind, state: StepState, details: serde_json::Value) -> Entry {
        let mut about = json!({ "seq": step.seq, "summary": step.summary });
        let (key, named, subject) = match &step.subject {
            Subject::Guest { guest, .. } => {
                ("guest", json!(guest), format!("{} {} {}", guest.kind.noun(), guest.vmid, guest.name))
            }
            Subject::Facility { facility } => ("facility", json!(facility), facility.to_string()),
        };
        about[key] = named;
        if let (Some(about), serde_json::Value::Object(details)) = (about.as_object_mut(), details) {
            about.extend(details);
        }
        Entry {
            actor: Actor::System,
            kind,
            subject,
            status: state.to_string(),
            declaration: self.declaration,
            details: about,
        }
    }

    async fn applying(&self) -> Result<(), Refusal> {
        let mut transaction = self.engine.pool().begin().await?;
        leases::hold(&mut transaction, &self.lease).await?;
        let now = self.engine.clock().now();
        declarations::move_to(&mut transaction, self.declaration, DeclarationStatus::Applying, None, now).await?;
        transaction.commit().await?;
        self.engine.ring();
        Ok(())
    }

    /// Whether it was called off, and whether a freeze stands.
    async fn is_held_up(&self) -> Result<(bool, bool), Refusal> {
        let mut connection = self.engine.pool().acquire().await?;
        let reconciliation = reconciliations::get(&mut connection, self.lease.work).await?;
        let cancelled = reconciliation.is_some_and(|reconciliation| reconciliation.cancel_requested_at.is_some());
        Ok((cancelled, freezes::holds(&mut connection, self.cluster.id).await?))
    }

    /// Ends a reconciliation of which nothing, or nothing more, may be carried out.
    async fn give_up(&self, status: ReconciliationStatus, why: &str) -> Result<(), Refusal> {
        let standing = {
            let mut connection = self.engine.pool().acquire().await?;
            declarations::standing(&mut connection, self.declaration).await?
        };
        if standing.is_some_and(|(status, _)| status == DeclarationStatus::Approved) {
            self.applying().await?;
        }
        self.end(status, Some(why), None).await
    }

    async fn finish(&self, plan: &Plan, troubles: Troubles, progress: &Progress<'_>) -> Result<(), Refusal> {
        let reason = troubles.reasons.join(" ");
        let done = plan.steps().iter().filter(|step| progress.state(step) == StepState::Done).count();
        match troubles.worst {
            None => self.end(ReconciliationStatus::Converged, None, Some(plan)).await,
            Some(status) => {
                let reason = format!("{reason} {done} of {} steps were done and stay done.", plan.steps().len());
                self.end(status, Some(&reason), None).await
            }
        }
    }

    /// Keeps which drift the plan set right: it is over now, and what comes after it is new.
    async fn repaired(&self, transaction: &mut Transaction<'_, Postgres>, plan: &Plan) -> Result<(), Refusal> {
        let mut changed: BTreeMap<ResourceId, (&GuestRef, BTreeSet<Field>)> = BTreeMap::new();
        for step in plan.steps() {
            let Some((guest, resource)) = step.guest().zip(step.resource()) else { continue };
            let (_, fields) = changed.entry(resource).or_insert((guest, BTreeSet::new()));
            fields.extend(step.changes.iter().map(|change| change.field.clone()));
        }
        for (resource, (guest, fields)) in changed {
            let repaired = drift::repaired(transaction, resource, &fields, self.engine.clock().now()).await?;
            if repaired.is_empty() {
                continue;
            }
            let fields: Vec<_> = repaired.iter().map(|field| json!({ "field": field })).collect();
            let entry = Entry {
                actor: Actor::System,
                kind: Kind::DriftCleared,
                subject: format!("{} {} {}", guest.kind.noun(), guest.vmid, guest.name),
                status: "as declared".to_owned(),
                declaration: self.declaration,
                details: json!({ "fields": fields, "repaired": true }),
            };
            self.engine.enter(transaction, entry).await?;
        }
        Ok(())
    }

    /// Ends the reconciliation and with it the declaration's applying. `converged` is the plan that was carried out whole.
    async fn end(
        &self,
        status: ReconciliationStatus,
        reason: Option<&str>,
        converged: Option<&Plan>,
    ) -> Result<(), Refusal> {
        let engine = &self.engine;
        // Whoever owns what is told by the markers, which a look must show.
        let observed = if converged.is_some() { Some(self.cluster.look_afresh().await?) } else { None };
        let now = engine.clock().now();
        let (next, kind) = match status {
            ReconciliationStatus::Converged => (DeclarationStatus::Converged, Kind::DeclarationConverged),
            ReconciliationStatus::Blocked => (DeclarationStatus::Blocked, Kind::DeclarationBlocked),
            ReconciliationStatus::Stale => (DeclarationStatus::Stale, Kind::PlanStale),
            ReconciliationStatus::Cancelled => (DeclarationStatus::Cancelled, Kind::DeclarationCancelled),
            ReconciliationStatus::Failed | ReconciliationStatus::Applying => {
                (DeclarationStatus::Failed, Kind::DeclarationFailed)
            }
        };
        let mut transaction = engine.pool().begin().await?;
        steps::skip_pending(&mut transaction, &self.lease, now).await?;
        reconciliations::finish(&mut transaction, &self.lease, status, reason, &json!({}), now).await?;
        declarations::move_to(&mut transaction, self.declaration, next, reason, now).await?;
        if let Some(observed) = observed
            && let Some(declaration) = declarations::get(&mut transaction, self.declaration).await?
        {
            let intent = declaration.read.and_then(|read| read.intent).unwrap_or_default();
            engine.own(&mut transaction, self.declaration, &intent, &observed).await?;
        }
        if let Some(plan) = converged {
            self.repaired(&mut transaction, plan).await?;
        }
        if status == ReconciliationStatus::Cancelled {
            resources::release_unused(&mut transaction, self.declaration).await?;
        }
        let entry = Entry {
            actor: Actor::System,
            kind,
            subject: format!("declaration {}", self.declaration),
            status: next.to_string(),
            declaration: self.declaration,
            details: json!({ "reconciliation": self.lease.work, "reason": reason }),
        };
        engine.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(())
    }
}
