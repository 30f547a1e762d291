//! What tracks frames outside the kernel: bitmaps of ballooned frames and of blocks that the device has for a while, and frames that
//! the driver holds for a step.

mod bitmap;
mod blocks;
mod held;
mod loose;
mod returning;

pub(crate) use self::bitmap::Found;
pub use self::bitmap::{Cursor, FrameBitmap, Run, RunMerger, SetError, WordBits};
pub(crate) use self::blocks::{BlockBitmap, BlockError, BlockRun, block_bytes, map, unmap};
pub(crate) use self::held::HeldBlocks;
pub(crate) use self::loose::{LooseBlocks, LooseFrames, LooseRuns};
pub(crate) use self::returning::Returning;
