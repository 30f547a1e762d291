//! The virtio MMIO transports of a microvm machine.

use aerostat_transport::Io;
use aerostat_transport::pci::Space;

use super::error::QemuError;
use super::io::QtestRegion;
use super::process::Qemu;

/// Address of the first transport of a microvm, size of each transport in bytes, and their number.
const FIRST: u64 = 0xfeb0_0000;
const BYTES: u64 = 512;
const COUNT: u64 = 24;

/// The value of MagicValue: "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// Offset in bytes of DeviceID.
const DEVICE_ID: usize = 8;

impl<M> Qemu<M> {
    /// Returns the registers of the virtio device with this device id (5: balloon) in a microvm.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if the machine has no such device, or QEMU does not answer.
    pub fn mmio_device(&self, id: u32) -> Result<QtestRegion, QemuError> {
        let transports = (0..COUNT).map(|index| self.region(Space::Memory, FIRST + index * BYTES, BYTES as usize));
        let matches = |region: &QtestRegion| region.read32(0) == MAGIC && region.read32(DEVICE_ID) == id;
        let found = transports.into_iter().find(matches);
        self.check()?;
        found.ok_or_else(|| QemuError::NoDevice(format!("virtio MMIO device with id {id}")))
    }
}
