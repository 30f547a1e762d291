//! The two interfaces of the specification, as types ("Legacy Interface: Terminology", 1.3.1).

use core::fmt::Debug;

use crate::any::Either;

/// VIRTIO 1.0 and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modern;

/// What there was before VIRTIO 1.0: 32 feature bits, no FEATURES_OK, queues that are reset with their device only, and
/// rings in the byte order of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legacy;

/// Which interface a [`Transport`](crate::Transport) is for: [`Modern`], [`Legacy`], or [`Either`], where that is found out
/// at run time. Sealed.
pub trait InterfaceKind: sealed::Sealed {
    /// As many feature bits as the interface has.
    type Features: FeatureBits;
}

impl InterfaceKind for Modern {
    type Features = u64;
}

impl InterfaceKind for Legacy {
    type Features = u32;
}

impl<A: InterfaceKind, B: InterfaceKind> InterfaceKind for Either<A, B> {
    type Features = u64;
}

/// A word of feature bits: `u64`, or `u32` on the legacy interface. Sealed.
pub trait FeatureBits: Copy + Debug + Into<u64> + sealed::Sealed {
    /// Those of the bits that the word has.
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
