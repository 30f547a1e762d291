//! A device that lies while the balloon inflates.

use std::ops::ControlFlow;
use std::task::Poll;

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{FrameRun, Pages, Step};
use aerostat_device::{BalloonDevice, QueueFault};

use crate::common::{assert_clean, assert_settled, impatient};
use crate::lies::lies;
use crate::{INFLATE, Rig, TARGET, broken, taken_back};

/// core.virtqueue.2, ring.split.used.*: nothing that a used ring says is believed unchecked.
#[test]
fn each_lie_is_an_error_and_every_frame_stays_in_the_balloon() {
    for lie in lies(INFLATE, 0, 0) {
        let case = lie.name("inflating");
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        lie.faults.iter().for_each(|fault| rig.device.misbehave(*fault));
        rig.device.set_target(TARGET);
        assert_eq!(rig.error(), broken(lie.error), "{case}");
        assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize, "{case}: what the device was lent");
        assert_eq!(taken_back(&rig.ledger), 0, "{case}: nothing comes back early");
        assert!(rig.balloon.size() <= Pages(lie.acknowledged), "{case}: only what was acknowledged counts");

        rig.device.behave();
        rig.assert_stuck(broken(lie.error), &case);
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&case);
    }
}

#[test]
fn the_single_inflation_reports_each_lie_too() {
    for lie in lies(INFLATE, 0, 0) {
        let case = lie.name("inflate");
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        lie.faults.iter().for_each(|fault| rig.device.misbehave(*fault));
        rig.device.set_target(TARGET);
        let outcome = rig.balloon.inflate(TARGET).unwrap().wait(&mut rig.device.work_at_most(10));
        assert_eq!(outcome, Err(broken(lie.error)), "{case}");
        assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize, "{case}");
        rig.recover(&case);
    }
}

#[test]
fn frames_that_a_poisoned_balloon_is_offered_are_handed_back() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.misbehave(QueueFault::UsedId(77).at(0));
    rig.device.set_target(TARGET);
    let error = rig.error();
    // SAFETY: nobody uses these frames, which never leave this test.
    let run = unsafe { FrameRun::from_raw(3000, 7) };
    let rejected = rig.balloon.inflate_with(run).unwrap_err();
    assert_eq!(rejected.error, error);
    assert_eq!((rejected.run.first(), rejected.run.count()), (3000, 7));
    rig.recover("offered");
}

/// A device that never answers is an error where somebody waits, and a step that says so where nobody does.
#[test]
fn a_device_that_never_answers_is_given_up_on() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.misbehave(QueueFault::NeverAnswers);
    rig.device.set_target(TARGET);
    for _ in 0..100 {
        assert_eq!(rig.balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize, "waiting takes no more frames");
    let no_answer = broken(DeviceError::NoAnswer { queue: INFLATE });
    assert_eq!(rig.balloon.inflate(1).unwrap().wait(&mut rig.device.work_at_most(10)), Err(no_answer));
    assert_eq!((rig.device.actual(), taken_back(&rig.ledger)), (0, 0));
    rig.recover("never answers");
}

#[test]
fn one_lost_answer_of_many_is_noticed_after_the_others_came() {
    let mut rig = Rig::new(BalloonDevice::builder().inline());
    rig.device.misbehave(QueueFault::NeverAnswers.at(0));
    rig.device.set_target(TARGET);
    assert_eq!(
        rig.balloon.inflate(TARGET).unwrap().wait(&mut rig.device.work_at_most(10)),
        Err(broken(DeviceError::NoAnswer { queue: INFLATE }))
    );
    assert_eq!((rig.balloon.size(), rig.device.actual()), (Pages(44), 44));
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    rig.recover("one lost answer");
}

/// A wait that gives up at once is given a look at the device before it is asked.
#[test]
fn progress_resets_the_patience() {
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
    rig.recover("patience");
}

/// core.virtqueue.2: used buffers come in any order. ring.split.used-notif.5: interrupts are only hints.
#[test]
fn what_is_odd_but_allowed_does_no_harm() {
    for fault in [
        QueueFault::OutOfOrder,
        QueueFault::LosesInterrupt,
        QueueFault::Delay(1),
        QueueFault::Delay(7),
        // Deployed devices report there what they have read.
        QueueFault::UsedLength(44 * 4),
    ] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        rig.device.misbehave(fault);
        for target in [TARGET, 1000, 10, 0] {
            rig.device.set_target(target);
            if fault == QueueFault::UsedLength(44 * 4) && target != TARGET {
                continue;
            }
            rig.settle();
            assert_eq!((rig.device.actual(), rig.device.host_page_count()), (target, target as usize), "{fault:?}");
        }
        assert_clean(&rig.device, &rig.ledger);
        drop(rig.balloon);
        assert_settled(&rig.device, &rig.ledger);
    }
}

#[test]
fn a_dropped_inflation_keeps_what_the_device_has() {
    let mut rig = Rig::new(BalloonDevice::builder().manual());
    rig.device.set_target(TARGET);
    let mut inflation = rig.balloon.inflate(TARGET).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    drop(inflation);
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    assert_eq!(rig.balloon.size(), Pages(0));
    let held = rig.balloon.freeze(&mut impatient).unwrap_err();
    assert_eq!(held.error, broken(DeviceError::NoAnswer { queue: INFLATE }));
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize, "the device may still use them");
    rig.balloon = held.balloon;
    rig.recover("dropped inflation");
}
