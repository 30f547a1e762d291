//! What the balloon leaves to the kernel, and what it gives back: the reserve, added memory, hinted blocks, frames.

mod common;

use std::cell::{Cell, RefCell};
use std::num::NonZeroU64;
use std::ops::Range;
use std::rc::Rc;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::platform::{Sample, StatTag, Statistics};
use aerostat_balloon::transport::{DmaDomain, DmaRegion, InterruptStatus, Numbering, QueueError};
use aerostat_balloon::{
    Balloon, BalloonError, Frames, Options, Pages, ProbeError, Reserve, Size4KiB, Step, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, TestPlatform, features};
use common::changed::{Changed, Changes};
use common::{assert_all_returned, assert_clean, bus, polls, probe, settle, start};

declare! {
    struct Blocks {
        FreePageHint: Required,
        PageReporting: Required,
        AccessPlatform: Optional,
    }
}
declare! { struct Counts { StatsVq: Required } }

const OFFERED: u64 = features::FREE_PAGE_HINT | features::PAGE_REPORTING | features::STATS_VQ | features::VERSION_1;
const BLOCK: u32 = 1 << 20;
const BLOCK_FRAMES: u32 = BLOCK / 4096;

fn builder() -> Builder {
    BalloonDevice::builder().memory(32 << 20).features(OFFERED)
}

fn options() -> Options<Blocks> {
    Options::new(Blocks).hint_block(BLOCK).report_block(BLOCK).numbering(Numbering::Specification)
}

#[test]
fn the_balloon_leaves_the_reserve_to_the_kernel() {
    for (reserve, frames) in [(Reserve::Frames(1000), 1000), (Reserve::Percent(10), 768)] {
        let (mut balloon, device, ledger) = start(builder().inline(), options().reserve(reserve));
        let all = ledger.free_frames();
        device.set_target(u32::MAX);
        let step = settle(&mut balloon);
        assert!(matches!(step, Step::Paused(pause) if pause.reason == PauseReason::AtReserve), "{step:?}");
        assert_eq!((ledger.free_frames(), device.actual() as usize), (frames, all - frames));
        assert_eq!(balloon.inflate(10).unwrap().wait(&mut polls()), Ok(0));
        assert_eq!(balloon.service_reporting(), Ok(Progress::Idle), "reporting takes no block");
        let _ = device.start_hinting();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        assert_eq!(ledger.free_frames(), frames, "hinting takes no block");
        // Frames that the kernel frees are taken.
        let used = ledger.use_frames(100);
        assert_eq!(used, 100);
        device.set_target(u32::MAX - 1);
        let _ = settle(&mut balloon);
        ledger.free_used_frames();
        let _ = settle(&mut balloon);
        assert_eq!(ledger.free_frames(), frames);
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn reporting_and_hinting_leave_the_reserve() {
    let blocks = 20 * u64::from(BLOCK_FRAMES);
    let (mut balloon, device, ledger) = start(builder().manual(), options().reserve(Reserve::Frames(blocks)));
    let mut reported = 0;
    while balloon.service_reporting().unwrap() == Progress::Waiting && reported < 100 {
        reported += 1;
        assert!(ledger.free_frames() as u64 >= blocks, "{}", ledger.free_frames());
    }
    let spare = ledger.free_frames() as u64 - blocks;
    assert!(spare < BLOCK_FRAMES.into(), "whole blocks are reported, {spare} frames are left");
    let _ = device.start_hinting();
    for _ in 0..100 {
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        assert!(ledger.free_frames() as u64 >= blocks, "{}", ledger.free_frames());
        device.step();
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// One call sends all of them.
#[test]
fn the_blocks_beyond_the_reserve_are_hinted() {
    for blocks in [5, 20] {
        let reserve = blocks * u64::from(BLOCK_FRAMES);
        let (mut balloon, device, ledger) = start(builder().manual(), options().reserve(Reserve::Frames(reserve)));
        let _ = device.start_hinting();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        let left = ledger.free_frames() as u64;
        assert!((reserve..reserve + u64::from(BLOCK_FRAMES)).contains(&left), "{left} frames are left of {reserve}");
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

/// The private memory fits the range as long as the range does not grow.
#[test]
fn a_restore_needs_no_private_memory_if_no_memory_was_added() {
    let (mut balloon, device, ledger) = start(builder().inline(), options());
    ledger.fail_private();
    for target in [100, 50] {
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        device.set_target(target);
        assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(target)));
    }
}

/// Memory that grows, and a domain of its own.
#[derive(Clone)]
struct Growing {
    domain: DmaDomain,
    end: Rc<Cell<u64>>,
    /// Address and length of each region of DMA memory that was allocated.
    regions: Rc<RefCell<Vec<(u64, usize)>>>,
}

impl Growing {
    fn new(end: u64) -> Self {
        Self { domain: DmaDomain::IDENTITY, end: Rc::new(Cell::new(end)), regions: Rc::default() }
    }
}

impl Changes for Growing {
    fn range(&self, memory: &TestPlatform) -> Range<u64> {
        memory.range().start..self.end.get()
    }

    fn allocated_dma(&mut self, region: &DmaRegion) {
        self.regions.borrow_mut().push((region.physical(), region.len()));
    }

    fn domain(&self, _memory: &TestPlatform) -> DmaDomain {
        self.domain
    }
}

#[test]
fn memory_that_was_added_is_used_after_a_restore() {
    let device = builder().inline().start().unwrap();
    let kernel = TestPlatform::of(&device).unwrap();
    let (ledger, range) = (kernel.ledger(), kernel.range());
    let middle = range.start + (range.end - range.start) / 2;
    let growing = Growing::new(middle);
    let mut balloon = probe(&device, Changed::new(kernel, growing.clone()), options());
    assert_eq!(ledger.allocated_private(), 1, "one allocation for everything");
    device.set_target(u32::MAX);
    let step = settle(&mut balloon);
    assert!(matches!(step, Step::Paused(pause) if matches!(pause.reason, PauseReason::Unusable(_))), "{step:?}");
    assert_eq!(balloon.size(), Pages((middle - range.start) as u32), "all frames inside the range");

    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    growing.end.set(range.end);
    // Without private memory, the balloon stays frozen and unchanged.
    ledger.fail_private();
    let failed = frozen.restore(&mut polls()).map(drop).unwrap_err();
    assert!(failed.error.to_string().contains("private memory"), "{}", failed.error);
    ledger.allow_private();
    let mut balloon = failed.balloon.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(ledger.allocated_private(), 1, "the old memory went back");
    let step = settle(&mut balloon);
    assert!(matches!(step, Step::Paused(pause) if pause.reason == PauseReason::OutOfFrames), "{step:?}");
    assert_eq!(balloon.size(), Pages((range.end - range.start) as u32));
    assert!(balloon.contains(range.end - 1) && !balloon.contains(range.end));
    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert!(balloon.service_reporting().is_ok());
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// The device can read all memory that it gets, so it must not contain what the kernel had there.
#[test]
fn the_device_gets_no_old_contents_of_memory() {
    let device = builder().inline().start().unwrap();
    device.memory().fill(device.memory().pages(), 0xa5);
    let kernel = TestPlatform::of(&device).unwrap();
    let growing = Growing::new(kernel.range().end);
    let balloon = probe(&device, Changed::new(kernel, growing.clone()), options());
    assert!(growing.regions.borrow().len() > 4);
    for (start, length) in growing.regions.take() {
        let mut bytes = vec![0; length];
        device.memory().read(start, &mut bytes).unwrap();
        assert!(!bytes.windows(4).any(|bytes| bytes == [0xa5; 4]), "{length} bytes at {start:#x}");
    }
    drop(balloon);
}

// conformance: balloon.hint.9
#[test]
fn hinted_blocks_come_back_under_memory_pressure() {
    let (mut balloon, device, ledger) = start(builder().inline(), options());
    let all = ledger.free_frames();
    let _ = device.start_hinting();
    for _ in 0..10 {
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    }
    assert!(ledger.free_frames() < 2 * BLOCK_FRAMES as usize, "{} of {all} frames are free", ledger.free_frames());
    // The host stops the round and is not done.
    device.stop_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    let free = ledger.free_frames();
    assert_eq!(balloon.reclaim_hinted(1), Ok(BLOCK_FRAMES));
    assert_eq!(balloon.reclaim_hinted(BLOCK_FRAMES + 1), Ok(2 * BLOCK_FRAMES));
    assert_eq!(balloon.reclaim_hinted(BLOCK_FRAMES), Ok(BLOCK_FRAMES), "no more blocks than asked for");
    assert_eq!(ledger.free_frames(), free + 4 * BLOCK_FRAMES as usize);
    let rest = balloon.reclaim_hinted(u32::MAX).unwrap();
    assert_eq!((ledger.free_frames(), rest > 0), (all, true));
    assert_eq!(balloon.reclaim_hinted(u32::MAX), Ok(0));
    // The end of the migration returns nothing twice.
    device.finish_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    assert_eq!(ledger.free_frames(), all);
    assert_clean(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// Blocks of buffers that the device still has stay with it, and an open round ends: it would take the same blocks again.
#[test]
fn blocks_that_the_device_still_has_stay_with_it() {
    let (balloon, device, ledger) = start(builder().manual(), options());
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    let _ = device.start_hinting();
    assert_eq!(parts.hinting.service(&mut kernel, InterruptStatus::ANY), Ok(Progress::Waiting));
    let before = ledger.free_frames();
    assert_eq!(parts.hinting.reclaim_hinted(&mut kernel, u32::MAX), Ok(0));
    assert_eq!(ledger.free_frames(), before);
    while device.step() {}
    let reclaimed = parts.hinting.reclaim_hinted(&mut kernel, u32::MAX).unwrap();
    assert!(reclaimed > 0);
    let free = ledger.free_frames();
    let _ = parts.hinting.service(&mut kernel, InterruptStatus::ANY).unwrap();
    assert_eq!(ledger.free_frames(), free, "the round has ended");
    while device.step() {}
    assert_eq!(device.open_round(), None, "the driver has sent STOP");
    assert_clean(&device, &ledger);
    drop(parts);
    assert_all_returned(&device, &ledger);
}

/// Without ACCESS_PLATFORM nothing is mapped, and frames would be counted for the wrong device.
#[test]
fn a_handle_rejects_the_platform_of_another_device_without_an_iommu() {
    let device = builder().manual().start().unwrap();
    let platform: TestPlatform = TestPlatform::of(&device).unwrap();
    let of = |id| {
        let domain = DmaDomain::new(NonZeroU64::new(id).unwrap());
        Changed::new(platform.share(), Growing { domain, ..Growing::new(platform.range().end) })
    };
    let (mut own, mut other) = (of(1), of(2));
    let mut parts = probe(&device, of(1), options()).split();
    let _ = device.start_hinting();
    let free = platform.ledger().free_frames();
    assert_eq!(parts.reporting.service(&mut other), Err(BalloonError::OtherPlatform));
    assert_eq!(parts.hinting.service(&mut other, InterruptStatus::ANY), Err(BalloonError::OtherPlatform));
    assert_eq!(parts.hinting.reclaim_hinted(&mut other, 1), Err(BalloonError::OtherPlatform));
    assert_eq!(platform.ledger().free_frames(), free);
    assert_eq!(parts.reporting.service(&mut own), Ok(Progress::Waiting));
    assert_eq!(parts.hinting.service(&mut own, InterruptStatus::ANY), Ok(Progress::Waiting));
    drop(parts);
    assert_all_returned(&device, &platform.ledger());
}

/// With an IOMMU, the addresses of another device's domain would give this device memory of the other one.
#[test]
fn a_device_is_not_probed_with_the_platform_of_another_one() {
    let offered = OFFERED | features::ACCESS_PLATFORM;
    let iommu = || BalloonDevice::builder().memory(32 << 20).features(offered).manual();
    let (one, two) = (iommu().start().unwrap(), iommu().start().unwrap());
    let [first, second] = [&one, &two].map(|device| TestPlatform::<Size4KiB>::of(device).unwrap());
    let ledgers = [first.ledger(), second.ledger()];
    for (device, platform) in [(&one, second), (&two, first)] {
        let balloon = Balloon::new(bus(device), platform, options()).map_err(|failed| failed.error).unwrap();
        let failed = balloon.probe(&mut polls()).unwrap_err();
        assert_eq!(failed.error, ProbeError::Queue(QueueError::OtherDomain));
    }
    for (device, ledger) in [&one, &two].into_iter().zip(&ledgers) {
        assert_eq!(ledger.mappings(), 0);
        assert_all_returned(device, ledger);
    }
}

/// The mappings of one device must not be changed through the platform of another one.
#[test]
fn a_handle_rejects_the_platform_of_another_device() {
    let offered = OFFERED | features::ACCESS_PLATFORM;
    let iommu = || BalloonDevice::builder().memory(32 << 20).features(offered).manual();
    let (one, first, first_ledger) = start(iommu(), options());
    let (two, second, second_ledger) = start(iommu(), options());
    let (mut own, mut other) = (one.platform().share(), two.platform().share());
    let mut parts = one.split();
    let _ = first.start_hinting();
    let mappings = (first_ledger.mappings(), second_ledger.mappings());
    assert_eq!(parts.reporting.service(&mut other), Err(BalloonError::OtherPlatform));
    assert_eq!(parts.hinting.service(&mut other, InterruptStatus::ANY), Err(BalloonError::OtherPlatform));
    assert_eq!(parts.hinting.reclaim_hinted(&mut other, 1), Err(BalloonError::OtherPlatform));
    assert_eq!((first_ledger.mappings(), second_ledger.mappings()), mappings);
    assert_eq!(parts.reporting.service(&mut own), Ok(Progress::Waiting));
    drop((parts, two));
    assert_all_returned(&first, &first_ledger);
    assert_all_returned(&second, &second_ledger);
}

#[test]
fn a_query_finds_the_frames_in_the_balloon() {
    let (mut balloon, device, ledger) = start(builder().inline(), options());
    device.set_target(300);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let frames = ledger.allocated_frames();
    let range = balloon.platform().range();
    assert!(range.clone().all(|frame| balloon.contains(frame) == frames.contains(&frame)));
    assert!(!balloon.contains(range.end) && !balloon.contains(0) && !balloon.contains(u64::MAX));
    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert!(range.into_iter().all(|frame| !balloon.contains(frame)));
}

#[test]
fn the_debug_form_shows_what_an_administrator_needs() {
    let (mut balloon, device, _ledger) = start(builder().inline(), options());
    device.set_target(300);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let text = format!("{balloon:?}");
    for part in ["MMIO, modern", "0x", "Pages(300)", "in_flight: 0", "reporting: Some(", "hinting: Some("] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    balloon.abandon(&mut polls()).unwrap();
    assert!(format!("{balloon:?}").contains("Idle"));
}

/// crosvm reads these tags.
struct Crosvm;

impl Statistics for Crosvm {
    fn sample(&mut self, sample: &mut Sample) {
        sample.set(StatTag::FreeMemory, 1 << 20).set(StatTag::Unknown(65534), 5).set(StatTag::Unknown(65535), 6);
    }
}

#[test]
fn tags_that_the_description_does_not_know_are_sent() {
    let device = builder().inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().set_statistics([(4, 0), (65534, 0), (65535, 0)]);
    let balloon = probe(&device, platform, Options::new(Counts));
    let mut parts = balloon.split();
    assert!(device.request_statistics());
    parts.statistics.service(&mut Crosvm).unwrap();
    assert_eq!(device.statistics(), Some(vec![(4, 1 << 20), (65534, 5), (65535, 6)]));
    assert_eq!(device.violations(), []);
}

/// A kernel installs the interrupt handler before the device is live.
#[test]
fn interrupt_and_platform_are_available_in_every_state() {
    let device = builder().inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus(&device), platform, options()).unwrap();
    let (_interrupt, range) = (balloon.interrupt(), balloon.platform().range());
    let balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    let _ = frozen.interrupt();
    assert_eq!(frozen.platform().range(), range);
}
