//! The growth of the cost with the guest's memory. The guests run in this program, and their memory is reserved address space.

use std::{alloc::Layout, ops::Range, time::Duration};

use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameRun, Frames, Options, Pages, Platform, PrivateMemory, Ready, Size4KiB, Step,
    features,
    platform::{BlockFrames, ReportFrames},
    transport::{Dma, DmaRegion, Mmio, Spin},
};
use aerostat_device::{BalloonDevice, GuestMemory, Logging, Registers, Work, features as offered};
use anyhow::{Context as _, ensure};

use super::{
    clock::Clock,
    results::{Growth, Operation, Results},
};

/// The sizes in GiB of the guests that are inflated by three quarters.
const INFLATED: [u64; 4] = [1, 4, 16, 64];
/// The sizes in GiB of the guests that follow a target by 1 GiB. The last one has the most pages that can be numbered.
const FOLLOWING: [u64; 6] = [1, 4, 16, 64, 1 << 10, 16 << 10];
/// The pages in 1 GiB.
const GIB: u64 = (1 << 30) / Pages::SIZE;
/// The pages for memory that driver and device share.
const SHARED: u64 = 1024;
/// The most steps for 1 GiB: each step processes at least one array.
const STEPS: u64 = 2 * GIB / 256;

/// Measures one round.
pub(crate) fn round(results: &mut Results) -> anyhow::Result<()> {
    for gib in INFLATED {
        let mut guest = Guest::start(Declared, gib, SHARED..gib * GIB, Work::Release)?;
        let pages = gib * GIB / 4 * 3;
        note(results, Operation::Inflate, gib, guest.follow(pages)?);
        note(results, Operation::Deflate, gib, guest.follow(0)?);
        guest.stop()?;
    }
    for gib in FOLLOWING {
        let frames = (gib * GIB - GIB).max(SHARED)..gib * GIB;
        let pages = frames.end - frames.start;
        let mut guest = Guest::start(Declared, gib, frames.clone(), Work::Acknowledge)?;
        note(results, Operation::Probe, gib, guest.probed);
        let there = guest.follow(pages)?;
        note(results, Operation::Follow, gib, there + guest.follow(0)?);
        guest.stop()?;
        let mut guest = Guest::start(Blocks, gib, frames, Work::Acknowledge)?;
        let there = guest.follow(pages)?;
        note(results, Operation::FollowBlocks, gib, there + guest.follow(0)?);
        guest.stop()?;
    }
    Ok(())
}

fn note(results: &mut Results, what: Operation, gib: u64, time: Duration) {
    let seconds = time.as_secs_f64();
    match results.growth.iter_mut().find(|growth| (growth.what, growth.gib) == (what, gib)) {
        Some(growth) => growth.seconds.push(seconds),
        None => results.growth.push(Growth { what, gib, seconds: vec![seconds] }),
    }
}

/// A driver and its device in this thread.
struct Guest<F: BalloonFeatureSet>
where
    Kernel: Platform<F>,
{
    device: BalloonDevice,
    driver: Balloon<Ready<Mmio<Registers>, Kernel, F>>,
    /// How long the probe took.
    probed: Duration,
}

impl<F: BalloonFeatureSet> Guest<F>
where
    Kernel: Platform<F>,
{
    /// Starts a guest of `gib` GiB whose free memory is `free`.
    fn start(features: F, gib: u64, free: Range<u64>, work: Work) -> anyhow::Result<Self> {
        let builder = BalloonDevice::builder().memory(gib << 30).work(work).logging(Logging::Off).inline();
        let device = builder.add_features(offered::PAGE_REPORTING).block_inflation().start()?;
        // Write to the memory first, so that page faults on the host are not measured.
        // One bit for each frame, and four for each block of 2 MiB.
        let words = STATE_WORDS + usize::try_from((gib * GIB).div_ceil(u64::BITS.into()) + gib * GIB / 512 / 16)?;
        let private = vec![u64::MAX; words].into_boxed_slice();
        let kernel =
            Kernel { memory: device.memory().clone(), free: vec![free], shared: SHARED * Pages::SIZE, private };
        let transport = Mmio::new(device.registers()).map_err(|(_, error)| error)?;
        let clock = Clock::start_this_thread();
        let driver = Balloon::new(transport, kernel, Options::new(features)).map_err(|failed| failed.error)?;
        let driver = driver.probe(&mut aerostat_balloon::transport::Spin::default()).map_err(|failed| failed.error)?;
        Ok(Self { device, driver, probed: clock.stop()?.cpu })
    }

    /// Sets the target to a balloon of `pages` and returns how long the driver took.
    fn follow(&mut self, pages: u64) -> anyhow::Result<Duration> {
        self.device.set_target(u32::try_from(pages).context("the balloon has more than 2^32 pages")?);
        let mut steps = STEPS * (self.device.memory().bytes() >> 30);
        let clock = Clock::start_this_thread();
        while self.driver.service()? != Step::OnTarget {
            steps = steps.checked_sub(1).context("the driver did not reach its target")?;
        }
        let elapsed = clock.stop()?.cpu;
        let violations = self.device.violations();
        ensure!(violations.is_empty(), "the driver violated rules: {violations:?}");
        Ok(elapsed)
    }

    /// Removes the driver, which returns its memory.
    fn stop(self) -> anyhow::Result<()> {
        self.driver.remove(&mut Spin::default()).map_err(|live| live.error)?;
        Ok(())
    }
}

features! {
    /// What the driver uses.
    struct Declared { MustTellHost: Required }
}
features! {
    /// What the driver uses with block inflation.
    struct Blocks { PageReporting: Required, BlockInflation: Required }
}

/// Words that are more than enough for the state of the driver.
const STATE_WORDS: usize = 1 << 12;

/// A kernel with the simplest possible allocator.
struct Kernel {
    memory: GuestMemory,
    /// The free frames.
    free: Vec<Range<u64>>,
    /// The end of the memory that can be shared with the device.
    shared: u64,
    /// The private memory of the balloon.
    private: Box<[u64]>,
}

impl Frames for Kernel {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.memory.pages()
    }

    fn free_frames(&self) -> u64 {
        u64::MAX
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        let free = self.free.last_mut()?;
        let run = free.start..free.end.min(free.start + u64::from(most));
        free.start = run.end;
        if free.is_empty() {
            self.free.pop();
        }
        // SAFETY: the frames were free and have been removed from the free frames.
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
        let all = Box::leak(std::mem::take(&mut self.private));
        (all.len() >= words).then_some(all)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        // SAFETY: `allocate_private` leaked this memory from a box.
        drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
    }
}

impl ReportFrames for Kernel {
    fn allocate_unreported(&mut self, _frames: u32) -> Option<FrameRun<Size4KiB>> {
        None
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.deallocate(run);
    }
}

impl BlockFrames for Kernel {
    fn allocate_blocks(&mut self, frames: u32, most: u32) -> Option<FrameRun<Size4KiB>> {
        let free = self.free.last()?;
        let whole = (free.end - free.start).min(most.into()) / u64::from(frames) * u64::from(frames);
        let is_aligned = free.start.is_multiple_of(frames.into());
        self.allocate(u32::try_from(whole).ok().filter(|&whole| is_aligned && whole > 0)?)
    }
}

// SAFETY: each call returns other memory, below all free frames, and driver and device see it at the same address.
unsafe impl Dma for Kernel {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let address = self.shared.checked_sub(layout.size() as u64)? & !(layout.align() as u64 - 1);
        let start = self.memory.pointer(address, layout.size())?;
        self.shared = address;
        // SAFETY: no other caller gets this memory, and it stays valid as long as `memory`.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, _region: DmaRegion) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_follows_its_target_and_gets_all_frames_back() {
        fn check<F: BalloonFeatureSet>(features: F)
        where
            Kernel: Platform<F>,
        {
            let mut guest = Guest::start(features, 1, SHARED..GIB, Work::Acknowledge).unwrap();
            guest.follow(5000).unwrap();
            assert_eq!(guest.device.actual(), 5000);
            guest.follow(0).unwrap();
            assert_eq!(guest.device.actual(), 0);
            let free = |ranges: &[Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
            assert_eq!(free(&guest.driver.platform().free), GIB - SHARED);
            guest.stop().unwrap();
        }
        check(Declared);
        check(Blocks);
    }

    #[test]
    fn frames_at_the_end_of_a_large_memory_are_used() {
        let gib = 1 << 10;
        let mut guest = Guest::start(Declared, gib, gib * GIB - 1024..gib * GIB, Work::Acknowledge).unwrap();
        guest.follow(1024).unwrap();
        assert_eq!(guest.device.actual(), 1024);
    }
}
