//! Fragmented memory: one frame of every block, or of every second block, is in use. Both balloons take all free frames of the
//! same kernel, with block inflation and without it.

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::platform::{BlockFrames, ReportFrames};
use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameRun, Frames, Options, Platform, PrivateMemory, Ready, Size4KiB, Step, features,
};
use aerostat_transport::{Dma, DmaRegion, Mmio, Numbering, Spin};

use crate::blocks::Blocks;
use crate::device::AckDevice;
use crate::platform;

/// Frames of a block of 2 MiB.
const BLOCK: u32 = 512;

features! {
    /// A balloon without block inflation, for comparison with one that has it.
    pub struct Arrays { PageReporting: Required }
}

/// Which blocks have a frame in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragments {
    /// Every second block.
    EverySecond,
    /// Every block, so that none is free as a whole.
    Every,
}

impl Fragments {
    /// Returns whether one frame of `block` is in use.
    const fn has_used_frame(self, block: u32) -> bool {
        matches!(self, Self::Every) || block % 2 == 1
    }
}

/// A balloon in fragmented memory, and its device. It inflates and deflates once.
#[derive(Debug)]
pub struct Fragmented<F: BalloonFeatureSet>
where
    FragmentedKernel: Platform<F>,
{
    device: AckDevice,
    balloon: Balloon<Ready<Mmio<AckDevice>, FragmentedKernel, F>>,
    /// The free frames of the kernel.
    free: u32,
}

impl Fragmented<Blocks> {
    /// Returns a balloon with block inflation, of a kernel with `blocks` blocks.
    ///
    /// # Panics
    ///
    /// If probing fails, which is a bug of the device.
    pub fn with_blocks(blocks: u32, fragments: Fragments) -> Self {
        Self::start(Blocks, blocks, fragments)
    }
}

impl Fragmented<Arrays> {
    /// As [`Fragmented::with_blocks`], without block inflation.
    ///
    /// # Panics
    ///
    /// As [`Fragmented::with_blocks`].
    pub fn with_arrays(blocks: u32, fragments: Fragments) -> Self {
        Self::start(Arrays, blocks, fragments)
    }
}

impl<F: BalloonFeatureSet> Fragmented<F>
where
    FragmentedKernel: Platform<F>,
{
    fn start(features: F, blocks: u32, fragments: Fragments) -> Self {
        let device = AckDevice::new();
        let kernel = FragmentedKernel { fragments, frames: blocks * BLOCK, next: 0, next_block: 0 };
        let free = kernel.frames - (0..blocks).filter(|&block| fragments.has_used_frame(block)).count() as u32;
        let bus = Mmio::new(device.clone()).map_err(|(_, error)| error).expect("the register file is valid");
        let options = Options::new(features).numbering(Numbering::Specification);
        let balloon = Balloon::new(bus, kernel, options).expect("out of memory");
        let balloon = balloon.probe(&mut Spin::default()).expect("the device follows the protocol");
        Self { device, balloon, free }
    }

    /// Takes all free frames of the kernel, and returns their number.
    ///
    /// # Panics
    ///
    /// If `service` fails, which is a bug of the device.
    // A separate function, because callgrind selects it by name.
    #[inline(never)]
    pub fn inflate(&mut self) -> u32 {
        self.reach_target(self.free);
        self.free
    }

    /// Returns all frames to the kernel.
    ///
    /// # Panics
    ///
    /// As [`Self::inflate`].
    #[inline(never)]
    pub fn deflate(&mut self) {
        self.reach_target(0);
    }

    fn reach_target(&mut self, pages: u32) {
        self.device.set_target(pages);
        while self.balloon.service().expect("the device follows the protocol") != Step::OnTarget {
            std::hint::spin_loop();
        }
    }
}

/// The kernel. It allocates in address order and never allocates a frame again.
#[derive(Debug)]
pub struct FragmentedKernel {
    fragments: Fragments,
    frames: u32,
    /// The frames below are allocated, except those in use and those of blocks above [`Self::next_block`] that are free.
    next: u32,
    /// Whole blocks below are allocated.
    next_block: u32,
}

impl FragmentedKernel {
    /// Returns the first free run at or after `next`: up to the end of its block, or to the frame in use in its middle.
    fn next_run(&self) -> Option<Range<u32>> {
        let mut next = self.next;
        while next < self.frames {
            let block = next / BLOCK;
            let (used, end) = (block * BLOCK + BLOCK / 2, (block + 1) * BLOCK);
            if !self.fragments.has_used_frame(block) {
                if block >= self.next_block {
                    return Some(next..end);
                }
                next = end;
            } else if next < used {
                return Some(next..used);
            } else if next > used {
                return Some(next..end);
            } else {
                next += 1;
            }
        }
        None
    }
}

impl Frames for FragmentedKernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..self.frames.into()
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    #[inline]
    fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
        let run = self.next_run()?;
        let count = max.min(run.end - run.start);
        self.next = run.start + count;
        // SAFETY: the frames are only numbers, without memory, and each is allocated once.
        Some(unsafe { FrameRun::from_raw(run.start.into(), count) })
    }

    #[inline]
    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        // A kernel uses the run, so the driver has to find it.
        let _ = std::hint::black_box(run);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        Some(platform::allocate_private(words))
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: `allocate_private` allocated it.
        unsafe { platform::deallocate_private(memory) };
    }
}

// SAFETY: each region is a separate heap allocation. The device is in the same process, so addresses are equal.
unsafe impl Dma for FragmentedKernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        platform::allocate_shared(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        platform::deallocate_shared(region);
    }
}

impl ReportFrames for FragmentedKernel {
    fn allocate_unreported(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.deallocate(run);
    }
}

impl BlockFrames for FragmentedKernel {
    #[inline]
    fn allocate_blocks(&mut self, frames: u32, max: u32) -> Option<FrameRun<Size4KiB>> {
        let mut block = self.next_block.max(self.next.div_ceil(BLOCK));
        while (block + 1) * BLOCK <= self.frames && frames == BLOCK && max >= BLOCK {
            self.next_block = block + 1;
            if !self.fragments.has_used_frame(block) {
                // SAFETY: as in `allocate`.
                return Some(unsafe { FrameRun::from_raw((block * BLOCK).into(), frames) });
            }
            block += 1;
        }
        None
    }
}
