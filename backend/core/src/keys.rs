//! The keys of an installation, all derived from one secret.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::id::ClusterId;
use crate::marker::MarkerKey;

/// Length of the secret that `MYCOPOD_SECRET_FILE` holds, in bytes.
pub const SECRET_LEN: usize = 32;

/// The keys that an installation signs and seals with. Never printed, never stored.
pub struct Keys {
    /// Signs access tokens (HMAC-SHA-256).
    pub jwt: [u8; 32],
    /// Makes and checks guests' markers (HMAC-SHA-256).
    pub marker: [u8; 32],
    /// Signs the audit log's checkpoints (an Ed25519 seed).
    pub checkpoint: [u8; 32],
    /// Seals the secrets of clusters that rest in the database (XChaCha20-Poly1305).
    pub seal: [u8; 32],
}

impl Keys {
    /// Derives all keys by HKDF-SHA-256 (RFC 5869), each with an `info` of its own, so that none tells of another.
    #[must_use]
    pub fn derive(secret: &[u8; SECRET_LEN]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(b"mycopod"), secret);
        let key = |info: &[u8]| {
            let mut key = [0; 32];
            // 32 bytes are within HKDF's 255 × 32; expanding them cannot fail.
            let expanded = hkdf.expand(info, &mut key);
            debug_assert!(expanded.is_ok());
            key
        };
        Self {
            jwt: key(b"jwt v1"),
            marker: key(b"marker v1"),
            checkpoint: key(b"checkpoint v1"),
            seal: key(b"seal v1"),
        }
    }

    /// What makes and checks the markers of one cluster's guests: a guest that is restored on another cluster, under the
    /// same number, is not ours there. The first cluster's is [`Keys::marker`] itself.
    #[must_use]
    pub fn marker_of(&self, cluster: ClusterId) -> MarkerKey {
        if cluster == ClusterId::FIRST {
            return MarkerKey::new(self.marker);
        }
        let mut key = [0; 32];
        let expanded =
            Hkdf::<Sha256>::new(Some(b"mycopod cluster"), &self.marker).expand(cluster.0.as_bytes(), &mut key);
        debug_assert!(expanded.is_ok());
        MarkerKey::new(key)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ClusterId, Keys};
    use crate::guest::Vmid;
    use crate::id::ResourceId;
    use crate::marker::MarkerKey;
    use crate::observed::Ownership;

    #[test]
    fn a_marker_holds_on_its_own_cluster_only() {
        let keys = Keys::derive(&[1; 32]);
        let (resource, vmid) = (ResourceId(Uuid::from_u128(7)), Vmid::try_from(100).unwrap());
        let clusters = [0, 1, 2].map(|n| ClusterId(Uuid::from_u128(n)));
        for made in clusters {
            let notes = keys.marker_of(made).mark("", resource, vmid);
            for read in clusters {
                let ownership = keys.marker_of(read).judge(&notes, vmid).0;
                assert_eq!(ownership == Ownership::Ours(resource), made == read, "made on {made}, read on {read}");
            }
        }
        let notes = MarkerKey::new(keys.marker).mark("", resource, vmid);
        assert_eq!(keys.marker_of(ClusterId::FIRST).judge(&notes, vmid).0, Ownership::Ours(resource));
    }
}
