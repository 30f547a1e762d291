//! Dependence on features.

use crate::name::Name;

/// The lowest feature bit that is not in the first word of 64 bits.
pub const FIRST_HIGH_BIT: u32 = 64;

/// A feature that an item depends on.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
}

impl Condition {
    /// Returns whether the bit is above 63.
    pub const fn is_high(&self) -> bool {
        self.bit >= FIRST_HIGH_BIT
    }
}
