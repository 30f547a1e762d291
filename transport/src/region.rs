//! Registers in memory and behind I/O ports.

use core::ptr::NonNull;

use safe_mmio::UniqueMmioPointer;
use safe_mmio::fields::ReadPureWrite;

use crate::io::Io;

/// Registers reached by volatile memory access.
///
/// The accesses are those of [`safe_mmio`], which uses instructions that a hypervisor can emulate on every architecture.
#[derive(Clone, Debug)]
pub struct MmioRegion {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: registers are reached in the same way from every CPU, and the contract of `MmioRegion::new` lets clones be
// used at the same time.
unsafe impl Send for MmioRegion {}
// SAFETY: as above; every method takes one single volatile access.
unsafe impl Sync for MmioRegion {}

impl MmioRegion {
    /// The registers at virtual address `start`, `len` bytes long.
    ///
    /// # Safety
    ///
    /// * The region is mapped as device memory, for reads and writes, for as long as this value or a clone exists.
    /// * The registers belong to one device, whose driver is the only user; no Rust reference points to them. Whoever calls
    ///   this answers for what is written through the value and its clones: registers can make a device write to memory.
    pub const unsafe fn new(start: NonNull<u8>, len: usize) -> Self {
        Self { start, len }
    }

    /// A pointer to the `T` at `offset`, where it is inside and aligned.
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
        // SAFETY: by the contract of `new` the register is mapped device memory, and it is aligned, as just checked.
        // Clones may hold such a pointer to the same register at the same time; each makes exactly one volatile access
        // with it, which device memory permits from several contexts at once.
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

/// A part of another block of registers.
#[derive(Clone, Debug)]
pub struct Window<I> {
    io: I,
    start: usize,
    len: usize,
}

impl<I: Io> Window<I> {
    /// The `len` bytes of `io` from `start` on, or `None` where `io` is shorter than that.
    pub fn new(io: I, start: usize, len: usize) -> Option<Self> {
        let fits = start.checked_add(len).is_some_and(|end| end <= io.len());
        fits.then_some(Self { io, start, len })
    }

    /// All of `io` from `start` on; empty where `io` ends before.
    pub fn rest(io: I, start: usize) -> Self {
        let len = io.len().saturating_sub(start);
        Self { io, start, len }
    }

    /// The `len` bytes of this window from `start` on, where it is that long.
    pub(crate) fn part(&self, start: usize, len: usize) -> Option<Self> {
        let fits = start.checked_add(len).is_some_and(|end| end <= self.len);
        fits.then(|| Self { io: self.io.clone(), start: self.start.saturating_add(start), len })
    }

    /// All of this window from `start` on; empty where it ends before.
    pub(crate) fn rest_from(&self, start: usize) -> Self {
        let start = start.min(self.len);
        Self { io: self.io.clone(), start: self.start.saturating_add(start), len: self.len - start }
    }

    fn at<T>(&self, offset: usize) -> Option<usize> {
        let end = offset.checked_add(size_of::<T>())?;
        if end <= self.len { self.start.checked_add(offset) } else { None }
    }
}

macro_rules! forward {
    ($int:ty, $read:ident, $write:ident) => {
        #[inline(never)]
        fn $read(&self, offset: usize) -> $int {
            self.at::<$int>(offset).map_or(<$int>::MAX, |at| self.io.$read(at))
        }

        #[inline(never)]
        fn $write(&self, offset: usize, value: $int) {
            if let Some(at) = self.at::<$int>(offset) {
                self.io.$write(at, value);
            }
        }
    };
}

// SAFETY: each access is passed on, moved by the start of the window, to a block that keeps the contract.
unsafe impl<I: Io> Io for Window<I> {
    fn len(&self) -> usize {
        self.len
    }

    forward!(u8, read8, write8);
    forward!(u16, read16, write16);
    forward!(u32, read32, write32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(8))]
    struct Memory([u8; 16]);

    fn region(memory: &mut Memory) -> MmioRegion {
        // SAFETY: the array outlives the region in each test, is aligned, and nothing else uses it meanwhile.
        unsafe { MmioRegion::new(NonNull::from(&mut memory.0).cast(), 16) }
    }

    #[test]
    fn values_are_stored_little_endian() {
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
    fn an_unaligned_access_is_refused() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(2, 5);
        assert_eq!((region.read32(2), region.read32(0)), (u32::MAX, 0));
    }

    #[test]
    fn a_window_reaches_its_part_and_nothing_else() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(8, 0xaabb_ccdd);
        let window = Window::new(region.clone(), 8, 4).unwrap();
        assert_eq!(window.read32(0), 0xaabb_ccdd);
        assert_eq!(window.read16(3), u16::MAX);
        window.write32(4, 1);
        assert_eq!(region.read32(12), 0);
        assert!(Window::new(region.clone(), 8, 9).is_none());
        assert!(Window::new(region.clone(), usize::MAX, 2).is_none());
        assert!(Window::rest(region, 20).is_empty());
    }
}
