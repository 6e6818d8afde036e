//! Which server is believed to be Proxmox.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::client::ConfigError;

/// What a server's certificate is checked against.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Only these certificate authorities, in PEM; `/etc/pve/pve-root-ca.pem` is a cluster's own.
    CaFile(Vec<u8>),
    /// Only this certificate or key.
    Pin(Pin),
    /// The authorities that the operating system trusts.
    System,
}

/// The SHA-256 of a certificate, or of its public key (SPKI, RFC 5280 §4.1.2.7).
///
/// It fits the server's own certificate by either, whatever its name and dates say: who
/// holds the key is the server. It fits an authority's certificate that the server sends
/// along where the server's own is validly signed by it. Proxmox renews the server's
/// certificate with the same key, so a pinned key outlives it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({})", hex::encode(self.0))
    }
}

impl FromStr for Pin {
    type Err = ConfigError;

    /// Reads 64 hexadecimal digits, with or without colons, as `openssl x509 -fingerprint -sha256`
    /// and Proxmox's web UI show them.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut pin = [0; 32];
        hex::decode_to_slice(text.trim().replace(':', ""), &mut pin).map_err(|_| ConfigError::Pin)?;
        Ok(Self(pin))
    }
}

impl Pin {
    fn fits(self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Sha256::digest(certificate)[..] == self.0 || Sha256::digest(&key)[..] == self.0)
    }
}

impl Trust {
    /// Makes `builder` trust accordingly.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, ConfigError> {
        match self {
            Self::System => Ok(builder),
            Self::CaFile(pem) => {
                let authorities = Certificate::from_pem_bundle(pem).unwrap_or_default();
                if authorities.is_empty() { Err(ConfigError::CaFile) } else { Ok(builder.tls_certs_only(authorities)) }
            }
            Self::Pin(pin) => {
                let provider = Arc::new(aws_lc_rs::default_provider());
                let verifier = PinVerifier { pin: *pin, provider: Arc::clone(&provider) };
                let tls = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|error| ConfigError::Tls(error.to_string()))?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth();
                Ok(builder.tls_backend_preconfigured(tls))
            }
        }
    }
}

/// Checks a server's certificates against a pin, and that the server holds the key.
#[derive(Debug)]
struct PinVerifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pin.fits(end_entity)? {
            return Ok(ServerCertVerified::assertion());
        }
        for authority in intermediates {
            if self.pin.fits(authority)? {
                // Anybody can send an authority's certificate along; only it can have signed the server's.
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone().into_owned())?;
                let algorithms = self.provider.signature_verification_algorithms.all;
                let certificate = ParsedCertificate::try_from(end_entity)?;
                verify_server_cert_signed_by_trust_anchor(&certificate, &roots, intermediates, now, algorithms)?;
                return Ok(ServerCertVerified::assertion());
            }
        }
        Err(Error::General("the server’s certificate does not fit the pin".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
