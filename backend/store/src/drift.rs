//! Drift: owned fields that are no longer as declared, and since when.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use mycopod_core::field::{Field, Value};
use mycopod_core::id::{DeclarationId, ResourceId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, json};

/// One field that has drifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Of which resource.
    pub resource: ResourceId,
    /// Which field.
    pub field: Field,
    /// What was declared.
    pub declared: Value,
    /// What is; `None` where the guest has no such field.
    pub observed: Option<Value>,
    /// The declaration that owns the field.
    pub declaration: DeclarationId,
    /// When it was first seen so.
    pub since: DateTime<Utc>,
    /// When it was last seen so.
    pub seen_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Drift {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            resource: row.id("resource_id", ResourceId)?,
            field: row.parsed("field")?,
            declared: row.json("declared")?,
            observed: row.json_or_none("observed")?,
            declaration: row.id("declaration_id", DeclarationId)?,
            since: row.plain("since")?,
            seen_at: row.plain("seen_at")?,
        })
    }
}

/// What a look changed: what the audit log is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Fields that have drifted since the last look.
    pub found: BTreeSet<Field>,
    /// Fields that are as declared again.
    pub cleared: BTreeSet<Field>,
}

/// Keeps what a look at one resource showed: all its fields that differ, with what was
/// declared and what is. Fields that nothing owns any more are left out.
pub async fn saw(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    differing: &BTreeMap<Field, (Value, Option<Value>)>,
    at: DateTime<Utc>,
) -> Result<News, StoreError> {
    let names: Vec<String> = differing.keys().map(ToString::to_string).collect();
    let declared = differing.values().map(|(declared, _)| json::clean(declared)).collect::<Result<Vec<_>, _>>()?;
    let observed = differing
        .values()
        .map(|(_, observed)| observed.as_ref().map(json::clean).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let cleared = sqlx::query("DELETE FROM drift WHERE resource_id = $1 AND field <> ALL($2) RETURNING field")
        .bind(resource.0)
        .bind(&names)
        .fetch_all(&mut **transaction)
        .await?;
    // xmax is 0 for a row that was inserted, not updated.
    let seen = sqlx::query(
        "INSERT INTO drift AS d (resource_id, field, declared, observed, since, seen_at)
         SELECT $1, field, new.declared, new.observed, $2, $2
         FROM unnest($3::text[], $4::jsonb[], $5::jsonb[]) AS new (field, declared, observed)
         JOIN owned_fields USING (field) WHERE owned_fields.resource_id = $1
         ON CONFLICT (resource_id, field) DO UPDATE
         SET declared = excluded.declared, observed = excluded.observed, seen_at = greatest(d.since, excluded.seen_at)
         RETURNING field, xmax = 0 AS is_new",
    )
    .bind(resource.0)
    .bind(at)
    .bind(&names)
    .bind(declared)
    .bind(observed)
    .fetch_all(&mut **transaction)
    .await?;
    let mut news = News::default();
    for row in &cleared {
        news.cleared.insert(row.parsed("field")?);
    }
    for row in &seen {
        if row.plain("is_new")? {
            news.found.insert(row.parsed("field")?);
        }
    }
    Ok(news)
}

/// All drift, oldest first.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Drift>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT drift.*, declaration_id FROM drift JOIN owned_fields USING (resource_id, field)
         ORDER BY since, resource_id, field",
    )
    .fetch_all(connection)
    .await?)
}
