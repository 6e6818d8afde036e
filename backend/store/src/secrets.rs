//! Secrets that declarations name, sealed.

use chrono::{DateTime, Utc};
use mycopod_core::id::UserId;
use sqlx::FromRow;
use sqlx::postgres::{PgConnection, PgRow};

use crate::row::Columns;
use crate::{StoreError, exactly_one};

/// That there is a secret of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When its value was last set.
    pub changed_at: DateTime<Utc>,
    /// By whom: their address.
    pub changed_by: String,
}

impl FromRow<'_, PgRow> for Listed {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self { name: row.plain("name")?, changed_at: row.plain("changed_at")?, changed_by: row.plain("email")? })
    }
}

/// Sets a secret's value, or another one.
pub async fn set(
    connection: &mut PgConnection,
    name: &str,
    sealed: &[u8],
    by: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO secrets (name, value, changed_at, changed_by) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at,
           changed_by = excluded.changed_by",
    )
    .bind(name)
    .bind(sealed)
    .bind(at)
    .bind(by.0)
    .execute(connection)
    .await?;
    exactly_one(&result)
}

/// A secret's sealed value.
pub async fn get(connection: &mut PgConnection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(sqlx::query_scalar("SELECT value FROM secrets WHERE name = $1").bind(name).fetch_optional(connection).await?)
}

/// How many there are.
pub async fn count(connection: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM secrets").fetch_one(connection).await?)
}

/// Which there are, by name.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<Listed>, StoreError> {
    Ok(sqlx::query_as("SELECT name, changed_at, email FROM secrets JOIN users ON users.id = changed_by ORDER BY name")
        .fetch_all(connection)
        .await?)
}

/// Forgets a secret. Tells whether there was one.
pub async fn remove(connection: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let result = sqlx::query("DELETE FROM secrets WHERE name = $1").bind(name).execute(connection).await?;
    Ok(result.rows_affected() > 0)
}
