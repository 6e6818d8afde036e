//! Owned fields: what of which guest is declared, by the newest declaration that says it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mycopod_core::field::{Field, Value};
use mycopod_core::id::{ClusterId, DeclarationId, ResourceId, UserId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use crate::row::Columns;
use crate::{StoreError, exactly_one, json};

/// One declared field of one guest of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedField {
    /// Of which resource.
    pub resource: ResourceId,
    /// Which field.
    pub field: Field,
    /// What it shall be.
    pub value: Value,
    /// Which declaration says so.
    pub declaration: DeclarationId,
    /// What somebody decided about it when it had drifted.
    pub decision: Option<Decision>,
}

/// What somebody decided about a field that had drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The value that was seen is the declared one.
    Accepted,
    /// It is not declared any more.
    Ignored,
}

impl Decision {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
        }
    }
}

impl OwnedField {
    /// Whether somebody decided that it is not declared any more.
    #[must_use]
    pub fn is_ignored(&self) -> bool {
        self.decision == Some(Decision::Ignored)
    }
}

impl FromRow<'_, PgRow> for OwnedField {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            resource: row.id("resource_id", ResourceId)?,
            field: row.parsed("field")?,
            value: row.json("value")?,
            declaration: row.id("declaration_id", DeclarationId)?,
            decision: match row.plain::<Option<&str>>("decided")? {
                Some("accepted") => Some(Decision::Accepted),
                Some("ignored") => Some(Decision::Ignored),
                _ => None,
            },
        })
    }
}

/// Makes fields of a resource a declaration's own, except those that a newer declaration owns
/// (ids sort by time), or about which somebody decided since it came to own them. Returns the declarations that lost their last field by this:
/// they are superseded.
pub async fn own(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    declaration: DeclarationId,
    fields: &BTreeMap<Field, Value>,
    at: DateTime<Utc>,
) -> Result<BTreeSet<DeclarationId>, StoreError> {
    let names: Vec<String> = fields.keys().map(ToString::to_string).collect();
    let values = fields.values().map(json::clean).collect::<Result<Vec<_>, _>>()?;
    let before: Vec<Uuid> = sqlx::query_scalar(
        "SELECT declaration_id FROM owned_fields
         WHERE resource_id = $1 AND field = ANY($2) AND declaration_id < $3 ORDER BY field FOR UPDATE",
    )
    .bind(resource.0)
    .bind(&names)
    .bind(declaration.0)
    .fetch_all(&mut **transaction)
    .await?;
    sqlx::query(
        "INSERT INTO owned_fields AS o (resource_id, field, value, declaration_id, at)
         SELECT $1, field, value, $2, $3 FROM unnest($4::text[], $5::jsonb[]) AS new (field, value)
         ON CONFLICT (resource_id, field) DO UPDATE
         SET value = excluded.value, declaration_id = excluded.declaration_id, at = excluded.at,
             decided = NULL, decided_by = NULL, decided_at = NULL
         WHERE o.declaration_id < excluded.declaration_id
            OR (o.declaration_id = excluded.declaration_id AND o.decided IS NULL)",
    )
    .bind(resource.0)
    .bind(declaration.0)
    .bind(at)
    .bind(&names)
    .bind(values)
    .execute(&mut **transaction)
    .await?;
    let overtaken: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT id FROM unnest($1::uuid[]) AS before (id)
         WHERE NOT EXISTS (SELECT FROM owned_fields WHERE declaration_id = id)",
    )
    .bind(before)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(overtaken.into_iter().map(DeclarationId).collect())
}

/// Keeps what somebody decided about an owned field, and the value that it has by that.
pub async fn decide(
    connection: &mut PgConnection,
    resource: ResourceId,
    field: &Field,
    decision: Decision,
    value: &Value,
    by: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE owned_fields SET value = $3, decided = $4, decided_by = $5, decided_at = $6, at = $6
         WHERE resource_id = $1 AND field = $2",
    )
    .bind(resource.0)
    .bind(field.to_string())
    .bind(json::clean(value)?)
    .bind(decision.as_str())
    .bind(by.0)
    .bind(at)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// The declared fields of one resource.
pub async fn of(connection: &mut PgConnection, resource: ResourceId) -> Result<Vec<OwnedField>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM owned_fields WHERE resource_id = $1 AND decided IS DISTINCT FROM 'ignored' ORDER BY field",
    )
    .bind(resource.0)
    .fetch_all(connection)
    .await?)
}

/// All declared fields of guests on a cluster: the latest state of all declarations for it. Ignored ones are among them,
/// as they say whose they were.
pub async fn all(connection: &mut PgConnection, cluster: ClusterId) -> Result<Vec<OwnedField>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT o.* FROM owned_fields o JOIN resources r ON r.id = resource_id WHERE cluster_id = $1
         ORDER BY resource_id, field",
    )
    .bind(cluster.0)
    .fetch_all(connection)
    .await?)
}

/// The newest declaration that owns a field of each resource.
pub async fn owners(connection: &mut PgConnection) -> Result<BTreeMap<ResourceId, DeclarationId>, StoreError> {
    // PostgreSQL 15 has no max(uuid).
    let rows = sqlx::query(
        "SELECT DISTINCT ON (resource_id) resource_id, declaration_id FROM owned_fields
         ORDER BY resource_id, declaration_id DESC",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.id("resource_id", ResourceId)?, row.id("declaration_id", DeclarationId)?))).collect()
}
