//! Typed identifiers. All are UUIDv7, so that they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::ports::Clock;

/// A fresh UUIDv7 (RFC 9562) from the clock port's time and randomness.
fn fresh(clock: &dyn Clock) -> Uuid {
    let mut random = [0; 10];
    clock.random(&mut random);
    let millis = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, later than all made before it on this clock.
            #[must_use]
            pub fn fresh(clock: &dyn Clock) -> Self {
                Self(fresh(clock))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A person who may log in.
    UserId
    /// What somebody typed, and all that follows from it.
    DeclarationId
    /// The carrying-out of one approved plan.
    ReconciliationId
    /// A guest of ours, for as long as it is declared: what its marker names.
    ResourceId
    /// A yes in advance to repairs of one declaration.
    StandingId
    /// A Proxmox VE cluster that guests are declared on.
    ClusterId
}

impl ClusterId {
    /// The cluster of the settings, which every installation has.
    pub const FIRST: Self = Self(Uuid::nil());
}

impl ResourceId {
    /// The id of the `ordinal`-th guest that a declaration makes. It is a function of
    /// both, so that planning the same declaration twice names the same resources.
    #[must_use]
    pub fn nth_of(declaration: DeclarationId, ordinal: usize) -> Self {
        use sha2::{Digest, Sha256};
        let hash = Sha256::new()
            .chain_update(b"mycopod resource v1")
            .chain_update(declaration.0.as_bytes())
            .chain_update(u64::try_from(ordinal).unwrap_or(u64::MAX).to_be_bytes())
            .finalize();
        // The declaration's time in front keeps the order; version and variant bits as in v7.
        let (time, _) = declaration.0.as_bytes().split_at(6);
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        let millis = time.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}
