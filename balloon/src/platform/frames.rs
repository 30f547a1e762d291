//! The kernel's page-frame allocator, and memory for the state of the driver.

use core::ops::Range;
use core::ptr::NonNull;

use crate::units::{FrameRun, FrameSize};

/// The kernel's page-frame allocator, as the balloon uses it.
///
/// The trait is safe to implement: the promises about frames are made where a [`FrameRun`] is created.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a page-frame allocator for the balloon",
    label = "needs `Frames`",
    note = "implement `Frames` for your page-frame allocator, or for a handle to it"
)]
pub trait Frames {
    /// The size of the kernel's frames.
    type Size: FrameSize;

    /// Returns the range of frame numbers that [`Frames::allocate`] may return, usually from 0 to the end of memory.
    /// The balloon keeps one bit for each. Read in [`Balloon::new`](crate::Balloon::new), and again in
    /// [`Balloon::restore`](crate::Balloon::restore), so that it can grow while the balloon is frozen: for memory that was added.
    fn range(&self) -> Range<u64>;

    /// Called with the frames that the balloon can take: those of [`Frames::range`] below 16 TiB, where the page numbers of the
    /// interface end. [`Balloon::new`] calls it, and [`Balloon::restore`] if the range has grown.
    ///
    /// A kernel whose allocator has other frames too, for instance memory that was added while the balloon is live, keeps the range and
    /// searches only there in [`Frames::allocate`] and in the methods for blocks. The default ignores the range. The driver then holds
    /// frames that it cannot take until the end of the step, while it asks for others. A step gives up after 256 such calls, or when it
    /// holds more than 8 runs of frames, or more than 2 runs of blocks, that are not adjacent.
    ///
    /// [`Balloon::new`]: crate::Balloon::new
    /// [`Balloon::restore`]: crate::Balloon::restore
    fn set_usable(&mut self, frames: Range<u64>) {
        let _ = frames;
    }

    /// Returns the number of free frames that [`Frames::allocate`] could return, for the
    /// [reserve](crate::Options::reserve). Called once for each array of up to 256 frames, and only if a reserve is set. A kernel
    /// that cannot count its free frames returns an estimate, or `u64::MAX` for no reserve.
    fn free_frames(&self) -> u64;

    /// Takes free frames out of the kernel's allocator: a run of at least one and at most `max` consecutive frames.
    /// Returns `None` when the kernel cannot spare a frame now. Frames that the balloon [cannot take](Frames::set_usable) go back.
    ///
    /// Prefer long runs, because hosts release adjacent pages together. The frames need not be cleared.
    fn allocate(&mut self, max: u32) -> Option<FrameRun<Self::Size>>;

    /// Returns frames to the kernel's allocator. Their contents are undefined.
    ///
    /// If it panics, the driver does not return these frames again, because the allocator may have them.
    // conformance: construct balloon.hint.8, balloon.report.1: the kernel gets frames with undefined contents; the
    // driver reads no frame
    fn deallocate(&mut self, run: FrameRun<Self::Size>);

    /// Called when frames enter or leave the balloon, so that the kernel can adjust its managed-page count. Not called
    /// where DEFLATE_ON_OOM was negotiated: the kernel can then have ballooned memory back at any time, so it still
    /// counts as the kernel's.
    fn adjust_managed(&mut self, change: ManagedChange) {
        let _ = change;
    }

    /// Allocates private memory: at least `words` words of 64 bits, with any contents. [`Balloon::new`] calls it once,
    /// for the state of the driver, one bit for each frame of [`Frames::range`], and one bit for each block of free page
    /// reporting and hinting where these are declared. [`Balloon::restore`] calls it once more if the range has grown, and then
    /// returns the memory of before.
    ///
    /// The memory must not be reachable for the device.
    ///
    /// [`Balloon::new`]: crate::Balloon::new
    /// [`Balloon::restore`]: crate::Balloon::restore
    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]>;

    /// Takes back the memory of [`Frames::allocate_private`], when the balloon is taken apart or dropped.
    ///
    /// # Safety
    ///
    /// `memory` is all memory that one call of [`Frames::allocate_private`] returned, of this value or of the one that it was
    /// moved from, and nothing uses it any more.
    unsafe fn deallocate_private(&mut self, memory: PrivateMemory);
}

/// Private memory from [`Frames::allocate_private`] that the balloon returns to the kernel.
#[derive(Debug)]
#[must_use = "dropping it leaks the memory"]
pub struct PrivateMemory(NonNull<[u64]>);

// SAFETY: it is an exclusive borrow of plain numbers for the rest of the program.
unsafe impl Send for PrivateMemory {}

impl PrivateMemory {
    /// Returns the address and the length of the memory. It is valid, initialised, and owned by the caller: free it by
    /// this pointer, or use it again.
    pub const fn into_raw(self) -> NonNull<[u64]> {
        self.0
    }

    /// Returns the memory, for a kernel that keeps it and does not free it.
    pub const fn into_static(self) -> &'static mut [u64] {
        let mut words = self.0;
        // SAFETY: it was created from such a reference, and nothing else has been derived from that one: `into_raw`, too, consumes
        // the value.
        unsafe { words.as_mut() }
    }
}

impl From<&'static mut [u64]> for PrivateMemory {
    fn from(words: &'static mut [u64]) -> Self {
        Self(NonNull::from(words))
    }
}

/// A change of the amount of memory that the kernel manages, see [`Frames::adjust_managed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagedChange {
    /// This many frames entered the balloon.
    Removed(u32),
    /// This many frames left the balloon.
    Added(u32),
}
