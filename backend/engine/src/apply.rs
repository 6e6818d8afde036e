//! Carrying out approved plans: which step when, and what the ledger keeps of it.
//!
//! Steps that touch the same guest run in the plan's order; others side by side, within a
//! bound for each node. When one step does not succeed, no later step of its guest is
//! begun; other guests go on.

use std::sync::Arc;

use mycopod_core::approval::Approved;
use mycopod_core::id::ReconciliationId;
use mycopod_core::observed::Look;
use mycopod_core::status::{DeclarationStatus, ReconciliationStatus, StepState};
use mycopod_store::leases::{self, Lease};
use mycopod_store::{approvals, declarations, reconciliations, steps};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clusters::Cluster;
use crate::ledger::Ledger;
use crate::progress::{Progress, Troubles};
use crate::step::{Outcome, Run};
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
        let ledger = Arc::new(Ledger::new(self, Arc::clone(cluster), lease, reconciliation.declaration));
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
        match troubles.verdict(&progress) {
            None => ledger.end(ReconciliationStatus::Converged, None, Some(approved.plan())).await,
            Some((status, reason)) => ledger.end(status, Some(&reason), None).await,
        }
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
        let ledger = Ledger::new(self, cluster, lease, declaration);
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
                    let hypervisor = ledger.hypervisor();
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
                Outcome::Done(Look::Present(seen)) => progress.saw(*seen),
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
