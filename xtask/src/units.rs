//! Amounts of memory.

use std::fmt;

/// Bytes in a MiB.
const MIB: u64 = 1 << 20;

/// An amount of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) u64);

impl Bytes {
    /// So many MiB.
    pub(crate) const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// So many KiB.
    pub(crate) const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// In MiB, to the nearest.
    pub(crate) const fn mib(self) -> u64 {
        self.0.saturating_add(MIB / 2) / MIB
    }

    /// The sum.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or zero where `other` is larger.
    pub(crate) const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.mib())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mib_are_rounded_to_the_nearest() {
        assert_eq!(Bytes::from_mib(256).mib(), 256);
        assert_eq!(Bytes(256 * MIB + MIB / 2 - 1).mib(), 256);
        assert_eq!(Bytes(256 * MIB + MIB / 2).mib(), 257);
        assert_eq!(Bytes::from_kib(1536).mib(), 2);
    }

    #[test]
    fn extreme_amounts_do_not_overflow() {
        assert_eq!(Bytes::from_mib(u64::MAX), Bytes(u64::MAX));
        assert_eq!(Bytes(u64::MAX).mib(), u64::MAX / MIB);
        assert_eq!(Bytes(1).less(Bytes(2)), Bytes(0));
        assert_eq!(Bytes(1).plus(Bytes(u64::MAX)), Bytes(u64::MAX));
    }
}
