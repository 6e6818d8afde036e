//! Declarations: what somebody typed, kept verbatim, and where it stands.

use chrono::{DateTime, Utc};
use mycopod_core::id::{ClusterId, DeclarationId, UserId};
use mycopod_core::intent::Intent;
use mycopod_core::plan::Summary;
use mycopod_core::reading::Reading;
use mycopod_core::status::DeclarationStatus;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row};

use crate::error::page;
use crate::plans::PlanId;
use crate::row::Columns;
use crate::{StoreError, clip, exactly_one, json, leases};

/// One line of the list of declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub id: DeclarationId,
    /// For which cluster.
    pub cluster: ClusterId,
    /// What people call that cluster.
    pub cluster_name: String,
    /// Who typed it.
    pub user: UserId,
    /// The author's address.
    pub email: String,
    /// What was typed.
    pub content: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// When its status last changed.
    pub updated_at: DateTime<Utc>,
    /// Where it stands.
    pub status: DeclarationStatus,
    /// Why it stands there, and what to do, where there is more to say.
    pub status_reason: Option<String>,
    /// Its current plan.
    pub plan: Option<PlanId>,
    /// What the plan makes, changes and destroys.
    pub summary: Option<Summary>,
}

impl FromRow<'_, PgRow> for Line {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let plan: Option<i64> = row.plain("plan_id")?;
        let summary = match plan {
            None => None,
            Some(_) => Some(Summary {
                create: row.count("creates")? as usize,
                update: row.count("updates")? as usize,
                destroy: row.count("destroys")? as usize,
            }),
        };
        Ok(Self {
            id: row.id("id", DeclarationId)?,
            cluster: row.id("cluster_id", ClusterId)?,
            cluster_name: row.plain("cluster_name")?,
            user: row.id("user_id", UserId)?,
            email: row.plain("email")?,
            content: row.plain("content")?,
            created_at: row.plain("created_at")?,
            updated_at: row.plain("updated_at")?,
            status: row.parsed("status")?,
            status_reason: row.plain("status_reason")?,
            plan: plan.map(PlanId),
            summary,
        })
    }
}

/// How a declaration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which reader: `builtin`, or `openai` with its model, such as `openai/qwen3`.
    pub reader: String,
    /// What it understood.
    pub reading: Reading,
    /// The reading resolved against the cluster, where it could be.
    pub intent: Option<Intent>,
}

/// A declaration with all that is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// What the list shows.
    pub line: Line,
    /// How it was read, once it was.
    pub read: Option<Read>,
}

impl Declaration {
    /// The text that is to be read: what was typed, with answers in the place of words that were not understood.
    #[must_use]
    pub fn text(&self) -> &str {
        let reworded = self.read.as_ref().and_then(|read| read.reading.reworded.as_deref());
        reworded.unwrap_or(&self.line.content)
    }
}

impl FromRow<'_, PgRow> for Declaration {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let read = match row.json_or_none("reading")? {
            None => None,
            Some(reading) => Some(Read { reader: row.plain("reader")?, reading, intent: row.json_or_none("intent")? }),
        };
        Ok(Self { line: Line::from_row(row)?, read })
    }
}

/// Keeps a new declaration, to be read against `cluster`. Its author's address is not needed.
pub async fn create(
    connection: &mut PgConnection,
    id: DeclarationId,
    cluster: ClusterId,
    user: UserId,
    content: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO declarations (id, cluster_id, user_id, content, created_at, updated_at, status)
         SELECT $1, c.id, $3, $4, $5, $5, $6 FROM clusters c WHERE c.id = $2 AND removed_at IS NULL FOR SHARE",
    )
    .bind(id.0)
    .bind(cluster.0)
    .bind(user.0)
    .bind(content)
    .bind(at)
    .bind(DeclarationStatus::Reading.as_str())
    .execute(&mut *connection)
    .await?;
    exactly_one(&result).map_err(|_| StoreError::ClusterGone)?;
    leases::open(connection, id).await
}

/// The declaration of that id.
pub async fn get(connection: &mut PgConnection, id: DeclarationId) -> Result<Option<Declaration>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT d.*, c.name AS cluster_name, u.email, p.creates, p.updates, p.destroys
         FROM declarations d JOIN clusters c ON c.id = d.cluster_id JOIN users u ON u.id = d.user_id
         LEFT JOIN plans p ON p.id = d.plan_id
         WHERE d.id = $1",
    )
    .bind(id.0)
    .fetch_optional(connection)
    .await?)
}

/// Declarations, newest first: `user`'s own, or everybody's; older than `before`, where given.
pub async fn list(
    connection: &mut PgConnection,
    user: Option<UserId>,
    before: Option<DeclarationId>,
    limit: u32,
) -> Result<Vec<Line>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT d.id, d.cluster_id, d.user_id, d.content, d.created_at, d.updated_at, d.status, d.status_reason,
                d.plan_id, c.name AS cluster_name, u.email, p.creates, p.updates, p.destroys
         FROM declarations d JOIN clusters c ON c.id = d.cluster_id JOIN users u ON u.id = d.user_id
         LEFT JOIN plans p ON p.id = d.plan_id
         WHERE ($1::uuid IS NULL OR d.user_id = $1) AND ($2::uuid IS NULL OR d.id < $2)
         ORDER BY d.id DESC LIMIT $3",
    )
    .bind(user.map(|user| user.0))
    .bind(before.map(|before| before.0))
    .bind(page(limit))
    .fetch_all(connection)
    .await?)
}

/// Where a declaration stands and since when: the cheap question that waiting asks.
pub async fn standing(
    connection: &mut PgConnection,
    id: DeclarationId,
) -> Result<Option<(DeclarationStatus, DateTime<Utc>)>, StoreError> {
    let row = sqlx::query("SELECT status, updated_at FROM declarations WHERE id = $1")
        .bind(id.0)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((row.parsed("status")?, row.plain("updated_at")?))).transpose()
}

/// How many declarations stand in each state; states without any are left out.
pub async fn count_by_status(connection: &mut PgConnection) -> Result<Vec<(DeclarationStatus, u64)>, StoreError> {
    let rows =
        sqlx::query("SELECT status, count(*) AS n FROM declarations GROUP BY status").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.parsed("status")?, row.try_get::<i64, _>("n")?.unsigned_abs()))).collect()
}

/// Makes a declaration that has no plan yet one for another cluster.
pub async fn save_cluster(
    connection: &mut PgConnection,
    id: DeclarationId,
    cluster: ClusterId,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE declarations SET cluster_id = c.id FROM
             (SELECT id FROM clusters WHERE id = $2 AND removed_at IS NULL FOR SHARE) c
         WHERE declarations.id = $1 AND plan_id IS NULL",
    )
    .bind(id.0)
    .bind(cluster.0)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// Keeps how a declaration was read, in place of an earlier reading.
pub async fn save_reading(connection: &mut PgConnection, id: DeclarationId, read: &Read) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE declarations SET reader = $2, reading = $3, intent = $4 WHERE id = $1")
        .bind(id.0)
        .bind(&read.reader)
        .bind(json::clean(&read.reading)?)
        .bind(read.intent.as_ref().map(json::clean).transpose()?)
        .execute(connection)
        .await?;
    exactly_one(&result)
}

/// Makes a plan of the declaration's own its current one.
pub async fn save_plan(connection: &mut PgConnection, id: DeclarationId, plan: PlanId) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE declarations SET plan_id = $2 WHERE id = $1")
        .bind(id.0)
        .bind(plan.0)
        .execute(connection)
        .await?;
    exactly_one(&result)
}

/// Moves a declaration to another state, where [`DeclarationStatus::may_become`] allows it. Of two who move
/// it at once one finds it changed.
pub async fn move_to(
    connection: &mut PgConnection,
    id: DeclarationId,
    wanted: DeclarationStatus,
    reason: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let from: Vec<&str> =
        DeclarationStatus::ALL.iter().filter(|from| from.may_become(wanted)).map(|from| from.as_str()).collect();
    let result = sqlx::query(
        "UPDATE declarations SET status = $2, status_reason = $3, updated_at = $4 WHERE id = $1 AND status = ANY($5)",
    )
    .bind(id.0)
    .bind(wanted.as_str())
    .bind(clip(reason))
    .bind(at)
    .bind(from)
    .execute(&mut *connection)
    .await?;
    if result.rows_affected() == 0
        && let Some((found, _)) = standing(connection, id).await?
    {
        return Err(StoreError::StatusChanged { found, wanted });
    }
    exactly_one(&result)
}

/// Says why a declaration stands where it stands, without moving it.
pub async fn say(connection: &mut PgConnection, id: DeclarationId, why: &str) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE declarations SET status_reason = $2 WHERE id = $1")
        .bind(id.0)
        .bind(clip(Some(why)))
        .execute(connection)
        .await?;
    exactly_one(&result)
}
