//! The device by itself, driven by hand: it has to be right before it can judge a driver.
//!
//! What concerns buffers is the same whatever the queues look like: those tests run once for each [`Shape`].

// On purpose: the same tests, over another shape.
#![allow(clippy::duplicate_mod)]

mod driver;
mod honest;
mod legacy_interface;
mod lending;
mod numbering;
mod packed_rings;
mod platform;
mod qemu;
mod register_lies;
mod split_rings;
mod violations;

use split::by_hand;

/// What queues look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Split,
    Packed,
    /// Split, in one piece, by the registers of version 1, and in the byte order of this machine.
    Legacy,
}

macro_rules! over {
    ($($name:ident: $shape:ident [$($more:ident)*],)*) => {
        $(
            #[path = "."]
            pub(crate) mod $name {
                pub(crate) const SHAPE: crate::Shape = crate::Shape::$shape;

                // Each shape, and each test of one, needs a part of it.
                #[allow(dead_code)]
                pub(crate) mod by_hand;
                mod buffers;
                mod hinting;
                mod indirect;
                mod misbehaviour;
                mod modes;
                mod poison;
                mod reporting;
                mod statistics;
                $(mod $more;)*
            }
        )*
    };
}

over! {
    split: Split [access_platform in_order notification_data ring_reset],
    packed: Packed [access_platform in_order notification_data ring_reset],
    legacy: Legacy [],
}
