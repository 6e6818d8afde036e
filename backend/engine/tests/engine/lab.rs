//! An engine over the sandbox and a database of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mycopod_core::cluster::{Access, Secret};
use mycopod_core::id::{ClusterId, DeclarationId, UserId};
use mycopod_core::keys::Keys;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Observed, Sighting};
use mycopod_core::ports::{Connector, Hypervisor};
use mycopod_core::status::Role;
use mycopod_engine::clock::SystemClock;
use mycopod_engine::view::Detail;
use mycopod_engine::{Actor, Engine, First, NewCluster, Parts, Settings};
use mycopod_language::Builtin;
use mycopod_pve::{Config, Credential, Pve, Trust};
use mycopod_sandbox::{Options, Running, Sandbox, World};
use mycopod_store::testing::TestDatabase;
use mycopod_store::users::{self, User};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ways to other sandboxes, as the server makes them.
pub struct Ways;

impl Connector for Ways {
    fn connect(&self, id: ClusterId, access: &Access, secret: &Secret) -> Result<Arc<dyn Hypervisor>, String> {
        let trust = match &access.trust {
            mycopod_core::cluster::Trust::Ca(pem) => Trust::CaFile(pem.clone().into_bytes()),
            mycopod_core::cluster::Trust::System | mycopod_core::cluster::Trust::Pin(_) => Trust::System,
        };
        let way = Pve::connect(Config {
            url: access.urls.join(","),
            credential: Credential::of(access, secret),
            trust,
            pool: access.pool.clone(),
            marker_key: keys().marker_of(id),
            clock: Arc::new(SystemClock),
        });
        way.map(|way| Arc::new(way) as Arc<dyn Hypervisor>).map_err(|error| error.to_string())
    }
}

pub struct Lab {
    pub engine: Engine,
    pub sandbox: Running,
    pub database: TestDatabase,
    pub admin: Actor,
    pub pve: Arc<Pve>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

pub fn keys() -> Arc<Keys> {
    Arc::new(Keys::derive(&[7; 32]))
}

pub fn pve(sandbox: &Running) -> Pve {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Pve::connect(Config {
        url: sandbox.url(),
        credential: Credential::Token(sandbox.token().to_owned().into()),
        trust: Trust::CaFile(sandbox.ca_pem().as_bytes().to_vec()),
        pool: None,
        marker_key: MarkerKey::new(keys().marker),
        clock: Arc::new(SystemClock),
    })
    .unwrap()
}

impl Lab {
    /// A demo cluster whose tasks end at once, and one Admin. The engine does nothing until [`Lab::run`].
    pub async fn new() -> Self {
        let sandbox = sandbox().await;
        let database = mycopod_store::testing::database().await;
        let pve = Arc::new(pve(&sandbox));
        let engine = engine(&database, pve.clone());
        let admin = user(&engine, "admin@example.org", Role::Admin, true).await;
        Self { engine, sandbox, database, admin, pve, running: None }
    }

    /// The same with its workers running.
    pub async fn running() -> Self {
        let mut lab = Self::new().await;
        lab.run();
        lab
    }

    pub fn run(&mut self) {
        let stop = CancellationToken::new();
        let (engine, token) = (self.engine.clone(), stop.clone());
        self.running = Some((stop, tokio::spawn(async move { engine.run(token).await })));
    }

    /// As `kill -9` does: whatever was under way is cut off where it stands, and its leases run out.
    pub async fn crash(&mut self) {
        if let Some((_, task)) = self.running.take() {
            task.abort();
            let _ = task.await;
        }
        sqlx::query("UPDATE leases SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
            .execute(&self.database.pool)
            .await
            .unwrap();
    }

    /// Another engine on the same database, as after a restart.
    pub fn restart(&mut self, hypervisor: Arc<dyn Hypervisor>) {
        self.engine = engine(&self.database, hypervisor);
        self.run();
    }

    pub async fn declare(&self, text: &str) -> Detail {
        let id = self.engine.declare(&self.admin, text).await.unwrap();
        self.settled(id).await
    }

    pub async fn settled(&self, id: DeclarationId) -> Detail {
        self.engine.wait(id, PATIENCE).await;
        self.engine.detail(&self.admin, id).await.unwrap()
    }

    /// Confirms the plan as shown, naming what it destroys.
    pub async fn confirm(&self, detail: &Detail) -> Detail {
        let plan = detail.plan.as_ref().unwrap_or_else(|| panic!("no plan: {detail:#?}"));
        let destroy: BTreeSet<String> =
            plan.steps.iter().filter(|step| step.effect == "destroy").map(|step| step.name().to_owned()).collect();
        let id = DeclarationId(detail.id);
        self.engine.approve(&self.admin, id, &plan.digest, &destroy).await.unwrap();
        self.settled(id).await
    }

    /// Declares, confirms and expects it to be so.
    pub async fn make(&self, text: &str) -> Detail {
        let detail = self.declare(text).await;
        assert_eq!(detail.status, "awaiting_approval", "{detail:#?}");
        let detail = self.confirm(&detail).await;
        assert_eq!(detail.status, "converged", "{detail:#?}");
        detail
    }

    pub async fn observed(&self) -> Observed {
        self.pve.observe().await.unwrap()
    }

    /// The guests of that name.
    pub async fn named(&self, name: &str) -> Vec<Sighting> {
        self.observed().await.guests.into_iter().filter(|seen| seen.guest.name == name).collect()
    }

    /// What somebody does by hand in Proxmox, past MycoPod.
    pub async fn by_hand(&self, method: reqwest::Method, path: &str, form: &[(&str, &str)]) -> Value {
        by_hand(&self.sandbox, method, path, form).await
    }
}

pub async fn by_hand(sandbox: &Running, method: reqwest::Method, path: &str, form: &[(&str, &str)]) -> Value {
    let ca = reqwest::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
    let mut request = client
        .request(method.clone(), format!("{}/api2/json{path}", sandbox.url()))
        .header("Authorization", format!("PVEAPIToken={}", sandbox.token()));
    if !form.is_empty() {
        request = request.form(form);
    }
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    response.json::<Value>().await.unwrap()["data"].clone()
}

/// How the cluster of that sandbox would be added.
pub fn added(name: &str, sandbox: &Running) -> NewCluster {
    NewCluster {
        name: name.to_owned(),
        urls: vec![sandbox.url()],
        login: Secret::of_token(sandbox.token()).unwrap(),
        trust: mycopod_core::cluster::Trust::Ca(sandbox.ca_pem().to_owned()),
        pool: None,
    }
}

/// A demo cluster whose tasks end at once.
pub async fn sandbox() -> Running {
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        world: World::Demo,
        token: None,
        time_scale: 0.0,
        data_dir: None,
    };
    Sandbox::start(options).await.unwrap()
}

pub fn engine(database: &TestDatabase, hypervisor: Arc<dyn Hypervisor>) -> Engine {
    Engine::new(parts(database, hypervisor))
}

pub fn parts(database: &TestDatabase, hypervisor: Arc<dyn Hypervisor>) -> Parts {
    Parts {
        pool: database.pool.clone(),
        first: First {
            name: "main".parse().unwrap(),
            access: Access {
                urls: vec!["https://127.0.0.1:1".to_owned()],
                authid: "mycopod@pve!first".to_owned(),
                trust: mycopod_core::cluster::Trust::System,
                pool: None,
            },
            hypervisor,
        },
        connector: Arc::new(Ways),
        interpreter: Arc::new(Builtin),
        clock: Arc::new(SystemClock),
        keys: keys(),
        settings: Settings { keep_every: Duration::from_millis(200), sandbox: true, ..Settings::default() },
    }
}

pub async fn user(engine: &Engine, email: &str, role: Role, approved: bool) -> Actor {
    let id = UserId::fresh(engine.clock());
    let created_at = engine.clock().now();
    let user = User { id, email: email.to_owned(), role, approved, created_at, last_login_at: None };
    let mut connection = engine.pool().acquire().await.unwrap();
    users::create(&mut connection, &user, "$argon2id$not-used-here").await.unwrap();
    Actor { id, email: email.to_owned(), role, approved }
}
