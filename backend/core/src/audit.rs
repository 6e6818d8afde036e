//! The audit log's arithmetic: an append-only Merkle tree as in RFC 6962, section 2.1,
//! and signed checkpoints over it.

use std::borrow::Cow;

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A node or leaf of the tree: SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(pub [u8; 32]);

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for Hash {
    type Error = hex::FromHexError;
    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

/// A leaf's hash: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// What stands before and after the hash that an export adds to an entry: 64 hexadecimal digits.
const HASH_FIELD: (&str, &str) = (r#","hash":""#, r#""}"#);

/// The line of an export for an entry: its text with its hash as a last field.
#[must_use]
pub fn exported(entry: &str, hash: &Hash) -> String {
    let open = entry.strip_suffix('}').unwrap_or(entry);
    format!("{open}{}{hash}{}", HASH_FIELD.0, HASH_FIELD.1)
}

/// The entry's text in the line of an export, with the hash where there is one. No entry ends like that field: its own
/// last field is `details`, an object.
#[must_use]
pub fn taken_apart(line: &[u8]) -> (Cow<'_, [u8]>, Option<&[u8]>) {
    let apart = line.strip_suffix(HASH_FIELD.1.as_bytes()).and_then(|line| {
        let (rest, digits) = line.split_at_checked(line.len().checked_sub(64)?)?;
        Some((rest.strip_suffix(HASH_FIELD.0.as_bytes())?, digits))
    });
    match apart {
        Some((open, digits)) => (Cow::Owned([open, b"}"].concat()), Some(digits)),
        None => (Cow::Borrowed(line), None),
    }
}

fn inner(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The right edge of the tree: all that is needed to append and to tell the root.
/// One hash a set bit of `size`, the largest subtree first; at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A frontier as it was stored, or `None` where `peaks` does not fit `size`.
    #[must_use]
    pub fn stored(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes to store.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut size = self.size;
        while size & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                hash = inner(&left, &hash);
            }
            size >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root; of an empty tree the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash(Sha256::digest([]).into()) };
        peaks.fold(*last, |right, left| inner(left, &right))
    }
}

/// A signed statement of the log's size and root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which log: the installation's name.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// When it was signed, RFC 3339.
    pub time: String,
    /// Ed25519 public key, hexadecimal.
    pub public_key: String,
    /// Ed25519 signature over [`Checkpoint::body`], hexadecimal.
    pub signature: String,
}

/// Why a checkpoint does not hold.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// The key or the signature is malformed.
    #[error("the checkpoint’s key or signature is malformed")]
    Malformed,
    /// The signature is not the key's over this checkpoint.
    #[error("the checkpoint’s signature does not fit: it was altered, or signed with another key")]
    Signature,
}

impl Checkpoint {
    /// Signs size and root.
    #[must_use]
    pub fn sign(seed: &[u8; 32], origin: &str, frontier: &Frontier, time: String) -> Self {
        let key = SigningKey::from_bytes(seed);
        let mut checkpoint = Self {
            origin: origin.to_owned(),
            size: frontier.size(),
            root: frontier.root(),
            time,
            public_key: hex::encode(key.verifying_key().to_bytes()),
            signature: String::new(),
        };
        checkpoint.signature = hex::encode(key.sign(checkpoint.body().as_bytes()).to_bytes());
        checkpoint
    }

    /// The signed text: origin, size, root and time, a line each.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n{}\n", self.origin, self.size, self.root, self.time)
    }

    /// Checks the signature against the key in the checkpoint. That the key is the installation's own is for the
    /// reader to know: it is shown by `mycopod audit verify`.
    pub fn verify(&self) -> Result<(), CheckpointError> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.public_key, &mut key).map_err(|_| CheckpointError::Malformed)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| CheckpointError::Malformed)?;
        let mut signature = [0; 64];
        hex::decode_to_slice(&self.signature, &mut signature).map_err(|_| CheckpointError::Malformed)?;
        key.verify(self.body().as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| CheckpointError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, CheckpointError, Frontier, Hash, inner, leaf};

    /// RFC 6962's own definition, without the frontier.
    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Frontier::default().root(),
            [one] => *one,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                inner(&root(&leaves[..split]), &root(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_has_the_definitions_root_at_every_size() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        for n in 0..130_u32 {
            assert_eq!(frontier.root(), root(&leaves), "{n} leaves");
            let hash = leaf(&n.to_be_bytes());
            leaves.push(hash);
            frontier.push(hash);
            assert_eq!(Frontier::stored(frontier.size(), frontier.peaks().to_vec()).as_ref(), Some(&frontier));
        }
    }

    #[test]
    fn the_empty_tree_and_the_empty_leaf_have_rfc_6962s_hashes() {
        assert_eq!(
            Frontier::default().root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(leaf(b"").to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn an_altered_checkpoint_does_not_verify() {
        let mut frontier = Frontier::default();
        frontier.push(leaf(b"entry"));
        let good = Checkpoint::sign(&[3; 32], "lab", &frontier, "2026-01-01T00:00:00Z".to_owned());
        assert_eq!(good.verify(), Ok(()));
        let mut bad = good.clone();
        bad.size += 1;
        assert_eq!(bad.verify(), Err(CheckpointError::Signature));
    }
}
