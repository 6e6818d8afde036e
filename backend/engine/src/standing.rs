//! Standing approvals: an Admin's yes in advance to repairs that take effect at once or start a stopped guest.
//!
//! It never stands for a plan itself. For each repair the plan is made and held against what it may cover, and an approval
//! of just that plan is kept beside it, in the name of who gave the standing one; the database holds the same rules. It is
//! bounded: after so many repairs within an hour, or where another tool undoes them again and again, it ends and a person
//! is asked.

use mycopod_core::approval::Approved;
use mycopod_core::field::Field;
use mycopod_core::id::{DeclarationId, ReconciliationId, StandingId};
use mycopod_core::observed::Observed;
use mycopod_core::status::{DeclarationStatus, Role};
use mycopod_store::audit::{self, Kind};
use mycopod_store::drift::Differing;
use mycopod_store::standing::{self, Standing};
use mycopod_store::{StoreError, approvals, declarations, freezes, plans, reconciliations, room, users};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use crate::audit::{Entry, listed};
use crate::cluster_admin::must_be_admin;
use crate::clusters::Cluster;
use crate::declare::{changed, visible, words};
use crate::view::{Person, StandingView};
use crate::{Actor, Engine, Refusal};

/// How many repairs of one declaration happen by themselves within an hour. What needs more is no accident.
pub const REPAIRS_PER_HOUR: u32 = 6;

impl Engine {
    /// Gives a standing approval to repairs of a declaration, as an Admin. Repairs that were undone before are forgotten:
    /// this is the decision that they shall go on.
    pub async fn give_standing(&self, actor: &Actor, id: DeclarationId) -> Result<(), Refusal> {
        use DeclarationStatus::{Cancelled, Refused, Superseded};
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        let status = visible(&mut transaction, actor, id).await?.line.status;
        if matches!(status, Cancelled | Refused | Superseded) {
            return Err(Refusal::Conflict(format!(
                "This declaration is {}; there is nothing of it to keep. Nothing was changed.",
                words(status)
            )));
        }
        let standing = StandingId::fresh(self.clock());
        let now = self.clock().now();
        let given = standing::give(&mut transaction, standing, id, actor.id, REPAIRS_PER_HOUR, now).await;
        given.map_err(|error| match error {
            StoreError::AlreadyApproved => {
                Refusal::Conflict("This declaration has a standing approval already. Nothing was changed.".into())
            }
            other => other.into(),
        })?;
        standing::forget_loops(&mut transaction, id).await?;
        let details = json!({ "standing": standing, "repairs_per_hour": REPAIRS_PER_HOUR });
        let entry = entry(actor.into(), Kind::StandingGiven, id, "standing", details);
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Revokes the standing approval of a declaration, as an Admin. A repair under way is finished.
    pub async fn revoke_standing(&self, actor: &Actor, id: DeclarationId) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        visible(&mut transaction, actor, id).await?;
        let why = format!("Revoked by {}.", actor.email);
        let ended = standing::end(&mut transaction, id, Some(actor.id), &why, self.clock().now()).await?;
        let ended = ended.ok_or_else(|| {
            Refusal::Conflict("This declaration has no standing approval. Nothing was changed.".into())
        })?;
        let entry = entry(actor.into(), Kind::StandingEnded, id, "revoked", json!({ "standing": ended.id }));
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Does what standing approvals on a cluster cover.
    pub(crate) async fn repair_all(&self, cluster: &Cluster) -> Result<(), Refusal> {
        let now = self.clock().now();
        let due = {
            let mut connection = self.pool().acquire().await?;
            if freezes::holds(&mut connection, cluster.id).await? {
                return Ok(());
            }
            standing::due(&mut connection, cluster.id, now).await?
        };
        if due.is_empty() {
            return Ok(());
        }
        let observed = cluster.look_afresh().await?;
        for standing in due {
            match self.repair(cluster, &standing, &observed).await {
                Ok(()) | Err(Refusal::Conflict(_)) => {}
                Err(error) => {
                    tracing::warn!(declaration = %standing.declaration, %error, "a repair could not be begun");
                }
            }
        }
        Ok(())
    }

    /// Plans a repair, approves it by the standing approval and lets it be carried out; or leaves it to a person.
    async fn repair(&self, cluster: &Cluster, standing: &Standing, observed: &Observed) -> Result<(), Refusal> {
        let id = standing.declaration;
        let (declaration, giver, used, before) = {
            let mut connection = self.pool().acquire().await?;
            let declaration = declarations::get(&mut connection, id).await?;
            let giver = users::get(&mut connection, standing.by).await?;
            let latest = standing::latest(&mut connection, id, self.clock().now()).await?;
            let used = latest.filter(|(latest, _)| latest.id == standing.id).map(|(_, used)| used);
            (declaration, giver, used, room::promised(&mut connection, cluster.id, id).await?)
        };
        let Some(used) = used else { return Ok(()) };
        if !giver.is_some_and(|giver| giver.role == Role::Admin && giver.approved) {
            let why = format!("{} gave it and is no Admin any more.", standing.email);
            return self.stop_standing(id, &why).await;
        }
        let intent = declaration.and_then(|declaration| declaration.read?.intent).unwrap_or_default();
        let plan = self.plan_now(cluster, id, &intent, observed).await?;
        let covered = plan.ok().and_then(|plan| Approved::by_standing(plan, standing.by, standing.id).ok());
        let Some((approved, record)) = covered else {
            // It needs a person, until something else drifts.
            let mut connection = self.pool().acquire().await?;
            return Ok(standing::tried(&mut connection, standing.id, self.clock().now()).await?);
        };
        if used >= standing.per_hour {
            let why = format!(
                "It covered {used} repairs within an hour, and another one is needed. Look who changes the guest; then \
                 repair it by hand, accept or ignore what drifted, or give a standing approval again."
            );
            return self.stop_standing(id, &why).await;
        }
        let plan = approved.plan();
        let now = self.clock().now();
        let reconciliation = ReconciliationId::fresh(self.clock());
        let mut transaction = self.pool().begin().await?;
        if !plan.promises().is_empty() {
            room::turn(&mut transaction, cluster.id).await?;
            let now = room::promised(&mut transaction, cluster.id, id).await?;
            // Another plan has promised something meanwhile: the next round plans beside it.
            if !now.plans.is_subset(&before.plans) {
                return Ok(());
            }
        }
        // Of two replicas, or of this and a person, one finds it converged.
        declarations::move_to(&mut transaction, id, DeclarationStatus::Reading, None, now).await.map_err(changed)?;
        let plan_id = plans::save(&mut transaction, plan, now).await?;
        declarations::save_plan(&mut transaction, id, plan_id).await?;
        for status in [DeclarationStatus::AwaitingApproval, DeclarationStatus::Approved] {
            declarations::move_to(&mut transaction, id, status, None, now).await.map_err(changed)?;
        }
        approvals::give(&mut transaction, plan_id, &record, now).await?;
        reconciliations::begin(&mut transaction, reconciliation, plan_id, plan, now).await?;
        let steps = listed(plan.steps().iter().map(|step| step.summary.as_str()));
        let made = json!({ "digest": plan.digest(), "repair": true, "steps": steps });
        let approval = json!({
            "digest": plan.digest(), "reconciliation": reconciliation,
            "standing": standing.id, "given_by": standing.email, "given_at": standing.given_at,
        });
        for (kind, status, details) in [
            (Kind::PlanMade, DeclarationStatus::AwaitingApproval, made),
            (Kind::PlanApproved, DeclarationStatus::Approved, approval),
        ] {
            let subject = format!("plan {}", plan.digest());
            let status = status.to_string();
            let entry = Entry { actor: audit::Actor::System, kind, subject, status, declaration: id, details };
            self.enter(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    async fn stop_standing(&self, id: DeclarationId, why: &str) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        self.end_standing(&mut transaction, id, why).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Ends the standing approval of a declaration, where one stands, as a person must decide.
    pub(crate) async fn end_standing(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        id: DeclarationId,
        why: &str,
    ) -> Result<(), Refusal> {
        let Some(ended) = standing::end(transaction, id, None, why, self.clock().now()).await? else { return Ok(()) };
        let details = json!({ "standing": ended.id, "given_by": ended.email, "why": why });
        let entry = entry(audit::Actor::System, Kind::StandingEnded, id, "stopped", details);
        self.enter(transaction, entry).await
    }
}

fn entry(actor: audit::Actor, kind: Kind, id: DeclarationId, status: &str, details: serde_json::Value) -> Entry {
    Entry { actor, kind, subject: format!("declaration {id}"), status: status.to_owned(), declaration: id, details }
}

/// Why a standing approval ends where a field of a guest is changed again after each repair.
pub(crate) fn fought_over(guest: &str, field: &Field, repairs: u32, seen: &Differing) -> String {
    let observed = seen.observed.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let whose = match &seen.cause {
        Some(mycopod_core::drift::Cause::Task(upid)) => format!(" by {} (task {})", upid.user(), upid.kind()),
        Some(mycopod_core::drift::Cause::Unrecorded) | None => String::new(),
    };
    format!(
        "Two tools fight over {} of {guest}: it is declared {}, was repaired {repairs} times within a day, and is {observed} \
         again{whose}. Nothing more is repaired by itself until somebody decides: accept or ignore the value, stop the \
         other tool, or give a standing approval again.",
        field.label(),
        seen.declared
    )
}

/// A standing approval as pages show it.
pub(crate) fn shown((standing, used): (Standing, u32)) -> StandingView {
    let Standing { by, email, given_at, per_hour, ended, .. } = standing;
    StandingView {
        given_by: Person { id: by.0, email },
        given_at,
        per_hour,
        used,
        stands: ended.is_none(),
        ended_at: ended.as_ref().map(|end| end.at),
        ended_by: ended.as_ref().and_then(|end| end.by.clone()),
        ended_why: ended.map(|end| end.why),
    }
}
