//! A device that breaks the protocol while the balloon deflates, freezes, or is dropped.

use aerostat_balloon::Step;
use aerostat_balloon::transport::DeviceError;
use aerostat_device::{BalloonDevice, QueueFault};

use crate::common::{assert_all_returned, assert_clean, assert_reset, no_wait};
use crate::faults::{RingFault, ring_faults};
use crate::{DEFLATE, Rig, TARGET, broken, returned};

/// Returns a balloon of [`TARGET`] frames whose device will break the protocol in the two arrays that empty it.
fn inflated_with(fault: &RingFault) -> Rig {
    let rig = Rig::inflated(BalloonDevice::builder().inline());
    fault.faults.iter().for_each(|fault| rig.device.inject(*fault));
    rig
}

/// Asserts that the kernel has the frames that the device has acknowledged, and the balloon all others.
fn assert_kept(rig: &Rig, fault: &RingFault, case: &str) {
    let kept = rig.ledger.allocated_frames().len() as u32;
    assert_eq!(kept + returned(&rig.ledger), TARGET, "{case}: no frame is returned twice");
    assert_eq!(kept, fault.kept(), "{case}: frames without an acknowledgement stay in the balloon");
    assert_clean(&rig.device, &rig.ledger);
}

/// No frame is returned before its deflation is acknowledged.
// conformance: balloon.op.9
#[test]
fn each_ring_fault_is_an_error_and_no_frame_is_returned_without_an_acknowledgement() {
    for fault in ring_faults(DEFLATE, 2, 0) {
        let case = fault.name("deflating");
        let mut rig = inflated_with(&fault);
        rig.device.set_target(0);
        assert_eq!(rig.error(), broken(fault.error), "{case}");
        assert_kept(&rig, &fault, &case);
        rig.device.clear_faults();
        rig.assert_unusable(broken(fault.error), &case);
        rig.recover(&case);
    }
}

#[test]
fn deflate_reports_each_ring_fault() {
    for fault in ring_faults(DEFLATE, 2, 0) {
        let case = fault.name("tell_host");
        let mut rig = inflated_with(&fault);
        rig.device.set_target(0);
        let deflation = rig.balloon.deflate(TARGET).unwrap().tell_host();
        assert_eq!(deflation.wait(&mut rig.device.work_at_most(10)), Err(broken(fault.error)), "{case}");
        assert_kept(&rig, &fault, &case);
        rig.recover(&case);
    }
}

#[test]
fn freeze_reports_each_ring_fault_and_returns_the_balloon() {
    for fault in ring_faults(DEFLATE, 2, 0) {
        let case = fault.name("freeze");
        let mut rig = inflated_with(&fault);
        let live = rig.balloon.freeze(&mut rig.device.work_at_most(10)).unwrap_err();
        assert_eq!(live.error, broken(fault.error), "{case}");
        rig.balloon = live.balloon;
        assert_kept(&rig, &fault, &case);
        let again = rig.balloon.freeze(&mut no_wait).unwrap_err();
        assert_eq!(again.error, broken(fault.error), "{case}: the error stays");
        rig.balloon = again.balloon;
        assert_kept(&rig, &fault, &case);
        rig.recover(&case);
    }
}

#[test]
fn remove_reports_each_ring_fault_and_returns_the_balloon() {
    for fault in ring_faults(DEFLATE, 2, 0) {
        let case = fault.name("remove");
        let mut rig = inflated_with(&fault);
        let live = rig.balloon.remove(&mut rig.device.work_at_most(10)).unwrap_err();
        assert_eq!(live.error, broken(fault.error), "{case}");
        rig.balloon = live.balloon;
        assert_kept(&rig, &fault, &case);
        rig.recover(&case);
    }
}

#[test]
fn dropping_a_balloon_after_a_ring_fault_returns_everything() {
    for fault in ring_faults(DEFLATE, 2, 0) {
        let case = fault.name("drop");
        let mut rig = inflated_with(&fault);
        rig.device.set_target(0);
        assert_eq!(rig.error(), broken(fault.error), "{case}");
        drop(rig.balloon);
        assert_all_returned(&rig.device, &rig.ledger);
        assert_eq!(rig.device.status(), 0, "{case}: the device was reset");
    }
}

#[test]
fn frames_of_a_deflation_without_an_acknowledgement_stay_in_the_balloon() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(QueueFault::NeverCompletes);
    rig.device.set_target(0);
    for _ in 0..100 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    let live = rig.balloon.freeze(&mut rig.device.work_at_most(10)).unwrap_err();
    assert_eq!(live.error, broken(DeviceError::NoAnswer { queue: DEFLATE }));
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    rig.balloon = live.balloon;
    rig.recover("never acknowledged");
}

/// The wait ends before the device answers: nothing is lost.
#[test]
fn freeze_can_be_repeated_if_the_device_is_slow() {
    let mut rig = Rig::inflated(BalloonDevice::builder().manual());
    for _ in 0..3 {
        let live = rig.balloon.freeze(&mut no_wait).unwrap_err();
        assert_eq!(live.error, broken(DeviceError::NoAnswer { queue: DEFLATE }));
        assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
        rig.balloon = live.balloon;
    }
    let frozen = rig.balloon.freeze(&mut rig.device.work_at_most(10)).map_err(|live| live.error).unwrap();
    assert_reset(&rig.device, &rig.ledger);
    assert!(frozen.restore(&mut crate::common::polls()).is_ok());
}

/// The device uses the arrays in reverse order, and each array returns its own frames.
// conformance: core.virtqueue.2
#[test]
fn the_acknowledged_frames_are_returned_in_any_order_of_the_arrays() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(QueueFault::NeverCompletes.at(2));
    rig.device.set_target(0);
    for _ in 0..10 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    let kept: Vec<u64> = rig.ledger.allocated_frames().into_iter().collect();
    let ballooned: Vec<u64> = rig.device.host_pages().into_iter().map(u64::from).collect();
    assert_eq!(kept.len(), 256, "the device has acknowledged only the second array");
    assert_eq!(kept, ballooned, "the kernel has exactly the frames that the device has deflated");
    assert_clean(&rig.device, &rig.ledger);
    rig.recover("the second array first");
}

/// The device needs a reset while it has deflate arrays.
#[test]
fn a_device_that_needs_a_reset_keeps_the_frames_of_its_arrays() {
    let mut rig = Rig::inflated(BalloonDevice::builder().manual());
    rig.device.set_target(0);
    assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    rig.device.set_needs_reset();
    assert_eq!(rig.balloon.service(), Err(broken(DeviceError::NeedsReset)));
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    rig.recover("both queues");
}
