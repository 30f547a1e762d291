//! RING_RESET: one queue is reset while its device stays live.

use std::ops::ControlFlow;
use std::rc::Rc;

use aerostat_spec::reserved::feature::{InOrder, IndirectDesc, NotificationData, RingPacked, RingReset};
use aerostat_spec::{FeatureSet, Negotiated};
use aerostat_transport::pci::{Message, Msix, QueueVectors, Routing};
use aerostat_transport::queue::{AddError, Notification, QueueNeeds};
use aerostat_transport::{Device, DeviceError, Mmio, Pci, QueueError, Spin};

use super::{Fixture, elements, live, live_with};
use aerostat_test_support::soft_pci::{CFG_COMMON, CFG_ISR, COMMON, ISR, NOTIFY, NOTIFY_LEN, TABLE};
use aerostat_test_support::{Memory, RegisterAccess, Resets, SoftMmio, SoftPci, field, reg, test_device};

aerostat_spec::feature_set! { struct Reset for test_device { RingReset: Required } }
aerostat_spec::feature_set! { struct OptionalReset for test_device { RingReset: Optional } }
aerostat_spec::feature_set! { struct PackedReset for test_device { RingReset: Required, RingPacked: Required } }
aerostat_spec::feature_set! { struct IndirectReset for test_device { RingReset: Required, IndirectDesc: Required } }
aerostat_spec::feature_set! { struct OrderedReset for test_device { RingReset: Required, InOrder: Required, NotificationData: Required } }

/// Gives up after 2000 polls.
fn polls() -> Spin {
    Spin { limit: 2000 }
}

fn reset<F: FeatureSet, const K: usize>(
    mut fixture: Fixture<F, K>,
    proof: Negotiated<RingReset>,
) -> (Fixture<F, K>, Result<(), QueueError>) {
    let done = fixture.device.reset_queue(proof, &mut fixture.queue0, &mut polls());
    (fixture, done)
}

/// Requested, awaited, verified, and set up as at first, from an empty state. What was in flight is the caller's.
// conformance: core.vqreset.1, core.vqreset.3, mmio.reg.21, mmio.reg.22, mmio.vq-config.2
#[test]
fn a_queue_is_reset_and_set_up_again_over_mmio() {
    for reads in [0, 1, 5, 1000] {
        let mut fixture = live::<IndirectReset, 4>(QueueNeeds::least(1).indirect(3));
        fixture.soft.model().resets = Resets::After(reads);
        let before = fixture.soft.model().queues[0].addresses;
        for _ in 0..3 {
            fixture.add(2, 1).unwrap();
        }
        fixture.write_used(0, 0, 4);
        fixture.publish(1);
        assert_eq!(fixture.popped(), (0, 4));
        // Used and not taken off when the queue is reset.
        fixture.write_used(1, 1, 4);
        fixture.publish(2);
        let (allocated, start) = (fixture.memory.allocated(), fixture.soft.log().len());
        let proof = fixture.device.accepted().proof(RingReset);
        let (mut fixture, done) = reset(fixture, proof);
        assert_eq!(done, Ok(()));
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight(), fixture.queue0.pop()), (4, 0, Ok(None)));
        assert_eq!(fixture.memory.allocated(), allocated);

        let log = fixture.soft.log()[start..].to_vec();
        let found = log.iter().filter(|access| **access == RegisterAccess::Read(reg::QUEUE_RESET, 32)).count();
        assert_eq!(found, reads as usize + 1);
        assert_eq!(
            log[..2],
            [RegisterAccess::Write(reg::QUEUE_SEL, 32, 0), RegisterAccess::Write(reg::QUEUE_RESET, 32, 1)]
        );
        assert_eq!(log.last(), Some(&RegisterAccess::Write(reg::QUEUE_READY, 32, 1)));
        let place = |access| log.iter().rposition(|one| *one == access).unwrap();
        let (done, verified) =
            (place(RegisterAccess::Read(reg::QUEUE_RESET, 32)), place(RegisterAccess::Read(reg::QUEUE_READY, 32)));
        assert!(done < verified, "the device says that the queue is not enabled");
        for register in [reg::QUEUE_SIZE, reg::QUEUE_DESC, reg::QUEUE_DRIVER, reg::QUEUE_DEVICE] {
            let written = |access: &RegisterAccess| matches!(*access, RegisterAccess::Write(at, ..) if at == register);
            assert!(
                log.iter().rposition(written).unwrap() > verified,
                "{register:#x} is written again, and not too early"
            );
        }
        let queue = fixture.soft.model().queues[0];
        assert_eq!((queue.ready, queue.size, queue.addresses), (1, 4, before));
        let ring = fixture.memory.bytes(fixture.ring[0], (fixture.ring[2] - fixture.ring[0]) as usize + 6 + 8 * 4);
        assert!(ring.iter().all(|byte| *byte == 0), "the ring is as new");

        // From the beginning.
        let head = fixture.add(3, 1).unwrap().index();
        assert_eq!((fixture.memory.read16(fixture.ring[1] + 2), fixture.queue0.notify()), (1, Notification::Sent));
        fixture.write_used(0, head as u32, 16);
        fixture.publish(1);
        assert_eq!(fixture.popped(), (head, 16));
        fixture.finish();
    }
}

#[test]
fn a_reset_packed_queue_starts_with_new_wrap_counters() {
    fn turn<F: FeatureSet>(fixture: &mut Fixture<F, 3>, buffers: usize) {
        let mut place = (0, true);
        for _ in 0..buffers {
            let id = fixture.add(1, 1).unwrap().index() as u16;
            fixture.write_packed(place, id, 1);
            assert_eq!(fixture.popped(), (usize::from(id), 1));
            place = if place.0 == 2 { (0, !place.1) } else { (place.0 + 1, place.1) };
        }
    }
    let mut fixture = live::<PackedReset, 3>(1);
    for buffers in 0..7 {
        turn(&mut fixture, buffers);
        fixture.add(2, 1).unwrap();
        let proof = fixture.device.accepted().proof(RingReset);
        let done;
        (fixture, done) = reset(fixture, proof);
        assert_eq!((done, fixture.queue0.free()), (Ok(()), 3));
        assert!(fixture.memory.bytes(fixture.ring[0], 56).iter().all(|byte| *byte == 0));
    }
    turn(&mut fixture, 7);
    fixture.finish();
}

/// In order from the first descriptor on again, in the middle of a batch or not; and notifications tell the new places.
#[test]
fn order_and_positions_start_over() {
    let mut fixture = live::<OrderedReset, 4>(1);
    for _ in 0..3 {
        fixture.add(1, 1).unwrap();
    }
    fixture.write_used(0, 2, 1);
    fixture.publish(3);
    assert_eq!(fixture.popped(), (0, 16));
    let proof = fixture.device.accepted().proof(RingReset);
    let (mut fixture, done) = reset(fixture, proof);
    assert_eq!((done, fixture.queue0.pop()), (Ok(()), Ok(None)), "the rest of the batch is gone");
    assert_eq!(fixture.add(1, 1).unwrap().index(), 0);
    fixture.queue0.notify();
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [1 << 16]);
    fixture.write_used(0, 0, 2);
    fixture.publish(1);
    assert_eq!(fixture.popped(), (0, 2));
    fixture.finish();
}

/// The device may still use its buffers. The reset can be requested again; until it has finished the queue is
/// unusable.
// conformance: mmio.reg.21, core.cleanup.2
#[test]
fn a_reset_that_does_not_finish_leaves_the_queue_unusable() {
    for resets in [Resets::Never, Resets::Unknown] {
        let mut fixture = live::<Reset, 4>(1);
        fixture.soft.model().resets = resets;
        fixture.add(1, 1).unwrap();
        let proof = fixture.device.accepted().proof(RingReset);
        let (mut fixture, done) = reset(fixture, proof);
        let error = match resets {
            Resets::Never => QueueError::ResetUnfinished { queue: 0 },
            // The register reads 0 at once, and the queue is still enabled.
            _ => QueueError::InUse { queue: 0 },
        };
        assert_eq!((done, fixture.queue0.in_flight()), (Err(error), 1));
        assert_eq!(fixture.add(1, 1), Err(AddError::Poisoned(DeviceError::Resetting)));
        assert_eq!(
            (fixture.queue0.pop(), fixture.queue0.notify()),
            (Err(DeviceError::Resetting), Notification::Suppressed)
        );
        assert_eq!(fixture.soft.written(reg::QUEUE_READY), [1], "not set up again");

        fixture.soft.model().resets = Resets::After(0);
        let proof = fixture.device.accepted().proof(RingReset);
        let (mut fixture, done) = reset(fixture, proof);
        assert_eq!((done, fixture.queue0.in_flight()), (Ok(()), 0));
        fixture.add(1, 1).unwrap();
        fixture.finish();
    }
}

/// A queue is usable again after a reset, regardless of the error that made it unusable.
#[test]
fn a_queue_that_was_unusable_works_after_a_reset() {
    let mut fixture = live::<Reset, 4>(1);
    fixture.add(1, 1).unwrap();
    fixture.publish(0x8000);
    assert!(matches!(fixture.queue0.pop(), Err(DeviceError::IndexJumped { .. })));
    let proof = fixture.device.accepted().proof(RingReset);
    let (mut fixture, done) = reset(fixture, proof);
    assert_eq!(done, Ok(()));
    let head = fixture.add(1, 1).unwrap().index();
    fixture.write_used(0, head as u32, 1);
    fixture.publish(1);
    assert_eq!(fixture.popped(), (head, 1));
    fixture.finish();
}

/// Neither device is accessed, and the queue does not change.
// conformance: core.cleanup.1
#[test]
fn a_queue_of_another_device_is_rejected() {
    let (mut fixture, other) = (live::<Reset, 4>(1), live::<Reset, 4>(1));
    fixture.add(1, 1).unwrap();
    let logs = (fixture.soft.log(), other.soft.log());
    let Fixture { mut device, queue0: other_line, memory: mut other_memory, soft: other_soft, .. } = other;
    let proof = device.accepted().proof(RingReset);
    let error = device.reset_queue(proof, &mut fixture.queue0, &mut polls()).unwrap_err();
    assert_eq!(error, QueueError::OtherDevice { queue: 0 });
    assert_eq!((fixture.soft.log(), other_soft.log()), logs);
    assert_eq!(fixture.queue0.in_flight(), 1);
    fixture.write_used(0, 0, 3);
    fixture.publish(1);
    assert_eq!(fixture.popped(), (0, 3), "the queue still works");
    fixture.finish();
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    other_line.release(&proof, &mut other_memory).unwrap();
}

/// The proof is that of another device, and this one has not negotiated the feature: its registers are not
/// accessed.
// conformance: core.vqreset.1
#[test]
fn the_proof_of_another_device_resets_nothing() {
    let (soft, other) = (SoftMmio::new(42), live::<Reset, 4>(1));
    soft.model().queues[0].max = 4;
    let mut fixture = live_with::<OptionalReset, 4>(soft, Memory::new(), 1);
    assert!(fixture.device.accepted().proof(RingReset).is_none());
    fixture.add(1, 1).unwrap();
    let log = fixture.soft.log();
    let proof = other.device.accepted().proof(RingReset);
    let (mut fixture, done) = reset(fixture, proof);
    assert_eq!((done, fixture.soft.log()), (Err(QueueError::OtherDevice { queue: 0 }), log));
    fixture.write_used(0, 0, 3);
    fixture.publish(1);
    assert_eq!(fixture.popped(), (0, 3), "the queue still works");
    fixture.finish();
    other.finish();
}

/// A device that no longer has the queue, or has it with a smaller maximum size.
// conformance: mmio.reg.14
#[test]
fn a_queue_that_is_gone_after_its_reset_is_unusable() {
    for (max, error) in
        [(0, QueueError::Missing { queue: 0 }), (2, QueueError::TooSmall { queue: 0, size: 2, needed: 4 })]
    {
        let fixture = live::<Reset, 4>(1);
        fixture.soft.model().queues[0].max = max;
        let proof = fixture.device.accepted().proof(RingReset);
        let (mut fixture, done) = reset(fixture, proof);
        assert_eq!(done, Err(error));
        assert!(matches!(fixture.add(1, 1), Err(AddError::Poisoned(_))));
        assert_eq!(fixture.soft.model().queues[0].ready, 0);
        fixture.finish();
    }
}

/// A PCI device whose common configuration has this many bytes.
fn function(common_bytes: u32) -> SoftPci {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, common_bytes);
    function.notify(0, NOTIFY, NOTIFY_LEN, 4);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.device.borrow_mut().offered = u64::MAX;
    function
}

/// As over MMIO, and with its vector again.
// conformance: pci.common-cfg.4, pci.common-cfg.6, pci.common-cfg.7, pci.common-cfg.8, pci.msix.4
#[test]
fn a_queue_is_reset_and_set_up_again_over_pci() {
    for (reads, with_messages) in [(0, false), (7, true)] {
        let (function, mut memory) = (function(0x40), Memory::new());
        let mut routing = Routing::Line;
        if with_messages {
            let at = function.capability(0x11, 12);
            function.config().bytes[usize::from(at) + 2] = 1;
            function.config().put(at + 4, TABLE);
            let mut msix = Msix::enable(&function.reach(), &mut function.mapper(&Rc::default())).unwrap().unwrap();
            // SAFETY: the device of these tests does not write the message.
            let message = unsafe { Message::new(0xfee0_0000, 1) };
            let configuration = msix.add(message).unwrap();
            routing = Routing::Messages { configuration, queues: QueueVectors::shared(msix.add(message).unwrap()) };
        }
        function.device.borrow_mut().resets = Resets::After(reads);
        let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).unwrap();
        let device =
            Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Reset>().unwrap();
        let mut device: Device<_, test_device::Device, _> = device;
        let queue1 = device.queue::<_, 4>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let mut device = device.go_live();
        let mut queue1 = queue1.enable(&device);
        // SAFETY: the device does not access buffers.
        unsafe { queue1.add(&elements(2, 1)) }.unwrap();
        let before = function.device.borrow().queues[1];
        function.device.borrow_mut().log.clear();
        let proof = device.accepted().proof(RingReset);
        device.reset_queue(proof, &mut queue1, &mut polls()).unwrap();
        assert_eq!((queue1.in_flight(), queue1.free()), (0, 4));
        assert_eq!(function.device.borrow().queues[1], before, "enabled, with addresses, size and vector as before");
        let log = function.device.borrow().log.clone();
        assert_eq!(
            log[..2],
            [RegisterAccess::Write(field::QUEUE_SELECT, 16, 1), RegisterAccess::Write(field::QUEUE_RESET, 16, 1)]
        );
        let found = log.iter().filter(|access| **access == RegisterAccess::Read(field::QUEUE_RESET, 16)).count();
        assert_eq!(found, reads as usize + 1);
        assert_eq!(log.last(), Some(&RegisterAccess::Write(field::QUEUE_ENABLE, 16, 1)));
        assert!(!log.contains(&RegisterAccess::Write(field::QUEUE_ENABLE, 16, 0)));
        // SAFETY: as above.
        unsafe { queue1.add(&elements(1, 1)) }.unwrap();
        assert_eq!(queue1.notify(), Notification::Sent);
        let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
        queue1.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}

#[test]
fn a_reset_that_does_not_finish_over_pci_leaves_the_queue_unusable() {
    for (resets, error) in
        [(Resets::Never, QueueError::ResetUnfinished { queue: 1 }), (Resets::Unknown, QueueError::InUse { queue: 1 })]
    {
        let (function, mut memory) = (function(0x40), Memory::new());
        function.device.borrow_mut().resets = resets;
        let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
        let device =
            Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Reset>().unwrap();
        let mut device: Device<_, test_device::Device, _> = device;
        let queue1 = device.queue::<_, 4>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let mut device = device.go_live();
        let mut queue1 = queue1.enable(&device);
        let proof = device.accepted().proof(RingReset);
        let found = device.reset_queue(proof, &mut queue1, &mut polls()).unwrap_err();
        assert_eq!((found, queue1.pop()), (error, Err(DeviceError::Resetting)));
        assert_eq!(function.device.borrow().written(field::QUEUE_ENABLE), [1]);
    }
}

/// A structure that ends before the register cannot be used to reset a queue: the feature is not accepted. What is behind the
/// structure is never touched.
#[test]
fn without_the_reset_register_the_feature_is_not_accepted() {
    for (bytes, accepted) in [(0x38, false), (0x3a, false), (0x3b, false), (0x3c, true), (0x40, true)] {
        let function = function(bytes);
        let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
        let device = Device::take(transport)
            .unwrap()
            .poll()
            .unwrap()
            .acknowledge()
            .driver()
            .negotiate::<OptionalReset>()
            .unwrap();
        let device: Device<_, test_device::Device, _> = device;
        assert_eq!(device.accepted().has(RingReset), accepted, "{bytes:#x}");
        assert_eq!(function.device.borrow().accepted >> 40 & 1 != 0, accepted);
    }
}

/// Also a queue that owns its buffers. Its requests are forgotten, and their buffers can be used again.
#[test]
fn a_queue_with_buffers_is_reset() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered = u64::MAX;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Reset>();
    let mut device: Device<_, test_device::Device, _> = device.unwrap();
    let mut queue1 = device.buffer_queue::<_, 2>(test_device::queue::Queue1, 1, 16, &mut memory).unwrap();
    let mut device = device.go_live();
    for _ in 0..3 {
        queue1.request(8, |_| {}).unwrap();
        queue1.request(8, |_| {}).unwrap();
        assert_eq!((queue1.free(), queue1.in_flight()), (0, 2));
        // Before it is enabled, and then after.
        let proof = device.accepted().proof(RingReset);
        device.reset_queue(proof, &mut queue1, &mut polls()).unwrap();
        assert_eq!((queue1.free(), queue1.in_flight()), (2, 0));
        assert_eq!(queue1.notify_live(device.live_proof()), Notification::Sent);
    }
    let mut queue1 = queue1.enable(&device);
    queue1.request(8, |_| {}).unwrap();
    let proof = device.accepted().proof(RingReset);
    device.reset_queue(proof, &mut queue1, &mut polls()).unwrap();
    assert_eq!((queue1.free(), queue1.notify()), (2, Notification::Sent));
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// The queue of a device whose interface is chosen at run time: reset over the modern interface, an error over the legacy one.
#[test]
fn a_queue_of_either_interface_is_reset_if_it_is_modern() {
    for legacy in [false, true] {
        let (soft, mut memory) = (if legacy { SoftMmio::legacy(42) } else { SoftMmio::new(42) }, Memory::new());
        soft.model().offered |= 1 << 40;
        let transport = Mmio::either(soft.clone()).map_err(|(_, error)| error).unwrap();
        let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
        let device = device.negotiate::<OptionalReset>().map_err(|failed| failed.error).unwrap();
        let mut device: Device<_, test_device::Device, _> = device;
        let mut queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let mut device = device.go_live();
        // The proof of another device, because this one has none if it is a legacy device.
        let proof = live::<Reset, 4>(1).device.accepted().proof(RingReset);
        let log = soft.log();
        let done = device.reset_queue(proof, &mut queue0, &mut polls());
        match legacy {
            false => assert_eq!((done, soft.model().queues[0].ready), (Ok(()), 1)),
            true => assert_eq!((done, soft.log()), (Err(QueueError::LegacyInterface { queue: 0 }), log)),
        }
        assert!(queue0.next_token().is_ok(), "usable in either case");
    }
}

/// Also if neither device could reset a queue.
#[test]
fn a_queue_of_another_legacy_device_is_not_reset() {
    let mut memory = Memory::new();
    let mut devices = [SoftMmio::legacy(42), SoftMmio::legacy(42)].map(|soft| {
        let transport = Mmio::either(soft).map_err(|(_, error)| error).unwrap();
        let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
        let device = device.negotiate::<OptionalReset>().map_err(|failed| failed.error).unwrap();
        let mut device: Device<_, test_device::Device, _> = device;
        let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        (device.go_live(), queue0)
    });
    let proof = live::<Reset, 4>(1).device.accepted().proof(RingReset);
    let [(device, own), (_, other)] = &mut devices;
    let done = device.reset_queue(proof, other, &mut polls());
    assert_eq!(done, Err(QueueError::OtherDevice { queue: 0 }));
    let proof = live::<Reset, 4>(1).device.accepted().proof(RingReset);
    assert_eq!(device.reset_queue(proof, own, &mut polls()), Err(QueueError::LegacyInterface { queue: 0 }));
}

/// All waiting for the reset of a queue is the caller's. A device that is gone is recognised at once.
#[test]
fn the_reset_of_a_queue_waits_through_the_caller() {
    let mut fixture = live::<Reset, 4>(1);
    fixture.soft.model().resets = Resets::After(3);
    let mut attempts = Vec::new();
    let proof = fixture.device.accepted().proof(RingReset);
    let mut wait = |attempt| {
        attempts.push(attempt);
        ControlFlow::Continue(())
    };
    assert_eq!(fixture.device.reset_queue(proof, &mut fixture.queue0, &mut wait), Ok(()));
    assert_eq!(attempts, [0, 1, 2]);
    fixture.soft.model().resets = Resets::Never;
    let mut give_up = |_: u32| ControlFlow::Break(());
    let unfinished = fixture.device.reset_queue(proof, &mut fixture.queue0, &mut give_up);
    assert_eq!(unfinished, Err(QueueError::ResetUnfinished { queue: 0 }));
    fixture.soft.model().status_override = Some(Box::new(|_| u32::MAX));
    let mut never = |_: u32| -> ControlFlow<()> { panic!("the kernel need not wait") };
    assert_eq!(fixture.device.reset_queue(proof, &mut fixture.queue0, &mut never), Err(QueueError::Gone));
    assert_eq!(fixture.queue0.pop(), Err(DeviceError::Resetting));
}
