//! Reconciliations: the carrying-out of approved plans.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mycopod_core::id::{DeclarationId, ReconciliationId, ResourceId};
use mycopod_core::plan::Plan;
use mycopod_core::status::ReconciliationStatus;
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::leases::Lease;
use crate::plans::PlanId;
use crate::row::Columns;
use crate::{StoreError, approvals, clip, exactly_one, json, leases, steps};

/// One carrying-out of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciliation {
    /// Which.
    pub id: ReconciliationId,
    /// Of which declaration.
    pub declaration: DeclarationId,
    /// The approved plan.
    pub plan: PlanId,
    /// Where it stands.
    pub status: ReconciliationStatus,
    /// Why it ended as it did, and what to do.
    pub reason: Option<String>,
    /// What else is worth keeping of it.
    pub details: Value,
    /// When it began.
    pub timestamp: DateTime<Utc>,
    /// When somebody called it off: the step under way is finished, no other is begun.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Whether its database was put back from a backup meanwhile: it is not gone on with.
    pub restored: bool,
}

impl FromRow<'_, PgRow> for Reconciliation {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.id("id", ReconciliationId)?,
            declaration: row.id("declaration_id", DeclarationId)?,
            plan: PlanId(row.plain("plan_id")?),
            status: row.parsed("status")?,
            reason: row.plain("reason")?,
            details: row.json("details")?,
            timestamp: row.plain("timestamp")?,
            cancel_requested_at: row.plain("cancel_requested_at")?,
            finished_at: row.plain("finished_at")?,
            restored: row.plain("restored")?,
        })
    }
}

/// Begins to carry out an approved plan: spends its approval and enters its steps as
/// pending, all or nothing. There is no other way to a step.
pub async fn begin(
    transaction: &mut Transaction<'_, Postgres>,
    id: ReconciliationId,
    plan_id: PlanId,
    plan: &Plan,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    approvals::spend(transaction, plan_id, plan.digest(), at).await?;
    let result = sqlx::query(
        r#"INSERT INTO reconciliations (id, declaration_id, plan_id, status, "timestamp") VALUES ($1, $2, $3, $4, $5)"#,
    )
    .bind(id.0)
    .bind(plan.declaration().0)
    .bind(plan_id.0)
    .bind(ReconciliationStatus::Applying.as_str())
    .bind(at)
    .execute(&mut **transaction)
    .await?;
    exactly_one(&result)?;
    steps::enter(transaction, id, plan).await?;
    leases::open(transaction, id).await
}

/// The reconciliation of that id.
pub async fn get(connection: &mut PgConnection, id: ReconciliationId) -> Result<Option<Reconciliation>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM reconciliations WHERE id = $1").bind(id.0).fetch_optional(connection).await?)
}

/// A declaration's latest reconciliation.
pub async fn latest(
    connection: &mut PgConnection,
    declaration: DeclarationId,
) -> Result<Option<Reconciliation>, StoreError> {
    Ok(sqlx::query_as(
        r#"SELECT * FROM reconciliations WHERE declaration_id = $1 ORDER BY "timestamp" DESC, id DESC LIMIT 1"#,
    )
    .bind(declaration.0)
    .fetch_optional(connection)
    .await?)
}

/// All reconciliations of a declaration, oldest first.
pub async fn of(connection: &mut PgConnection, declaration: DeclarationId) -> Result<Vec<Reconciliation>, StoreError> {
    Ok(sqlx::query_as(r#"SELECT * FROM reconciliations WHERE declaration_id = $1 ORDER BY "timestamp", id"#)
        .bind(declaration.0)
        .fetch_all(connection)
        .await?)
}

/// Asks whoever carries out the declaration's plan to stop after the step under way.
/// Returns whether there was anything to stop.
pub async fn request_cancel(
    connection: &mut PgConnection,
    declaration: DeclarationId,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "UPDATE reconciliations SET cancel_requested_at = coalesce(cancel_requested_at, $2)
         WHERE declaration_id = $1 AND status = 'applying'",
    )
    .bind(declaration.0)
    .bind(at)
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Ends a reconciliation, under its lease.
pub async fn finish(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    status: ReconciliationStatus,
    reason: Option<&str>,
    details: &Value,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "WITH held AS (SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE)
         UPDATE reconciliations SET status = $3, reason = $4, details = $5, finished_at = $6 FROM held
         WHERE id = $1 AND status = 'applying'",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(status.as_str())
    .bind(clip(reason))
    .bind(json::clean(details)?)
    .bind(at)
    .execute(&mut *connection)
    .await?;
    if result.rows_affected() == 0 {
        return Err(leases::why_unchanged(connection, lease).await?);
    }
    exactly_one(&result)
}

/// The resources on which a plan is being carried out: what is seen of them is on its way.
pub async fn busy_resources(connection: &mut PgConnection) -> Result<BTreeSet<ResourceId>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT resource_id FROM steps JOIN reconciliations ON id = reconciliation_id WHERE status = 'applying' AND resource_id IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().map(|row| row.id("resource_id", ResourceId)).collect::<sqlx::Result<_>>()?)
}
