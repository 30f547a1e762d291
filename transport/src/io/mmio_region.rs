//! Registers in memory.

use core::ptr::NonNull;

use safe_mmio::UniqueMmioPointer;
use safe_mmio::fields::ReadPureWrite;

use crate::io::block::Io;

/// Registers that are mapped into memory.
///
/// The accesses are those of [`safe_mmio`], which uses only instructions that hypervisors can emulate.
#[derive(Clone, Debug)]
pub struct MmioRegion {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: every CPU accesses the registers in the same way, and the contract of `MmioRegion::new` allows clones to be used
// at the same time.
unsafe impl Send for MmioRegion {}
// SAFETY: as above; every method makes a single volatile access.
unsafe impl Sync for MmioRegion {}

impl MmioRegion {
    /// Returns the registers at the virtual address `start`, `len` bytes long.
    ///
    /// # Safety
    ///
    /// * The region is mapped as device memory, for reads and writes, for as long as this value or a clone exists.
    /// * The registers belong to one device, whose driver is the only user, and no Rust reference points to them.
    /// * The caller is responsible for what is written through the value and its clones, because registers can make a device
    ///   write to memory.
    pub const unsafe fn new(start: NonNull<u8>, len: usize) -> Self {
        Self { start, len }
    }

    /// Returns a pointer to the `T` at `offset`; `None` if it is outside or not aligned.
    fn register<T>(&self, offset: usize) -> Option<UniqueMmioPointer<'_, ReadPureWrite<T>>> {
        let fits = offset.checked_add(size_of::<T>()).is_some_and(|end| end <= self.len);
        if !fits {
            return None;
        }
        // SAFETY: `offset` is inside the region, as just checked.
        let at = unsafe { self.start.add(offset) }.cast::<ReadPureWrite<T>>();
        if !at.is_aligned() {
            return None;
        }
        // SAFETY: the register is mapped device memory by the contract of `new`, and aligned, as just checked. Clones may hold
        // such a pointer to the same register at the same time; each makes one volatile access with it, which device memory
        // permits from several contexts at once.
        Some(unsafe { UniqueMmioPointer::new(at) })
    }
}

macro_rules! access {
    ($int:ty, $read:ident, $write:ident) => {
        #[inline(never)]
        fn $read(&self, offset: usize) -> $int {
            self.register::<$int>(offset).map_or(<$int>::MAX, |register| <$int>::from_le(register.read()))
        }

        #[inline(never)]
        fn $write(&self, offset: usize, value: $int) {
            if let Some(mut register) = self.register::<$int>(offset) {
                register.write(value.to_le());
            }
        }
    };
}

// SAFETY: each access is one volatile access to the register.
unsafe impl Io for MmioRegion {
    fn len(&self) -> usize {
        self.len
    }

    access!(u8, read8, write8);
    access!(u16, read16, write16);
    access!(u32, read32, write32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(8))]
    struct Memory([u8; 16]);

    fn region(memory: &mut Memory) -> MmioRegion {
        // SAFETY: the array is aligned and outlives the region, and nothing else accesses it in the meantime.
        unsafe { MmioRegion::new(NonNull::from(&mut memory.0).cast(), 16) }
    }

    #[test]
    fn registers_are_little_endian() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(4, 0x0102_0304);
        region.write16(8, 0x0506);
        region.write8(11, 7);
        assert_eq!([region.read8(4), region.read8(7), region.read8(8), region.read8(11)], [4, 1, 6, 7]);
        assert_eq!((region.read32(4), region.read16(8)), (0x0102_0304, 0x0506));
    }

    #[test]
    fn an_access_outside_reads_ones_and_writes_nothing() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        for offset in [13, 16, usize::MAX - 1, usize::MAX] {
            region.write32(offset, 5);
            assert_eq!(region.read32(offset), u32::MAX, "{offset:#x}");
        }
        assert_eq!(region.read32(12), 0);
    }

    #[test]
    fn an_unaligned_access_reads_ones_and_writes_nothing() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(2, 5);
        assert_eq!((region.read32(2), region.read32(0)), (u32::MAX, 0));
    }
}
