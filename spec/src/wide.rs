//! What is described and stored about features with bits above 63.

use core::fmt::Debug;

/// What a negotiation stores about the bits above 63. The result of most negotiations has no such bits, and stores nothing.
pub trait HighBits: Copy + Debug + Eq + Send + Sync + 'static {
    /// Stores the masks.
    fn new(offered: u64, accepted: u64) -> Self;
    /// The features that the device offered.
    fn offered(self) -> u64;
    /// The features that were accepted.
    fn accepted(self) -> u64;
}

impl HighBits for () {
    fn new(_offered: u64, _accepted: u64) -> Self {}

    fn offered(self) -> u64 {
        0
    }

    fn accepted(self) -> u64 {
        0
    }
}

/// The [`HighBits`] of a device that has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideBits {
    offered: u64,
    accepted: u64,
}

impl HighBits for WideBits {
    fn new(offered: u64, accepted: u64) -> Self {
        Self { offered, accepted }
    }

    fn offered(self) -> u64 {
        self.offered
    }

    fn accepted(self) -> u64 {
        self.accepted
    }
}

/// A feature of a device that has features with bits above 63.
#[derive(Clone, Copy, Debug)]
pub struct WideEntry {
    /// The number of its bit.
    pub bit: u32,
    /// The name in the specification.
    pub name: &'static str,
    /// Mask of the features that this one requires.
    pub requires: u128,
    /// Masks of features. This feature requires at least one feature of each mask.
    pub requires_any: &'static [u128],
}

impl WideEntry {
    /// Returns the features that this one lacks if these are accepted.
    pub(crate) fn missing(&self, accepted: u128) -> u128 {
        let groups = self.requires_any.iter().filter(|group| *group & accepted == 0);
        groups.fold(self.requires & !accepted, |missing, group| missing | group)
    }
}
