//! Amounts of memory and disk space.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of memory or disk space in bytes. Proxmox counts in binary units
/// throughout; so does this type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Size(u64);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

impl Size {
    /// `bytes` bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// `mib` MiB; saturates.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// `gib` GiB; saturates.
    #[must_use]
    pub const fn gib(gib: u64) -> Self {
        Self(gib.saturating_mul(GIB))
    }

    /// In bytes.
    #[must_use]
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// In whole MiB, rounded down.
    #[must_use]
    pub const fn as_mib(self) -> u64 {
        self.0 / MIB
    }

    /// In whole GiB, rounded up: what Proxmox needs to hold it.
    #[must_use]
    pub const fn as_gib_ceil(self) -> u64 {
        self.0.div_ceil(GIB)
    }

    /// Whether this is a whole number of MiB, the unit of Proxmox's memory.
    #[must_use]
    pub const fn is_whole_mib(self) -> bool {
        self.0.is_multiple_of(MIB)
    }

    /// Whether this is a whole number of GiB, the unit in which disks are created.
    #[must_use]
    pub const fn is_whole_gib(self) -> bool {
        self.0.is_multiple_of(GIB)
    }

    /// The sum, or `None` where it leaves the range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, zero at least.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads a size as Proxmox writes it in volume options: a number with `K`, `M`, `G` or `T`, or bytes.
    #[must_use]
    pub fn from_proxmox(text: &str) -> Option<Self> {
        let (digits, unit) = match text.as_bytes().last()? {
            b'K' => (&text[..text.len() - 1], KIB),
            b'M' => (&text[..text.len() - 1], MIB),
            b'G' => (&text[..text.len() - 1], GIB),
            b'T' => (&text[..text.len() - 1], TIB),
            _ => (text, 1),
        };
        digits.parse::<u64>().ok()?.checked_mul(unit).map(Self)
    }
}

/// The largest binary unit in which the amount is a whole number, e.g. `8 GiB` or `1536 MiB`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
        match units.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn shows_the_largest_exact_unit() {
        assert_eq!(Size::gib(8).to_string(), "8 GiB");
        assert_eq!(Size::mib(1536).to_string(), "1536 MiB");
        assert_eq!(Size::gib(2048).to_string(), "2 TiB");
        assert_eq!(Size::bytes(540_672).to_string(), "528 KiB");
    }

    #[test]
    fn reads_what_proxmox_writes() {
        assert_eq!(Size::from_proxmox("32G"), Some(Size::gib(32)));
        assert_eq!(Size::from_proxmox("528K"), Some(Size::bytes(540_672)));
        assert_eq!(Size::from_proxmox("99999999999999999999T"), None);
        assert_eq!(Size::from_proxmox("x"), None);
    }
}
