//! Whether the database is the one that it was: a backup that was put back knows less than Proxmox has.

use chrono::{DateTime, Utc};
use mycopod_core::id::ReconciliationId;
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, audit};

/// How far a database has come. Of two, the greater knows more; kept outside of the database it tells an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// How often it was noticed that an older one was put back.
    pub generation: u64,
    /// The size of the audit log.
    pub size: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How far the database has come.
    pub mark: Mark,
    /// Where an older database was put back: what was being carried out in it, which nobody goes on with.
    pub restored: Option<Vec<ReconciliationId>>,
}

/// How far the database has come, where it was recognised before.
pub async fn mark(connection: &mut sqlx::PgConnection) -> Result<Option<Mark>, StoreError> {
    let generation: Option<i64> =
        sqlx::query_scalar("SELECT generation FROM incarnation").fetch_optional(&mut *connection).await?;
    let Some(generation) = generation else { return Ok(None) };
    let size = audit::head(connection).await?.size();
    Ok(Some(Mark { generation: generation.unsigned_abs(), size }))
}

/// Recognises the database: by its numbers, and by how far it had come when it was last seen here. Where it is an older
/// one, all that is being carried out is marked as not to be gone on with.
pub async fn recognise(
    transaction: &mut Transaction<'_, Postgres>,
    known: Option<Mark>,
    at: DateTime<Utc>,
) -> Result<Found, StoreError> {
    // Of replicas that start together one notices.
    sqlx::query("LOCK TABLE incarnation IN EXCLUSIVE MODE").execute(&mut **transaction).await?;
    let now = sqlx::query(
        "SELECT system_identifier::text AS system, oid::bigint AS database
         FROM pg_control_system(), pg_database WHERE datname = current_database()",
    )
    .fetch_one(&mut **transaction)
    .await?;
    let (system, database) = (now.plain::<String>("system")?, now.plain::<i64>("database")?);
    let kept: Option<Kept> = sqlx::query_as("SELECT system, database, generation FROM incarnation")
        .fetch_optional(&mut **transaction)
        .await?;
    let size = audit::head(transaction).await?.size();
    let generation = kept.as_ref().map_or(1, |kept| kept.generation);
    let is_other = kept.as_ref().is_some_and(|kept| (&kept.system, kept.database) != (&system, database));
    let is_older = known.is_some_and(|known| Mark { generation: generation.unsigned_abs(), size } < known);
    let restored = is_other || is_older;
    let past = known.map_or(0, |known| i64::try_from(known.generation).unwrap_or(i64::MAX - 1));
    let generation = if restored { generation.max(past) + 1 } else { generation };
    if restored || kept.is_none() {
        sqlx::query(
            "INSERT INTO incarnation (system, database, generation, since) VALUES ($1, $2, $3, $4)
             ON CONFLICT (one) DO UPDATE SET system = $1, database = $2, generation = $3, since = $4",
        )
        .bind(&system)
        .bind(database)
        .bind(generation)
        .bind(at)
        .execute(&mut **transaction)
        .await?;
    }
    let restored = if restored {
        let rows = sqlx::query("UPDATE reconciliations SET restored = true WHERE status = 'applying' RETURNING id")
            .fetch_all(&mut **transaction)
            .await?;
        Some(rows.iter().map(|row| row.id("id", ReconciliationId)).collect::<sqlx::Result<_>>()?)
    } else {
        None
    };
    Ok(Found { mark: Mark { generation: generation.unsigned_abs(), size }, restored })
}

#[derive(FromRow)]
struct Kept {
    system: String,
    database: i64,
    generation: i64,
}
