//! The features of a description.

use core::marker::PhantomData;

use crate::requirement_table::Index;
use crate::wide::{HighBits, WideEntry};

/// A feature of a description, as a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature",
    label = "not a feature",
    note = "use a feature from the `feature` module of a device or from `reserved::feature` of `aerostat_spec` or a re-export of it such as `aerostat_balloon::spec`"
)]
pub trait Feature: Copy + core::fmt::Debug + Send + Sync + 'static {
    /// The owner of the feature bit: [`OfDevice`] or [`Reserved`].
    type Owner;
    /// [`BIT`](Self::BIT) as a type.
    #[doc(hidden)]
    type Index: Index;
    /// Number of the feature bit, 0 to 127.
    const BIT: u32;
    /// The name in the specification, for instance `VIRTIO_BALLOON_F_STATS_VQ`.
    const NAME: &'static str;
    /// Mask of the features with bits 0 to 63 that this one requires.
    const REQUIRES: u64;
    /// Masks of features with bits 0 to 63. This feature requires at least one feature of each mask.
    const REQUIRES_ANY: &'static [u64] = &[];
}

/// Owner of the feature bits of the device type `D` (bits 0 to 23, 41, 42 and 50 to 127).
#[derive(Debug)]
pub struct OfDevice<D>(PhantomData<D>);

/// Owner of the reserved feature bits (24 to 41 and 43), which do not depend on the device type.
#[derive(Debug)]
pub struct Reserved;

/// The features of a description, all of one owner.
pub trait FeatureTable: Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// The owner: [`OfDevice`] or [`Reserved`].
    type Owner;
    /// The features with bits 0 to 63, in order of their bits.
    const ENTRIES: &'static [FeatureEntry];
    /// All features, if some have bits above 63. Otherwise empty, so that drivers of most devices contain no code for these bits.
    #[doc(hidden)]
    const WIDE: &'static [WideEntry] = &[];
    /// What a negotiation stores about the bits above 63: nothing, if no feature has such a bit.
    #[doc(hidden)]
    type High: HighBits;
}

/// A feature of a [`FeatureTable`], as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureEntry {
    /// [`Feature::BIT`].
    pub bit: u32,
    /// [`Feature::NAME`].
    pub name: &'static str,
    /// [`Feature::REQUIRES`].
    pub requires: u64,
    /// [`Feature::REQUIRES_ANY`].
    pub requires_any: &'static [u64],
}

impl FeatureEntry {
    /// Describes the feature `F`.
    pub const fn new<F: Feature>() -> Self {
        Self { bit: F::BIT, name: F::NAME, requires: F::REQUIRES, requires_any: F::REQUIRES_ANY }
    }

    /// Returns the mask of the features that this one requires and that `accepted` does not have. If one feature of a
    /// group is required, it contains the whole group.
    pub(crate) fn missing(&self, accepted: u64) -> u64 {
        let groups = self.requires_any.iter().filter(|group| *group & accepted == 0);
        groups.fold(self.requires & !accepted, |missing, group| missing | group)
    }

    /// Returns the mask of this feature's bit.
    pub(crate) const fn mask(&self) -> u64 {
        1 << (self.bit & 63)
    }
}
