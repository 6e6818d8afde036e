//! Adding, changing, testing and removing clusters: an Admin's verbs. What is stored was tested before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mycopod_core::cluster::{Access, ClusterName, NoCluster, Secret, Trust};
use mycopod_core::id::ClusterId;
use mycopod_core::ports::{CallError, Health, Hypervisor};
use mycopod_core::seal::SealKey;
use mycopod_store::StoreError;
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::clusters::{self, InUse};
use mycopod_store::{checks, freezes, users};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use tokio::time::timeout;

use crate::clusters::Cluster;
use crate::refusal::sentence;
use crate::view::{ClusterAccess, ClusterLine, Missing, Tested};
use crate::{Actor, Engine, Refusal};

/// The most clusters: each has workers that ask the database once a second.
const MAX_CLUSTERS: usize = 100;
/// How long the other clusters are asked whether they are the one to be added; after that what they were serves.
const ASK_AT_MOST: Duration = Duration::from_secs(5);
/// How many names a refusal lists.
const MAX_NAMED: usize = 10;

/// A cluster to be added.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// What people shall call it.
    pub name: String,
    /// The API's addresses, one for each host that may be asked.
    pub urls: Vec<String>,
    /// Who we are there, an API token or a user, and its secret.
    pub login: (String, Secret),
    /// Which server is believed to be the cluster.
    pub trust: Trust,
    /// The pool that new guests join.
    pub pool: Option<String>,
}

impl NewCluster {
    /// How it would be reached.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            urls: self.urls.clone(),
            authid: self.login.0.clone(),
            trust: self.trust.clone(),
            pool: self.pool.clone(),
        }
    }
}

/// What shall change of a cluster; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct ClusterChange {
    /// The API's addresses.
    pub urls: Option<Vec<String>>,
    /// Another API token or user, and its secret.
    pub login: Option<(String, Secret)>,
    /// Which server is believed to be the cluster.
    pub trust: Option<Trust>,
    /// The pool that new guests join, or none.
    pub pool: Option<Option<String>>,
}

impl Engine {
    /// All clusters, the first one first. How they are reached is for Admins to see, the secrets for nobody.
    pub async fn clusters(&self, actor: &Actor) -> Result<Vec<ClusterLine>, Refusal> {
        self.read_clusters().await?;
        let now = self.clock().now();
        let clusters = self.0.clusters.all();
        let mut extents = BTreeMap::new();
        {
            let mut connection = self.pool().acquire().await?;
            for cluster in &clusters {
                extents.insert(cluster.id, checks::extent(&mut connection, cluster.id).await?);
            }
        }
        let line = |cluster: Arc<Cluster>| {
            let seen = cluster.latest.seen(now);
            ClusterLine {
                name: cluster.name.clone(),
                first: cluster.is_first(),
                sandbox: cluster.is_first() && self.settings().sandbox,
                state: seen.state(),
                version: seen.observed.as_ref().map(|observed| observed.version.clone()),
                nodes: seen.observed.as_ref().map(|observed| observed.nodes.len()),
                guests: seen.observed.as_ref().map(|observed| observed.guests.iter().filter(|g| !g.template).count()),
                age_seconds: seen.age_seconds,
                detail: seen.failed,
                keeping: self.keeping(extents.get(&cluster.id).copied().unwrap_or_default(), now),
                access: actor.is_admin().then(|| access_view(&cluster)),
            }
        };
        Ok(clusters.into_iter().map(line).collect())
    }

    /// Adds a cluster, once it answered as a Proxmox VE that is known here and that is no cluster of another name.
    pub async fn add_cluster(&self, actor: &Actor, new: NewCluster) -> Result<Tested, Refusal> {
        let name: ClusterName = new.name.trim().parse()?;
        let access = new.access();
        access.check()?;
        self.read_clusters().await?;
        if self.0.clusters.named(name.as_str()).is_some() {
            return Err(StoreError::ClusterTaken(name.to_string()).into());
        }
        if self.0.clusters.all().len() >= MAX_CLUSTERS {
            return Err(Refusal::Conflict(format!("{MAX_CLUSTERS} clusters are the most. Nothing was stored.")));
        }
        let id = ClusterId::fresh(self.clock());
        let health = self.probe(id, &access, &new.login.1).await?;
        self.must_be_another(id, &access, &health).await?;

        let sealed = self.seal(id, &name, &access, &new.login.1);
        let now = self.clock().now();
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        clusters::add(&mut transaction, id, &name, &access, &sealed, actor.id, now).await?;
        clusters::save_fingerprints(&mut transaction, id, &listed(&health)).await?;
        self.enter_cluster(&mut transaction, actor, Kind::ClusterAdded, &name, Some(&access)).await?;
        transaction.commit().await?;
        self.read_clusters().await?;
        self.ring_for_clusters();
        Ok(tested(health))
    }

    /// Changes how a cluster is reached, once it answered that way. It must stay the same cluster.
    pub async fn change_cluster(&self, actor: &Actor, name: &str, change: ClusterChange) -> Result<Tested, Refusal> {
        let row = self.added_cluster(name).await?;
        let Some(added) = &row.added else { return Err(first_is_the_settings()) };
        let mut access = added.access.clone();
        access.urls = change.urls.unwrap_or(access.urls);
        access.trust = change.trust.unwrap_or(access.trust);
        access.pool = change.pool.unwrap_or(access.pool);
        let secret = match change.login {
            Some((authid, secret)) => {
                access.authid = authid;
                secret
            }
            None => self.open(&row, added).map_err(|why| Refusal::Conflict(format!("{}.", sentence(&why))))?,
        };
        access.check()?;
        let health = self.probe(row.id, &access, &secret).await?;
        if !row.fingerprints.is_empty() && !health.fingerprints.is_empty() {
            let before: BTreeSet<_> = row.fingerprints.iter().cloned().collect();
            if before.is_disjoint(&health.fingerprints) {
                return Err(Refusal::Conflict(format!(
                    "This is another cluster than {name}: no node there has a certificate that a node of {name} had. \
                     Nothing was changed. Add it under a name of its own."
                )));
            }
        }
        self.must_be_another(row.id, &access, &health).await?;

        let sealed = self.seal(row.id, &row.name, &access, &secret);
        let now = self.clock().now();
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        clusters::change(&mut transaction, &row, &access, &sealed, now).await.map_err(changed)?;
        clusters::save_fingerprints(&mut transaction, row.id, &listed(&health)).await?;
        self.enter_cluster(&mut transaction, actor, Kind::ClusterChanged, &row.name, Some(&access)).await?;
        transaction.commit().await?;
        self.read_clusters().await?;
        self.ring_for_clusters();
        Ok(tested(health))
    }

    /// Asks a cluster for its version and our privileges there.
    pub async fn test_cluster(&self, actor: &Actor, name: &str) -> Result<Tested, Refusal> {
        must_be_admin(&mut *self.pool().acquire().await?, actor).await?;
        self.read_clusters().await?;
        let cluster = self.0.clusters.named(name).ok_or_else(no_such_cluster)?;
        let health = judged(cluster.hypervisor().health().await, "")?;
        clusters::save_fingerprints(&mut *self.pool().acquire().await?, cluster.id, &listed(&health)).await?;
        Ok(tested(health))
    }

    /// Removes a cluster on which nothing of ours is. Its guests stay as they are.
    pub async fn remove_cluster(&self, actor: &Actor, name: &str) -> Result<(), Refusal> {
        let row = self.added_cluster(name).await?;
        if row.added.is_none() {
            return Err(first_is_the_settings());
        }
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        let removed = clusters::remove(&mut transaction, row.id, self.clock().now()).await.map_err(changed)?;
        if let Err(in_use) = removed {
            return Err(Refusal::Conflict(kept_by(name, &in_use)));
        }
        freezes::lift(&mut transaction, Some(row.id)).await?;
        self.enter_cluster(&mut transaction, actor, Kind::ClusterRemoved, &row.name, None).await?;
        transaction.commit().await?;
        self.read_clusters().await?;
        self.ring_for_clusters();
        Ok(())
    }

    async fn added_cluster(&self, name: &str) -> Result<clusters::Cluster, Refusal> {
        let rows = clusters::list(&mut *self.pool().acquire().await?).await?;
        rows.into_iter().find(|row| row.name.as_str() == name).ok_or_else(no_such_cluster)
    }

    fn seal(&self, id: ClusterId, name: &ClusterName, access: &Access, secret: &Secret) -> Vec<u8> {
        SealKey::new(self.keys().seal).seal(secret.expose().as_bytes(), &access.bound_to(id, name), self.clock())
    }

    /// Asks a cluster that is not stored yet.
    async fn probe(&self, id: ClusterId, access: &Access, secret: &Secret) -> Result<Health, Refusal> {
        let connected = self.0.parts.connector.connect(id, access, secret);
        let way: Arc<dyn Hypervisor> =
            connected.map_err(|why| Refusal::Invalid(format!("{}. Nothing was stored.", sentence(&why))))?;
        judged(way.health().await, " Nothing was stored.")
    }

    /// A cluster must not be there twice: two plans could then choose the same number, and each would take the other's
    /// guests for a stranger's.
    async fn must_be_another(&self, id: ClusterId, access: &Access, health: &Health) -> Result<(), Refusal> {
        let stored = clusters::list(&mut *self.pool().acquire().await?).await?;
        let others: Vec<_> = self.0.clusters.all().into_iter().filter(|other| other.id != id).collect();
        let asked = join_all(others.iter().map(|other| timeout(ASK_AT_MOST, other.hypervisor().health()))).await;
        for (other, asked) in others.iter().zip(asked) {
            let mut prints: BTreeSet<String> =
                stored.iter().filter(|row| row.id == other.id).flat_map(|row| row.fingerprints.clone()).collect();
            if let Ok(Ok(now)) = asked {
                prints.extend(now.fingerprints);
            }
            let same_address = access.urls.iter().any(|url| other.access.urls.contains(url));
            if same_address || !prints.is_disjoint(&health.fingerprints) {
                return Err(Refusal::Conflict(format!(
                    "This cluster is there already: it is {}. Nothing was stored.",
                    other.name
                )));
            }
        }
        Ok(())
    }

    async fn enter_cluster(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        actor: &Actor,
        kind: Kind,
        name: &ClusterName,
        access: Option<&Access>,
    ) -> Result<(), Refusal> {
        let details = access.map(|access| {
            json!({ "urls": access.urls, "authid": access.authid, "trust": access.trust.kind(), "pool": access.pool })
        });
        let entry = NewEntry {
            time: self.clock().now(),
            actor: actor.into(),
            kind,
            subject: format!("cluster {name}"),
            status: if access.is_some() { "there" } else { "removed" }.to_owned(),
            declaration: None,
            details: details.unwrap_or_else(|| json!({})),
        };
        audit::append(transaction, entry).await?;
        Ok(())
    }
}

/// What an answer to the question of version and privileges comes to.
fn judged(health: Result<Health, CallError>, not_done: &str) -> Result<Health, Refusal> {
    match health {
        Ok(health) if health.supported => Ok(health),
        Ok(health) => Err(Refusal::Invalid(format!(
            "This is Proxmox VE {}, which is not known to MycoPod; it is made for 8.4.{not_done}",
            health.version
        ))),
        Err(error @ CallError::Rejected { status: 401, .. }) => Err(Refusal::Invalid(format!(
            "{error}. Check the token, or the user and the password, and that neither has expired.{not_done}"
        ))),
        Err(error @ CallError::NotSent(_)) => Err(Refusal::Invalid(format!(
            "{error}. Check the address, and that the CA or the pin is that cluster’s.{not_done}"
        ))),
        Err(error) => Err(Refusal::Invalid(format!("{error}.{not_done}"))),
    }
}

fn tested(health: Health) -> Tested {
    let missing = health.missing.into_iter();
    Tested {
        version: health.version,
        missing: missing.map(|missing| Missing { path: missing.path, privilege: missing.privilege }).collect(),
    }
}

fn listed(health: &Health) -> Vec<String> {
    health.fingerprints.iter().cloned().collect()
}

fn access_view(cluster: &Cluster) -> ClusterAccess {
    let access = &cluster.access;
    ClusterAccess {
        urls: access.urls.clone(),
        authid: access.authid.clone(),
        trust: access.trust.kind(),
        pin: match &access.trust {
            Trust::Pin(pin) => Some(pin.clone()),
            Trust::System | Trust::Ca(_) => None,
        },
        pool: access.pool.clone(),
        added_at: cluster.added.as_ref().map(|(at, _)| *at),
        added_by: cluster.added.as_ref().map(|(_, by)| by.clone()),
    }
}

fn kept_by(name: &str, in_use: &InUse) -> String {
    let some = |texts: Vec<String>| {
        let more = texts.len().saturating_sub(MAX_NAMED);
        let mut text = texts.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text = format!("{text} and {more} more");
        }
        text
    };
    let mut why = Vec::new();
    if !in_use.guests.is_empty() {
        why.push(format!("guests that MycoPod looks after: {}", some(in_use.guests.clone())));
    }
    if !in_use.declarations.is_empty() {
        let ids = in_use.declarations.iter().map(ToString::to_string).collect();
        why.push(format!("declarations under way: {}", some(ids)));
    }
    format!("The cluster {name} has {}. Nothing was removed; delete or call off these first.", why.join("; and "))
}

/// The account as it stands now: a token may be older than a demotion.
pub(crate) async fn must_be_admin(connection: &mut PgConnection, actor: &Actor) -> Result<(), Refusal> {
    match users::get(connection, actor.id).await? {
        Some(user) if user.role == mycopod_core::status::Role::Admin && user.approved => Ok(()),
        _ => Err(Refusal::Forbidden("Only an approved Admin may do this. Nothing was changed.".into())),
    }
}

fn no_such_cluster() -> Refusal {
    Refusal::NotFound("There is no cluster of that name.".into())
}

fn first_is_the_settings() -> Refusal {
    Refusal::Conflict(
        "This is the first cluster: the server’s settings name it (PROXMOX_API_URL and what goes with it). \
         Change it there. Nothing was changed."
            .into(),
    )
}

/// Of two who change a cluster at once, the second learns that it changed.
fn changed(error: StoreError) -> Refusal {
    match error {
        StoreError::NotOneRow(_) => {
            Refusal::Conflict("Meanwhile somebody else changed or removed this cluster. Look at it again.".into())
        }
        other => other.into(),
    }
}

impl From<NoCluster> for Refusal {
    fn from(error: NoCluster) -> Self {
        Self::Invalid(format!("{}. Nothing was stored.", sentence(&error.to_string())))
    }
}
