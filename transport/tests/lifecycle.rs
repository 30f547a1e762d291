//! The life cycle of a device as register accesses: their order, FAILED on every error, and nothing too early.

use std::ops::ControlFlow;

use aerostat_spec::NegotiateError;
use aerostat_spec::reserved;
use aerostat_test_support::{
    Memory, Plain, RegisterAccess, RequiresFeature0, SoftMmio, live, negotiated, reg, test_device,
};
use aerostat_transport::queue::Notification;
use aerostat_transport::{
    Device, DeviceError, Live, Mmio, QueueError, Reset, ResetProof, Resetting, SetupError, SetupFailed, Spin,
    Transport, VirtQueue,
};

const FAILED: u32 = 0x80;
const NEEDS_RESET: u32 = 0x40;

type TestDevice<S> = Device<Mmio<SoftMmio>, test_device::Device, S>;

/// Requests the reset of a device.
fn request(soft: &SoftMmio) -> TestDevice<Resetting> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    Device::take(transport).map_err(|failed| failed.error).unwrap()
}

fn take(soft: &SoftMmio) -> TestDevice<Reset> {
    request(soft).poll().map_err(|(_, error)| error).unwrap()
}

/// The number of reads of the status.
fn status_reads(soft: &SoftMmio) -> usize {
    soft.log().iter().filter(|access| matches!(access, RegisterAccess::Read(reg::STATUS, _))).count()
}

fn reset<F>(device: Device<Mmio<SoftMmio>, test_device::Device, Live<F>>) -> (Mmio<SoftMmio>, ResetProof)
where
    F: aerostat_spec::FeatureSet,
{
    device.reset().poll().map_err(|(_, error)| error).unwrap()
}

/// core.init.1 to core.init.4, core.init.7, core.init.11: one bit after the other, in this order and no other.
#[test]
fn the_status_goes_through_the_initialisation_in_order() {
    let soft = SoftMmio::new(42);
    let _device = live(&soft);
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15]);
    let status_at = |value| soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, value));
    let offered = soft.place(|access| access == RegisterAccess::Read(reg::DEVICE_FEATURES, 32));
    let accepted = soft.place(|access| matches!(access, RegisterAccess::Write(reg::DRIVER_FEATURES, ..)));
    assert!(status_at(3) < offered && offered < accepted && accepted < status_at(11));
}

/// core.init.9: FEATURES_OK is read back before anything else is done.
#[test]
fn features_ok_is_read_back_at_once() {
    let soft = SoftMmio::new(42);
    let _device = negotiated(&soft);
    let agreed = soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 11));
    assert_eq!(soft.log()[agreed + 1], RegisterAccess::Read(reg::STATUS, 32));
}

/// core.reset.1, pci.common-cfg.5: the reset is finished when the status reads 0, and nothing is written before.
#[test]
fn the_driver_waits_for_the_reset() {
    let soft = SoftMmio::new(42);
    let mut left = 7;
    soft.model().status_lie = Some(Box::new(move |status| {
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

/// core.init.12, core.init.13: a device that does not reset is FAILED, and nothing more is tried.
#[test]
fn a_reset_that_never_ends_is_an_error() {
    let soft = SoftMmio::new(42);
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let failed = SetupFailed::from(request(&soft).wait(&mut Spin { limit: 100 }).unwrap_err());
    assert_eq!(failed.error, SetupError::ResetUnfinished { status: 0x0f });
    let statuses = soft.statuses();
    assert_eq!(statuses[0], 0);
    assert!(statuses[1..].iter().all(|status| status & FAILED != 0 && status & 0x04 == 0), "{statuses:x?}");
    assert_eq!(failed.transport.device_id().0, 42);
}

#[test]
fn a_device_of_another_type_is_not_written_to() {
    let soft = SoftMmio::new(5);
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let failed = Device::<_, test_device::Device, _>::take(transport).unwrap_err();
    let SetupError::WrongDevice { expected, found } = failed.error else { panic!("{}", failed.error) };
    assert_eq!((expected.0, found.0), (42, 5));
    assert!(!soft.log().iter().any(|access| matches!(access, RegisterAccess::Write(..))));
}

/// core.init.12: dropping the device in any state sets FAILED.
#[test]
fn a_device_that_is_dropped_during_set_up_is_failed() {
    let soft = SoftMmio::new(42);
    drop(take(&soft));
    assert_eq!(soft.statuses(), [0, FAILED]);
    let soft = SoftMmio::new(42);
    drop(take(&soft).acknowledge());
    assert_eq!(soft.statuses(), [0, 1, FAILED | 1]);
    let soft = SoftMmio::new(42);
    drop(take(&soft).acknowledge().driver());
    assert_eq!(soft.statuses(), [0, 1, 3, FAILED | 3]);
    let soft = SoftMmio::new(42);
    drop(negotiated(&soft));
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11]);
    let soft = SoftMmio::new(42);
    drop(live(&soft));
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, FAILED | 15]);
}

/// core.feature.10, core.feature.11, core.reserved.2: no compatible mode, so FAILED, and the transport comes back.
#[test]
fn a_failed_negotiation_sets_failed_and_returns_the_transport() {
    let soft = SoftMmio::new(42);
    let error = take(&soft).acknowledge().driver().negotiate::<RequiresFeature0>().unwrap_err();
    let SetupError::Negotiate(NegotiateError::NotOffered { bit, .. }) = error.error else { panic!("{}", error.error) };
    assert_eq!((bit, soft.statuses()), (0, vec![0, 1, 3, FAILED | 3]));
    assert!(soft.written(reg::DRIVER_FEATURES).is_empty(), "nothing was accepted");

    let soft = SoftMmio::new(42);
    soft.model().offered = !(1 << 32);
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!((failed.error, soft.statuses()), (SetupError::LegacyOnly, vec![0, 1, 3, FAILED | 3]));

    let soft = SoftMmio::new(42);
    soft.model().ignored_status = 8;
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!(failed.error, SetupError::FeaturesRejected { accepted: 1 << 32 });
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11]);
    // core.status.3: a new attempt starts with a reset.
    soft.model().ignored_status = 0;
    let SetupFailed { transport, .. } = failed;
    let again = TestDevice::take(transport).map_err(|failed| failed.error).unwrap();
    assert_eq!(soft.statuses().last(), Some(&0));
    drop(again);
}

/// core.feature.1, core.feature.4 to core.feature.8, core.reserved.1: VERSION_1 and what was declared, nothing else.
#[test]
fn only_declared_features_are_accepted() {
    for offered in [u64::MAX, 1 << 32 | 1, 1 << 32 | 3 | 1 << 28 | 1 << 29 | 1 << 34] {
        let soft = SoftMmio::new(42);
        soft.model().offered = offered;
        let device =
            take(&soft).acknowledge().driver().negotiate::<RequiresFeature0>().map_err(|failed| failed.error).unwrap();
        assert_eq!(soft.model().accepted, 1 << 32 | 1, "{offered:#x}");
        assert!(device.accepted().has(test_device::feature::Feature0));
        assert!(
            !device.accepted().has(test_device::feature::Feature1)
                && !device.accepted().has(reserved::feature::RingPacked)
        );
    }
}

/// core.status.2: which bits stay set does not depend on what the device reads back.
#[test]
fn no_status_bit_depends_on_what_the_device_reads_back() {
    for lie in [0x00_u32, 0xa0, 0x10, 0xffff_ff00] {
        let soft = SoftMmio::new(42);
        // Only the bits that the driver waits for are correct: the status is 0 after a reset, and FEATURES_OK stays set.
        soft.model().status_lie =
            Some(Box::new(move |status| if status & 8 == 0 { status & lie } else { status & (8 | lie) }));
        drop(live(&soft));
        assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, FAILED | 15], "{lie:#x}");
    }
}

/// core.status.2: DEVICE_NEEDS_RESET is a bit of the status too, and a driver never clears it.
#[test]
fn needs_reset_is_not_cleared() {
    for (from, expected) in
        [(1, [0, 1, 3 | NEEDS_RESET, 11 | NEEDS_RESET, 15 | NEEDS_RESET]), (11, [0, 1, 3, 11, 15 | NEEDS_RESET])]
    {
        let soft = SoftMmio::new(42);
        soft.model().status_lie =
            Some(Box::new(move |status| if status & 15 >= from { status | NEEDS_RESET } else { status }));
        let device = live(&soft);
        assert_eq!(soft.statuses(), expected, "from {from:#x}");
        assert_eq!(device.check(), Err(DeviceError::NeedsReset));
    }
}

/// core.confchange.1, core.status.4, core.status.5: the reset does not wait for the buffer in flight.
#[test]
fn check_reports_that_a_live_device_needs_a_reset() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    assert!(queue1.send(|buffer| assert_eq!(buffer.bytes(&[1]), 1)).unwrap().is_some());
    assert_eq!(device.check(), Ok(()));
    soft.model().status |= NEEDS_RESET;
    assert_eq!(device.check(), Err(DeviceError::NeedsReset));
    let (_transport, proof) = reset(device);
    assert_eq!(soft.statuses().last(), Some(&0), "the recovery is a reset, without FAILED");
    assert_eq!(queue1.in_flight(), 1);
    queue1.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// core.init.10: queues are programmed between FEATURES_OK and DRIVER_OK. core.init.14: no notification before that.
#[test]
fn queues_are_set_up_between_features_ok_and_driver_ok() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let device = device.go_live();
    let (mut queue0, mut queue1) = (queue0.enable(&device), queue1.enable(&device));
    assert!(soft.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!((queue0.notify(), queue1.notify()), (Notification::Sent, Notification::Sent));
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [0, 1]);
    let features_ok = soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 11));
    let driver_ok = soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 15));
    for (place, access) in soft.log().into_iter().enumerate() {
        let (RegisterAccess::Read(offset, _) | RegisterAccess::Write(offset, ..)) = access;
        if (reg::QUEUE_SEL..=reg::QUEUE_READY).contains(&offset) || (reg::QUEUE_DESC..0x0b0).contains(&offset) {
            assert!(features_ok < place && place < driver_ok, "{access:?}");
        }
        assert!(offset != reg::QUEUE_NOTIFY || place > driver_ok);
    }
}

/// core.init.14: a buffer added before the device is live is available but not notified until then.
#[test]
fn a_buffer_added_early_is_notified_when_live() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    assert!(queue1.send(|buffer| assert_eq!(buffer.bytes(&[1, 2, 3]), 3)).unwrap().is_some());
    let driver_area = soft.model().queues[1].addresses[1];
    assert_eq!(memory.read16(driver_area + 2), 1);
    let device = device.go_live();
    assert!(soft.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!(queue1.enable(&device).notify(), Notification::Sent);
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [1]);
}

/// core.init.14: a live device does not enable the queue of another one.
#[test]
fn a_queue_is_enabled_only_by_its_own_device() {
    let (early, other, mut memory) = (SoftMmio::new(42), SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&early);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let live = live(&other);
    let (mut queue0, mut queue1) = (queue0.enable(&live), queue1.enable(&live));
    assert_eq!((queue0.notify(), queue1.notify()), (Notification::Suppressed, Notification::Suppressed));
    assert!(early.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!(queue0.pop(), Err(DeviceError::OtherDevice { queue: 0 }));
    // Its memory is not leaked: the reset of its own device frees it.
    let (_transport, proof) = device.abandon().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// core.cleanup.2: only the reset of its own generation releases the memory of a queue.
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

/// core.reset.1: one write requests a reset, and it is not repeated, however often the device is polled. No poll reads the status
/// more than once, and all waiting is the caller's.
#[test]
fn an_unfinished_reset_is_polled_on_and_not_requested_again() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
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
    soft.model().status_lie = None;
    let device = resetting.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver();
    let mut device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();

    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let reads = status_reads(&soft);
    let ending = device.reset();
    assert_eq!((soft.statuses(), status_reads(&soft)), (vec![0, 1, 3, 11, 15, 0], reads));
    let (ending, error) = ending.poll().map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::ResetUnfinished { status: 0x0f }, reads + 1));
    let (ending, error) = ending.wait(&mut Spin { limit: 9 }).map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::ResetUnfinished { status: 0x0f }, reads + 12));
    // During the last wait the device finishes its reset.
    let finished = ending.wait(&mut |_: u32| {
        soft.model().status_lie = None;
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
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let (device, _) = device.reset().poll().map(drop).unwrap_err();
    drop(device);
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, FAILED]);
    let soft = SoftMmio::new(42);
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    drop(request(&soft));
    assert_eq!(soft.statuses(), [0, FAILED]);
    let soft = SoftMmio::new(42);
    let transport = negotiated(&soft).abandon().into_transport();
    assert_eq!((soft.statuses(), transport.device_id().0), (vec![0, 1, 3, 11, FAILED | 11, 0, FAILED], 42));
}

/// All registers of a device that is gone read ones. That is noticed with one read, in every state.
#[test]
fn a_device_that_is_gone_is_recognised_at_once() {
    const GONE: u32 = u32::MAX;
    let gone = |soft: &SoftMmio| soft.model().status_lie = Some(Box::new(|_| GONE));
    let never = &mut |_: u32| -> ControlFlow<()> { panic!("the kernel need not wait") };
    let soft = SoftMmio::new(42);
    gone(&soft);
    let (resetting, error) = request(&soft).wait(never).map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::Gone, 1));
    assert_eq!(SetupFailed::from((resetting, error)).transport.device_id().0, 42);

    let soft = SoftMmio::new(42);
    let device = take(&soft).acknowledge().driver();
    gone(&soft);
    assert_eq!(device.negotiate::<Plain>().map(drop).map_err(|failed| failed.error), Err(SetupError::Gone));

    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    gone(&soft);
    soft.model().queues[1].ready = GONE;
    let rejected = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::Gone));
    assert_eq!(device.park_unused_queues(&mut memory).map(drop), Err(QueueError::Gone));

    let device = device.go_live();
    assert_eq!((device.check(), device.config().check()), (Err(DeviceError::Gone), Err(DeviceError::Gone)));
    let reads = status_reads(&soft);
    let (ending, error) = device.reset().wait(never).map(drop).unwrap_err();
    assert_eq!((error, status_reads(&soft)), (SetupError::Gone, reads + 1));
    let queue0 = queue0.release(&reset(live(&SoftMmio::new(42))).1, &mut memory).unwrap_err();
    // SAFETY: the device of these tests does not access memory.
    let (_transport, proof) = unsafe { ending.assume_reset() };
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// A kernel that knows that the device is cut off needs no reset.
#[test]
fn the_memory_of_a_live_device_that_is_gone_can_be_released() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue0: VirtQueue<_, 8> = device.queue(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let log = soft.log();
    // SAFETY: the device of these tests does not access memory.
    let (_transport, proof) = unsafe { device.assume_reset() };
    assert_eq!(soft.log(), log, "the device is not accessed");
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// The host or the firmware has reset the device: its status lacks DRIVER_OK. The configuration space notices it in other
/// contexts.
#[test]
fn a_device_that_the_host_has_reset_is_recognised() {
    let soft = SoftMmio::new(42);
    let device = live(&soft);
    let config = device.config();
    assert_eq!((device.check(), config.check()), (Ok(()), Ok(())));
    for (status, error) in [
        (0, DeviceError::HostReset),
        (0x0b, DeviceError::HostReset),
        (NEEDS_RESET | 0x0f, DeviceError::NeedsReset),
        (NEEDS_RESET, DeviceError::NeedsReset),
        // FAILED, which some devices set when they cannot start.
        (0x80 | 0x0f, DeviceError::NeedsReset),
        (0xffff_ffff, DeviceError::Gone),
    ] {
        soft.model().status = status;
        assert_eq!((device.check(), config.check()), (Err(error), Err(error)), "{status:#x}");
    }
    soft.model().status = 0;
    let (_transport, _proof) = reset(device);
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

/// mmio.reg.15: a queue whose QueueReady is not 0 is not changed.
#[test]
fn a_failed_queue_set_up_leaks_nothing_and_leaves_the_device_usable() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut rejected = |prepare: &dyn Fn(&mut aerostat_test_support::SoftMmio, &Memory), least, expected| {
        prepare(&mut soft.clone(), &memory);
        let queue = device.queue::<_, 8>(test_device::queue::Queue0, least, &mut memory).map(drop);
        assert_eq!(queue, Err(expected));
        let buffers = device.buffer_queue::<_, 8>(test_device::queue::Queue0, least, 16, &mut memory).map(drop);
        assert_eq!(buffers, Err(expected));
        assert_eq!((memory.allocated(), soft.model().queues[0].ready & 1), (0, 0), "{expected:?}");
    };
    rejected(&|soft, _| soft.model().queues[0].max = 0, 1, QueueError::Missing { queue: 0 });
    rejected(&|soft, _| soft.model().queues[0].max = 3, 3, QueueError::TooSmall { queue: 0, size: 2, needed: 3 });
    rejected(&|soft, _| soft.model().queues[0].max = 8, 9, QueueError::TooSmall { queue: 0, size: 8, needed: 9 });
    rejected(&|soft, _| soft.model().queues[0].ready = 2, 1, QueueError::InUse { queue: 0 });
    assert!(soft.written(reg::QUEUE_SIZE).is_empty() && soft.written(reg::QUEUE_DESC).is_empty());
    soft.model().queues[0].ready = 0;
    for allocations in 0..2 {
        memory.fail_after(allocations);
        let error = device.buffer_queue::<_, 8>(test_device::queue::Queue0, 1, 16, &mut memory).map(drop).unwrap_err();
        assert!(matches!(error, QueueError::NoMemory { queue: 0, bytes } if bytes > 0), "{error:?}");
        assert_eq!(memory.allocated(), 0);
    }
    memory.fail_after(9);
    let buffers = device.buffer_queue::<_, 8>(test_device::queue::Queue0, 1, usize::MAX / 4, &mut memory).map(drop);
    assert!(matches!(buffers, Err(QueueError::NoMemory { .. })), "no length overflows");
    assert_eq!((memory.allocated(), soft.statuses()), (0, vec![0, 1, 3, 11]));
    assert!(device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).is_ok());
}

/// ring.split.layout.1 to ring.split.layout.5, ring.split.layout.8, mmio.reg.14, mmio.vq-config.1 to mmio.vq-config.7,
/// ring.split.avail-notif.1, mmio.reg.15.
#[test]
fn rings_are_aligned_zeroed_apart_and_no_larger_than_the_device_allows() {
    fn check<const K: usize>() {
        for max in [1, 2, 3, 7, 8, 100, 128, 255, 256, 1024, 32768, 65535, 65536, u32::MAX] {
            let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
            soft.model().queues[0].max = max;
            let mut device = negotiated(&soft);
            let _queue0 = device.queue::<_, K>(test_device::queue::Queue0, 1, &mut memory).unwrap();
            let queue = soft.model().queues[0];
            assert!(queue.size.is_power_of_two() && queue.size <= max && queue.size as usize <= K, "{max} {queue:?}");
            let size = u64::from(queue.size);
            let parts = [(queue.addresses[0], 16 * size, 16), (queue.addresses[1], 6 + 2 * size, 2)];
            let parts = [parts[0], parts[1], (queue.addresses[2], 6 + 8 * size, 4)];
            for (part, (start, len, align)) in parts.into_iter().enumerate() {
                assert!(start.is_multiple_of(align), "{max} {part}");
                assert!(memory.bytes(start, len as usize).iter().all(|byte| *byte == 0), "{max} {part}: zeroed");
                for (other, _, _) in parts.into_iter().skip(part + 1) {
                    assert!(start + len <= other, "{max} {part}: apart");
                }
            }
            let per_queue = |access: &RegisterAccess| match *access {
                RegisterAccess::Write(offset, 32, value) if offset >= reg::QUEUE_SEL && offset != reg::STATUS => {
                    Some((offset, value))
                }
                _ => None,
            };
            let written: Vec<_> = soft.log().iter().filter_map(per_queue).collect();
            assert_eq!(written.last(), Some(&(reg::QUEUE_READY, 1)), "ready comes last");
            let ready = soft.place(|access| access == RegisterAccess::Read(reg::QUEUE_READY, 32));
            let max_read = soft.place(|access| access == RegisterAccess::Read(reg::QUEUE_SIZE_MAX, 32));
            let size_written = soft.place(|access| matches!(access, RegisterAccess::Write(reg::QUEUE_SIZE, ..)));
            assert!(ready < size_written && max_read < size_written);
        }
    }
    check::<1>();
    check::<8>();
    check::<100>();
    check::<1024>();
}

/// core.feature.14: a second set-up starts from the beginning, and its queues from index 0.
#[test]
fn a_device_can_be_set_up_again() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let (transport, _) = reset(live(&soft));
    let device = TestDevice::take(transport).map_err(|failed| failed.error).unwrap();
    let device = device.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver().negotiate::<Plain>();
    let mut device = device.map_err(|failed| failed.error).unwrap();
    let _queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let _device = device.go_live();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, 0, 1, 3, 11, 15]);
    assert_eq!(memory.read16(soft.model().queues[0].addresses[1] + 2), 0);
}

/// The life cycle depends only on what the transport returns, so other crates can implement it.
#[test]
fn the_transport_is_returned_unchanged() {
    let soft = SoftMmio::new(42);
    let (transport, _) = reset(live(&soft));
    assert_eq!((transport.device_id().0, transport.status().0), (42, 0));
}
