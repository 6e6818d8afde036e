//! Sealing what must rest in the database and may be read by nobody who has only that:
//! XChaCha20-Poly1305 (its nonces are long enough to be drawn at random), with a key that
//! derives from the installation's secret file.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use thiserror::Error;

use crate::ports::Clock;

const NONCE_LEN: usize = 24;

/// Seals and opens.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// Something sealed that does not open.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("it was sealed with the key of another secret file, or what it belongs to was changed past MycoPod")]
pub struct CannotOpen;

impl SealKey {
    /// From [`crate::keys::Keys::seal`].
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// `secret`, readable only with this key and only beside the same `bound_to`.
    #[must_use]
    pub fn seal(&self, secret: &[u8], bound_to: &[u8], clock: &dyn Clock) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        clock.random(&mut nonce);
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: bound_to });
        // It fails beyond 256 GiB alone; then nothing would be kept that could be opened.
        nonce.into_iter().chain(sealed.unwrap_or_default()).collect()
    }

    /// What was sealed beside the same `bound_to`.
    pub fn open(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: bound_to }).map_err(|_| CannotOpen)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Clock for Counting {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }
        fn random(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn what_was_sealed_opens_only_with_its_key_and_beside_what_it_is_bound_to() {
        let clock = Counting(std::sync::atomic::AtomicU8::new(1));
        let key = SealKey::new([1; 32]);
        let sealed = key.seal(b"secret", b"lab", &clock);
        assert_eq!(key.open(&sealed, b"lab").as_deref(), Ok(&b"secret"[..]));
        assert_eq!(key.open(&sealed, b"prod"), Err(CannotOpen));
        assert_eq!(SealKey::new([2; 32]).open(&sealed, b"lab"), Err(CannotOpen));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open(&altered, b"lab"), Err(CannotOpen), "byte {at}");
        }
        assert_eq!(key.open(b"short", b"lab"), Err(CannotOpen));
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(key.seal(b"secret", b"lab", &clock), sealed, "each sealing has a nonce of its own");
    }
}
