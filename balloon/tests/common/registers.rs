//! Registers of a device whose accesses a test observes or changes.

use aerostat_balloon::transport::{DmaDomain, Io};
use aerostat_device::Registers;

/// What a test does at the accesses of registers.
pub(crate) trait Observe: Clone {
    /// Called before an access, with the value if it is a write.
    fn access(&self, _offset: usize, _written: Option<u32>) {}

    /// Returns what the driver reads in place of `value`.
    fn read(&self, _offset: usize, value: u32) -> u32 {
        value
    }
}

/// Registers that call `O`.
#[derive(Clone, Debug)]
pub(crate) struct Observed<O>(pub(crate) Registers, pub(crate) O);

impl<O: Observe> Observed<O> {
    fn observe_read<V: Into<u32>>(&self, offset: usize, read: impl FnOnce(&Registers) -> V) -> u32 {
        self.1.access(offset, None);
        self.1.read(offset, read(&self.0).into())
    }

    fn observe_write(&self, offset: usize, value: impl Into<u32>) -> &Registers {
        self.1.access(offset, Some(value.into()));
        &self.0
    }
}

// SAFETY: every access that does not panic reaches the register at its offset. A test that changes what is read uses the memory of the
// test, which stays mapped as long as the device may access it.
unsafe impl<O: Observe> Io for Observed<O> {
    fn domain(&self) -> DmaDomain {
        self.0.domain()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.observe_read(offset, |registers| registers.read8(offset)) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.observe_read(offset, |registers| registers.read16(offset)) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.observe_read(offset, |registers| registers.read32(offset))
    }

    fn write8(&self, offset: usize, value: u8) {
        self.observe_write(offset, value).write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.observe_write(offset, value).write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.observe_write(offset, value).write32(offset, value);
    }
}
