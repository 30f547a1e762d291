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
    /// The device reports address and length. They are bounded: a range ends below 2^56 and has at most 16 MiB. The kernel must
    /// check the rest, because a hostile device can report the address of RAM or of another device's registers. Return `None`
    /// unless the range lies inside a BAR that the kernel or its firmware assigned to this function. A kernel that did not record
    /// the BARs compares the range at least with the windows of PCI and with RAM, which does not protect other devices.
    ///
    /// Only one driver may use the registers, see [`Io`]: map nothing for a second transport while the first one is in use.
    fn map(&mut self, range: BarRange) -> Option<Self::Io>;
}

impl<I: Io, F: FnMut(BarRange) -> Option<I>> MapBar for F {
    type Io = I;

    fn map(&mut self, range: BarRange) -> Option<I> {
        self(range)
    }
}
