//! The registers as the driver gets them.

use std::fmt;
use std::sync::Arc;

use aerostat_transport::Io;

use crate::model::CONFIG;
use crate::shared::Shared;

/// The registers of a [`BalloonDevice`](crate::BalloonDevice): VIRTIO over MMIO, version 2, or 1 for
/// a legacy device.
///
/// Clones reach the same device. An access outside the registers is a violation that the device notes.
#[derive(Clone)]
pub struct Registers {
    shared: Arc<Shared>,
    len: usize,
}

impl Registers {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let len = CONFIG + shared.look(|state| state.config_len());
        Self { shared, len }
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        self.shared.act(|state| state.read(offset, bits))
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        self.shared.act(|state| state.write(offset, bits, value));
    }
}

// SAFETY: each access is made on the model of the device, under its lock.
unsafe impl Io for Registers {
    fn len(&self) -> usize {
        self.len
    }

    // What is not 32 bits wide is a violation, and reads as zero.
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
