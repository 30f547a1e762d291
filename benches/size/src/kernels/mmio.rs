//! The device is on MMIO.

use core::ptr::NonNull;

use aerostat_balloon::transport::{Mmio, MmioRegion};

pub(crate) type Bus = Mmio<MmioRegion>;

pub(crate) fn open(registers: NonNull<u8>, _function: u8) -> Option<Bus> {
    // SAFETY: the program is never run.
    Mmio::new(unsafe { MmioRegion::new(registers, 0x200) }).ok()
}
