//! Failed logins, counted so that guessing gets slow.
//!
//! What is counted is the caller's choice of a subject: an address, an account, both
//! together. The table is bounded: what is older than the window goes, and of more
//! than 10,000 subjects the oldest.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};

use crate::StoreError;
use crate::row::Columns;

/// Failures within this time count together.
pub const WINDOW: Duration = Duration::from_mins(15);
/// Room for an attack from many addresses, in a few megabytes.
const MAX_SUBJECTS: i64 = 10_000;
/// The longest subject, in Unicode code points; the schema says the same.
const MAX_SUBJECT: usize = 400;

/// The failures of one subject within the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// What was counted.
    pub subject: String,
    /// How often.
    pub failures: u32,
    /// The first of them; the window ends [`WINDOW`] after it.
    pub first_at: DateTime<Utc>,
    /// The latest of them.
    pub last_at: DateTime<Utc>,
}

impl FromRow<'_, PgRow> for Failures {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            subject: row.plain("subject")?,
            failures: row.count("failures")?,
            first_at: row.plain("first_at")?,
            last_at: row.plain("last_at")?,
        })
    }
}

fn key(subject: &str) -> String {
    subject.chars().filter(|c| *c != '\0').take(MAX_SUBJECT).collect()
}

/// Counts a failure, and says how many there are in the window now.
pub async fn count(connection: &mut PgConnection, subject: &str, at: DateTime<Utc>) -> Result<Failures, StoreError> {
    sqlx::query(
        "DELETE FROM login_failures WHERE first_at <= $1 OR subject IN (
             SELECT subject FROM login_failures ORDER BY last_at DESC OFFSET $2)",
    )
    .bind(at - WINDOW)
    .bind(MAX_SUBJECTS - 1)
    .execute(&mut *connection)
    .await?;
    Ok(sqlx::query_as(
        "INSERT INTO login_failures AS l (subject, failures, first_at, last_at) VALUES ($1, 1, $2, $2)
         ON CONFLICT (subject) DO UPDATE SET failures = l.failures + 1, last_at = greatest(l.last_at, excluded.last_at)
         RETURNING *",
    )
    .bind(key(subject))
    .bind(at)
    .fetch_one(connection)
    .await?)
}

/// The failures of these subjects within the window; a subject without any is left out.
pub async fn of(
    connection: &mut PgConnection,
    subjects: &[&str],
    at: DateTime<Utc>,
) -> Result<Vec<Failures>, StoreError> {
    let keys: Vec<String> = subjects.iter().map(|subject| key(subject)).collect();
    Ok(sqlx::query_as("SELECT * FROM login_failures WHERE subject = ANY($1) AND first_at > $2")
        .bind(keys)
        .bind(at - WINDOW)
        .fetch_all(connection)
        .await?)
}

/// Forgets a subject's failures, after a login that went well.
pub async fn clear(connection: &mut PgConnection, subject: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM login_failures WHERE subject = $1").bind(key(subject)).execute(connection).await?;
    Ok(())
}
