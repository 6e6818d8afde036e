//! Looking at the cluster, and telling what was seen with its age.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use mycopod_core::field::{DiskPart, Field, Plain, Value};
use mycopod_core::guest::GuestKey;
use mycopod_core::observed::{NodeState, Observed, Origin, Ownership, Sighting};
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;
use mycopod_store::resources::{self, Resource, State};
use mycopod_store::{drift, owned_fields};

use crate::view::{Cluster, DriftView, GuestRow, ImageView, NodeView, Part, Readiness, StorageView};
use crate::{Engine, Refusal, show};

/// The newest look, shared by all who only show it. Whoever plans looks afresh.
#[derive(Default)]
pub(crate) struct Latest(RwLock<Seen>);

#[derive(Clone, Default)]
struct Seen {
    observed: Option<Arc<Observed>>,
    /// Why the newest look failed, where it did.
    failed: Option<String>,
    database_at: Option<DateTime<Utc>>,
}

impl Latest {
    fn get(&self) -> Seen {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Engine {
    /// Looks at the whole cluster now.
    pub(crate) async fn look_afresh(&self) -> Result<Arc<Observed>, CallError> {
        match self.hypervisor().observe().await {
            Ok(observed) => {
                let observed = Arc::new(observed);
                self.0.latest.set(|seen| {
                    // Looks may overlap; an older one that ends later does not win.
                    if seen.observed.as_ref().is_none_or(|newest| newest.at <= observed.at) {
                        seen.observed = Some(Arc::clone(&observed));
                    }
                    seen.failed = None;
                });
                Ok(observed)
            }
            Err(error) => {
                self.0.latest.set(|seen| seen.failed = Some(error.to_string()));
                Err(error)
            }
        }
    }

    /// The newest look, or one made now where there is none yet.
    async fn newest(&self) -> Result<Arc<Observed>, Refusal> {
        match self.0.latest.get().observed {
            Some(observed) => Ok(observed),
            None => Ok(self.look_afresh().await?),
        }
    }

    /// Every guest on the cluster, ours or not, and every one of ours that is gone.
    pub async fn guests(&self) -> Result<Vec<GuestRow>, Refusal> {
        let observed = self.newest().await?;
        let mut connection = self.pool().acquire().await?;
        let ours = resources::list(&mut connection).await?;
        let mut drifts: BTreeMap<_, Vec<DriftView>> = BTreeMap::new();
        for drift in drift::list(&mut connection).await? {
            drifts.entry(drift.resource).or_default().push(DriftView {
                field: drift.field.to_string(),
                label: drift.field.label(),
                declared: drift.declared.shown(),
                observed: drift.observed.as_ref().map_or(serde_json::Value::Null, Value::shown),
                since: drift.since,
            });
        }
        let owners = owned_fields::owners(&mut connection).await?;
        drop(connection);

        let now = self.clock().now();
        let by_key: BTreeMap<GuestKey, &Resource> =
            ours.iter().filter(|ours| ours.state == State::Present).map(|ours| (ours.guest.key(), ours)).collect();
        let mut seen_keys = BTreeSet::new();
        let mut rows: Vec<GuestRow> = observed
            .guests
            .iter()
            .map(|seen| {
                seen_keys.insert(seen.guest.key());
                let mut row = row(seen, now);
                if let Some(resource) = by_key.get(&seen.guest.key()) {
                    row.managed = seen.ownership == Ownership::Ours(resource.id);
                    row.problem = (!row.managed).then(|| {
                        "This number was a guest of ours, but what is there now does not bear its marker. It is left alone".to_owned()
                    });
                    row.resource = Some(resource.id.0);
                    row.declaration = Some(owners.get(&resource.id).map_or(resource.declaration, |owner| *owner).0);
                    row.drift = drifts.remove(&resource.id).unwrap_or_default();
                }
                row
            })
            .collect();
        let unseen = by_key.into_values().filter(|resource| !seen_keys.contains(&resource.guest.key()));
        rows.extend(unseen.map(|resource| {
            let problem = if observed.is_complete() {
                "It is gone: no node has it"
            } else {
                "It was not seen; a node does not answer, so it may be there"
            };
            GuestRow {
                declaration: Some(owners.get(&resource.id).unwrap_or(&resource.declaration).0),
                drift: drifts.remove(&resource.id).unwrap_or_default(),
                problem: Some(problem.to_owned()),
                ..not_seen(resource, age(observed.at, now))
            }
        }));
        rows.sort_by(|a, b| (&a.name, a.vmid).cmp(&(&b.name, b.vmid)));
        Ok(rows)
    }

    /// The cluster as last seen.
    pub async fn cluster(&self) -> Result<Cluster, Refusal> {
        let observed = self.newest().await?;
        let now = self.clock().now();
        Ok(Cluster {
            name: observed.cluster.clone(),
            sandbox: self.settings().sandbox,
            version: observed.version.clone(),
            nodes: observed.nodes.iter().map(|(name, state)| node(name, state, observed.at, now)).collect(),
            images: observed
                .images
                .iter()
                .map(|image| ImageView {
                    name: image.name.clone(),
                    kind: image.kind.as_str(),
                    node: image.node.clone(),
                    detail: match &image.origin {
                        Origin::Template(vmid) => format!("template {vmid}"),
                        Origin::Volume(volume) => volume.clone(),
                    },
                })
                .collect(),
        })
    }

    /// Whether the database answers now and Proxmox did when it was last asked.
    pub async fn readiness(&self) -> Readiness {
        let now = self.clock().now();
        let database = mycopod_store::ping(self.pool()).await;
        if database.is_ok() {
            self.0.latest.set(|seen| seen.database_at = Some(now));
        }
        let seen = self.0.latest.get();
        let database = Part {
            ok: database.is_ok(),
            age_seconds: seen.database_at.map(|at| age(at, now)),
            detail: database.err().map(|_| "the database does not answer".to_owned()),
        };
        let proxmox = Part {
            ok: seen.failed.is_none() && seen.observed.is_some(),
            age_seconds: seen.observed.as_ref().map(|observed| age(observed.at, now)),
            detail: seen.failed.or_else(|| seen.observed.is_none().then(|| "it was not asked yet".to_owned())),
        };
        Readiness { status: if database.ok && proxmox.ok { "ready" } else { "degraded" }, database, proxmox }
    }
}

fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from((now - at).num_seconds()).unwrap_or(0)
}

fn row(seen: &Sighting, now: DateTime<Utc>) -> GuestRow {
    let count = |field| match seen.get(&field) {
        Some(Value::Count(count)) => Some(*count),
        _ => None,
    };
    let disks = seen.fields.iter().filter_map(|(field, value)| match (field, value) {
        (Field::Disk(_, DiskPart::Size), Value::Size(size)) => Some(size.as_bytes()),
        _ => None,
    });
    GuestRow {
        kind: seen.guest.kind.as_str(),
        vmid: seen.guest.vmid.get(),
        name: seen.guest.name.clone(),
        node: seen.guest.node.clone(),
        status: show::power(seen.power),
        template: seen.template,
        managed: false,
        resource: None,
        declaration: None,
        cores: count(Field::Plain(Plain::Cores)),
        memory_mib: match seen.get(&Field::Plain(Plain::Memory)) {
            Some(Value::Size(size)) => Some(size.as_mib()),
            _ => None,
        },
        disk_gib: Some(gib(disks.sum())),
        tags: seen.tags().into_iter().collect(),
        age_seconds: age(seen.at, now),
        drift: Vec::new(),
        problem: None,
    }
}

/// A guest of ours that no node showed.
fn not_seen(resource: &Resource, age_seconds: u64) -> GuestRow {
    let guest = &resource.guest;
    GuestRow {
        kind: guest.kind.as_str(),
        vmid: guest.vmid.get(),
        name: guest.name.clone(),
        node: guest.node.clone(),
        status: "unknown",
        template: false,
        managed: true,
        resource: Some(resource.id.0),
        declaration: None,
        cores: None,
        memory_mib: None,
        disk_gib: None,
        tags: Vec::new(),
        age_seconds,
        drift: Vec::new(),
        problem: None,
    }
}

/// In GiB, to a tenth: what a page shows of disks.
#[expect(clippy::cast_precision_loss, reason = "a page shows a tenth of a GiB")]
fn gib(bytes: u64) -> f64 {
    (bytes as f64 / Size::gib(1).as_bytes() as f64 * 10.0).round() / 10.0
}

fn node(name: &str, state: &NodeState, at: DateTime<Utc>, now: DateTime<Utc>) -> NodeView {
    match state {
        NodeState::Seen(node) => NodeView {
            name: name.to_owned(),
            state: "seen",
            detail: None,
            age_seconds: age(node.at, now),
            cores: Some(node.cpus),
            memory_mib: Some(node.memory.as_mib()),
            memory_used_mib: Some(node.memory_used.as_mib()),
            storages: node
                .storages
                .iter()
                .map(|(name, storage)| StorageView {
                    name: name.clone(),
                    total_gib: storage.total.as_mib() / 1024,
                    free_gib: storage.free.as_mib() / 1024,
                    content: storage.content.iter().cloned().collect(),
                })
                .collect(),
            bridges: node.bridges.keys().cloned().collect(),
        },
        NodeState::Unreachable { why } => NodeView {
            name: name.to_owned(),
            state: "unreachable",
            detail: Some(why.clone()),
            age_seconds: age(at, now),
            cores: None,
            memory_mib: None,
            memory_used_mib: None,
            storages: Vec::new(),
            bridges: Vec::new(),
        },
    }
}
