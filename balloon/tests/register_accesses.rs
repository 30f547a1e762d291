//! Calls that do not wait do at most the number of register accesses that their documentation says.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

use aerostat_balloon::handles::StatsRequest;
use aerostat_balloon::transport::{InterruptStatus, Mmio};
use aerostat_balloon::{Balloon, Frames, Options, Pages, Ready, Size4KiB, Step, features};
use aerostat_device::{BalloonDevice, Builder, RegisterFault, TestPlatform, features as offered};
use common::registers::{Observe, Observed};

features! {
    struct Declared { StatsVq: Required, DeflateOnOom: Required, FreePageHint: Required, PageReporting: Required }
}

type Live = Balloon<Ready<Mmio<Observed<Rc<Counts>>>, TestPlatform<Size4KiB>, Declared>>;

/// The register of the generation count of the configuration.
const GENERATION: usize = 0xfc;
/// Reads of the generation count that may differ so that the last of 64 attempts to read a field succeeds.
const CHANGES: u32 = 63;

/// The number of register accesses, and how often the generation count changes from now on.
#[derive(Default)]
struct Counts {
    accesses: Cell<u32>,
    changes: Cell<u32>,
}

impl Observe for Rc<Counts> {
    fn access(&self, _offset: usize, _written: Option<u32>) {
        self.accesses.set(self.accesses.get() + 1);
    }

    fn read(&self, offset: usize, value: u32) -> u32 {
        let left = self.changes.get();
        if offset != GENERATION || left == 0 {
            return value;
        }
        self.changes.set(left - 1);
        value.wrapping_add(left)
    }
}

/// Returns what `call` returns, and its number of register accesses while the generation count changes `changes` times.
fn count<R>(balloon: &mut Live, counts: &Counts, changes: u32, call: impl FnOnce(&mut Live) -> R) -> (R, u32) {
    count_of(counts, changes, || call(balloon))
}

/// As [`count`], for a call that is not one of the balloon.
fn count_of<R>(counts: &Counts, changes: u32, call: impl FnOnce() -> R) -> (R, u32) {
    counts.accesses.set(0);
    counts.changes.set(changes);
    let result = call();
    (result, counts.accesses.get())
}

/// Sends arrays toward a higher target. The device has answered when the call returns, and the driver writes `actual` during
/// the next call.
fn answered(balloon: &mut Live, device: &BalloonDevice) {
    let target = device.target() + 100;
    device.set_target(target);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
}

fn live() -> (Live, BalloonDevice, Rc<Counts>) {
    live_in(BalloonDevice::builder())
}

fn live_in(builder: Builder) -> (Live, BalloonDevice, Rc<Counts>) {
    let all = offered::STATS_VQ | offered::DEFLATE_ON_OOM | offered::FREE_PAGE_HINT | offered::PAGE_REPORTING;
    let all = all | offered::VERSION_1;
    let device = builder.features(all).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().set_statistics([(4, 1 << 20)]);
    let counts = Rc::new(Counts::default());
    let transport = Mmio::new(Observed(device.registers(), Rc::clone(&counts))).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    (balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap(), device, counts)
}

/// One access more: the notification of reports, or `actual` after blocks went back.
#[test]
fn a_step_with_blocks() {
    features! { struct Blocks { PageReporting: Required, BlockInflation: Required } }
    let builder = BalloonDevice::builder().features(offered::PAGE_REPORTING | offered::VERSION_1).block_inflation();
    let device = builder.inline().start().unwrap();
    let counts = Rc::new(Counts::default());
    let bus = Mmio::new(Observed(device.registers(), Rc::clone(&counts))).map_err(|(_, error)| error).unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus, platform, Options::new(Blocks)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    // The step before was to the other direction, so that `actual` changes. Each target has blocks and other frames.
    for target in [5000, 9100, 700, 6200, 100] {
        for changes in [0, CHANGES] {
            device.set_target(target + changes);
            let mut most = 0;
            loop {
                let (step, accesses) = count_of(&counts, changes, || balloon.service());
                most = most.max(accesses);
                if step.unwrap() == Step::OnTarget {
                    break;
                }
            }
            assert!(most <= if changes == 0 { 7 } else { 133 }, "{most} accesses toward {target}");
        }
    }
}

#[test]
fn a_step_toward_the_target() {
    let (mut balloon, device, counts) = live();
    device.set_target(12_000);
    let _ = balloon.service().unwrap();
    // The step writes `actual` after the first arrays, and sends more.
    let step = count(&mut balloon, &counts, 0, |balloon| balloon.service());
    assert_eq!(step, (Ok(Step::Waiting), 6));
    let step = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service());
    assert_eq!(step, (Ok(Step::Waiting), 132));
    let (step, accesses) = count(&mut balloon, &counts, u32::MAX, |balloon| balloon.service());
    assert!(step.is_err() && accesses <= 132, "{step:?} after {accesses} accesses");
    let _ = balloon.drain().unwrap();
    let step = count(&mut balloon, &counts, CHANGES, |balloon| balloon.drain());
    assert_eq!(step, (Ok(Step::Waiting), 3));
}

/// Returns what `{:?}` shows, and its number of register accesses.
fn shown(balloon: &mut Live, counts: &Counts, changes: u32) -> (String, u32) {
    count(balloon, counts, changes, |balloon| format!("{balloon:?}"))
}

#[test]
fn the_debug_output() {
    let (mut balloon, device, counts) = live();
    device.set_target(300);
    let (text, accesses) = shown(&mut balloon, &counts, 0);
    let features = "features 0x2e STATS_VQ DEFLATE_ON_OOM FREE_PAGE_HINT PAGE_REPORTING";
    assert!(text.contains(&format!("device: Live(MMIO, modern; {features}), target: Ok(Pages(300))")), "{text}");
    assert_eq!(accesses, 4);
    let (text, accesses) = shown(&mut balloon, &counts, 1);
    assert!(text.contains("target: Ok(Pages(300))"), "{text}");
    assert_eq!(accesses, 6);
    let (text, accesses) = shown(&mut balloon, &counts, u32::MAX);
    assert!(text.contains("target: Err(Device(Config(Unstable"), "{text}");
    assert_eq!(accesses, 6);
    device.host_reset();
    let (text, accesses) = shown(&mut balloon, &counts, 0);
    assert!(text.contains("target: Err(Device(HostReset))"), "{text}");
    assert_eq!(accesses, 1);
    device.remove();
    let (text, accesses) = shown(&mut balloon, &counts, 0);
    assert!(text.contains("target: Err(Device(Gone))") && !text.contains("4294967295"), "{text}");
    assert_eq!(accesses, 1);
    // SAFETY: the device of this test was removed.
    unsafe { balloon.assume_gone() }.unwrap();
    let (text, accesses) = shown(&mut balloon, &counts, 0);
    assert!(text.contains("device: Idle(MMIO, modern), size: Pages(0)"), "{text}");
    assert_eq!(accesses, 0);
}

#[test]
fn the_debug_output_of_a_legacy_balloon() {
    let device = BalloonDevice::builder().legacy().inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = common::probe(&device, platform, Options::new(aerostat_balloon::NoFeatures));
    device.set_target(300);
    let text = format!("{balloon:?}");
    assert!(text.contains("device: Live(MMIO, legacy; features 0x0), target: Ok(Pages(300))"), "{text}");
    balloon.abandon(&mut common::polls()).unwrap();
    let text = format!("{balloon:?}");
    assert!(text.contains("device: Idle(MMIO, legacy), size"), "{text}");
}

/// The calls before an operation, and calls that do not access the device.
#[test]
fn the_start_of_an_operation() {
    let (mut balloon, device, counts) = live();
    device.set_target(300);
    for (changes, expected) in [(0, 4), (CHANGES, 130)] {
        let target = count(&mut balloon, &counts, changes, |balloon| balloon.target());
        assert_eq!(target, (Ok(Pages(300)), expected));
        let start = |balloon: &mut Live| balloon.inflate(100).map(drop);
        assert_eq!(count(&mut balloon, &counts, changes, start), (Ok(()), expected));
        let start = |balloon: &mut Live| balloon.deflate(100).map(|pending| pending.frames());
        assert_eq!(count(&mut balloon, &counts, changes, start), (Ok(0), expected));
    }
    let (_, accesses) = count(&mut balloon, &counts, 0, |balloon| balloon.deflate_on_oom().frames());
    assert_eq!(accesses, 0);
    let values = |balloon: &mut Live| {
        (balloon.size(), balloon.contains(1), balloon.in_flight(), balloon.progress(), balloon.migrated())
    };
    assert_eq!(count(&mut balloon, &counts, 0, values).1, 0);
}

/// More frames than fit into the arrays of one step.
const FRAMES: u32 = 6000;

#[test]
fn a_poll_of_an_inflation_or_a_deflation() {
    for (changes, expected) in [(0, 6), (CHANGES, 132)] {
        let (mut balloon, device, counts) = live();
        device.set_target(FRAMES);
        let mut inflation = balloon.inflate(FRAMES).unwrap();
        assert!(inflation.poll().unwrap().is_pending());
        // Writes `actual` after the first arrays, and sends more.
        let (polled, accesses) = count_of(&counts, changes, || inflation.poll());
        assert_eq!((polled.unwrap().is_pending(), accesses), (true, expected));
        assert_eq!(inflation.poll(), Ok(Poll::Ready(FRAMES)));

        device.set_target(0);
        let mut deflation = balloon.deflate(FRAMES).unwrap().tell_host();
        assert!(deflation.poll().unwrap().is_pending());
        let (polled, accesses) = count_of(&counts, changes, || deflation.poll());
        assert_eq!((polled.unwrap().is_pending(), accesses), (true, expected));
        assert_eq!(deflation.poll(), Ok(Poll::Ready(FRAMES)));
    }
}

#[test]
fn a_poll_of_a_deflation_below_the_target_reads_no_target() {
    let (mut balloon, device, counts) = live();
    answered(&mut balloon, &device);
    let mut deflation = balloon.deflate_on_oom().tell_host();
    let (polled, accesses) = count_of(&counts, CHANGES, || deflation.poll());
    assert_eq!((polled.unwrap().is_pending(), accesses), (true, 3));
    assert_eq!(deflation.poll(), Ok(Poll::Ready(100)));

    let (mut balloon, device, counts) = live();
    answered(&mut balloon, &device);
    let early = balloon.deflate_on_oom();
    assert_eq!(count_of(&counts, CHANGES, || early.release_early()), (Ok(100), 3));
}

#[test]
fn frames_that_the_kernel_chose() {
    for (changes, expected) in [(0, 6), (CHANGES, 132)] {
        let (mut balloon, device, counts) = live();
        answered(&mut balloon, &device);
        device.set_target(device.target() + 1);
        let run = balloon.platform().share().allocate(1).unwrap();
        let (taken, accesses) = count(&mut balloon, &counts, changes, |balloon| balloon.inflate_with(run));
        assert_eq!((taken.map_err(|rejected| rejected.error), accesses), (Ok(()), expected));
    }
}

#[test]
fn a_migration() {
    let (mut balloon, device, counts) = live();
    answered(&mut balloon, &device);
    let old = (0..).find(|&frame| balloon.contains(frame)).unwrap();
    let new = balloon.platform().share().allocate(1).unwrap();
    let (migration, accesses) = count_of(&counts, CHANGES, || balloon.migrate(old, new));
    let mut migration = migration.map_err(|rejected| rejected.error).unwrap();
    assert_eq!(accesses, 3);
    // Writes `actual`, and sends the old frame.
    let (polled, accesses) = count_of(&counts, CHANGES, || migration.poll());
    assert_eq!((polled.unwrap().is_pending(), accesses), (true, 3));
    assert_eq!(migration.poll(), Ok(Poll::Ready(())));
}

#[test]
fn notifications_and_the_polled_reset() {
    let (mut balloon, device, counts) = live();
    device.pause();
    device.set_target(10);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let _ = balloon.service_reporting().unwrap();
    let again = count(&mut balloon, &counts, CHANGES, |balloon| balloon.notify_again());
    assert_eq!(again, (Ok(()), 4), "the status, and one for each queue that has buffers");
    device.resume();
    let reset = count(&mut balloon, &counts, CHANGES, |balloon| balloon.poll_abandon());
    assert_eq!(reset, (Ok(Poll::Ready(())), 2));
}

/// Writes of the status are requests of the reset.
#[test]
fn polls_of_a_reset_that_does_not_finish() {
    let (mut balloon, device, counts) = live();
    device.inject(RegisterFault::RefusesReset);
    let poll = |balloon: &mut Live| balloon.poll_abandon();
    let accesses: Vec<_> = (0..10)
        .map(|_| {
            let (polled, accesses) = count(&mut balloon, &counts, CHANGES, poll);
            assert_eq!(polled, Ok(Poll::Pending));
            accesses
        })
        .collect();
    assert_eq!(accesses, [2, 2, 2, 1, 2, 1, 1, 1, 2, 1], "requested by the call, and after 1, 2, 4 and 8 others");
    device.clear_faults();
    let (abandoned, accesses) = count(&mut balloon, &counts, CHANGES, |balloon| balloon.abandon(&mut common::no_wait));
    assert_eq!((abandoned, accesses), (Ok(()), 3));
}

#[test]
fn hinted_blocks_are_taken_back() {
    // The kernel has more blocks of 4 MiB than a step sends, so the round is still open.
    let (mut balloon, device, counts) = live_in(BalloonDevice::builder().memory(256 << 20));
    let _ = device.start_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    let reclaim = |balloon: &mut Live| balloon.reclaim_hinted(u32::MAX).unwrap();
    let (frames, accesses) = count(&mut balloon, &counts, CHANGES, reclaim);
    assert_eq!((frames > 0, accesses), (true, 2));
}

#[test]
fn a_step_of_statistics_reporting_and_hinting() {
    let (mut balloon, device, counts) = live();
    assert!(device.request_statistics());
    let answer = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service_statistics());
    assert_eq!(answer, (Ok(StatsRequest::Answered), 2));
    let (_, accesses) = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service_reporting().unwrap());
    assert_eq!(accesses, 2);
    for (changes, expected) in [(0, 5), (CHANGES, 131)] {
        let _ = device.start_hinting();
        let hint = |balloon: &mut Live| balloon.service_hinting(InterruptStatus::ANY).unwrap();
        let (_, accesses) = count(&mut balloon, &counts, changes, hint);
        assert_eq!(accesses, expected);
    }
}
