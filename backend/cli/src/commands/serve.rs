//! `mycopod serve`: puts the parts together, runs them, and takes them down in the
//! opposite order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mycopod_core::cluster::{Access, NoCluster, Secret, Trust};
use mycopod_core::id::ClusterId;
use mycopod_core::keys::Keys;
use mycopod_core::ports::{Clock, Interpreter};
use mycopod_engine::clock::SystemClock;
use mycopod_engine::{Engine, First, Parts, Refusal, Settings};
use mycopod_sandbox::{Options, Running, Sandbox, World};
use mycopod_server::FirstAdmin;
use mycopod_store::private::{PrivateServer, PrivateServerError};
use mycopod_store::{Hosts, StoreError};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, ConfigError, Log, Proxmox, Reader, Rephrase, SecretFileError};
use crate::exit::Exit;
use crate::mark;
use crate::output::note;
use crate::signals;
use crate::ways::Ways;

/// There are no options: settings come from the environment and from .env.
#[derive(clap::Args)]
#[command(after_help = "Settings come from the environment and from .env in the working directory; see .env.example.")]
pub struct Args;

/// Why the server does not start. What had started was stopped again.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private database server does not start or stop.
    #[error(transparent)]
    Private(#[from] PrivateServerError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no secret to derive keys from.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(#[from] mycopod_sandbox::Error),
    /// Proxmox's settings are wrong.
    #[error("PROXMOX_…: {0}")]
    Proxmox(#[from] mycopod_pve::ConfigError),
    /// The sandbox's token is none.
    #[error("the sandbox: {0}")]
    Cluster(#[from] NoCluster),
    /// The language model's settings are wrong.
    #[error(transparent)]
    Reader(#[from] mycopod_language::ConfigError),
    /// The first Admin cannot be made.
    #[error("the first Admin could not be made: {0} See MYCOPOD_ADMIN_EMAIL and MYCOPOD_ADMIN_PASSWORD")]
    FirstAdmin(#[from] mycopod_server::Problem),
    /// The database was not recognised.
    #[error("the database could not be recognised: {0}")]
    Recognise(#[from] Refusal),
    /// The address cannot be had.
    #[error("MYCOPOD_LISTEN: {address} cannot be listened on: {source}. Is another MycoPod running?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A folder cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Serving failed.
    #[error("the server failed: {0}")]
    Serve(#[from] std::io::Error),
}

/// Runs the server until it is told to stop.
pub async fn run(Args: Args) -> Exit {
    let started = Instant::now();
    match Config::load(Path::new(".")) {
        Err(error) => {
            note(format_args!("error: {error}"));
            Exit::Error
        }
        Ok(config) => {
            log(&config.log);
            match serve(&config, started).await {
                Ok(()) => Exit::Done,
                Err(error) => {
                    note(format_args!("error: {error}"));
                    Exit::Error
                }
            }
        }
    }
}

fn log(log: &Log) {
    // Checked when it was read.
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_default();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if log.json {
        subscriber.json().init();
    } else {
        subscriber.with_target(false).init();
    }
}

async fn serve(config: &Config, started: Instant) -> Result<(), ServeError> {
    let stop = signals::stop();
    let mut database = Database::open(config).await?;
    // Whatever ends it, the database outlives all that uses it and is stopped last.
    let served = tokio::select! {
        served = with_database(config, database.hosts.clone(), &stop, started) => served,
        never = database.keep_up() => match never {},
    };
    let closed = database.close().await;
    served.and(closed)
}

/// The database server: a private one, which is ours to stop, or the one that was named.
struct Database {
    hosts: Hosts,
    private: Option<PrivateServer>,
}

impl Database {
    async fn open(config: &Config) -> Result<Self, ServeError> {
        if let Some(hosts) = config.database() {
            make_data_dir(&config.data_dir)?;
            note(format_args!("PostgreSQL: {}", hosts.shown()));
            return Ok(Self { hosts, private: None });
        }
        let private = PrivateServer::start(&config.data_dir).await?;
        let adopted = if private.was_adopted() { ", found running" } else { "" };
        note(format_args!("PostgreSQL: private, in {}{adopted}", config.data_dir.join("pg").display()));
        Ok(Self { hosts: private.connect_options().into(), private: Some(private) })
    }

    /// Sees to it that a private server runs for as long as it is used.
    async fn keep_up(&mut self) -> Infallible {
        match &mut self.private {
            Some(private) => private.keep_up().await,
            None => std::future::pending().await,
        }
    }

    async fn close(self) -> Result<(), ServeError> {
        if let Some(private) = self.private {
            private.stop().await?;
        }
        Ok(())
    }
}

fn make_data_dir(path: &Path) -> Result<(), ServeError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| ServeError::Folder { path: path.to_path_buf(), source })
}

async fn with_database(
    config: &Config,
    hosts: Hosts,
    stop: &CancellationToken,
    started: Instant,
) -> Result<(), ServeError> {
    let pool = mycopod_store::connect(hosts).await?;
    let served = async {
        mycopod_store::migrate(&pool).await?;
        mycopod_store::clusters::name_first(&mut *pool.acquire().await.map_err(StoreError::from)?, &config.cluster)
            .await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keys = Arc::new(Keys::derive(&config::secret(&config.secret_file, clock.as_ref())?));
        let sandbox = match &config.proxmox {
            Some(_) => None,
            None => Some(start_sandbox(config).await?),
        };
        let served = with_cluster(config, sandbox.as_ref(), &pool, clock, keys, stop, started).await;
        if let Some(sandbox) = sandbox {
            sandbox.shutdown().await;
        }
        served
    };
    let served = served.await;
    pool.close().await;
    served
}

/// The sandbox with its world kept in the data folder.
async fn start_sandbox(config: &Config) -> Result<Running, ServeError> {
    let running = Sandbox::start(Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        world: World::Demo,
        token: None,
        time_scale: config.sandbox_time_scale,
        data_dir: Some(config.data_dir.join("sandbox")),
    })
    .await?;
    note(format_args!("Proxmox: sandbox, on {}", running.url()));
    Ok(running)
}

async fn with_cluster(
    config: &Config,
    sandbox: Option<&Running>,
    pool: &PgPool,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    stop: &CancellationToken,
    started: Instant,
) -> Result<(), ServeError> {
    let interpreter = interpreter(&config.reader)?;
    match interpreter.model() {
        Some(model) => note(format_args!("Reader: {} {model}", interpreter.name())),
        None => note("Reader: built-in"),
    }
    let ways = Arc::new(Ways::new(Arc::clone(&keys), Arc::clone(&clock)));
    let (access, secret) = first(config, sandbox)?;
    let hypervisor = ways.make(ClusterId::FIRST, &access, &secret)?;
    let engine = Engine::new(Parts {
        pool: pool.clone(),
        first: First { name: config.cluster.clone(), access, hypervisor },
        connector: ways.clone(),
        interpreter,
        clock,
        keys,
        settings: Settings {
            policy: config.policy.clone(),
            keep_every: config.keep_every,
            keep_requests: config.keep_requests,
            retention: config.retention,
            budget: config.budget,
            origin: config.name.clone(),
            sandbox: sandbox.is_some(),
            ..Settings::default()
        },
    });
    let address = config.listen;
    let refused = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let url = url_of(listener.local_addr().map_err(refused)?);
    let password = config.first_admin.password.as_ref().map(|password| password.expose_secret().to_owned());
    match mycopod_server::create_first_admin(&engine, &config.first_admin.email, password).await? {
        FirstAdmin::Exists => {}
        FirstAdmin::Made { email, made_password: None } => note(format_args!("Admin: {email}, made")),
        FirstAdmin::Made { email, made_password: Some(password) } => show_first_login(&url, &email, &password),
    }
    let surface = mycopod_server::Config {
        cors_origins: config.cors_origins.clone(),
        allow_plain_http: config.allow_plain_http,
        trusted_proxies: config.trusted_proxies.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        notice: config.notice,
    };
    mark::recognise(&engine, &config.data_dir).await?;
    let marking = tokio::spawn(mark::keep(engine.clone(), config.data_dir.clone()));
    // The workers go on until the last request has ended: one may wait for them.
    let workers_stop = CancellationToken::new();
    let workers = tokio::spawn({
        let (engine, stop) = (engine.clone(), workers_stop.clone());
        async move { engine.run(stop).await }
    });
    note(format_args!("Ready: {url} in {:.1} s", started.elapsed().as_secs_f64()));
    let counting = tokio::spawn(async move { ways.count().await });
    let served = mycopod_server::serve(engine, surface, listener, stop.clone()).await;
    counting.abort();
    marking.abort();
    note("Stopping: work that was begun is finished at the next start.");
    workers_stop.cancel();
    if let Err(error) = workers.await {
        note(format_args!("a worker failed: {error}"));
    }
    Ok(served?)
}

/// A browser's way to the server from this machine.
fn url_of(address: SocketAddr) -> String {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// How the first cluster is reached: the one of the settings, or the sandbox.
fn first(config: &Config, sandbox: Option<&Running>) -> Result<(Access, Secret), NoCluster> {
    match (&config.proxmox, sandbox) {
        (Some(Proxmox { access, secret }), _) => {
            note(format_args!("Proxmox: {}", access.urls.join(", ")));
            Ok((access.clone(), secret.clone()))
        }
        (None, Some(running)) => {
            let (authid, secret) = Secret::of_token(running.token())?;
            let trust = Trust::Ca(running.ca_pem().to_owned());
            Ok((Access { urls: vec![running.url()], authid, trust, pool: None }, secret))
        }
        (None, None) => unreachable!("without Proxmox the sandbox was started"),
    }
}

fn interpreter(reader: &Reader) -> Result<Arc<dyn Interpreter>, ServeError> {
    Ok(match reader {
        Reader::BuiltIn => Arc::new(mycopod_language::Builtin),
        Reader::OpenAi(config, part, rephrase) => {
            let model = mycopod_language::OpenAi::new(config.clone())?;
            Arc::new(mycopod_language::Readers::new(model, *part).rewording(*rephrase == Rephrase::On))
        }
    })
}

/// The only time that a password is shown: it was made here, and nobody else knows it.
fn show_first_login(url: &str, email: &str, password: &str) {
    let lines = [
        "There was no Admin, so one was made. This is shown once:".to_owned(),
        String::new(),
        format!("  {url}"),
        format!("  e-mail    {email}"),
        format!("  password  {password}"),
    ];
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    note(format_args!("┌─{}─┐", "─".repeat(width)));
    for line in lines {
        note(format_args!("│ {line:<width$} │"));
    }
    note(format_args!("└─{}─┘", "─".repeat(width)));
}
