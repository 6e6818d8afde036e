//! As much of PostgreSQL's protocol as it takes to stand between a client and a server.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// The longest that the server takes for an answer, unless it waits for a lock.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// After this it is asked whether it waits for a lock.
const LOOKS_LOCKED: Duration = Duration::from_millis(3);
/// No name of a label is longer.
const LABEL: usize = 72;

/// What a server said to one exchange.
#[derive(Debug, Default)]
pub struct Reply {
    /// All of it, as it came.
    pub bytes: Vec<u8>,
    /// How the last command ended: `UPDATE 1`, `COMMIT`.
    pub tag: String,
    /// `I` outside of a transaction, `T` within one, `E` within one that failed.
    pub status: u8,
    /// Rows as text; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// The server's error.
    pub error: Option<String>,
}

/// Where the server is and how one logs in.
#[derive(Clone, Debug)]
pub struct Address {
    socket: PathBuf,
    startup: Vec<u8>,
}

impl Address {
    /// The server and database of `options`, with a search path that lets the lab's clock stand before the database's.
    #[must_use]
    pub fn new(options: &PgConnectOptions, search_path: &str) -> Self {
        let folder = options.get_socket().cloned().unwrap_or_else(|| PathBuf::from(options.get_host()));
        let socket = folder.join(format!(".s.PGSQL.{}", options.get_port()));
        let search_path = format!("-c search_path={search_path}");
        let parameters = [
            ("user", options.get_username()),
            ("database", options.get_database().unwrap_or("postgres")),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("extra_float_digits", "2"),
            ("options", &search_path),
        ];
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in parameters {
            body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        body.push(0);
        let mut startup = length(body.len() + 4).to_vec();
        startup.extend(body);
        Self { socket, startup }
    }
}

fn length(of: usize) -> [u8; 4] {
    u32::try_from(of).unwrap_or(u32::MAX).to_be_bytes()
}

/// A connection to the server. It is used in one thread and waits for its answers, so that nothing else happens
/// meanwhile.
#[derive(Debug)]
pub struct Server {
    stream: UnixStream,
    /// What was read of an answer that is not whole yet.
    read: Vec<u8>,
    /// The server's process.
    pub pid: i32,
    /// What it said when we came in.
    pub greeting: Vec<u8>,
}

impl Server {
    /// Logs in.
    pub fn connect(address: &Address) -> io::Result<Self> {
        let stream = connect(&address.socket)?;
        let mut server = Self { stream, read: Vec::new(), pid: 0, greeting: Vec::new() };
        server.send(&address.startup)?;
        let reply = server.receive_within(ANSWERS_WITHIN)?.ok_or_else(|| io::Error::from(ErrorKind::TimedOut))?;
        if let Some(error) = reply.error {
            return Err(io::Error::other(error));
        }
        for (kind, body) in messages(&reply.bytes) {
            if let (b'K', Some(pid)) = (kind, body.first_chunk::<4>()) {
                server.pid = i32::from_be_bytes(*pid);
            }
        }
        server.greeting = reply.bytes;
        Ok(server)
    }

    /// Sends one exchange's messages.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The answer, or `None` where the server takes so long that it may wait for a lock.
    pub fn receive(&mut self) -> io::Result<Option<Reply>> {
        self.receive_within(LOOKS_LOCKED)
    }

    /// The answer of a server that waits for nobody.
    pub fn receive_all(&mut self) -> io::Result<Reply> {
        self.receive_within(ANSWERS_WITHIN)?.ok_or_else(|| io::Error::from(ErrorKind::TimedOut))
    }

    fn receive_within(&mut self, time: Duration) -> io::Result<Option<Reply>> {
        self.stream.set_read_timeout(Some(time))?;
        let mut part = [0; 16_384];
        loop {
            if let Some(reply) = whole(&self.read) {
                self.read.clear();
                return Ok(Some(reply));
            }
            match self.stream.read(&mut part) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.read.extend(&part[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Carries out statements of the lab's own, and gives the rows.
    ///
    /// # Panics
    /// Where the server refuses: the lab itself is wrong.
    pub fn run(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut message = vec![b'Q'];
        message.extend(length(sql.len() + 5));
        message.extend(sql.as_bytes());
        message.push(0);
        let reply = self.send(&message).and_then(|()| self.receive_all()).expect("the lab’s connection holds");
        assert!(reply.error.is_none(), "{}: {sql}", reply.error.unwrap_or_default());
        reply.rows
    }
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(ANSWERS_WITHIN))?;
    Ok(stream)
}

/// The messages in `bytes`, as far as they are whole.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first()?;
        let size = u32::from_be_bytes(*after.first_chunk::<4>()?) as usize;
        let body = after.get(4..size)?;
        rest = &after[size..];
        Some((*kind, body))
    })
}

/// The answer, once the server is ready for the next question.
fn whole(bytes: &[u8]) -> Option<Reply> {
    let mut reply = Reply::default();
    for (kind, body) in messages(bytes) {
        match kind {
            b'C' => reply.tag = text(body).0,
            b'D' => reply.rows.push(row(body)),
            b'E' => reply.error = Some(error(body)),
            b'Z' => reply.status = body.first().copied().unwrap_or_default(),
            _ => {}
        }
    }
    (reply.status != 0).then(|| Reply { bytes: bytes.to_vec(), ..reply })
}

fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 1..).unwrap_or_default())
}

fn error(mut body: &[u8]) -> String {
    let mut parts = BTreeMap::new();
    while let Some((kind, rest)) = body.split_first().filter(|(kind, _)| **kind != 0) {
        let (value, rest) = text(rest);
        parts.insert(*kind, value);
        body = rest;
    }
    format!("{}: {}", parts.get(&b'C').map_or("", |s| s), parts.get(&b'M').map_or("", |s| s))
}

fn row(body: &[u8]) -> Vec<Option<String>> {
    let mut rest = body.get(2..).unwrap_or_default();
    std::iter::from_fn(|| {
        let size = i32::from_be_bytes(*rest.first_chunk::<4>()?);
        rest = &rest[4..];
        let Ok(size) = usize::try_from(size) else { return Some(None) };
        let value = String::from_utf8_lossy(rest.get(..size)?).into_owned();
        rest = &rest[size..];
        Some(Some(value))
    })
    .collect()
}

/// What a client asks for at once: its messages up to where it waits for an answer.
#[derive(Debug)]
pub struct Question {
    /// Its messages.
    pub bytes: Vec<u8>,
    /// The statements in it.
    pub sql: String,
    /// Whether anything is carried out, or a statement is only made ready.
    pub runs: bool,
}

impl Question {
    /// The statements, short enough for one line.
    #[must_use]
    pub fn label(&self) -> String {
        let words: Vec<&str> = self.sql.split_whitespace().collect();
        let words = words.join(" ");
        // What writes under a lease begins with looking for it.
        let own = words.strip_prefix("WITH held AS (").and_then(|rest| rest.split_once(") "));
        own.map_or(words.as_str(), |(_, own)| own).chars().take(LABEL).collect()
    }
}

/// Takes what a client sends apart.
#[derive(Debug, Default)]
pub struct Client {
    unread: Vec<u8>,
    /// Statements that were made ready, by name.
    ready: BTreeMap<String, String>,
    /// Whether it said goodbye.
    pub left: bool,
}

impl Client {
    /// Takes what has arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
    }

    /// The next question that is whole.
    pub fn question(&mut self) -> Option<Question> {
        let mut question = Question { bytes: Vec::new(), sql: String::new(), runs: false };
        let (mut size, mut is_whole) = (0, false);
        for (kind, body) in messages(&self.unread) {
            size += body.len() + 5;
            match kind {
                b'Q' => {
                    (question.sql, question.runs, is_whole) = (text(body).0, true, true);
                }
                b'P' => {
                    let (name, rest) = text(body);
                    let (sql, _) = text(rest);
                    question.sql.clone_from(&sql);
                    self.ready.insert(name, sql);
                }
                b'B' => {
                    let (_, rest) = text(body);
                    question.sql = self.ready.get(&text(rest).0).cloned().unwrap_or_default();
                }
                b'E' => question.runs = true,
                b'S' => is_whole = true,
                b'X' => self.left = true,
                _ => {}
            }
            if is_whole || self.left {
                break;
            }
        }
        if !is_whole {
            return None;
        }
        question.bytes = self.unread.drain(..size).collect();
        Some(question)
    }
}

/// The parameters with which a client comes in: the value of `application_name`.
#[must_use]
pub fn application(startup: &[u8]) -> String {
    let mut rest = startup.get(8..).unwrap_or_default();
    while !rest.is_empty() {
        let (name, after) = text(rest);
        let (value, after) = text(after);
        if name == "application_name" {
            return value;
        }
        rest = after;
    }
    String::new()
}
