//! A server for one test, and what one says to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::BodyExt;
use mycopod_core::cluster::{Access, Secret, Trust};
use mycopod_core::facility::Facility;
use mycopod_core::firewall::Firewall;
use mycopod_core::guest::{GuestKey, GuestRef, Vmid};
use mycopod_core::id::ClusterId;
use mycopod_core::keys::Keys;
use mycopod_core::observed::{Look, Observed, Sighting};
use mycopod_core::plan::{Step, Tasks};
use mycopod_core::ports::{
    CallError, Clock, Connector, Errand, Health, Hypervisor, Interpreter, Inventory, MissingPrivilege, ReadError,
    Submitted, TaskLog, TaskState, Upid,
};
use mycopod_core::reading::{Answers, Reading};
use mycopod_core::rights::Rights;
use mycopod_core::roll::{Listed, Roll};
use mycopod_engine::clock::SystemClock;
use mycopod_engine::{Engine, First, Parts, Settings};
use mycopod_server::{Config, create_first_admin, router};
use mycopod_store::testing::{TestDatabase, database};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const ADMIN: &str = "admin@example.com";
pub const USER: &str = "ada@example.com";
pub const PASSWORD: &str = "correct horse battery";

/// The system's clock, turned on by a test.
#[derive(Default)]
pub struct TurnedClock(AtomicI64);

impl TurnedClock {
    pub fn turn_on(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
    fn random(&self, bytes: &mut [u8]) {
        SystemClock.random(bytes);
    }
}

/// A cluster that does not answer, or only says how it is.
struct NoCluster(Option<Health>);

fn unreachable<T>() -> Result<T, CallError> {
    Err(CallError::NotSent("there is no cluster in this test".to_owned()))
}

#[async_trait]
impl Hypervisor for NoCluster {
    async fn observe(&self) -> Result<Observed, CallError> {
        unreachable()
    }
    async fn roll(&self) -> Result<Roll, CallError> {
        unreachable()
    }
    async fn read(&self, _: &Listed) -> Result<Option<Sighting>, CallError> {
        unreachable()
    }
    async fn look(&self, _: GuestKey) -> Result<Look, CallError> {
        unreachable()
    }
    async fn firewall(&self, _: &GuestRef) -> Result<Firewall, CallError> {
        unreachable()
    }
    async fn is_free(&self, _: Vmid) -> Result<bool, CallError> {
        unreachable()
    }
    async fn submit(&self, _: &Step, _: &Look, _: Option<&Secret>) -> Result<Submitted, CallError> {
        unreachable()
    }
    async fn task(&self, _: &Upid) -> Result<TaskState, CallError> {
        unreachable()
    }
    async fn task_log(&self, _: &Upid, _: u64) -> Result<TaskLog, CallError> {
        unreachable()
    }
    async fn look_around(&self, _: &Facility) -> Result<Look, CallError> {
        unreachable()
    }
    async fn tasks_of(&self, _: Tasks<'_>) -> Result<Vec<Upid>, CallError> {
        unreachable()
    }
    async fn rights(&self) -> Result<Rights, CallError> {
        unreachable()
    }
    async fn health(&self) -> Result<Health, CallError> {
        match &self.0 {
            Some(health) => Ok(health.clone()),
            None => unreachable(),
        }
    }
}

/// Ways to clusters that tell their version and nothing else; one whose token's secret is `wrong` does not.
struct Answering;

impl Connector for Answering {
    fn connect(&self, _: ClusterId, access: &Access, secret: &Secret) -> Result<Arc<dyn Hypervisor>, String> {
        let health = Health {
            version: "8.4.1".to_owned(),
            supported: true,
            missing: vec![MissingPrivilege { path: "/nodes".to_owned(), privilege: "Sys.Audit".to_owned() }],
            fingerprints: access.urls.iter().cloned().collect(),
        };
        Ok(Arc::new(NoCluster((secret.expose() != "wrong").then_some(health))))
    }
}

/// A reader that is never asked: these tests run no workers.
struct NoReader;

#[async_trait]
impl Interpreter for NoReader {
    fn name(&self) -> &'static str {
        "builtin"
    }
    fn read_at_once(&self, text: &str, _: &Inventory, _: &Answers) -> Reading {
        let refusal = text.contains("coers").then(|| "guests[0].coers: there is no such field".to_owned());
        Reading { refusal, ..Reading::default() }
    }
    async fn read(&self, _: &str, _: &Inventory, _: &Answers, _: &dyn Errand) -> Result<Reading, ReadError> {
        Err(ReadError::Unavailable("there is no reader in this test".to_owned()))
    }
}

/// A server with an Admin, and the database that goes with it.
pub struct Server {
    pub router: Router,
    pub engine: Engine,
    pub clock: Arc<TurnedClock>,
    /// Goes last.
    _database: TestDatabase,
}

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Makes sure that it is a problem document of this status and code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
        problem
    }

    /// The refresh cookie that it sets, as a client sends it.
    pub fn cookie(&self) -> String {
        let cookie = self.header(SET_COOKIE.as_str());
        cookie.split(';').next().unwrap().to_owned()
    }
}

/// A request to be completed and sent.
pub struct Ask<'s> {
    server: &'s Server,
    method: Method,
    uri: String,
    from: SocketAddr,
    headers: HeaderMap,
    body: Body,
}

impl Ask<'_> {
    pub fn token(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub fn cookie(self, cookie: &str) -> Self {
        self.header(COOKIE.as_str(), cookie)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// From another address than this machine's.
    pub fn from(mut self, address: &str) -> Self {
        self.from = SocketAddr::new(address.parse().unwrap(), 40_000);
        self
    }

    /// The answer, before its body has come.
    pub async fn stream(self) -> axum::response::Response {
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri.parse().unwrap();
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(ConnectInfo(self.from));
        self.server.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn send(self) -> Answer {
        let (head, body) = self.stream().await.into_parts();
        Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let database = database().await;
        let clock = Arc::new(TurnedClock::default());
        let engine = Engine::new(Parts {
            pool: database.pool.clone(),
            first: First {
                name: "main".parse().unwrap(),
                access: Access {
                    urls: vec!["https://pve1.example.org:8006".to_owned()],
                    authid: "mycopod@pve!first".to_owned(),
                    trust: Trust::System,
                    pool: None,
                },
                hypervisor: Arc::new(NoCluster(None)),
            },
            connector: Arc::new(Answering),
            interpreter: Arc::new(NoReader),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            keys: Arc::new(Keys::derive(&[7; 32])),
            settings: Settings::default(),
        });
        create_first_admin(&engine, ADMIN, Some(PASSWORD.to_owned())).await.unwrap();
        Self { router: router(engine.clone(), &config), engine, clock, _database: database }
    }

    pub fn ask(&self, method: Method, uri: &str) -> Ask<'_> {
        let from = SocketAddr::from(([127, 0, 0, 1], 40_000));
        Ask { server: self, method, uri: uri.to_owned(), from, headers: HeaderMap::new(), body: Body::empty() }
    }

    pub fn get(&self, uri: &str) -> Ask<'_> {
        self.ask(Method::GET, uri)
    }

    pub fn post(&self, uri: &str) -> Ask<'_> {
        self.ask(Method::POST, uri)
    }

    pub fn login(&self, email: &str, password: &str) -> Ask<'_> {
        self.post("/api/v1/login").json(&json!({ "email": email, "password": password }))
    }

    /// The token of somebody with the tests' password.
    pub async fn token(&self, email: &str) -> String {
        let answer = self.login(email, PASSWORD).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Makes a User with the tests' password, and gives their id.
    pub async fn user(&self, email: &str, approved: bool) -> String {
        let admin = self.token(ADMIN).await;
        let body = json!({ "email": email, "password": PASSWORD, "role": "User", "approved": approved });
        let answer = self.post("/api/v1/register").token(&admin).json(&body).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}
