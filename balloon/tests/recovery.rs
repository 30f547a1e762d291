//! Devices that stop working: reset by the host, removed, silent, unable to activate, or unable to reset.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use aerostat_balloon::error::FreezeFailed;
use aerostat_balloon::transport::{DeviceError, InterruptStatus, Io, Mmio, Numbering, SetupError};
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, Handles, NoFeatures, Options, Pages, Platform, ProbeError, Ready,
    Size4KiB, Step, features as declare,
};
use aerostat_device::{
    BalloonDevice, Builder, Event, FrameEvent, Hypervisor, Ledger, Quirk, RegisterFault, TestPlatform, When, features,
};
use common::{Bus, Live, assert_all_returned, assert_clean, assert_reset, bus, no_wait, polls, probe, settle};

declare! {
    struct All {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PageReporting: Optional,
    }
}
declare! { struct Poisoned { PagePoison: Optional, PageReporting: Optional } }
declare! { struct PoisonRequired { PagePoison: Required } }

const ALL: u64 = features::MUST_TELL_HOST
    | features::STATS_VQ
    | features::DEFLATE_ON_OOM
    | features::FREE_PAGE_HINT
    | features::PAGE_REPORTING
    | features::VERSION_1;
const HOST_RESET: BalloonError = BalloonError::Device(DeviceError::HostReset);
const GONE: BalloonError = BalloonError::Device(DeviceError::Gone);

fn builder() -> Builder {
    BalloonDevice::builder().memory(16 << 20).features(ALL)
}

fn start<F: BalloonFeatureSet>(builder: Builder, options: Options<F>) -> (Live<Size4KiB, F>, BalloonDevice, Ledger)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    let device = builder.start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1)]);
    (probe(&device, platform, options), device, ledger)
}

/// Returns a balloon of 500 frames.
fn inflated(builder: Builder) -> (Live<Size4KiB, All>, BalloonDevice, Ledger) {
    let (mut balloon, device, ledger) = start(builder.inline(), Options::new(All));
    device.set_target(500);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    (balloon, device, ledger)
}

fn assert_every_call_returns(balloon: &mut Live<Size4KiB, All>, error: BalloonError) {
    assert_eq!(balloon.service(), Err(error));
    assert_eq!(balloon.drain(), Err(error));
    assert_eq!(balloon.target(), Err(error));
    assert_eq!(balloon.inflate(1).map(drop), Err(error));
    assert_eq!(balloon.deflate(1).map(drop), Err(error));
    assert_eq!(balloon.deflate_on_oom().unwrap().tell_host().poll(), Err(error));
    assert_eq!(balloon.service_statistics(), Err(error));
    assert_eq!(balloon.service_reporting(), Err(error));
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Err(error));
    assert_eq!(balloon.reclaim_hinted(1), Err(error));
    assert_eq!(balloon.notify_again(), Err(error));
}

/// Resets and restores the balloon, which then follows the target again.
fn recover(balloon: Live<Size4KiB, All>, device: &BalloonDevice, ledger: &Ledger) {
    let frozen = balloon.reset(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_reset(device, ledger);
    let mut balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!((settle(&mut balloon), balloon.size()), (Step::OnTarget, Pages(500)));
    drop(balloon);
    assert_all_returned(device, ledger);
}

#[test]
fn every_call_notices_that_the_host_has_reset_the_device() {
    let (mut balloon, device, ledger) = inflated(builder());
    device.host_reset();
    assert_every_call_returns(&mut balloon, HOST_RESET);
    assert_eq!(ledger.allocated_frames().len(), 500, "the frames are in the balloon");
    recover(balloon, &device, &ledger);
}

#[test]
fn handles_notice_that_the_host_has_reset_the_device() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let Handles { mut balloon, statistics, reporting, hinting } = balloon.split();
    let (mut statistics, mut reporting, mut hinting) = (statistics.unwrap(), reporting.unwrap(), hinting.unwrap());
    device.host_reset();
    assert_eq!(balloon.service(), Err(HOST_RESET));
    assert_eq!(statistics.service(&mut kernel), Err(HOST_RESET));
    assert_eq!(reporting.service(&mut kernel), Err(HOST_RESET));
    assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(HOST_RESET));
    assert_eq!(hinting.reclaim_hinted(&mut kernel, 1), Err(HOST_RESET));
    let again = [statistics.notify_again(), reporting.notify_again(), hinting.notify_again(), balloon.notify_again()];
    assert_eq!(again, [Err(HOST_RESET); 4]);
    // A split balloon is abandoned in place.
    balloon.abandon(&mut polls()).unwrap();
    assert!(ledger.allocated_frames().is_empty());
    assert_eq!(statistics.service(&mut kernel), Err(BalloonError::NotLive));
    assert_eq!(reporting.service(&mut kernel), Err(BalloonError::NotLive));
    assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(BalloonError::NotLive));
    let again = [statistics.notify_again(), reporting.notify_again(), hinting.notify_again(), balloon.notify_again()];
    assert_eq!(again, [Err(BalloonError::NotLive); 4]);
    let parts = Handles { balloon, statistics: Some(statistics), reporting: Some(reporting), hinting: Some(hinting) };
    recover(parts.join().unwrap(), &device, &ledger);
}

/// Without the notifications of a device that was reset, a future makes progress only when it is polled.
#[test]
fn an_operation_in_progress_notices_that_the_host_has_reset_the_device() {
    let (mut balloon, device, ledger) = start(builder().manual(), Options::new(All));
    device.set_target(500);
    let mut inflation = balloon.inflate(500).unwrap();
    assert!(inflation.poll().unwrap().is_pending());
    device.host_reset();
    assert_eq!(inflation.poll(), Err(HOST_RESET));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_device_that_is_gone_is_an_error_of_its_own_and_has_an_exit() {
    let (mut balloon, device, ledger) = inflated(builder());
    let _ = balloon.service_reporting().unwrap();
    device.remove();
    assert_every_call_returns(&mut balloon, GONE);
    let mut polls = 0;
    let mut wait = |_| {
        polls += 1;
        core::ops::ControlFlow::Continue(())
    };
    assert_eq!(balloon.abandon(&mut wait), Err(GONE));
    let FreezeFailed { error, mut balloon } = balloon.freeze(&mut wait).unwrap_err();
    assert_eq!((error, polls), (GONE, 0), "no time is lost");
    assert!(ledger.allocated_frames().len() >= 500, "the device may still access memory");
    // SAFETY: the device of this test was removed.
    unsafe { balloon.assume_gone() }.unwrap();
    assert_reset(&device, &ledger);
    assert_eq!(balloon.service(), Err(BalloonError::NotLive));
    let frozen = balloon.reset(&mut no_wait).map_err(|failed| failed.error).unwrap();
    let failed = frozen.restore(&mut no_wait).map(drop).unwrap_err();
    assert!(matches!(failed.error, ProbeError::Setup(_)), "{}", failed.error);
    let (_bus, _platform) = failed.balloon.into_parts();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_split_balloon_whose_device_is_gone_returns_everything() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    let _ = parts.reporting.as_mut().unwrap().service(&mut kernel).unwrap();
    device.remove();
    assert_eq!(parts.balloon.abandon(&mut polls()), Err(GONE));
    // SAFETY: the device of this test was removed.
    unsafe { parts.balloon.assume_gone() }.unwrap();
    assert!(ledger.allocated_frames().is_empty());
    drop(parts.join().unwrap());
    assert_all_returned(&device, &ledger);
}

/// Firecracker activates only if every queue that it has is set up. Declaring fewer features works without configuration.
#[test]
fn a_device_that_needs_all_of_its_queues_works_with_any_features() {
    fn check<F: BalloonFeatureSet>(options: Options<F>, builder: Builder)
    where
        TestPlatform<Size4KiB>: Platform<F>,
    {
        let (mut balloon, device, ledger) = start(builder.inline(), options);
        device.set_target(300);
        assert_eq!((settle(&mut balloon), device.actual()), (Step::OnTarget, 300));
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        assert_reset(&device, &ledger);
        drop(frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap());
        assert_all_returned(&device, &ledger);
    }
    for hypervisor in [Hypervisor::Firecracker, Hypervisor::Crosvm, Hypervisor::Qemu] {
        check(Options::new(NoFeatures), BalloonDevice::builder().memory(16 << 20).like(hypervisor));
        check(Options::new(All), BalloonDevice::builder().memory(16 << 20).like(hypervisor));
    }
    check(Options::new(NoFeatures), builder().quirk(Quirk::NeedsAllQueues));
    // Queues that are not used are set up only if that is necessary.
    check(Options::new(NoFeatures), builder().quirk(Quirk::RejectsUnusedQueues));
}

#[test]
fn a_device_that_does_not_activate_makes_the_probe_fail_with_advice() {
    let quirky = builder().quirk(Quirk::NeedsAllQueues).quirk(Quirk::FailsActivation).quirk(Quirk::CannotReset);
    let device = quirky.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(NoFeatures)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::Activation(DeviceError::NeedsReset));
    assert!(failed.error.to_string().contains("`Optional`"), "{}", failed.error);
    // The device cannot be reset any more, and keeps its queues.
    let mut balloon = failed.balloon;
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    balloon = failed.balloon;
    assert!(ledger.allocated_dma() > 0);
    // SAFETY: the device of this test has not activated any queue.
    let balloon = unsafe { balloon.assume_reset() };
    drop(balloon);
    assert!(ledger.all_returned());
}

/// A second attempt sets up all queues, and each probe starts with those of the features.
#[test]
fn a_device_that_never_activates_is_set_up_twice_by_each_probe() {
    let quirky = builder().quirk(Quirk::NeedsAllQueues).further_queues(20);
    let device = quirky.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform, Options::new(NoFeatures)).unwrap();
    for _ in 0..3 {
        device.clear_events();
        let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
        assert_eq!(failed.error, ProbeError::Activation(DeviceError::NeedsReset));
        balloon = failed.balloon;
        let needs_reset = device.events().into_iter().filter(|event| *event == Event::NeedsReset).count();
        let queues = device.events().into_iter().filter(|event| matches!(event, Event::QueueEnabled { .. })).count();
        assert_eq!(needs_reset, 2, "{:?}", device.events());
        assert!(queues > 2 * 2, "{queues}");
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// The driver sets FAILED itself on a device that it did not set up completely. That says nothing about the queues of the device.
#[test]
fn a_reset_that_takes_time_is_not_taken_for_an_activation_that_failed() {
    let device = builder().quirk(Quirk::NeedsAllQueues).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = probe(&device, platform, Options::new(NoFeatures));
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    // The device needs all of its queues, which the driver knows now. The memory of a queue is missing.
    ledger.fail_dma(Some(When::At(3)));
    device.inject(RegisterFault::DelaysReset(20));
    let mut balloon = frozen;
    let (mut errors, mut calls) = (Vec::new(), 0);
    let balloon = loop {
        match balloon.restore(&mut no_wait) {
            Ok(balloon) => break balloon,
            Err(failed) => {
                errors.push(failed.error);
                balloon = failed.balloon;
                calls += 1;
                assert!(calls < 100, "{errors:?}");
            }
        }
    };
    let unfinished = |error: &ProbeError| matches!(error, ProbeError::Setup(SetupError::ResetUnfinished { .. }));
    assert_eq!(errors.iter().filter(|error| matches!(error, ProbeError::Queue(_))).count(), 1, "{errors:?}");
    assert!(errors.iter().all(|error| unfinished(error) || matches!(error, ProbeError::Queue(_))), "{errors:?}");
    assert!(
        errors.iter().any(
            |error| matches!(error, ProbeError::Setup(SetupError::ResetUnfinished { status }) if status & 0x80 != 0)
        )
    );
    drop(balloon);
    assert_clean(&device, &ledger);
}

#[test]
fn a_device_that_was_removed_is_no_device_for_the_transport() {
    let device = builder().inline().start().unwrap();
    device.remove();
    let registers = aerostat_balloon::transport::Mmio::new(device.registers());
    assert!(registers.is_err(), "the registers are not those of a device");
}

/// A device that does not take the poison value would discard reported pages, whose contents the kernel relies on.
#[test]
fn a_poison_value_that_the_device_does_not_take_is_not_negotiated() {
    let offers = ALL | features::PAGE_POISON;
    let quirky = || BalloonDevice::builder().memory(16 << 20).features(offers).quirk(Quirk::RefusesPoison).inline();
    let (mut balloon, device, ledger) =
        start(quirky(), Options::new(Poisoned).poison_value(0xa5a5_a5a5).numbering(Numbering::Specification));
    assert!(!balloon.accepted().unwrap().has(aerostat_balloon::feature::PagePoison));
    // The contents of free memory are undefined, so that reporting works without.
    assert!(balloon.service_reporting().unwrap().is_some());
    drop(balloon);
    assert_all_returned(&device, &ledger);

    let device = quirky().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(PoisonRequired).poison_value(7)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::PoisonRejected { written: 7, read: 0 });
    drop(failed.balloon);
    assert_all_returned(&device, &ledger);
}

/// The error is that of the poison value, not that of the reset after it.
#[test]
fn a_required_poison_value_is_rejected_by_a_device_that_cannot_be_reset() {
    let quirky = BalloonDevice::builder().memory(16 << 20).features(ALL | features::PAGE_POISON);
    let device = quirky.quirk(Quirk::RefusesPoison).quirk(Quirk::CannotReset).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus(&device), platform, Options::new(PoisonRequired).poison_value(7)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::PoisonRejected { written: 7, read: 0 });
}

/// Registers of a device whose host can be replaced by one that takes no poison value.
#[derive(Clone, Debug)]
struct Hosts(aerostat_device::Registers, Rc<Cell<bool>>);

/// The register of `poison_val`.
const POISON_VAL: usize = 0x10c;

// SAFETY: every access reaches the register at its offset.
unsafe impl Io for Hosts {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.0.read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.0.read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        if offset == POISON_VAL && self.1.get() { 0 } else { self.0.read32(offset) }
    }

    fn write8(&self, offset: usize, value: u8) {
        self.0.write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.0.write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.0.write32(offset, value);
    }
}

/// A machine that is resumed on another host starts with what that host supports.
#[test]
fn a_restore_forgets_what_the_device_of_another_host_rejected() {
    let device = BalloonDevice::builder().memory(16 << 20).features(ALL | features::PAGE_POISON).inline();
    let device = device.start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let refuses = Rc::new(Cell::new(true));
    let bus = Mmio::new(Hosts(device.registers(), Rc::clone(&refuses))).map_err(|(_, error)| error).unwrap();
    let options = Options::new(Poisoned).poison_value(7).numbering(Numbering::Specification);
    let mut balloon = Balloon::new(bus, platform, options).unwrap().probe(&mut polls()).map_err(|f| f.error).unwrap();
    for takes in [false, true, false, true] {
        refuses.set(!takes);
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        let accepted = balloon.accepted().unwrap();
        assert_eq!(accepted.has(aerostat_balloon::feature::PagePoison), takes);
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);

    // The next host may not need all of its queues, and some accept no unused ones.
    let device = builder().quirk(Quirk::NeedsAllQueues).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = probe(&device, platform, Options::new(NoFeatures));
    for _ in 0..2 {
        device.clear_events();
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        assert!(device.events().contains(&Event::NeedsReset), "the first attempt sets up two queues");
    }
}

/// Each call reads the status at most three times and returns.
#[test]
fn calls_whose_wait_breaks_at_once_are_bounded_and_continue() {
    let device = builder().inject(RegisterFault::SlowReset(20)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform, Options::new(TellNobody)).unwrap();
    let mut calls = 0;
    let mut balloon = loop {
        calls += 1;
        match balloon.probe(&mut no_wait) {
            Ok(balloon) => break balloon,
            Err(failed) => {
                assert_eq!(failed.error, ProbeError::Setup(SetupError::ResetUnfinished { status: 1 }));
                assert!(calls < 30, "the probe continues");
                balloon = failed.balloon;
            }
        }
    };
    assert!(calls > 5, "each call was bounded");
    device.set_target(100);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    calls = 0;
    while balloon.poll_abandon().unwrap().is_pending() {
        calls += 1;
        assert_eq!(ledger.allocated_frames().len(), 100, "the device may use the frames");
        assert_eq!(balloon.service(), Err(DeviceError::Resetting.into()));
    }
    assert_eq!(calls, 20);
    assert_reset(&device, &ledger);
    device.clear_faults();
    let frozen = balloon.freeze(&mut no_wait).map_err(|failed| failed.error).unwrap();
    drop(frozen);
    assert_all_returned(&device, &ledger);
}

/// A device that refuses one request accepts the next one, which a call without a wait makes too.
#[test]
fn a_polled_reset_is_requested_again_after_a_refusal() {
    let (mut balloon, device, ledger) = inflated(builder());
    device.inject(RegisterFault::RefusesReset);
    assert_eq!(balloon.poll_abandon(), Ok(Poll::Pending));
    device.clear_faults();
    let polled: Vec<_> = (0..2).map(|_| balloon.poll_abandon()).collect();
    assert_eq!(polled, [Ok(Poll::Pending), Ok(Poll::Ready(()))]);
    recover(balloon, &device, &ledger);

    // A split balloon, whose device refuses for a longer time.
    let (balloon, device, ledger) = inflated(builder());
    let mut parts = balloon.split();
    device.inject(RegisterFault::RefusesReset);
    for _ in 0..100 {
        assert_eq!(parts.balloon.poll_abandon(), Ok(Poll::Pending));
    }
    let unfinished = parts.balloon.abandon(&mut no_wait).unwrap_err();
    assert!(matches!(unfinished, BalloonError::Reset(SetupError::ResetUnfinished { status: 0xf })), "{unfinished}");
    device.clear_faults();
    let calls = (0..200).find(|_| parts.balloon.poll_abandon().unwrap().is_ready());
    assert!(calls.is_some_and(|calls| calls > 1), "{calls:?}");
    recover(parts.join().unwrap(), &device, &ledger);
}

declare! { struct TellNobody {} }

/// A probe that fails because of a queue, on a device that then does not reset, keeps the queues and no more.
#[test]
fn failing_probes_whose_reset_hangs_do_not_leak_memory_at_each_retry() {
    let device = builder().inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.fail_dma(Some(When::At(3)));
    let mut balloon = Balloon::new(bus(&device), platform, Options::new(TellNobody)).unwrap();
    let mut wait = |attempt| {
        // The device hangs when it is reset the second time.
        device.inject(RegisterFault::RefusesReset);
        no_wait(attempt)
    };
    device.inject(RegisterFault::SlowReset(2));
    let mut kept = Vec::new();
    for _ in 0..4 {
        let failed = balloon.probe(&mut wait).map(drop).unwrap_err();
        balloon = failed.balloon;
        kept.push(ledger.allocated_dma());
    }
    assert!(kept.iter().all(|count| *count <= 3) && kept[3] > 0, "{kept:?}");
    assert_eq!(kept[1..], [kept[1]; 3], "nothing more is leaked");
    device.clear_faults();
    let balloon = balloon.probe(&mut polls()).map_err(|failed| failed.error).unwrap();
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// libkrun and Dragonball never reset a live device.
#[test]
fn a_device_that_refuses_its_reset_keeps_only_what_it_has_not_returned() {
    let (balloon, device, ledger) = inflated(builder().quirk(Quirk::CannotResetLive));
    device.clear_events();
    let failed = balloon.freeze(&mut no_wait).unwrap_err();
    assert!(matches!(failed.error, BalloonError::Reset(SetupError::ResetUnfinished { .. })), "{}", failed.error);
    assert!(!failed.to_string().contains("live"), "{failed}");
    assert!(ledger.allocated_frames().is_empty(), "the device has acknowledged that it has no frames");
    let mut balloon = failed.balloon;
    assert_eq!(balloon.service(), Err(DeviceError::Resetting.into()));
    assert!(ledger.allocated_dma() > 0, "it still has the queues");
    // SAFETY: the device of this test has no buffers, and works only when it is notified.
    unsafe { balloon.assume_gone() }.unwrap();
    drop(balloon);
    assert!(ledger.all_returned());
}

/// The device has acknowledged a deflation that the driver has not seen yet when it requests a reset.
#[test]
fn frames_whose_deflation_is_acknowledged_are_the_kernels_if_the_reset_hangs() {
    let (mut balloon, device, ledger) = start(builder().manual(), Options::new(All));
    device.set_target(500);
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    device.set_target(400);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    while device.step() {}
    device.inject(RegisterFault::RefusesReset);
    assert!(balloon.abandon(&mut no_wait).is_err());
    assert_eq!(ledger.allocated_frames().len(), 400);
    device.clear_faults();
    assert_eq!(balloon.abandon(&mut no_wait), Ok(()));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_lost_notification_can_be_repeated() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(TellNobody));
    assert_eq!((balloon.in_flight(), balloon.progress()), (0, 0));
    device.inject(RegisterFault::LosesNotifications(When::Always));
    device.set_target(1000);
    for _ in 0..10 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!((balloon.in_flight(), balloon.progress()), (4, 0), "the device does not answer");
    device.clear_faults();
    assert_eq!(balloon.notify_again(), Ok(()));
    assert_eq!((settle(&mut balloon), balloon.in_flight(), balloon.progress()), (Step::OnTarget, 0, 4));
    // It may be repeated at any time.
    assert_eq!(balloon.notify_again(), Ok(()));
    assert_clean(&device, &ledger);
    let progress = balloon.progress();
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    let balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert!(balloon.progress() != 0 && balloon.progress() != progress.wrapping_sub(1), "it does not start again");
}

#[test]
fn a_balloon_is_whole_again_without_handles_that_were_dropped() {
    let (balloon, device, ledger) = inflated(builder());
    let Handles { balloon, statistics, reporting, hinting } = balloon.split();
    drop(reporting);
    let balloon = balloon.unsplit().expect_err("two handles exist");
    let parts = Handles { balloon, statistics, reporting: None, hinting };
    let balloon: Balloon<Ready<Bus, TestPlatform, All>> =
        parts.join().expect("a handle that was dropped is not missing");
    let mut balloon = {
        let Handles { balloon, statistics, reporting, hinting } = balloon.split();
        drop((statistics, reporting, hinting));
        balloon.unsplit().expect("no handle exists")
    };
    assert!(balloon.service_reporting().unwrap().is_some(), "the queue is usable");
    recover(balloon, &device, &ledger);
}

#[test]
fn a_balloon_can_be_abandoned_while_handles_exist() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    let _ = parts.reporting.as_mut().unwrap().service(&mut kernel).unwrap();
    parts.balloon.abandon(&mut polls()).unwrap();
    parts.balloon.abandon(&mut polls()).unwrap();
    assert!(ledger.allocated_frames().is_empty());
    drop((parts.statistics, parts.reporting, parts.hinting));
    recover(parts.balloon.unsplit().unwrap(), &device, &ledger);
}

/// The frames that the kernel did not take back are still in the balloon.
#[test]
fn a_panic_of_the_kernel_during_a_reset_loses_no_other_frame() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(TellNobody));
    ledger.set_runs(aerostat_device::Runs::Scattered { seed: 3 });
    device.set_target(300);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    ledger.panic_at_deallocation(Some(When::At(10)));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut polls()))).is_err());
    let left = ledger.allocated_frames().len();
    assert!(left > 100, "{left}");
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    let lost = ledger.allocated_frames().len();
    assert!(lost <= 4, "only the run that was being returned: {lost}");
    assert_eq!(ledger.allocated_dma(), 0);
}

/// A machine that is switched off must not make the host supply memory for the frames of the balloon.
#[test]
fn power_off_touches_and_returns_no_frame() {
    let offers = ALL | features::PAGE_POISON;
    let builder = BalloonDevice::builder().memory(16 << 20).features(offers).inline();
    let (mut balloon, device, ledger) =
        start(builder, Options::new(Poisoned).poison_value(0x5a).numbering(Numbering::Specification));
    device.set_target(500);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let handles = balloon.split();
    let resident = device.memory().resident_bytes();
    let events = ledger.events();
    let mut kernel = handles.balloon.platform().share();
    let mut reporting = handles.reporting.unwrap();
    assert_eq!(handles.balloon.power_off(&mut polls()), Ok(()));
    assert_eq!(device.status(), 0, "the device is reset");
    assert_eq!(ledger.events(), events, "no frame is returned");
    assert_eq!(device.memory().resident_bytes(), resident, "no frame is filled");
    assert_eq!(reporting.service(&mut kernel), Err(BalloonError::NotLive));
    assert!(!ledger.events().iter().any(|event| matches!(event, FrameEvent::Deallocated { .. })));
}
