//! A device that does not finish its reset, or finishes it late.

use aerostat_balloon::transport::SetupError;
use aerostat_balloon::{BalloonError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Ledger, RegisterFault};

use crate::common::{assert_clean, assert_settled, live};
use crate::{Rig, TARGET};

/// The reset is not finished, and the status reads this.
const UNFINISHED: BalloonError = BalloonError::Reset(SetupError::ResetUnfinished { status: 1 });

/// Nothing that the device may use has come back: neither frames nor rings.
fn assert_all_with_the_device(ledger: &Ledger) {
    assert_eq!(ledger.lent_frames().len(), TARGET as usize);
    assert_eq!(ledger.lent_dma(), 4, "two rings and their buffers");
    assert_eq!(ledger.lent_private(), 1);
    assert_eq!(ledger.violations(), []);
}

/// cleanup.2: memory comes back after a reset that is finished, and not before.
#[test]
fn abandoning_a_device_that_does_not_reset_gives_nothing_back() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::SlowReset(u32::MAX));
    for _ in 0..2 {
        let held = rig.balloon.abandon().unwrap_err();
        assert_eq!(held.error, UNFINISHED);
        rig.balloon = held.balloon;
        assert_all_with_the_device(&rig.ledger);
    }
    rig.recover("no reset");
}

#[test]
fn dropping_a_balloon_whose_device_does_not_reset_gives_nothing_back() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    device.misbehave(RegisterFault::SlowReset(u32::MAX));
    drop(balloon);
    assert_all_with_the_device(&ledger);
    assert_clean(&device, &ledger);
}

/// `drop` must not wait: a device that takes two looks to reset keeps everything.
#[test]
fn dropping_does_not_wait_for_the_device() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    device.misbehave(RegisterFault::SlowReset(1));
    drop(balloon);
    assert_all_with_the_device(&ledger);
    assert_clean(&device, &ledger);
}

#[test]
fn freezing_waits_for_a_reset_that_takes_its_time() {
    let rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::SlowReset(1000));
    let frozen = rig.balloon.freeze(&mut rig.device.work_at_most(10)).map_err(|held| held.error).unwrap();
    assert_settled(&rig.device, &rig.ledger);
    let restored = frozen.restore().map_err(|failed| failed.error).unwrap();
    drop(restored);
}

#[test]
fn freezing_an_empty_balloon_whose_device_does_not_reset_hands_it_back() {
    let (balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.misbehave(RegisterFault::SlowReset(u32::MAX));
    let held = balloon.freeze(&mut device.work_at_most(10)).unwrap_err();
    assert_eq!(held.error, UNFINISHED);
    assert_eq!((ledger.lent_dma(), ledger.lent_private()), (4, 1));
    device.behave();
    held.balloon.abandon().map_err(|held| held.error).unwrap();
    assert_settled(&device, &ledger);
}

/// The reset that timed out is finished later. From the moment it was asked for, the device is not live any more, and
/// nothing may be sent to it (core.init.14) or written into its configuration.
#[test]
fn a_balloon_whose_reset_is_late_talks_no_more_to_the_device() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::SlowReset(1_000_100));
    let held = rig.balloon.abandon().unwrap_err();
    assert_eq!(held.error, UNFINISHED);
    rig.balloon = held.balloon;
    rig.device.set_target(2 * TARGET);
    let outcomes: Vec<Result<Step, BalloonError>> = (0..200).map(|_| rig.balloon.service()).collect();
    assert_clean(&rig.device, &rig.ledger);
    assert!(outcomes.iter().all(Result::is_err), "{:?}", outcomes[0]);
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    rig.recover("late reset");
}

/// A restore on a device that has become worse hands the frozen balloon back.
#[test]
fn a_restore_that_fails_leaves_the_balloon_frozen() {
    let Rig { balloon, device, ledger } = Rig::inflated(BalloonDevice::builder().inline());
    let mut frozen = balloon.freeze(&mut device.work_at_most(10)).map_err(|held| held.error).unwrap();
    for fault in [
        RegisterFault::Features(0),
        RegisterFault::Features(1 << 32),
        RegisterFault::LosesFeaturesOk,
        RegisterFault::QueueSizeMax(0),
        RegisterFault::QueueReady(1),
        RegisterFault::GenerationNeverSettles,
        RegisterFault::StatusBits(0x40),
    ] {
        device.misbehave(fault);
        frozen = match frozen.restore() {
            Ok(_) => panic!("{fault:?}: restored"),
            Err(failed) => failed.balloon,
        };
        device.behave();
        assert_settled(&device, &ledger);
    }
    drop(frozen.restore().map_err(|failed| failed.error).unwrap());
    assert_settled(&device, &ledger);
}
