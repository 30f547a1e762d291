//! RING_RESET: one queue is reset, while its device lives on.

use std::rc::Rc;

use aerostat_spec::reserved::feature::{InOrder, IndirectDesc, NotificationData, RingReset};
use aerostat_spec::{FeatureSet, Negotiated, Optional, Required, WithFeature};
use aerostat_transport::pci::{Message, Msix, QueueVectors, Routing};
use aerostat_transport::queue::{AddError, Notification, QueueNeeds};
use aerostat_transport::{Device, DeviceError, Pci, QueueError};

use super::common::function::{CFG_COMMON, CFG_ISR, COMMON, ISR, NOTIFY, NOTIFY_LEN, TABLE};
use super::common::{Function, Memory, Plain, Resets, Soft, Touch, field, kite, reg};
use super::{Kite, One, Packed, Two, elements, fly, fly_with};

type Reset = One<RingReset>;
type Three = <Two<RingReset, InOrder> as WithFeature<NotificationData, Required>>::Out;

fn reset<F: FeatureSet, const K: usize>(
    kite: Kite<F, K>,
    proof: Negotiated<RingReset>,
) -> (Kite<F, K>, Result<(), QueueError>) {
    let Kite { soft, memory, mut device, line, ring, size } = kite;
    let (line, done) = match device.reset_queue(proof, line) {
        Ok(line) => (line, Ok(())),
        Err((line, error)) => (line, Err(error)),
    };
    (Kite { soft, memory, device, line, ring, size }, done)
}

/// core.vqreset.1, core.vqreset.3, mmio.reg.21, mmio.reg.22, mmio.vq-config.2: asked for, waited for, looked at, and set up as at
/// first, from an empty state. What was in flight is the caller's.
#[test]
fn a_queue_is_reset_and_set_up_again_over_mmio() {
    for asked in [0, 1, 5, 1000] {
        let mut kite = fly::<Two<RingReset, IndirectDesc>, 4>(QueueNeeds::least(1).indirect(3));
        kite.soft.model().resets = Resets::After(asked);
        let before = kite.soft.model().queues[0].addresses;
        for _ in 0..3 {
            kite.add(2, 1).unwrap();
        }
        kite.write_used(0, 0, 4);
        kite.publish(1);
        assert_eq!(kite.popped(), (0, 4));
        // Used and not taken off when the queue is reset.
        kite.write_used(1, 1, 4);
        kite.publish(2);
        let (lent, start) = (kite.memory.lent(), kite.soft.log().len());
        let proof = kite.device.accepted().proof(RingReset);
        let (mut kite, done) = reset(kite, proof);
        assert_eq!(done, Ok(()));
        assert_eq!((kite.line.free(), kite.line.in_flight(), kite.line.pop()), (4, 0, Ok(None)));
        assert_eq!(kite.memory.lent(), lent);

        let log = kite.soft.log()[start..].to_vec();
        let reads = log.iter().filter(|touch| **touch == Touch::Read(reg::QUEUE_RESET, 32)).count();
        assert_eq!(reads, asked as usize + 1);
        assert_eq!(log[..2], [Touch::Write(reg::QUEUE_SEL, 32, 0), Touch::Write(reg::QUEUE_RESET, 32, 1)]);
        assert_eq!(log.last(), Some(&Touch::Write(reg::QUEUE_READY, 32, 1)));
        let place = |touch| log.iter().rposition(|one| *one == touch).unwrap();
        let (done, looked) = (place(Touch::Read(reg::QUEUE_RESET, 32)), place(Touch::Read(reg::QUEUE_READY, 32)));
        assert!(done < looked, "the device says that the queue is not enabled");
        for register in [reg::QUEUE_SIZE, reg::QUEUE_DESC, reg::QUEUE_DRIVER, reg::QUEUE_DEVICE] {
            let written = |touch: &Touch| matches!(*touch, Touch::Write(at, ..) if at == register);
            assert!(
                log.iter().rposition(written).unwrap() > looked,
                "{register:#x} is written again, and not too early"
            );
        }
        let queue = kite.soft.model().queues[0];
        assert_eq!((queue.ready, queue.size, queue.addresses), (1, 4, before));
        let ring = kite.memory.bytes(kite.ring[0], (kite.ring[2] - kite.ring[0]) as usize + 6 + 8 * 4);
        assert!(ring.iter().all(|byte| *byte == 0), "the ring is as it was when it was new");

        // From the beginning.
        let head = kite.add(3, 1).unwrap().index();
        assert_eq!((kite.memory.read16(kite.ring[1] + 2), kite.line.notify()), (1, Notification::Sent));
        kite.write_used(0, head as u32, 16);
        kite.publish(1);
        assert_eq!(kite.popped(), (head, 16));
        kite.land();
    }
}

#[test]
fn a_packed_queue_starts_over_with_its_wrap_counters() {
    fn turn<F: FeatureSet>(kite: &mut Kite<F, 3>, buffers: usize) {
        let mut place = (0, true);
        for _ in 0..buffers {
            let id = kite.add(1, 1).unwrap().index() as u16;
            kite.write_packed(place, id, 1);
            assert_eq!(kite.popped(), (usize::from(id), 1));
            place = if place.0 == 2 { (0, !place.1) } else { (place.0 + 1, place.1) };
        }
    }
    let mut kite = fly::<Packed<RingReset>, 3>(1);
    for buffers in 0..7 {
        turn(&mut kite, buffers);
        kite.add(2, 1).unwrap();
        let proof = kite.device.accepted().proof(RingReset);
        let done;
        (kite, done) = reset(kite, proof);
        assert_eq!((done, kite.line.free()), (Ok(()), 3));
        assert!(kite.memory.bytes(kite.ring[0], 56).iter().all(|byte| *byte == 0));
    }
    turn(&mut kite, 7);
    kite.land();
}

/// In order from the first descriptor on again, in the middle of a batch or not; and notifications tell the new places.
#[test]
fn order_and_positions_start_over() {
    let mut kite = fly::<Three, 4>(1);
    for _ in 0..3 {
        kite.add(1, 1).unwrap();
    }
    kite.write_used(0, 2, 1);
    kite.publish(3);
    assert_eq!(kite.popped(), (0, 16));
    let proof = kite.device.accepted().proof(RingReset);
    let (mut kite, done) = reset(kite, proof);
    assert_eq!((done, kite.line.pop()), (Ok(()), Ok(None)), "the rest of the batch is gone");
    assert_eq!(kite.add(1, 1).unwrap().index(), 0);
    kite.line.notify();
    assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY), [1 << 16]);
    kite.write_used(0, 0, 2);
    kite.publish(1);
    assert_eq!(kite.popped(), (0, 2));
    kite.land();
}

/// mmio.reg.21, core.cleanup.2: the device may still use what it was lent. The queue can be asked to reset again; until that is done
/// it is of no use.
#[test]
fn a_reset_that_does_not_finish_leaves_the_queue_unusable() {
    for resets in [Resets::Never, Resets::Unknown] {
        let mut kite = fly::<Reset, 4>(1);
        kite.soft.model().resets = resets;
        kite.add(1, 1).unwrap();
        let proof = kite.device.accepted().proof(RingReset);
        let (mut kite, done) = reset(kite, proof);
        let error = match resets {
            Resets::Never => QueueError::ResetUnfinished { queue: 0 },
            // The register reads 0 at once, and the queue is still enabled.
            _ => QueueError::InUse { queue: 0 },
        };
        assert_eq!((done, kite.line.in_flight()), (Err(error), 1));
        assert_eq!(kite.add(1, 1), Err(AddError::Poisoned(DeviceError::Resetting)));
        assert_eq!((kite.line.pop(), kite.line.notify()), (Err(DeviceError::Resetting), Notification::Suppressed));
        assert_eq!(kite.soft.written(reg::QUEUE_READY), [1], "not set up again");

        kite.soft.model().resets = Resets::After(0);
        let proof = kite.device.accepted().proof(RingReset);
        let (mut kite, done) = reset(kite, proof);
        assert_eq!((done, kite.line.in_flight()), (Ok(()), 0));
        kite.add(1, 1).unwrap();
        kite.land();
    }
}

/// A queue that the device has broken is as good as new.
#[test]
fn a_queue_that_was_unusable_works_after_a_reset() {
    let mut kite = fly::<Reset, 4>(1);
    kite.add(1, 1).unwrap();
    kite.publish(0x8000);
    assert!(matches!(kite.line.pop(), Err(DeviceError::IndexJumped { .. })));
    let proof = kite.device.accepted().proof(RingReset);
    let (mut kite, done) = reset(kite, proof);
    assert_eq!(done, Ok(()));
    let head = kite.add(1, 1).unwrap().index();
    kite.write_used(0, head as u32, 1);
    kite.publish(1);
    assert_eq!(kite.popped(), (head, 1));
    kite.land();
}

/// core.cleanup.1: neither device is touched, and the queue is what it was.
#[test]
fn a_queue_of_another_device_is_refused() {
    let (mut kite, other) = (fly::<Reset, 4>(1), fly::<Reset, 4>(1));
    kite.add(1, 1).unwrap();
    let logs = (kite.soft.log(), other.soft.log());
    let Kite { mut device, line: other_line, memory: mut other_memory, soft: other_soft, .. } = other;
    let proof = device.accepted().proof(RingReset);
    let Kite { soft, memory, device: own, line, ring, size } = kite;
    let (line, error) = device.reset_queue(proof, line).map(drop).unwrap_err();
    assert_eq!(error, QueueError::OtherDevice { queue: 0 });
    assert_eq!((soft.log(), other_soft.log()), logs);
    let mut kite = Kite { soft, memory, device: own, line, ring, size };
    assert_eq!(kite.line.in_flight(), 1);
    kite.write_used(0, 0, 3);
    kite.publish(1);
    assert_eq!(kite.popped(), (0, 3), "it works on");
    kite.land();
    let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
    other_line.release(&proof, &mut other_memory).unwrap();
}

/// core.vqreset.1: the proof is that of another device, and this one has agreed to no such thing: its registers are left alone.
#[test]
fn the_proof_of_another_device_resets_nothing() {
    type Wished = <Plain as WithFeature<RingReset, Optional>>::Out;
    let (soft, other) = (Soft::new(42), fly::<Reset, 4>(1));
    soft.model().queues[0].max = 4;
    let mut kite = fly_with::<Wished, 4>(soft, Memory::new(), 1);
    assert!(kite.device.accepted().proof(RingReset).is_none());
    kite.add(1, 1).unwrap();
    let log = kite.soft.log();
    let proof = other.device.accepted().proof(RingReset);
    let (mut kite, done) = reset(kite, proof);
    assert_eq!((done, kite.soft.log()), (Err(QueueError::OtherDevice { queue: 0 }), log));
    kite.write_used(0, 0, 3);
    kite.publish(1);
    assert_eq!(kite.popped(), (0, 3), "it works on");
    kite.land();
    other.land();
}

/// mmio.reg.14: a device that has no such queue any more, or wants it smaller than the ring that there is.
#[test]
fn a_queue_that_is_gone_after_its_reset_is_unusable() {
    for (max, error) in
        [(0, QueueError::Missing { queue: 0 }), (2, QueueError::TooSmall { queue: 0, size: 2, needed: 4 })]
    {
        let kite = fly::<Reset, 4>(1);
        kite.soft.model().queues[0].max = max;
        let proof = kite.device.accepted().proof(RingReset);
        let (mut kite, done) = reset(kite, proof);
        assert_eq!(done, Err(error));
        assert!(matches!(kite.add(1, 1), Err(AddError::Poisoned(_))));
        assert_eq!(kite.soft.model().queues[0].ready, 0);
        kite.land();
    }
}

/// A kite on PCI with a common configuration of so many bytes.
fn function(common_bytes: u32) -> Function {
    let function = Function::bare();
    function.structure(CFG_COMMON, 0, COMMON, common_bytes);
    function.notify(0, NOTIFY, NOTIFY_LEN, 4);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.device.borrow_mut().offered = u64::MAX;
    function
}

/// pci.common-cfg.4, pci.common-cfg.6, pci.common-cfg.7, pci.common-cfg.8, pci.msix.4: as over MMIO, and with its vector again.
#[test]
fn a_queue_is_reset_and_set_up_again_over_pci() {
    for (asked, with_messages) in [(0, false), (7, true)] {
        let (function, mut memory) = (function(0x40), Memory::new());
        let mut routing = Routing::Line;
        if with_messages {
            let at = function.capability(0x11, 12);
            function.config().bytes[usize::from(at) + 2] = 1;
            function.config().put(at + 4, TABLE);
            let mut msix = Msix::enable(&function.reach(), &mut function.mapper(&Rc::default())).unwrap().unwrap();
            // SAFETY: nobody writes it.
            let message = unsafe { Message::new(0xfee0_0000, 1) };
            let configuration = msix.add(message).unwrap();
            routing = Routing::Messages { configuration, queues: QueueVectors::shared(msix.add(message).unwrap()) };
        }
        function.device.borrow_mut().resets = Resets::After(asked);
        let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).unwrap();
        let device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<Reset>().unwrap();
        let mut device: Device<_, kite::Device, _> = device;
        let reel = device.queue::<_, 4>(kite::queue::Reel, 1, &mut memory).unwrap();
        let mut device = device.go_live();
        let mut reel = reel.enable(&device);
        // SAFETY: the device touches no buffer.
        unsafe { reel.add(&elements(2, 1)) }.unwrap();
        let before = function.device.borrow().queues[1];
        function.device.borrow_mut().log.clear();
        let proof = device.accepted().proof(RingReset);
        let mut reel = device.reset_queue(proof, reel).map_err(|(_, error)| error).unwrap();
        assert_eq!((reel.in_flight(), reel.free()), (0, 4));
        assert_eq!(function.device.borrow().queues[1], before, "enabled, with addresses, size and vector as before");
        let log = function.device.borrow().log.clone();
        assert_eq!(log[..2], [Touch::Write(field::QUEUE_SELECT, 16, 1), Touch::Write(field::QUEUE_RESET, 16, 1)]);
        let reads = log.iter().filter(|touch| **touch == Touch::Read(field::QUEUE_RESET, 16)).count();
        assert_eq!(reads, asked as usize + 1);
        assert_eq!(log.last(), Some(&Touch::Write(field::QUEUE_ENABLE, 16, 1)));
        assert!(!log.contains(&Touch::Write(field::QUEUE_ENABLE, 16, 0)));
        // SAFETY: as above.
        unsafe { reel.add(&elements(1, 1)) }.unwrap();
        assert_eq!(reel.notify(), Notification::Sent);
        let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
        reel.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.lent(), 0);
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
        let device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<Reset>().unwrap();
        let mut device: Device<_, kite::Device, _> = device;
        let reel = device.queue::<_, 4>(kite::queue::Reel, 1, &mut memory).unwrap();
        let mut device = device.go_live();
        let reel = reel.enable(&device);
        let proof = device.accepted().proof(RingReset);
        let (mut reel, found) = device.reset_queue(proof, reel).map(drop).unwrap_err();
        assert_eq!((found, reel.pop()), (error, Err(DeviceError::Resetting)));
        assert_eq!(function.device.borrow().written(field::QUEUE_ENABLE), [1]);
    }
}

/// A structure that ends before the register cannot be used to reset a queue: the feature is not accepted. What is behind the
/// structure is never touched.
#[test]
fn a_common_configuration_without_the_register_does_without_the_feature() {
    type Wished = <Plain as WithFeature<RingReset, Optional>>::Out;
    for (bytes, accepted) in [(0x38, false), (0x3a, false), (0x3b, false), (0x3c, true), (0x40, true)] {
        let function = function(bytes);
        let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
        let device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<Wished>().unwrap();
        let device: Device<_, kite::Device, _> = device;
        assert_eq!(device.accepted().has(RingReset), accepted, "{bytes:#x}");
        assert_eq!(function.device.borrow().accepted >> 40 & 1 != 0, accepted);
    }
}
