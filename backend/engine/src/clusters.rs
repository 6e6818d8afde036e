//! The clusters there are, and the work on each.
//!
//! The first cluster is the settings'. The others stand in the database, which every replica reads again and again: one
//! that was added, changed or removed anywhere is so everywhere within moments. Each cluster has workers of its own, so
//! that one that does not answer holds up nothing on another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mycopod_core::cluster::{Access, Secret};
use mycopod_core::facility::Facility;
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, GuestRef, Vmid};
use mycopod_core::id::ClusterId;
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{CallError, Health, Hypervisor, Submitted, TaskLog, TaskState, Upid};
use mycopod_core::reading::Answers;
use mycopod_core::rights::Rights;
use mycopod_core::roll::{Listed, Roll};
use mycopod_core::seal::SealKey;
use mycopod_store::clusters::{self, Added};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::observe::Latest;
use crate::{Engine, Refusal};

/// How often the table of clusters is read: what another replica changed shows here after at most this.
const READ_EVERY: Duration = Duration::from_secs(2);

/// A cluster and what is known of it here.
pub(crate) struct Cluster {
    pub id: ClusterId,
    pub name: String,
    /// How it is reached.
    pub access: Access,
    /// When an Admin added it, and who; nothing for the first.
    pub added: Option<(DateTime<Utc>, String)>,
    /// The newest look at it.
    pub latest: Latest,
    hypervisor: Arc<dyn Hypervisor>,
    /// Which settings these are: a change makes another cluster of this id.
    changed_at: DateTime<Utc>,
}

impl Cluster {
    pub fn hypervisor(&self) -> &dyn Hypervisor {
        self.hypervisor.as_ref()
    }

    pub fn is_first(&self) -> bool {
        self.id == ClusterId::FIRST
    }
}

/// The clusters that are known here.
pub(crate) struct Registry(RwLock<BTreeMap<ClusterId, Arc<Cluster>>>);

impl Registry {
    pub fn new(first: &crate::First) -> Self {
        let cluster = Cluster {
            id: ClusterId::FIRST,
            name: first.name.to_string(),
            access: first.access.clone(),
            added: None,
            latest: Latest::default(),
            hypervisor: Arc::clone(&first.hypervisor),
            changed_at: DateTime::UNIX_EPOCH,
        };
        Self(RwLock::new(BTreeMap::from([(ClusterId::FIRST, Arc::new(cluster))])))
    }

    /// All of them: the first, then by name.
    pub fn all(&self) -> Vec<Arc<Cluster>> {
        let mut all: Vec<_> = self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by(|a, b| (!a.is_first(), &a.name).cmp(&(!b.is_first(), &b.name)));
        all
    }

    pub fn get(&self, id: ClusterId) -> Option<Arc<Cluster>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    pub fn named(&self, name: &str) -> Option<Arc<Cluster>> {
        self.all().into_iter().find(|cluster| cluster.name == name)
    }

    pub fn names(&self) -> BTreeSet<String> {
        self.all().into_iter().map(|cluster| cluster.name.clone()).collect()
    }
}

impl Engine {
    /// Reads, applies and keeps on every cluster until `stop`; then ends after the database writes under way. Work that
    /// was begun is found again in the ledger by the next one to run.
    pub async fn run(&self, stop: CancellationToken) {
        let mut workers = JoinSet::new();
        let mut running: BTreeMap<(ClusterId, DateTime<Utc>), (CancellationToken, AbortHandle)> = BTreeMap::new();
        loop {
            let news = self.0.clusters_changed.notified();
            if let Err(error) = self.read_clusters().await {
                tracing::warn!(%error, "the clusters could not be read; those that are known go on");
            }
            let clusters = self.0.clusters.all();
            running.retain(|(id, changed_at), (stop, worker)| {
                let stays = clusters.iter().any(|now| (now.id, now.changed_at) == (*id, *changed_at));
                if !stays {
                    stop.cancel();
                }
                stays && !worker.is_finished()
            });
            for cluster in clusters {
                running.entry((cluster.id, cluster.changed_at)).or_insert_with(|| {
                    let (engine, stop) = (self.clone(), stop.child_token());
                    let until = stop.clone();
                    let work = async move {
                        tokio::join!(
                            engine.read_all(&cluster, &until),
                            engine.apply_all(&cluster, &until),
                            engine.keep(&cluster, &until)
                        );
                    };
                    (stop, workers.spawn(work))
                });
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = news => {}
                () = sleep(READ_EVERY) => {}
                // One that went wrong is begun anew.
                Some(Err(error)) = workers.join_next() => tracing::error!(%error, "a cluster’s workers ended"),
            }
        }
        while workers.join_next().await.is_some() {}
    }

    /// Brings what is known here up to what the database says.
    pub(crate) async fn read_clusters(&self) -> Result<(), Refusal> {
        let rows = clusters::list(&mut *self.pool().acquire().await?).await?;
        let mut known = self.0.clusters.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|id, _| *id == ClusterId::FIRST || rows.iter().any(|row| row.id == *id));
        for row in rows {
            let is_news = known.get(&row.id).is_none_or(|cluster| cluster.changed_at != row.changed_at);
            if let Some(added) = row.added.as_ref().filter(|_| is_news) {
                let cluster = Cluster {
                    id: row.id,
                    name: row.name.to_string(),
                    access: added.access.clone(),
                    added: Some((added.at, added.by.clone())),
                    latest: Latest::default(),
                    hypervisor: self.way_to(&row, added),
                    changed_at: row.changed_at,
                };
                known.insert(row.id, Arc::new(cluster));
            }
        }
        Ok(())
    }

    /// The way to a cluster; where there is none, a wall that says why. It is this cluster's trouble alone.
    fn way_to(&self, row: &clusters::Cluster, added: &Added) -> Arc<dyn Hypervisor> {
        let way =
            self.open(row, added).and_then(|secret| self.0.parts.connector.connect(row.id, &added.access, &secret));
        way.unwrap_or_else(|why| {
            tracing::warn!(cluster = %row.name, why, "a cluster cannot be used");
            Arc::new(Closed(why))
        })
    }

    /// The secret of a cluster's token.
    pub(crate) fn open(&self, row: &clusters::Cluster, added: &Added) -> Result<Secret, String> {
        let opened = SealKey::new(self.keys().seal).open(&added.secret, &added.access.bound_to(row.id, &row.name));
        let secret = opened.ok().and_then(|secret| String::from_utf8(secret).ok()).map(Secret::new);
        secret.ok_or_else(|| {
            format!(
                "the token of cluster {} cannot be opened: {}. Restore the secret file, or give the token anew",
                row.name,
                mycopod_core::seal::CannotOpen
            )
        })
    }

    /// Lets the workers of clusters that were added begin, and those of others end.
    pub(crate) fn ring_for_clusters(&self) {
        self.0.clusters_changed.notify_waiters();
        self.ring();
    }

    /// The cluster of that id, unless it was removed.
    pub(crate) async fn cluster_of(&self, id: ClusterId) -> Result<Arc<Cluster>, Refusal> {
        if let Some(cluster) = self.0.clusters.get(id) {
            return Ok(cluster);
        }
        // Another replica may have added it a moment ago.
        self.read_clusters().await?;
        if let Some(cluster) = self.0.clusters.get(id) {
            return Ok(cluster);
        }
        let name = clusters::name(&mut *self.pool().acquire().await?, id).await?.unwrap_or_default();
        Err(Refusal::Conflict(format!("The cluster {name} was removed. Nothing can be done on it any more.")))
    }

    /// The cluster that a declaration is for: the one that it names, else the first.
    pub(crate) async fn meant_by(&self, text: &str, answers: &Answers) -> Result<Arc<Cluster>, Refusal> {
        self.read_clusters().await?;
        let name = self.0.parts.interpreter.cluster(text, &self.0.clusters.names(), answers);
        match name.and_then(|name| self.0.clusters.named(&name)) {
            Some(cluster) => Ok(cluster),
            None => self.cluster_of(ClusterId::FIRST).await,
        }
    }
}

/// A cluster to which there is no way, and why.
struct Closed(String);

impl Closed {
    fn refuse<T>(&self) -> Result<T, CallError> {
        Err(CallError::NotSent(self.0.clone()))
    }
}

#[async_trait]
impl Hypervisor for Closed {
    async fn observe(&self) -> Result<Observed, CallError> {
        self.refuse()
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        self.refuse()
    }
    async fn read(&self, _: &Listed) -> Result<Option<Sighting>, CallError> {
        self.refuse()
    }
    async fn look(&self, _: GuestKey) -> Result<Look, CallError> {
        self.refuse()
    }
    async fn firewall(&self, _: &GuestRef) -> Result<Firewall, CallError> {
        self.refuse()
    }
    async fn is_free(&self, _: Vmid) -> Result<bool, CallError> {
        self.refuse()
    }
    async fn submit(&self, _: &Step, _: &Look, _: Option<&Secret>) -> Result<Submitted, CallError> {
        self.refuse()
    }
    async fn task(&self, _: &Upid) -> Result<TaskState, CallError> {
        self.refuse()
    }
    async fn task_log(&self, _: &Upid, _: u64) -> Result<TaskLog, CallError> {
        self.refuse()
    }
    async fn look_around(&self, _: &Facility) -> Result<Look, CallError> {
        self.refuse()
    }
    async fn tasks_of(&self, _: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        self.refuse()
    }
    async fn rights(&self) -> Result<Rights, CallError> {
        self.refuse()
    }

    async fn health(&self) -> Result<Health, CallError> {
        self.refuse()
    }
}
