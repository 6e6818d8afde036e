//! Keeping it so: on a timer the cluster is compared with what the newest declarations say.

use std::collections::BTreeMap;

use mycopod_core::field::{Field, Value};
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::observed::{Observed, Ownership};
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::{drift, owned_fields, reconciliations, resources};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::Entry;
use crate::clusters::Cluster;
use crate::{Engine, Refusal};

impl Engine {
    /// Compares a cluster with what was declared, again and again, until `stop`.
    pub(crate) async fn keep(&self, cluster: &Cluster, stop: &CancellationToken) {
        let mut ticks = interval(self.settings().keep_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.compare(cluster).await {
                let name = &cluster.name;
                tracing::warn!(cluster = name, %error, "a cluster could not be compared with what was declared");
            }
        }
    }

    async fn compare(&self, cluster: &Cluster) -> Result<(), Refusal> {
        let observed = cluster.look_afresh().await?;
        let (ours, mut owned, busy) = {
            let mut connection = self.pool().acquire().await?;
            let ours = resources::list(&mut connection, cluster.id).await?;
            let mut owned: BTreeMap<ResourceId, (DeclarationId, BTreeMap<Field, Value>)> = BTreeMap::new();
            for field in owned_fields::all(&mut connection, cluster.id).await? {
                let (newest, fields) = owned.entry(field.resource).or_insert((field.declaration, BTreeMap::new()));
                *newest = (*newest).max(field.declaration);
                fields.insert(field.field, field.value);
            }
            (ours, owned, reconciliations::busy_resources(&mut connection).await?)
        };
        let guarded = ours.iter().filter(|ours| {
            let fields = owned.get(&ours.id).map(|(_, fields)| fields);
            fields.is_some_and(|fields| fields.keys().any(|field| matches!(field, Field::Firewall(_))))
        });
        let observed = cluster.with_firewalls(&observed, guarded.map(|ours| ours.guest.key()).collect()).await;
        for resource in ours.iter().filter(|ours| ours.state == resources::State::Present && !busy.contains(&ours.id)) {
            let Some((declaration, fields)) = owned.remove(&resource.id) else { continue };
            // A list has only what one may see; whether a number is free is told to everybody.
            let is_unlisted = observed.is_complete() && observed.guest(resource.guest.key()).is_none();
            if is_unlisted && !cluster.hypervisor().is_free(resource.guest.vmid).await? {
                continue;
            }
            if let Some(differing) = differing(resource, &fields, &observed) {
                self.note_drift(resource, declaration, &differing).await?;
            }
        }
        Ok(())
    }

    async fn note_drift(
        &self,
        resource: &resources::Resource,
        declaration: DeclarationId,
        differing: &BTreeMap<Field, (Value, Option<Value>)>,
    ) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        let news = drift::saw(&mut transaction, resource.id, differing, self.clock().now()).await?;
        let guest = &resource.guest;
        for (kind, status, fields) in
            [(Kind::DriftFound, "drifted", &news.found), (Kind::DriftCleared, "as declared", &news.cleared)]
        {
            if fields.is_empty() {
                continue;
            }
            let details: Vec<_> = fields
                .iter()
                .map(|field| match differing.get(field) {
                    Some((declared, seen)) => json!({ "field": field, "declared": declared, "observed": seen }),
                    None => json!({ "field": field }),
                })
                .collect();
            let entry = Entry {
                actor: Actor::System,
                kind,
                subject: format!("{} {} {}", guest.kind.noun(), guest.vmid, guest.name),
                status: status.to_owned(),
                declaration,
                details: json!({ "fields": details }),
            };
            self.enter(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        if !news.found.is_empty() || !news.cleared.is_empty() {
            self.ring();
        }
        Ok(())
    }
}

/// The owned fields that are not as declared; of a guest that is proven gone all of them. `None` where nothing can be
/// said: its node does not answer, or another guest has its number.
fn differing(
    resource: &resources::Resource,
    fields: &BTreeMap<Field, Value>,
    observed: &Observed,
) -> Option<BTreeMap<Field, (Value, Option<Value>)>> {
    match observed.guest(resource.guest.key()) {
        Some(seen) if seen.ownership == Ownership::Ours(resource.id) => {
            let drifted = mycopod_core::drift::drift(fields, seen);
            Some(drifted.into_iter().map(|(field, declared, seen)| (field, (declared, seen))).collect())
        }
        None if observed.is_complete() => {
            Some(fields.iter().map(|(field, value)| (field.clone(), (value.clone(), None))).collect())
        }
        Some(_) | None => None,
    }
}
