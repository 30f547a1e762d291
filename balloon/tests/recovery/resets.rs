//! Devices that reset late, or not at all.

use std::task::Poll;

use aerostat_balloon::transport::{DeviceError, SetupError};
use aerostat_balloon::{Balloon, BalloonError, Options, ProbeError, Size4KiB, Step};
use aerostat_device::{Quirk, RegisterFault, TestPlatform, When};

use crate::common::{assert_all_returned, assert_reset, bus, no_wait, polls, settle, start};
use crate::{All, TellNobody, builder, inflated, recover};

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
