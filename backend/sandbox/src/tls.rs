//! The sandbox's own certificate authority and its server's certificate.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::store;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the sandbox could not make its certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("the sandbox could not set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the sandbox could not keep its certificate authority: {0}")]
    Keep(#[from] std::io::Error),
}

/// What a server needs, and what its clients need to trust it.
pub struct Identity {
    pub config: Arc<ServerConfig>,
    /// The authority's certificate.
    pub ca_pem: String,
    /// SHA-256 of the server's certificate, as Proxmox prints it.
    pub fingerprint: String,
}

/// The names under which the server is reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Makes an identity; with a directory, the authority is kept there and taken up again.
pub fn identity(directory: Option<&Path>) -> Result<Identity, Error> {
    let (ca_pem, ca_key) = match directory {
        Some(directory) => kept_authority(directory)?,
        None => new_authority()?,
    };
    let issuer = Issuer::from_ca_cert_pem(&ca_pem, KeyPair::from_pem(&ca_key)?)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "MycoPod sandbox");
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &issuer)?;
    let fingerprint = fingerprint(leaf.der());
    let chain = vec![CertificateDer::from(leaf)];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // HTTP/2 has no reason phrase, where Proxmox puts its messages.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), ca_pem, fingerprint })
}

fn new_authority() -> Result<(String, String), Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "MycoPod sandbox CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn kept_authority(directory: &Path) -> Result<(String, String), Error> {
    let (certificate, key) = (directory.join("ca.pem"), directory.join("ca-key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((std::fs::read_to_string(certificate)?, std::fs::read_to_string(key)?));
    }
    let (ca_pem, ca_key) = new_authority()?;
    // The certificate last: its presence says that both are there.
    store::write(&key, ca_key.as_bytes())?;
    store::write(&certificate, ca_pem.as_bytes())?;
    Ok((ca_pem, ca_key))
}

fn fingerprint(der: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let bytes = Sha256::digest(der);
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
