//! The last look at each cluster, for pages to show with its age. Readings and plans
//! look afresh.

use mycopod_core::id::ClusterId;
use mycopod_core::observed::Observed;
use sqlx::postgres::PgConnection;

use crate::row::Columns;
use crate::{StoreError, exactly_one, json};

/// Keeps a look at a cluster, unless a later one is kept already. Returns whether it was kept.
pub async fn save(connection: &mut PgConnection, cluster: ClusterId, observed: &Observed) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "INSERT INTO observations AS o (cluster_id, data, at) VALUES ($1, $2, $3)
         ON CONFLICT (cluster_id) DO UPDATE SET data = excluded.data, at = excluded.at WHERE o.at <= excluded.at",
    )
    .bind(cluster.0)
    .bind(json::clean(observed)?)
    .bind(observed.at)
    .execute(connection)
    .await?;
    if result.rows_affected() == 0 {
        return Ok(false);
    }
    exactly_one(&result).map(|()| true)
}

/// The last look at a cluster.
pub async fn latest(connection: &mut PgConnection, cluster: ClusterId) -> Result<Option<Observed>, StoreError> {
    let row = sqlx::query("SELECT data FROM observations WHERE cluster_id = $1")
        .bind(cluster.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(row.json("data")?)).transpose()
}
