//! The way to a running server: its address, the session and the HTTP calls.

use std::fs::{DirBuilder, File};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mycopod_core::ports::Clock as _;
use mycopod_engine::clock::SystemClock;
use reqwest::header::{CONTENT_LENGTH, COOKIE, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::config::{ClientConfig, ConfigError};
use crate::exit::Exit;
use crate::output::Text;

/// Where `mycopod serve` listens when nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:4000";
/// A server on the same network answers within a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server waits at most 30 s for a declaration to change; the rest is room.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Long enough for a large image over a slow line.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(6);
/// How often what is done once, however often it is sent, is sent where its answer got lost.
const TRIES: u32 = 4;
/// The pause before it is sent again: together the pauses outlast a restart of the server.
const PAUSE: Duration = Duration::from_secs(2);
/// The cookie that renews a session.
const REFRESH_COOKIE: &str = "mycopod_refresh";
/// The header with the key under which something is done once.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Why a call to the server did not succeed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server does not answer.
    #[error("{url} does not answer: {why}. Is `mycopod serve` running there? MYCOPOD_URL names another address")]
    Unreachable {
        /// Its address.
        url: String,
        /// The transport's reason.
        why: String,
    },
    /// The connection broke after the call was sent: it may have been carried out.
    #[error(
        "{url} broke off before it answered: {why}. What was asked may have been done: look, e.g. with `mycopod status`, \
         before you ask for it again"
    )]
    BrokenOff {
        /// Its address.
        url: String,
        /// The transport's reason.
        why: String,
    },
    /// Nobody is logged in.
    #[error("not logged in to {url}. Log in with `mycopod login`, or set MYCOPOD_TOKEN")]
    NotLoggedIn {
        /// The server.
        url: String,
    },
    /// The server said no.
    #[error("{}{}", .0.detail, fields(.0))]
    Problem(Box<Problem>),
    /// It answered something that is not its API's.
    #[error("{url} answered something that is not MycoPod’s: {why}")]
    Malformed {
        /// Its address.
        url: String,
        /// What was wrong.
        why: String,
    },
    /// The session file cannot be handled.
    #[error("the session file {} cannot be used: {source}", path.display())]
    SessionFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no home folder.
    #[error("HOME is not set: there is no place to keep a session. Set MYCOPOD_TOKEN instead")]
    NoHome,
}

/// Problem details (RFC 9457).
#[derive(Debug, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    #[serde(default)]
    pub detail: Text,
    /// The kind of problem.
    #[serde(default)]
    pub code: String,
    /// What is wrong with single fields.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
    /// The declaration with its new plan, where the old one no longer holds.
    pub declaration: Option<Value>,
}

/// What is wrong with a field of a request.
#[derive(Debug, Deserialize)]
pub struct FieldProblem {
    /// The field.
    pub field: Text,
    /// What is wrong with it.
    pub message: Text,
}

/// What is wrong with each field, where that is not told already.
fn fields(problem: &Problem) -> String {
    let untold = problem.errors.iter().filter(|error| error.message != problem.detail);
    let lines: Vec<String> = untold.map(|error| format!("\n  {}: {}", error.field, error.message)).collect();
    lines.concat()
}

impl ClientError {
    /// The exit code that tells scripts the same.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::BrokenOff { .. } => Exit::Unreachable,
            Self::NotLoggedIn { .. } | Self::NoHome => Exit::NotAllowed,
            Self::Problem(problem) => match problem.status {
                401 | 403 => Exit::NotAllowed,
                409 if problem.code == "stale" => Exit::Stale,
                503 => Exit::Unreachable,
                _ => Exit::Error,
            },
            Self::Usage(_) => Exit::Usage,
            Self::Config(_) | Self::Malformed { .. } | Self::SessionFile { .. } => Exit::Error,
        }
    }
}

/// A session as `mycopod login` keeps it.
#[derive(Serialize, Deserialize)]
struct Session {
    url: String,
    token: String,
    refresh: String,
}

/// What `/login` and `/refresh` answer.
#[derive(Deserialize)]
struct Granted {
    token: String,
    user: GrantedUser,
}

#[derive(Deserialize)]
struct GrantedUser {
    email: Text,
    role: Text,
}

/// Who was logged in.
pub struct Welcome {
    /// Their address.
    pub email: Text,
    /// `Admin` or `User`.
    pub role: Text,
}

/// A client of one server.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<SecretString>,
    /// The saved session that the token came from; it can be renewed.
    session: Option<PathBuf>,
}

impl Client {
    /// The client that the environment or the saved session describes.
    pub fn new(config: &ClientConfig) -> Result<Self, ClientError> {
        let saved = match &config.session_file {
            Some(path) => SessionFile::open(path)?.map(|mut file| file.read()).transpose()?.flatten(),
            None => None,
        };
        let url = config
            .url
            .clone()
            .or_else(|| saved.as_ref().map(|session| session.url.clone()))
            .unwrap_or_else(|| DEFAULT_URL.to_owned());
        // A session's token is for the server that gave it and for no other.
        let saved = saved.filter(|session| session.url == url && config.token.is_none());
        let session = saved.as_ref().and(config.session_file.clone());
        let token = config.token.clone().or_else(|| saved.map(|session| session.token.into()));
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            // The API redirects nowhere; following would carry the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mycopod-cli/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Unreachable { url: url.clone(), why: error.to_string() })?;
        Ok(Self { http, url, token, session })
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Logs in and keeps the session in `file`.
    pub async fn login(&self, file: &Path, email: &str, password: &SecretString) -> Result<Welcome, ClientError> {
        let body = json!({ "email": email, "password": password.expose_secret() });
        let answer = self.send(self.request(Method::POST, "/login").json(&body)).await?;
        let (session, welcome) = self.granted(answer).await?;
        SessionFile::create(file)?.write(&session)?;
        Ok(welcome)
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(Method::GET, path, None).await
    }

    /// `POST`, with a body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// `POST` of what is to be done once: it goes with a key by which the server knows it again, and is sent again where the
    /// answer got lost.
    pub async fn post_once(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let mut drawn = [0; 16];
        SystemClock.random(&mut drawn);
        let key = Uuid::from_bytes(drawn).to_string();
        let mut tries = 1;
        let answer = loop {
            match self.authorised(Method::POST, path, Some(body), Some(&key)).await {
                // Once it was sent, a server that is just being restarted may have it.
                Err(ClientError::BrokenOff { .. }) if tries < TRIES => {}
                Err(ClientError::Unreachable { .. }) if tries > 1 && tries < TRIES => {}
                answer => break answer?,
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        };
        answer.json().await.map_err(|error| self.malformed(&error))
    }

    /// `PATCH`, with a body.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// `PUT`, with a body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.json(Method::DELETE, path, None).await
    }

    /// `POST`, with a file as its body.
    pub async fn upload(&self, path: &str, file: tokio::fs::File, size: u64) -> Result<Value, ClientError> {
        // Where the session has run out it is renewed first: the file is read once.
        let token = self.token.clone().ok_or_else(|| ClientError::NotLoggedIn { url: self.url.clone() })?;
        let known = self.request(Method::GET, "/clusters").bearer_auth(token.expose_secret());
        let token = match (self.send(known).await, &self.session) {
            (Err(ClientError::Problem(problem)), Some(file)) if problem.status == 401 => {
                self.renew(file, &token).await?
            }
            (end, _) => end.map(|_| token)?,
        };
        let request = self
            .request(Method::POST, path)
            .timeout(UPLOAD_TIMEOUT)
            .bearer_auth(token.expose_secret())
            .header(CONTENT_LENGTH, size)
            .body(reqwest::Body::wrap_stream(ReaderStream::new(file)));
        let answer = self.send(request).await?;
        answer.json().await.map_err(|error| self.malformed(&error))
    }

    /// `GET`, for an answer that may be long: to be read piece by piece.
    pub async fn stream(&self, path: &str) -> Result<Response, ClientError> {
        self.authorised(Method::GET, path, None, None).await
    }

    /// Turns an answer into what is shown of it.
    pub fn parse<T: DeserializeOwned>(&self, value: &Value) -> Result<T, ClientError> {
        T::deserialize(value).map_err(|error| self.malformed(&error))
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let answer = self.authorised(method, path, body, None).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        answer.json().await.map_err(|error| self.malformed(&error))
    }

    /// Sends a call as the person logged in, and renews the session once where it has run out.
    async fn authorised(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Response, ClientError> {
        let token = self.token.clone().ok_or_else(|| ClientError::NotLoggedIn { url: self.url.clone() })?;
        let call = |token: &SecretString| {
            let mut request = self.request(method.clone(), path).bearer_auth(token.expose_secret());
            if let Some(key) = key {
                request = request.header(IDEMPOTENCY_KEY, key);
            }
            self.send(match body {
                Some(body) => request.json(body),
                None => request,
            })
        };
        match (call(&token).await, &self.session) {
            (Err(ClientError::Problem(problem)), Some(file)) if problem.status == 401 => {
                call(&self.renew(file, &token).await?).await
            }
            (Err(ClientError::Problem(problem)), None) if problem.status == 401 => {
                Err(ClientError::NotLoggedIn { url: self.url.clone() })
            }
            (answer, _) => answer,
        }
    }

    /// A new token for the saved session. The file stays locked meanwhile: a refresh cookie is good once, and of two
    /// commands at a time the second takes what the first was given.
    async fn renew(&self, path: &Path, old: &SecretString) -> Result<SecretString, ClientError> {
        let not_logged_in = || ClientError::NotLoggedIn { url: self.url.clone() };
        let mut file = SessionFile::open(path)?.ok_or_else(not_logged_in)?;
        let saved = file.read()?.ok_or_else(not_logged_in)?;
        if saved.token != old.expose_secret() {
            return Ok(saved.token.into());
        }
        let cookie = format!("{REFRESH_COOKIE}={}", saved.refresh);
        let request = self.request(Method::POST, "/refresh").header(COOKIE, cookie);
        match self.send(request).await {
            Ok(answer) => {
                let (session, _) = self.granted(answer).await?;
                file.write(&session)?;
                Ok(session.token.into())
            }
            Err(ClientError::Problem(problem)) if problem.status == 401 => Err(not_logged_in()),
            Err(error) => Err(error),
        }
    }

    async fn granted(&self, answer: Response) -> Result<(Session, Welcome), ClientError> {
        let refresh = answer.headers().get_all(SET_COOKIE).iter().find_map(|cookie| {
            let (name, rest) = cookie.to_str().ok()?.split_once('=')?;
            (name == REFRESH_COOKIE).then(|| rest.split(';').next().unwrap_or_default().to_owned())
        });
        let refresh = refresh.ok_or_else(|| self.malformed(&"a session without its cookie"))?;
        let granted: Granted = answer.json().await.map_err(|error| self.malformed(&error))?;
        let welcome = Welcome { email: granted.user.email, role: granted.user.role };
        Ok((Session { url: self.url.clone(), token: granted.token, refresh }, welcome))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.url))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let answer = request.send().await.map_err(|error| {
            let (url, why) = (self.url.clone(), reason(&error));
            if error.is_connect() { ClientError::Unreachable { url, why } } else { ClientError::BrokenOff { url, why } }
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Result<Problem, _> = answer.json().await;
        Err(problem.map_or_else(
            |_| self.malformed(&format_args!("status {status} without a reason")),
            |problem| ClientError::Problem(Box::new(problem)),
        ))
    }

    fn malformed(&self, why: &dyn std::fmt::Display) -> ClientError {
        ClientError::Malformed { url: self.url.clone(), why: why.to_string() }
    }
}

/// The innermost reason of a transport error: the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// The saved session, locked for as long as this lives.
struct SessionFile {
    path: PathBuf,
    file: File,
}

impl SessionFile {
    fn open(path: &Path) -> Result<Option<Self>, ClientError> {
        match File::options().read(true).write(true).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            opened => Self::locked(path, opened).map(Some),
        }
    }

    fn create(path: &Path) -> Result<Self, ClientError> {
        let made = path.parent().map_or(Ok(()), |folder| DirBuilder::new().recursive(true).mode(0o700).create(folder));
        let file = made
            .and_then(|()| File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path));
        Self::locked(path, file)
    }

    fn locked(path: &Path, file: std::io::Result<File>) -> Result<Self, ClientError> {
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.map(|file| Self { path: path.to_path_buf(), file }).map_err(failed(path))
    }

    /// What was saved; a damaged file counts as none, and logging in mends it.
    fn read(&mut self) -> Result<Option<Session>, ClientError> {
        let mut text = String::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_string(&mut text));
        read.map_err(failed(&self.path))?;
        Ok(serde_json::from_str(&text).ok())
    }

    fn write(&mut self, session: &Session) -> Result<(), ClientError> {
        let text = serde_json::to_vec(session).unwrap_or_default();
        let written = self.file.rewind().and_then(|()| self.file.set_len(0)).and_then(|()| self.file.write_all(&text));
        written.map_err(failed(&self.path))
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ClientError {
    let path = path.to_path_buf();
    move |source| ClientError::SessionFile { path: path.clone(), source }
}
