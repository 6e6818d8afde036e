//! The private PostgreSQL server: what serves when no `DATABASE_URL` is given.
//!
//! It is made of the system's PostgreSQL binaries and lives in `<data>/pg/`:
//! `data/` is PostgreSQL's own folder, `run/` holds its unix socket, `server.log`
//! its messages. It listens on nothing but that socket.
//!
//! **Who can connect.** `pg/` and the socket's folder have mode 0700 and belong to
//! the account that PostgreSQL runs under: MycoPod's own, or `postgres` when MycoPod
//! runs as root. Only that account and root can reach the socket, and these could
//! read the files anyway, so connections are trusted and there is no password.
//!
//! **Crashes.** The server is a process group of its own and outlives a killed
//! MycoPod; the next start adopts it. One that was killed itself is started again by
//! [`PrivateServer::keep_up`]. `fsync` stays on.
//!
//! **Two at once.** An advisory lock on `pg/`, held for as long as the
//! [`PrivateServer`] lives and dropped by the kernel with the process, keeps a second
//! MycoPod off the same folder.

mod account;
mod binaries;
mod postmaster;

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use tokio::time::{Instant, sleep, timeout_at};

use self::account::Account;
use self::binaries::Binaries;
use self::postmaster::Postmaster;

/// The superuser inside the private server, and the database's name.
const NAME: &str = "mycopod";
/// Names the socket file only; there is no TCP port.
const PORT: u16 = 5432;
/// The longest path of a unix socket: `sun_path` is 108 bytes with its final NUL.
const MAX_SOCKET_PATH: usize = 107;
/// Recovery after a power cut replays at most `max_wal_size`: seconds, with room.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// A fast shutdown only writes a checkpoint.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// A new server is ready in about 200 ms; looking more often gains nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// At each start a longer log becomes `server.log.old`. Only starts, stops and
/// crashes are logged, so that it hardly grows in between.
const MAX_LOG_BYTES: u64 = 1024 * 1024;
/// How soon a server that ended is noticed.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Between starts that fail: the reason, such as a full disk, rarely passes at once.
const START_AGAIN: Duration = Duration::from_secs(5);
/// How much of the log's end an error shows.
const LOG_TAIL_BYTES: u64 = 2048;

/// Settings that differ from PostgreSQL's own: a small server for one application.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=60",
    "shared_buffers=32MB",
    "max_wal_size=256MB",
    "min_wal_size=32MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    // Statements that fail are reported to MycoPod, which logs them itself.
    "log_min_messages=log",
    "log_checkpoints=off",
    "logging_collector=off",
];

/// Why the private server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PrivateServerError {
    /// No PostgreSQL of the wanted version is installed.
    #[error(
        "no PostgreSQL {wanted} found under /usr/lib/postgresql or in PATH. Nothing was changed. \
         Install it with `apt-get install postgresql`, or name a server with DATABASE_URL"
    )]
    NotInstalled {
        /// What was looked for, such as `15 or newer`.
        wanted: String,
    },
    /// MycoPod runs as root, and the `postgres` account is missing.
    #[error(
        "there is no system account `postgres`, and PostgreSQL refuses to run as root. \
         Install it with `apt-get install postgresql`, or run MycoPod as an ordinary user"
    )]
    NoAccount,
    /// A folder above the database bars the account PostgreSQL runs under.
    #[error(
        "{} cannot be entered by the account `{account}`, which PostgreSQL runs under. Nothing was \
         changed. Let it pass with `chmod o+x {0}`, or set MYCOPOD_DATA_DIR to a folder elsewhere, \
         such as /var/lib/mycopod", folder.display()
    )]
    FolderBarred {
        /// The first folder that cannot be entered.
        folder: PathBuf,
        /// The account's name.
        account: String,
    },
    /// A folder that has to be private is a link, a file or somebody else's.
    #[error(
        "{} has to be a folder of the account `{account}` alone, but {found}. Nothing was changed. \
         Look at it, and move it away if it is not MycoPod's", folder.display()
    )]
    FolderNotPrivate {
        /// The folder in question.
        folder: PathBuf,
        /// The account's name.
        account: String,
        /// What was found instead.
        found: String,
    },
    /// Another MycoPod holds the data folder.
    #[error(
        "another MycoPod is using {}. Stop it first, or give this one a MYCOPOD_DATA_DIR of its own; \
         several MycoPods share one database through DATABASE_URL", folder.display()
    )]
    InUse {
        /// The locked folder.
        folder: PathBuf,
    },
    /// `initdb` failed.
    #[error("PostgreSQL's initdb failed in {}: {output}", folder.display())]
    Init {
        /// The folder that was to hold the database.
        folder: PathBuf,
        /// What initdb said.
        output: String,
    },
    /// The server ended, or did not answer in time.
    #[error("the private PostgreSQL server {problem}. Its log {} ends: {log}", path.display())]
    NotReady {
        /// What went wrong.
        problem: String,
        /// Where the log is.
        path: PathBuf,
        /// The end of the log.
        log: String,
    },
    /// The server did not stop in time; it goes on, and the next start adopts it.
    #[error("the private PostgreSQL server (process {pid}) did not stop within {} s", STOP_TIMEOUT.as_secs())]
    NotStopped {
        /// The postmaster's process id.
        pid: i32,
    },
    /// The server is up and refuses what is asked of it.
    #[error("the private PostgreSQL server refused to prepare the database `{NAME}`: {0}")]
    Database(#[from] sqlx::Error),
    /// A file or a process could not be handled.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or program.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Adds what was being done to an I/O error.
fn doing(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrivateServerError {
    let path = path.to_path_buf();
    move |source| PrivateServerError::Io { doing, path, source }
}

/// A running private server.
///
/// Call [`stop`](Self::stop) when done, after closing the pool. One that is merely
/// dropped goes on running, and is adopted by the next start.
#[derive(Debug)]
pub struct PrivateServer {
    postmaster: Postmaster,
    home: Home,
    adopted: bool,
    _lock: File,
}

/// Where the server lives, and what it is run by and under.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    cluster: PathBuf,
    sockets: PathBuf,
    account: Account,
    binaries: Binaries,
}

impl PrivateServer {
    /// Starts the server of the data folder, or adopts the one that still runs, and
    /// makes the database if there is none. The first start takes some seconds.
    pub async fn start(data_dir: &Path) -> Result<Self, PrivateServerError> {
        let account = Account::for_server().await?;
        let data_dir = account.make_data_dir(data_dir).await?;
        let folder = data_dir.join("pg");
        account.make_private(&folder)?;
        let lock = lock(&folder)?;
        let sockets = socket_folder(&folder);
        account.make_private(&sockets)?;

        let cluster = folder.join("data");
        let binaries = Binaries::find(&cluster).await?;
        if !cluster.exists() {
            init(&account, &binaries, &folder, &cluster).await?;
        }
        let home = Home { folder, cluster, sockets, account, binaries };
        let (postmaster, adopted) = home.bring_up().await?;
        let server = Self { postmaster, home, adopted, _lock: lock };
        create_database(&server.options().database("postgres")).await?;
        Ok(server)
    }

    /// Starts the server again whenever it ends before its time, as when the kernel kills it for its memory. Run it
    /// beside what uses the server, and drop it to stop: it has no other end.
    pub async fn keep_up(&mut self) -> Infallible {
        loop {
            sleep(WATCH_EVERY).await;
            if !self.postmaster.has_ended() {
                continue;
            }
            tracing::error!(pid = self.pid(), "the private PostgreSQL server ended; it is started again");
            match self.home.bring_up().await {
                Ok((postmaster, _)) => {
                    self.postmaster = postmaster;
                    tracing::info!(pid = self.pid(), "the private PostgreSQL server is back");
                }
                Err(error) => {
                    tracing::error!(%error, "the private PostgreSQL server does not start");
                    sleep(START_AGAIN).await;
                }
            }
        }
    }

    /// How to connect to its database.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options().database(NAME)
    }

    /// Whether a server that already ran was taken over.
    #[must_use]
    pub fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// The postmaster's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.postmaster.pid()
    }

    /// Stops the server by PostgreSQL's fast shutdown: open transactions are rolled
    /// back, everything committed is kept.
    pub async fn stop(mut self) -> Result<(), PrivateServerError> {
        if self.postmaster.has_ended()
            && let Some(another) = Postmaster::running(&self.home.cluster)?
        {
            // `keep_up` was dropped while it started this one.
            self.postmaster = another;
        }
        self.postmaster.stop(STOP_TIMEOUT).await
    }

    fn options(&self) -> PgConnectOptions {
        options(&self.home.sockets)
    }
}

impl Home {
    /// Starts the server, or finds it running, and waits until it answers. Says whether it was found.
    async fn bring_up(&self) -> Result<(Postmaster, bool), PrivateServerError> {
        let mut log = Log::open(&self.folder)?;
        let deadline = Instant::now() + START_TIMEOUT;
        let running = Postmaster::running(&self.cluster)?;
        let mut adopted = running.is_some();
        let mut postmaster = match running {
            Some(postmaster) => postmaster,
            None => self.spawn(&log).await?,
        };
        loop {
            match timeout_at(deadline, ready(&mut postmaster, &self.sockets)).await {
                Ok(Ready::Yes) => return Ok((postmaster, adopted)),
                // The one that ran was just stopping; or backends of a killed one have not yet noticed.
                Ok(Ready::Ended)
                    if Instant::now() < deadline && (adopted || log.tail().contains("pre-existing shared memory")) =>
                {
                    sleep(LOOK_AGAIN).await;
                    adopted = false;
                    postmaster = self.spawn(&log).await?;
                }
                Ok(Ready::Ended) => return Err(log.not_ready("ended at its start")),
                Ok(Ready::Refused(why)) => return Err(log.not_ready(&format!("refused: {why}"))),
                Err(_) => {
                    let (pid, patience) = (postmaster.pid(), START_TIMEOUT.as_secs());
                    return Err(log.not_ready(&format!("(process {pid}) did not answer within {patience} s")));
                }
            }
        }
    }

    async fn spawn(&self, log: &Log) -> Result<Postmaster, PrivateServerError> {
        let Self { cluster, sockets, account, binaries, .. } = self;
        postmaster::disown_recycled_pid(account, cluster).await?;
        for leftover in [format!(".s.PGSQL.{PORT}"), format!(".s.PGSQL.{PORT}.lock")] {
            match std::fs::remove_file(sockets.join(leftover)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(doing("cannot clear", sockets)(error));
                }
                _ => {}
            }
        }
        let postgres = binaries.path("postgres");
        let mut command = account.command(&postgres, cluster);
        command.arg("-D").arg(cluster);
        // A list of folders, hence its own quotes.
        let quoted = sockets.to_string_lossy().replace('"', "\"\"");
        command.args(["-c", &format!("unix_socket_directories=\"{quoted}\"")]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let child = command
            // Ctrl-C in MycoPod's terminal is for MycoPod, which then stops the server.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.handle()?)
            .stderr(log.handle()?)
            .spawn()
            .map_err(doing("cannot run", &postgres))?;
        Postmaster::started(child, cluster)
    }
}

/// A program of the newest installed PostgreSQL.
#[cfg(feature = "testing")]
pub(crate) async fn newest_program(program: &str) -> Option<PathBuf> {
    Some(binaries::newest(|_| true).await?.path(program))
}

fn options(sockets: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(sockets).port(PORT).username(NAME)
}

fn lock(home: &Path) -> Result<File, PrivateServerError> {
    let folder = File::open(home).map_err(doing("cannot open", home))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(std::fs::TryLockError::WouldBlock) => Err(PrivateServerError::InUse { folder: home.to_path_buf() }),
        Err(std::fs::TryLockError::Error(error)) => Err(doing("cannot lock", home)(error)),
    }
}

/// `pg/run`, or a short folder where that path would be too long for a socket.
///
/// The short one's name follows from the long path, so that the next start finds it.
/// In `/tmp` anybody could have made it first: [`Account::make_private`] refuses any
/// that is a link or not the account's own, and the sticky bit keeps ours in place.
fn socket_folder(home: &Path) -> PathBuf {
    let usual = home.join("run");
    if fits_a_socket(&usual) {
        return usual;
    }
    let digest = Sha256::digest(home.as_os_str().as_bytes());
    let parent = match account::effective_uid() {
        0 => PathBuf::from("/run"),
        uid => PathBuf::from(format!("/run/user/{uid}")),
    };
    let parent = if parent.is_dir() { parent } else { PathBuf::from("/tmp") };
    parent.join(format!("mycopod-{}", hex::encode(&digest[..8])))
}

fn fits_a_socket(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{PORT}"));
    socket.as_os_str().len() <= MAX_SOCKET_PATH
}

/// Makes PostgreSQL's folder. It gets its final name when complete: a crash half-way
/// leaves nothing that looks like a database.
async fn init(account: &Account, binaries: &Binaries, home: &Path, cluster: &Path) -> Result<(), PrivateServerError> {
    let unfinished = home.join("data.unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(doing("cannot remove", &unfinished))?;
    }
    let initdb = binaries.path("initdb");
    let output = account
        .command(&initdb, home)
        .args(["--username", NAME, "--encoding", "UTF8", "--no-locale"])
        .args(["--auth-local", "trust", "--auth-host", "reject", "--pgdata"])
        .arg(&unfinished)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(doing("cannot run", &initdb))?;
    if !output.status.success() {
        return Err(PrivateServerError::Init {
            folder: home.to_path_buf(),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    std::fs::rename(&unfinished, cluster).map_err(doing("cannot rename", &unfinished))
}

enum Ready {
    Yes,
    Ended,
    Refused(sqlx::Error),
}

async fn ready(postmaster: &mut Postmaster, sockets: &Path) -> Ready {
    let options = options(sockets).database("postgres");
    loop {
        match PgConnection::connect_with(&options).await {
            Ok(connection) => {
                // Failing to say goodbye changes nothing: the server has answered.
                let _ = connection.close().await;
                return Ready::Yes;
            }
            Err(error) if !crate::is_not_yet(&error) => return Ready::Refused(error),
            Err(_) if postmaster.has_ended() => return Ready::Ended,
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

async fn create_database(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let found =
        sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(NAME).fetch_optional(&mut connection).await?;
    if found.is_none() {
        connection.execute("CREATE DATABASE mycopod").await?;
    }
    connection.close().await
}

/// The server's log file.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn open(home: &Path) -> Result<Self, PrivateServerError> {
        let path = home.join("server.log");
        if std::fs::symlink_metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES) {
            std::fs::rename(&path, home.join("server.log.old")).map_err(doing("cannot rename", &path))?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            // The folder is the account's: root follows no link laid there.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(doing("cannot open", &path))?;
        Ok(Self { path, file })
    }

    fn handle(&self) -> Result<File, PrivateServerError> {
        self.file.try_clone().map_err(doing("cannot open", &self.path))
    }

    fn tail(&mut self) -> String {
        let mut bytes = Vec::new();
        let from = self.file.metadata().map_or(0, |log| log.len().saturating_sub(LOG_TAIL_BYTES));
        match self.file.seek(SeekFrom::Start(from)).and_then(|_| self.file.read_to_end(&mut bytes)) {
            Ok(_) => String::from_utf8_lossy(&bytes).trim().to_owned(),
            Err(error) => format!("(unreadable: {error})"),
        }
    }

    fn not_ready(&mut self, problem: &str) -> PrivateServerError {
        PrivateServerError::NotReady { problem: problem.to_owned(), path: self.path.clone(), log: self.tail() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_of_107_bytes_fits_and_one_of_108_does_not() {
        let name = "/.s.PGSQL.5432".len();
        let longest = format!("/{}", "x".repeat(MAX_SOCKET_PATH - name - 1));
        assert!(fits_a_socket(Path::new(&longest)));
        assert!(!fits_a_socket(Path::new(&format!("{longest}x"))));
    }

    #[test]
    fn the_short_folder_follows_from_the_long_path() {
        let long = PathBuf::from(format!("/{}", "x".repeat(200)));
        let short = socket_folder(&long);
        assert!(fits_a_socket(&short));
        assert_eq!(short, socket_folder(&long));
        assert_ne!(short, socket_folder(&long.join("other")));
    }
}
