//! The ledger of declarations that ended long ago: written out, and then removed.
//!
//! What goes is named by the digest of what was written: the same is read anew and removed in one transaction, so that
//! nothing goes that is not in the archive. The declarations themselves stay, and the audit log as a whole.

use chrono::{DateTime, Utc};
use mycopod_core::id::{DeclarationId, UserId};
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::{StoreError, exactly_one};

/// Declarations that are archived at once: some megabytes.
const BATCH: i64 = 20;

/// What is archived at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The declarations whose ledger it is, the one that ended first first.
    pub declarations: Vec<DeclarationId>,
    /// A line of JSON for each, without its end.
    pub lines: Vec<String>,
}

impl Batch {
    /// SHA-256 over the lines with their ends, as they stand in the archive; 64 hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for line in &self.lines {
            hash.update(line);
            hash.update(b"\n");
        }
        hex::encode(hash.finalize())
    }
}

/// The next declarations that ended for good before `before` and of which nothing is owned or under way, with their
/// ledger. They stay as they are until the transaction ends.
pub async fn next(transaction: &mut Transaction<'_, Postgres>, before: DateTime<Utc>) -> Result<Batch, StoreError> {
    // Times are written the same whatever the server's zone.
    sqlx::query("SET LOCAL TimeZone = 'UTC'").execute(&mut **transaction).await?;
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM declarations d
         WHERE pruned_by IS NULL AND status IN ('refused', 'cancelled', 'superseded') AND updated_at < $1
           AND NOT EXISTS (SELECT FROM owned_fields WHERE declaration_id = d.id)
           AND NOT EXISTS (SELECT FROM resources WHERE declaration_id = d.id AND state = 'reserved')
           AND NOT EXISTS (SELECT FROM reconciliations WHERE declaration_id = d.id AND status = 'applying')
         ORDER BY updated_at, id LIMIT $2 FOR UPDATE",
    )
    .bind(before)
    .bind(BATCH)
    .fetch_all(&mut **transaction)
    .await?;
    let mut lines = Vec::with_capacity(ids.len());
    for id in &ids {
        let line: String = sqlx::query_scalar(
            "SELECT jsonb_build_object(
                 'declaration', to_jsonb(d), 'author', u.email,
                 'answers', (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY question), '[]') FROM answers a
                             WHERE declaration_id = d.id),
                 'plans', (SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY id), '[]') FROM plans p
                           WHERE declaration_id = d.id),
                 'approvals', (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY plan_id), '[]')
                               FROM approvals a JOIN plans p ON p.id = plan_id WHERE p.declaration_id = d.id),
                 'reconciliations', (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY \"timestamp\", id), '[]')
                                     FROM reconciliations r WHERE declaration_id = d.id),
                 'steps', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY r.\"timestamp\", r.id, seq), '[]')
                           FROM steps s JOIN reconciliations r ON r.id = reconciliation_id WHERE declaration_id = d.id)
             )::text
             FROM declarations d JOIN users u ON u.id = d.user_id WHERE d.id = $1",
        )
        .bind(id)
        .fetch_one(&mut **transaction)
        .await?;
        lines.push(line);
    }
    Ok(Batch { declarations: ids.into_iter().map(DeclarationId).collect(), lines })
}

/// Removes what a batch holds, in the transaction in which it was read.
pub async fn remove(
    transaction: &mut Transaction<'_, Postgres>,
    batch: &Batch,
    id: Uuid,
    before: DateTime<Utc>,
    by: UserId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = batch.declarations.iter().map(|declaration| declaration.0).collect();
    let result = sqlx::query(
        "INSERT INTO prunings (id, user_id, at, before, declarations, sha256) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(by.0)
    .bind(at)
    .bind(before)
    .bind(i32::try_from(ids.len()).unwrap_or(i32::MAX))
    .bind(batch.sha256())
    .execute(&mut **transaction)
    .await?;
    exactly_one(&result)?;
    let marked = sqlx::query(
        "UPDATE declarations SET pruned_by = $2, plan_id = NULL, reader = NULL, reading = NULL, intent = NULL
         WHERE id = ANY($1)",
    )
    .bind(&ids)
    .bind(id)
    .execute(&mut **transaction)
    .await?;
    if marked.rows_affected() != ids.len() as u64 {
        return Err(StoreError::NotOneRow(marked.rows_affected()));
    }
    for statement in [
        "DELETE FROM leases WHERE work_id = ANY($1) OR work_id IN
             (SELECT id FROM reconciliations WHERE declaration_id = ANY($1))",
        "DELETE FROM steps WHERE reconciliation_id IN (SELECT id FROM reconciliations WHERE declaration_id = ANY($1))",
        "DELETE FROM reconciliations WHERE declaration_id = ANY($1)",
        "DELETE FROM approvals WHERE plan_id IN (SELECT id FROM plans WHERE declaration_id = ANY($1))",
        "DELETE FROM plans WHERE declaration_id = ANY($1)",
        "DELETE FROM answers WHERE declaration_id = ANY($1)",
    ] {
        sqlx::query(statement).bind(&ids).execute(&mut **transaction).await?;
    }
    Ok(())
}
