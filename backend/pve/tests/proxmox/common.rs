//! A server that speaks TLS and HTTP as badly as it is told to, and what tests need to call it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use mycopod_core::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use mycopod_core::id::ResourceId;
use mycopod_core::marker::MarkerKey;
use mycopod_core::observed::{Look, Ownership, Sighting};
use mycopod_core::plan::{Action, Effect, Step};
use mycopod_core::ports::Clock;
use mycopod_pve::{Config, Credential, Pve, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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

pub fn marker() -> MarkerKey {
    MarkerKey::new([7; 32])
}

pub fn token() -> Credential {
    Credential::Token(format!("root@pam!lab={SECRET}").into())
}

pub fn client(url: &str, credential: Credential, trust: Trust) -> Pve {
    let url = url.to_owned();
    let config = Config { url, credential, trust, pool: None, marker_key: marker(), clock: Arc::new(FixedClock) };
    Pve::connect(config).unwrap()
}

/// A certificate authority and a certificate of `127.0.0.1` that it signed.
pub struct Identity {
    pub ca: CertificateDer<'static>,
    pub ca_pem: String,
    pub leaf: CertificateDer<'static>,
    pub leaf_pem: String,
    pub leaf_spki: Vec<u8>,
    pub key_pem: String,
    key: PrivateKeyDer<'static>,
}

pub fn identity() -> Identity {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(params, ca_key)).unwrap();
    Identity {
        ca_pem: ca.pem(),
        ca: ca.into(),
        leaf_pem: leaf.pem(),
        leaf: leaf.into(),
        key_pem: key.serialize_pem(),
        leaf_spki: rcgen::PublicKeyData::subject_public_key_info(&key),
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// A request as it came: first line, header lines, body.
#[derive(Clone, Debug)]
pub struct Received {
    pub line: String,
    pub headers: Vec<String>,
    pub body: String,
}

pub enum Reply {
    /// Status and reason, body.
    Full(&'static str, String),
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
        .with_single_cert(chain, identity.key.clone_key())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let (log, reply) = (Arc::clone(&received), Arc::new(reply));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, log, reply) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&reply));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                while let Some(request) = read(&mut stream).await {
                    let n = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    let (head, body) = match reply(n, request).await {
                        Reply::HangUp => return,
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
                return Some(Received { line, headers, body: body.to_owned() });
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
        guest: GuestRef { kind, vmid: vmid(n), name: name.into(), node: node.into() },
        resource: resource(),
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
        raw: BTreeMap::new(),
    }))
}
