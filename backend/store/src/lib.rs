//! What MycoPod remembers, in PostgreSQL 15 or newer.
//!
//! One module a table, of plain functions over `&mut PgConnection`: the caller opens
//! the transaction, so that what happened and its audit entry are committed together.
//! No function takes a second connection, and none waits for anything but the
//! database; hold no connection across network I/O.
//!
//! Within a transaction append to the [`audit`] log last: its head is one row, and
//! everybody who appends waits for whoever holds it.
//!
//! Times of what happened are the caller's (its clock port); times of leases are the
//! database's, which all replicas share.

pub mod answers;
pub mod approvals;
pub mod archive;
pub mod audit;
pub mod checks;
pub mod clusters;
pub mod declaration_keys;
pub mod declarations;
pub mod drift;
mod error;
pub mod freezes;
mod hosts;
pub mod incarnation;
mod json;
pub mod leases;
pub mod login_failures;
pub mod observations;
pub mod owned_fields;
pub mod plans;
pub mod private;
pub mod reconciliations;
pub mod resources;
pub mod room;
mod row;
pub mod secrets;
pub mod sessions;
pub mod spending;
pub mod standing;
pub mod steps;
#[cfg(feature = "testing")]
pub mod testing;
pub mod users;

use std::io;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{Connection, Executor, PgPool, Row};
use tokio::time::{Instant, sleep, timeout};

pub use self::error::StoreError;
pub(crate) use self::error::{exactly_one, violates};
pub use self::hosts::Hosts;
use self::hosts::Relay;

/// Connections of one MycoPod: enough for its workers and requests, since each uses
/// one at a time; six replicas fit into PostgreSQL's default of 100.
const MAX_CONNECTIONS: u32 = 16;
/// A request that waits longer for a connection is better refused.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that does not answer within that when it is taken is replaced by a new one.
const PING_WITHIN: Duration = Duration::from_secs(2);
/// Every statement here is short; a longer one hangs, on a lock or a broken network.
const STATEMENT_TIMEOUT: &str = "10s";
/// No transaction here waits for anything but the database.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";
/// At a start, how long a database may take to come up beside MycoPod.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// Between attempts: short enough not to be felt, long enough not to be a load.
const CONNECT_AGAIN: Duration = Duration::from_millis(250);
/// The oldest server whose SQL the migrations may use, as `server_version_num`.
const OLDEST_SERVER: i32 = 15_00_00;
/// The longest reason or error that is kept, in Unicode code points; the schema says the same.
const MAX_REASON: usize = 4_000;
/// The most rows that one page of a list has.
pub const MAX_PAGE: u32 = 200;

/// The migrations, within the binary.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// What every pool of connections has: one that is fit is handed out, others are closed.
#[must_use]
pub fn pool_options() -> PgPoolOptions {
    // Ours has a bound in time: a host that fell silent must not hold up everybody.
    PgPoolOptions::new()
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(async move { Ok(is_fit(connection).await) }))
}

/// Whether a connection answers, and stands in no transaction. A `BEGIN` whose future is dropped leaves one behind that
/// sqlx does not know of: what was then written, a lease among it, would be undone by whoever comes to that connection
/// next.
async fn is_fit(connection: &mut PgConnection) -> bool {
    // In one message, so that in no transaction both are the time at which it arrived. By PostgreSQL's own clock,
    // whatever else is called now() on this connection.
    let alone = sqlx::raw_sql("SELECT pg_catalog.now() = pg_catalog.statement_timestamp()").fetch_one(connection);
    matches!(timeout(PING_WITHIN, alone).await, Ok(Ok(row)) if row.try_get(0).unwrap_or(false))
}

/// Connects, waiting up to 30 s for a database that is just starting or choosing who takes writes, and makes sure that
/// it is one that serves: PostgreSQL 15 or newer.
pub async fn connect(hosts: impl Into<Hosts>) -> Result<PgPool, StoreError> {
    let hosts = hosts.into().map(|options| {
        options.application_name("mycopod").options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
        ])
    });
    let (relay, options) = if hosts.are_remote() {
        let (relay, options) = Relay::start(hosts).map_err(|error| StoreError::NoConnection(error.into()))?;
        (Some(relay), options)
    } else {
        (None, hosts.first().clone())
    };
    let pool = pool_options().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
    let deadline = Instant::now() + CONNECT_PATIENCE;
    let pool = loop {
        let led = match &relay {
            Some(relay) => relay.find().await.is_some() || relay.is_alone(),
            None => true,
        };
        if !led && Instant::now() < deadline {
            sleep(CONNECT_AGAIN).await;
            continue;
        }
        if !led {
            let why = "none of its hosts answers and takes writes";
            return Err(StoreError::NoConnection(sqlx::Error::Configuration(why.into())));
        }
        match pool.clone().connect_with(options.clone()).await {
            Ok(pool) => break pool,
            Err(error) if is_not_yet(&error) && Instant::now() < deadline => sleep(CONNECT_AGAIN).await,
            Err(error) => return Err(StoreError::NoConnection(error)),
        }
    };
    if let Some(relay) = relay {
        tokio::spawn(relay.watch(pool.clone()));
    }
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::integer").fetch_one(&pool).await?;
    if version < OLDEST_SERVER {
        return Err(StoreError::ServerTooOld { major: version / 10_000 });
    }
    Ok(pool)
}

/// Brings the schema up to this binary's. Replicas that start together wait for one
/// another; a schema that is already newer is refused, with nothing changed.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    // A connection of its own: migrations may take longer than any other statement.
    let mut connection = PgConnection::connect_with(&hosts::patient(&pool.connect_options())).await?;
    connection.execute("SET statement_timeout = 0").await?;
    MIGRATIONS.run(&mut connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => StoreError::SchemaNotOurs(error),
        other => StoreError::Migration(other),
    })?;
    connection.close().await?;
    Ok(())
}

/// Whether the database answers.
pub async fn ping(pool: &PgPool) -> Result<(), StoreError> {
    pool.execute("SELECT 1").await?;
    Ok(())
}

/// Whether a connection failed in a way that passes when the server has started.
fn is_not_yet(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::TimedOut
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::UnexpectedEof
                | io::ErrorKind::BrokenPipe
        ),
        sqlx::Error::PoolTimedOut => true,
        // cannot_connect_now, and too_many_connections
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03" || code == "53300"),
        _ => false,
    }
}

/// A text cut to what the schema takes: an over-long reason must not fail the
/// transaction that records it.
fn clip(text: Option<&str>) -> Option<String> {
    text.map(|text| {
        let mut clipped: String = text.chars().take(MAX_REASON).collect();
        if clipped.len() < text.len() {
            clipped.pop();
            clipped.push('…');
        }
        json::text_without_nul(clipped)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_over_long_reason_is_cut_to_what_the_schema_takes() {
        let long = "ä".repeat(MAX_REASON + 1);
        assert_eq!(clip(Some(&long)).unwrap().chars().count(), MAX_REASON);
        let fits = "ä".repeat(MAX_REASON);
        assert_eq!(clip(Some(&fits)).as_deref(), Some(&*fits));
        assert_eq!(clip(Some("a\0b")).as_deref(), Some("a\u{fffd}b"));
        assert_eq!(clip(None), None);
    }
}
