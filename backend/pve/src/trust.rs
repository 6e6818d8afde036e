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
    /// Only these certificates or keys.
    Pin(Pin),
    /// The authorities that the operating system trusts.
    System,
}

/// The SHA-256 of certificates, or of their public keys (SPKI, RFC 5280 §4.1.2.7), one of which must fit. Each host
/// of a cluster has a key of its own.
///
/// One fits the server's own certificate by either, whatever its name and dates say: who
/// holds the key is the server. It fits an authority's certificate that the server sends
/// along where the server's own is validly signed by it. Proxmox renews the server's
/// certificate with the same key, so a pinned key outlives it, and a pinned certificate does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin(Vec<[u8; 32]>);

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pin").field(&self.0.iter().map(hex::encode).collect::<Vec<_>>()).finish()
    }
}

impl FromStr for Pin {
    type Err = ConfigError;

    /// Reads 64 hexadecimal digits, with or without colons, as `openssl x509 -fingerprint -sha256`
    /// and Proxmox's web UI show them; several with commas between them.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let one = |text: &str| {
            let mut pin = [0; 32];
            hex::decode_to_slice(text.trim().replace(':', ""), &mut pin).map_err(|_| ConfigError::Pin)?;
            Ok(pin)
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl Pin {
    fn fits(&self, certificate: &CertificateDer<'_>) -> Result<bool, Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        let (whole, key) = (Sha256::digest(certificate), Sha256::digest(&key));
        Ok(self.0.iter().any(|pin| whole[..] == *pin || key[..] == *pin))
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
                let verifier = PinVerifier { pin: pin.clone(), provider: Arc::clone(&provider) };
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
        let why = if intermediates.is_empty() {
            // So does Proxmox with its own certificates: a hash of the authority's is then of no use.
            "the server’s certificate does not fit the pin, and it sent no authority along; to trust one, give its file"
        } else {
            "the server’s certificate does not fit the pin"
        };
        Err(Error::General(why.to_owned()))
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
