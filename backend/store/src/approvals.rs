//! Approvals: one Admin's yes to one plan, spent once.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mycopod_core::approval::ApprovalRecord;
use mycopod_core::id::{StandingId, UserId};
use mycopod_core::plan::{Plan, PlanDigest};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::plans::PlanId;
use crate::row::Columns;
use crate::{StoreError, exactly_one, plans, violates};

/// An approval as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// To which plan.
    pub plan: PlanId,
    /// By whom.
    pub by: UserId,
    /// Their address.
    pub email: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The guests whose destruction it names.
    pub destroy: BTreeSet<String>,
    /// The standing approval that it was made by, where it was.
    pub standing: Option<StandingId>,
    /// When the plan was begun.
    pub spent_at: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for Approval {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            plan: PlanId(row.plain("plan_id")?),
            by: row.id("user_id", UserId)?,
            email: row.plain("email")?,
            at: row.plain("at")?,
            destroy: row.plain::<Vec<String>>("destroy")?.into_iter().collect(),
            standing: row.plain::<Option<uuid::Uuid>>("standing_id")?.map(StandingId),
            spent_at: row.plain("spent_at")?,
        })
    }
}

/// Keeps an approval. The foreign key refuses one whose digest is not the plan's.
pub async fn give(
    connection: &mut PgConnection,
    plan: PlanId,
    record: &ApprovalRecord,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO approvals (plan_id, digest, user_id, at, destroy, standing_id, mild)
                     VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 IS NOT NULL THEN true END)",
    )
    .bind(plan.0)
    .bind(record.digest.as_str())
    .bind(record.by.0)
    .bind(at)
    .bind(record.destroy.iter().collect::<Vec<_>>())
    .bind(record.standing.map(|standing| standing.0))
    .execute(connection)
    .await
    .map_err(|error| if violates(&error, "approvals_pkey") { StoreError::AlreadyApproved } else { error.into() })?;
    exactly_one(&result)
}

/// The approval of a plan, if any.
pub async fn get(connection: &mut PgConnection, plan: PlanId) -> Result<Option<Approval>, StoreError> {
    Ok(sqlx::query_as("SELECT a.*, u.email FROM approvals a JOIN users u ON u.id = a.user_id WHERE plan_id = $1")
        .bind(plan.0)
        .fetch_optional(connection)
        .await?)
}

/// Spends the approval of a plan: of all who try, ever, one succeeds.
/// Begin the reconciliation in the same transaction.
pub async fn spend(
    transaction: &mut Transaction<'_, Postgres>,
    plan: PlanId,
    digest: &PlanDigest,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result =
        sqlx::query("UPDATE approvals SET spent_at = $3 WHERE plan_id = $1 AND digest = $2 AND spent_at IS NULL")
            .bind(plan.0)
            .bind(digest.as_str())
            .bind(at)
            .execute(&mut **transaction)
            .await?;
    exactly_one(&result).map_err(|_| StoreError::NoApproval)
}

/// A plan and the record of its approval, from which `Approved::recorded` makes the
/// right to carry it out, now or after a restart.
pub async fn with_plan(
    connection: &mut PgConnection,
    plan: PlanId,
) -> Result<Option<(Plan, ApprovalRecord)>, StoreError> {
    let Some(approval) = get(connection, plan).await? else { return Ok(None) };
    let Some(stored) = plans::get(connection, plan).await? else { return Ok(None) };
    // The foreign key ties the approval's digest to the plan's.
    let digest = stored.plan.digest().clone();
    let Approval { by, destroy, standing, .. } = approval;
    Ok(Some((stored.plan, ApprovalRecord { by, digest, destroy, standing })))
}
