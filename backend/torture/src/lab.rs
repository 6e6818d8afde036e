//! Engines on one database and one cluster, and between them the lab, which carries out their exchanges one at a time.

mod exchange;
mod others;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use mycopod_core::cluster::{Access, Secret, Trust as ClusterTrust};
use mycopod_core::id::{ClusterId, UserId};
use mycopod_core::keys::Keys;
use mycopod_core::marker::MarkerKey;
use mycopod_core::plan::Step;
use mycopod_core::ports::{Clock, Connector, Hypervisor};
use mycopod_core::status::Role;
use mycopod_engine::{Actor, Engine, First, Parts, Settings};
use mycopod_language::Builtin;
use mycopod_pve::{Config, Credential, Pve, Trust};
use mycopod_sandbox::{ByHand, Options, Running, Sandbox, Snapshot, World};
use mycopod_store::pool_options;
use mycopod_store::users::{self, User};
use reqwest::Method;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::fate::{Fate, Passed};
use crate::gate::{Call, Gate, Query, Reply};
use crate::hand::Hand;
use crate::proxy::{Proxy, name};
use crate::time::{Chance, Time, standing};
use crate::way::Way;

use others::Edited;
pub use others::{EDITED, OFFLINE, Victim};

/// What one exchange takes. tokio moves a paused clock only when no task can run, so that waiting for this is waiting
/// for everybody else to wait.
const TICK: Duration = Duration::from_millis(1);
/// Longer than a lease, and than PostgreSQL lets a session idle in a transaction.
pub const LOST: Duration = Duration::from_secs(31);
/// Guests of the demo that the lab does without: each costs a look at the cluster two calls.
const LEFT_OUT: [u32; 6] = [102, 112, 113, 9_001, 9_100, 9_101];
/// A pool that there is.
const POOL: &str = "shop";

/// An engine that runs.
struct Replica {
    engine: Engine,
    run: JoinHandle<()>,
    calls: Vec<AbortHandle>,
}

/// A reply that is kept back.
enum Held {
    Database(oneshot::Sender<Vec<u8>>, Vec<u8>),
    Proxmox(Reply),
}

impl Held {
    fn deliver(self) {
        match self {
            Self::Database(reply, bytes) => {
                let _ = reply.send(bytes);
            }
            Self::Proxmox(reply) => (reply.deliver)(None),
        }
    }
}

/// A replica that stands still.
struct Frozen {
    until: u64,
    held: Vec<Held>,
}

/// A question whose answer waits for a lock.
struct Blocked {
    query: Query,
    replica: usize,
    /// Its place in the trace.
    at: usize,
}

/// Which of the exchanges that wait comes next.
pub enum Order {
    /// The one that has waited longest.
    First,
    /// Any.
    Any(Chance),
}

/// The lab.
pub struct Lab {
    /// Its clock.
    pub time: Arc<Time>,
    /// The cluster.
    pub sandbox: Running,
    /// What somebody does in it past the engines.
    pub hand: Hand,
    /// The lab's own hand in the database.
    pub database: Database,
    /// The one who declares and approves.
    pub admin: Actor,
    /// One who may declare, and not approve.
    pub stranger: Actor,
    /// Which exchange comes next.
    pub order: Order,
    /// What happens to which exchange.
    pub fates: BTreeMap<u64, Fate>,
    /// The exchanges so far.
    pub trace: Vec<Passed>,
    /// What was wrong.
    pub violations: Vec<String>,
    /// The writes that Proxmox received, in their order.
    pub writes: Vec<Step>,
    /// Guests that came by hand, whatever their notes say: copies, and others under a number that was ours.
    pub foreign: BTreeSet<u32>,
    /// Whom others do something to.
    pub victim: Victim,
    /// When the present run began, in seconds since 1970.
    pub began: f64,
    gate: Arc<Gate>,
    proxy: Proxy,
    folder: TempDir,
    pve: Arc<Pve>,
    replicas: BTreeMap<usize, Replica>,
    next: usize,
    frozen: BTreeMap<usize, Frozen>,
    blocked: Vec<Blocked>,
    late: Vec<(u64, Call)>,
    edits: Vec<Edited>,
    /// How late it was when something was kept.
    kept: BTreeMap<String, i64>,
}

struct NoOthers;

impl Connector for NoOthers {
    fn connect(&self, _: ClusterId, _: &Access, _: &Secret) -> Result<Arc<dyn Hypervisor>, String> {
        Err("the lab has one cluster".to_owned())
    }
}

/// The lab's installation keys.
#[must_use]
pub fn keys() -> Arc<Keys> {
    Arc::new(Keys::derive(&[7; 32]))
}

impl Lab {
    /// A lab with the demo cluster, an Admin and no engine. Tasks of the cluster take `scale` of their real time.
    ///
    /// # Panics
    /// Outside of a runtime whose clock is paused, or without a server for the database.
    pub async fn new(scale: f64) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let time = Arc::new(Time::new(0));
        let clock = Arc::clone(&time);
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            world: World::Demo,
            token: None,
            time_scale: scale,
            data_dir: None,
        };
        let sandbox = standing(Sandbox::start_with(options, Arc::new(move || clock.seconds())));
        let sandbox = sandbox.await.expect("a sandbox starts");
        for vmid in LEFT_OUT {
            sandbox.by_hand(&ByHand::Destroy { vmid }).expect("the demo’s guests are there");
        }
        let hand = Hand::new(&sandbox);
        standing(hand.does(Method::POST, "/pools", &[("poolid", POOL)])).await.expect("a pool can be made");
        let (mut database, address) = standing(Database::new()).await;
        database.set_time(time.micros());
        let folder = tempfile::tempdir().expect("a folder can be made");
        let gate = Arc::new(Gate::default());
        let proxy = Proxy::start(folder.path(), address, Arc::clone(&gate)).expect("the proxy listens");
        let pve = Pve::connect(Config {
            url: sandbox.url(),
            credential: Credential::Token(sandbox.token().to_owned().into()),
            trust: Trust::CaFile(sandbox.ca_pem().as_bytes().to_vec()),
            pool: None,
            marker_key: MarkerKey::new(keys().marker),
            clock: time.clone(),
        });
        let admin = account(&database, &time, "admin@example.org", Role::Admin).await;
        let stranger = account(&database, &time, "user@example.org", Role::User).await;
        Self {
            time,
            sandbox,
            hand,
            database,
            admin,
            stranger,
            order: Order::First,
            fates: BTreeMap::new(),
            trace: Vec::new(),
            violations: Vec::new(),
            writes: Vec::new(),
            foreign: BTreeSet::new(),
            victim: Victim::default(),
            began: 0.0,
            gate,
            proxy,
            folder,
            pve: Arc::new(pve.expect("the sandbox can be reached")),
            replicas: BTreeMap::new(),
            next: 0,
            frozen: BTreeMap::new(),
            blocked: Vec::new(),
            late: Vec::new(),
            edits: Vec::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Keeps the present under a name. Nobody may run.
    pub fn keep(&mut self, name: &str) -> Snapshot {
        self.database.keep(name);
        self.kept.insert(name.to_owned(), self.time.micros());
        self.sandbox.world()
    }

    /// Sets everything back to what was kept, with chance and numbers from the beginning.
    pub async fn set_back(&mut self, name: &str, world: &Snapshot, seed: u64) {
        self.end().await;
        self.database.set_back(name);
        self.sandbox.clear_all().expect("faults can be cleared");
        self.sandbox.set_back(world).expect("a world can be set back");
        self.time.set_back(self.kept.get(name).copied().unwrap_or_else(|| self.time.micros()));
        self.time.reseed(seed);
        self.fates.clear();
        self.trace.clear();
        self.violations.clear();
        self.writes.clear();
        self.foreign.clear();
        self.edits.clear();
        self.victim = Victim::default();
        self.began = self.time.seconds();
        self.next = 0;
        self.order = Order::First;
    }

    /// Kills whoever runs.
    pub async fn end(&mut self) {
        for replica in self.running() {
            self.kill(replica).await;
        }
        self.late.clear();
        self.blocked.clear();
        assert!(!self.proxy.in_transaction(), "whoever was killed is in no transaction");
    }

    /// Starts a replica.
    pub fn start(&mut self) -> usize {
        let replica = self.next;
        self.next += 1;
        self.proxy.admit(replica);
        let pool = pool_options()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(Proxy::options(self.folder.path(), replica));
        let way = Way { pve: Arc::clone(&self.pve), gate: Arc::clone(&self.gate), replica };
        let engine = self.engine(pool, Arc::new(way), replica);
        let running = engine.clone();
        let run = tokio::spawn(async move { running.run(CancellationToken::new()).await });
        self.replicas.insert(replica, Replica { engine, run, calls: Vec::new() });
        replica
    }

    fn engine(&self, pool: PgPool, hypervisor: Arc<dyn Hypervisor>, replica: usize) -> Engine {
        Engine::new(Parts {
            pool,
            first: First {
                name: "main".parse().expect("a name"),
                access: Access {
                    urls: vec![self.sandbox.url()],
                    authid: "mycopod@pve!lab".to_owned(),
                    trust: ClusterTrust::System,
                    pool: None,
                },
                hypervisor,
            },
            connector: Arc::new(NoOthers),
            interpreter: Arc::new(Builtin),
            clock: self.time.clone(),
            keys: keys(),
            settings: Settings { origin: name(replica), sandbox: true, ..Settings::default() },
        })
    }

    /// An engine that does nothing, past the gate: to look with.
    #[must_use]
    pub fn bystander(&self) -> Engine {
        self.engine(self.database.whole.pool.clone(), self.pve.clone(), usize::MAX)
    }

    /// The replicas that run, those that stand still included.
    #[must_use]
    pub fn running(&self) -> Vec<usize> {
        self.replicas.keys().copied().collect()
    }

    /// The newest replica that answers; one is started where none does.
    pub fn front(&mut self) -> usize {
        let newest = self.replicas.keys().rev().copied().find(|replica| !self.frozen.contains_key(replica));
        newest.unwrap_or_else(|| self.start())
    }

    /// As `kill -9` does: whatever is under way ends where it stands, and the kernel closes the connections.
    pub async fn kill(&mut self, replica: usize) {
        self.proxy.cut_off(replica);
        self.gate.forget(replica);
        self.frozen.remove(&replica);
        self.blocked.retain(|blocked| blocked.replica != replica);
        if let Some(Replica { engine, run, calls }) = self.replicas.remove(&replica) {
            calls.iter().for_each(AbortHandle::abort);
            run.abort();
            let _ = run.await;
            drop(engine);
        }
        sleep(TICK).await;
        self.gate.forget(replica);
    }

    /// Lets a replica stand still beyond its lease, until so many further exchanges of others.
    ///
    /// For clocks the time of a lease passes at once, and for timers none: when it goes on, its next write may come
    /// before it notices how late it is. PostgreSQL has ended its open transactions meanwhile.
    pub fn freeze(&mut self, replica: usize, exchanges: u64) {
        self.frozen.insert(replica, Frozen { until: self.count() + exchanges, held: Vec::new() });
        self.time.leap(LOST);
        self.proxy.end_transactions(replica);
    }

    /// Whether a replica stands still.
    #[must_use]
    pub fn is_frozen(&self, replica: usize) -> bool {
        self.frozen.contains_key(&replica)
    }

    /// Lets a replica go on.
    pub fn let_loose(&mut self, replica: usize) {
        if let Some(frozen) = self.frozen.remove(&replica) {
            frozen.held.into_iter().for_each(Held::deliver);
        }
    }

    /// Lets all go on that stand still, and lets arrive what is late.
    pub fn all_go_on(&mut self) {
        self.late.iter_mut().for_each(|(at, _)| *at = 0);
        let frozen: Vec<usize> = self.frozen.keys().copied().collect();
        for replica in frozen {
            self.let_loose(replica);
        }
    }

    /// How many exchanges there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.trace.len() as u64
    }

    /// How many connections to the database the replicas have made so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.proxy.opened()
    }

    /// Whether a write waits to be sent, or is still on its way.
    #[must_use]
    pub fn has_write(&self) -> bool {
        self.gate.has_write() || !self.late.is_empty()
    }

    /// One call of a person to a replica; `None` where the replica died or stood still before it answered.
    pub async fn ask<T: Send + 'static>(
        &mut self,
        replica: usize,
        call: impl FnOnce(Engine) -> BoxFuture<'static, T>,
    ) -> Option<T> {
        let found = self.replicas.get_mut(&replica)?;
        let task = tokio::spawn(call(found.engine.clone()));
        found.calls.push(task.abort_handle());
        while !task.is_finished() {
            if self.frozen.contains_key(&replica) {
                return None;
            }
            self.turn().await;
        }
        task.await.ok()
    }
}

/// An account that is approved.
async fn account(database: &Database, time: &Arc<Time>, email: &str, role: Role) -> Actor {
    let actor = Actor { id: UserId::fresh(time.as_ref()), email: email.to_owned(), role, approved: true };
    let created_at = time.now();
    let (id, email) = (actor.id, actor.email.clone());
    let user = User { id, email, role, approved: true, created_at, last_login_at: None };
    let made = standing(async {
        let mut connection = database.whole.pool.acquire().await?;
        users::create(&mut connection, &user, "$argon2id$not-used-here").await
    });
    made.await.expect("an account can be made");
    actor
}
