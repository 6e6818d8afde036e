//! Plans, which never change: planning again makes another one.
//!
//! Two plans of one declaration may have the same digest, when nothing has changed
//! between them; each is approved for itself.

use chrono::{DateTime, Utc};
use mycopod_core::plan::Plan;
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use crate::StoreError;
use crate::row::Columns;

/// Which plan; later plans have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub i64);

/// A plan as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub id: PlanId,
    /// The plan. [`Plan::is_intact`] tells whether it still fits its digest.
    pub plan: Plan,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Stored {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { id: PlanId(row.plain("id")?), plan: row.json("plan")?, created_at: row.plain("created_at")? })
    }
}

/// Keeps a plan. Where it equals its declaration's current one, and that one was not
/// approved, the current one serves on: asking twice does not fill the table.
pub async fn save(connection: &mut PgConnection, plan: &Plan, at: DateTime<Utc>) -> Result<PlanId, StoreError> {
    let same: Option<i64> = sqlx::query_scalar(
        "SELECT p.id FROM declarations d JOIN plans p ON p.id = d.plan_id LEFT JOIN approvals a ON a.plan_id = p.id
         WHERE d.id = $1 AND p.digest = $2 AND p.plan = $3 AND a.plan_id IS NULL",
    )
    .bind(plan.declaration().0)
    .bind(plan.digest().as_str())
    .bind(Json(plan))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(id) = same {
        return Ok(PlanId(id));
    }
    let summary = plan.summary();
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let id = sqlx::query_scalar(
        "INSERT INTO plans (declaration_id, digest, plan, creates, updates, destroys, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(plan.declaration().0)
    .bind(plan.digest().as_str())
    .bind(Json(plan))
    .bind(count(summary.create))
    .bind(count(summary.update))
    .bind(count(summary.destroy))
    .bind(at)
    .fetch_one(connection)
    .await?;
    Ok(PlanId(id))
}

/// The plan of that number.
pub async fn get(connection: &mut PgConnection, id: PlanId) -> Result<Option<Stored>, StoreError> {
    Ok(sqlx::query_as("SELECT id, plan, created_at FROM plans WHERE id = $1")
        .bind(id.0)
        .fetch_optional(connection)
        .await?)
}
