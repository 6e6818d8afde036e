//! Keeping it so: the clusters are compared, again and again, with what the newest declarations say.
//!
//! Every interval the cluster's own list is read, by one call whatever the number of guests. Guests of which it says
//! something else than at the last look are looked at at once; the others in turn, as far as the interval's budget of
//! requests goes. So every change is found within as many intervals as the budget takes for all guests of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use mycopod_core::drift::{self as core_drift, Cause};
use mycopod_core::field::{Field, Value};
use mycopod_core::observed::{Look, Ownership, Sighting};
use mycopod_core::plan::Tasks;
use mycopod_core::ports::CallError;
use mycopod_core::roll::{Listed, Roll};
use mycopod_store::audit::{Actor, Kind};
use mycopod_store::checks::{self, Due, Extent};
use mycopod_store::drift::{self, Differing, News};
use mycopod_store::{owned_fields, resources, steps};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::audit::Entry;
use crate::clusters::Cluster;
use crate::standing::fought_over;
use crate::view::Keeping;
use crate::{Engine, Refusal};

/// What the list costs: itself, and what the HA manager keeps.
const ROLL: u32 = 2;
/// What a look at a guest costs: its configuration and its state.
const READ: u32 = 2;
/// What its firewall costs besides: options, rules, aliases, sets, references, and those of the cluster; each IP set is one more.
const FIREWALL: u32 = 8;
/// What it costs at most to prove that a guest is gone.
const PROOF: u32 = 6;
/// What asking for a guest's tasks costs.
const TASKS: u32 = 1;
/// The least budget: one guest with its firewall and its tasks, besides the list.
pub const LEAST_BUDGET: u32 = ROLL + READ + FIREWALL + TASKS;
/// Guests looked at side by side: as few as leave Proxmox's three workers to its users.
const LOOKS_AT_ONCE: usize = 2;
/// How far a node's clock may be from ours: tasks that began a little earlier than the last good look count.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// The requests that a round may still make.
struct Budget(AtomicU32);

impl Budget {
    fn take(&self, requests: u32) -> bool {
        let take = |left: u32| left.checked_sub(requests);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What was found out about one guest.
struct Found<'a> {
    due: &'a Due,
    listed: Option<&'a Listed>,
    at: DateTime<Utc>,
    /// Where it is; the node it was last on, where it is gone.
    node: String,
    differing: BTreeMap<Field, Differing>,
}

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
            if let Err(error) = self.round(cluster).await {
                let name = &cluster.name;
                tracing::warn!(cluster = name, %error, "a cluster could not be compared with what was declared");
            }
        }
    }

    async fn round(&self, cluster: &Cluster) -> Result<(), Refusal> {
        let roll = cluster.call_the_roll(self.clock().now()).await?;
        // A round that comes a little early is this interval's, not the last one's.
        let interval = self.settings().keep_every.mul_f64(0.9);
        let due = {
            let mut connection = self.pool().acquire().await?;
            if !checks::turn(&mut connection, cluster.id, interval).await? {
                return Ok(());
            }
            checks::due(&mut connection, cluster.id).await?
        };
        let budget = Budget(AtomicU32::new(self.settings().keep_requests.saturating_sub(ROLL)));
        let told = due.into_iter().filter(|due| match roll.guests.get(&due.resource.guest.key()) {
            Some(listed) => roll.is_online(&listed.guest.node),
            None => roll.is_complete(),
        });
        let (urgent, rest): (Vec<Due>, Vec<Due>) = told.partition(|due| is_urgent(due, &roll));
        let affordable =
            stream::iter(urgent.into_iter().chain(rest)).take_while(|due| ready(budget.take(cost(due, &roll))));
        affordable
            .for_each_concurrent(LOOKS_AT_ONCE, async |due: Due| {
                if let Err(error) = self.check(cluster, &due, &roll, &budget).await {
                    let vmid = due.resource.guest.vmid;
                    tracing::warn!(cluster = cluster.name, %vmid, %error, "a guest could not be compared with what was declared");
                }
            })
            .await;
        self.repair_all(cluster).await
    }

    /// Looks at one guest and keeps how it differs from what was declared.
    async fn check(&self, cluster: &Cluster, due: &Due, roll: &Roll, budget: &Budget) -> Result<(), Refusal> {
        let at = self.clock().now();
        let (resource, listed) = (&due.resource, roll.guests.get(&due.resource.guest.key()));
        let look = match look(cluster, due, listed).await {
            Ok(look) => look,
            Err(error) => {
                checks::tried(&mut *self.pool().acquire().await?, resource.id, at).await?;
                return Err(error.into());
            }
        };
        if let Look::Present(seen) = &look {
            cluster.latest.saw(seen);
        }
        let (owned, explained) = {
            let mut connection = self.pool().acquire().await?;
            let owned = owned_fields::of(&mut connection, resource.id).await?;
            (owned, drift::explained(&mut connection, resource.id).await?)
        };
        let fields: BTreeMap<Field, Value> =
            owned.iter().map(|owned| (owned.field.clone(), owned.value.clone())).collect();
        let gone = matches!(look, Look::Absent);
        let (differing, node) = match &look {
            Look::Present(seen) if seen.ownership == Ownership::Ours(resource.id) => {
                (core_drift::drift(&fields, seen), seen.guest.node.clone())
            }
            Look::Absent => {
                let all = fields.into_iter().map(|(field, declared)| (field, declared, None)).collect();
                (all, resource.guest.node.clone())
            }
            // Another guest has its number, or nothing can be said.
            Look::Present(_) | Look::Facility(_) | Look::Unknown(_) => {
                checks::tried(&mut *self.pool().acquire().await?, resource.id, at).await?;
                return Ok(());
            }
        };
        let differing = differing
            .into_iter()
            .map(|(field, declared, observed)| (field, Differing { declared, observed, cause: None }));
        let mut found = Found { due, listed, at, node, differing: differing.collect() };
        let unexplained: BTreeSet<Field> = found
            .differing
            .iter()
            .filter(|(field, differing)| explained.get(field) != Some(&differing.observed))
            .map(|(field, _)| field.clone())
            .collect();
        if !unexplained.is_empty() && budget.take(TASKS) {
            self.explain(cluster, &mut found, &unexplained, gone).await?;
        }
        self.note(&found).await
    }

    /// Asks Proxmox who did it.
    async fn explain(
        &self,
        cluster: &Cluster,
        found: &mut Found<'_>,
        fields: &BTreeSet<Field>,
        gone: bool,
    ) -> Result<(), Refusal> {
        let resource = &found.due.resource;
        let of = Tasks::OfGuest { node: &found.node, vmid: resource.guest.vmid };
        let tasks = match cluster.hypervisor().tasks_of(of).await {
            Ok(tasks) => tasks,
            // What may not be seen is no record either.
            Err(CallError::Rejected { .. }) => Vec::new(),
            // It is asked again with the next look.
            Err(_) => return Ok(()),
        };
        let ours = steps::ours(&mut *self.pool().acquire().await?, resource.id, &tasks).await?;
        let others: Vec<_> = tasks.into_iter().filter(|task| !ours.contains(task.as_str())).collect();
        let since = (found.due.clean_at.unwrap_or(resource.created_at) - SKEW).timestamp();
        for (field, differing) in found.differing.iter_mut().filter(|(field, _)| fields.contains(*field)) {
            differing.cause = Some(core_drift::cause(&others, since, field, differing.observed.as_ref(), gone));
        }
        Ok(())
    }

    async fn note(&self, found: &Found<'_>) -> Result<(), Refusal> {
        let resource = &found.due.resource;
        let mut transaction = self.pool().begin().await?;
        let clean = found.differing.is_empty();
        if !checks::saw(&mut transaction, resource.id, found.listed, clean, found.at).await? {
            return Ok(());
        }
        if found.node != resource.guest.node {
            resources::moved(&mut transaction, resource.id, &found.node).await?;
        }
        let news = drift::saw(&mut transaction, resource.id, &found.differing, found.at).await?;
        let News { found: new, cleared, looping } = &news;
        let fought: BTreeSet<Field> = looping.keys().cloned().collect();
        let owners: BTreeMap<Field, _> = owned_fields::of(&mut transaction, resource.id)
            .await?
            .into_iter()
            .map(|owned| (owned.field, owned.declaration))
            .collect();
        for (kind, status, fields) in [
            (Kind::DriftFound, "drifted", new),
            (Kind::DriftLooping, "looping", &fought),
            (Kind::DriftCleared, "as declared", cleared),
        ] {
            let mut by_owner: BTreeMap<_, Vec<&Field>> = BTreeMap::new();
            for field in fields {
                by_owner.entry(owners.get(field).copied().unwrap_or(resource.declaration)).or_default().push(field);
            }
            for (declaration, fields) in by_owner {
                let details: Vec<_> = fields.into_iter().map(|field| told(field, found, &news)).collect();
                let details = json!({ "fields": details });
                let entry = Entry {
                    actor: Actor::System,
                    kind,
                    subject: subject(resource),
                    status: status.to_owned(),
                    declaration,
                    details,
                };
                self.enter(&mut transaction, entry).await?;
            }
        }
        for (field, repairs) in looping {
            if let (Some(owner), Some(seen)) = (owners.get(field), found.differing.get(field)) {
                let why = fought_over(&resource.guest.name, field, *repairs, seen);
                self.end_standing(&mut transaction, *owner, &why).await?;
            }
        }
        transaction.commit().await?;
        if !news.found.is_empty() || !news.cleared.is_empty() {
            self.ring();
        }
        Ok(())
    }

    /// How a cluster is kept, and within what time every change is found.
    pub(crate) fn keeping(&self, extent: Extent, now: DateTime<Utc>) -> Keeping {
        let (every, requests) = (self.settings().keep_every, self.settings().keep_requests);
        Keeping {
            every_seconds: every.as_secs_f64(),
            requests,
            guests: extent.guests,
            within_seconds: within(extent, every, requests).as_secs(),
            oldest_seconds: extent.oldest.map(|at| u64::try_from((now - at).num_seconds()).unwrap_or(0)),
        }
    }
}

/// The bound on detection: as many intervals as the budget takes for all guests. What the cluster's list shows is found in
/// the first.
fn within(extent: Extent, every: Duration, requests: u32) -> Duration {
    let all = u64::from(extent.guests) * u64::from(READ) + u64::from(extent.guarded) * u64::from(FIREWALL);
    let rounds = all.div_ceil(u64::from(requests.saturating_sub(ROLL).max(1))).max(1);
    every.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
}

/// Whether a guest is looked at before its turn.
fn is_urgent(due: &Due, roll: &Roll) -> bool {
    due.unexplained || due.listed.as_ref() != roll.guests.get(&due.resource.guest.key())
}

fn cost(due: &Due, roll: &Roll) -> u32 {
    let guard = if due.guarded { FIREWALL } else { 0 };
    match roll.guests.get(&due.resource.guest.key()) {
        Some(_) => READ + guard,
        // Proven gone once, it is only asked for again.
        None => PROOF,
    }
}

/// A guest with all that may be owned of it.
async fn look(cluster: &Cluster, due: &Due, listed: Option<&Listed>) -> Result<Look, CallError> {
    let Some(listed) = listed else { return cluster.hypervisor().look(due.resource.guest.key()).await };
    let moving = || Look::Unknown("it is not where it was a moment ago".to_owned());
    let Some(seen) = cluster.hypervisor().read(listed).await? else { return Ok(moving()) };
    let seen: Sighting = if due.guarded {
        let firewall = cluster.hypervisor().firewall(&seen.guest).await?;
        seen.with_firewall(firewall)
    } else {
        seen
    };
    Ok(Look::Present(Box::new(seen)))
}

/// A guest of ours as an entry of the audit log names it.
pub(crate) fn subject(resource: &resources::Resource) -> String {
    let guest = &resource.guest;
    format!("{} {} {}", guest.kind.noun(), guest.vmid, guest.name)
}

/// What an entry tells of a field.
fn told(field: &Field, found: &Found<'_>, news: &News) -> serde_json::Value {
    let Some(Differing { declared, observed, cause }) = found.differing.get(field) else {
        return json!({ "field": field });
    };
    let cause = cause.as_ref().map(|cause| match cause {
        Cause::Task(upid) => json!({ "task": upid, "user": upid.user() }),
        Cause::Unrecorded => json!("Proxmox shows no task"),
    });
    let mut told = json!({ "field": field, "declared": declared, "observed": observed, "cause": cause });
    if let Some(repairs) = news.looping.get(field) {
        told["repairs_undone"] = json!(repairs);
    }
    told
}

#[cfg(test)]
mod tests {
    use mycopod_core::guest::{GuestRef, Kind, Power, Vmid};
    use mycopod_core::id::{ClusterId, DeclarationId, ResourceId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_bound_is_the_guests_by_the_budget() {
        let of = |guests, guarded, requests| {
            within(Extent { guests, guarded, oldest: None }, Duration::from_secs(30), requests).as_secs()
        };
        assert_eq!(of(0, 0, 242), 30, "what the list shows is found within an interval");
        assert_eq!(of(120, 0, 242), 30);
        assert_eq!(of(121, 0, 242), 60);
        assert_eq!(of(10_000, 0, 242), 84 * 30);
        assert_eq!(of(10, 10, 52), 60, "a firewall takes eight more");
    }

    #[test]
    fn a_budget_is_spent_once() {
        let budget = Budget(AtomicU32::new(5));
        assert!(budget.take(3) && !budget.take(3) && budget.take(2) && !budget.take(1));
    }

    #[test]
    fn a_guest_comes_before_its_turn_where_the_list_has_changed_or_its_drift_is_unexplained() {
        let guest = GuestRef {
            kind: Kind::Qemu,
            vmid: Vmid::try_from(100).unwrap(),
            name: "web-1".to_owned(),
            node: "pve1".to_owned(),
        };
        let listed = |power| Listed {
            guest: guest.clone(),
            power,
            template: false,
            lock: None,
            tags: BTreeSet::new(),
            memory: None,
            cpus: None,
            disk: None,
            pool: None,
            ha: None,
        };
        let due = |listed, unexplained| Due {
            resource: resources::Resource {
                id: ResourceId(Uuid::nil()),
                cluster: ClusterId::FIRST,
                guest: guest.clone(),
                declaration: DeclarationId(Uuid::nil()),
                smbios_uuid: None,
                state: resources::State::Present,
                created_at: DateTime::UNIX_EPOCH,
            },
            listed,
            clean_at: None,
            guarded: false,
            unexplained,
        };
        let roll = Roll {
            at: DateTime::UNIX_EPOCH,
            nodes: BTreeMap::new(),
            guests: BTreeMap::from([(guest.key(), listed(Power::Running))]),
        };
        assert!(!is_urgent(&due(Some(listed(Power::Running)), false), &roll));
        assert!(is_urgent(&due(Some(listed(Power::Running)), true), &roll));
        assert!(is_urgent(&due(Some(listed(Power::Stopped)), false), &roll));
        assert!(is_urgent(&due(None, false), &roll), "it is listed for the first time");
    }
}
