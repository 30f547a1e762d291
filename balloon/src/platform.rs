//! What a kernel implements for the balloon.

use core::ops::Range;
use core::ptr::NonNull;

use crate::frame::{FrameRun, FrameSize};

/// The kernel's page-frame allocator, as the balloon uses it.
///
/// Safe to implement: the promises about the frames are made where a [`FrameRun`] is made.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not give frames to the balloon",
    label = "needs `Frames`",
    note = "implement `Frames` for your page-frame allocator, or for a handle to it"
)]
pub trait Frames {
    /// The size of the kernel's frames.
    type Size: FrameSize;

    /// The numbers of all frames that [`Frames::allocate`] may ever return, as a range: usually from 0 to the end of
    /// memory. The balloon keeps one bit for each.
    fn range(&self) -> Range<u64>;

    /// Takes free frames out of the kernel's allocator: a run of neighbours, at least one and at most `most`. `None`
    /// when no frame can be spared now.
    ///
    /// Long runs are worth looking for: hosts release neighbours together. The frames need not be cleared.
    fn allocate(&mut self, most: u32) -> Option<FrameRun<Self::Size>>;

    /// Gives frames back to the kernel's allocator. Their contents are undefined.
    fn deallocate(&mut self, run: FrameRun<Self::Size>);

    /// Hears that frames have left the kernel's memory for the balloon, or have come back from it, so that the kernel's
    /// count of its memory follows. Not called where DEFLATE_ON_OOM was negotiated: then ballooned memory still counts as
    /// the kernel's, because it can have it back at any time.
    fn adjust_managed(&mut self, change: ManagedChange) {
        let _ = change;
    }

    /// Lends private memory for a book of frames that are lent: at least `words` words, of any contents. It must not be
    /// memory that the host can write, where the host is not trusted.
    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]>;

    /// Gives the memory of [`Frames::allocate_private`] back.
    fn deallocate_private(&mut self, memory: PrivateMemory);
}

/// Private memory that a kernel has lent, on its way back.
#[derive(Debug)]
#[must_use = "dropping it leaks the memory"]
pub struct PrivateMemory(NonNull<[u64]>);

// SAFETY: it is an exclusive borrow that never ends, of plain numbers.
unsafe impl Send for PrivateMemory {}

impl PrivateMemory {
    /// Where the memory is and how long. It is valid, and nobody else's: free it by this pointer, or use it again.
    pub const fn into_raw(self) -> NonNull<[u64]> {
        self.0
    }
}

impl From<&'static mut [u64]> for PrivateMemory {
    fn from(words: &'static mut [u64]) -> Self {
        Self(NonNull::from(words))
    }
}

/// How the kernel's memory changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagedChange {
    /// So many frames went into the balloon.
    Removed(u32),
    /// So many frames came back.
    Added(u32),
}

/// What a kernel's free memory contains, as the kernel relies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeContents {
    /// Anything: nobody reads free memory before writing to it.
    Undefined,
    /// A value that the kernel relies on, such as zero. Free memory may then be reported only together with
    /// [`PagePoison`](crate::PagePoison), by which the host learns the value.
    Kept,
}

/// Free memory for the host to drop while it stays the kernel's. Implemented where
/// [`PageReporting`](crate::PageReporting) is declared.
pub trait ReportFrames: Frames {
    /// Whether the kernel relies on what its free memory contains.
    const CONTENTS: FreeContents = FreeContents::Undefined;

    /// Takes a block of free memory out of the kernel's allocator that was freed since it was last reported: `frames`
    /// neighbours, the first of which has a number that is a multiple of `frames`. `None` when there is none.
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;

    /// Gives a block back to the allocator, which notes that the host knows of it until it is allocated. Its contents are
    /// undefined, or what [`PagePoison`](crate::PagePoison) says.
    fn deallocate_reported(&mut self, run: FrameRun<Self::Size>);
}

/// Free memory for the host to skip in a migration. Implemented where [`FreePageHint`](crate::FreePageHint) is declared.
pub trait HintFrames: Frames {
    /// Takes a block of free memory out of the kernel's allocator: `frames` neighbours, the first of which has a number
    /// that is a multiple of `frames`. `None` when there is none that can be spared until the end of the migration.
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;
}

/// Writing to frames. Implemented where [`PagePoison`](crate::PagePoison) is declared.
pub trait FillFrames: Frames {
    /// Fills frames with the value, repeated, in little-endian byte order.
    fn fill(&mut self, run: &FrameRun<Self::Size>, value: u32);
}
