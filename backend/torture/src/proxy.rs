//! Stands between the engines and PostgreSQL, so that nothing reaches it unless the lab wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, oneshot};

use crate::gate::{Ask, Gate, Query};
use crate::wire::{Address, Client, Question, Reply, Server, application};

/// The proxy's port; only its name matters.
const PORT: u16 = 5432;
/// A replica's name in `application_name`, before its number.
const REPLICA: &str = "replica-";

/// The name under which a replica comes to the database.
#[must_use]
pub fn name(replica: usize) -> String {
    format!("{REPLICA}{replica}")
}

/// How an exchange with the database ended.
#[derive(Debug)]
pub enum Exchanged {
    /// It was answered.
    Answered(Reply),
    /// It waits for a lock that another connection holds.
    Blocked,
    /// The connection is cut.
    Gone,
}

/// One connection of a replica.
struct Connection {
    replica: usize,
    server: Option<Server>,
    status: u8,
    /// The statements of the transaction so far.
    transaction: Vec<String>,
    /// Whether an answer is still to come.
    is_busy: bool,
    cut: Arc<Notify>,
}

struct Shared {
    address: Address,
    gate: Arc<Gate>,
    connections: Mutex<BTreeMap<u64, Connection>>,
    /// Connections to the server that nobody uses: making one takes longer than all else.
    spare: Mutex<Vec<Server>>,
    refused: Mutex<BTreeSet<usize>>,
    serial: Mutex<u64>,
}

/// The proxy.
#[derive(Clone)]
pub struct Proxy(Arc<Shared>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy that listens in `folder`.
    pub fn start(folder: &Path, address: Address, gate: Arc<Gate>) -> io::Result<Self> {
        let listener = UnixListener::bind(folder.join(format!(".s.PGSQL.{PORT}")))?;
        let proxy = Self(Arc::new(Shared {
            address,
            gate,
            connections: Mutex::default(),
            spare: Mutex::default(),
            refused: Mutex::default(),
            serial: Mutex::default(),
        }));
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let proxy = serving.clone();
                tokio::spawn(async move {
                    // A client that goes away in the midst is as one that was killed.
                    let _ = proxy.serve(stream).await;
                });
            }
        });
        Ok(proxy)
    }

    /// How a replica connects.
    #[must_use]
    pub fn options(folder: &Path, replica: usize) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(folder)
            .port(PORT)
            .username("lab")
            .database("lab")
            .ssl_mode(PgSslMode::Disable)
            .application_name(&name(replica))
    }

    async fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        let size = stream.read_u32().await? as usize;
        let mut startup = vec![0; size.saturating_sub(4).min(4096)];
        stream.read_exact(&mut startup).await?;
        let startup = [&[0; 4][..], &startup].concat();
        let replica = application(&startup).strip_prefix(REPLICA).and_then(|n| n.parse().ok());
        let Some(replica) = replica.filter(|replica| !lock(&self.0.refused).contains(replica)) else { return Ok(()) };
        let mut server = match lock(&self.0.spare).pop() {
            Some(server) => server,
            None => Server::connect(&self.0.address)?,
        };
        server.run(&format!("SET application_name = '{}'", name(replica)));
        stream.write_all(&server.greeting).await?;
        let id = {
            let mut serial = lock(&self.0.serial);
            *serial += 1;
            *serial
        };
        let cut = Arc::new(Notify::new());
        let connection = Connection {
            replica,
            server: Some(server),
            status: b'I',
            transaction: Vec::new(),
            is_busy: false,
            cut: Arc::clone(&cut),
        };
        lock(&self.0.connections).insert(id, connection);
        let end = tokio::select! {
            end = self.pass(id, replica, &mut stream) => end,
            () = cut.notified() => Ok(()),
        };
        self.close(id);
        end
    }

    async fn pass(&self, id: u64, replica: usize, stream: &mut UnixStream) -> io::Result<()> {
        let mut client = Client::default();
        let mut part = vec![0; 16_384];
        while !client.left {
            let n = stream.read(&mut part).await?;
            if n == 0 {
                return Ok(());
            }
            client.feed(&part[..n]);
            while let Some(question) = client.question() {
                let reply = if changes_nothing(&question) {
                    let mut exchanged = self.exchange(id, &question);
                    while let Exchanged::Blocked = exchanged {
                        exchanged = self.receive(id);
                    }
                    match exchanged {
                        Exchanged::Answered(reply) => Some(reply.bytes),
                        Exchanged::Blocked | Exchanged::Gone => None,
                    }
                } else {
                    let (reply, replied) = oneshot::channel();
                    let label = question.label();
                    self.0.gate.arrive(replica, label, Ask::Database(Query { connection: id, question, reply }));
                    replied.await.ok()
                };
                let Some(reply) = reply else { return Ok(()) };
                stream.write_all(&reply).await?;
            }
        }
        Ok(())
    }

    /// How many connections there have been.
    #[must_use]
    pub fn opened(&self) -> u64 {
        *lock(&self.0.serial)
    }

    /// Carries an exchange out.
    #[must_use]
    pub fn exchange(&self, id: u64, question: &Question) -> Exchanged {
        let mut connections = lock(&self.0.connections);
        let Some(connection) = connections.get_mut(&id) else { return Exchanged::Gone };
        let Some(server) = &mut connection.server else { return Exchanged::Gone };
        if connection.status != b'I' || question.sql.starts_with("BEGIN") {
            connection.transaction.push(question.label());
        }
        match server.send(&question.bytes) {
            Ok(()) => connection.receive(),
            Err(_) => Exchanged::Gone,
        }
    }

    /// The answer that was still to come, if it has.
    #[must_use]
    pub fn receive(&self, id: u64) -> Exchanged {
        lock(&self.0.connections).get_mut(&id).map_or(Exchanged::Gone, Connection::receive)
    }

    /// The server's process at the other end of a connection.
    #[must_use]
    pub fn pid(&self, id: u64) -> Option<i32> {
        lock(&self.0.connections).get(&id)?.server.as_ref().map(|server| server.pid)
    }

    /// The statements of the transaction that a connection is in.
    #[must_use]
    pub fn transaction(&self, id: u64) -> Vec<String> {
        lock(&self.0.connections).get(&id).map(|connection| connection.transaction.clone()).unwrap_or_default()
    }

    /// Cuts one connection, at both ends.
    pub fn cut(&self, id: u64) {
        if let Some(connection) = lock(&self.0.connections).get_mut(&id) {
            let server = connection.server.take();
            connection.cut.notify_one();
            self.recycle(server, connection.status, connection.is_busy);
        }
    }

    /// Cuts all connections of a replica; it gets no new ones.
    pub fn cut_off(&self, replica: usize) {
        lock(&self.0.refused).insert(replica);
        for id in self.of(replica) {
            self.cut(id);
        }
    }

    /// Lets a replica of that number in.
    pub fn admit(&self, replica: usize) {
        lock(&self.0.refused).remove(&replica);
    }

    /// What PostgreSQL does to sessions that idle in a transaction for too long. The client does not notice before it
    /// asks something.
    pub fn end_transactions(&self, replica: usize) {
        for id in self.of(replica) {
            if let Some(connection) = lock(&self.0.connections).get_mut(&id).filter(|found| found.status != b'I') {
                let server = connection.server.take();
                self.recycle(server, connection.status, connection.is_busy);
            }
        }
    }

    /// Whether any connection is in a transaction.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        lock(&self.0.connections).values().any(|found| found.server.is_some() && found.status != b'I')
    }

    /// The connections of a replica.
    #[must_use]
    pub fn of(&self, replica: usize) -> Vec<u64> {
        let connections = lock(&self.0.connections);
        connections.iter().filter(|(_, found)| found.replica == replica).map(|(id, _)| *id).collect()
    }

    fn close(&self, id: u64) {
        if let Some(mut connection) = lock(&self.0.connections).remove(&id) {
            let server = connection.server.take();
            self.recycle(server, connection.status, connection.is_busy);
        }
    }

    fn recycle(&self, server: Option<Server>, status: u8, is_busy: bool) {
        // One that waits for a lock is ended by its going.
        let Some(mut server) = server.filter(|_| !is_busy) else { return };
        if status != b'I' {
            server.run("ROLLBACK");
        }
        server.run("DISCARD ALL");
        lock(&self.0.spare).push(server);
    }
}

impl Connection {
    fn receive(&mut self) -> Exchanged {
        let Some(server) = &mut self.server else { return Exchanged::Gone };
        match server.receive() {
            Ok(Some(reply)) => {
                self.is_busy = false;
                self.status = reply.status;
                if self.status == b'I' {
                    self.transaction.clear();
                }
                Exchanged::Answered(reply)
            }
            Ok(None) => {
                self.is_busy = true;
                Exchanged::Blocked
            }
            Err(_) => {
                self.server = None;
                Exchanged::Gone
            }
        }
    }
}

/// What a `SELECT` says that may wait for somebody else's transaction. It must come to the gate: answered at once, it would
/// wait here for one that the lab keeps waiting.
const LOCKS: [&str; 5] = ["FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE", "pg_advisory"];

/// Whether a question neither changes anything nor waits for anybody: it is answered at once, as its place among the
/// others matters to nobody but itself.
fn changes_nothing(question: &Question) -> bool {
    let sql = question.sql.trim_start();
    !question.runs || (sql.starts_with("SELECT") && !LOCKS.iter().any(|lock| sql.contains(lock)))
}
