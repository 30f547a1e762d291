//! The trait that maps BARs.

use crate::bus::pci::bar::BarRange;
use crate::io::Io;

/// Maps the BARs of a device. Any `FnMut(BarRange) -> Option<I>` implements it.
pub trait MapBar {
    /// Access to registers in a BAR.
    type Io: Io;

    /// Maps a range of a BAR for as long as the returned value or a clone of it exists. `None` if the range cannot be mapped.
    fn map(&mut self, range: BarRange) -> Option<Self::Io>;
}

impl<I: Io, F: FnMut(BarRange) -> Option<I>> MapBar for F {
    type Io = I;

    fn map(&mut self, range: BarRange) -> Option<I> {
        self(range)
    }
}
