//! From a request to the cluster and back: authentication, permission, parameters, the method itself, and the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::access::Caller;
use crate::ambient;
use crate::api;
use crate::auth::{self, Credentials};
use crate::call::{Call, Reply};
use crate::cluster::{Cluster, LOCK_WAIT};
use crate::failure::{Failure, Outcome};
use crate::fault::Faults;
use crate::permission::Rights;
use crate::schema::{Method, Parameters, schema};
use crate::store::Store;

/// How often a call that waits for a lock looks again, in real seconds.
const LOOK_AGAIN: f64 = 0.1;

/// What lies at the root of the API.
const ROOT_INDEX: [&str; 6] = ["version", "cluster", "nodes", "storage", "access", "pools"];

/// The running sandbox.
pub struct Server {
    cluster: Mutex<Cluster>,
    store: Option<Store>,
    time_scale: f64,
    fingerprint: String,
    pub faults: Faults,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The path's segments behind the formatter, decoded.
    pub segments: Vec<String>,
    /// Whether errors are told in the body of a 200.
    pub extjs: bool,
}

impl Server {
    pub fn new(cluster: Cluster, store: Option<Store>, fingerprint: String) -> Self {
        Self {
            time_scale: cluster.time_scale,
            cluster: Mutex::new(cluster),
            store,
            fingerprint,
            faults: Faults::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cluster> {
        // A call that panicked has changed what it had changed; the cluster is usable still.
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps real seconds, scaled.
    pub async fn sleep(&self, seconds: f64) {
        let scaled = Duration::try_from_secs_f64(seconds * self.time_scale).unwrap_or_default();
        tokio::time::sleep(scaled).await;
    }

    /// The reason phrase of a 401, if the caller is nobody and the method is not for everybody.
    pub fn refuse_caller(&self, verb: &str, target: &Target, credentials: &Credentials) -> Option<String> {
        if is_for_everybody(verb, target) {
            return None;
        }
        let mut cluster = self.lock();
        cluster.now = cluster.now.max(ambient::now());
        auth::authenticate(&cluster, credentials, verb != "GET").err()
    }

    /// Carries a call out, waiting for locks as Proxmox does.
    pub async fn call(
        self: &Arc<Self>,
        verb: String,
        target: Target,
        credentials: Credentials,
        parameters: Parameters,
    ) -> Outcome<Reply> {
        let started = ambient::now();
        let request = Arc::new((verb, target, credentials, parameters));
        loop {
            let (server, request) = (self.clone(), request.clone());
            // Writing the world to disk blocks.
            let outcome = tokio::task::spawn_blocking(move || {
                let (verb, target, credentials, parameters) = &*request;
                server.once(verb, target, credentials, parameters)
            })
            .await
            .unwrap_or_else(|_| Err(Failure::failed("the sandbox failed to carry this call out")));
            match outcome {
                Err(Failure::Busy(_)) if ambient::now() - started < LOCK_WAIT * self.time_scale => {
                    self.sleep(LOOK_AGAIN).await;
                }
                // A failed login costs time, as a failed token does.
                Err(Failure::Unauthorized(_)) => {
                    self.sleep(crate::http::AUTH_DELAY).await;
                    return outcome;
                }
                outcome => return outcome,
            }
        }
    }

    fn once(&self, verb: &str, target: &Target, credentials: &Credentials, parameters: &Parameters) -> Outcome<Reply> {
        let mut cluster = self.lock();
        let before = cluster.now;
        cluster.advance(ambient::now());
        let outcome = self.dispatch(&mut cluster, verb, target, credentials, parameters);
        // Without time everything that was begun ends at once.
        let now = cluster.now;
        cluster.advance(now);
        let changed = verb != "GET" || cluster.something_ended_since(before);
        if changed
            && let Some(store) = &self.store
            && let Err(error) = store.save(&cluster)
        {
            tracing::error!(%error, "the sandbox cannot keep its world");
            return Err(Failure::failed(format!("the sandbox cannot keep its world: {error}")));
        }
        outcome
    }

    fn dispatch(
        &self,
        cluster: &mut Cluster,
        verb: &str,
        target: &Target,
        credentials: &Credentials,
        given: &Parameters,
    ) -> Outcome<Reply> {
        if verb == "GET" && target.segments.is_empty() {
            auth::authenticate(cluster, credentials, false).map_err(Failure::Unauthorized)?;
            return Ok(json!(ROOT_INDEX.map(|name| json!({ "subdir": name }))).into());
        }
        let unknown =
            || Failure::NotImplemented(format!("Method '{verb} /{}' not implemented", target.segments.join("/")));
        let (method, path_values) = schema().find(verb, &target.segments).ok_or_else(unknown)?;
        let caller = if method.user.as_deref() == Some("world") {
            auth::authenticate(cluster, credentials, false).unwrap_or(Caller { user: String::new(), token: None })
        } else {
            auth::authenticate(cluster, credentials, verb != "GET").map_err(Failure::Unauthorized)?
        };
        let parameters = merge(path_values, given)?;
        Rights { cluster, caller: &caller }.check(method, &parameters)?;
        let node = match parameters.get("node").and_then(Value::as_str) {
            Some(node) if method.path.starts_with("/nodes/{node}") => cluster.resolve_node(node)?,
            _ => String::new(),
        };
        let errors = schema().validate(method, &parameters);
        if !errors.is_empty() {
            return Err(Failure::Parameters(errors));
        }
        let call = Call { caller, method, parameters, node, fingerprint: &self.fingerprint };
        match api::handler(method) {
            Some(handler) => handler(cluster, &call),
            None => index(method),
        }
    }
}

/// Whether a method needs no caller.
fn is_for_everybody(verb: &str, target: &Target) -> bool {
    let method = schema().find(verb, &target.segments);
    method.is_some_and(|(method, _)| method.user.as_deref() == Some("world"))
}

/// The path's values and the others; a path's value may be repeated, not contradicted.
fn merge(path_values: Parameters, given: &Parameters) -> Outcome<Parameters> {
    let mut parameters = given.clone();
    for (name, value) in path_values {
        match parameters.get(&name) {
            Some(other) if *other != value => {
                return Err(Failure::parameter(
                    &name,
                    "duplicate parameter (already defined in URI) with conflicting values!",
                ));
            }
            _ => {
                parameters.insert(name, value);
            }
        }
    }
    Ok(parameters)
}

/// The answer of a method that has no behaviour of its own: an index names what lies below it.
fn index(method: &Method) -> Outcome<Reply> {
    let names = schema().children(&method.path);
    match (&method.child, method.verb.as_str()) {
        (Some(key), "GET") if !names.is_empty() => {
            let entries = names.into_iter().map(|name| json!({ key.as_str(): name }));
            Ok(entries.collect::<Value>().into())
        }
        _ => {
            Err(Failure::NotImplemented(format!("Method '{} {}' is not part of the sandbox", method.verb, method.path)))
        }
    }
}
