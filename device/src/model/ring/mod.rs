//! A virtqueue in memory, from the device's side, independent of its format (2.6).

mod chain;
mod layout;
mod packed;
mod packed_position;
mod split;

pub(crate) use chain::{Chain, Defect, Element};
pub(crate) use layout::{Completion, EventMode, Format, Order, Overrun, Ring, RingSetup, are_areas_valid};

/// Creates the device's side of a ring.
pub(crate) fn new_ring(format: Format, setup: RingSetup) -> Box<dyn Ring> {
    match format {
        Format::Split => Box::new(split::Split::new(setup)),
        Format::Packed => Box::new(packed::Packed::new(setup)),
    }
}
