//! Private memory for the driver's state.

use aerostat_balloon::PrivateMemory;

/// Where the private memory of a balloon comes from, see [`Frames::allocate_private`](aerostat_balloon::Frames::allocate_private).
/// The device must not be able to reach the memory.
pub trait PrivateAllocator {
    /// Allocates at least `words` words with any contents.
    fn allocate(&mut self, words: usize) -> Option<&'static mut [u64]>;

    /// Takes memory back.
    ///
    /// # Safety
    ///
    /// `memory` is all memory that one call of [`PrivateAllocator::allocate`] of this value returned, also if the value was moved
    /// since, and nothing uses it any more.
    unsafe fn deallocate(&mut self, memory: PrivateMemory);
}

/// The kernel's global allocator.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GlobalMemory;

#[cfg(feature = "alloc")]
impl PrivateAllocator for GlobalMemory {
    fn allocate(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let mut memory = alloc::vec::Vec::new();
        memory.try_reserve_exact(words).ok()?;
        memory.resize(words, 0);
        Some(alloc::boxed::Box::leak(memory.into_boxed_slice()))
    }

    unsafe fn deallocate(&mut self, memory: PrivateMemory) {
        // SAFETY: `allocate` leaked it as a box, by the caller's promise.
        drop(unsafe { alloc::boxed::Box::from_raw(memory.into_raw().as_ptr()) });
    }
}

/// Memory that was set aside, for instance in a static, for a kernel without a heap.
///
/// It is used once at a time, so a balloon whose [`Frames::range`](aerostat_balloon::Frames::range) has grown cannot be restored with
/// it.
#[derive(Debug)]
pub struct StaticMemory(Option<&'static mut [u64]>);

impl StaticMemory {
    /// Returns an allocator of this memory. The driver needs up to 768 words, and 4160 words a GiB with frames of 4 KiB, about one
    /// bit for each frame. The blocks of reporting, hinting and block inflation add a few words a GiB.
    pub const fn new(words: &'static mut [u64]) -> Self {
        Self(Some(words))
    }
}

impl PrivateAllocator for StaticMemory {
    fn allocate(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.0.take_if(|memory| memory.len() >= words)
    }

    unsafe fn deallocate(&mut self, memory: PrivateMemory) {
        self.0 = Some(memory.into_static());
    }
}
