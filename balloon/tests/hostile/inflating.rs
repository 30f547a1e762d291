//! A device that breaks the protocol while the balloon inflates.

use std::ops::ControlFlow;
use std::task::Poll;

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{FrameRun, Pages, Step};
use aerostat_device::{BalloonDevice, QueueFault};

use crate::common::{assert_all_returned, assert_clean, no_wait};
use crate::faults::ring_faults;
use crate::{INFLATE, Rig, TARGET, broken, returned};

/// The driver checks everything that a used ring contains.
#[test]
fn each_ring_fault_is_an_error_and_every_frame_stays_in_the_balloon() {
    for fault in ring_faults(INFLATE, 0, 0) {
        let case = fault.name("inflating");
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        fault.faults.iter().for_each(|fault| rig.device.inject(*fault));
        rig.device.set_target(TARGET);
        assert_eq!(rig.error(), broken(fault.error), "{case}");
        assert_eq!(
            rig.ledger.allocated_frames().len(),
            TARGET as usize,
            "{case}: the device may still use every frame"
        );
        assert_eq!(returned(&rig.ledger), 0, "{case}: no frame is returned");
        assert!(rig.balloon.size() <= Pages(fault.acknowledged), "{case}: only acknowledged frames count");

        rig.device.clear_faults();
        rig.assert_unusable(broken(fault.error), &case);
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&case);
    }
}

#[test]
fn inflate_reports_each_ring_fault() {
    for fault in ring_faults(INFLATE, 0, 0) {
        let case = fault.name("inflate");
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        fault.faults.iter().for_each(|fault| rig.device.inject(*fault));
        rig.device.set_target(TARGET);
        let outcome = rig.balloon.inflate(TARGET).unwrap().wait(&mut rig.device.work_at_most(10));
        assert_eq!(outcome, Err(broken(fault.error)), "{case}");
        assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize, "{case}");
        rig.recover(&case);
    }
}

#[test]
fn inflate_with_rejects_frames_after_a_ring_fault() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.inject(QueueFault::ReportsId(77).at(0));
    rig.device.set_target(TARGET);
    let error = rig.error();
    // SAFETY: the frames are only numbers: the balloon rejects them.
    let run = unsafe { FrameRun::from_raw(3000, 7) };
    let rejected = rig.balloon.inflate_with(run).unwrap_err();
    assert_eq!(rejected.error, error);
    assert_eq!((rejected.run.as_ref().unwrap().first(), rejected.run.as_ref().unwrap().count()), (3000, 7));
    rig.recover("rejected");
}

/// A blocking operation returns an error, and `service` returns `Waiting`.
#[test]
fn waiting_for_a_device_that_never_answers_ends() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.inject(QueueFault::NeverCompletes);
    rig.device.set_target(TARGET);
    for _ in 0..100 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize, "no more frames are allocated");
    let no_answer = broken(DeviceError::NoAnswer { queue: INFLATE });
    assert_eq!(rig.balloon.inflate(1).unwrap().wait(&mut rig.device.work_at_most(10)), Err(no_answer));
    assert_eq!((rig.device.actual(), returned(&rig.ledger)), (0, 0));
    rig.recover("never answers");
}

#[test]
fn one_lost_answer_is_noticed_after_the_others_arrived() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.inject(QueueFault::NeverCompletes.at(0));
    rig.device.set_target(TARGET);
    assert_eq!(
        rig.balloon.inflate(TARGET).unwrap().wait(&mut rig.device.work_at_most(10)),
        Err(broken(DeviceError::NoAnswer { queue: INFLATE }))
    );
    assert_eq!((rig.balloon.size(), rig.device.actual()), (Pages(44), 44));
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    rig.recover("one lost answer");
}

#[test]
fn attempts_are_counted_from_the_last_progress() {
    let mut rig = Rig::new(BalloonDevice::builder().manual());
    rig.device.set_target(TARGET);
    let device = rig.device.clone();
    let mut highest = 0;
    let mut wait = |attempt: u32| {
        highest = highest.max(attempt);
        device.step();
        if attempt < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    assert_eq!(rig.balloon.inflate(TARGET).unwrap().wait(&mut wait), Ok(TARGET));
    assert!(highest < 5);
    rig.recover("attempts");
}

/// Buffers may be used in any order, and interrupts are only hints.
// conformance: core.virtqueue.2, ring.split.used-notif.5
#[test]
fn unusual_but_allowed_behaviour_is_accepted() {
    for fault in [
        QueueFault::CompletesInReverse,
        QueueFault::LosesInterrupt,
        QueueFault::DelaysCompletion(1),
        QueueFault::DelaysCompletion(7),
        // Deployed devices report the number of bytes that they have read.
        QueueFault::ReportsLength(44 * 4),
    ] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        rig.device.inject(fault);
        for target in [TARGET, 1000, 10, 0] {
            rig.device.set_target(target);
            if fault == QueueFault::ReportsLength(44 * 4) && target != TARGET {
                continue;
            }
            rig.settle();
            assert_eq!((rig.device.actual(), rig.device.host_page_count()), (target, target as usize), "{fault:?}");
        }
        assert_clean(&rig.device, &rig.ledger);
        drop(rig.balloon);
        assert_all_returned(&rig.device, &rig.ledger);
    }
}

#[test]
fn a_dropped_inflation_keeps_the_frames_that_the_device_has() {
    let mut rig = Rig::new(BalloonDevice::builder().manual());
    rig.device.set_target(TARGET);
    let mut inflation = rig.balloon.inflate(TARGET).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    drop(inflation);
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    assert_eq!(rig.balloon.size(), Pages(0));
    let live = rig.balloon.freeze(&mut no_wait).unwrap_err();
    assert_eq!(live.error, broken(DeviceError::NoAnswer { queue: INFLATE }));
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize, "the device may still use them");
    rig.balloon = live.balloon;
    rig.recover("dropped inflation");
}
