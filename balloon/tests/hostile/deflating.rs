//! A device that lies while the balloon deflates, freezes, or is dropped.

use aerostat_balloon::Step;
use aerostat_balloon::transport::DeviceError;
use aerostat_device::{BalloonDevice, QueueFault};

use crate::common::{assert_clean, assert_settled, impatient};
use crate::lies::{Lie, lies};
use crate::{DEFLATE, Rig, TARGET, broken, taken_back};

/// A full balloon whose device is about to lie of the two arrays with which it is emptied.
fn about_to_lie(lie: &Lie) -> Rig {
    let rig = Rig::inflated(BalloonDevice::builder().inline());
    lie.faults.iter().for_each(|fault| rig.device.misbehave(*fault));
    rig
}

/// After the lie: frames that the device acknowledged are the kernel's, all others are in the balloon.
fn assert_kept(rig: &Rig, lie: &Lie, case: &str) {
    let lent = rig.ledger.lent_frames().len() as u32;
    assert_eq!(lent + taken_back(&rig.ledger), TARGET, "{case}: no frame twice");
    assert_eq!(lent, lie.kept(), "{case}: what was not acknowledged stays in the balloon");
    assert_clean(&rig.device, &rig.ledger);
}

/// balloon.op.9: no frame is the kernel's before its deflation was acknowledged.
#[test]
fn each_lie_is_an_error_and_no_frame_comes_back_unacknowledged() {
    for lie in lies(DEFLATE, 2, 0) {
        let case = lie.name("deflating");
        let mut rig = about_to_lie(&lie);
        rig.device.set_target(0);
        assert_eq!(rig.error(), broken(lie.error), "{case}");
        assert_kept(&rig, &lie, &case);
        rig.device.behave();
        rig.assert_stuck(broken(lie.error), &case);
        rig.recover(&case);
    }
}

#[test]
fn the_single_deflation_reports_each_lie_too() {
    for lie in lies(DEFLATE, 2, 0) {
        let case = lie.name("tell_host");
        let mut rig = about_to_lie(&lie);
        rig.device.set_target(0);
        let deflation = rig.balloon.deflate(TARGET).unwrap().tell_host();
        assert_eq!(deflation.wait(&mut rig.device.work_at_most(10)), Err(broken(lie.error)), "{case}");
        assert_kept(&rig, &lie, &case);
        rig.recover(&case);
    }
}

#[test]
fn freezing_reports_each_lie_and_hands_the_balloon_back() {
    for lie in lies(DEFLATE, 2, 0) {
        let case = lie.name("freeze");
        let mut rig = about_to_lie(&lie);
        let held = rig.balloon.freeze(&mut rig.device.work_at_most(10)).unwrap_err();
        assert_eq!(held.error, broken(lie.error), "{case}");
        rig.balloon = held.balloon;
        assert_kept(&rig, &lie, &case);
        let again = rig.balloon.freeze(&mut impatient).unwrap_err();
        assert_eq!(again.error, broken(lie.error), "{case}: an error is an error");
        rig.balloon = again.balloon;
        assert_kept(&rig, &lie, &case);
        rig.recover(&case);
    }
}

#[test]
fn removing_reports_each_lie_and_hands_the_balloon_back() {
    for lie in lies(DEFLATE, 2, 0) {
        let case = lie.name("remove");
        let mut rig = about_to_lie(&lie);
        let held = rig.balloon.remove(&mut rig.device.work_at_most(10)).unwrap_err();
        assert_eq!(held.error, broken(lie.error), "{case}");
        rig.balloon = held.balloon;
        assert_kept(&rig, &lie, &case);
        rig.recover(&case);
    }
}

#[test]
fn dropping_a_balloon_whose_device_has_lied_gives_everything_back() {
    for lie in lies(DEFLATE, 2, 0) {
        let case = lie.name("drop");
        let mut rig = about_to_lie(&lie);
        rig.device.set_target(0);
        assert_eq!(rig.error(), broken(lie.error), "{case}");
        drop(rig.balloon);
        assert_settled(&rig.device, &rig.ledger);
        assert_eq!(rig.device.status(), 0, "{case}: the device was reset");
    }
}

#[test]
fn a_deflation_that_is_never_acknowledged_keeps_its_frames() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(QueueFault::NeverAnswers);
    rig.device.set_target(0);
    for _ in 0..100 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    let held = rig.balloon.freeze(&mut rig.device.work_at_most(10)).unwrap_err();
    assert_eq!(held.error, broken(DeviceError::NoAnswer { queue: DEFLATE }));
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    rig.balloon = held.balloon;
    rig.recover("never acknowledged");
}

/// Patience ends, and the device answers later: nothing was lost by giving up.
#[test]
fn freezing_can_be_tried_again_when_the_device_was_only_slow() {
    let mut rig = Rig::inflated(BalloonDevice::builder().manual());
    for _ in 0..3 {
        let held = rig.balloon.freeze(&mut impatient).unwrap_err();
        assert_eq!(held.error, broken(DeviceError::NoAnswer { queue: DEFLATE }));
        assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
        rig.balloon = held.balloon;
    }
    let frozen = rig.balloon.freeze(&mut rig.device.work_at_most(10)).map_err(|held| held.error).unwrap();
    assert_settled(&rig.device, &rig.ledger);
    assert!(frozen.restore().is_ok());
}

/// core.virtqueue.2: the arrays come back in the opposite order, and each gives the frames back that it named.
#[test]
fn the_frames_that_come_back_are_those_that_were_acknowledged() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(QueueFault::NeverAnswers.at(2));
    rig.device.set_target(0);
    for _ in 0..10 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    let lent: Vec<u64> = rig.ledger.lent_frames().into_iter().collect();
    let held: Vec<u64> = rig.device.host_pages().into_iter().map(u64::from).collect();
    assert_eq!(lent.len(), 256, "only the second array was acknowledged");
    assert_eq!(lent, held, "the kernel has exactly the frames that the device let go of");
    assert_clean(&rig.device, &rig.ledger);
    rig.recover("the second array first");
}

/// A device that was told of a deflation and lies on the inflate queue: the lie is reported, and the deflation waits.
#[test]
fn a_lie_on_one_queue_keeps_the_frames_of_the_other() {
    let mut rig = Rig::inflated(BalloonDevice::builder().manual());
    rig.device.set_target(0);
    assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    rig.device.needs_reset();
    assert_eq!(rig.balloon.service(), Err(broken(DeviceError::NeedsReset)));
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    rig.recover("both queues");
}
