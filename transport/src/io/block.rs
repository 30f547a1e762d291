//! The trait for access to a block of registers.

use crate::dma::DmaDomain;

/// A block of device registers.
///
/// The transports are written over this trait. [`MmioRegion`](crate::MmioRegion) accesses registers in memory and
/// [`PortRegion`](crate::PortRegion) behind I/O ports. Other implementations can use hypercalls, PCI configuration space or a
/// software device, so tests and fuzzers run the same transport code.
///
/// * Offsets are in bytes from the start of the block. This crate only makes naturally aligned accesses.
/// * Values have the byte order of the CPU. The implementation converts them from and to the little-endian registers.
/// * A read outside the block returns all ones and a write outside is ignored, as on a bus without a device. No access
///   panics, unless a software device of a test finds a mistake of the driver.
/// * Clones access the same registers. One clone may be used in an interrupt handler while another is in use elsewhere.
///
/// # Safety
///
/// Register accesses give memory to a device and take it back.
///
/// * An implementation performs every access inside the block on the register at that offset, unchanged and in program order, and
///   returns the value that the device returns.
/// * Only one driver uses the registers of a device at a time, through one transport and its handles. An access of another user
///   between two accesses of the transport, for instance to the register that selects a queue, could give the device wrong
///   addresses. The code that creates the value promises this for the value and its clones. An implementation that safe code can
///   create for the registers of a device must itself prevent a second user.
/// * [`Io::domain`] is the domain in which the device translates the addresses that it gets, and never changes.
pub unsafe trait Io: Clone {
    /// Returns the IOMMU domain of the device that has these registers. With VIRTIO_F_ACCESS_PLATFORM, only [`Dma`](crate::Dma)
    /// objects of the same [`domain`](crate::Dma::domain) are used for the device.
    ///
    /// The default implementation is for a device that does not translate addresses.
    fn domain(&self) -> DmaDomain {
        DmaDomain::IDENTITY
    }

    /// Returns the length of the block in bytes.
    fn len(&self) -> usize;

    /// Returns whether the block has no registers.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads 8 bits at `offset`.
    fn read8(&self, offset: usize) -> u8;
    /// Reads 16 bits at `offset`.
    fn read16(&self, offset: usize) -> u16;
    /// Reads 32 bits at `offset`.
    fn read32(&self, offset: usize) -> u32;
    /// Writes 8 bits at `offset`.
    fn write8(&self, offset: usize, value: u8);
    /// Writes 16 bits at `offset`.
    fn write16(&self, offset: usize, value: u16);
    /// Writes 32 bits at `offset`.
    fn write32(&self, offset: usize, value: u32);
}

/// Implements [`Io`] for a generic wrapper by forwarding to a field. The domain may be another one.
macro_rules! delegate {
    ($wrapper:ident, $field:ident) => {
        $crate::io::delegate!($wrapper, $field, |io| io.$field.domain());
    };
    ($wrapper:ident, $field:ident, |$io:ident| $domain:expr) => {
        // SAFETY: every access is forwarded to a block that keeps the contract.
        unsafe impl<I: $crate::io::Io> $crate::io::Io for $wrapper<I> {
            fn domain(&self) -> $crate::dma::DmaDomain {
                let $io = self;
                $domain
            }

            fn len(&self) -> usize {
                self.$field.len()
            }

            fn read8(&self, offset: usize) -> u8 {
                self.$field.read8(offset)
            }

            fn read16(&self, offset: usize) -> u16 {
                self.$field.read16(offset)
            }

            fn read32(&self, offset: usize) -> u32 {
                self.$field.read32(offset)
            }

            fn write8(&self, offset: usize, value: u8) {
                self.$field.write8(offset, value);
            }

            fn write16(&self, offset: usize, value: u16) {
                self.$field.write16(offset, value);
            }

            fn write32(&self, offset: usize, value: u32) {
                self.$field.write32(offset, value);
            }
        }
    };
}
pub(crate) use delegate;
