//! Identifies the device behind a block of MMIO registers.

use aerostat_spec::DeviceId;
use aerostat_spec::mmio::modern::{self as reg, Space};
use aerostat_spec::mmio::{CONFIG_OFFSET, MAGIC, VERSION_LEGACY, VERSION_MODERN};

use crate::io::{Io, Registers};

/// The registers do not belong to a usable device. [`MmioError::NoDevice`] is normal: the slot is empty.
// conformance: construct mmio.reg.11: `NoDevice` tells the caller that the slot is empty; nothing is logged
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MmioError {
    /// The block of registers is too small.
    #[error("the region has {len} bytes and the registers take {needed}")]
    TooSmall {
        /// Bytes that the registers take.
        needed: usize,
        /// Bytes of the region.
        len: usize,
    },
    /// The registers are not those of a virtio device.
    #[error("the magic value is {found:#010x} instead of {MAGIC:#010x}: this is not a virtio device")]
    Magic {
        /// The value that was read.
        found: u32,
    },
    /// The device has another version of the register layout.
    #[error(
        "the device has version {found} of the register layout and this transport is for version {expected}; use `Mmio` for \
         version 2, `LegacyMmio` for version 1, `Mmio::either` for both"
    )]
    Version {
        /// The version of the transport.
        expected: u32,
        /// The version that was read.
        found: u32,
    },
    /// The slot is empty (device id 0). Continue with the next slot.
    #[error("the slot has no device")]
    NoDevice,
}

/// Returns the type of the device, if its registers have the layout of version `expected`. The registers read here are the same
/// in both versions.
pub(super) fn identify<I: Io>(io: &I, expected: u32) -> Result<DeviceId, MmioError> {
    if io.len() < CONFIG_OFFSET {
        return Err(MmioError::TooSmall { needed: CONFIG_OFFSET, len: io.len() });
    }
    let registers = Registers::<Space, _>::new(io.clone());
    match registers.read(reg::MagicValue) {
        MAGIC => {}
        found => return Err(MmioError::Magic { found }),
    }
    let version = registers.read(reg::Version);
    if ![VERSION_LEGACY, VERSION_MODERN].contains(&version) {
        return Err(MmioError::Version { expected, found: version });
    }
    match registers.read(reg::DeviceId) {
        // An empty slot has either version.
        0 => Err(MmioError::NoDevice),
        id if version == expected => Ok(DeviceId(id)),
        _ => Err(MmioError::Version { expected, found: version }),
    }
}
