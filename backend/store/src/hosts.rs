//! The hosts of one PostgreSQL: one takes writes, the others follow it and may take its place.
//!
//! The pool connects to a relay in this process, over a unix socket; the relay passes each connection on to the host
//! that takes writes. When another one does, or a host falls silent with a question open, it hangs up: whoever waits
//! is told at once that the outcome is unknown, instead of after the quarter of an hour that TCP takes.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{fs, io};

use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, PgPool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A host that needs longer to be connected to, or to say whether it takes writes, is passed over.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How long a connection waits for a host that does not accept any; the pool's patience is a second longer.
const REACH_WITHIN: Duration = Duration::from_secs(4);
/// Between two tries of that.
const REACH_AGAIN: Duration = Duration::from_millis(100);
/// How often the host in use is asked whether it still takes writes.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A connection on which an answer is owed and nothing comes for so long is cut. No statement takes as long: the server
/// ends it after 10 s.
const SILENCE: Duration = Duration::from_secs(15);
/// What is passed on in one piece.
const PIECE: usize = 16 * 1024;
/// The folder beside the relay's socket where another one bears any silence.
const PATIENT: &str = "patient";
/// The most hosts: more would be asked for nothing.
const MAX_HOSTS: usize = 9;

/// How one PostgreSQL is reached: at least one host.
#[derive(Clone, Debug)]
pub struct Hosts(Vec<PgConnectOptions>);

impl From<PgConnectOptions> for Hosts {
    fn from(options: PgConnectOptions) -> Self {
        Self(vec![options])
    }
}

impl FromStr for Hosts {
    type Err = String;

    /// Reads `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?…`.
    fn from_str(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        let at = if user.is_empty() { "" } else { "@" };
        let path = without_attributes(path)?;
        let each = hosts.split(',').map(|host| {
            let url = format!("{scheme}://{user}{at}{host}{path}");
            PgConnectOptions::from_str(&url).map_err(|error| error.to_string())
        });
        let hosts = each.collect::<Result<Vec<_>, _>>()?;
        if hosts.len() > MAX_HOSTS { Err(format!("it names more than {MAX_HOSTS} hosts")) } else { Ok(Self(hosts)) }
    }
}

/// The path and its parameters without `target_session_attrs`: only a host that takes writes serves.
fn without_attributes(path: &str) -> Result<String, String> {
    let Some((path, query)) = path.split_once('?') else { return Ok(path.to_owned()) };
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
            Some(("target_session_attrs", other)) => {
                return Err(format!("target_session_attrs is {other}, and MycoPod writes: read-write it must be"));
            }
            _ => kept.push(pair),
        }
    }
    Ok(format!("{path}{}{}", if kept.is_empty() { "" } else { "?" }, kept.join("&")))
}

impl Hosts {
    /// The first host and the database, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let hosts: Vec<&str> = self.0.iter().map(PgConnectOptions::get_host).collect();
        format!("{} on {}", self.first().get_database().unwrap_or("?"), hosts.join(", "))
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &PgConnectOptions {
        &self.0[0]
    }

    /// Sets the same for all.
    pub(crate) fn map(self, set: impl Fn(PgConnectOptions) -> PgConnectOptions) -> Self {
        Self(self.0.into_iter().map(set).collect())
    }

    /// Whether there is anything to watch over: a single server on this machine is reached or is not.
    pub(crate) fn are_remote(&self) -> bool {
        self.0.len() > 1 || self.first().get_socket().is_none()
    }

    /// The host that takes writes. Of several it is the one that was made so last: one that was cut off may not know yet
    /// that it was replaced.
    async fn leader(&self) -> Option<(usize, PgConnection)> {
        let asked = join_all(self.0.iter().map(|host| timeout(ANSWER_WITHIN, leads(host)))).await;
        let answers = asked.into_iter().enumerate().filter_map(|(index, asked)| {
            let (timeline, connection) = asked.ok()??;
            Some((index, timeline, connection))
        });
        let newest = answers.max_by(|(a, old, _), (b, new, _)| old.cmp(new).then_with(|| b.cmp(a)))?;
        Some((newest.0, newest.2))
    }
}

/// The timeline of a host that takes writes.
async fn leads(host: &PgConnectOptions) -> Option<(String, PgConnection)> {
    let mut connection = PgConnection::connect_with(host).await.ok()?;
    let timeline = timeline(&mut connection).await?;
    Some((timeline, connection))
}

async fn timeline(connection: &mut PgConnection) -> Option<String> {
    let asked = sqlx::query_scalar::<_, Option<String>>(
        "SELECT CASE WHEN current_setting('transaction_read_only')::boolean OR pg_is_in_recovery() THEN NULL
             ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END",
    );
    asked.fetch_one(connection).await.ok()?
}

/// The same way to the database for what may take its time: migrations, whose statements have no bound.
pub(crate) fn patient(options: &PgConnectOptions) -> PgConnectOptions {
    let patient = options.get_socket().map(|directory| directory.join(PATIENT)).filter(|path| path.is_dir());
    patient.map_or_else(|| options.clone(), |directory| options.clone().socket(directory))
}

fn socket_in(directory: &Path, options: &PgConnectOptions) -> PathBuf {
    directory.join(format!(".s.PGSQL.{}", options.get_port()))
}

fn listen(options: &PgConnectOptions) -> io::Result<UnixListener> {
    let directory = options.get_socket().map_or(Path::new("."), PathBuf::as_path);
    UnixListener::bind(socket_in(directory, options))
}

/// A relay that runs until it is dropped.
pub(crate) struct Relay {
    directory: PathBuf,
    hosts: Hosts,
    leader: watch::Sender<usize>,
}

impl Relay {
    /// A relay to the hosts, and the options that lead to it.
    pub(crate) fn start(hosts: Hosts) -> io::Result<(Arc<Self>, PgConnectOptions)> {
        let directory = directory()?;
        let options = hosts.first().clone().socket(&directory);
        let (quick, patient) = (listen(&options)?, listen(&patient(&options))?);
        let relay = Arc::new(Self { directory, hosts, leader: watch::channel(0).0 });
        tokio::spawn(accept(Arc::downgrade(&relay), quick, Some(SILENCE)));
        tokio::spawn(accept(Arc::downgrade(&relay), patient, None));
        Ok((relay, options))
    }

    /// Whether there is no other host to turn to.
    pub(crate) fn is_alone(&self) -> bool {
        self.hosts.0.len() == 1
    }

    /// Sees to it that connections lead to the host that takes writes, until the pool is closed.
    pub(crate) async fn watch(self: Arc<Self>, pool: PgPool) {
        let closed = pool.close_event();
        tokio::pin!(closed);
        let mut asked = None;
        loop {
            tokio::select! {
                () = &mut closed => return,
                () = sleep(ASK_EVERY) => {}
            }
            let still = match &mut asked {
                Some(connection) => matches!(timeout(ANSWER_WITHIN, timeline(connection)).await, Ok(Some(_))),
                None => false,
            };
            if !still {
                asked = self.find().await;
            }
        }
    }

    /// Looks for the host that takes writes, and turns to it.
    pub(crate) async fn find(&self) -> Option<PgConnection> {
        let (index, connection) = self.hosts.leader().await?;
        self.leader.send_if_modified(|leader| {
            let moved = *leader != index;
            if moved {
                let host = &self.hosts.0[index];
                tracing::warn!(
                    host = host.get_host(),
                    port = host.get_port(),
                    "PostgreSQL takes writes on another host now"
                );
            }
            *leader = index;
            moved
        });
        Some(connection)
    }

    async fn pass_on(&self, client: UnixStream, silence: Option<Duration>) {
        let mut leader = self.leader.subscribe();
        let Some(server) = self.reach(&mut leader).await else { return };
        let passed = async {
            match server {
                Server::Here(server) => relay(client, server, silence).await,
                Server::There(server) => relay(client, server, silence).await,
            }
        };
        tokio::select! {
            passed = passed => {
                if let Err(error) = passed {
                    tracing::debug!(%error, "a connection to the database broke off");
                }
            }
            _ = leader.changed() => {}
        }
    }

    /// A connection to the host that takes writes, tried again for a while: one that restarts is not felt.
    async fn reach(&self, leader: &mut watch::Receiver<usize>) -> Option<Server> {
        let deadline = Instant::now() + REACH_WITHIN;
        loop {
            let host = self.hosts.0[*leader.borrow_and_update()].clone();
            match timeout(ANSWER_WITHIN, Server::connect(&host)).await {
                Ok(Ok(server)) => return Some(server),
                _ if Instant::now() >= deadline => return None,
                _ => sleep(REACH_AGAIN).await,
            }
        }
    }
}

/// A connection to a host.
enum Server {
    Here(UnixStream),
    There(TcpStream),
}

impl Server {
    async fn connect(host: &PgConnectOptions) -> io::Result<Self> {
        if let Some(directory) = host.get_socket() {
            return UnixStream::connect(socket_in(directory, host)).await.map(Self::Here);
        }
        let name = host.get_host().trim_matches(['[', ']']);
        let server = TcpStream::connect((name, host.get_port())).await?;
        server.set_nodelay(true)?;
        Ok(Self::There(server))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // What cannot be removed is found empty of meaning by whoever comes next.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

async fn accept(relay: Weak<Relay>, listener: UnixListener, silence: Option<Duration>) {
    loop {
        let accepted = listener.accept().await;
        let Some(relay) = relay.upgrade() else { return };
        match accepted {
            Ok((client, _)) => {
                tokio::spawn(async move { relay.pass_on(client, silence).await });
            }
            Err(error) => {
                // Out of file descriptors: open connections have to end first.
                tracing::warn!(%error, "a connection to the database could not be made");
                sleep(ASK_EVERY).await;
            }
        }
    }
}

/// Passes bytes on in both directions until one side ends, or the server owes an answer for too long.
async fn relay<S>(client: UnixStream, server: S, silence: Option<Duration>) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut asked, mut answered) = (vec![0; PIECE], vec![0; PIECE]);
    let mut owed: Option<Instant> = None;
    loop {
        let silent = async {
            match owed.zip(silence) {
                Some((since, silence)) => sleep_until(since + silence).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let length = read?;
                if length == 0 {
                    return to_server.shutdown().await;
                }
                timeout(SILENCE, to_server.write_all(&asked[..length])).await??;
                owed = Some(Instant::now());
            }
            read = from_server.read(&mut answered) => {
                let length = read?;
                if length == 0 {
                    return to_client.shutdown().await;
                }
                to_client.write_all(&answered[..length]).await?;
                // Each request is answered to its end, which is a message of its own; a long answer shows life.
                owed = None;
            }
            () = silent => return Err(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer")),
        }
    }
}

/// How directories of this kind are called, before the number of their process.
const NAME: &str = "mycopod-relay";

/// Removes what processes left behind that were killed. What is another user's stays.
fn sweep(within: &Path) {
    let Ok(entries) = fs::read_dir(within) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(NAME)?.strip_prefix('-')?.split_once('-'));
        let process = process.and_then(|(process, _)| process.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists())
            && let Err(error) = remove(&entry.path())
        {
            tracing::debug!(%error, "a directory of a process that is gone was not removed");
        }
    }
}

/// A directory of this process alone.
fn directory() -> io::Result<PathBuf> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    let within = std::env::temp_dir();
    sweep(&within);
    let path = within.join(format!("{NAME}-{}-{number}", std::process::id()));
    // Of a process of the same number that was killed.
    remove(&path)?;
    fs::DirBuilder::new().mode(0o700).create(&path)?;
    fs::DirBuilder::new().mode(0o700).create(path.join(PATIENT))?;
    Ok(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<(String, u16)> {
        let hosts = url.parse::<Hosts>().unwrap().0;
        hosts.iter().map(|host| (host.get_host().to_owned(), host.get_port())).collect()
    }

    #[test]
    fn what_a_killed_process_left_behind_is_removed_and_nothing_else() {
        let within = tempfile::tempdir().unwrap();
        let at = |name: &str| within.path().join(name);
        let own = format!("{NAME}-{}-0", std::process::id());
        // No process has a number that high.
        let gone = format!("{NAME}-4194305-0");
        for name in [own.as_str(), &gone, "other-4194305-0", "mycopod-relay"] {
            fs::create_dir(at(name)).unwrap();
        }
        sweep(within.path());
        assert!(!at(&gone).exists());
        assert!([own.as_str(), "other-4194305-0", "mycopod-relay"].iter().all(|name| at(name).exists()));
    }

    #[test]
    fn hosts_stand_side_by_side_with_commas_between_them() {
        let one = |host: &str, port| (host.to_owned(), port);
        assert_eq!(hosts("postgres://u:p@db/x"), [one("db", 5432)]);
        let three = "postgres://u:p%40@db1:6001,db2,[::1]:6003/x?target_session_attrs=read-write&sslmode=disable";
        assert_eq!(hosts(three), [one("db1", 6001), one("db2", 5432), one("[::1]", 6003)]);
        let parsed = three.parse::<Hosts>().unwrap();
        assert!(parsed.0.iter().all(|host| host.get_database() == Some("x") && host.get_username() == "u"));
        assert!("postgres://a,b/x?target_session_attrs=standby".parse::<Hosts>().is_err());
        assert!(format!("postgres://{}/x", ["a"; 10].join(",")).parse::<Hosts>().is_err());
        assert!("db1,db2".parse::<Hosts>().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_owes_an_answer_for_too_long_is_hung_up_on() {
        let (mut asking, client) = UnixStream::pair().unwrap();
        let (server, mut silent) = tokio::io::duplex(PIECE);
        let passing = tokio::spawn(relay(client, server, Some(SILENCE)));
        asking.write_all(b"question").await.unwrap();
        let mut heard = [0; 8];
        silent.read_exact(&mut heard).await.unwrap();
        silent.write_all(b"answered").await.unwrap();
        asking.read_exact(&mut heard).await.unwrap();
        // Nothing is owed: any silence is borne.
        sleep(SILENCE * 10).await;
        assert!(!passing.is_finished());
        asking.write_all(b"question").await.unwrap();
        let error = passing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
