//! A part of a block of registers.

use crate::dma::DmaDomain;
use crate::io::block::Io;

/// A part of another block of registers, with offsets from the start of the part.
#[derive(Clone, Debug)]
pub struct Window<I> {
    io: I,
    start: usize,
    len: usize,
}

impl<I: Io> Window<I> {
    /// Returns the `len` bytes of `io` from `start`.
    ///
    /// # Errors
    ///
    /// `io`, if it is shorter.
    pub fn new(io: I, start: usize, len: usize) -> Result<Self, I> {
        let fits = start.checked_add(len).is_some_and(|end| end <= io.len());
        if fits { Ok(Self { io, start, len }) } else { Err(io) }
    }

    /// Returns the rest of `io` from `start`, which is empty if `io` ends before.
    pub fn rest(io: I, start: usize) -> Self {
        let len = io.len().saturating_sub(start);
        Self { io, start, len }
    }

    /// Returns the block that the window is a part of.
    pub(crate) const fn whole(&self) -> &I {
        &self.io
    }

    /// Returns the `len` bytes of this window from `start`; `None` if it is shorter.
    #[cfg(feature = "pci")]
    pub(crate) fn part(&self, start: usize, len: usize) -> Option<Self> {
        let fits = start.checked_add(len).is_some_and(|end| end <= self.len);
        fits.then(|| Self { io: self.io.clone(), start: self.start.saturating_add(start), len })
    }

    /// Returns the rest of this window from `start`, which is empty if it ends before.
    #[cfg(feature = "pci")]
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

// SAFETY: each access is forwarded to a block that keeps the contract, with the start of the window added to the offset.
unsafe impl<I: Io> Io for Window<I> {
    fn domain(&self) -> DmaDomain {
        self.io.domain()
    }

    fn len(&self) -> usize {
        self.len
    }

    forward!(u8, read8, write8);
    forward!(u16, read16, write16);
    forward!(u32, read32, write32);
}

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;

    use super::*;
    use crate::io::mmio_region::MmioRegion;

    #[repr(align(8))]
    struct Memory([u8; 16]);

    fn region(memory: &mut Memory) -> MmioRegion {
        // SAFETY: the array is aligned and outlives the region, and nothing else accesses it in the meantime.
        unsafe { MmioRegion::new(NonNull::from(&mut memory.0).cast(), 16) }
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
        assert_eq!(
            Window::new(region.clone(), 8, 9).map(drop).map_err(|io| io.len()),
            Err(16),
            "the block is returned"
        );
        assert!(Window::new(region.clone(), usize::MAX, 2).is_err());
        assert!(Window::rest(region, 20).is_empty());
    }
}
