//! Clusters: which there are, and how those are reached that the settings do not name.
//!
//! Every replica reads this table again and again: a cluster that was added, changed or
//! removed by one is known to all within moments. Removed clusters stay, for what was
//! declared on them, but their names are free.

use chrono::{DateTime, Utc};
use mycopod_core::cluster::{Access, ClusterName};
use mycopod_core::id::{ClusterId, DeclarationId, UserId};
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use crate::row::Columns;
use crate::{StoreError, exactly_one, violates};

/// A cluster, first or added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Which.
    pub id: ClusterId,
    /// What people call it.
    pub name: ClusterName,
    /// How it is reached; of the first the settings say that.
    pub added: Option<Added>,
    /// The fingerprints of its nodes' certificates, as last seen.
    pub fingerprints: Vec<String>,
    /// When its settings last changed.
    pub changed_at: DateTime<Utc>,
}

/// What an Admin said of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// All but the secret.
    pub access: Access,
    /// The token's secret, sealed.
    pub secret: Vec<u8>,
    /// When it was added.
    pub at: DateTime<Utc>,
    /// By whom: their address.
    pub by: String,
}

impl FromRow<'_, PgRow> for Cluster {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let added = match row.json_or_none("access")? {
            None => None,
            Some(access) => Some(Added {
                access,
                secret: row.plain("secret")?,
                at: row.plain("created_at")?,
                by: row.plain("email")?,
            }),
        };
        Ok(Self {
            id: row.id("id", ClusterId)?,
            name: row.parsed("name")?,
            added,
            fingerprints: row.plain("fingerprints")?,
            changed_at: row.plain("changed_at")?,
        })
    }
}

fn taken(name: &ClusterName) -> impl FnOnce(sqlx::Error) -> StoreError {
    let name = name.to_string();
    move |error| if violates(&error, "clusters_name_unique") { StoreError::ClusterTaken(name) } else { error.into() }
}

/// All clusters that are not removed: the first, then by name.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Cluster>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.*, u.email FROM clusters c LEFT JOIN users u ON u.id = c.created_by
         WHERE removed_at IS NULL ORDER BY c.id <> $1, name",
    )
    .bind(ClusterId::FIRST.0)
    .fetch_all(connection)
    .await?)
}

/// The name of a cluster, removed or not.
pub async fn name(connection: &mut PgConnection, id: ClusterId) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM clusters WHERE id = $1").bind(id.0).fetch_optional(connection).await?)
}

/// Gives the first cluster the name that the settings say.
pub async fn name_first(connection: &mut PgConnection, name: &ClusterName) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE clusters SET name = $2 WHERE id = $1")
        .bind(ClusterId::FIRST.0)
        .bind(name.as_str())
        .execute(connection)
        .await
        .map_err(taken(name))?;
    exactly_one(&result)
}

/// Adds a cluster.
pub async fn add(
    connection: &mut PgConnection,
    id: ClusterId,
    name: &ClusterName,
    access: &Access,
    secret: &[u8],
    by: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO clusters (id, name, access, secret, created_at, created_by, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $5)",
    )
    .bind(id.0)
    .bind(name.as_str())
    .bind(Json(access))
    .bind(secret)
    .bind(at)
    .bind(by.0)
    .execute(connection)
    .await
    .map_err(taken(name))?;
    exactly_one(&result)
}

/// Changes how a cluster is reached, unless somebody else did since `before`.
pub async fn change(
    connection: &mut PgConnection,
    before: &Cluster,
    access: &Access,
    secret: &[u8],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        // A change within the clock's tick must still be told from the one before.
        "UPDATE clusters SET access = $3, secret = $4, changed_at = greatest($5, changed_at + interval '1 microsecond')
         WHERE id = $1 AND changed_at = $2 AND removed_at IS NULL AND access IS NOT NULL",
    )
    .bind(before.id.0)
    .bind(before.changed_at)
    .bind(Json(access))
    .bind(secret)
    .bind(at)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// Keeps by what a cluster is known again under another address.
pub async fn save_fingerprints(
    connection: &mut PgConnection,
    id: ClusterId,
    fingerprints: &[String],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clusters SET fingerprints = $2 WHERE id = $1 AND fingerprints <> $2")
        .bind(id.0)
        .bind(fingerprints)
        .execute(connection)
        .await?;
    Ok(())
}

/// What keeps a cluster from being removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Guests of ours on it, as `web-01 (101)`.
    pub guests: Vec<String>,
    /// Declarations for it that are under way.
    pub declarations: Vec<DeclarationId>,
}

/// Removes a cluster on which nothing of ours is and nothing is under way; its sealed secret goes. Otherwise
/// tells what is.
pub async fn remove(
    connection: &mut PgConnection,
    id: ClusterId,
    at: DateTime<Utc>,
) -> Result<Result<(), InUse>, StoreError> {
    // From here on no declaration can be made for it: that takes a share lock on the row.
    let locked =
        sqlx::query("SELECT FROM clusters WHERE id = $1 AND removed_at IS NULL AND access IS NOT NULL FOR UPDATE")
            .bind(id.0)
            .execute(&mut *connection)
            .await?;
    exactly_one(&locked)?;
    let guests =
        sqlx::query("SELECT name, vmid FROM resources WHERE cluster_id = $1 AND state <> 'gone' ORDER BY vmid")
            .bind(id.0)
            .fetch_all(&mut *connection)
            .await?;
    let declarations = sqlx::query(
        "SELECT id FROM declarations WHERE cluster_id = $1
           AND status IN ('reading', 'needs_answer', 'awaiting_approval', 'approved', 'applying') ORDER BY id",
    )
    .bind(id.0)
    .fetch_all(&mut *connection)
    .await?;
    let in_use = InUse {
        guests: guests
            .iter()
            .map(|row| Ok(format!("{} ({})", row.plain::<&str>("name")?, row.count("vmid")?)))
            .collect::<sqlx::Result<_>>()?,
        declarations: declarations.iter().map(|row| row.id("id", DeclarationId)).collect::<sqlx::Result<_>>()?,
    };
    if in_use != InUse::default() {
        return Ok(Err(in_use));
    }
    let result = sqlx::query("UPDATE clusters SET removed_at = greatest($2, created_at), secret = NULL WHERE id = $1")
        .bind(id.0)
        .bind(at)
        .execute(connection)
        .await?;
    exactly_one(&result).map(Ok)
}
