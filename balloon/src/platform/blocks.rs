//! Traits for features that pass free memory to the device: free page reporting and hinting, block inflation, and filling.

use super::frames::Frames;
use crate::units::FrameRun;

/// Whether a kernel relies on the contents of its free memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeContents {
    /// Nothing: the kernel writes free memory before it reads it.
    Undefined,
    /// A certain value, such as zero. Free memory is then reported only together with
    /// [`PagePoison`](crate::feature::PagePoison), through which the host learns the value.
    Kept,
}

/// Free page reporting: free memory that the host may discard while the kernel keeps it.
///
/// Required where [`PageReporting`](crate::feature::PageReporting) is declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not supply free blocks to report",
    label = "the declared feature `PageReporting` needs `ReportFrames`",
    note = "implement `ReportFrames` for `{Self}`, or remove `PageReporting` from the feature set"
)]
pub trait ReportFrames: Frames {
    /// Whether the kernel relies on the contents of its free memory.
    const CONTENTS: FreeContents = FreeContents::Undefined;

    /// Takes a block of free memory that was not reported since it was freed out of the kernel's allocator: `frames`
    /// consecutive frames whose first number is a multiple of `frames`. Returns `None` when there is no such block. Blocks outside
    /// [`Frames::range`] go back by [`Frames::deallocate`], see [`Frames::set_usable`].
    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;

    /// Returns a reported block to the allocator, which marks it as reported until it is allocated. Its contents are
    /// undefined, or the value of [`PagePoison`](crate::feature::PagePoison).
    fn deallocate_reported(&mut self, run: FrameRun<Self::Size>);
}

/// Block inflation: whole free blocks for the balloon.
///
/// Required where [`BlockInflation`](crate::feature::BlockInflation) is declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not supply whole free blocks for the balloon",
    label = "the declared feature `BlockInflation` needs `BlockFrames`",
    note = "implement `BlockFrames` for `{Self}`, or remove `BlockInflation` from the feature set"
)]
pub trait BlockFrames: ReportFrames {
    /// Takes free memory out of the kernel's allocator: a run of one or more whole blocks of `frames` frames, at most `max` frames in
    /// total. The number of the first frame is a multiple of `frames`. Returns `None` when no whole block is free, or none can be
    /// spared. Whether the blocks were reported before does not matter.
    ///
    /// Prefer long runs: the host discards adjacent blocks in one call. It is called once for each run, and not again after `None`
    /// before the balloon has reached its target or paused.
    ///
    /// A block comes back whole through [`ReportFrames::deallocate_reported`], or in parts through [`Frames::deallocate`]. Blocks that
    /// were not reported, because the report had no room for them or they could not be mapped, come back together through
    /// [`Frames::deallocate`].
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<Self::Size>>;
}

/// Free page hinting: free memory that a live migration may skip.
///
/// Required where [`FreePageHint`](crate::feature::FreePageHint) is declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not supply free blocks to hint",
    label = "the declared feature `FreePageHint` needs `HintFrames`",
    note = "implement `HintFrames` for `{Self}`, or remove `FreePageHint` from the feature set"
)]
pub trait HintFrames: Frames {
    /// Takes a block of free memory out of the kernel's allocator: `frames` consecutive frames whose first number is a
    /// multiple of `frames`. Returns `None` when no block can be spared until the end of the migration. Blocks outside
    /// [`Frames::range`] go back by [`Frames::deallocate`], see [`Frames::set_usable`].
    fn allocate_block(&mut self, frames: u32) -> Option<FrameRun<Self::Size>>;

    /// Writes to every page of a hinted block that the kernel takes back before the end of the migration, for instance zeros:
    /// the host may skip a page that was not written since. Only [`reclaim_hinted`](crate::Balloon::reclaim_hinted) calls it,
    /// and only if [`PagePoison`](crate::feature::PagePoison) was not negotiated; otherwise the block is
    /// [filled](FillFrames::fill).
    fn initialize(&mut self, run: &FrameRun<Self::Size>);
}

/// Writing a value to frames.
///
/// Required where [`PagePoison`](crate::feature::PagePoison) is declared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot fill frames",
    label = "the declared feature `PagePoison` needs `FillFrames`",
    note = "implement `FillFrames` for `{Self}`, or remove `PagePoison` from the feature set"
)]
pub trait FillFrames: Frames {
    /// Fills frames with repetitions of `value`, in little-endian byte order.
    fn fill(&mut self, run: &FrameRun<Self::Size>, value: u32);
}
