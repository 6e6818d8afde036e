//! People who may log in.

use chrono::{DateTime, Utc};
use mycopod_core::id::UserId;
use mycopod_core::status::Role;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Postgres, Transaction};

use crate::row::Columns;
use crate::{StoreError, exactly_one, violates};

/// The most accounts that a list shows.
const MAX_USERS: i64 = 1_000;

/// A person, without their password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// Their address, in lower case.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether an Admin has let them declare.
    pub approved: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When they last logged in with their password.
    pub last_login_at: Option<DateTime<Utc>>,
}

impl FromRow<'_, PgRow> for User {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.id("id", UserId)?,
            email: row.plain("email")?,
            role: row.parsed("role")?,
            approved: row.plain("approved")?,
            created_at: row.plain("created_at")?,
            last_login_at: row.plain("last_login_at")?,
        })
    }
}

/// What a login is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user: User,
    /// The password's argon2id hash, in PHC string format.
    pub password_hash: String,
}

/// The form in which an address is stored and looked up: without space around it, in lower case (ASCII).
#[must_use]
pub fn normalised(email: &str) -> String {
    email.trim().to_ascii_lowercase()
}

/// Makes an account. `password_hash` is an argon2id hash in PHC string format.
pub async fn create(connection: &mut PgConnection, user: &User, password_hash: &str) -> Result<(), StoreError> {
    let result = sqlx::query(
        "INSERT INTO users (id, email, password_hash, role, approved, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.id.0)
    .bind(normalised(&user.email))
    .bind(password_hash)
    .bind(user.role.as_str())
    .bind(user.approved)
    .bind(user.created_at)
    .execute(connection)
    .await
    .map_err(|error| if violates(&error, "users_email_unique") { StoreError::EmailTaken } else { error.into() })?;
    exactly_one(&result)
}

/// Makes the first Admin, unless there is an Admin already. Returns whether it did;
/// of several replicas that start together one does.
pub async fn create_first_admin(
    transaction: &mut Transaction<'_, Postgres>,
    user: &User,
    password_hash: &str,
) -> Result<bool, StoreError> {
    sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(&mut **transaction).await?;
    if has_admin(transaction).await? {
        return Ok(false);
    }
    create(transaction, user, password_hash).await.map(|()| true)
}

/// Whether there is any Admin.
pub async fn has_admin(connection: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT FROM users WHERE role = 'Admin')").fetch_one(connection).await?)
}

/// The person of that id.
pub async fn get(connection: &mut PgConnection, id: UserId) -> Result<Option<User>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM users WHERE id = $1").bind(id.0).fetch_optional(connection).await?)
}

/// The account of that address.
pub async fn credentials(connection: &mut PgConnection, email: &str) -> Result<Option<Credentials>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM users WHERE email = $1").bind(normalised(email)).fetch_optional(connection).await?;
    row.map(|row| Ok(Credentials { user: User::from_row(&row)?, password_hash: row.plain("password_hash")? }))
        .transpose()
}

/// Everybody, by address; at most 1,000.
pub async fn list(connection: &mut PgConnection) -> Result<Vec<User>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM users ORDER BY email LIMIT $1").bind(MAX_USERS).fetch_all(connection).await?)
}

/// Changes what somebody may do; `None` leaves it. The last approved Admin stays one.
/// Returns the person as they are now, or `None` where there is no such person.
pub async fn update(
    transaction: &mut Transaction<'_, Postgres>,
    id: UserId,
    role: Option<Role>,
    approved: Option<bool>,
) -> Result<Option<User>, StoreError> {
    // Locked in one order, so that of two Admins who demote each other one is refused.
    let admins: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT id FROM users WHERE role = 'Admin' AND approved ORDER BY id FOR UPDATE")
            .fetch_all(&mut **transaction)
            .await?;
    let stays_admin = role.is_none_or(|role| role == Role::Admin) && approved.unwrap_or(true);
    if admins == [id.0] && !stays_admin {
        return Err(StoreError::LastAdmin);
    }
    Ok(sqlx::query_as(
        "UPDATE users SET role = coalesce($2, role), approved = coalesce($3, approved) WHERE id = $1 RETURNING *",
    )
    .bind(id.0)
    .bind(role.map(Role::as_str))
    .bind(approved)
    .fetch_optional(&mut **transaction)
    .await?)
}

/// Sets a password. End the person's sessions in the same transaction.
pub async fn set_password(connection: &mut PgConnection, id: UserId, password_hash: &str) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(id.0)
        .bind(password_hash)
        .execute(connection)
        .await?;
    exactly_one(&result)
}

/// Notes a login.
pub async fn logged_in(connection: &mut PgConnection, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
    let result = sqlx::query("UPDATE users SET last_login_at = $2 WHERE id = $1")
        .bind(id.0)
        .bind(at)
        .execute(connection)
        .await?;
    exactly_one(&result)
}
