//! Recognising the database at a start: one that was put back from a backup knows less than Proxmox has.

use mycopod_store::incarnation::{self, Mark};
use mycopod_store::standing;

use crate::{Engine, Refusal};

/// Why standing approvals end.
const RESTORED: &str = "MycoPod’s database was restored from a backup: later declarations may have changed what this would \
                        repair. Look, and give it again.";

impl Engine {
    /// How far the database has come; nothing where it was never recognised.
    pub async fn mark(&self) -> Result<Option<Mark>, Refusal> {
        Ok(incarnation::mark(&mut *self.pool().acquire().await?).await?)
    }

    /// Recognises the database before any work is begun. `known` is how far it had come when it was last seen from here.
    ///
    /// Where it is an older one, nothing that was being carried out in it is gone on with: each is left to a person, who
    /// plans again from what is. Standing approvals end: what they would repair may be what was declared since. Returns how far it has come, and how many those are.
    pub async fn recognise(&self, known: Option<Mark>) -> Result<(Mark, Option<usize>), Refusal> {
        let mut transaction = self.pool().begin().await?;
        let found = incarnation::recognise(&mut transaction, known, self.clock().now()).await?;
        if found.restored.is_some() {
            for id in standing::standing(&mut transaction).await? {
                self.end_standing(&mut transaction, id, RESTORED).await?;
            }
        }
        transaction.commit().await?;
        Ok((found.mark, found.restored.map(|left| left.len())))
    }
}
