//! Leases on work: whoever holds one may write, and a lost one writes nothing.
//!
//! A declaration to be read or carried out, and a reconciliation under way, is claimed
//! by one worker for a time by the database's clock. Each claim raises the *fence*.
//! Every write of the ledger names its fence and takes a share lock on the lease in
//! the same statement: a later claim either waits for that write's transaction, or
//! has come first, and then the write finds no lease and changes nothing.

use std::time::Duration;

use mycopod_core::id::{ClusterId, DeclarationId, ReconciliationId};
use mycopod_core::status::{DeclarationStatus, ReconciliationStatus};
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::row::Columns;
use crate::{StoreError, exactly_one};

/// The right to work on one thing, for as long as nobody has claimed it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease<Work> {
    /// What is worked on.
    pub work: Work,
    /// Which claim of it this is; it only grows.
    pub fence: i64,
}

/// What can be claimed.
pub trait Claimable: Copy + private::Sealed {
    /// Its key among the leases.
    fn work_id(self) -> Uuid;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::DeclarationId {}
    impl Sealed for super::ReconciliationId {}
}

impl Claimable for DeclarationId {
    fn work_id(self) -> Uuid {
        self.0
    }
}

impl Claimable for ReconciliationId {
    fn work_id(self) -> Uuid {
        self.0
    }
}

/// Makes a thing claimable.
pub(crate) async fn open(connection: &mut PgConnection, work: impl Claimable) -> Result<(), StoreError> {
    let result =
        sqlx::query("INSERT INTO leases (work_id) VALUES ($1)").bind(work.work_id()).execute(connection).await?;
    exactly_one(&result)
}

/// Claims the declaration for a cluster in this state that has waited longest and that nobody holds.
///
/// `worker` names the claimant for people; `lease` is how long the claim holds unless renewed.
pub async fn claim_declaration(
    connection: &mut PgConnection,
    cluster: ClusterId,
    status: DeclarationStatus,
    worker: &str,
    lease: Duration,
) -> Result<Option<Lease<DeclarationId>>, StoreError> {
    let row = sqlx::query(
        "UPDATE leases SET worker = $2, fence = fence + 1, lease_until = now() + $3 WHERE work_id = (
             SELECT work_id FROM leases JOIN declarations ON id = work_id
             WHERE cluster_id = $4 AND status = $1 AND (lease_until IS NULL OR lease_until < now())
             ORDER BY updated_at LIMIT 1 FOR UPDATE OF leases SKIP LOCKED)
         RETURNING work_id, fence",
    )
    .bind(status.as_str())
    .bind(worker)
    .bind(lease)
    .bind(cluster.0)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(Lease { work: row.id("work_id", DeclarationId)?, fence: row.plain("fence")? })).transpose()
}

/// Claims the reconciliation under way on a cluster that nobody holds: one with steps that were begun, whose places are
/// taken until somebody sees their end, then the one that had the fewest turns, and of those the one that has waited longest. On a
/// cluster that is frozen only what must be brought to an end: steps that were begun, and what was called off.
pub async fn claim_reconciliation(
    connection: &mut PgConnection,
    cluster: ClusterId,
    worker: &str,
    lease: Duration,
) -> Result<Option<Lease<ReconciliationId>>, StoreError> {
    let row = sqlx::query(
        r#"UPDATE leases SET worker = $2, fence = fence + 1, lease_until = now() + $3 WHERE work_id = (
             SELECT work_id FROM leases JOIN reconciliations r ON r.id = work_id JOIN declarations d ON d.id = declaration_id
             WHERE cluster_id = $4 AND r.status = $1 AND (lease_until IS NULL OR lease_until < now())
               AND (NOT EXISTS (SELECT FROM freezes f WHERE f.cluster_id IS NULL OR f.cluster_id = $4)
                    OR r.cancel_requested_at IS NOT NULL
                    OR EXISTS (SELECT FROM steps s WHERE s.reconciliation_id = r.id
                               AND s.state IN ('started', 'submitted')))
             ORDER BY NOT EXISTS (
                 SELECT FROM steps WHERE reconciliation_id = r.id AND state IN ('started', 'submitted')), fence, "timestamp"
             LIMIT 1 FOR UPDATE OF leases SKIP LOCKED)
         RETURNING work_id, fence"#,
    )
    .bind(ReconciliationStatus::Applying.as_str())
    .bind(worker)
    .bind(lease)
    .bind(cluster.0)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(Lease { work: row.id("work_id", ReconciliationId)?, fence: row.plain("fence")? })).transpose()
}

/// Claims one thing at once, where the claimant has just made it.
pub async fn claim<Work: Claimable>(
    connection: &mut PgConnection,
    work: Work,
    worker: &str,
    lease: Duration,
) -> Result<Option<Lease<Work>>, StoreError> {
    let fence: Option<i64> = sqlx::query_scalar(
        "UPDATE leases SET worker = $2, fence = fence + 1, lease_until = now() + $3
         WHERE work_id = $1 AND (lease_until IS NULL OR lease_until < now()) RETURNING fence",
    )
    .bind(work.work_id())
    .bind(worker)
    .bind(lease)
    .fetch_optional(connection)
    .await?;
    Ok(fence.map(|fence| Lease { work, fence }))
}

/// Makes the lease last `lease` from now. One that ran out and that nobody claimed since is revived.
pub async fn renew<Work: Claimable>(
    connection: &mut PgConnection,
    held: &Lease<Work>,
    lease: Duration,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE leases SET lease_until = now() + $3 WHERE work_id = $1 AND fence = $2 AND worker IS NOT NULL",
    )
    .bind(held.work.work_id())
    .bind(held.fence)
    .bind(lease)
    .execute(connection)
    .await?;
    held_by_one(&result)
}

/// Gives the lease back, so that others need not wait for its end. A lost lease is given back already.
/// A released fence is spent: its holder writes no more.
pub async fn release<Work: Claimable>(connection: &mut PgConnection, held: &Lease<Work>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE leases SET worker = NULL, lease_until = NULL, fence = fence + 1 WHERE work_id = $1 AND fence = $2",
    )
    .bind(held.work.work_id())
    .bind(held.fence)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes sure that the lease is held, and keeps it so until the transaction ends:
/// whatever else the transaction writes is committed under this lease or not at all.
pub async fn hold<Work: Claimable>(
    transaction: &mut Transaction<'_, Postgres>,
    held: &Lease<Work>,
) -> Result<(), StoreError> {
    let result = sqlx::query("SELECT FROM leases WHERE work_id = $1 AND fence = $2 FOR SHARE")
        .bind(held.work.work_id())
        .bind(held.fence)
        .execute(&mut **transaction)
        .await?;
    held_by_one(&result)
}

fn held_by_one(result: &sqlx::postgres::PgQueryResult) -> Result<(), StoreError> {
    exactly_one(result).map_err(|_| StoreError::LeaseLost)
}

/// Why a fenced write changed nothing: the lease is lost, or the row is not as expected.
pub(crate) async fn why_unchanged<Work: Claimable>(
    connection: &mut PgConnection,
    held: &Lease<Work>,
) -> Result<StoreError, StoreError> {
    let held: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM leases WHERE work_id = $1 AND fence = $2)")
        .bind(held.work.work_id())
        .bind(held.fence)
        .fetch_one(connection)
        .await?;
    Ok(if held { StoreError::NotOneRow(0) } else { StoreError::LeaseLost })
}
