//! The audit log: an append-only Merkle tree (RFC 6962, section 2.1) in a table.
//!
//! An entry is kept as the very text that was hashed, a line of JSON; an export is
//! these lines. Appending locks the tree's one head row until the caller's
//! transaction ends, so that entries are numbered without gaps in the order in which
//! they are committed. The arithmetic is [`mycopod_core::audit`]'s.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mycopod_core::audit::{Checkpoint, Frontier, Hash, leaf};
use mycopod_core::id::{DeclarationId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::{PgConnection, PgListener, PgRow};
use sqlx::{FromRow, PgPool, Postgres, Transaction};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::page;
use crate::json::{self, text_without_nul};
use crate::row::Columns;
use crate::{StoreError, exactly_one};

/// The longest entry, in bytes; the schema says the same.
const MAX_ENTRY: usize = 65_536;
/// Entries that [`after`] reads at once: at most some megabytes.
const BATCH: i64 = 500;
/// The channel that tells of new entries.
const CHANNEL: &str = "mycopod_audit";

macro_rules! kinds {
    ($($variant:ident = $text:literal,)*) => {
        /// What an entry tells of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

kinds! {
    UserCreated = "user.created",
    UserUpdated = "user.updated",
    UserLogin = "user.login",
    UserLoginFailed = "user.login_failed",
    DeclarationCreated = "declaration.created",
    DeclarationRead = "declaration.read",
    DeclarationAnswered = "declaration.answered",
    DeclarationEdited = "declaration.edited",
    DeclarationEditTakenBack = "declaration.edit_taken_back",
    DeclarationRefused = "declaration.refused",
    DeclarationCancelled = "declaration.cancelled",
    DeclarationConverged = "declaration.converged",
    DeclarationBlocked = "declaration.blocked",
    DeclarationFailed = "declaration.failed",
    DeclarationSuperseded = "declaration.superseded",
    PlanAsked = "plan.asked",
    PlanMade = "plan.made",
    PlanApproved = "plan.approved",
    PlanStale = "plan.stale",
    StepStarted = "step.started",
    StepSubmitted = "step.submitted",
    StepDone = "step.done",
    StepFailed = "step.failed",
    StepBlocked = "step.blocked",
    StandingGiven = "standing.given",
    StandingEnded = "standing.ended",
    FreezeSet = "freeze.set",
    FreezeLifted = "freeze.lifted",
    DriftFound = "drift.found",
    DriftCleared = "drift.cleared",
    DriftLooping = "drift.looping",
    DriftAccepted = "drift.accepted",
    DriftIgnored = "drift.ignored",
    DriftSnoozed = "drift.snoozed",
    ClusterAdded = "cluster.added",
    ClusterChanged = "cluster.changed",
    ClusterRemoved = "cluster.removed",
    FileUploading = "file.uploading",
    FileUploaded = "file.uploaded",
    FileFailed = "file.failed",
    SecretSet = "secret.set",
    SecretRemoved = "secret.removed",
    LedgerPruned = "ledger.pruned",
    CheckpointSigned = "checkpoint.signed",
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Actor {
    /// A person who was logged in.
    User {
        /// Who.
        id: UserId,
        /// Their address then.
        email: String,
    },
    /// MycoPod by itself, or nobody who is known.
    System,
}

/// What is to be entered. Never a secret: the log is for outsiders to read.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub kind: Kind,
    /// To what: a guest's name, a plan's digest. In `user.…` entries the person's id, which lets them
    /// see the entry.
    pub subject: String,
    /// How it stands now, in a word.
    pub status: String,
    /// The declaration it belongs to, whose author may see the entry.
    pub declaration: Option<DeclarationId>,
    /// What else an outsider needs, small.
    pub details: Value,
}

/// What an entry says, as it is read back from its text, here or in an export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// What happened. A newer version may know more kinds than [`Kind`] lists.
    pub kind: String,
    /// To what.
    pub subject: String,
    /// How it stands since.
    pub status: String,
    /// The declaration it belongs to.
    pub declaration: Option<DeclarationId>,
    /// What else there is to say.
    pub details: Value,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number, from 1: the log's size once it was appended.
    pub seq: u64,
    /// Its text, one line of JSON without the line's end: the bytes that were hashed, and the export's line.
    pub text: String,
    /// Its leaf's hash, as computed when it was appended.
    pub hash: Hash,
}

impl Stored {
    /// What it says.
    pub fn entry(&self) -> Result<Entry, StoreError> {
        serde_json::from_str(&self.text)
            .map_err(|error| StoreError::Corrupt(format!("audit entry {}: {error}", self.seq)))
    }
}

impl FromRow<'_, PgRow> for Stored {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            seq: row.plain::<i64>("seq")?.unsigned_abs(),
            text: row.plain("entry")?,
            hash: row.hash("leaf_hash")?,
        })
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Appends an entry, which is committed with the caller's transaction or not at all.
/// Returns its number.
pub async fn append(transaction: &mut Transaction<'_, Postgres>, entry: NewEntry) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT size, peaks FROM audit_head FOR UPDATE").fetch_one(&mut **transaction).await?;
    let mut frontier = frontier(&row)?;
    let seq = frontier.size() + 1;
    let entry = Entry {
        seq,
        time: entry.time,
        actor: match entry.actor {
            Actor::User { id, email } => Actor::User { id, email: text_without_nul(email) },
            Actor::System => Actor::System,
        },
        kind: entry.kind.as_str().to_owned(),
        subject: text_without_nul(entry.subject),
        status: text_without_nul(entry.status),
        declaration: entry.declaration,
        details: json::without_nul(entry.details),
    };
    let text = serde_json::to_string(&entry).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    if text.len() > MAX_ENTRY {
        return Err(StoreError::EntryTooLarge(text.len()));
    }
    let hash = leaf(text.as_bytes());
    frontier.push(hash);
    let result = sqlx::query(
        "WITH entry AS (INSERT INTO audit_entries (seq, entry, leaf_hash) VALUES ($1, $2, $3) RETURNING seq),
              told AS (SELECT pg_notify($5, seq::text) FROM entry)
         UPDATE audit_head SET size = $1, peaks = $4 FROM told WHERE size = $1 - 1",
    )
    .bind(signed(seq))
    .bind(&text)
    .bind(hash.0.as_slice())
    .bind(frontier.peaks().iter().map(|peak| peak.0.as_slice()).collect::<Vec<_>>())
    .bind(CHANNEL)
    .execute(&mut **transaction)
    .await?;
    exactly_one(&result)?;
    Ok(seq)
}

fn frontier(row: &PgRow) -> Result<Frontier, StoreError> {
    let size = row.plain::<i64>("size")?.unsigned_abs();
    let peaks: Vec<Vec<u8>> = row.plain("peaks")?;
    let peaks: Option<Vec<Hash>> = peaks.into_iter().map(|peak| peak.try_into().ok().map(Hash)).collect();
    peaks
        .and_then(|peaks| Frontier::stored(size, peaks))
        .ok_or_else(|| StoreError::Corrupt(format!("the audit log's head does not fit its size {size}")))
}

/// The tree's right edge: the log's size and root.
pub async fn head(connection: &mut PgConnection) -> Result<Frontier, StoreError> {
    frontier(&sqlx::query("SELECT size, peaks FROM audit_head").fetch_one(connection).await?)
}

/// Entries, newest first, older than `before` where given.
///
/// `viewer` is the person whose view it is: they see the entries of their own declarations,
/// of what they did, and of their account. `None` sees all.
pub async fn list(
    connection: &mut PgConnection,
    viewer: Option<UserId>,
    declaration: Option<DeclarationId>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT seq, entry, leaf_hash FROM audit_entries
         WHERE ($1::uuid IS NULL OR actor_id = $1 OR (kind LIKE 'user.%' AND subject = $1::text)
                OR declaration_id IN (SELECT id FROM declarations WHERE user_id = $1))
           AND ($2::uuid IS NULL OR declaration_id = $2) AND ($3::bigint IS NULL OR seq < $3)
         ORDER BY seq DESC LIMIT $4",
    )
    .bind(viewer.map(|viewer| viewer.0))
    .bind(declaration.map(|declaration| declaration.0))
    .bind(before.map(signed))
    .bind(page(limit))
    .fetch_all(connection)
    .await?)
}

/// The next entries after `seq` that `viewer` sees, oldest first, up to 500: a batch of an
/// export, of a verification, of the live events. After an empty batch there is no more for now.
pub async fn after(connection: &mut PgConnection, viewer: Option<UserId>, seq: u64) -> Result<Vec<Stored>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT seq, entry, leaf_hash FROM audit_entries
         WHERE ($1::uuid IS NULL OR actor_id = $1 OR (kind LIKE 'user.%' AND subject = $1::text)
                OR declaration_id IN (SELECT id FROM declarations WHERE user_id = $1))
           AND seq > $2
         ORDER BY seq LIMIT $3",
    )
    .bind(viewer.map(|viewer| viewer.0))
    .bind(signed(seq))
    .bind(BATCH)
    .fetch_all(connection)
    .await?)
}

/// Keeps a signed checkpoint. One of that size and key that is kept already stays.
pub async fn save_checkpoint(connection: &mut PgConnection, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_checkpoints (size, public_key, origin, root, time, signature)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (size, public_key) DO NOTHING",
    )
    .bind(signed(checkpoint.size))
    .bind(&checkpoint.public_key)
    .bind(&checkpoint.origin)
    .bind(checkpoint.root.0.as_slice())
    .bind(&checkpoint.time)
    .bind(&checkpoint.signature)
    .execute(connection)
    .await?;
    Ok(())
}

/// Checkpoints, newest first.
pub async fn checkpoints(connection: &mut PgConnection, limit: u32) -> Result<Vec<Checkpoint>, StoreError> {
    let rows = sqlx::query("SELECT * FROM audit_checkpoints ORDER BY size DESC, time DESC LIMIT $1")
        .bind(page(limit))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Checkpoint {
                origin: row.plain("origin")?,
                size: row.plain::<i64>("size")?.unsigned_abs(),
                root: row.hash("root")?,
                time: row.plain("time")?,
                public_key: row.plain("public_key")?,
                signature: row.plain("signature")?,
            })
        })
        .collect()
}

/// Hints that the log has grown. They may be lost or late, so that whoever waits looks
/// again after a while in any case. One serves a whole process: it keeps a connection.
pub struct Hints(PgListener);

impl Hints {
    /// Begins to listen.
    pub async fn listen(pool: &PgPool) -> Result<Self, StoreError> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// Waits for a hint, but no longer than `patience`. A lost connection is made anew.
    pub async fn wait(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        match timeout_at(deadline, self.0.try_recv()).await {
            // One look serves all hints that have come in.
            Ok(Ok(_)) => while self.0.next_buffered().is_some() {},
            Ok(Err(_)) => sleep_until(deadline).await,
            Err(_) => {}
        }
    }
}
