//! Freezes: while one stands nothing is applied, on its cluster or anywhere.
//!
//! Whoever begins a step holds a lock with others who do until that is committed; whoever freezes waits for them. So
//! once a freeze is committed no step begins.

use chrono::{DateTime, Utc};
use mycopod_core::id::{ClusterId, UserId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, violates};

/// The advisory lock between beginning a step and freezing: any number that nothing else here uses.
const LOCK: i64 = 0x6672_6565_7a65;

/// A freeze that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Of which cluster; nothing where it is of all.
    pub cluster: Option<ClusterId>,
    /// What people call that cluster.
    pub cluster_name: Option<String>,
    /// The address of who set it.
    pub email: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub why: String,
}

impl FromRow<'_, PgRow> for Freeze {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            cluster: row.plain::<Option<uuid::Uuid>>("cluster_id")?.map(ClusterId),
            cluster_name: row.plain("cluster_name")?,
            email: row.plain("email")?,
            at: row.plain("at")?,
            why: row.plain("why")?,
        })
    }
}

/// Freezes a cluster, or all. Returns whether it was not frozen already.
pub async fn set(
    transaction: &mut Transaction<'_, Postgres>,
    cluster: Option<ClusterId>,
    by: UserId,
    why: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut **transaction).await?;
    let result = sqlx::query("INSERT INTO freezes (cluster_id, user_id, at, why) VALUES ($1, $2, $3, $4)")
        .bind(cluster.map(|cluster| cluster.0))
        .bind(by.0)
        .bind(at)
        .bind(why)
        .execute(&mut **transaction)
        .await;
    match result {
        Ok(_) => Ok(true),
        Err(error) if violates(&error, "freezes_one") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Lifts the freeze of a cluster, or of all. Returns whether there was one.
pub async fn lift(connection: &mut PgConnection, cluster: Option<ClusterId>) -> Result<bool, StoreError> {
    let result = sqlx::query("DELETE FROM freezes WHERE cluster_id IS NOT DISTINCT FROM $1")
        .bind(cluster.map(|cluster| cluster.0))
        .execute(connection)
        .await?;
    Ok(result.rows_affected() == 1)
}

/// The freezes that stand, that of all first.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Freeze>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT f.*, c.name AS cluster_name, u.email
         FROM freezes f LEFT JOIN clusters c ON c.id = f.cluster_id JOIN users u ON u.id = f.user_id
         ORDER BY f.cluster_id IS NOT NULL, c.name",
    )
    .fetch_all(connection)
    .await?)
}

/// Whether a cluster is frozen.
pub async fn holds(connection: &mut PgConnection, cluster: ClusterId) -> Result<bool, StoreError> {
    let query = "SELECT EXISTS (SELECT FROM freezes WHERE cluster_id IS NULL OR cluster_id = $1)";
    Ok(sqlx::query_scalar(query).bind(cluster.0).fetch_one(connection).await?)
}

/// Whether a step may be begun on a cluster. Where it may, no freeze comes before the transaction ends.
pub async fn may_begin(transaction: &mut Transaction<'_, Postgres>, cluster: ClusterId) -> Result<bool, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(LOCK).execute(&mut **transaction).await?;
    Ok(!holds(transaction, cluster).await?)
}
