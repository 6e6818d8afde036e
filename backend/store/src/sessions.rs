//! Refresh tokens, which rotate: each is used once and replaced by the next of its family.
//!
//! A token that comes back after it was replaced was copied: either the thief or the
//! owner is using the old one, and the whole family ends (RFC 9700, section 4.14.2).
//! Two tabs of one browser may send the same token at once, so for a few seconds
//! after its replacement it still counts.
//!
//! The store sees only the tokens' SHA-256. Tokens are random, so no salt is needed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mycopod_core::id::UserId;
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::row::Columns;
use crate::{StoreError, exactly_one};

/// How long a replaced token still counts: two tabs that wake up together are within it.
pub const GRACE: Duration = Duration::from_secs(10);
/// The most sessions of one person; the longest unused end first.
const MAX_SESSIONS: i64 = 32;

/// SHA-256 of a refresh token.
pub type TokenHash = [u8; 32];

/// What a presented token led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The new token is valid in its stead.
    Rotated(UserId),
    /// It had been replaced: the session was ended. Commit this.
    Reused(UserId),
    /// It was never given out, has expired, or its session has ended.
    Unknown,
}

/// Begins a session: the first token of a new family.
pub async fn begin(
    connection: &mut PgConnection,
    user: UserId,
    family: Uuid,
    token: &TokenHash,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    // What has expired is of no more use, not even for telling a reuse.
    sqlx::query("DELETE FROM refresh_tokens WHERE expires_at <= $1").bind(at).execute(&mut *connection).await?;
    sqlx::query(
        "DELETE FROM refresh_tokens WHERE family IN (
             SELECT family FROM refresh_tokens WHERE user_id = $1
             GROUP BY family ORDER BY max(created_at) DESC OFFSET $2)",
    )
    .bind(user.0)
    .bind(MAX_SESSIONS - 1)
    .execute(&mut *connection)
    .await?;
    insert(connection, user, family, token, at, expires_at).await
}

async fn insert(
    connection: &mut PgConnection,
    user: UserId,
    family: Uuid,
    token: &TokenHash,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(token.as_slice())
    .bind(family)
    .bind(user.0)
    .bind(at)
    .bind(expires_at)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// Replaces `presented` by `next`, or ends the session where it was presented before.
pub async fn rotate(
    transaction: &mut Transaction<'_, Postgres>,
    presented: &TokenHash,
    next: &TokenHash,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<Rotation, StoreError> {
    let found = sqlx::query(
        "SELECT user_id, family, replaced_at FROM refresh_tokens WHERE token_hash = $1 AND expires_at > $2 FOR UPDATE",
    )
    .bind(presented.as_slice())
    .bind(at)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = found else { return Ok(Rotation::Unknown) };
    let user = row.id("user_id", UserId)?;
    let family: Uuid = row.plain("family")?;
    let replaced_at: Option<DateTime<Utc>> = row.plain("replaced_at")?;
    if replaced_at.is_some_and(|then| at > then + GRACE) {
        sqlx::query("DELETE FROM refresh_tokens WHERE family = $1").bind(family).execute(&mut **transaction).await?;
        return Ok(Rotation::Reused(user));
    }
    let result = sqlx::query("UPDATE refresh_tokens SET replaced_at = coalesce(replaced_at, $2) WHERE token_hash = $1")
        .bind(presented.as_slice())
        .bind(at)
        .execute(&mut **transaction)
        .await?;
    exactly_one(&result)?;
    insert(transaction, user, family, next, at, expires_at).await?;
    Ok(Rotation::Rotated(user))
}

/// Ends the session that the token belongs to, if any.
pub async fn end(connection: &mut PgConnection, token: &TokenHash) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM refresh_tokens WHERE family = (SELECT family FROM refresh_tokens WHERE token_hash = $1)")
        .bind(token.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends all sessions of somebody: their password or their rights have changed.
pub async fn end_all(connection: &mut PgConnection, user: UserId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM refresh_tokens WHERE user_id = $1").bind(user.0).execute(connection).await?;
    Ok(())
}
