//! Tests of the device model with a driver that can break every rule.
//!
//! The tests of buffers do not depend on the ring format and run once for each [`Format`].

// The modules are included once for each ring format on purpose.
#![allow(clippy::duplicate_mod)]

mod conforming;
mod driver;
mod free_runs;
mod hypervisors;
mod legacy_interface;
mod numbering;
mod packed_rings;
mod platform;
mod qemu;
mod random;
mod register_faults;
mod soft;
mod split_rings;
mod violations;

use split::raw_driver;

/// A ring format, and the interface it is used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Split,
    Packed,
    /// Split rings of the legacy interface: one contiguous area, guest-endian.
    Legacy,
}

macro_rules! for_each_format {
    ($($name:ident: $format:ident [$($more:ident)*],)*) => {
        $(
            #[path = "."]
            pub(crate) mod $name {
                pub(crate) const FORMAT: crate::Format = crate::Format::$format;

                // Not every format uses all of it.
                #[allow(dead_code)]
                pub(crate) mod raw_driver;
                mod buffers;
                mod hinting;
                mod indirect;
                mod queue_faults;
                mod modes;
                mod poison;
                mod quirks;
                mod reporting;
                mod statistics;
                $(mod $more;)*
            }
        )*
    };
}

for_each_format! {
    split: Split [access_platform in_order notification_data ring_reset],
    packed: Packed [access_platform in_order notification_data ring_reset],
    legacy: Legacy [],
}
