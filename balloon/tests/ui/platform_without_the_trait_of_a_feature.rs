//! A declared feature may need a trait of the platform.
// conformance: balloon.feature.2
use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::transport::{Dma, DmaRegion, Transport};
use aerostat_balloon::{Balloon, FrameRun, Frames, Options, PrivateMemory, Size4KiB, features};

struct Kernel;

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        0..0
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, _max: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate(&mut self, _run: FrameRun<Size4KiB>) {}

    fn allocate_private(&mut self, _words: usize) -> Option<&'static mut [u64]> {
        None
    }

    unsafe fn deallocate_private(&mut self, _memory: PrivateMemory) {}
}

// SAFETY: it allocates no region.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, _layout: Layout) -> Option<DmaRegion> {
        None
    }

    fn free(&mut self, _region: DmaRegion) {}
}

features! { struct Statistics { StatsVq: Optional } }
features! { struct Poison { PagePoison: Required } }
features! { struct Reporting { PageReporting: Optional } }
features! { struct Hinting { FreePageHint: Required } }

fn statistics<T: Transport>(transport: T) {
    let _ = Balloon::new(transport, Kernel, Options::new(Statistics));
}

fn poison<T: Transport>(transport: T) {
    let _ = Balloon::new(transport, Kernel, Options::new(Poison));
}

fn reporting<T: Transport>(transport: T) {
    let _ = Balloon::new(transport, Kernel, Options::new(Reporting));
}

fn hinting<T: Transport>(transport: T) {
    let _ = Balloon::new(transport, Kernel, Options::new(Hinting));
}

fn main() {}
