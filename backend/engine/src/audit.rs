//! Entries of the audit log, its checkpoints, and the check that it is as it was written.

use chrono::SecondsFormat;
use mycopod_core::audit::{Checkpoint, Frontier, leaf};
use mycopod_core::id::DeclarationId;
use mycopod_store::audit::{self, Kind, NewEntry};
use serde_json::Value;
use sqlx::{Postgres, Transaction};

use crate::view::{BadEntry, Verification};
use crate::{Actor, Engine, Refusal};

impl From<&Actor> for audit::Actor {
    fn from(actor: &Actor) -> Self {
        Self::User { id: actor.id, email: actor.email.clone() }
    }
}

/// What is entered, without the time.
pub(crate) struct Entry {
    pub actor: audit::Actor,
    pub kind: Kind,
    pub subject: String,
    pub status: String,
    pub declaration: DeclarationId,
    pub details: Value,
}

/// How many bytes of texts one entry repeats, well within the 64 KiB that it may have; all of them stand with the
/// declaration.
const MAX_LISTED: usize = 24 * 1024;

/// The texts as an entry's details hold them; where they are too many, how many more there are.
pub(crate) fn listed<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<String> {
    let (mut listed, mut bytes, mut more) = (Vec::new(), 0, 0_usize);
    for text in texts {
        bytes += text.len();
        if bytes <= MAX_LISTED {
            listed.push(text.to_owned());
        } else {
            more += 1;
        }
    }
    if more > 0 {
        listed.push(format!("… and {more} more"));
    }
    listed
}

/// The last lines of a task's log, as far as an entry's details hold them.
pub(crate) fn last(lines: &[String]) -> Vec<&str> {
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len();
        bytes <= MAX_LISTED
    };
    lines.iter().rev().take_while(fits).map(String::as_str).collect::<Vec<_>>().into_iter().rev().collect()
}

impl Engine {
    /// Appends to the log in the transaction that causes the entry. Always the last write of a transaction:
    /// the log's head is one row, for which all who append wait.
    pub(crate) async fn enter(&self, transaction: &mut Transaction<'_, Postgres>, entry: Entry) -> Result<(), Refusal> {
        let entry = NewEntry {
            time: self.clock().now(),
            actor: entry.actor,
            kind: entry.kind,
            subject: entry.subject,
            status: entry.status,
            declaration: Some(entry.declaration),
            details: entry.details,
        };
        audit::append(transaction, entry).await?;
        Ok(())
    }

    /// Signs the log as it stands.
    pub async fn checkpoint(&self) -> Result<Checkpoint, Refusal> {
        let mut connection = self.pool().acquire().await?;
        let head = audit::head(&mut connection).await?;
        let time = self.clock().now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let checkpoint = Checkpoint::sign(&self.keys().checkpoint, &self.settings().origin, &head, time);
        audit::save_checkpoint(&mut connection, &checkpoint).await?;
        Ok(checkpoint)
    }

    /// Computes the whole log anew and holds it against what is stored: every entry's hash, the root, and the
    /// checkpoints that were signed on the way.
    pub async fn verify_audit(&self) -> Result<Verification, Refusal> {
        let (stored, checkpoints) = {
            let mut connection = self.pool().acquire().await?;
            let stored = audit::head(&mut connection).await?;
            (stored, audit::checkpoints(&mut connection, mycopod_store::MAX_PAGE).await?)
        };
        let mut computed = Frontier::default();
        let bad = |seq, why: &str| Some(BadEntry { seq, why: why.to_owned() });
        let mut first_bad = None;
        'log: while computed.size() < stored.size() {
            let mut connection = self.pool().acquire().await?;
            let batch = audit::after(&mut connection, None, computed.size()).await?;
            drop(connection);
            if batch.is_empty() {
                first_bad = bad(computed.size() + 1, "it is missing");
                break;
            }
            for entry in batch {
                if computed.size() == stored.size() {
                    break 'log;
                }
                let expected = computed.size() + 1;
                if entry.seq != expected {
                    first_bad = bad(expected, "it is missing");
                    break 'log;
                }
                let hash = leaf(entry.text.as_bytes());
                if hash != entry.hash {
                    first_bad = bad(expected, "its text does not fit its hash: it was altered");
                    break 'log;
                }
                computed.push(hash);
                let altered = |checkpoint: &&Checkpoint| {
                    checkpoint.size == expected && (checkpoint.root != computed.root() || checkpoint.verify().is_err())
                };
                if checkpoints.iter().any(|checkpoint| altered(&checkpoint)) {
                    first_bad = bad(expected, "the log up to here does not fit the checkpoint that was signed then");
                    break 'log;
                }
            }
        }
        if first_bad.is_none() && computed.root() != stored.root() {
            first_bad = bad(stored.size(), "the root does not fit: an entry before was altered together with its hash");
        }
        Ok(Verification { ok: first_bad.is_none(), size: stored.size(), root: stored.root().to_string(), first_bad })
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LISTED, listed};

    #[test]
    fn what_an_entry_repeats_is_bounded_and_says_what_is_left_out() {
        let text = "x".repeat(1000);
        let of = |n| listed(std::iter::repeat_n(text.as_str(), n));
        assert_eq!(of(3).len(), 3);
        let many = of(500);
        assert!(many.iter().map(String::len).sum::<usize>() < MAX_LISTED + 100);
        assert_eq!(many.last().unwrap(), "… and 476 more");
    }
}
