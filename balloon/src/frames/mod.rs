//! Bitmaps that track frames outside the kernel: ballooned frames, and blocks that the device has for a while.

mod bitmap;
mod blocks;

pub use self::bitmap::{Cursor, FrameBitmap, Run, RunMerger, SetError, WordBits};
pub(crate) use self::blocks::{BlockBitmap, BlockError, block_bytes, map, unmap};
