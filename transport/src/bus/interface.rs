//! The modern and the legacy interface as types ("Legacy Interface: Terminology", 1.3.1).

use core::fmt::Debug;

use crate::bus::either::Either;

/// The interface of VIRTIO 1.0 and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modern;

/// The interface before VIRTIO 1.0: 32 feature bits, no FEATURES_OK, no reset of single queues, and rings in the byte order of
/// the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legacy;

/// The interface of a [`Transport`](crate::Transport): [`Modern`], [`Legacy`], or [`Either`] if it is selected at run time.
/// [`Interface`](aerostat_spec::Interface) is the same as a value. Sealed.
pub trait InterfaceKind: sealed::Sealed {
    /// The word of feature bits of the interface.
    type Features: FeatureBits;

    /// Whether it can be the legacy interface.
    #[doc(hidden)]
    const MAY_BE_LEGACY: bool;
}

impl InterfaceKind for Modern {
    type Features = u64;
    const MAY_BE_LEGACY: bool = false;
}

impl InterfaceKind for Legacy {
    type Features = u32;
    const MAY_BE_LEGACY: bool = true;
}

impl<A: InterfaceKind, B: InterfaceKind> InterfaceKind for Either<A, B> {
    type Features = u64;
    const MAY_BE_LEGACY: bool = A::MAY_BE_LEGACY || B::MAY_BE_LEGACY;
}

/// A word of feature bits: `u64`, or `u32` on the legacy interface. Sealed.
pub trait FeatureBits: Copy + Debug + Into<u64> + sealed::Sealed {
    /// Returns the bits that fit into the word.
    fn truncate(bits: u64) -> Self;
}

impl FeatureBits for u64 {
    fn truncate(bits: u64) -> Self {
        bits
    }
}

impl FeatureBits for u32 {
    fn truncate(bits: u64) -> Self {
        // Bits 32 to 63 do not exist on the legacy interface.
        bits as Self
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Modern {}
    impl Sealed for super::Legacy {}
    impl<A, B> Sealed for super::Either<A, B> {}
    impl Sealed for u32 {}
    impl Sealed for u64 {}
}
