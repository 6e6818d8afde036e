//! What MycoPod does, one file a verb: declare, read, plan, approve, apply, observe, keep, audit.
//!
//! Every change of state is one short transaction that also appends to the audit log. No
//! database connection is held while Proxmox or a language model is asked, and none is
//! acquired while another is held. Work is found by reading the state; a wake-up carries
//! no news of its own and may be lost.
//!
//! # What holds
//! An approved plan is carried out once, whatever fails. `docs/GUARANTEES.md` lists the invariants I1–I10, what each rests
//! on and what is not promised; `backend/torture` tries them at every point at which a process can die. In short:
//! * The ledger comes first: `started` is committed with its audit entry before a call is sent (I8), and after a crash a look
//!   decides, never a guess.
//! * Whoever writes to the ledger names the fence of their lease, in the statement that writes (I6).
//! * Proxmox cannot check that fence. What guards a late call is in the call itself: the number of a guest that is made,
//!   the digest of a configuration that is changed, a name that is taken, a state that is so already. Where there is no such guard
//!   (a reboot, a rollback, a backup) the step is *blind*: it is found among the tasks, or a person decides.
//! * Between a look and the call that follows it somebody else can act. Only a digest closes that gap, and not every
//!   call of Proxmox's takes one.

mod apply;
mod approve;
mod audit;
pub mod clock;
mod cluster_admin;
mod clusters;
mod decide;
mod declare;
mod dry;
mod edit;
mod errand;
mod export;
mod firewall;
mod form;
mod freeze;
mod keep;
mod ledger;
mod observe;
mod plan;
mod preview;
mod progress;
mod prune;
mod read;
mod recognise;
mod refusal;
mod reword;
mod secrets;
mod show;
mod standing;
mod step;
mod upload;
pub mod view;
mod worker;

use std::sync::{Arc, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mycopod_core::cluster::{Access, ClusterName};
use mycopod_core::id::UserId;
use mycopod_core::keys::Keys;
use mycopod_core::policy::Policy;
use mycopod_core::ports::{Clock, Connector, Hypervisor, Interpreter};
use mycopod_core::status::Role;
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore, broadcast};

pub use crate::cluster_admin::{ClusterChange, NewCluster};
use crate::clusters::Registry;
pub use crate::dry::MAX_DRY;
pub use crate::errand::{Budget, Progress};
pub use crate::export::Format;
pub use crate::keep::LEAST_BUDGET;
pub use crate::refusal::Refusal;
pub use crate::standing::REPAIRS_PER_HOUR;
pub use crate::upload::{Destination, MAX_UPLOAD};
pub use mycopod_store::incarnation::Mark;

/// The metric that counts the steps that ended, by `action` and `state`.
pub const STEPS_METRIC: &str = "mycopod_steps_total";

/// Somebody who asks for something, as their account stands now.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether an Admin has let them declare.
    pub approved: bool,
}

impl Actor {
    /// Whether they may see all and decide: an Admin who is not approved, or no longer, may not.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin && self.approved
    }
}

/// What can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Defaults and bounds of plans.
    pub policy: Policy,
    /// How often the cluster is compared with what was declared.
    pub keep_every: Duration,
    /// How many requests Proxmox gets for that each time, at most; [`LEAST_BUDGET`] or more.
    pub keep_requests: u32,
    /// How long the ledger of declarations that ended is kept at least.
    pub retention: Duration,
    /// What declarations may cost at a language model.
    pub budget: Budget,
    /// How many steps run at once on one node, of all replicas together. Proxmox's three worker processes are shared with its users.
    pub steps_per_node: usize,
    /// How many run at once on a whole cluster, whose configuration is one file system.
    pub steps_per_cluster: usize,
    /// The installation's name in the audit log's checkpoints.
    pub origin: String,
    /// Whether the first cluster is the sandbox.
    pub sandbox: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            keep_every: Duration::from_secs(30),
            keep_requests: 242,
            retention: Duration::from_hours(90 * 24),
            budget: Budget::default(),
            steps_per_node: 3,
            steps_per_cluster: 16,
            origin: "mycopod".to_owned(),
            sandbox: false,
        }
    }
}

/// The first cluster, which the settings name.
pub struct First {
    /// What people call it.
    pub name: ClusterName,
    /// How it is reached.
    pub access: Access,
    /// The way to it.
    pub hypervisor: Arc<dyn Hypervisor>,
}

/// What an engine is made of.
pub struct Parts {
    /// The database.
    pub pool: PgPool,
    /// The cluster of the settings.
    pub first: First,
    /// What makes the ways to the others.
    pub connector: Arc<dyn Connector>,
    /// The reader.
    pub interpreter: Arc<dyn Interpreter>,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// The installation's keys.
    pub keys: Arc<Keys>,
    /// What can be set.
    pub settings: Settings,
}

/// All of MycoPod but its surface. Cheap to clone; clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// The clusters, each with its newest look.
    clusters: Registry,
    /// When the database answered last.
    database_at: RwLock<Option<DateTime<Utc>>>,
    /// Rung when a cluster was added, changed or removed here.
    clusters_changed: Notify,
    /// Rung when there may be work.
    work: Notify,
    /// Rung when a declaration may have changed.
    changed: Notify,
    /// Files under way to Proxmox.
    uploads: Semaphore,
    /// Tells how far language models' answers are.
    progress: broadcast::Sender<Progress>,
}

impl Engine {
    /// An engine that does nothing by itself until [`Engine::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            clusters: Registry::new(&parts.first),
            parts,
            database_at: RwLock::new(None),
            clusters_changed: Notify::new(),
            work: Notify::new(),
            changed: Notify::new(),
            uploads: Semaphore::new(upload::AT_ONCE),
            progress: broadcast::Sender::new(errand::TELLINGS),
        }))
    }

    /// Time and randomness.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.0.parts.clock.as_ref()
    }

    /// The database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.0.parts.pool
    }

    /// The installation's keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.parts.keys
    }

    /// What was set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The reader's name and its language model, where it has one.
    #[must_use]
    pub fn reader(&self) -> (&'static str, Option<&str>) {
        (self.0.parts.interpreter.name(), self.0.parts.interpreter.model())
    }

    /// Lets the workers look for work, and those who wait look again.
    fn ring(&self) {
        self.0.work.notify_waiters();
        self.0.changed.notify_waiters();
    }
}
