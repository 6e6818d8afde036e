//! Archiving the ledger of declarations that ended long ago, and removing what was archived: an Admin's verb, in two
//! halves. The first gives the lines; whoever keeps them names their digest in the second, which removes just these.

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_store::archive;
use mycopod_store::audit::{self, Kind, NewEntry};
use serde_json::json;
use uuid::Builder;

use crate::cluster_admin::must_be_admin;
use crate::view::{ArchiveBatch, Pruned};
use crate::{Actor, Engine, Refusal};

impl Engine {
    /// The next lines of the archive, of declarations that ended before `before`.
    pub async fn archive(&self, actor: &Actor, before: DateTime<Utc>) -> Result<ArchiveBatch, Refusal> {
        self.must_be_old(before)?;
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        let batch = archive::next(&mut transaction, before).await?;
        Ok(ArchiveBatch { sha256: batch.sha256(), lines: batch.lines })
    }

    /// Removes the ledger of the declarations whose lines have this digest. The declarations stay, and the audit log.
    pub async fn prune(&self, actor: &Actor, before: DateTime<Utc>, sha256: &str) -> Result<Pruned, Refusal> {
        self.must_be_old(before)?;
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        let batch = archive::next(&mut transaction, before).await?;
        if batch.lines.is_empty() || batch.sha256() != sha256 {
            return Err(Refusal::Conflict(
                "These are not the lines that would be removed now. Nothing was removed; archive again.".into(),
            ));
        }
        let now = self.clock().now();
        let mut random = [0; 10];
        self.clock().random(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        archive::remove(&mut transaction, &batch, id, before, actor.id, now).await?;
        let entry = NewEntry {
            time: now,
            actor: actor.into(),
            kind: Kind::LedgerPruned,
            subject: format!("archive {sha256}"),
            status: "archived and removed".to_owned(),
            declaration: None,
            details: json!({ "before": before, "sha256": sha256, "declarations": batch.declarations }),
        };
        audit::append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Pruned { declarations: batch.declarations.len() })
    }

    fn must_be_old(&self, before: DateTime<Utc>) -> Result<(), Refusal> {
        let retention = self.settings().retention;
        if self.clock().now() - before < TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX) {
            return Err(Refusal::Invalid(format!(
                "The ledger is kept for {} days at least (MYCOPOD_RETENTION_DAYS). Nothing was removed; name an earlier \
                 time.",
                retention.as_secs() / 86_400
            )));
        }
        Ok(())
    }
}
