//! Resets that finish at once, late or never.

use std::ops::ControlFlow;

use aerostat_test_support::{Memory, Plain, RegisterAccess, SoftMmio, live, negotiated, reg, test_device};
use aerostat_transport::{SetupError, SetupFailed, Spin, Transport, VirtQueue};

use super::{FAILED, request, reset, status_reads};

/// The reset is finished when the status reads 0, and nothing is written before.
// conformance: core.reset.1, pci.common-cfg.5
#[test]
fn the_driver_waits_for_the_reset() {
    let soft = SoftMmio::new(42);
    let mut left = 7;
    soft.model().status_override = Some(Box::new(move |status| {
        left = u32::saturating_sub(left, 1);
        if left > 0 { 0x0f } else { status }
    }));
    let device = request(&soft).wait(&mut Spin::default()).map_err(|(_, error)| error).unwrap();
    drop(device.acknowledge());
    let log = soft.log();
    let zero = soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 0));
    assert_eq!(log[zero + 1..zero + 8], [RegisterAccess::Read(reg::STATUS, 32); 7]);
    let next = log[zero + 1..].iter().find(|access| matches!(access, RegisterAccess::Write(..)));
    assert_eq!(
        next,
        Some(&RegisterAccess::Write(reg::STATUS, 32, 1)),
        "nothing is written before the reset has finished"
    );
}

/// A device that does not reset is FAILED, and nothing more is tried.
// conformance: core.init.12, core.init.13
#[test]
fn a_reset_that_never_ends_is_an_error() {
    let soft = SoftMmio::new(42);
    soft.model().status_override = Some(Box::new(|_| 0x0f));
    let failed = SetupFailed::from(request(&soft).wait(&mut Spin { limit: 100 }).unwrap_err());
    assert_eq!(failed.error, SetupError::ResetUnfinished { status: 0x0f });
    let statuses = soft.statuses();
    assert_eq!(statuses[0], 0);
    assert!(statuses[1..].iter().all(|status| status & FAILED != 0 && status & 0x04 == 0), "{statuses:x?}");
    assert_eq!(failed.transport.device_id().0, 42);
}

/// One write requests a reset, and it is not repeated, however often the device is polled. No poll reads the
/// status more than once, and all waiting is the caller's.
// conformance: core.reset.1
#[test]
fn an_unfinished_reset_is_polled_on_and_not_requested_again() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().status_override = Some(Box::new(|_| 0x0f));
    let mut resetting = request(&soft);
    assert_eq!((soft.statuses(), status_reads(&soft)), (vec![0], 0), "taking a device does not wait");
    for reads in 1..=3 {
        let (again, error) = resetting.poll().map(drop).unwrap_err();
        resetting = again;
        assert_eq!((error, status_reads(&soft)), (SetupError::ResetUnfinished { status: 0x0f }, reads));
    }
    let mut attempts = Vec::new();
    let mut wait = |attempt| {
        attempts.push(attempt);
        if attempt < 4 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let (resetting, error) = resetting.wait(&mut wait).map(drop).unwrap_err();
    assert_eq!((error, attempts), (SetupError::ResetUnfinished { status: 0x0f }, vec![0, 1, 2, 3, 4]));
    assert_eq!((soft.statuses(), status_reads(&soft)), (vec![0], 9), "once more after the last wait");
    soft.model().status_override = None;
    let device = resetting.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver();
    let mut device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();

    soft.model().status_override = Some(Box::new(|_| 0x0f));
    let reads = status_reads(&soft);
    let ending = device.reset();
    assert_eq!((soft.statuses(), status_reads(&soft)), (vec![0, 1, 3, 11, 15, 0], reads));
    let (ending, error) = ending.poll().map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::ResetUnfinished { status: 0x0f }, reads + 1));
    let (ending, error) = ending.wait(&mut Spin { limit: 9 }).map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::ResetUnfinished { status: 0x0f }, reads + 12));
    // During the last wait the device finishes its reset.
    let finished = ending.wait(&mut |_: u32| {
        soft.model().status_override = None;
        ControlFlow::Break(())
    });
    let (_transport, proof) = finished.map_err(|(_, error)| error).unwrap();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0]);
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// After a requested reset the state of the device is unknown: dropping it sets only FAILED.
#[test]
fn a_device_that_is_dropped_while_it_resets_is_not_made_live_again() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    soft.model().status_override = Some(Box::new(|_| 0x0f));
    let (device, _) = device.reset().poll().map(drop).unwrap_err();
    drop(device);
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, FAILED]);
    let soft = SoftMmio::new(42);
    soft.model().status_override = Some(Box::new(|_| 0x0f));
    drop(request(&soft));
    assert_eq!(soft.statuses(), [0, FAILED]);
    let soft = SoftMmio::new(42);
    let transport = negotiated(&soft).abandon().into_transport();
    assert_eq!((soft.statuses(), transport.device_id().0), (vec![0, 1, 3, 11, FAILED | 11, 0, FAILED], 42));
}

/// Abandoning after queues were set up: FAILED first, then the reset that makes their memory releasable.
#[test]
fn abandoning_a_set_up_sets_failed_and_resets() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let (_transport, proof) = device.abandon().poll().map_err(|(_, error)| error).unwrap();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11, 0]);
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// Only the reset of its own generation releases the memory of a queue.
// conformance: core.cleanup.2
#[test]
fn memory_is_released_only_with_the_proof_of_the_right_reset() {
    let (one, other, mut memory) = (SoftMmio::new(42), SoftMmio::new(42), Memory::new());
    let (_, early) = reset(live(&one));
    let mut device = negotiated(&one);
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let (_, foreign) = reset(live(&other));
    let queue0 = queue0.release(&early, &mut memory).unwrap_err();
    let queue0 = queue0.release(&foreign, &mut memory).unwrap_err();
    let queue1 = queue1.release(&early, &mut memory).unwrap_err();
    let queue1 = queue1.release(&foreign, &mut memory).unwrap_err();
    assert_eq!(memory.allocated(), 3);
    let (_, right) = reset(device.go_live());
    queue0.release(&right, &mut memory).unwrap();
    queue1.release(&right, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}
