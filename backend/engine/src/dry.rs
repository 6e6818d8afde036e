//! Planning without declaring: what would change. Nothing is kept, so nothing can be approved.

use std::collections::BTreeSet;

use mycopod_core::drift::owned;
use mycopod_core::id::DeclarationId;
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::observed::{Observed, Ownership};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Question};
use mycopod_core::resolve::{firewalls_of, minds_snapshots_of, resolve};
use mycopod_core::typed::is_intent;
use mycopod_store::owned_fields;

use crate::clusters::Cluster;
use crate::plan::allowed;
use crate::view::{DryPlan, PlanView};
use crate::{Engine, Refusal, show};

/// The longest text that is planned without being declared, in bytes: a folder of a thousand guests.
pub const MAX_DRY: usize = 1024 * 1024;
/// The most guests of it: as many as a large cluster has.
const MAX_GUESTS: usize = 1_000;

impl Engine {
    /// What declaring `content` would do now.
    pub async fn dry_plan(&self, content: &str) -> Result<DryPlan, Refusal> {
        if content.len() > MAX_DRY {
            return Err(Refusal::Invalid(format!("This is more than {} KiB. Plan it in parts.", MAX_DRY / 1024)));
        }
        if !is_intent(content) {
            crate::declare::readable(content)?;
        }
        let answers = Answers::default();
        let cluster = self.meant_by(content, &answers).await?;
        let observed = cluster.look_afresh().await?;
        let inventory = Inventory { clusters: self.0.clusters.names(), ..Inventory::of(&observed) };
        let mut reading = self.0.parts.interpreter.read_at_once(content, &inventory, &answers);
        if let Some(why) = reading.refusal {
            return Err(Refusal::Invalid(why));
        }
        if reading.statements.len() > MAX_GUESTS {
            return Err(Refusal::Invalid(format!("These are more than {MAX_GUESTS} guests. Plan them in parts.")));
        }
        let (id, policy) = (DeclarationId::fresh(self.clock()), &self.settings().policy);
        let guests = minds_snapshots_of(id, content, &reading, &observed, policy, &answers);
        let observed = &*cluster.with_snapshots(&observed, &guests).await;
        let firewalls = firewalls_of(id, content, &reading, observed, policy, &answers);
        let observed = &*cluster.with_firewalls(observed, firewalls).await;
        let (mut plan, mut undeclared) = (None, BTreeSet::new());
        let open = match resolve(id, content, &reading, observed, policy, &answers) {
            Err(open) => open,
            Ok(intent) => {
                undeclared = self.undeclared(&cluster, &intent, observed).await?;
                let mut open = self.unknown_secrets(&intent).await?;
                if open.is_empty() {
                    match self.would_plan(&cluster, id, content, &intent, observed).await? {
                        Ok(made) => plan = Some(made),
                        Err(asked) => open = asked,
                    }
                }
                open
            }
        };
        reading.questions = open;
        Ok(DryPlan {
            cluster: cluster.name.clone(),
            age_seconds: u64::try_from((self.clock().now() - observed.at).num_seconds()).unwrap_or(0),
            reading: show::reading(&reading, &answers, "builtin", content),
            plan,
            undeclared,
        })
    }

    async fn would_plan(
        &self,
        cluster: &Cluster,
        id: DeclarationId,
        content: &str,
        intent: &Intent,
        observed: &Observed,
    ) -> Result<Result<PlanView, Vec<Question>>, Refusal> {
        match self.plan_now(cluster, id, intent, observed).await? {
            Ok(plan) => Ok(allowed(cluster, plan, observed).await?.map(|plan| show::plan(&plan, content))),
            Err(open) => Ok(Err(open)),
        }
    }

    /// The guests of which something is said that no declaration holds so yet.
    async fn undeclared(
        &self,
        cluster: &Cluster,
        intent: &Intent,
        observed: &Observed,
    ) -> Result<BTreeSet<String>, Refusal> {
        let held = owned_fields::all(&mut *self.pool().acquire().await?, cluster.id).await?;
        let mut undeclared = BTreeSet::new();
        for wish in &intent.wishes {
            let (name, key) = match wish {
                Wish::Exist(new) => (new.name.value.to_string(), None),
                Wish::Hold { guest, .. } | Wish::Once { guest, .. } => (guest.name.clone(), Some(guest.key())),
                Wish::Facility { .. } => continue,
            };
            let resource = key.and_then(|key| observed.guest(key)).and_then(|seen| match seen.ownership {
                Ownership::Ours(resource) => Some(resource),
                Ownership::Unmarked | Ownership::Invalid => None,
            });
            let one = Intent { wishes: vec![wish.clone()] };
            let is_held = resource.is_some_and(|resource| {
                owned(&one, |_| Some(resource)).values().flatten().all(|(field, value)| {
                    held.iter().any(|held| {
                        (held.resource, &held.field, &held.value) == (resource, field, value) && !held.is_ignored()
                    })
                })
            });
            if !is_held {
                undeclared.insert(name);
            }
        }
        Ok(undeclared)
    }
}
