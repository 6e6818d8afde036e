//! One Admin's yes to one plan, held against the cluster as it is now.

use std::collections::BTreeSet;

use mycopod_core::approval::{ApprovalRecord, Approved};
use mycopod_core::id::{DeclarationId, ReconciliationId};
use mycopod_core::plan::Plan;
use mycopod_core::status::{DeclarationStatus, Role};
use mycopod_store::audit::Kind;
use mycopod_store::{approvals, declarations, plans, reconciliations, users};
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::Entry;
use crate::declare::{changed, visible, words};
use crate::{Actor, Engine, Refusal};

impl Engine {
    /// Approves the plan of that digest, naming every guest that it destroys; it is carried out at once.
    ///
    /// The cluster is looked at and planned for again first: where the plan would be another one now, nothing is
    /// approved, the declaration is planned anew and [`Refusal::Stale`] says so.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: DeclarationId,
        digest: &str,
        destroy: &BTreeSet<String>,
    ) -> Result<(), Refusal> {
        let (declaration, stored, plan_id) = {
            let mut connection = self.pool().acquire().await?;
            may_approve(&mut connection, actor).await?;
            let declaration = visible(&mut connection, actor, id).await?;
            let status = declaration.line.status;
            let Some(plan_id) = declaration.line.plan.filter(|_| status == DeclarationStatus::AwaitingApproval) else {
                return Err(Refusal::Conflict(format!(
                    "This declaration is {}; there is no plan to approve.",
                    words(status)
                )));
            };
            let stored = plans::get(&mut connection, plan_id).await?;
            let stored = stored.ok_or_else(|| Refusal::Internal("The plan is missing.".into()))?;
            (declaration, stored.plan, plan_id)
        };
        if stored.digest().as_str() != digest {
            return Err(Refusal::Conflict(
                "This is not the plan that stands now. Nothing was approved; look at the new plan and confirm that one.".into(),
            ));
        }
        let record =
            ApprovalRecord { by: actor.id, digest: stored.digest().clone(), destroy: destroy.clone(), standing: None };
        let approved = Approved::by_admin(stored, Role::Admin, &record)?;

        let cluster = self.cluster_of(declaration.line.cluster).await?;
        let observed = cluster.look_afresh().await?;
        let intent = declaration.read.and_then(|read| read.intent).unwrap_or_default();
        let now = self.plan_now(&cluster, id, &intent, &observed).await?;
        if !now.is_ok_and(|now| now.digest() == approved.plan().digest()) {
            return self.gone_stale(actor, id, approved.plan()).await;
        }

        let now = self.clock().now();
        let reconciliation = ReconciliationId::fresh(self.clock());
        let mut transaction = self.pool().begin().await?;
        // The look took its time.
        may_approve(&mut transaction, actor).await?;
        declarations::move_to(&mut transaction, id, DeclarationStatus::Approved, None, now).await.map_err(changed)?;
        // The row is locked from here on; another plan may have been put up before.
        let current = declarations::get(&mut transaction, id).await?.and_then(|declaration| declaration.line.plan);
        if current != Some(plan_id) {
            return Err(Refusal::Conflict(
                "Meanwhile another plan was made. Nothing was approved; look at that one.".into(),
            ));
        }
        approvals::give(&mut transaction, plan_id, &record, now).await?;
        reconciliations::begin(&mut transaction, reconciliation, plan_id, approved.plan(), now).await?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::PlanApproved,
            subject: format!("plan {digest}"),
            status: DeclarationStatus::Approved.to_string(),
            declaration: id,
            details: json!({ "digest": digest, "destroy": destroy, "reconciliation": reconciliation }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// The cluster changed under the plan: it is planned anew, and nothing is approved.
    async fn gone_stale(&self, actor: &Actor, id: DeclarationId, old: &Plan) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        let now = self.clock().now();
        declarations::move_to(&mut transaction, id, DeclarationStatus::Reading, None, now).await.map_err(changed)?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::PlanStale,
            subject: format!("plan {}", old.digest()),
            status: DeclarationStatus::Reading.to_string(),
            declaration: id,
            details: json!({ "digest": old.digest() }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Err(Refusal::Stale(
            "The cluster changed since this plan was made. Nothing was approved or sent; look at the new plan and confirm that one.".into(),
        ))
    }
}

/// The account as it stands now: a token may be older than a demotion.
async fn may_approve(connection: &mut PgConnection, actor: &Actor) -> Result<(), Refusal> {
    match users::get(connection, actor.id).await? {
        Some(user) if user.role == Role::Admin && user.approved => Ok(()),
        _ => Err(Refusal::Forbidden("Only an approved Admin may approve a plan. Nothing was approved.".into())),
    }
}
