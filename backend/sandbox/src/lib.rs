//! A Proxmox VE 8.4 cluster in memory behind the same REST API over HTTPS.
//!
//! It is the cluster of a first run, of tests, and the place where faults are made on demand. It answers as
//! Proxmox VE 8.4.1 does: status codes, reason phrases, error maps, types, the order of its checks, its tasks and
//! their locks. Guests in it run nothing.
//!
//! Time is real, or what [`Sandbox::start_with`] is given, and durations are multiplied by [`Options::time_scale`].
//! What is due happens when the next request looks; a world that is kept on disk goes on where it was, through restarts
//! and crashes.

mod access;
mod ambient;
mod api;
mod auth;
mod backup;
mod body;
mod by_hand;
mod call;
mod change;
mod clone;
mod cluster;
mod control;
mod create;
mod digest;
mod disk;
mod dispatch;
mod download;
mod failure;
mod fault;
mod firewall;
mod format;
mod guest;
mod http;
mod injected;
mod lifecycle;
mod permission;
mod power;
mod receive;
mod schema;
mod section;
mod server;
mod snapshot;
mod storage;
mod store;
mod table;
mod task;
mod tls;
mod upload;
mod volumes;
mod work;
mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::server::Server;
use crate::store::Store;

pub use crate::by_hand::ByHand;
pub use crate::fault::{Effect, Fault, Leaves, RequestFault, TaskEffect, TaskFault};
pub use crate::injected::Injected;
pub use crate::server::Clock;

/// The token of root that a sandbox makes when none is asked for.
const OWN_TOKEN: &str = "mycopod";

/// Which world a sandbox begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum World {
    /// Two nodes with storages, bridges, templates and a few guests.
    Demo,
    /// One node with one storage and one bridge.
    Empty,
    /// So many guests, on a node for every five hundred of them, all in one pool.
    Crowd(u32),
    /// A world that was kept: a `world.json`, with its journal where there is one beside it.
    File(PathBuf),
}

/// How a sandbox runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Its world, where none is kept in `data_dir` yet.
    pub world: World,
    /// `root@pam!NAME=SECRET`; without one a token is made, and kept with the world.
    pub token: Option<String>,
    /// Multiplies durations and lags: 1 is as on real hardware, 0 at once.
    pub time_scale: f64,
    /// Where the world and the certificate authority are kept; without one they are in memory only.
    pub data_dir: Option<PathBuf>,
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("the sandbox cannot listen on {address}: {source}; choose another address")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The control endpoints would be reached from other machines.
    #[error("the sandbox's control endpoints listen on a loopback address only, and {0} is none; use 127.0.0.1:PORT")]
    NotLoopback(SocketAddr),
    /// The world cannot be read or written.
    #[error("the sandbox's world at {path} cannot be read: {source}; nothing was changed")]
    World {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The token has not the form it needs.
    #[error("a sandbox's token is root@pam!NAME=SECRET, with a name of letters, digits, dots and dashes")]
    Token,
    /// The time scale is negative or no number.
    #[error("a time scale is a number from 0 (at once) upwards, 1 being real time")]
    TimeScale,
    /// TLS cannot be set up.
    #[error("the sandbox could not set up TLS: {0}")]
    Tls(String),
}

/// Why a fault or a change by hand is not made; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// A world as it was at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot(Cluster);

impl Snapshot {
    /// All that a sandbox keeps of it on disk, in the form it has there.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.0).unwrap_or_default()
    }
}

/// A sandbox.
#[derive(Debug)]
pub struct Sandbox;

/// A sandbox that runs. It stops when this is dropped; [`Running::shutdown`] lets open requests end.
pub struct Running {
    address: SocketAddr,
    ca_pem: String,
    token: String,
    server: Arc<Server>,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox that goes by the system's clock.
    pub async fn start(options: Options) -> Result<Running, Error> {
        Self::start_with(options, Arc::new(ambient::now)).await
    }

    /// Starts a sandbox for which it is as late as `clock` says, in seconds since the Unix epoch.
    pub async fn start_with(options: Options, clock: Clock) -> Result<Running, Error> {
        if !options.time_scale.is_finite() || options.time_scale < 0.0 {
            return Err(Error::TimeScale);
        }
        let directory = options.data_dir.as_deref();
        let kept = |source| Error::World { path: options.data_dir.clone().unwrap_or_default(), source };
        let (store, found) = match options.data_dir.clone() {
            // Another sandbox may have to end first.
            Some(directory) => {
                let opened = tokio::task::spawn_blocking(move || Store::open(&directory)).await;
                let (store, found) = opened.map_err(std::io::Error::other).and_then(|opened| opened).map_err(kept)?;
                (Some(store), found)
            }
            None => (None, None),
        };
        let known = found.is_some();
        let mut cluster = match (found, &options.world) {
            (Some(cluster), _) => cluster,
            (None, World::Demo) => world::demo(),
            (None, World::Empty) => world::empty(),
            (None, World::Crowd(guests)) => world::crowd(*guests),
            (None, World::File(path)) => {
                store::read(path).map_err(|source| Error::World { path: path.clone(), source })?.0
            }
        };
        cluster.now = clock();
        cluster.time_scale = options.time_scale;
        if cluster.secret.is_empty() {
            *cluster.secret = hex::encode(ambient::random::<32>());
        }
        let token = world::admit(&mut cluster, options.token.as_deref()).ok_or(Error::Token)?;
        let identity = tls::identity(directory).map_err(|error| Error::Tls(error.to_string()))?;
        match &store {
            Some(store) if known => store.note(&mut cluster).and_then(|mark| store.sync(mark)).map_err(kept)?,
            Some(store) => store.write_anew(&mut cluster).map_err(kept)?,
            None => cluster.forget_changes(),
        }
        let refused = |source| Error::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let server = Arc::new(Server::new(cluster, store, identity.fingerprint, clock));
        let stop = CancellationToken::new();
        let acceptor = TlsAcceptor::from(identity.config);
        let serving = tokio::spawn(http::serve(listener, acceptor, server.clone(), stop.clone()));
        Ok(Running { address, ca_pem: identity.ca_pem, token, server, stop, serving: Some(serving) })
    }
}

impl Running {
    /// Where it is reached: `https://127.0.0.1:8006`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that its own was issued by.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Root's API token: `root@pam!NAME=SECRET`.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Begins a fault; gives the id that it is cleared by.
    pub fn inject(&self, fault: Fault) -> Result<u64, Refused> {
        self.server.inject(fault, None).map_err(Refused)
    }

    /// Begins a fault that clears itself after so much real time.
    pub fn inject_for(&self, fault: Fault, time: Duration) -> Result<u64, Refused> {
        self.server.inject(fault, Some(time.as_secs_f64())).map_err(Refused)
    }

    /// The faults that were asked for and not cleared, with how often each has hit.
    #[must_use]
    pub fn faults(&self) -> Vec<Injected> {
        self.server.faults()
    }

    /// Ends a fault; `false` where there is none of that id.
    pub fn clear(&self, id: u64) -> Result<bool, Refused> {
        self.server.clear_faults(Some(id)).map(|cleared| cleared > 0).map_err(Refused)
    }

    /// Ends all faults.
    pub fn clear_all(&self) -> Result<(), Refused> {
        self.server.clear_faults(None).map(|_| ()).map_err(Refused)
    }

    /// Does to the cluster what somebody does past its API.
    pub fn by_hand(&self, deed: &ByHand) -> Result<(), Refused> {
        self.server.by_hand(deed).map_err(Refused)
    }

    /// The world as it is now, to be looked into, or set back later.
    #[must_use]
    pub fn world(&self) -> Snapshot {
        Snapshot(self.server.world())
    }

    /// Makes the world what it was, tasks, faults and all.
    pub fn set_back(&self, to: &Snapshot) -> Result<(), Refused> {
        self.server.set_world(&to.0).map_err(Refused)
    }

    /// Opens the control endpoints, by which faults are asked for over plain HTTP, on a loopback address; gives it.
    pub async fn control(&self, address: SocketAddr) -> Result<SocketAddr, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let refused = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        tokio::spawn(control::serve(listener, self.server.clone(), self.stop.clone()));
        Ok(bound)
    }

    /// Stops accepting, lets open requests end, and returns when they have.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            // A server that panicked has stopped as well.
            let _ = serving.await;
        }
        self.server.write_world();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        // What is still under way has not been answered; the directory is free for the next.
        self.server.close();
    }
}
