//! Keys under which people declare, so that saying the same again declares nothing twice.

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::id::{DeclarationId, UserId};
use sqlx::{Postgres, Transaction};

use crate::StoreError;
use crate::row::Columns;

/// The longest key, in characters; the schema says the same.
pub const MAX_KEY: usize = 100;
/// How long a key stands for what was declared under it: longer than any client tries again.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// Lets a key stand for a declaration that was just created. Where it stands for another one already, that is returned, and
/// the transaction is to be rolled back. Whoever comes at the same time with the same key waits for this transaction's end.
pub async fn take(
    transaction: &mut Transaction<'_, Postgres>,
    user: UserId,
    key: &str,
    declaration: DeclarationId,
    at: DateTime<Utc>,
) -> Result<Option<DeclarationId>, StoreError> {
    sqlx::query("DELETE FROM declaration_keys WHERE at <= $1").bind(at - KEPT).execute(&mut **transaction).await?;
    let taken = sqlx::query(
        "INSERT INTO declaration_keys (user_id, key, declaration_id, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, key) DO NOTHING",
    )
    .bind(user.0)
    .bind(key)
    .bind(declaration.0)
    .bind(at)
    .execute(&mut **transaction)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    let row = sqlx::query("SELECT declaration_id FROM declaration_keys WHERE user_id = $1 AND key = $2")
        .bind(user.0)
        .bind(key)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(Some(row.id("declaration_id", DeclarationId)?))
}
