//! The MMIO transports of a microvm.

use aerostat_transport::Io;
use aerostat_transport::pci::Space;

use super::error::QemuError;
use super::io::QtestRegion;
use super::process::Qemu;

/// Where microvm has its transports, how far apart they are, and how many at most.
const FIRST: u64 = 0xfeb0_0000;
const BYTES: u64 = 512;
const COUNT: u64 = 24;

/// "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// Offset of DeviceID.
const DEVICE_ID: usize = 8;

impl<M> Qemu<M> {
    /// The registers of the virtio device of type `id` in a microvm: 5 for the balloon.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when there is none.
    pub fn mmio_device(&self, id: u32) -> Result<QtestRegion, QemuError> {
        let transports = (0..COUNT).map(|index| self.region(Space::Memory, FIRST + index * BYTES, BYTES as usize));
        let is_it = |region: &QtestRegion| region.read32(0) == MAGIC && region.read32(DEVICE_ID) == id;
        let found = transports.into_iter().find(is_it);
        self.check()?;
        found.ok_or_else(|| QemuError::NoDevice(format!("MMIO device of type {id}")))
    }
}
