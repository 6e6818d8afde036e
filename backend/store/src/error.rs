//! What can go wrong with the store.

use mycopod_core::guest::Vmid;
use mycopod_core::status::DeclarationStatus;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgQueryResult;

use crate::MAX_PAGE;

/// Why the store did not do what it was asked. The transaction is the caller's to roll
/// back; nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be made at the start.
    #[error("the database cannot be reached: {0}. Check DATABASE_URL, and that PostgreSQL runs")]
    NoConnection(#[source] sqlx::Error),
    /// The server is older than the migrations need.
    #[error("the database is PostgreSQL {major}; MycoPod needs 15 or newer. Nothing was changed")]
    ServerTooOld {
        /// Its major version.
        major: i32,
    },
    /// The schema was made by another version of MycoPod.
    #[error(
        "the database's schema is another version's: {0}. Nothing was changed. \
         Run the version of MycoPod that made it, or a newer one"
    )]
    SchemaNotOurs(#[source] MigrateError),
    /// A migration failed; its transaction was rolled back.
    #[error("the database's schema could not be brought up to date: {0}. It was left as it was")]
    Migration(#[source] MigrateError),
    /// PostgreSQL failed or refused.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Another worker has claimed this work since. This one must stop; it wrote nothing.
    #[error("another worker has taken this work over; nothing was written")]
    LeaseLost,
    /// A conditional write found another number of rows than one.
    #[error("one row was to change, but {0} would have; nothing was written")]
    NotOneRow(u64),
    /// The declaration's state does not allow this, or changed meanwhile.
    #[error("the declaration is {found} and cannot become {wanted}; nothing was written")]
    StatusChanged {
        /// Where it stands.
        found: DeclarationStatus,
        /// Where it was to go.
        wanted: DeclarationStatus,
    },
    /// The approval is missing, spent, or another plan's.
    #[error("there is no unspent approval of this plan; nothing was begun. Plan again, and have it approved")]
    NoApproval,
    /// The plan was approved already.
    #[error("this plan was approved already")]
    AlreadyApproved,
    /// An account of this address exists.
    #[error("there is an account with this address already; nothing was changed")]
    EmailTaken,
    /// Without this Admin nobody could approve anything.
    #[error("this is the last approved Admin; nothing was changed. Make another one first")]
    LastAdmin,
    /// Another resource has reserved or holds the number.
    #[error("VMID {0} is reserved for another guest; nothing was written. Plan again")]
    VmidTaken(Vmid),
    /// Another cluster bears the name.
    #[error("there is a cluster called {0} already; nothing was changed")]
    ClusterTaken(String),
    /// The cluster is not there any more.
    #[error("the cluster was removed meanwhile; nothing was written")]
    ClusterGone,
    /// An audit entry says too much.
    #[error("an audit entry of {0} bytes is longer than 65536; nothing was written")]
    EntryTooLarge(usize),
    /// What is stored is not what this program stores.
    #[error("the database holds something that MycoPod did not write: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether the database does not answer or has too much to do, so that trying again later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::NoConnection(_) => true,
            Self::Database(error) => {
                // A connection that broke off in the midst of an answer is a fault of the protocol.
                matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed)
                    // 08…: connection lost; 53…, 58…: no room, or its disk fails; 57P0x: the server stops or starts;
                    // 57014: a lock was held for too long; 40…: it lost against another transaction; 25006: another
                    // host takes writes now; 25P03: it waited too long within a transaction.
                    || error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| {
                        ["08", "53", "58", "57P0", "57014", "40", "25006", "25P03"].iter().any(|passing| code.starts_with(passing))
                    })
            }
            _ => false,
        }
    }
}

/// Makes sure that a write changed one row, no more and no less.
pub(crate) fn exactly_one(result: &PgQueryResult) -> Result<(), StoreError> {
    match result.rows_affected() {
        1 => Ok(()),
        other => Err(StoreError::NotOneRow(other)),
    }
}

/// Whether the constraint or unique index of that name refused a write.
pub(crate) fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    error.as_database_error().is_some_and(|error| error.constraint() == Some(constraint))
}

/// A page's length: at least one row and at most [`MAX_PAGE`].
pub(crate) fn page(limit: u32) -> i64 {
    limit.clamp(1, MAX_PAGE).into()
}
