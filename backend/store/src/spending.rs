//! What each user's declarations cost at a language model, by the day.

use chrono::{DateTime, Days, Utc};
use mycopod_core::id::UserId;
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};

use crate::StoreError;
use crate::row::Columns;

/// How many days are kept: as many as somebody may ask about the bill of.
const DAYS: u64 = 31;

/// Tokens, and what they cost in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// Tokens.
    pub tokens: u64,
    /// Millionths.
    pub cost: u64,
}

impl FromRow<'_, PgRow> for Spending {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let count = |name| Ok::<_, sqlx::Error>(row.plain::<i64>(name)?.unsigned_abs());
        Ok(Self { tokens: count("tokens")?, cost: count("cost")? })
    }
}

/// The most that the database counts; a limit beyond it is none.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

/// Sets `more` aside for a user, where that keeps their day within `limit`; of several at once no more than fit are granted.
pub async fn reserve(
    connection: &mut PgConnection,
    user: UserId,
    at: DateTime<Utc>,
    more: Spending,
    limit: Spending,
) -> Result<bool, StoreError> {
    let day = at.date_naive();
    sqlx::query("DELETE FROM model_spending WHERE user_id = $1 AND day < $2")
        .bind(user.0)
        .bind(day - Days::new(DAYS))
        .execute(&mut *connection)
        .await?;
    let granted = sqlx::query(
        "INSERT INTO model_spending AS spent (user_id, day, tokens, cost)
         SELECT $1, $2, $3, $4 WHERE $3 <= $5 AND $4 <= $6
         ON CONFLICT (user_id, day) DO UPDATE SET tokens = spent.tokens + $3, cost = spent.cost + $4
         WHERE spent.tokens + $3 <= $5 AND spent.cost + $4 <= $6",
    )
    .bind(user.0)
    .bind(day)
    .bind(stored(more.tokens))
    .bind(stored(more.cost))
    .bind(stored(limit.tokens))
    .bind(stored(limit.cost))
    .execute(connection)
    .await?;
    Ok(granted.rows_affected() == 1)
}

/// Puts what was `spent` in the place of what was `reserved` at `at`. Where less was set aside than used, the day ends sooner.
pub async fn settle(
    connection: &mut PgConnection,
    user: UserId,
    at: DateTime<Utc>,
    reserved: Spending,
    spent: Spending,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE model_spending SET tokens = greatest(0, tokens - $3) + $4, cost = greatest(0, cost - $5) + $6
         WHERE user_id = $1 AND day = $2",
    )
    .bind(user.0)
    .bind(at.date_naive())
    .bind(stored(reserved.tokens))
    .bind(stored(spent.tokens))
    .bind(stored(reserved.cost))
    .bind(stored(spent.cost))
    .execute(connection)
    .await?;
    Ok(())
}

/// What a user's day cost so far, what is set aside included.
pub async fn of(connection: &mut PgConnection, user: UserId, at: DateTime<Utc>) -> Result<Spending, StoreError> {
    let found = sqlx::query_as("SELECT tokens, cost FROM model_spending WHERE user_id = $1 AND day = $2")
        .bind(user.0)
        .bind(at.date_naive())
        .fetch_optional(connection)
        .await?;
    Ok(found.unwrap_or_default())
}
