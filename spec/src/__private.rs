//! What generated code uses beside the public items. No part of the API.

pub use aerostat_macros as macros;
pub use bitfield_struct::bitfield;
pub use static_assertions;
pub use zerocopy;

pub use core;

pub mod described;

/// What generated modules import, so that they compile where there is no prelude.
pub mod prelude {
    pub use core;
    pub use core::panic;
    pub use core::prelude::rust_2024::*;
}
