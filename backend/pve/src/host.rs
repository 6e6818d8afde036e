//! One host of the cluster's API: its connections, and whether it is of use at the moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::ext::ReasonPhrase;
use mycopod_core::backoff::Backoff;
use mycopod_core::ports::{CallError, Clock};
use reqwest::header::HeaderMap;
use reqwest::multipart::Form;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, Response, Url};
use tokio::time::Instant;

use crate::answer::{Answer, describe, judge, read};
use crate::client::ConfigError;
use crate::trust::Trust;

/// Proxmox closes idle connections after 5 s: ours are not used again after 4.
const IDLE: Duration = Duration::from_secs(4);
/// Proxmox closes a connection with its 100th answer; ours ends one before, so that no call meets the closing.
const REQUESTS_PER_CONNECTION: u32 = 99;
/// Longer than a server in the same network needs, shorter than a person waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Within this a reading call is answered, or its node counts as unreachable.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Long enough for what Proxmox does within a call (hot-plugging, making a mount point).
const WRITE_TIMEOUT: Duration = Duration::from_mins(2);
/// Long enough for an image of 64 GiB over a line of 30 Mbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(6);
/// A host that failed is left alone for this long, as far as others answer.
const REST: Duration = Duration::from_secs(30);
/// Proxmox delays each refused log-in by 3 s, and so do we: the next is made no sooner than this, doubling.
const LOG_IN_AGAIN: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(1));

/// A call: `path` below `/api2/json` by segments.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a Method,
    pub path: &'a [&'a str],
    pub params: &'a [(String, String)],
}

impl Call<'_> {
    pub fn is_write(&self) -> bool {
        *self.method != Method::GET
    }
}

#[derive(Debug)]
pub struct Host {
    base: Url,
    trust: Trust,
    /// Connections for reading that are free. Each is a client of its own, as only one call at a time uses it: that
    /// counts what went over a connection.
    free: Mutex<Vec<Lane>>,
    /// Writes never take a connection that was idle: one that the server is just closing would leave it
    /// unknown whether they were sent. Proxmox closes the connection of most of them anyway.
    writes: Client,
    standing: Mutex<Standing>,
    calls: AtomicU64,
}

#[derive(Debug)]
struct Lane {
    client: Client,
    sent: u32,
}

/// What is known of a host.
#[derive(Debug, Default)]
struct Standing {
    /// It was seen to be of the cluster that is meant.
    member: bool,
    failure: Option<Failure>,
    refusal: Option<Refusal>,
}

/// It did not answer.
#[derive(Debug)]
struct Failure {
    at: Instant,
    until: DateTime<Utc>,
    error: CallError,
}

/// It does not know us.
#[derive(Debug)]
struct Refusal {
    times: u32,
    until: DateTime<Utc>,
    error: CallError,
}

impl Host {
    pub fn new(url: &str, trust: &Trust) -> Result<Self, ConfigError> {
        let tls = |error: reqwest::Error| ConfigError::Tls(describe(&error));
        let host = Self {
            base: base(url)?,
            trust: trust.clone(),
            free: Mutex::default(),
            writes: trust.apply(builder().timeout(WRITE_TIMEOUT).pool_max_idle_per_host(0))?.build().map_err(tls)?,
            standing: Mutex::default(),
            calls: AtomicU64::new(0),
        };
        // A client that cannot be built shows now, not with the first call.
        let lane = host.lane()?;
        host.give_back(lane);
        Ok(host)
    }

    /// Its name or address, with the port where it is not the usual one.
    pub fn name(&self) -> String {
        let name = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            None | Some(8006) => name.to_owned(),
            Some(port) => format!("{name}:{port}"),
        }
    }

    /// How many requests were sent.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether it is the same as another.
    pub fn is(&self, other: &Self) -> bool {
        self.base == other.base
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was seen to be of the cluster.
    pub fn is_member(&self) -> bool {
        self.standing().member
    }

    pub fn join(&self) {
        self.standing().member = true;
    }

    /// Leaves the host alone for a while. When it comes back it may be another.
    pub fn rest(&self, error: CallError, clock: &dyn Clock) {
        let mut standing = self.standing();
        standing.member = false;
        standing.failure = Some(Failure { at: Instant::now(), until: clock.now() + REST, error });
    }

    pub fn is_resting(&self, clock: &dyn Clock) -> bool {
        self.standing().failure.as_ref().is_some_and(|failure| clock.now() < failure.until)
    }

    /// How it failed, if that was after `asked`.
    pub fn failed_since(&self, asked: Instant) -> Option<CallError> {
        self.standing().failure.as_ref().filter(|failure| failure.at >= asked).map(|failure| failure.error.clone())
    }

    /// What it said to who we are, as long as it is not asked again.
    pub fn refusal(&self, clock: &dyn Clock) -> Option<CallError> {
        self.standing()
            .refusal
            .as_ref()
            .filter(|refusal| clock.now() < refusal.until)
            .map(|refusal| refusal.error.clone())
    }

    /// Notes whether it knew us by what we have, so that a wrong password or token is not tried with every call.
    pub fn told(&self, error: Option<&CallError>, clock: &dyn Clock) {
        let mut standing = self.standing();
        match error {
            Some(error @ CallError::Rejected { status: 401, .. }) => {
                let times = standing.refusal.as_ref().map_or(0, |refusal| refusal.times);
                // All who waited for one log-in hear of its failure.
                if standing.refusal.as_ref().is_none_or(|refusal| refusal.until <= clock.now()) {
                    let until = clock.now() + LOG_IN_AGAIN.wait(times, clock);
                    standing.refusal = Some(Refusal { times: times.saturating_add(1), until, error: error.clone() });
                }
            }
            None | Some(CallError::Rejected { .. }) => standing.refusal = None,
            Some(CallError::NotSent(_) | CallError::MaybeSent(_) | CallError::Malformed(_)) => {}
        }
    }

    /// Sends a file with its form, once.
    pub async fn upload(&self, path: &[&str], headers: HeaderMap, form: Form) -> Result<Answer, CallError> {
        let builder = builder().timeout(UPLOAD_TIMEOUT).pool_max_idle_per_host(0);
        let client = self.trust.apply(builder).map_err(|error| CallError::NotSent(error.to_string()))?.build();
        let client = client.map_err(|error| CallError::NotSent(describe(&error)))?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let sent = client.request(Method::POST, self.address(path)).headers(headers).multipart(form).send().await;
        let response = sent.map_err(|error| {
            let why = describe(&error);
            if error.is_connect() || error.is_builder() { CallError::NotSent(why) } else { CallError::MaybeSent(why) }
        })?;
        let (status, phrase) = (response.status().as_u16(), phrase(&response));
        judge(status, &phrase, &read(response).await?, true)
    }

    /// Sends once. A host that cannot be reached or does not speak Proxmox's API is left alone for a while.
    pub async fn exchange(&self, call: Call<'_>, headers: HeaderMap, clock: &dyn Clock) -> Result<Answer, CallError> {
        let failed = |error: CallError| {
            self.rest(error.clone(), clock);
            error
        };
        let lane = || self.lane().map_err(|error| CallError::NotSent(error.to_string()));
        let mut lane = if call.is_write() { None } else { Some(lane()?) };
        let client = lane.as_mut().map_or(&self.writes, |lane| {
            lane.sent += 1;
            &lane.client
        });
        let request = client.request(call.method.clone(), self.address(call.path)).headers(headers);
        // Proxmox takes no body with GET and DELETE.
        let request = if matches!(*call.method, Method::POST | Method::PUT) {
            request.form(call.params)
        } else {
            request.query(call.params)
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        let response = request.send().await.map_err(|error| {
            let why = describe(&error);
            let is_sent = !(error.is_connect() || error.is_builder());
            failed(if is_sent { CallError::MaybeSent(why) } else { CallError::NotSent(why) })
        })?;
        let (status, phrase) = (response.status().as_u16(), phrase(&response));
        let body = read(response).await.map_err(failed)?;
        if let Some(lane) = lane {
            self.give_back(lane);
        }
        match judge(status, &phrase, &body, call.is_write()) {
            // These tell of the way from this host to a node or daemon behind it.
            end @ (Ok(_) | Err(CallError::Rejected { .. })) => Ok(end?),
            Err(error) if status >= 595 => Err(error),
            Err(error) => Err(failed(error)),
        }
    }

    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }

    fn lane(&self) -> Result<Lane, ConfigError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(lane) = free {
            return Ok(lane);
        }
        let builder = builder().timeout(READ_TIMEOUT).pool_idle_timeout(IDLE).pool_max_idle_per_host(1);
        let client = self.trust.apply(builder)?.build();
        Ok(Lane { client: client.map_err(|error| ConfigError::Tls(describe(&error)))?, sent: 0 })
    }

    fn give_back(&self, lane: Lane) {
        if lane.sent < REQUESTS_PER_CONNECTION {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        }
    }
}

/// The reason in the status line: Proxmox says there what went wrong.
fn phrase(response: &Response) -> String {
    let phrase = response.extensions().get::<ReasonPhrase>();
    let phrase = phrase.map(|phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned());
    phrase.or_else(|| response.status().canonical_reason().map(str::to_owned)).unwrap_or_default()
}

fn builder() -> ClientBuilder {
    Client::builder()
        .http1_only()
        .https_only(true)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("mycopod/", env!("CARGO_PKG_VERSION")))
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

#[cfg(test)]
mod tests {
    use super::base;

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
