//! Dependence on features.

use crate::name::Name;

/// The lowest feature bit that negotiation does not reach. Features from here on are only described.
pub const NEGOTIABLE_BITS: u32 = 64;

/// A feature that an item depends on.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
}

impl Condition {
    /// Returns whether negotiation reaches the feature.
    pub const fn is_negotiable(&self) -> bool {
        self.bit < NEGOTIABLE_BITS
    }
}
