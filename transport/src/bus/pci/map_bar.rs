//! The trait that maps BARs.

use crate::bus::pci::bar::BarRange;
use crate::io::Io;

/// Maps the BARs of a device. Any `FnMut(BarRange) -> Option<I>` implements it.
pub trait MapBar {
    /// Access to registers in a BAR.
    type Io: Io;

    /// Maps a range of a BAR for as long as the returned value or a clone of it exists. `None` if the range cannot be mapped.
    /// The transport then tries the next capability that describes the structure.
    ///
    /// The address and the length are what the device reports. They are bounded (a range ends below 2^56 and has at most 16 MiB),
    /// and the rest is the kernel's to check: a hostile device can report the address of RAM, or of the registers of another
    /// device. Return `None` unless the range lies in the windows that the platform assigns to PCI, and outside RAM.
    fn map(&mut self, range: BarRange) -> Option<Self::Io>;
}

impl<I: Io, F: FnMut(BarRange) -> Option<I>> MapBar for F {
    type Io = I;

    fn map(&mut self, range: BarRange) -> Option<I> {
        self(range)
    }
}
