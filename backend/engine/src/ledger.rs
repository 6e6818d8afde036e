//! What the ledger keeps of one reconciliation: each step before it is sent and when it has ended, and how the whole
//! ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use mycopod_core::cluster::Secret;
use mycopod_core::field::Field;
use mycopod_core::guest::GuestRef;
use mycopod_core::id::{DeclarationId, ReconciliationId, ResourceId};
use mycopod_core::observed::Look;
use mycopod_core::plan::{Plan, Step, Subject};
use mycopod_core::ports::{Clock, Hypervisor, Upid};
use mycopod_core::status::{DeclarationStatus, ReconciliationStatus, StepState};
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::leases::{self, Lease};
use mycopod_store::{declarations, drift, freezes, reconciliations, resources, room, steps};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use crate::audit::{Entry, last};
use crate::clusters::Cluster;
use crate::step::{Begun, Outcome};
use crate::{Engine, Refusal};

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
    pub fn new(
        engine: &Engine,
        cluster: Arc<Cluster>,
        lease: Lease<ReconciliationId>,
        declaration: DeclarationId,
    ) -> Self {
        Self { engine: engine.clone(), cluster, lease, declaration, logs: Mutex::default() }
    }

    pub fn hypervisor(&self) -> &dyn Hypervisor {
        self.cluster.hypervisor()
    }

    pub fn keep_log(&self, step: &Step, lines: Vec<String>) {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).insert(step.seq, lines);
    }

    /// The value of a secret, or why there is none.
    pub async fn secret(&self, name: &str) -> Result<Result<Secret, String>, Refusal> {
        self.engine.secret(name).await
    }

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
    pub async fn finished(&self, step: &Step, outcome: &Outcome) -> Result<StepState, Refusal> {
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

    pub async fn applying(&self) -> Result<(), Refusal> {
        let mut transaction = self.engine.pool().begin().await?;
        leases::hold(&mut transaction, &self.lease).await?;
        let now = self.engine.clock().now();
        declarations::move_to(&mut transaction, self.declaration, DeclarationStatus::Applying, None, now).await?;
        transaction.commit().await?;
        self.engine.ring();
        Ok(())
    }

    /// Whether it was called off, and whether a freeze stands.
    pub async fn is_held_up(&self) -> Result<(bool, bool), Refusal> {
        let mut connection = self.engine.pool().acquire().await?;
        let reconciliation = reconciliations::get(&mut connection, self.lease.work).await?;
        let cancelled = reconciliation.is_some_and(|reconciliation| reconciliation.cancel_requested_at.is_some());
        Ok((cancelled, freezes::holds(&mut connection, self.cluster.id).await?))
    }

    /// Ends a reconciliation of which nothing, or nothing more, may be carried out.
    pub async fn give_up(&self, status: ReconciliationStatus, why: &str) -> Result<(), Refusal> {
        let standing = {
            let mut connection = self.engine.pool().acquire().await?;
            declarations::standing(&mut connection, self.declaration).await?
        };
        if standing.is_some_and(|(status, _)| status == DeclarationStatus::Approved) {
            self.applying().await?;
        }
        self.end(status, Some(why), None).await
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
    pub async fn end(
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
