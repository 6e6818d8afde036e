//! Standing approvals: an Admin's yes in advance to mild repairs of one declaration.

use chrono::{DateTime, Utc};
use mycopod_core::id::{ClusterId, DeclarationId, StandingId, UserId};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, clip, exactly_one, violates};

/// A standing approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub id: StandingId,
    /// Of which declaration.
    pub declaration: DeclarationId,
    /// Who gave it.
    pub by: UserId,
    /// Their address.
    pub email: String,
    /// When.
    pub given_at: DateTime<Utc>,
    /// How many repairs it covers within an hour.
    pub per_hour: u32,
    /// How it ended, where it did.
    pub ended: Option<End>,
}

/// How a standing approval ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: DateTime<Utc>,
    /// The address of who ended it; nothing where MycoPod did.
    pub by: Option<String>,
    /// Why.
    pub why: String,
}

impl FromRow<'_, PgRow> for Standing {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let ended = match row.plain::<Option<DateTime<Utc>>>("ended_at")? {
            Some(at) => Some(End { at, by: row.plain("ended_email")?, why: row.plain("ended_why")? }),
            None => None,
        };
        Ok(Self {
            id: row.id("id", StandingId)?,
            declaration: row.id("declaration_id", DeclarationId)?,
            by: row.id("user_id", UserId)?,
            email: row.plain("email")?,
            given_at: row.plain("given_at")?,
            per_hour: row.count("per_hour")?,
            ended,
        })
    }
}

/// Keeps a standing approval. Of two for one declaration the second is refused.
pub async fn give(
    connection: &mut PgConnection,
    id: StandingId,
    declaration: DeclarationId,
    by: UserId,
    per_hour: u32,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO standing_approvals (id, declaration_id, user_id, per_hour, given_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.0)
    .bind(declaration.0)
    .bind(by.0)
    .bind(i32::try_from(per_hour).unwrap_or(i32::MAX))
    .bind(at)
    .execute(connection)
    .await
    .map_err(|error| {
        if violates(&error, "standing_approvals_one") { StoreError::AlreadyApproved } else { error.into() }
    })?;
    exactly_one(&result)
}

/// Forgets the repairs of a declaration's fields that were undone: somebody decided that they shall go on.
pub async fn forget_loops(connection: &mut PgConnection, declaration: DeclarationId) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM repairs r USING owned_fields o WHERE (r.resource_id, r.field) = (o.resource_id, o.field)
         AND o.declaration_id = $1",
        "UPDATE drift d SET looping = false FROM owned_fields o WHERE (d.resource_id, d.field) = (o.resource_id, o.field)
         AND o.declaration_id = $1 AND looping",
    ] {
        sqlx::query(statement).bind(declaration.0).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Ends the standing approval of a declaration. `by` is nobody where MycoPod does. Returns it as it was, where one stood.
pub async fn end(
    transaction: &mut Transaction<'_, Postgres>,
    declaration: DeclarationId,
    by: Option<UserId>,
    why: &str,
    at: DateTime<Utc>,
) -> Result<Option<Standing>, StoreError> {
    Ok(sqlx::query_as(
        "WITH over AS (UPDATE standing_approvals SET ended_at = greatest($4, given_at), ended_by = $2, ended_why = $3
                       WHERE declaration_id = $1 AND ended_at IS NULL RETURNING *)
         SELECT o.*, u.email, e.email AS ended_email
         FROM over o JOIN users u ON u.id = o.user_id LEFT JOIN users e ON e.id = o.ended_by",
    )
    .bind(declaration.0)
    .bind(by.map(|by| by.0))
    .bind(clip(Some(why)))
    .bind(at)
    .fetch_optional(&mut **transaction)
    .await?)
}

/// The declarations that have a standing approval.
pub async fn standing(connection: &mut PgConnection) -> Result<Vec<DeclarationId>, StoreError> {
    let rows = sqlx::query("SELECT declaration_id FROM standing_approvals WHERE ended_at IS NULL ORDER BY given_at")
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(|row| row.id("declaration_id", DeclarationId)).collect::<sqlx::Result<_>>()?)
}

/// The standing approval of a declaration that was given last, and how many repairs it covered within the last hour.
pub async fn latest(
    connection: &mut PgConnection,
    declaration: DeclarationId,
    now: DateTime<Utc>,
) -> Result<Option<(Standing, u32)>, StoreError> {
    let row = sqlx::query(
        "SELECT s.*, u.email, e.email AS ended_email,
                (SELECT count(*) FROM approvals a WHERE a.standing_id = s.id AND a.at > $2 - interval '1 hour')::integer
                AS used
         FROM standing_approvals s JOIN users u ON u.id = s.user_id LEFT JOIN users e ON e.id = s.ended_by
         WHERE s.declaration_id = $1 ORDER BY s.given_at DESC, s.id DESC LIMIT 1",
    )
    .bind(declaration.0)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((Standing::from_row(&row)?, row.count("used")?))).transpose()
}

/// The standing approvals on a cluster by which a repair may be due: their declaration has converged, fields of it have
/// drifted since a repair was tried last (or that is an hour ago: what stood in its way may be over), and none of its drift is snoozed or a loop.
pub async fn due(
    connection: &mut PgConnection,
    cluster: ClusterId,
    now: DateTime<Utc>,
) -> Result<Vec<Standing>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT s.*, u.email, NULL::text AS ended_email
         FROM standing_approvals s JOIN users u ON u.id = s.user_id JOIN declarations d ON d.id = s.declaration_id
         JOIN (SELECT o.declaration_id, max(since) AS newest, bool_or(looping OR coalesce(snoozed_until > $2, false)) AS rests
               FROM drift JOIN owned_fields o USING (resource_id, field) GROUP BY o.declaration_id) f
           ON f.declaration_id = d.id
         WHERE s.ended_at IS NULL AND d.cluster_id = $1 AND d.status = 'converged' AND NOT f.rests
           AND (s.tried_at IS NULL OR f.newest > s.tried_at OR s.tried_at < $2 - interval '1 hour')
         ORDER BY s.given_at",
    )
    .bind(cluster.0)
    .bind(now)
    .fetch_all(connection)
    .await?)
}

/// Keeps that a repair was tried and not covered.
pub async fn tried(connection: &mut PgConnection, id: StandingId, at: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE standing_approvals SET tried_at = $2 WHERE id = $1 AND ended_at IS NULL")
        .bind(id.0)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}
