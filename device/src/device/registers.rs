//! The register file of a device, for the driver.

use std::fmt;
use std::sync::Arc;

use aerostat_transport::{DmaDomain, Io};

use super::shared::Shared;
use crate::memory::Iommu;
use crate::model::CONFIG;
use crate::width::accesses_by_width;

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
    accesses_by_width!();
}

impl fmt::Debug for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registers").field("len", &self.len).finish_non_exhaustive()
    }
}
