//! A heap that is all free memory of the kernel.

use core::alloc::{GlobalAlloc, Layout};
use core::marker::PhantomData;
use core::ptr::{NonNull, slice_from_raw_parts_mut, with_exposed_provenance_mut};

use aerostat_balloon::transport::{Dma, DmaRegion};
use aerostat_balloon::{FrameSize, PrivateMemory, Size4KiB};

use crate::frames::FrameAllocator;
use crate::owned::Regions;
use crate::private::PrivateAllocator;

/// A [`FrameAllocator`] over a heap, for a kernel whose free memory is the heap.
///
/// `deallocate` of a heap needs the layout that `allocate` had, and a balloon returns frames in other runs than it got. So each
/// frame is an allocation of its own, of one frame, aligned to a frame. A heap that stores a header before each allocation needs two
/// frames of memory for that. Buddy heaps and lists of free memory, such as `buddy_system_allocator` and `linked_list_allocator`, do
/// not. A list is slow where memory is fragmented, because each allocation searches it: set
/// [`Options::max_in_flight`](aerostat_balloon::Options::max_in_flight) to 1, so that a step is short.
///
/// Set a limit ([`KernelFrames::limit`](crate::KernelFrames::limit)) or count the free frames: otherwise the balloon may take the
/// whole heap.
#[derive(Debug)]
pub struct HeapFrames<A: 'static, C = fn() -> u64, S = Size4KiB> {
    heap: &'static A,
    direct_map: usize,
    free: C,
    size: PhantomData<S>,
}

impl<A: GlobalAlloc + 'static, C: Fn() -> u64, S: FrameSize> HeapFrames<A, C, S> {
    /// Returns an allocator over `heap`, for instance the static of the global allocator.
    ///
    /// `direct_map` is the virtual address of physical address 0, and 0 if memory is mapped at its physical address. It is a multiple of
    /// the frame size: otherwise there are no frames. `free` returns
    /// the number of free frames. It may be an estimate, and `u64::MAX` if the heap cannot count.
    ///
    /// # Safety
    ///
    /// * The heap is ordinary memory, mapped at its physical address plus `direct_map` (modulo 2^N, for addresses of N bits).
    /// * The heap reads and writes no memory of an allocation until it is deallocated, and expects no contents of it then.
    /// * The kernel keeps the second promise of [`FrameAllocator`]: such frames are allocations of this heap, each with the size and
    ///   the alignment of a frame.
    pub const unsafe fn new(heap: &'static A, direct_map: usize, free: C) -> Self {
        Self { heap, direct_map, free, size: PhantomData }
    }

    /// Returns the layout of a frame.
    fn layout() -> Option<Layout> {
        let bytes = usize::try_from(S::BYTES).ok()?;
        Layout::from_size_align(bytes, bytes).ok()
    }
}

// SAFETY: the memory of an allocation has no other owner until it is deallocated.
unsafe impl<A: GlobalAlloc + 'static, C: Fn() -> u64, S: FrameSize> FrameAllocator for HeapFrames<A, C, S> {
    type Size = S;

    fn allocate(&mut self, count: u32) -> Option<u64> {
        if count != 1 {
            return None;
        }
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { self.heap.alloc(Self::layout()?) })?;
        let address = start.as_ptr().expose_provenance().wrapping_sub(self.direct_map) as u64;
        if !address.is_multiple_of(S::BYTES) {
            // The offset is not a multiple of the frame size, so the physical memory of the allocation is not one frame.
            // SAFETY: it was allocated just now, with this layout.
            unsafe { self.heap.dealloc(start.as_ptr(), Self::layout()?) };
            return None;
        }
        Some(address / S::BYTES)
    }

    fn allocate_up_to(&mut self, max: u32) -> Option<(u64, u32)> {
        (max != 0).then(|| self.allocate(1)).flatten().map(|frame| (frame, 1))
    }

    unsafe fn deallocate(&mut self, first: u64, count: u32) {
        let Some(layout) = Self::layout() else { return };
        for frame in first..first.saturating_add(count.into()) {
            // The address fits, because `allocate` had it.
            let address = (frame.wrapping_mul(S::BYTES) as usize).wrapping_add(self.direct_map);
            // SAFETY: `allocate` got it from the heap with this layout, by the caller's promise, and exposed its provenance.
            unsafe { self.heap.dealloc(with_exposed_provenance_mut(address), layout) };
        }
    }

    fn free_frames(&self) -> u64 {
        (self.free)()
    }
}

/// DMA memory from a heap whose memory the device can reach.
#[derive(Debug)]
pub struct HeapDma<A: 'static> {
    heap: &'static A,
    direct_map: usize,
    regions: Regions,
}

impl<A: GlobalAlloc + 'static> HeapDma<A> {
    /// Returns an allocator of DMA memory over `heap`. `direct_map` is as in [`HeapFrames::new`].
    ///
    /// # Safety
    ///
    /// The memory of the heap is coherent with the device, contiguous in physical memory, and mapped at its physical address plus
    /// `direct_map` (modulo 2^N, for addresses of N bits).
    pub const unsafe fn new(heap: &'static A, direct_map: usize) -> Self {
        Self { heap, direct_map, regions: Regions::new() }
    }
}

// SAFETY:
// * An allocation is valid, contiguous, aligned, long enough, and without another owner until it is deallocated. The offset is a
//   multiple of the page size, which is the largest alignment of the memory of a device.
// * `free` ignores regions that are not in the list.
// * The device uses physical addresses: `map` is the identity.
unsafe impl<A: GlobalAlloc + 'static> Dma for HeapDma<A> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        if layout.size() == 0 || !self.direct_map.is_multiple_of(layout.align()) || !self.regions.has_room() {
            return None;
        }
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { self.heap.alloc(layout) })?;
        let physical = start.as_ptr().addr().wrapping_sub(self.direct_map) as u64;
        // SAFETY: see the implementation's promise.
        let region = unsafe { DmaRegion::new(start, physical, layout) };
        self.regions.add(&region);
        Some(region)
    }

    fn free(&mut self, region: DmaRegion) {
        if self.regions.remove(&region) {
            // SAFETY: `alloc` allocated it with this layout, and nothing uses it any more.
            unsafe { self.heap.dealloc(region.as_ptr().as_ptr(), region.layout()) };
        }
    }
}

/// Private memory from a heap.
#[derive(Debug)]
pub struct HeapMemory<A: 'static>(pub &'static A);

impl<A: GlobalAlloc + 'static> PrivateAllocator for HeapMemory<A> {
    fn allocate(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let layout = Layout::array::<u64>(words).ok().filter(|layout| layout.size() != 0)?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { self.0.alloc_zeroed(layout) })?;
        // SAFETY: the memory is valid for this many words, initialised with zeros, aligned, and has no other owner until
        // `deallocate`. The heap exists as long as the program.
        Some(unsafe { &mut *slice_from_raw_parts_mut(start.as_ptr().cast(), words) })
    }

    unsafe fn deallocate(&mut self, memory: PrivateMemory) {
        let memory = memory.into_raw();
        if let Ok(layout) = Layout::array::<u64>(memory.len()) {
            // SAFETY: `allocate` allocated it with this layout, by the caller's promise.
            unsafe { self.0.dealloc(memory.as_ptr().cast(), layout) };
        }
    }
}
