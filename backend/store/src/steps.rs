//! The step ledger: what of a plan was begun, sent and done.
//!
//! Every write names the fence of the reconciliation's lease and the state it expects,
//! and changes one row; a worker whose lease is lost gets [`StoreError::LeaseLost`]
//! and has written nothing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mycopod_core::id::{ReconciliationId, ResourceId};
use mycopod_core::plan::Plan;
use mycopod_core::ports::Upid;
use mycopod_core::status::StepState;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::leases::Lease;
use crate::row::Columns;
use crate::{StoreError, clip, exactly_one, json, leases};

/// One step's place in the ledger. What it does stands in the plan, under the same `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which step of the plan, from 1.
    pub seq: u32,
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun: 1, and more after crashes or when nothing had been sent.
    pub attempts: u32,
    /// What was seen just before it was first sent, once it was begun.
    pub baseline: Option<Value>,
    /// Proxmox's task.
    pub upid: Option<Upid>,
    /// Why it failed or is blocked.
    pub error: Option<String>,
    /// The digest of the guest's configuration when the step was done: what the guest's next step must find.
    pub digest: Option<String>,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When Proxmox gave a task for it.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it ended, in whatever way.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Entry {
    /// The baseline as what it was written from.
    pub fn baseline_as<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        self.baseline
            .clone()
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| StoreError::Corrupt(format!("baseline of step {}: {error}", self.seq)))
    }
}

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let upid = match row.plain::<Option<&str>>("upid")? {
            Some(_) => Some(row.parsed("upid")?),
            None => None,
        };
        Ok(Self {
            seq: row.count("seq")?,
            state: row.parsed("state")?,
            attempts: row.count("attempts")?,
            baseline: row.json_or_none("baseline")?,
            upid,
            error: row.plain("error")?,
            digest: row.plain("digest")?,
            started_at: row.plain("started_at")?,
            submitted_at: row.plain("submitted_at")?,
            finished_at: row.plain("finished_at")?,
        })
    }
}

fn number(seq: u32) -> i32 {
    // A plan has 500 steps at most; a greater number fits no row.
    i32::try_from(seq).unwrap_or(0)
}

/// Enters all steps of a plan as pending.
pub(crate) async fn enter(
    transaction: &mut Transaction<'_, Postgres>,
    reconciliation: ReconciliationId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let seqs: Vec<i32> = plan.steps().iter().map(|step| number(step.seq)).collect();
    let resources: Vec<Option<uuid::Uuid>> =
        plan.steps().iter().map(|step| step.resource().map(|resource| resource.0)).collect();
    let nodes: Vec<Option<&str>> = plan.steps().iter().map(|step| step.node()).collect();
    sqlx::query(
        "INSERT INTO steps (reconciliation_id, seq, resource_id, node, state)
         SELECT $1, seq, resource, node, 'pending'
         FROM unnest($2::integer[], $3::uuid[], $4::text[]) AS step (seq, resource, node)",
    )
    .bind(reconciliation.0)
    .bind(seqs)
    .bind(resources)
    .bind(nodes)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The ledger of a reconciliation, in the plan's order.
pub async fn list(connection: &mut PgConnection, reconciliation: ReconciliationId) -> Result<Vec<Entry>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM steps WHERE reconciliation_id = $1 ORDER BY seq")
        .bind(reconciliation.0)
        .fetch_all(connection)
        .await?)
}

/// Begins a step: from here on only a look can tell whether it was sent. `baseline` is what was seen
/// just before.
pub async fn start(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    seq: u32,
    baseline: &impl Serialize,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "WITH held AS (SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE)
         UPDATE steps SET state = 'started', fence = $2, attempts = 1, baseline = $4, started_at = $5 FROM held
         WHERE reconciliation_id = $1 AND seq = $3 AND state = 'pending'",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(number(seq))
    .bind(json::clean(baseline)?)
    .bind(at)
    .execute(&mut *connection)
    .await?;
    changed(connection, lease, &result).await
}

/// Counts another attempt at a step that was begun and, as a look has shown, not sent. Its baseline stays.
/// Returns the number of attempts.
pub async fn attempt_again(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    seq: u32,
) -> Result<u32, StoreError> {
    let row = sqlx::query(
        "WITH held AS (SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE)
         UPDATE steps SET fence = $2, attempts = attempts + 1 FROM held
         WHERE reconciliation_id = $1 AND seq = $3 AND state = 'started' RETURNING attempts",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(number(seq))
    .fetch_optional(&mut *connection)
    .await?;
    match row {
        Some(row) => Ok(row.count("attempts")?),
        None => Err(leases::why_unchanged(connection, lease).await?),
    }
}

/// Keeps the task that Proxmox gave for a step, or that a look found.
pub async fn submitted(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    seq: u32,
    upid: &Upid,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "WITH held AS (SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE)
         UPDATE steps SET state = 'submitted', fence = $2, upid = $4, submitted_at = $5 FROM held
         WHERE reconciliation_id = $1 AND seq = $3 AND state = 'started'",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(number(seq))
    .bind(upid.as_str())
    .bind(at)
    .execute(&mut *connection)
    .await?;
    changed(connection, lease, &result).await
}

/// Ends a step as `done`, `failed`, `blocked` or `skipped`, where [`StepState::may_become`] allows it.
pub async fn finish(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    seq: u32,
    state: StepState,
    error: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let from: Vec<&str> =
        StepState::ALL.iter().filter(|from| from.may_become(state)).map(|from| from.as_str()).collect();
    let result = sqlx::query(
        "WITH held AS (SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE)
         UPDATE steps SET state = $4, fence = $2, error = $5, finished_at = $6 FROM held
         WHERE reconciliation_id = $1 AND seq = $3 AND state = ANY($7)",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(number(seq))
    .bind(state.as_str())
    .bind(clip(error))
    .bind(at)
    .bind(from)
    .execute(&mut *connection)
    .await?;
    changed(connection, lease, &result).await
}

/// Keeps the digest that the guest's configuration had when the step was done. Finish it in the same transaction.
pub async fn saw(
    transaction: &mut Transaction<'_, Postgres>,
    lease: &Lease<ReconciliationId>,
    seq: u32,
    digest: &str,
) -> Result<(), StoreError> {
    leases::hold(transaction, lease).await?;
    let result = sqlx::query("UPDATE steps SET digest = $3 WHERE reconciliation_id = $1 AND seq = $2")
        .bind(lease.work.0)
        .bind(number(seq))
        .bind(digest)
        .execute(&mut **transaction)
        .await?;
    exactly_one(&result)
}

/// Skips all steps that were not begun; returns which.
pub async fn skip_pending(
    transaction: &mut Transaction<'_, Postgres>,
    lease: &Lease<ReconciliationId>,
    at: DateTime<Utc>,
) -> Result<Vec<u32>, StoreError> {
    leases::hold(transaction, lease).await?;
    let rows = sqlx::query(
        "UPDATE steps SET state = 'skipped', fence = $2, finished_at = $3
         WHERE reconciliation_id = $1 AND state = 'pending' RETURNING seq",
    )
    .bind(lease.work.0)
    .bind(lease.fence)
    .bind(at)
    .fetch_all(&mut **transaction)
    .await?;
    let mut seqs = rows.iter().map(|row| row.count("seq")).collect::<sqlx::Result<Vec<_>>>()?;
    seqs.sort_unstable();
    Ok(seqs)
}

async fn changed(
    connection: &mut PgConnection,
    lease: &Lease<ReconciliationId>,
    result: &PgQueryResult,
) -> Result<(), StoreError> {
    if result.rows_affected() == 0 {
        return Err(leases::why_unchanged(connection, lease).await?);
    }
    exactly_one(result)
}

/// Which of these tasks were steps of ours on a resource.
pub async fn ours(
    connection: &mut PgConnection,
    resource: ResourceId,
    tasks: &[Upid],
) -> Result<BTreeSet<String>, StoreError> {
    let tasks: Vec<&str> = tasks.iter().map(Upid::as_str).collect();
    let found: Vec<String> = sqlx::query_scalar("SELECT upid FROM steps WHERE resource_id = $1 AND upid = ANY($2)")
        .bind(resource.0)
        .bind(tasks)
        .fetch_all(connection)
        .await?;
    Ok(found.into_iter().collect())
}
