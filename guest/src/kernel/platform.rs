//! What the balloon asks of the kernel: memory to share with the device, and the frames that go into the balloon.
//! All of it comes from [`FRAMES`].

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::{self, NonNull};
use core::slice;

use aerostat_balloon::{FrameRun, Frames, Size4KiB};
use aerostat_guest::FRAME_BYTES;
use aerostat_transport::{DeviceAddress, Dma, DmaRegion};

use super::memory::FRAMES;

/// Frames that the kernel keeps for itself, whatever the host wants: 1 MiB.
const RESERVE: u64 = 256;

/// The kernel, as the balloon sees it.
pub(crate) struct Platform;

impl Frames for Platform {
    type Size = Size4KiB;

    fn span(&self) -> Range<u64> {
        0..FRAMES.lock().end()
    }

    fn give(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let mut frames = FRAMES.lock();
        let spare = u32::try_from(frames.available().saturating_sub(RESERVE)).unwrap_or(u32::MAX);
        let run = frames.take(most.min(spare))?;
        // SAFETY: the frames were free memory, and belong to nobody else until they come back. The run is no longer
        // than `most`, which has 32 bits.
        Some(unsafe { FrameRun::from_raw(run.start, (run.end - run.start) as u32) })
    }

    fn take_back(&mut self, run: FrameRun<Size4KiB>) {
        FRAMES.lock().put(run.first()..run.first() + u64::from(run.count()));
    }

    fn lend_tracking(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let frames = FRAMES.lock().take_layout(Layout::array::<u64>(words).ok()?)?;
        let start: *mut u64 = ptr::with_exposed_provenance_mut((frames.start * FRAME_BYTES) as usize);
        // SAFETY: the frames are memory, mapped at their physical address, nobody else's and large enough.
        unsafe { start.write_bytes(0, words) };
        // SAFETY: as above, aligned, just written, and taken back only through the slice itself.
        Some(unsafe { slice::from_raw_parts_mut(start, words) })
    }

    fn return_tracking(&mut self, words: &'static mut [u64]) {
        put(words.as_ptr().addr() as u64, size_of_val(words));
    }
}

// SAFETY: memory is mapped at its physical address, at which devices reach it too, coherently. The frames were
// free, hence nobody else's, and their numbers are aligned as asked for.
unsafe impl Dma for Platform {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let frames = FRAMES.lock().take_layout(layout)?;
        let address = frames.start * FRAME_BYTES;
        let start = NonNull::with_exposed_provenance((address as usize).try_into().ok()?);
        // SAFETY: as the trait promises, see above.
        Some(unsafe { DmaRegion::new(start, DeviceAddress(address), layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        put(region.device_address().0, region.len());
    }
}

/// Gives back the frames of something that `Frames::take_layout` made room for.
fn put(address: u64, bytes: usize) {
    let first = address / FRAME_BYTES;
    FRAMES.lock().put(first..first + (bytes as u64).div_ceil(FRAME_BYTES));
}
