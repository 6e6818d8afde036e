//! Engines on one database and one cluster, and between them the lab, which carries out their exchanges one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use mycopod_core::cluster::{Access, Secret, Trust as ClusterTrust};
use mycopod_core::id::{ClusterId, UserId};
use mycopod_core::keys::Keys;
use mycopod_core::marker::MarkerKey;
use mycopod_core::plan::Step;
use mycopod_core::ports::{CallError, Clock, Connector, Hypervisor};
use mycopod_core::status::Role;
use mycopod_engine::{Actor, Engine, First, Parts, Settings};
use mycopod_language::Builtin;
use mycopod_pve::{Config, Credential, Pve, Trust};
use mycopod_sandbox::{ByHand, Options, Running, Sandbox, Snapshot, World};
use mycopod_store::users::{self, User};
use reqwest::Method;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::fate::{Fate, Passed, Side};
use crate::gate::{Ask, Call, Gate, Query, Reply, Waiting};
use crate::hand::Hand;
use crate::proxy::{Exchanged, Proxy, name};
use crate::time::{Chance, Time, standing};
use crate::watch;
use crate::way::Way;

/// What one exchange takes. tokio moves a paused clock only when no task can run, so that waiting for this is waiting
/// for everybody else to wait.
const TICK: Duration = Duration::from_millis(1);
/// Longer than any timer that is waited for while nothing is asked of the outside.
const IDLE: Duration = Duration::from_mins(10);
/// Longer than a lease, and than PostgreSQL lets a session idle in a transaction.
pub const LOST: Duration = Duration::from_secs(31);
/// A call within which nothing moves for this long waits for time to pass. (Whatever the sandbox computes it does in
/// blocking tasks, which themselves hold the clock; this is for what the kernel has between two sockets.)
const GRACE: Duration = Duration::from_millis(5);
/// Guests of the demo that the lab does without: each costs a look at the cluster two calls.
const LEFT_OUT: [u32; 6] = [102, 112, 113, 9_001, 9_100, 9_101];
/// A pool that there is.
const POOL: &str = "shop";
/// How often time passes while a call is under way: more than any client's patience.
const PASSES: u32 = 40;
/// The longest that it passes at once.
const LONGEST_PASS: Duration = Duration::from_secs(2);

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
        self.sandbox.set_back(world).expect("a world can be set back");
        self.time.set_back(self.kept.get(name).copied().unwrap_or_else(|| self.time.micros()));
        self.time.reseed(seed);
        self.fates.clear();
        self.trace.clear();
        self.violations.clear();
        self.writes.clear();
        self.foreign.clear();
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
        let pool = PgPoolOptions::new()
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

    /// Carries out the next exchange; where none waits, lets time pass until one does.
    pub async fn turn(&mut self) {
        self.what_is_due().await;
        sleep(TICK).await;
        let frozen: BTreeSet<usize> = self.frozen.keys().copied().collect();
        let order = &mut self.order;
        let next = self.gate.take(
            |waiting| !frozen.contains(&waiting.replica),
            |ready| match order {
                Order::First => 0,
                Order::Any(chance) => chance.below(ready.len()),
            },
        );
        let Some(waiting) = next else {
            tokio::select! {
                () = self.gate.arrival() => {}
                () = sleep(IDLE) => {}
            }
            return;
        };
        let side = match &waiting.ask {
            Ask::Proxmox(call) if call.step.is_some() => Side::Write,
            Ask::Proxmox(_) => Side::Read,
            Ask::Database(_) => Side::Statement,
        };
        self.trace.push(Passed { replica: waiting.replica, label: waiting.label.clone(), side });
        let fate = self.fates.remove(&self.count()).unwrap_or(Fate::Pass);
        self.carry_out(waiting, fate).await;
    }

    async fn carry_out(&mut self, waiting: Waiting, fate: Fate) {
        let replica = waiting.replica;
        match fate {
            Fate::Kill { executed: false } => return self.kill(replica).await,
            Fate::Freeze { executed: false, exchanges } => {
                self.gate.put_back(waiting);
                return self.freeze(replica, exchanges);
            }
            _ => {}
        }
        match waiting.ask {
            Ask::Database(query) => self.question(query, replica, fate),
            Ask::Proxmox(call) => self.call(call, replica, fate).await,
        }
        if let Fate::Kill { executed: true } | Fate::KillLate { .. } = fate {
            self.kill(replica).await;
        }
    }

    fn question(&mut self, query: Query, replica: usize, fate: Fate) {
        if fate == (Fate::Lose { executed: false }) {
            return self.proxy.cut(query.connection);
        }
        if query.question.sql.contains("now()") {
            self.database.set_time(self.time.micros());
        }
        let exchanged = self.proxy.exchange(query.connection, &query.question);
        self.answered(Blocked { query, replica, at: self.trace.len() - 1 }, exchanged, fate);
    }

    fn answered(&mut self, asked: Blocked, mut exchanged: Exchanged, fate: Fate) {
        let Blocked { query, replica, at } = asked;
        while let Exchanged::Blocked = exchanged {
            let pid = self.proxy.pid(query.connection);
            if pid.is_some_and(|pid| self.database.is_blocked(pid)) {
                self.blocked.push(Blocked { query, replica, at });
                return;
            }
            exchanged = self.proxy.receive(query.connection);
        }
        let Exchanged::Answered(reply) = exchanged else { return self.proxy.cut(query.connection) };
        if reply.status == b'I' && ends_in_change(&reply.tag) {
            self.trace[at].side = Side::Commit;
        }
        match fate {
            Fate::Lose { .. } => self.proxy.cut(query.connection),
            Fate::Freeze { exchanges, .. } => {
                self.freeze(replica, exchanges);
                self.hold(replica, Held::Database(query.reply, reply.bytes));
            }
            Fate::Kill { .. } | Fate::KillLate { .. } => {}
            Fate::Pass | Fate::Twice => {
                let _ = query.reply.send(reply.bytes);
            }
        }
    }

    fn hold(&mut self, replica: usize, held: Held) {
        if let Some(frozen) = self.frozen.get_mut(&replica) {
            frozen.held.push(held);
        }
    }

    async fn call(&mut self, call: Call, replica: usize, fate: Fate) {
        match fate {
            Fate::KillLate { after } => return self.late.push((self.count() + after, call)),
            Fate::Lose { executed: false } => {
                return (call.fail)(CallError::MaybeSent("the lab lost the request".to_owned()));
            }
            _ => {}
        }
        let reply = self.send(&call).await;
        match fate {
            Fate::Lose { .. } => (reply.deliver)(Some(CallError::MaybeSent("the lab lost the reply".to_owned()))),
            Fate::Freeze { exchanges, .. } => {
                self.freeze(replica, exchanges);
                self.hold(replica, Held::Proxmox(reply));
            }
            Fate::Kill { .. } | Fate::KillLate { .. } => {}
            Fate::Twice => {
                drop(self.send(&call).await);
                (reply.deliver)(None);
            }
            Fate::Pass => (reply.deliver)(None),
        }
    }

    /// Lets a call reach Proxmox.
    async fn send(&mut self, call: &Call) -> Reply {
        if let Some(step) = &call.step {
            let wrong = watch::write(self, step);
            self.violations.extend(wrong);
            self.writes.push((**step).clone());
        }
        self.under_way((call.work)()).await
    }

    /// Awaits a call to the sandbox. Meanwhile the clock stands, but for calls that themselves wait for time: nothing
    /// moves within them for a while of real time, and then a little of the lab's passes.
    async fn under_way<T>(&self, call: impl Future<Output = T>) -> T {
        tokio::pin!(call);
        let mut pass = TICK;
        for _ in 0..PASSES {
            loop {
                let calls = self.pve.calls();
                let (end, ended) = std::sync::mpsc::channel::<()>();
                let still = tokio::task::spawn_blocking(move || {
                    let _ = ended.recv_timeout(GRACE);
                });
                tokio::select! {
                    biased;
                    result = &mut call => {
                        drop(end);
                        return result;
                    }
                    _ = still => {}
                }
                if self.pve.calls() == calls {
                    break;
                }
            }
            tokio::select! {
                biased;
                result = &mut call => return result,
                () = sleep(pass) => {}
            }
            pass = (pass * 2).min(LONGEST_PASS);
        }
        call.await
    }

    /// Requests that arrive late, answers that waited for a lock, and replicas that go on.
    async fn what_is_due(&mut self) {
        let count = self.count();
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= count);
        self.late = late;
        for (_, call) in due {
            drop(self.send(&call).await);
        }
        for asked in std::mem::take(&mut self.blocked) {
            let exchanged = self.proxy.receive(asked.query.connection);
            self.answered(asked, exchanged, Fate::Pass);
        }
        let due: Vec<usize> =
            self.frozen.iter().filter(|(_, frozen)| frozen.until <= count).map(|(id, _)| *id).collect();
        for replica in due {
            self.let_loose(replica);
        }
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

/// Whether a command that ended like this, outside of a transaction, has changed anything.
fn ends_in_change(tag: &str) -> bool {
    match tag.rsplit_once(' ') {
        None => tag == "COMMIT",
        Some((command, rows)) => !command.starts_with("SELECT") && rows != "0",
    }
}
