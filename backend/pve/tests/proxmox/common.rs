//! A server that speaks TLS and HTTP as badly as it is told to, and what tests need to call it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use mycopod_core::id::ResourceId;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Ownership, Sighting};
use mycopod_core::plan::{Action, Effect, Step, Subject};
use mycopod_core::ports::{CallError, Clock, Hypervisor, Submitted, TaskState};
use mycopod_pve::{Config, Credential, Pve, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The secret that must never be seen.
pub const SECRET: &str = "5ec2e700-dead-beef-0000-000000000000";

pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A clock that is set by hand.
#[derive(Default)]
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn forward(&self, time: TimeDelta) {
        self.0.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

pub fn marker() -> MarkerKey {
    MarkerKey::new([7; 32])
}

pub fn token() -> Credential {
    Credential::Token(format!("root@pam!lab={SECRET}").into())
}

pub fn password() -> Credential {
    Credential::Password { user: "root@pam".to_owned(), password: SECRET.into() }
}

pub fn client(url: &str, credential: Credential, trust: Trust) -> Pve {
    timed_client(url, credential, trust, Arc::new(FixedClock))
}

pub fn timed_client(url: &str, credential: Credential, trust: Trust, clock: Arc<dyn Clock>) -> Pve {
    let url = url.to_owned();
    Pve::connect(Config { url, credential, trust, pool: None, marker_key: marker(), clock }).unwrap()
}

/// A certificate authority and a certificate of `127.0.0.1` that it signed.
pub struct Identity {
    pub ca: CertificateDer<'static>,
    pub ca_pem: String,
    pub leaf: CertificateDer<'static>,
    pub leaf_pem: String,
    pub leaf_spki: Vec<u8>,
    pub key_pem: String,
    key: KeyPair,
    issuer: Issuer<'static, KeyPair>,
}

pub fn identity() -> Identity {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    Identity {
        ca_pem: ca.pem(),
        ca: ca.into(),
        leaf_pem: leaf.pem(),
        leaf: leaf.into(),
        key_pem: key.serialize_pem(),
        leaf_spki: rcgen::PublicKeyData::subject_public_key_info(&key),
        key,
        issuer,
    }
}

impl Identity {
    /// Another certificate of the same key by the same authority, for `name`, that ended in the year `until`, or will.
    pub fn renewed(&self, name: &str, until: i32) -> CertificateDer<'static> {
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(until, 1, 1);
        leaf.signed_by(&self.key, &self.issuer).unwrap().into()
    }
}

/// A request as it came: first line, header lines, body.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
    /// The number of the connection that it came over, from 0.
    pub connection: usize,
}

pub enum Reply {
    /// Status and reason, body.
    Full(&'static str, String),
    /// Exactly this.
    Raw(String),
    /// Announces more than it sends.
    Truncated(&'static str),
    /// Closes the connection.
    HangUp,
}

pub struct Server {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Answers the n-th request with `reply(n, request)`, after sending `chain` as its certificates.
pub async fn serve<F, R>(identity: &Identity, chain: Vec<CertificateDer<'static>>, reply: F) -> Server
where
    F: Fn(usize, Received) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let (log, reply) = (Arc::clone(&received), Arc::new(reply));
    tokio::spawn(async move {
        let mut connections = 0..;
        while let (Ok((stream, _)), Some(connection)) = (listener.accept().await, connections.next()) {
            let (acceptor, log, reply) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&reply));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                while let Some(mut request) = read(&mut stream).await {
                    request.connection = connection;
                    let n = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    let (head, body) = match reply(n, request).await {
                        Reply::HangUp => return,
                        Reply::Raw(answer) => {
                            let _ = stream.write_all(answer.as_bytes()).await;
                            return;
                        }
                        Reply::Full(status, body) => {
                            (format!("HTTP/1.1 {status}\r\nContent-Length: {}", body.len()), body)
                        }
                        Reply::Truncated(body) => {
                            ("HTTP/1.1 200 OK\r\nContent-Length: 999".to_owned(), body.to_owned())
                        }
                    };
                    let answer = format!("{head}\r\nContent-Type: application/json\r\n\r\n{body}");
                    let truncated = head.contains(" 999");
                    if stream.write_all(answer.as_bytes()).await.is_err() || truncated {
                        return;
                    }
                }
            });
        }
    });
    Server { url, received }
}

async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.split("\r\n").map(str::to_owned);
            let line = lines.next()?;
            let headers: Vec<_> = lines.collect();
            let length = headers.iter().find_map(|header| {
                let (name, value) = header.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(Received { line, headers, body: body.to_owned(), connection: 0 });
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&more[..n]),
        }
    }
}

pub fn vmid(n: u32) -> Vmid {
    Vmid::try_from(n).unwrap()
}

pub fn resource() -> ResourceId {
    "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
}

pub fn step(kind: Kind, n: u32, node: &str, name: &str, action: Action) -> Step {
    Step {
        seq: 1,
        wish: 0,
        subject: Subject::Guest {
            guest: GuestRef { kind, vmid: vmid(n), name: name.into(), node: node.into() },
            resource: resource(),
        },
        action,
        effect: Effect::Live,
        summary: String::new(),
        changes: Vec::new(),
        collateral: Vec::new(),
    }
}

/// A stopped VM 100 on `pve1`.
pub fn seen() -> Look {
    let key = GuestKey { kind: Kind::Qemu, vmid: vmid(100) };
    Look::Present(Box::new(Sighting {
        guest: GuestRef { kind: key.kind, vmid: key.vmid, name: "web-1".into(), node: "pve1".into() },
        at: DateTime::UNIX_EPOCH,
        power: Power::Stopped,
        template: false,
        lock: None,
        digest: "d0236368426878e8d99d3dcf993f01d8d28da87d".into(),
        ownership: Ownership::Unmarked,
        smbios_uuid: None,
        fields: BTreeMap::new(),
        pending: [].into(),
        hotplug: [].into(),
        snapshots: None,
        firewall: None,
        raw: BTreeMap::new(),
    }))
}

pub const UPID: &str = "UPID:pve1:00004D8A:000433A9:6B037920:qmstart:100:root@pam!lab:";

pub fn ca(identity: &Identity) -> Trust {
    Trust::CaFile(identity.ca_pem.clone().into_bytes())
}

pub fn fingerprint(bytes: &[u8]) -> String {
    let digits: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(":")
}

pub fn pin(bytes: &[u8]) -> Trust {
    Trust::Pin(fingerprint(bytes).parse().unwrap())
}

pub fn ok(data: &str) -> Reply {
    Reply::Full("200 OK", format!(r#"{{"data":{data}}}"#))
}

pub async fn start(pve: &Pve) -> Result<Submitted, CallError> {
    pve.submit(&step(Kind::Qemu, 100, "pve1", "web-1", Action::Start), &seen(), None).await
}

pub async fn task(pve: &Pve) -> Result<TaskState, CallError> {
    pve.task(&UPID.parse().unwrap()).await
}

#[track_caller]
pub fn tells_nothing(error: &CallError) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET) && !text.contains("PVEAPIToken"), "{text}");
}
