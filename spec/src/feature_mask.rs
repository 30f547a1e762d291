//! Masks of features.

use core::fmt::{self, Debug, Formatter};
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::feature::{Feature, FeatureEntry, FeatureTable};

/// A mask of the features of one description ("Feature Bits", 2.2). `FeatureBits` in the module of a device is the mask of its
/// features.
///
/// ```
/// # #[cfg(feature = "balloon")] {
/// use aerostat_spec::balloon::{FeatureBits, feature};
///
/// let offered = FeatureBits::from_bits(0b1001);
/// assert!(offered.has::<feature::MustTellHost>());
/// assert!(!offered.has::<feature::StatsVq>());
/// assert_eq!(offered.with::<feature::StatsVq>().into_bits(), 0b1011);
/// assert_eq!(format!("{offered:?}"), "{VIRTIO_BALLOON_F_MUST_TELL_HOST, VIRTIO_BALLOON_F_FREE_PAGE_HINT}");
/// # }
/// ```
pub struct FeatureMask<T> {
    bits: u128,
    table: PhantomData<fn() -> T>,
}

impl<T: FeatureTable> FeatureMask<T> {
    /// Returns the mask without a feature.
    pub const fn new() -> Self {
        Self::from_bits(0)
    }

    /// Makes the mask from its bits. Bits that the description does not name are kept.
    pub const fn from_bits(bits: u128) -> Self {
        Self { bits, table: PhantomData }
    }

    /// Returns the bits.
    pub const fn into_bits(self) -> u128 {
        self.bits
    }

    /// Adds the feature `F`.
    #[must_use]
    pub const fn with<F: Feature<Owner = T::Owner>>(self) -> Self {
        Self::from_bits(self.bits | bit(F::BIT))
    }

    /// Removes the feature `F`.
    #[must_use]
    pub const fn without<F: Feature<Owner = T::Owner>>(self) -> Self {
        Self::from_bits(self.bits & !bit(F::BIT))
    }

    /// Returns whether the mask has the feature `F`.
    pub const fn has<F: Feature<Owner = T::Owner>>(self) -> bool {
        self.bits & bit(F::BIT) != 0
    }
}

/// The mask of one bit. The compiler of descriptions checks that bits are below 128. Others are in no mask.
const fn bit(number: u32) -> u128 {
    match 1_u128.checked_shl(number) {
        Some(bit) => bit,
        None => 0,
    }
}

impl<T> Clone for FeatureMask<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FeatureMask<T> {}

impl<T: FeatureTable> Default for FeatureMask<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> PartialEq for FeatureMask<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<T> Eq for FeatureMask<T> {}

impl<T> Hash for FeatureMask<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

/// The features with bits 0 to 63, as [`Accepted::bits`](crate::Accepted::bits) returns them.
impl<T: FeatureTable> From<u64> for FeatureMask<T> {
    fn from(bits: u64) -> Self {
        Self::from_bits(bits.into())
    }
}

impl<T: FeatureTable> From<u128> for FeatureMask<T> {
    fn from(bits: u128) -> Self {
        Self::from_bits(bits)
    }
}

impl<T: FeatureTable> From<FeatureMask<T>> for u128 {
    fn from(mask: FeatureMask<T>) -> Self {
        mask.into_bits()
    }
}

/// The set of the names of the specification. A bit that the description does not name is written as its number.
impl<T: FeatureTable> Debug for FeatureMask<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let low = T::ENTRIES.iter().map(|entry: &FeatureEntry| (entry.bit, entry.name));
        let wide = T::WIDE.iter().map(|entry| (entry.bit, entry.name));
        let name = |number| low.clone().chain(wide.clone()).find(|(bit, _)| *bit == number).map(|(_, name)| name);
        let mut set = f.debug_set();
        for number in (0..u128::BITS).filter(|number| self.bits & bit(*number) != 0) {
            match name(number) {
                Some(name) => set.entry(&format_args!("{name}")),
                None => set.entry(&number),
            };
        }
        set.finish()
    }
}
