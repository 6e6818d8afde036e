//! Drift: owned fields that are no longer as declared, since when, and what Proxmox tells of why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::drift::Cause;
use mycopod_core::field::{Field, Value};
use mycopod_core::id::{DeclarationId, ResourceId, UserId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, exactly_one, json};

/// What a cause is in the database where Proxmox keeps no record.
const UNRECORDED: &str = "unrecorded";
/// How long a repair counts: a tool that runs once an hour and is repaired each time is found within a day.
const LOOP_WITHIN: TimeDelta = TimeDelta::hours(24);
/// After this many repairs that were undone somebody else surely wants another value.
const LOOP_AFTER: i64 = 3;

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
    /// Who did it, once Proxmox was asked.
    pub cause: Option<Cause>,
    /// The declaration that owns the field.
    pub declaration: DeclarationId,
    /// When it was first seen so.
    pub since: DateTime<Utc>,
    /// When it was last seen so.
    pub seen_at: DateTime<Utc>,
    /// How often a repair of it was undone lately.
    pub repairs: u32,
    /// Whether that is so often that another tool wants another value.
    pub looping: bool,
    /// Until when nobody wants to hear of it, and who said so.
    pub snoozed: Option<(DateTime<Utc>, String)>,
}

impl FromRow<'_, PgRow> for Drift {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let until: Option<DateTime<Utc>> = row.plain("snoozed_until")?;
        Ok(Self {
            resource: row.id("resource_id", ResourceId)?,
            field: row.parsed("field")?,
            declared: row.json("declared")?,
            observed: row.json_or_none("observed")?,
            cause: match row.plain::<Option<&str>>("cause")? {
                None => None,
                Some(UNRECORDED) => Some(Cause::Unrecorded),
                Some(_) => Some(Cause::Task(row.parsed("cause")?)),
            },
            declaration: row.id("declaration_id", DeclarationId)?,
            since: row.plain("since")?,
            seen_at: row.plain("seen_at")?,
            repairs: row.count("repairs")?,
            looping: row.plain("looping")?,
            snoozed: until.zip(row.plain("snoozed_email")?),
        })
    }
}

/// A field as a look showed it, other than declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// What was declared.
    pub declared: Value,
    /// What is.
    pub observed: Option<Value>,
    /// Who did it, where Proxmox was asked.
    pub cause: Option<Cause>,
}

/// What a look changed: what the audit log is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Fields that have drifted since the last look.
    pub found: BTreeSet<Field>,
    /// Those of them that were repaired again and again and are undone again: by how many repairs.
    pub looping: BTreeMap<Field, u32>,
    /// Fields that are as declared again.
    pub cleared: BTreeSet<Field>,
}

fn written(cause: Option<&Cause>) -> Option<&str> {
    cause.map(|cause| match cause {
        Cause::Task(upid) => upid.as_str(),
        Cause::Unrecorded => UNRECORDED,
    })
}

/// Keeps what a look at one resource showed: all its fields that differ, with what was
/// declared and what is. Fields that nothing owns any more are left out.
pub async fn saw(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    differing: &BTreeMap<Field, Differing>,
    at: DateTime<Utc>,
) -> Result<News, StoreError> {
    let names: Vec<String> = differing.keys().map(ToString::to_string).collect();
    let declared = differing.values().map(|field| json::clean(&field.declared)).collect::<Result<Vec<_>, _>>()?;
    let observed = differing
        .values()
        .map(|field| field.observed.as_ref().map(json::clean).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let causes: Vec<Option<&str>> = differing.values().map(|field| written(field.cause.as_ref())).collect();
    let cleared = sqlx::query("DELETE FROM drift WHERE resource_id = $1 AND field <> ALL($2) RETURNING field")
        .bind(resource.0)
        .bind(&names)
        .fetch_all(&mut **transaction)
        .await?;
    // xmax is 0 for a row that was inserted, not updated. What is snoozed is the value that was seen then.
    let seen = sqlx::query(
        "INSERT INTO drift AS d (resource_id, field, declared, observed, cause, since, seen_at, looping)
         SELECT $1, field, new.declared, new.observed, new.cause, $2, $2,
                $7 <= (SELECT count(*) FROM repairs r WHERE r.resource_id = $1 AND r.field = new.field AND r.at > $8)
         FROM unnest($3::text[], $4::jsonb[], $5::jsonb[], $6::text[]) AS new (field, declared, observed, cause)
         JOIN owned_fields o USING (field) WHERE o.resource_id = $1 AND o.decided IS DISTINCT FROM 'ignored'
         ON CONFLICT (resource_id, field) DO UPDATE
         SET declared = excluded.declared, observed = excluded.observed, seen_at = greatest(d.since, excluded.seen_at),
             cause = coalesce(excluded.cause, d.cause),
             snoozed_until = CASE WHEN d.observed IS NOT DISTINCT FROM excluded.observed THEN d.snoozed_until END,
             snoozed_by = CASE WHEN d.observed IS NOT DISTINCT FROM excluded.observed THEN d.snoozed_by END
         RETURNING field, xmax = 0 AS is_new, looping,
             (SELECT count(*) FROM repairs r WHERE r.resource_id = $1 AND r.field = d.field AND r.at > $8)::integer
             AS repairs",
    )
    .bind(resource.0)
    .bind(at)
    .bind(&names)
    .bind(declared)
    .bind(observed)
    .bind(causes)
    .bind(LOOP_AFTER)
    .bind(at - LOOP_WITHIN)
    .fetch_all(&mut **transaction)
    .await?;
    let mut news = News::default();
    for row in &cleared {
        news.cleared.insert(row.parsed("field")?);
    }
    for row in &seen {
        if row.plain("is_new")? {
            let field: Field = row.parsed("field")?;
            if row.plain("looping")? {
                news.looping.insert(field.clone(), row.count("repairs")?);
            }
            news.found.insert(field);
        }
    }
    Ok(news)
}

/// Keeps that a plan of ours set these fields of a resource right. Returns those that had drifted. What happens to them
/// from now on is drift anew.
pub async fn repaired(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    fields: &BTreeSet<Field>,
    at: DateTime<Utc>,
) -> Result<BTreeSet<Field>, StoreError> {
    let names: Vec<String> = fields.iter().map(ToString::to_string).collect();
    sqlx::query("DELETE FROM repairs WHERE resource_id = $1 AND at <= $2")
        .bind(resource.0)
        .bind(at - LOOP_WITHIN)
        .execute(&mut **transaction)
        .await?;
    let rows = sqlx::query(
        "WITH over AS (DELETE FROM drift WHERE resource_id = $1 AND field = ANY($2) RETURNING *)
         INSERT INTO repairs (resource_id, field, observed, cause, since, at)
         SELECT resource_id, field, observed, cause, least(since, $3), $3 FROM over
         ON CONFLICT DO NOTHING RETURNING field",
    )
    .bind(resource.0)
    .bind(&names)
    .bind(at)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.iter().map(|row| row.parsed("field")).collect::<sqlx::Result<_>>()?)
}

/// The fields of a resource that have drifted and of which Proxmox was asked who did it, with what was seen of them then.
pub async fn explained(
    connection: &mut PgConnection,
    resource: ResourceId,
) -> Result<BTreeMap<Field, Option<Value>>, StoreError> {
    let rows = sqlx::query("SELECT field, observed FROM drift WHERE resource_id = $1 AND cause IS NOT NULL")
        .bind(resource.0)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.parsed("field")?, row.json_or_none("observed")?))).collect()
}

/// All drift, oldest first.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Drift>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT d.*, o.declaration_id, u.email AS snoozed_email,
                (SELECT count(*) FROM repairs r WHERE r.resource_id = d.resource_id AND r.field = d.field
                 AND r.at > d.since - $1::interval)::integer AS repairs
         FROM drift d JOIN owned_fields o USING (resource_id, field) LEFT JOIN users u ON u.id = d.snoozed_by
         ORDER BY d.since, d.resource_id, d.field",
    )
    .bind(LOOP_WITHIN.to_std().unwrap_or_default())
    .fetch_all(connection)
    .await?)
}

/// How one field of a resource has drifted, with the row locked until the transaction ends.
pub async fn locked(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    field: &Field,
) -> Result<Option<Drift>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT d.*, o.declaration_id, NULL::text AS snoozed_email, 0 AS repairs
         FROM drift d JOIN owned_fields o USING (resource_id, field)
         WHERE d.resource_id = $1 AND d.field = $2 FOR UPDATE OF d, o",
    )
    .bind(resource.0)
    .bind(field.to_string())
    .fetch_optional(&mut **transaction)
    .await?)
}

/// Keeps that nobody wants to hear of a drift until then.
pub async fn snooze(
    connection: &mut PgConnection,
    resource: ResourceId,
    field: &Field,
    until: DateTime<Utc>,
    by: UserId,
) -> Result<(), StoreError> {
    let result =
        sqlx::query("UPDATE drift SET snoozed_until = $3, snoozed_by = $4 WHERE resource_id = $1 AND field = $2")
            .bind(resource.0)
            .bind(field.to_string())
            .bind(until)
            .bind(by.0)
            .execute(connection)
            .await?;
    exactly_one(&result)
}

/// Forgets a drift that somebody decided about, and the repairs of it.
pub async fn decided(
    transaction: &mut Transaction<'_, Postgres>,
    resource: ResourceId,
    field: &Field,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM drift WHERE resource_id = $1 AND field = $2",
        "DELETE FROM repairs WHERE resource_id = $1 AND field = $2",
    ] {
        sqlx::query(statement).bind(resource.0).bind(field.to_string()).execute(&mut **transaction).await?;
    }
    Ok(())
}
