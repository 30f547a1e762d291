//! Amounts of memory.

use std::fmt;

/// Bytes in a MiB.
const MIB: u64 = 1 << 20;

/// An amount of memory, in bytes. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// Converts from MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// Converts from KiB.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(1 << 10))
    }

    /// Returns the amount in MiB, rounded to the nearest.
    pub const fn mib(self) -> u64 {
        self.0.saturating_add(MIB / 2) / MIB
    }

    /// Returns the sum, or the largest amount on overflow.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, or zero if `other` is larger.
    pub const fn minus(self, other: Self) -> Self {
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
        assert_eq!(Bytes(1).minus(Bytes(2)), Bytes(0));
        assert_eq!(Bytes(1).plus(Bytes(u64::MAX)), Bytes(u64::MAX));
    }
}
