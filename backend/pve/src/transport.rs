//! HTTP to Proxmox: one call, one judged answer.
//!
//! How an attempt can end, and what it says about a call that changes something:
//!
//! | what happened | what it means |
//! |---|---|
//! | no connection, no valid certificate, 595 (the server could not connect to the daemon or node behind it) | [`CallError::NotSent`] |
//! | time-out, lost connection, truncated answer, 596 to 599, 5xx or 2xx without Proxmox's JSON | [`CallError::MaybeSent`] |
//! | 4xx, 501, 5xx with Proxmox's JSON | [`CallError::Rejected`] |

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::ext::ReasonPhrase;
use mycopod_core::ports::CallError;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Response, Url};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::client::ConfigError;
use crate::json::{Row, excerpt};
use crate::login::{Credential, Login, Ticket, token_headers};
use crate::trust::Trust;

/// Proxmox closes idle connections after 5 s: ours are not used again after 4.
const IDLE: Duration = Duration::from_secs(4);
/// Longer than a server in the same network needs, shorter than a person waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Within this a reading call is answered, or its node counts as unreachable.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Long enough for what Proxmox does within a call (hot-plugging, making a mount point).
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);
/// A reading call is tried this often …
const READ_ATTEMPTS: u32 = 3;
/// … after waits that start with this and double …
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// … unless it has already taken this long.
const RETRY_WITHIN: Duration = Duration::from_secs(5);
/// `pveproxy` has three workers; more calls at once than a few for each only queue there.
const READS_IN_FLIGHT: usize = 8;
/// `pvedaemon` has three workers, and they serve other people too.
const WRITES_IN_FLIGHT: usize = 3;
/// 10,000 guests in one list are about 5 MiB.
const MAX_BODY: usize = 32 << 20;

/// What Proxmox answered to a call that it carried out.
#[derive(Debug)]
pub struct Answer {
    pub data: Value,
    /// How many entries there are in all, where `data` is a part of a list.
    pub total: Option<u64>,
}

#[derive(Debug)]
pub struct Transport {
    base: Url,
    reads: Client,
    /// Writes never take a connection that was idle: one that the server is just closing would leave it
    /// unknown whether they were sent. Proxmox closes the connection of most of them anyway.
    writes: Client,
    login: Login,
    reading: Semaphore,
    writing: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    calls: AtomicU64,
}

/// A call: `path` below `/api2/json` by segments.
#[derive(Clone, Copy)]
struct Call<'a> {
    method: &'a Method,
    path: &'a [&'a str],
    params: &'a [(String, String)],
}

impl Transport {
    pub fn new(url: &str, credential: Credential, trust: &Trust) -> Result<Self, ConfigError> {
        let builder = || {
            Client::builder()
                .http1_only()
                .https_only(true)
                .no_proxy()
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("mycopod/", env!("CARGO_PKG_VERSION")))
        };
        let build =
            |builder: ClientBuilder| trust.apply(builder)?.build().map_err(|error| ConfigError::Tls(describe(&error)));
        Ok(Self {
            base: base(url)?,
            reads: build(builder().timeout(READ_TIMEOUT).pool_idle_timeout(IDLE))?,
            writes: build(builder().timeout(WRITE_TIMEOUT).pool_max_idle_per_host(0))?,
            login: Login::new(credential)?,
            reading: Semaphore::new(READS_IN_FLIGHT),
            writing: Mutex::default(),
            calls: AtomicU64::new(0),
        })
    }

    /// How many requests were sent.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The host that is asked.
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Reads; tries again where the answer got lost.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, CallError> {
        let params: Vec<_> = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let call = Call { method: &Method::GET, path, params: &params };
        // The semaphore is never closed.
        let _permit = self.reading.acquire().await.ok();
        let started = Instant::now();
        let mut attempt = 1;
        loop {
            match self.send(call).await {
                Err(CallError::NotSent(_) | CallError::MaybeSent(_) | CallError::Malformed(_))
                    if attempt < READ_ATTEMPTS && started.elapsed() < RETRY_WITHIN =>
                {
                    sleep(RETRY_AFTER * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                end => return end,
            }
        }
    }

    /// Changes something on `node`, or tries to, once.
    pub async fn write(
        &self,
        node: &str,
        method: &Method,
        path: &[&str],
        params: &[(String, String)],
    ) -> Result<Answer, CallError> {
        let in_flight = {
            let mut nodes = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(nodes.entry(node.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(WRITES_IN_FLIGHT))))
        };
        let _permit = in_flight.acquire().await.ok();
        self.send(Call { method, path, params }).await
    }

    /// Sends with what proves who we are. A 401 comes before anything is done, so with a new ticket
    /// the call is sent again.
    async fn send(&self, call: Call<'_>) -> Result<Answer, CallError> {
        match &self.login {
            Login::Token(token) => self.attempt(call, token_headers(token)).await,
            Login::Ticket { user, password, current } => {
                let ticket = Login::ticket(current, None, self.log_in(user, password.expose_secret())).await?;
                match self.attempt(call, ticket.headers()).await {
                    Err(CallError::Rejected { status: 401, .. }) => {
                        let log_in = self.log_in(user, password.expose_secret());
                        let renewed = Login::ticket(current, Some(&ticket), log_in).await?;
                        self.attempt(call, renewed.headers()).await
                    }
                    end => end,
                }
            }
        }
    }

    async fn log_in(&self, user: &str, password: &str) -> Result<Ticket, CallError> {
        let params = [("username".to_owned(), user.to_owned()), ("password".to_owned(), password.to_owned())];
        let call = Call { method: &Method::POST, path: &["access", "ticket"], params: &params };
        match self.attempt(call, HeaderMap::new()).await {
            Ok(answer) => Ticket::of(&Row::of(answer.data)),
            // Whatever became of the log-in: the call that needs it has not been sent.
            Err(CallError::MaybeSent(why)) => Err(CallError::NotSent(format!("logging in: {why}"))),
            Err(other) => Err(other),
        }
    }

    async fn attempt(&self, call: Call<'_>, headers: HeaderMap) -> Result<Answer, CallError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(call.path);
        }
        let is_write = *call.method != Method::GET;
        let client = if is_write { &self.writes } else { &self.reads };
        let request = client.request(call.method.clone(), url).headers(headers);
        // Proxmox takes no body with GET and DELETE.
        let request = if matches!(*call.method, Method::POST | Method::PUT) {
            request.form(call.params)
        } else {
            request.query(call.params)
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        let response = request.send().await.map_err(|error| {
            let why = describe(&error);
            if error.is_connect() || error.is_builder() { CallError::NotSent(why) } else { CallError::MaybeSent(why) }
        })?;
        let status = response.status().as_u16();
        let phrase = response.extensions().get::<ReasonPhrase>();
        let phrase = phrase.map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
        let phrase = phrase.or_else(|| response.status().canonical_reason().map(str::to_owned)).unwrap_or_default();
        let body = read(response).await?;
        judge(status, &phrase, &body, is_write)
    }
}

/// The API's address from the one that was configured, e.g. `https://pve1.example.org:8006`.
fn base(url: &str) -> Result<Url, ConfigError> {
    let mut base = Url::parse(url.trim()).map_err(|_| ConfigError::Url)?;
    let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
    let path = base.path().trim_end_matches('/');
    if base.scheme() != "https" || !plain || base.host_str().is_none() || !matches!(path, "" | "/api2/json") {
        return Err(ConfigError::Url);
    }
    base.set_path("/api2/json");
    Ok(base)
}

/// The whole body, or what it means that there is none.
async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(CallError::MaybeSent(format!("the answer is longer than {MAX_BODY} bytes"))),
            Err(error) => return Err(CallError::MaybeSent(format!("the answer broke off: {}", describe(&error)))),
        }
    }
}

/// What an answer means; see the table at the top.
fn judge(status: u16, phrase: &str, body: &[u8], is_write: bool) -> Result<Answer, CallError> {
    let envelope = match serde_json::from_slice(body) {
        Ok(Value::Object(envelope)) => Some(envelope),
        _ => None,
    };
    match (status, envelope) {
        (200..=299, Some(mut envelope)) => {
            let data = envelope.remove("data").unwrap_or_default();
            Ok(Answer { data, total: Row::of(envelope.into()).number("total") })
        }
        (400..=499 | 501, envelope) => Err(rejected(status, phrase, envelope.map(|e| Row::of(e.into())))),
        (500..=594, Some(envelope)) => Err(rejected(status, phrase, Some(Row::of(envelope.into())))),
        (595, _) => Err(CallError::NotSent(format!("595 {}", excerpt(phrase)))),
        _ => {
            let why = format!("{status} {} without an answer of its API", excerpt(phrase));
            Err(if is_write || status >= 500 { CallError::MaybeSent(why) } else { CallError::Malformed(why) })
        }
    }
}

/// Proxmox's no, with what it says of single parameters. The reason phrase is the first line of `message`.
fn rejected(status: u16, phrase: &str, envelope: Option<Row>) -> CallError {
    let envelope = envelope.unwrap_or_default();
    let mut reason = envelope.text("message").unwrap_or_else(|| phrase.to_owned());
    for (parameter, why) in envelope.inner("errors").parts() {
        reason.push('\n');
        reason.push_str(parameter);
        reason.push_str(": ");
        reason.push_str(why.as_str().unwrap_or_default());
    }
    CallError::Rejected { status, reason: excerpt(&reason) }
}

/// What a failure comes down to: its innermost cause, without references to manuals.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "time-out".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    excerpt(text.split(": https://").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{CallError, base, judge};

    #[test]
    fn a_rejection_names_the_parameters() {
        let body = br#"{"data":null,"message":"Parameter verification failed.\n","errors":{"cores":"type check ('integer') failed - got 'x'","name":"bad\n"}}"#;
        let Err(CallError::Rejected { status: 400, reason }) = judge(400, "Parameter verification failed.", body, true)
        else {
            panic!("not rejected")
        };
        assert_eq!(reason, "Parameter verification failed.; cores: type check ('integer') failed - got 'x'; name: bad");
    }

    #[test]
    fn only_answers_of_the_api_settle_what_became_of_a_write() {
        assert!(judge(200, "OK", br#"{"data":null}"#, true).is_ok());
        assert!(matches!(judge(401, "permission denied", b"", true), Err(CallError::Rejected { status: 401, .. })));
        assert!(matches!(judge(400, "Bad Request", b"", true), Err(CallError::Rejected { .. })));
        assert!(matches!(judge(501, "no such uri", b"no such uri", true), Err(CallError::Rejected { .. })));
        assert!(matches!(judge(500, "got timeout", br#"{"data":null}"#, true), Err(CallError::Rejected { .. })));
        assert!(matches!(judge(595, "Connection refused", b"", true), Err(CallError::NotSent(_))));
        for (status, body) in [(596, &b""[..]), (599, b""), (500, b""), (502, b"<html>"), (200, b"{\"da"), (302, b"")] {
            assert!(matches!(judge(status, "", body, true), Err(CallError::MaybeSent(_))), "{status}");
        }
        assert!(matches!(judge(200, "OK", b"<html>", false), Err(CallError::Malformed(_))));
    }

    #[test]
    fn addresses_are_https_and_carry_nothing_else() {
        for good in ["https://pve1:8006", "https://pve1:8006/", " https://10.0.0.1:8006/api2/json/"] {
            assert_eq!(base(good).unwrap().path(), "/api2/json", "{good}");
        }
        for bad in ["http://pve1:8006", "pve1:8006", "https://root:pw@pve1", "https://pve1/?a=b", "https://pve1/x", ""]
        {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
