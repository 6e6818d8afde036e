//! Looks at the guests that are kept: which is due, and what of the last one is worth keeping.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mycopod_core::id::{ClusterId, ResourceId};
use mycopod_core::roll::Listed;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::resources::Resource;
use crate::row::Columns;
use crate::{StoreError, exactly_one, json};

/// A guest that is kept, and the last look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub resource: Resource,
    /// What the cluster's list said of it then.
    pub listed: Option<Listed>,
    /// When it last was as declared.
    pub clean_at: Option<DateTime<Utc>>,
    /// Whether a part of its firewall is owned, which takes more calls to read.
    pub guarded: bool,
    /// Whether there is drift of which Proxmox was not asked yet who did it.
    pub unexplained: bool,
}

impl FromRow<'_, PgRow> for Due {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            resource: Resource::from_row(row)?,
            listed: row.json_or_none("listed")?,
            clean_at: row.plain("clean_at")?,
            guarded: row.plain("guarded")?,
            unexplained: row.plain("unexplained")?,
        })
    }
}

/// Whether it is the caller's turn to sweep a cluster: of all who ask within `every`, on however many
/// replicas, one is told so.
pub async fn turn(connection: &mut PgConnection, cluster: ClusterId, every: Duration) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "INSERT INTO sweeps AS s (cluster_id, at) VALUES ($1, now())
         ON CONFLICT (cluster_id) DO UPDATE SET at = excluded.at WHERE s.at <= excluded.at - $2::interval",
    )
    .bind(cluster.0)
    .bind(every)
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// The guests on a cluster of which a field is owned and that nothing is being done to, the one whose last look
/// was longest ago first.
pub async fn due(connection: &mut PgConnection, cluster: ClusterId) -> Result<Vec<Due>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT r.*, c.listed, c.clean_at,
                EXISTS (SELECT FROM owned_fields o WHERE o.resource_id = r.id AND decided IS DISTINCT FROM 'ignored'
                        AND field LIKE 'firewall.%') AS guarded,
                EXISTS (SELECT FROM drift d WHERE d.resource_id = r.id AND cause IS NULL) AS unexplained
         FROM resources r LEFT JOIN checks c ON c.resource_id = r.id
         WHERE r.cluster_id = $1 AND r.state = 'present'
           AND EXISTS (SELECT FROM owned_fields o WHERE o.resource_id = r.id AND decided IS DISTINCT FROM 'ignored')
           AND r.id NOT IN (SELECT resource_id FROM steps JOIN reconciliations n ON n.id = reconciliation_id
                            WHERE n.status = 'applying' AND resource_id IS NOT NULL)
         ORDER BY c.tried_at NULLS FIRST, r.vmid",
    )
    .bind(cluster.0)
    .fetch_all(connection)
    .await?)
}

/// Keeps that a look at a guest was tried and told nothing: others are looked at before it again.
pub async fn tried(connection: &mut PgConnection, resource: ResourceId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO checks AS c (resource_id, tried_at) VALUES ($1, $2)
         ON CONFLICT (resource_id) DO UPDATE SET tried_at = greatest(c.tried_at, excluded.tried_at)",
    )
    .bind(resource.0)
    .bind(at)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// Keeps a look at a guest. Returns whether it counts: not when a later one is kept already, nor when something was
/// done to the guest, or other fields of it came to be owned, since it was made.
pub async fn saw(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    listed: Option<&Listed>,
    clean: bool,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "INSERT INTO checks AS c (resource_id, listed, tried_at, seen_at, clean_at)
         SELECT id, $2, $3, $3, CASE WHEN $4 THEN $3 END FROM resources WHERE id = $1 AND state = 'present'
            AND NOT EXISTS (SELECT FROM owned_fields WHERE resource_id = $1 AND owned_fields.at > $3)
            AND NOT EXISTS (SELECT FROM steps JOIN reconciliations n ON n.id = reconciliation_id
                            WHERE resource_id = $1 AND (n.status = 'applying' OR steps.finished_at > $3))
         ON CONFLICT (resource_id) DO UPDATE
         SET listed = excluded.listed, tried_at = excluded.tried_at, seen_at = excluded.seen_at,
             clean_at = coalesce(excluded.clean_at, c.clean_at)
         WHERE c.seen_at IS NULL OR c.seen_at < excluded.seen_at",
    )
    .bind(resource.0)
    .bind(listed.map(json::clean).transpose()?)
    .bind(at)
    .bind(clean)
    .execute(&mut **transaction)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Whether a guest was proven gone by the last look at it.
pub async fn is_gone(connection: &mut PgConnection, resource: ResourceId) -> Result<bool, StoreError> {
    let query = "SELECT EXISTS (SELECT FROM checks WHERE resource_id = $1 AND seen_at IS NOT NULL AND listed IS NULL)";
    Ok(sqlx::query_scalar(query).bind(resource.0).fetch_one(connection).await?)
}

/// How many guests of a cluster are kept and how many of them have an owned firewall; and when the one whose last look
/// was longest ago was looked at, where all were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Guests that are kept.
    pub guests: u32,
    /// Those whose firewall is read as well.
    pub guarded: u32,
    /// The oldest of their last looks; nothing where one was never looked at.
    pub oldest: Option<DateTime<Utc>>,
}

/// What there is to sweep on a cluster.
pub async fn extent(connection: &mut PgConnection, cluster: ClusterId) -> Result<Extent, StoreError> {
    let row = sqlx::query(
        "SELECT count(*)::integer AS guests, coalesce(sum(guarded::integer), 0)::integer AS guarded,
                CASE WHEN bool_and(c.seen_at IS NOT NULL) THEN min(c.seen_at) END AS oldest
         FROM (SELECT resource_id, bool_or(field LIKE 'firewall.%') AS guarded FROM owned_fields
               WHERE decided IS DISTINCT FROM 'ignored' GROUP BY resource_id) o
         JOIN resources r ON r.id = o.resource_id LEFT JOIN checks c ON c.resource_id = r.id
         WHERE r.cluster_id = $1 AND r.state = 'present'",
    )
    .bind(cluster.0)
    .fetch_one(connection)
    .await?;
    Ok(Extent { guests: row.count("guests")?, guarded: row.count("guarded")?, oldest: row.plain("oldest")? })
}
