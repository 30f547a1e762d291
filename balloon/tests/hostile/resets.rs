//! A device that does not finish its reset, or finishes it late. See also `tests/abandon.rs`.

use aerostat_balloon::transport::SetupError;
use aerostat_balloon::{Balloon, BalloonError, Options, ProbeError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Ledger, RegisterFault, TestPlatform};

use crate::common::{TellHost, assert_all_returned, assert_clean, assert_reset, bus, live, no_wait};
use crate::{Rig, TARGET};

/// The reset is not finished: the status still reads ACKNOWLEDGE.
const UNFINISHED: BalloonError = BalloonError::Reset(SetupError::ResetUnfinished { status: 1 });

/// Asserts that nothing that the device may use was returned: neither frames nor rings.
fn assert_nothing_returned(ledger: &Ledger) {
    assert_eq!(ledger.allocated_frames().len(), TARGET as usize);
    assert_eq!(ledger.allocated_dma(), 4, "two rings and their arrays");
    assert_eq!(ledger.allocated_private(), 1);
    assert_eq!(ledger.violations(), []);
}

/// cleanup.2: memory is returned after a finished reset, and not before.
#[test]
fn abandoning_a_balloon_whose_device_does_not_reset_returns_nothing() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::SlowReset(u32::MAX));
    for _ in 0..2 {
        assert_eq!(rig.balloon.abandon(&mut crate::common::polls()), Err(UNFINISHED));
        assert_nothing_returned(&rig.ledger);
    }
    rig.recover("no reset");
}

#[test]
fn dropping_a_balloon_whose_device_does_not_reset_returns_nothing() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    device.inject(RegisterFault::SlowReset(u32::MAX));
    drop(balloon);
    assert_nothing_returned(&ledger);
    assert_clean(&device, &ledger);
}

/// Dropping reads the status once: a device that needs longer keeps everything.
#[test]
fn dropping_does_not_wait_for_the_device() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    device.inject(RegisterFault::SlowReset(1));
    drop(balloon);
    assert_nothing_returned(&ledger);
    assert_clean(&device, &ledger);
}

#[test]
fn freeze_waits_for_a_slow_reset() {
    let rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::SlowReset(1000));
    let frozen = rig.balloon.freeze(&mut rig.device.work_at_most(1001)).map_err(|live| live.error).unwrap();
    assert_reset(&rig.device, &rig.ledger);
    let restored = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    rig.device.clear_faults();
    drop(restored);
    assert_all_returned(&rig.device, &rig.ledger);
}

#[test]
fn freeze_returns_a_balloon_whose_device_does_not_reset() {
    let (balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.inject(RegisterFault::SlowReset(u32::MAX));
    let mut live = balloon.freeze(&mut device.work_at_most(10)).unwrap_err();
    assert_eq!(live.error, UNFINISHED);
    assert_eq!((ledger.allocated_dma(), ledger.allocated_private()), (4, 1));
    device.clear_faults();
    live.balloon.abandon(&mut crate::common::polls()).unwrap();
    assert_reset(&device, &ledger);
    assert!(live.balloon.freeze(&mut no_wait).is_ok());
    assert_all_returned(&device, &ledger);
}

/// The device finishes a reset after the driver has stopped waiting. The driver must send it nothing after the start of the
/// reset, and must not write to its configuration.
// conformance: core.init.14
#[test]
fn a_balloon_whose_reset_is_late_does_not_access_the_device() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::SlowReset(1_000_100));
    assert_eq!(rig.balloon.abandon(&mut crate::common::polls()), Err(UNFINISHED));
    rig.device.set_target(2 * TARGET);
    let outcomes: Vec<Result<Step, BalloonError>> = (0..200).map(|_| rig.balloon.service()).collect();
    assert_clean(&rig.device, &rig.ledger);
    assert!(outcomes.iter().all(Result::is_err), "{:?}", outcomes[0]);
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    rig.recover("late reset");
}

#[test]
fn a_failed_restore_leaves_the_balloon_frozen() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    let mut frozen = balloon.freeze(&mut device.work_at_most(10)).map_err(|live| live.error).unwrap();
    for fault in [
        RegisterFault::Features(0),
        RegisterFault::Features(1 << 32),
        RegisterFault::ClearsFeaturesOk,
        RegisterFault::QueueSizeMax(0),
        RegisterFault::QueueReady(1),
        RegisterFault::GenerationAlwaysChanges,
        RegisterFault::SetsStatusBits(0x40),
    ] {
        device.inject(fault);
        frozen = match frozen.restore(&mut crate::common::polls()) {
            Ok(_) => panic!("{fault:?}: restored"),
            Err(failed) => failed.balloon,
        };
        device.clear_faults();
        assert_reset(&device, &ledger);
    }
    drop(frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap());
    assert_all_returned(&device, &ledger);
}

/// A second probe of the same balloon starts with another reset, which may succeed.
#[test]
fn a_failed_probe_can_be_repeated() {
    let device = BalloonDevice::builder().inject(RegisterFault::SlowReset(u32::MAX)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap();
    for _ in 0..2 {
        let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
        assert_eq!(failed.error, ProbeError::Setup(SetupError::ResetUnfinished { status: 1 }));
        balloon = failed.balloon;
        device.inject(RegisterFault::SlowReset(u32::MAX));
    }
    device.clear_faults();
    let balloon = balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(ledger.allocated_private(), 1, "private memory is allocated once");
    drop(balloon);
    assert_all_returned(&device, &ledger);
}
