//! Items that generated code uses and that are not part of the API.

pub use aerostat_macros as macros;
pub use bitfield_struct::bitfield;
pub use zerocopy;

pub use core;

pub use crate::device::queue_index;
pub use crate::feature_set::{Declaration, Set, check_declaration};
pub use crate::request::{AnswerReader, check_equal, check_len, limited, put_zeros, to_usize};
pub use crate::requirement_table::AllAbsent;
pub use crate::union::{entry_bytes, read_entry};
pub use crate::wide::{HighBits, WideBits, WideEntry};

/// The traits that generated code implements in place of the public traits of the same names.
pub mod described {
    pub use crate::field::described::{Readable, Settable, Writable};
    pub use crate::negotiate::described::Gives;
}

/// The digits of a feature's index.
pub mod digit {
    pub use crate::requirement_table::{Digit0, Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, High};
}

/// Imports of every generated module, for crates without a prelude.
pub mod prelude {
    pub use core;
    pub use core::panic;
    pub use core::prelude::rust_2024::*;
}
