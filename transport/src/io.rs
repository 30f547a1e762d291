//! How a register is reached.
//!
//! The transports are written once, over the [`Io`] trait. [`MmioRegion`](crate::MmioRegion) reaches registers by
//! volatile memory access, [`PortRegion`](crate::PortRegion) by port I/O; a hypercall, the PCI configuration window or a
//! software register file are other implementations, so that the very same transport code runs in a test, under a
//! fuzzer, or against another project's device model.

/// A block of device registers that starts at offset 0.
///
/// Values are numbers: an implementation decodes and encodes the little-endian bytes that a device presents, whatever
/// the byte order of the CPU. Offsets are in bytes and naturally aligned by every caller in this crate. A read that
/// does not fit into the block gives all ones and a write that does not fit is ignored, as on a bus where nobody
/// answers: no access panics.
///
/// Clones reach the same registers, and one may be used in an interrupt handler while another is in use elsewhere.
/// Transports call [`Io::len`] once and check that what the driver needs is inside.
///
/// # Safety
///
/// Drivers lend memory to a device, and take it back, by what they write to and read from its registers. An implementation
/// passes every access inside the block on to the register at that offset, unchanged, in program order, and returns what
/// the device answers.
pub unsafe trait Io: Clone {
    /// Length of the block in bytes.
    fn len(&self) -> usize;

    /// Whether the block has no registers at all.
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

/// Implements [`Io`] for a generic wrapper by its field.
macro_rules! delegate {
    ($wrapper:ident, $field:ident) => {
        // SAFETY: every access is passed on to a block that keeps the contract.
        unsafe impl<I: $crate::io::Io> $crate::io::Io for $wrapper<I> {
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
