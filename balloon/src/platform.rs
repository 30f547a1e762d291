//! What a kernel implements for the balloon.

use core::ops::Range;

use crate::frame::{FrameRun, FrameSize};

/// The kernel's page-frame allocator, as the balloon uses it.
///
/// Safe to implement: the promises about the frames are made where a [`FrameRun`] is made.
pub trait Frames {
    /// The size of the kernel's frames.
    type Size: FrameSize;

    /// The numbers of all frames that [`Frames::give`] may ever return, as a range: usually from 0 to the end of
    /// memory. The balloon keeps one bit for each.
    fn span(&self) -> Range<u64>;

    /// Takes free frames out of the kernel's allocator: a run of neighbours, at least one and at most `most`. `None`
    /// when no frame can be spared now.
    ///
    /// Long runs are worth looking for: hosts release neighbours together. The frames need not be cleared.
    fn give(&mut self, most: u32) -> Option<FrameRun<Self::Size>>;

    /// Gives frames back to the kernel's allocator. Their contents are undefined.
    fn take_back(&mut self, run: FrameRun<Self::Size>);

    /// Lends private memory for the book of ballooned frames: at least `words` words, of any contents. It must not be
    /// memory that the host can write, where the host is not trusted.
    fn lend_tracking(&mut self, words: usize) -> Option<&'static mut [u64]>;

    /// Gives the memory of [`Frames::lend_tracking`] back.
    fn return_tracking(&mut self, words: &'static mut [u64]);
}
