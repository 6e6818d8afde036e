//! From a request to the cluster and back: authentication, the call with its waiting for locks, and the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auth::{self, Credentials};
use crate::by_hand::ByHand;
use crate::call::Reply;
use crate::cluster::{Cluster, LOCK_WAIT};
use crate::dispatch::{Request, dispatch, is_for_everybody};
use crate::failure::{Failure, Outcome};
use crate::fault::{self, Effect, Fault};
use crate::injected::Injected;
use crate::receive::{self, File};
use crate::schema::Parameters;
use crate::store::Store;

/// How often a call that waits for a lock looks again, in real seconds.
const LOOK_AGAIN: f64 = 0.1;

/// The running sandbox.
pub struct Server {
    cluster: Mutex<Cluster>,
    store: Option<Store>,
    time_scale: f64,
    fingerprint: String,
    clock: Clock,
}

/// What tells the time, in seconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// What a request is for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The path's segments behind the formatter, decoded.
    pub segments: Vec<String>,
}

impl Server {
    pub fn new(cluster: Cluster, store: Option<Store>, fingerprint: String, clock: Clock) -> Self {
        Self { time_scale: cluster.time_scale, cluster: Mutex::new(cluster), store, fingerprint, clock }
    }

    fn now(&self) -> f64 {
        (self.clock)()
    }

    fn lock(&self) -> MutexGuard<'_, Cluster> {
        // A call that panicked has changed what it had changed; the cluster is usable still.
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to a request that arrives now; what happens beside it has happened.
    pub fn hit(&self, verb: &str, path: &[String]) -> Option<Effect> {
        let mut cluster = self.lock();
        if cluster.faults.list().is_empty() {
            return None;
        }
        cluster.advance(self.now());
        let effect = cluster.hit_request(verb, path);
        // The request itself waits until it is on disk.
        let noted = self.note(&mut cluster);
        drop(noted);
        effect
    }

    /// The faults that were asked for and not cleared.
    pub fn faults(&self) -> Vec<Injected> {
        let mut cluster = self.lock();
        cluster.advance(self.now());
        cluster.faults.list().to_vec()
    }

    /// Begins a fault, for so many seconds or until it is cleared; gives its id.
    pub fn inject(&self, fault: Fault, seconds: Option<f64>) -> Result<u64, String> {
        seconds.map_or(Ok(()), fault::ensure_seconds)?;
        self.change(|cluster| cluster.inject(fault, seconds))
    }

    /// Ends one fault or all; gives how many there were.
    pub fn clear_faults(&self, id: Option<u64>) -> Result<usize, String> {
        self.change(|cluster| Ok(cluster.clear_faults(|injected| id.is_none_or(|id| id == injected.id))))
    }

    /// Does what somebody does by hand.
    pub fn by_hand(&self, deed: &ByHand) -> Result<(), String> {
        self.change(|cluster| deed.apply(cluster))
    }

    /// The world as it is now.
    pub fn world(&self) -> Cluster {
        let mut cluster = self.lock();
        cluster.advance(self.now());
        cluster.clone()
    }

    /// Makes the world what it was once.
    pub fn set_world(&self, world: &Cluster) -> Result<(), String> {
        self.change(|cluster| {
            *cluster = world.clone();
            Ok(())
        })?;
        self.write_world();
        Ok(())
    }

    /// Changes the cluster past the API, and keeps it.
    fn change<T>(&self, change: impl FnOnce(&mut Cluster) -> Result<T, String>) -> Result<T, String> {
        let mut cluster = self.lock();
        cluster.advance(self.now());
        let done = change(&mut cluster);
        let mark = self.note(&mut cluster);
        drop(cluster);
        mark.and_then(|mark| self.sync(mark)).map_err(|failure| failure.message())?;
        done
    }

    /// Notes what has changed, for [`Server::sync`].
    fn note(&self, cluster: &mut Cluster) -> Outcome<u64> {
        let Some(store) = &self.store else {
            cluster.forget_changes();
            return Ok(0);
        };
        store.note(cluster).map_err(|error| not_kept(&error))
    }

    /// Returns when what was noted is on disk. Others go on meanwhile.
    fn sync(&self, mark: u64) -> Outcome<()> {
        self.store.as_ref().map_or(Ok(()), |store| store.sync(mark).map_err(|error| not_kept(&error)))
    }

    /// Writes the whole world, so that it can be taken elsewhere without its journal.
    pub fn write_world(&self) {
        if let Some(store) = &self.store
            && let Err(error) = store.write_anew(&mut self.lock())
        {
            tracing::error!(%error, "the sandbox's world stays in its journal");
        }
    }

    /// Keeps nothing any more.
    pub fn close(&self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }

    /// Sleeps real seconds, scaled.
    pub async fn sleep(&self, seconds: f64) {
        let scaled = Duration::try_from_secs_f64(seconds * self.time_scale).unwrap_or_default();
        tokio::time::sleep(scaled).await;
    }

    /// The reason phrase of a 401, if the caller is nobody and the method is not for everybody.
    pub fn refuse_caller(&self, verb: &str, target: &Target, credentials: &Credentials) -> Option<String> {
        if is_for_everybody(verb, &target.segments) {
            return None;
        }
        let mut cluster = self.lock();
        cluster.now = cluster.now.max(self.now());
        auth::authenticate(&cluster, credentials, verb != "GET").err()
    }

    /// Carries a call out, waiting for locks as Proxmox does.
    pub async fn call(
        self: &Arc<Self>,
        verb: String,
        target: Target,
        credentials: Credentials,
        parameters: Parameters,
        uploaded: Option<File>,
    ) -> Outcome<Reply> {
        let started = self.now();
        let request = Arc::new((verb, target, credentials, parameters));
        let mut received = uploaded.map(|file| Arc::new(Ok(file)));
        loop {
            let (server, request, file) = (self.clone(), request.clone(), received.clone());
            // Writing the world to disk blocks.
            let outcome = tokio::task::spawn_blocking(move || {
                let (verb, target, credentials, parameters) = &*request;
                server.once(verb, target, credentials, parameters, file.as_deref())
            })
            .await
            .unwrap_or_else(|_| Err(Failure::failed("the sandbox failed to carry this call out")));
            match outcome {
                Err(Failure::Busy(_)) if self.now() - started < LOCK_WAIT * self.time_scale => {
                    self.sleep(LOOK_AGAIN).await;
                }
                Err(Failure::Wanting(wanted)) if received.is_none() => {
                    received = Some(Arc::new(receive::fetch(&wanted).await));
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

    fn once(
        &self,
        verb: &str,
        target: &Target,
        credentials: &Credentials,
        parameters: &Parameters,
        received: Option<&Result<File, String>>,
    ) -> Outcome<Reply> {
        let mut cluster = self.lock();
        cluster.advance(self.now());
        let request = Request {
            verb,
            segments: &target.segments,
            credentials,
            given: parameters,
            fingerprint: &self.fingerprint,
            received,
        };
        let outcome = dispatch(&mut cluster, &request);
        // Without time everything that was begun ends at once.
        let now = cluster.now;
        cluster.advance(now);
        let mark = self.note(&mut cluster);
        drop(cluster);
        self.sync(mark?)?;
        outcome
    }
}

fn not_kept(error: &std::io::Error) -> Failure {
    tracing::error!(%error, "the sandbox cannot keep its world");
    Failure::failed(format!("the sandbox cannot keep its world: {error}"))
}
