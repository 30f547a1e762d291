//! How cost grows with the guest's memory: guests in this program, whose memory is address space that is reserved and not
//! filled.

use std::{alloc::Layout, ops::Range, time::Duration};

use aerostat_balloon::{
    Balloon, FrameRun, Frames, MustTellHost, PAGE_BYTES, PrivateMemory, Ready, Size4KiB, Step, features,
    transport::{Dma, DmaRegion, Mmio, Spin},
};
use aerostat_device::{BalloonDevice, GuestMemory, Logging, Registers, Work};
use anyhow::{Context as _, ensure};

use super::{
    clock::Clock,
    results::{Grows, Growth, Results},
};

/// Guests of so many GiB that are inflated by three quarters.
const WHOLE: [u64; 4] = [1, 4, 16, 64];
/// Guests of so many GiB that follow a target by 1 GiB. The last one has as many pages as can be numbered.
const MODEL: [u64; 6] = [1, 4, 16, 64, 1 << 10, 16 << 10];
/// Pages in a GiB.
const GIB: u64 = (1 << 30) / PAGE_BYTES;
/// Pages that are kept for what driver and device share.
const KEPT: u64 = 1024;
/// Steps for a GiB, at the most: each step is good for an array at the least.
const STEPS: u64 = 2 * GIB / 256;

/// One round.
pub(super) fn round(results: &mut Results) -> anyhow::Result<()> {
    for gib in WHOLE {
        let mut guest = Guest::start(gib, KEPT..gib * GIB, Work::Release)?;
        let pages = gib * GIB / 4 * 3;
        note(results, Grows::Inflate, gib, guest.go(pages)?);
        note(results, Grows::Deflate, gib, guest.go(0)?);
        guest.end()?;
    }
    for gib in MODEL {
        let frames = (gib * GIB - GIB).max(KEPT)..gib * GIB;
        let pages = frames.end - frames.start;
        let mut guest = Guest::start(gib, frames, Work::Acknowledge)?;
        note(results, Grows::Probe, gib, guest.probed);
        let there = guest.go(pages)?;
        note(results, Grows::Follow, gib, there + guest.go(0)?);
        guest.end()?;
    }
    Ok(())
}

fn note(results: &mut Results, what: Grows, gib: u64, time: Duration) {
    let seconds = time.as_secs_f64();
    match results.growth.iter_mut().find(|growth| (growth.what, growth.gib) == (what, gib)) {
        Some(growth) => growth.seconds.push(seconds),
        None => results.growth.push(Growth { what, gib, seconds: vec![seconds] }),
    }
}

/// A driver and its device, both in this thread.
struct Guest {
    device: BalloonDevice,
    driver: Balloon<Ready<Mmio<Registers>, Model, features! { MustTellHost: Required }>>,
    /// How long it took to bring the driver up.
    probed: Duration,
}

impl Guest {
    /// A guest of `gib` whose free memory is `free`.
    fn start(gib: u64, free: Range<u64>, work: Work) -> anyhow::Result<Self> {
        let device = BalloonDevice::builder().memory(gib << 30).work(work).logging(Logging::Off).inline().start()?;
        // Written to beforehand: a kernel's memory is there, and what is measured is not how the host provides it.
        let words = usize::try_from((gib * GIB).div_ceil(u64::BITS.into()))?;
        let tracking = vec![u64::MAX; words].into_boxed_slice();
        let model = Model { memory: device.memory().clone(), free: vec![free], shared: KEPT * PAGE_BYTES, tracking };
        let transport = Mmio::new(device.registers()).map_err(|(_, error)| error)?;
        let clock = Clock::start_here();
        let driver = Balloon::new(transport, model).require(MustTellHost).probe().map_err(|failed| failed.error)?;
        Ok(Self { device, driver, probed: clock.stop()?.cpu })
    }

    /// Moves the target to a balloon of `pages`, and says how long it took to follow.
    fn go(&mut self, pages: u64) -> anyhow::Result<Duration> {
        self.device.set_target(u32::try_from(pages).context("more pages than can be numbered")?);
        let mut steps = STEPS * (self.device.memory().bytes() >> 30);
        let clock = Clock::start_here();
        while self.driver.service()? != Step::OnTarget {
            steps = steps.checked_sub(1).context("the driver did not come to its target")?;
        }
        let took = clock.stop()?.cpu;
        let violations = self.device.violations();
        ensure!(violations.is_empty(), "the driver broke rules: {violations:?}");
        Ok(took)
    }

    /// Takes the driver down, so that its memory comes back.
    fn end(self) -> anyhow::Result<()> {
        self.driver.remove(&mut Spin::default()).map_err(|live| live.error)?;
        Ok(())
    }
}

/// A kernel with the simplest allocator there is.
struct Model {
    memory: GuestMemory,
    /// Free frames.
    free: Vec<Range<u64>>,
    /// Below this address there is memory to share with the device.
    shared: u64,
    /// Memory for the book of frames.
    tracking: Box<[u64]>,
}

impl Frames for Model {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.memory.pages()
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let free = self.free.last_mut()?;
        let run = free.start..free.end.min(free.start + u64::from(most));
        free.start = run.end;
        if free.is_empty() {
            self.free.pop();
        }
        // SAFETY: the frames were free, and are no longer among those that are.
        Some(unsafe { FrameRun::from_raw(run.start, (run.end - run.start) as u32) })
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        let run = run.first()..run.first() + u64::from(run.count());
        match self.free.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => self.free.push(run),
        }
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        let all = Box::leak(std::mem::take(&mut self.tracking));
        (all.len() == words).then_some(all)
    }

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: leaked as a box by `allocate_private`.
        drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
    }
}

// SAFETY: each call gives out memory of its own, below all free frames, which driver and device see at the same place.
unsafe impl Dma for Model {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let address = self.shared.checked_sub(layout.size() as u64)? & !(layout.align() as u64 - 1);
        let start = self.memory.pointer(address, layout.size())?;
        self.shared = address;
        // SAFETY: nobody else was given this memory, and it stays while `memory` does.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, _region: DmaRegion) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_follows_its_target_and_gets_all_of_its_frames_back() {
        let mut guest = Guest::start(1, KEPT..GIB, Work::Acknowledge).unwrap();
        guest.go(4096).unwrap();
        assert_eq!(guest.device.actual(), 4096);
        guest.go(0).unwrap();
        assert_eq!(guest.device.actual(), 0);
        let free = |ranges: &[Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
        assert_eq!(free(&guest.driver.platform().free), GIB - KEPT);
        guest.end().unwrap();
    }

    #[test]
    fn frames_at_the_end_of_a_large_memory_can_be_had() {
        let gib = 1 << 10;
        let mut guest = Guest::start(gib, gib * GIB - 1024..gib * GIB, Work::Acknowledge).unwrap();
        guest.go(1024).unwrap();
        assert_eq!(guest.device.actual(), 1024);
    }
}
