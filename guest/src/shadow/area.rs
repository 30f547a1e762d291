//! Memory that the driver or the device also accesses.

use core::ptr;
use core::sync::atomic::{AtomicU16, Ordering};

use zerocopy::{FromBytes, IntoBytes};

/// A range of memory at its physical address, for reads only. Every access is volatile, and inside the range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    start: u64,
    len: usize,
}

impl Source {
    /// Returns the memory of `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// As long as the value is used,
    ///
    /// * the memory is mapped at its physical address and valid for reads;
    /// * Rust code writes to it through raw pointers only, and not in another thread during an access. The device may access it at any
    ///   time.
    pub(super) const unsafe fn new(start: u64, len: usize) -> Self {
        Self { start, len }
    }

    /// Returns the number of bytes.
    pub(super) const fn len(self) -> usize {
        self.len
    }

    /// Reads a value once. It may be any, because the other side may write meanwhile.
    ///
    /// # Panics
    ///
    /// If the value is not inside of the memory, or is not aligned.
    pub(super) fn read<V: FromBytes>(self, offset: usize) -> V {
        let at = self.pointer::<V>(offset);
        assert!(at.is_aligned(), "{at:?} is not aligned");
        // SAFETY: the pointer is aligned and inside of memory that is valid for reads, and every value of the bytes is a `V`.
        unsafe { at.read_volatile() }
    }

    /// Reads a value of bytes once, at any address. Returns `None` if it is not inside of the memory.
    pub(super) fn read_unaligned<V: FromBytes + IntoBytes>(self, offset: usize) -> Option<V> {
        offset.checked_add(size_of::<V>()).filter(|end| *end <= self.len)?;
        let mut value = V::new_zeroed();
        let bytes = value.as_mut_bytes();
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = self.read(offset + index);
        }
        Some(value)
    }

    /// Returns a pointer to a value inside of the memory.
    fn pointer<V>(self, offset: usize) -> *mut V {
        let is_inside = offset.checked_add(size_of::<V>()).is_some_and(|end| end <= self.len);
        assert!(is_inside, "offset {offset} is not inside of {} bytes", self.len);
        ptr::with_exposed_provenance_mut(self.start as usize + offset)
    }
}

/// A range of memory at its physical address, for reads and writes. Every access is volatile or atomic, and inside the range.
#[derive(Clone, Copy, Debug)]
pub struct Area(Source);

impl Area {
    /// Returns the memory of `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// As long as the value is used,
    ///
    /// * the memory is mapped at its physical address and valid for reads and writes;
    /// * Rust code accesses it through raw pointers and values of this type only, and in one thread at a time. The device may access it at
    ///   any time.
    pub const unsafe fn new(start: u64, len: usize) -> Self {
        // SAFETY: by the caller's promise.
        Self(unsafe { Source::new(start, len) })
    }

    /// Returns the `len` bytes at `offset`.
    ///
    /// # Panics
    ///
    /// If there are fewer bytes.
    pub fn part(self, offset: u64, len: usize) -> Self {
        let start = usize::try_from(offset).ok();
        let is_inside = start.and_then(|start| start.checked_add(len)).is_some_and(|end| end <= self.0.len);
        assert!(is_inside, "{len} bytes at offset {offset} are not inside of {} bytes", self.0.len);
        Self(Source { start: self.0.start + offset, len })
    }

    /// Reads a value once, see [`Source::read`].
    pub(super) fn read<V: FromBytes>(self, offset: usize) -> V {
        self.0.read(offset)
    }

    /// Writes a value.
    pub(super) fn write<V: IntoBytes>(self, offset: usize, value: V) {
        let at = self.0.pointer::<V>(offset);
        assert!(at.is_aligned(), "{at:?} is not aligned");
        // SAFETY: the pointer is aligned and inside of memory that is valid for writes.
        unsafe { at.write_volatile(value) }
    }

    /// Reads a number before everything that the caller reads later.
    pub(super) fn load(self, offset: usize) -> u16 {
        u16::from_le(self.atomic(offset).load(Ordering::Acquire))
    }

    /// Writes a number after everything that the caller wrote before.
    pub(super) fn store(self, offset: usize, value: u16) {
        self.atomic(offset).store(value.to_le(), Ordering::Release);
    }

    /// Fills the memory with zeros.
    pub fn zero(self) {
        (0..self.0.len).for_each(|offset| self.write(offset, 0_u8));
    }

    fn atomic(&self, offset: usize) -> &AtomicU16 {
        let at = self.0.pointer::<u16>(offset);
        assert!(at.is_aligned(), "{at:?} is not aligned");
        // SAFETY: by the promise of the caller of `new`,
        // * the pointer is inside of memory that is valid for reads and writes as long as `self` is borrowed. It is aligned.
        // * all accesses of Rust code to the memory are in one thread at a time, so none that is not atomic happens during one of these.
        unsafe { AtomicU16::from_ptr(at) }
    }
}
