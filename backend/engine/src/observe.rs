//! Looking at the clusters, and telling what was seen with its age.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use futures::{StreamExt, stream};
use mycopod_core::field::{DiskPart, Field, Plain, Value};
use mycopod_core::guest::GuestKey;
use mycopod_core::id::{ClusterId, DeclarationId, ResourceId};
use mycopod_core::observed::{Look, NodeState, Observed, Origin, Ownership, Sighting};
use mycopod_core::ports::CallError;
use mycopod_core::roll::Roll;
use mycopod_core::size::Size;
use mycopod_store::resources::{self, Resource, State};
use mycopod_store::{drift, owned_fields};
use sqlx::PgConnection;

use crate::clusters::Cluster;
use crate::view::{
    Cluster as ClusterView, ClusterPart, DriftView, GuestRow, ImageView, NodeView, Part, PendingView, Readiness,
    StorageView,
};
use crate::{Engine, Refusal, show};

/// Guests whose snapshots are read at once: as many as a node answers side by side without delay.
const LOOKS_AT_ONCE: usize = 8;

/// Between looks at a whole cluster of which a part does not answer, though it is said to be online.
const SURVEY_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How old what only a look at the whole tells (images, storages, bridges) may be on a page.
const SURVEY_AT_MOST: TimeDelta = TimeDelta::minutes(10);

/// The newest look at a cluster, shared by all who only show it. Whoever plans looks afresh.
#[derive(Default)]
pub(crate) struct Latest(RwLock<Newest>);

#[derive(Default)]
struct Newest {
    observed: Option<Arc<Observed>>,
    /// When the whole was looked at last.
    surveyed_at: Option<DateTime<Utc>>,
    /// Why the newest look failed, where it did.
    failed: Option<String>,
}

/// What is known of a cluster.
pub(crate) struct Seen {
    pub observed: Option<Arc<Observed>>,
    /// Seconds since the newest look that succeeded.
    pub age_seconds: Option<u64>,
    /// Why the newest look failed, where it did.
    pub failed: Option<String>,
}

impl Seen {
    /// `seen`, `unreachable`, or `unknown` where it was not asked yet.
    pub fn state(&self) -> &'static str {
        match (&self.failed, &self.observed) {
            (Some(_), _) => "unreachable",
            (None, Some(_)) => "seen",
            (None, None) => "unknown",
        }
    }
}

impl Latest {
    pub fn seen(&self, now: DateTime<Utc>) -> Seen {
        let newest = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Seen {
            observed: newest.observed.clone(),
            age_seconds: newest.observed.as_ref().map(|observed| age(observed.at, now)),
            failed: newest.failed.clone(),
        }
    }

    /// Keeps a look at one guest.
    pub fn saw(&self, sighting: &Sighting) {
        self.set(|newest| {
            newest.observed = newest.observed.as_ref().map(|observed| Arc::new(observed.with(sighting)));
        });
    }

    fn surveyed_at(&self) -> Option<DateTime<Utc>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).surveyed_at
    }

    fn set(&self, change: impl FnOnce(&mut Newest)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Cluster {
    /// Looks at the whole cluster now.
    pub(crate) async fn look_afresh(&self) -> Result<Arc<Observed>, CallError> {
        match self.hypervisor().observe().await {
            Ok(observed) => {
                let observed = Arc::new(observed);
                self.latest.set(|newest| {
                    // Looks may overlap; an older one that ends later does not win. A list that was read meanwhile is no look.
                    if newest.surveyed_at.is_none_or(|at| at <= observed.at) {
                        newest.observed = Some(Arc::clone(&observed));
                        newest.surveyed_at = Some(observed.at);
                    }
                    newest.failed = None;
                });
                Ok(observed)
            }
            Err(error) => {
                self.latest.set(|newest| newest.failed = Some(error.to_string()));
                Err(error)
            }
        }
    }

    /// Reads the cluster's own list, and with it brings the newest look up to date. The whole is looked at where it never
    /// was, and where a node is there again of which nothing is known.
    pub(crate) async fn call_the_roll(&self, now: DateTime<Utc>) -> Result<Roll, CallError> {
        let roll = match self.hypervisor().roll().await {
            Ok(roll) => roll,
            Err(error) => {
                self.latest.set(|newest| newest.failed = Some(error.to_string()));
                return Err(error);
            }
        };
        self.latest.set(|newest| {
            newest.observed = newest.observed.as_ref().map(|observed| Arc::new(observed.called(&roll)));
            newest.failed = None;
        });
        let is_known = |observed: &Arc<Observed>| {
            roll.nodes.iter().all(|(name, node)| !node.online || observed.node(name).is_some())
        };
        let is_recent = self.latest.surveyed_at().is_some_and(|at| now - at < SURVEY_AGAIN);
        if !is_recent && !self.latest.seen(now).observed.as_ref().is_some_and(is_known) {
            self.look_afresh().await?;
        }
        Ok(roll)
    }

    /// `observed` with the snapshots of these guests, which a look at the whole cluster does not list. Where they cannot
    /// be read they stay unknown, and whoever needs them says so.
    pub(crate) async fn with_snapshots<'o>(
        &self,
        observed: &'o Observed,
        guests: &BTreeSet<GuestKey>,
    ) -> Cow<'o, Observed> {
        let unknown = observed.guests.iter().filter(|seen| seen.snapshots.is_none());
        let keys: Vec<GuestKey> = unknown.map(|seen| seen.guest.key()).filter(|key| guests.contains(key)).collect();
        if keys.is_empty() {
            return Cow::Borrowed(observed);
        }
        let looks = stream::iter(keys).map(async |key| (key, self.hypervisor().look(key).await));
        let looks: BTreeMap<GuestKey, _> = looks.buffer_unordered(LOOKS_AT_ONCE).collect().await;
        let mut observed = observed.clone();
        for seen in &mut observed.guests {
            if let Some(Ok(Look::Present(closer))) = looks.get(&seen.guest.key()) {
                seen.snapshots.clone_from(&closer.snapshots);
            }
        }
        Cow::Owned(observed)
    }

    /// What of a declaration that was carried out waits for a guest's next stop and start, by the newest look.
    pub(crate) async fn waiting(
        &self,
        connection: &mut PgConnection,
        id: DeclarationId,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Refusal> {
        let Some(observed) = self.latest.seen(now).observed else { return Ok(None) };
        let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for owned in owned_fields::all(connection, self.id).await?.into_iter().filter(|owned| owned.declaration == id) {
            let seen = observed.guests.iter().find(|seen| seen.ownership == Ownership::Ours(owned.resource));
            if let Some(seen) = seen.filter(|seen| seen.pending.contains(&owned.field)) {
                waiting.entry(seen.guest.name.clone()).or_default().push(owned.field.label());
            }
        }
        let told: Vec<String> = waiting
            .into_iter()
            .map(|(guest, fields)| {
                let take = if fields.len() == 1 { "takes" } else { "take" };
                format!("{} of {guest} {take} effect when {guest} next stops and starts.", fields.join(", "))
            })
            .collect();
        Ok((!told.is_empty()).then(|| format!("All steps are done. Pending in Proxmox: {}", told.join(" "))))
    }

    /// The newest look, or one made now where there is none yet.
    pub(crate) async fn newest(&self, now: DateTime<Utc>) -> Result<Arc<Observed>, CallError> {
        match self.latest.seen(now).observed {
            Some(observed) => Ok(observed),
            None => self.look_afresh().await,
        }
    }
}

impl Engine {
    /// Every guest on every cluster, ours or not, and every one of ours that is gone.
    pub async fn guests(&self) -> Result<Vec<GuestRow>, Refusal> {
        let now = self.clock().now();
        let clusters = self.0.clusters.all();
        let looks = join_all(clusters.iter().map(|cluster| async {
            match cluster.latest.seen(now) {
                // It is asked again and again; others need not wait for it.
                Seen { observed: None, failed: Some(why), .. } if clusters.len() > 1 => Err(CallError::NotSent(why)),
                _ => cluster.newest(now).await,
            }
        }))
        .await;
        if let [Err(error)] = looks.as_slice() {
            return Err(error.clone().into());
        }
        let mut connection = self.pool().acquire().await?;
        let mut drifts: BTreeMap<_, Vec<DriftView>> = BTreeMap::new();
        for drift in drift::list(&mut connection).await? {
            drifts.entry(drift.resource).or_default().push(show::drift(&drift, now));
        }
        let owners = owned_fields::owners(&mut connection).await?;
        let mut rows = Vec::new();
        for (cluster, look) in clusters.iter().zip(looks) {
            let ours = resources::list(&mut connection, cluster.id).await?;
            let mut of = Rows { cluster: &cluster.name, owners: &owners, drifts: &mut drifts, now };
            rows.extend(of.rows(&ours, look.ok().as_deref()));
        }
        rows.sort_by(|a, b| (&a.name, a.vmid, &a.cluster).cmp(&(&b.name, b.vmid, &b.cluster)));
        Ok(rows)
    }

    /// A cluster as last seen; the first where no name is given.
    pub async fn cluster(&self, name: Option<&str>) -> Result<ClusterView, Refusal> {
        let cluster = match name {
            None => self.cluster_of(ClusterId::FIRST).await?,
            Some(name) => {
                self.read_clusters().await?;
                let found = self.0.clusters.named(name);
                found.ok_or_else(|| Refusal::NotFound("There is no cluster of that name.".into()))?
            }
        };
        let now = self.clock().now();
        if cluster.latest.surveyed_at().is_some_and(|at| now - at > SURVEY_AT_MOST) {
            // Where it fails, what is known serves, with its age.
            let _ = cluster.look_afresh().await;
        }
        let observed = cluster.newest(now).await?;
        Ok(ClusterView {
            cluster: cluster.name.clone(),
            name: observed.cluster.clone(),
            sandbox: cluster.is_first() && self.settings().sandbox,
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

    /// Whether there is no cluster but the sandbox, so that no real machine is touched.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        self.settings().sandbox && self.0.clusters.all().len() == 1
    }

    /// Whether the database answers now and each cluster did when it was last asked.
    pub async fn readiness(&self) -> Readiness {
        let now = self.clock().now();
        let database = mycopod_store::ping(self.pool()).await;
        let database_at = {
            let mut at = self.0.database_at.write().unwrap_or_else(PoisonError::into_inner);
            if database.is_ok() {
                *at = Some(now);
            }
            *at
        };
        let database = Part {
            ok: database.is_ok(),
            age_seconds: database_at.map(|at| age(at, now)),
            detail: database.err().map(|_| "the database does not answer".to_owned()),
        };
        let clusters: Vec<ClusterPart> = self
            .0
            .clusters
            .all()
            .iter()
            .map(|cluster| {
                let seen = cluster.latest.seen(now);
                ClusterPart {
                    cluster: cluster.name.clone(),
                    ok: seen.state() == "seen",
                    age_seconds: seen.age_seconds,
                    detail: seen.failed.or_else(|| seen.observed.is_none().then(|| "it was not asked yet".to_owned())),
                }
            })
            .collect();
        // With several, the worst speaks for all.
        let worst = clusters.iter().find(|cluster| !cluster.ok).or_else(|| clusters.first());
        let named = |cluster: &ClusterPart, detail: &str| match clusters.len() {
            1 => detail.to_owned(),
            _ => format!("{}: {detail}", cluster.cluster),
        };
        let proxmox = Part {
            ok: worst.is_some_and(|worst| worst.ok),
            age_seconds: worst.and_then(|worst| worst.age_seconds),
            detail: worst.and_then(|worst| Some(named(worst, worst.detail.as_ref()?))),
        };
        let status = if database.ok && proxmox.ok { "ready" } else { "degraded" };
        Readiness { status, database, proxmox, clusters }
    }
}

/// Makes the rows of one cluster's guests.
struct Rows<'a> {
    cluster: &'a str,
    owners: &'a BTreeMap<ResourceId, DeclarationId>,
    drifts: &'a mut BTreeMap<ResourceId, Vec<DriftView>>,
    now: DateTime<Utc>,
}

impl Rows<'_> {
    /// The guests that were seen, and those of ours that were not. Without a look nothing was.
    fn rows(&mut self, ours: &[Resource], observed: Option<&Observed>) -> Vec<GuestRow> {
        let by_key: BTreeMap<GuestKey, &Resource> =
            ours.iter().filter(|ours| ours.state == State::Present).map(|ours| (ours.guest.key(), ours)).collect();
        let mut seen_keys = BTreeSet::new();
        let mut rows = Vec::new();
        for seen in observed.iter().flat_map(|observed| &observed.guests) {
            seen_keys.insert(seen.guest.key());
            let mut row = row(seen, self.cluster, self.now);
            if let Some(resource) = by_key.get(&seen.guest.key()) {
                row.managed = seen.ownership == Ownership::Ours(resource.id);
                row.problem = (!row.managed).then(|| {
                    "This number was a guest of ours, but what is there now does not bear its marker. It is left alone".to_owned()
                });
                self.claim(&mut row, resource);
            }
            rows.push(row);
        }
        for resource in by_key.into_values().filter(|resource| !seen_keys.contains(&resource.guest.key())) {
            let (problem, at) = match observed {
                Some(observed) if observed.is_complete() => {
                    ("No node shows it: it is gone, or may not be seen", observed.at)
                }
                Some(observed) => ("It was not seen; a node does not answer, so it may be there", observed.at),
                None => ("It was not seen since MycoPod was started; its cluster does not answer", resource.created_at),
            };
            let mut row = not_seen(resource, self.cluster, age(at, self.now));
            row.problem = Some(problem.to_owned());
            self.claim(&mut row, resource);
            rows.push(row);
        }
        rows
    }

    fn claim(&mut self, row: &mut GuestRow, resource: &Resource) {
        row.resource = Some(resource.id.0);
        row.declaration = Some(self.owners.get(&resource.id).unwrap_or(&resource.declaration).0);
        row.drift = self.drifts.remove(&resource.id).unwrap_or_default();
    }
}

fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from((now - at).num_seconds()).unwrap_or(0)
}

fn row(seen: &Sighting, cluster: &str, now: DateTime<Utc>) -> GuestRow {
    let count = |field| match seen.get(&field) {
        Some(Value::Count(count)) => Some(*count),
        _ => None,
    };
    let disks = seen.fields.iter().filter_map(|(field, value)| match (field, value) {
        (Field::Disk(_, DiskPart::Size), Value::Size(size)) => Some(size.as_bytes()),
        _ => None,
    });
    GuestRow {
        cluster: cluster.to_owned(),
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
        pending: seen
            .pending
            .iter()
            .map(|field| PendingView { field: field.to_string(), label: field.label() })
            .collect(),
        problem: None,
    }
}

/// A guest of ours that no node showed.
fn not_seen(resource: &Resource, cluster: &str, age_seconds: u64) -> GuestRow {
    let guest = &resource.guest;
    GuestRow {
        cluster: cluster.to_owned(),
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
        pending: Vec::new(),
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
