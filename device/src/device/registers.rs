//! The register file of a device, for the driver.

use std::fmt;
use std::sync::Arc;

use aerostat_transport::{DmaDomain, Io};

use super::shared::Shared;
use crate::memory::Iommu;
use crate::model::CONFIG;

/// The register file of a [`BalloonDevice`](crate::BalloonDevice): virtio over MMIO, version 2, or version 1 for a legacy
/// device.
///
/// Clones access the same device. The device records an access outside the register file as a violation.
#[derive(Clone)]
pub struct Registers {
    shared: Arc<Shared>,
    len: usize,
}

impl Registers {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let len = CONFIG + shared.inspect(|state| state.config_len());
        Self { shared, len }
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        self.shared.act(|state| state.read(offset, bits))
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        self.shared.act(|state| state.write(offset, bits, value));
    }
}

// SAFETY: each access is a call of the device model, under its lock. The domain is that of its IOMMU, which never changes.
unsafe impl Io for Registers {
    fn domain(&self) -> DmaDomain {
        self.shared.inspect(|state| Iommu::domain(state.iommu()))
    }

    fn len(&self) -> usize {
        self.len
    }

    // The device model rejects accesses of other widths than 32 bits, and reads them as 0.
    fn read8(&self, offset: usize) -> u8 {
        self.read(offset, 8) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.read(offset, 16) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.read(offset, 32)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.write(offset, 8, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        self.write(offset, 16, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        self.write(offset, 32, value);
    }
}

impl fmt::Debug for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registers").field("len", &self.len).finish_non_exhaustive()
    }
}
