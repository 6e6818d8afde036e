//! Calls to a cluster: through which of its hosts, how many at once, and what is tried again.
//!
//! A reading call whose answer got lost goes to the next host at once, and after all of them, with waits, to
//! all again. A call that changes something goes to another host only where the error proves that it was not
//! sent; to wait and look before it is sent again is for whoever carries out steps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mycopod_core::backoff::Backoff;
use mycopod_core::ports::{CallError, Clock};
use reqwest::Method;
use reqwest::header::HeaderMap;
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::answer::Answer;
use crate::client::ConfigError;
use crate::host::{Call, Host};
use crate::identity::Identity;
use crate::json::Row;
use crate::login::{Credential, Login, Ticket, token_headers};
use crate::trust::Trust;

/// A reading call goes round the hosts this often …
const ROUNDS: u32 = 3;
/// … after these waits …
const BETWEEN_ROUNDS: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
/// … unless it has already taken this long.
const ROUNDS_WITHIN: Duration = Duration::from_secs(5);
/// After this no further host is tried: a node that hangs does so behind each of them.
const HOSTS_WITHIN: Duration = Duration::from_secs(45);
/// A host that does not say within this which cluster it belongs to counts as failed.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// `pveproxy` has three workers; more calls at once than a few for each only queue there.
const READS_IN_FLIGHT: usize = 8;
/// `pvedaemon` has three workers, and they serve other people too.
const WRITES_IN_FLIGHT: usize = 3;
/// More hosts than a cluster has nodes help nobody.
const MAX_HOSTS: usize = 32;

pub struct Transport {
    hosts: Vec<Host>,
    /// The host that answered last: it is asked first.
    current: AtomicUsize,
    /// What the hosts belong to, as the one that was met last tells it.
    cluster: AsyncMutex<Option<Identity>>,
    login: Login,
    reading: Semaphore,
    writing: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    clock: Arc<dyn Clock>,
}

impl Transport {
    /// `urls` are the addresses of hosts of one cluster, with commas between them.
    pub fn new(urls: &str, credential: Credential, trust: &Trust, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let mut hosts: Vec<Host> = Vec::new();
        for url in urls.split(',') {
            let host = Host::new(url, trust)?;
            if !hosts.iter().any(|known| known.is(&host)) {
                hosts.push(host);
            }
        }
        if hosts.len() > MAX_HOSTS {
            return Err(ConfigError::Url);
        }
        Ok(Self {
            hosts,
            current: AtomicUsize::new(0),
            cluster: AsyncMutex::default(),
            login: Login::new(credential)?,
            reading: Semaphore::new(READS_IN_FLIGHT),
            writing: Mutex::default(),
            clock,
        })
    }

    /// How many requests were sent.
    pub fn calls(&self) -> u64 {
        self.hosts.iter().map(Host::calls).sum()
    }

    /// Whether we are root@pam itself. A token of root's is not.
    pub fn is_root(&self) -> bool {
        match &self.login {
            Login::Token(_) => false,
            Login::Ticket(tickets) => tickets.user == "root@pam",
        }
    }

    /// The hosts, in the order in which they were given.
    pub fn hosts(&self) -> Vec<String> {
        self.hosts.iter().map(Host::name).collect()
    }

    /// Asks each host on its own whether it knows us and belongs to the cluster.
    pub async fn check_hosts(&self) -> Vec<(String, Result<(), CallError>)> {
        let call = Call { method: &Method::GET, path: &["version"], params: &[] };
        let mut checked = Vec::new();
        for host in &self.hosts {
            checked.push((host.name(), self.through(host, call).await.map(|_| ())));
        }
        checked
    }

    /// Takes over what a list of the cluster's nodes says of their certificates, so that a host that is met later is
    /// held against what they are then.
    pub async fn saw_nodes(&self, nodes: &[Row]) {
        if let Some(known) = &mut *self.cluster.lock().await {
            known.saw(nodes);
        }
    }

    /// Reads; tries again where the answer got lost, or where Proxmox could not get a lock.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, CallError> {
        let params: Vec<_> = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let call = Call { method: &Method::GET, path, params: &params };
        let started = Instant::now();
        let mut round = 0;
        loop {
            // The semaphore is never closed.
            let permit = self.reading.acquire().await.ok();
            let end = self.round(call).await;
            drop(permit);
            round += 1;
            match end {
                Err(error) if is_passing(&error) && round < ROUNDS && started.elapsed() < ROUNDS_WITHIN => {
                    sleep(BETWEEN_ROUNDS.wait(round - 1, self.clock.as_ref())).await;
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
        self.round(Call { method, path, params }).await
    }

    /// Sends a file through the host in use: its bytes cannot be sent a second time, so no other is tried.
    pub async fn upload(&self, node: &str, path: &[&str], form: Form) -> Result<Answer, CallError> {
        let host = self.order().first().and_then(|at| self.hosts.get(*at));
        let host = host.ok_or_else(|| CallError::NotSent("there is no host".to_owned()))?;
        // Makes sure that it knows us and is of the cluster, before any byte is read.
        self.through(host, Call { method: &Method::GET, path: &["nodes", node, "status"], params: &[] }).await?;
        let headers = match &self.login {
            Login::Token(token) => token_headers(token),
            Login::Ticket(tickets) => {
                let log_in = |password| self.log_in(host, &tickets.user, password);
                tickets.get(None, self.clock.now(), log_in).await?.headers()
            }
        };
        host.upload(path, headers, form).await
    }

    /// Tries one host after the other, as far as that cannot do anything twice.
    async fn round(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let started = Instant::now();
        let mut failures = Vec::new();
        for at in self.order() {
            if !failures.is_empty() && started.elapsed() > HOSTS_WITHIN {
                break;
            }
            let Some(host) = self.hosts.get(at) else { continue };
            let end = self.through(host, call).await;
            let goes_on = match &end {
                Ok(_) => false,
                Err(CallError::NotSent(_)) => true,
                Err(CallError::MaybeSent(_) | CallError::Malformed(_)) => !call.is_write(),
                // One that is not known to be of the cluster has no say.
                Err(CallError::Rejected { .. }) => self.hosts.len() > 1 && !host.is_member(),
            };
            match end {
                Err(error) if goes_on => failures.push((host.name(), error)),
                end => {
                    if matches!(end, Ok(_) | Err(CallError::Rejected { .. })) {
                        self.current.store(at, Ordering::Relaxed);
                    }
                    return end;
                }
            }
        }
        Err(together(failures))
    }

    /// The hosts from the one in use on; those that failed a moment ago come last.
    fn order(&self) -> Vec<usize> {
        let first = self.current.load(Ordering::Relaxed);
        let all = (0..self.hosts.len()).map(|n| (first + n) % self.hosts.len());
        let (resting, ready): (Vec<_>, Vec<_>) =
            all.partition(|at| self.hosts.get(*at).is_some_and(|host| host.is_resting(self.clock.as_ref())));
        ready.into_iter().chain(resting).collect()
    }

    async fn through(&self, host: &Host, call: Call<'_>) -> Result<Answer, CallError> {
        if let Some(refusal) = host.refusal(self.clock.as_ref()) {
            return Err(refusal);
        }
        if self.hosts.len() > 1 {
            self.introduce(host).await?;
        }
        self.send(host, call).await
    }

    /// Makes sure that a host belongs to the same cluster as the others before anything else goes to it.
    async fn introduce(&self, host: &Host) -> Result<(), CallError> {
        if host.is_member() {
            return Ok(());
        }
        let asked = Instant::now();
        let mut cluster = self.cluster.lock().await;
        if host.is_member() {
            return Ok(());
        }
        // It failed, while this caller waited, to somebody else who met it.
        if let Some(error) = host.failed_since(asked) {
            return Err(error);
        }
        let silent = || CallError::NotSent("it does not say which cluster it belongs to: time-out".to_owned());
        let identity = match timeout(INTRODUCTION, self.identity(host)).await.unwrap_or_else(|_| Err(silent())) {
            Ok(identity) => identity,
            // The call that it was asked for has not been sent.
            Err(CallError::MaybeSent(why) | CallError::Malformed(why)) => {
                host.rest(CallError::NotSent(why.clone()), self.clock.as_ref());
                return Err(CallError::NotSent(why));
            }
            Err(error) => {
                host.rest(error.clone(), self.clock.as_ref());
                return Err(error);
            }
        };
        if let Some(why) = cluster.as_ref().and_then(|known| known.differs(&identity)) {
            let why = format!("it belongs to another cluster than the hosts before: {why}; nothing is sent to it");
            tracing::warn!(host = host.name(), why, "a host of Proxmox’s API is not used");
            let error = CallError::NotSent(why);
            host.rest(error.clone(), self.clock.as_ref());
            return Err(error);
        }
        *cluster = Some(identity);
        host.join();
        Ok(())
    }

    async fn identity(&self, host: &Host) -> Result<Identity, CallError> {
        let call = |path| Call { method: &Method::GET, path, params: &[] };
        let status = match self.send(host, call(&["cluster", "status"])).await {
            Ok(answer) => Row::list(answer.data)?,
            Err(error @ CallError::Rejected { status: 401, .. }) => return Err(error),
            // The name says less than the nodes do, and may be hidden, or behind a daemon that is down.
            Err(_) => Vec::new(),
        };
        let nodes = Row::list(self.send(host, call(&["nodes"])).await?.data)?;
        Ok(Identity::of(&status, &nodes))
    }

    /// Sends with what proves who we are. A 401 comes before anything is done, so with a new ticket
    /// the call is sent again.
    async fn send(&self, host: &Host, call: Call<'_>) -> Result<Answer, CallError> {
        let clock = self.clock.as_ref();
        let end = match &self.login {
            Login::Token(token) => host.exchange(call, token_headers(token), clock).await,
            Login::Ticket(tickets) => {
                let log_in = |password| self.log_in(host, &tickets.user, password);
                let refused = |error: &CallError| host.told(Some(error), clock);
                let ticket = tickets.get(None, clock.now(), log_in).await.inspect_err(refused)?;
                match host.exchange(call, ticket.headers(), clock).await {
                    Err(CallError::Rejected { status: 401, .. }) => {
                        let renewed = tickets.get(Some(&ticket), clock.now(), log_in).await.inspect_err(refused)?;
                        host.exchange(call, renewed.headers(), clock).await
                    }
                    end => end,
                }
            }
        };
        host.told(end.as_ref().err(), clock);
        end
    }

    async fn log_in(&self, host: &Host, user: &str, password: SecretString) -> Result<Ticket, CallError> {
        let password = password.expose_secret().to_owned();
        let params = [("username".to_owned(), user.to_owned()), ("password".to_owned(), password)];
        let call = Call { method: &Method::POST, path: &["access", "ticket"], params: &params };
        let clock = self.clock.as_ref();
        match host.exchange(call, HeaderMap::new(), clock).await {
            Ok(answer) => Row::object(answer.data).and_then(|answer| Ticket::of(&answer, clock.now())),
            // Whatever became of the log-in: the call that needs it has not been sent.
            Err(CallError::MaybeSent(why)) => Err(CallError::NotSent(format!("logging in: {why}"))),
            Err(other) => Err(other),
        }
    }
}

/// Whether a reading call may do better when it is made again.
fn is_passing(error: &CallError) -> bool {
    match error {
        CallError::NotSent(_) | CallError::MaybeSent(_) | CallError::Malformed(_) => true,
        // A storage or a lock that did not answer in time.
        CallError::Rejected { reason, .. } => error.is_lock_timeout() || reason.contains("got timeout"),
    }
}

/// What became of a call that no host carried out, with each one's reason.
fn together(mut failures: Vec<(String, CallError)>) -> CallError {
    if failures.len() == 1
        && let Some((_, error)) = failures.pop()
    {
        return error;
    }
    let why = |error: &CallError| match error {
        CallError::NotSent(why) | CallError::MaybeSent(why) | CallError::Malformed(why) => why.clone(),
        CallError::Rejected { status, reason } => format!("it refused ({status}): {reason}"),
    };
    let reasons: Vec<_> = failures.iter().map(|(host, error)| format!("{host}: {}", why(error))).collect();
    let reasons = reasons.join("; ");
    let any = |fits: fn(&CallError) -> bool| failures.iter().any(|(_, error)| fits(error));
    if any(|error| matches!(error, CallError::MaybeSent(_))) {
        CallError::MaybeSent(reasons)
    } else if any(|error| matches!(error, CallError::Malformed(_))) {
        CallError::Malformed(reasons)
    } else if failures.iter().all(|(_, error)| matches!(error, CallError::Rejected { status: 401, .. })) {
        CallError::Rejected { status: 401, reason: reasons }
    } else {
        CallError::NotSent(reasons)
    }
}
