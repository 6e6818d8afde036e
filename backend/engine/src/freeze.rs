//! Freezing and unfreezing: an Admin's verbs. While a freeze stands nothing is applied; reading and planning go on, and
//! steps that are under way end.

use mycopod_core::id::ClusterId;
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::freezes::{self, Freeze};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use crate::cluster_admin::must_be_admin;
use crate::view::FreezeView;
use crate::{Actor, Engine, Refusal};

/// The longest reason: a line on every page.
const MAX_WHY: usize = 500;

impl Engine {
    /// The freezes that stand.
    pub async fn freezes(&self) -> Result<Vec<FreezeView>, Refusal> {
        let standing = freezes::list(&mut *self.pool().acquire().await?).await?;
        Ok(standing.into_iter().map(shown).collect())
    }

    /// Freezes a cluster, or without a name all of them. Once this returns no step begins there.
    pub async fn freeze(&self, actor: &Actor, cluster: Option<&str>, why: &str) -> Result<(), Refusal> {
        let why = why.trim();
        let length = why.chars().count();
        if length == 0 || length > MAX_WHY || why.chars().any(char::is_control) {
            return Err(Refusal::Invalid(format!(
                "Say why in 1 to {MAX_WHY} characters in one line: everybody reads it while nothing is applied."
            )));
        }
        let id = self.frozen_cluster(cluster).await?;
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        if !freezes::set(&mut transaction, id, actor.id, why, self.clock().now()).await? {
            return Err(Refusal::Conflict(format!(
                "{} frozen already. Nothing was changed.",
                subject(cluster, "is", "are")
            )));
        }
        self.enter_freeze(&mut transaction, actor, Kind::FreezeSet, cluster, Some(why)).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Lifts the freeze of a cluster, or without a name that of all; what was approved meanwhile is carried out.
    pub async fn unfreeze(&self, actor: &Actor, cluster: Option<&str>) -> Result<(), Refusal> {
        let id = self.frozen_cluster(cluster).await?;
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        if !freezes::lift(&mut transaction, id).await? {
            return Err(Refusal::Conflict(format!(
                "{} not frozen. Nothing was changed.",
                subject(cluster, "is", "are")
            )));
        }
        self.enter_freeze(&mut transaction, actor, Kind::FreezeLifted, cluster, None).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    async fn frozen_cluster(&self, name: Option<&str>) -> Result<Option<ClusterId>, Refusal> {
        let Some(name) = name else { return Ok(None) };
        self.read_clusters().await?;
        let found = self.0.clusters.named(name).map(|cluster| cluster.id);
        found.map(Some).ok_or_else(|| Refusal::NotFound("There is no cluster of that name.".into()))
    }

    async fn enter_freeze(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        actor: &Actor,
        kind: Kind,
        cluster: Option<&str>,
        why: Option<&str>,
    ) -> Result<(), Refusal> {
        let entry = NewEntry {
            time: self.clock().now(),
            actor: actor.into(),
            kind,
            subject: cluster.map_or_else(|| "all clusters".to_owned(), |name| format!("cluster {name}")),
            status: if kind == Kind::FreezeSet { "frozen" } else { "not frozen" }.to_owned(),
            declaration: None,
            details: json!({ "why": why }),
        };
        audit::append(transaction, entry).await?;
        Ok(())
    }
}

fn subject(cluster: Option<&str>, is: &str, are: &str) -> String {
    cluster.map_or_else(|| format!("All clusters {are}"), |name| format!("Cluster {name} {is}"))
}

fn shown(Freeze { cluster_name, email, at, why, .. }: Freeze) -> FreezeView {
    FreezeView { cluster: cluster_name, by: email, at, why }
}
