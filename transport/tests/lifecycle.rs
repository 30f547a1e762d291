//! The life of a device, as it shows in the registers: order, FAILED on every way out, nothing too early.

mod common;

use aerostat_spec::NegotiateError;
use aerostat_spec::reserved;
use aerostat_transport::queue::Notification;
use aerostat_transport::{
    Device, DeviceError, Live, Mmio, QueueError, ResetProof, SetupError, SetupFailed, Transport, VirtQueue,
};
use common::{Memory, Plain, Soft, Tail, Touch, kite, live, reg, started};

const FAILED: u32 = 0x80;
const NEEDS_RESET: u32 = 0x40;

fn take(soft: &Soft) -> Device<Mmio<Soft>, kite::Device, aerostat_transport::Reset> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    Device::take(transport).map_err(|failed| failed.error).unwrap()
}

fn reset<F>(device: Device<Mmio<Soft>, kite::Device, Live<F>>) -> (Mmio<Soft>, ResetProof)
where
    F: aerostat_spec::FeatureSet,
{
    device.reset().map_err(|(_, error)| error).unwrap()
}

/// core.init.1 to core.init.4, core.init.7, core.init.11: one bit after the other, in this order and no other.
#[test]
fn the_status_goes_through_the_initialisation_in_order() {
    let soft = Soft::new(42);
    let _device = live(&soft);
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15]);
    let status_at = |value| soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, value));
    let offered = soft.place(|touch| touch == Touch::Read(reg::DEVICE_FEATURES, 32));
    let accepted = soft.place(|touch| matches!(touch, Touch::Write(reg::DRIVER_FEATURES, ..)));
    assert!(status_at(3) < offered && offered < accepted && accepted < status_at(11));
}

/// core.init.9: FEATURES_OK is read back before anything else is done.
#[test]
fn features_ok_is_read_back_at_once() {
    let soft = Soft::new(42);
    let _device = started(&soft);
    let agreed = soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 11));
    assert_eq!(soft.log()[agreed + 1], Touch::Read(reg::STATUS, 32));
}

/// core.reset.1: the reset is finished when the status reads 0, and nothing is written before.
#[test]
fn the_driver_waits_for_the_reset() {
    let soft = Soft::new(42);
    let mut left = 7;
    soft.model().status_lie = Some(Box::new(move |status| {
        left = u32::saturating_sub(left, 1);
        if left > 0 { 0x0f } else { status }
    }));
    let _device = live(&soft);
    let log = soft.log();
    let zero = soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 0));
    assert_eq!(log[zero + 1..zero + 8], [Touch::Read(reg::STATUS, 32); 7]);
    let next = log[zero + 1..].iter().find(|touch| matches!(touch, Touch::Write(..)));
    assert_eq!(next, Some(&Touch::Write(reg::STATUS, 32, 1)), "nothing is written meanwhile");
}

/// core.init.12, core.init.13: a device that does not reset is FAILED, and nothing more is tried.
#[test]
fn a_reset_that_never_ends_is_an_error() {
    let soft = Soft::new(42);
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let failed = Device::<_, kite::Device, _>::take(transport).unwrap_err();
    assert_eq!(failed.error, SetupError::ResetUnfinished { status: 0x0f });
    let statuses = soft.statuses();
    assert_eq!(statuses[0], 0);
    assert!(statuses[1..].iter().all(|status| status & FAILED != 0 && status & 0x04 == 0), "{statuses:x?}");
    assert_eq!(failed.transport.device().0, 42);
}

#[test]
fn a_device_of_another_type_is_not_written_to() {
    let soft = Soft::new(5);
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let failed = Device::<_, kite::Device, _>::take(transport).unwrap_err();
    let SetupError::WrongDevice { expected, found } = failed.error else { panic!("{}", failed.error) };
    assert_eq!((expected.0, found.0), (42, 5));
    assert!(!soft.log().iter().any(|touch| matches!(touch, Touch::Write(..))));
}

/// core.init.12: wherever the driver lets go of the device, it says so.
#[test]
fn a_device_that_is_dropped_on_the_way_is_failed() {
    let soft = Soft::new(42);
    drop(take(&soft));
    assert_eq!(soft.statuses(), [0, FAILED]);
    let soft = Soft::new(42);
    drop(take(&soft).acknowledge());
    assert_eq!(soft.statuses(), [0, 1, FAILED | 1]);
    let soft = Soft::new(42);
    drop(take(&soft).acknowledge().driver());
    assert_eq!(soft.statuses(), [0, 1, 3, FAILED | 3]);
    let soft = Soft::new(42);
    drop(started(&soft));
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11]);
    let soft = Soft::new(42);
    drop(live(&soft));
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, FAILED | 15]);
}

/// core.feature.10, core.feature.11, core.reserved.2: no compatible mode, so FAILED, and the transport comes back.
#[test]
fn a_negotiation_that_fails_sets_failed_and_hands_the_transport_back() {
    let soft = Soft::new(42);
    let error = take(&soft).acknowledge().driver().negotiate::<Tail>().unwrap_err();
    let SetupError::Negotiate(NegotiateError::NotOffered { bit, .. }) = error.error else { panic!("{}", error.error) };
    assert_eq!((bit, soft.statuses()), (0, vec![0, 1, 3, FAILED | 3]));
    assert!(soft.written(reg::DRIVER_FEATURES).is_empty(), "nothing was accepted");

    let soft = Soft::new(42);
    soft.model().offered = !(1 << 32);
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!((failed.error, soft.statuses()), (SetupError::LegacyOnly, vec![0, 1, 3, FAILED | 3]));

    let soft = Soft::new(42);
    soft.model().refused_status = 8;
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!(failed.error, SetupError::FeaturesRejected { accepted: 1 << 32 });
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11]);
    // core.status.3: a new attempt starts with a reset.
    soft.model().refused_status = 0;
    let SetupFailed { transport, .. } = failed;
    let again = Device::<_, kite::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    assert_eq!(soft.statuses().last(), Some(&0));
    drop(again);
}

/// core.feature.1, core.feature.4 to core.feature.8, core.reserved.1: VERSION_1 and what was declared, nothing else.
#[test]
fn only_declared_features_are_accepted() {
    for offered in [u64::MAX, 1 << 32 | 1, 1 << 32 | 3 | 1 << 28 | 1 << 29 | 1 << 34] {
        let soft = Soft::new(42);
        soft.model().offered = offered;
        let device = take(&soft).acknowledge().driver().negotiate::<Tail>().map_err(|failed| failed.error).unwrap();
        assert_eq!(soft.model().accepted, 1 << 32 | 1, "{offered:#x}");
        assert!(device.accepted().has(kite::feature::Tail));
        assert!(!device.accepted().has(kite::feature::Lift) && !device.accepted().has(reserved::feature::RingPacked));
    }
}

/// core.status.2: what the device reads back decides nothing about which bits stay set.
#[test]
fn no_status_bit_is_dropped_or_made_up_whatever_the_device_reads() {
    for lie in [0x00_u32, 0xa0, 0x10, 0xffff_ff00] {
        let soft = Soft::new(42);
        // The answers that the driver has to see are honest: the reset is done, FEATURES_OK has stayed.
        soft.model().status_lie =
            Some(Box::new(move |status| if status & 8 == 0 { status & lie } else { status & (8 | lie) }));
        drop(live(&soft));
        assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, FAILED | 15], "{lie:#x}");
    }
}

/// core.status.2: DEVICE_NEEDS_RESET is a bit of the status too, and a driver never clears it.
#[test]
fn a_need_for_a_reset_is_not_written_over() {
    for (from, expected) in
        [(1, [0, 1, 3 | NEEDS_RESET, 11 | NEEDS_RESET, 15 | NEEDS_RESET]), (11, [0, 1, 3, 11, 15 | NEEDS_RESET])]
    {
        let soft = Soft::new(42);
        soft.model().status_lie =
            Some(Box::new(move |status| if status & 15 >= from { status | NEEDS_RESET } else { status }));
        let device = live(&soft);
        assert_eq!(soft.statuses(), expected, "from {from:#x}");
        assert_eq!(device.check(), Err(DeviceError::NeedsReset));
    }
}

/// core.confchange.1, core.status.5.
#[test]
fn a_live_device_that_needs_a_reset_says_so() {
    let soft = Soft::new(42);
    let device = live(&soft);
    assert_eq!(device.check(), Ok(()));
    soft.model().status |= NEEDS_RESET;
    assert_eq!(device.check(), Err(DeviceError::NeedsReset));
    let (_transport, _proof) = reset(device);
    assert_eq!(soft.statuses().last(), Some(&0), "the recovery is a reset, without FAILED");
}

/// core.init.10: queues are programmed between FEATURES_OK and DRIVER_OK. core.init.14: no notification before that.
#[test]
fn queues_are_set_up_between_features_ok_and_driver_ok() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).unwrap();
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut memory).unwrap();
    let device = device.go_live();
    let (mut line, mut reel) = (line.enable(&device), reel.enable(&device));
    assert!(soft.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!((line.notify(), reel.notify()), (Notification::Sent, Notification::Sent));
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [0, 1]);
    let features_ok = soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 11));
    let driver_ok = soft.place(|touch| touch == Touch::Write(reg::STATUS, 32, 15));
    for (place, touch) in soft.log().into_iter().enumerate() {
        let (Touch::Read(offset, _) | Touch::Write(offset, ..)) = touch;
        if (reg::QUEUE_SEL..=reg::QUEUE_READY).contains(&offset) || (reg::QUEUE_DESC..0x0b0).contains(&offset) {
            assert!(features_ok < place && place < driver_ok, "{touch:?}");
        }
        assert!(offset != reg::QUEUE_NOTIFY || place > driver_ok);
    }
}

/// core.init.14: what is added before the device is live is not announced, and is there when it is.
#[test]
fn a_buffer_added_early_is_announced_late() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let mut reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut memory).unwrap();
    assert!(reel.send(|buffer| assert_eq!(buffer.bytes(&[1, 2, 3]), 3)).unwrap().is_some());
    let driver_area = soft.model().queues[1].addresses[1];
    assert_eq!(memory.read16(driver_area + 2), 1);
    let device = device.go_live();
    assert!(soft.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!(reel.enable(&device).notify(), Notification::Sent);
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [1]);
}

/// core.init.14: a live device is no leave to notify another one.
#[test]
fn a_queue_wakes_only_with_its_own_device() {
    let (early, other, mut memory) = (Soft::new(42), Soft::new(42), Memory::new());
    let mut device = started(&early);
    let line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).unwrap();
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut memory).unwrap();
    let live = live(&other);
    let (mut line, mut reel) = (line.enable(&live), reel.enable(&live));
    assert_eq!((line.notify(), reel.notify()), (Notification::Suppressed, Notification::Suppressed));
    assert!(early.written(reg::QUEUE_NOTIFY).is_empty());
    assert_eq!(line.pop(), Err(DeviceError::OtherDevice { queue: 0 }));
    // Its memory is not lost: the reset of its own device gives it back.
    let (_transport, proof) = device.abandon().map_err(|failed| failed.error).unwrap();
    reel.release(&proof, &mut memory).unwrap();
    line.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.lent(), 0);
}

/// core.cleanup.2: only the reset that ended the very life of a queue gives its memory back.
#[test]
fn memory_comes_back_with_the_proof_of_the_right_reset_only() {
    let (one, other, mut memory) = (Soft::new(42), Soft::new(42), Memory::new());
    let (_, early) = reset(live(&one));
    let mut device = started(&one);
    let line: VirtQueue<_, 8> = device.queue(kite::queue::Line, 1, &mut memory).unwrap();
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 64, &mut memory).unwrap();
    let (_, foreign) = reset(live(&other));
    let line = line.release(&early, &mut memory).unwrap_err();
    let line = line.release(&foreign, &mut memory).unwrap_err();
    let reel = reel.release(&early, &mut memory).unwrap_err();
    let reel = reel.release(&foreign, &mut memory).unwrap_err();
    assert_eq!(memory.lent(), 3);
    let (_, right) = reset(device.go_live());
    line.release(&right, &mut memory).unwrap();
    reel.release(&right, &mut memory).unwrap();
    assert_eq!(memory.lent(), 0);
}

/// A device that does not finish its reset keeps what it was lent, and can be asked again.
#[test]
fn a_live_device_that_does_not_reset_is_handed_back() {
    let soft = Soft::new(42);
    let device = live(&soft);
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let (device, error) = device.reset_at_once().unwrap_err();
    assert_eq!(error, SetupError::ResetUnfinished { status: 0x0f });
    let reads = |soft: &Soft| soft.log().iter().filter(|touch| matches!(touch, Touch::Read(reg::STATUS, _))).count();
    let before = reads(&soft);
    let (device, error) = device.reset().unwrap_err();
    assert_eq!(error, SetupError::ResetUnfinished { status: 0x0f });
    assert!(reads(&soft) > before + 100, "it waits");
    soft.model().status_lie = None;
    let (_transport, _proof) = device.reset().map_err(|(_, error)| error).unwrap();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, 0, 0]);
}

/// After a reset was asked for, a device may be anything: FAILED is all that is said when it is let go of.
#[test]
fn a_device_that_is_dropped_while_it_resets_is_not_made_live_again() {
    let soft = Soft::new(42);
    let device = live(&soft);
    soft.model().status_lie = Some(Box::new(|_| 0x0f));
    let (device, _) = device.reset_at_once().unwrap_err();
    drop(device);
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, FAILED]);
}

/// Giving up after queues were set up: FAILED first, then the reset without which their memory could not come back.
#[test]
fn abandoning_a_set_up_sets_failed_and_resets() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let line: VirtQueue<_, 8> = device.queue(kite::queue::Line, 1, &mut memory).unwrap();
    let (_transport, proof) = device.abandon().map_err(|failed| failed.error).unwrap();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11, 0]);
    line.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.lent(), 0);
}

#[test]
fn a_queue_that_cannot_be_set_up_leaves_nothing_behind_and_the_device_usable() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let mut refused = |prepare: &dyn Fn(&mut common::Soft, &Memory), least, expected| {
        prepare(&mut soft.clone(), &memory);
        let queue = device.queue::<_, 8>(kite::queue::Line, least, &mut memory).map(drop);
        assert_eq!(queue, Err(expected));
        let buffers = device.buffer_queue::<_, 8>(kite::queue::Line, least, 16, &mut memory).map(drop);
        assert_eq!(buffers, Err(expected));
        assert_eq!((memory.lent(), soft.model().queues[0].ready & 1), (0, 0), "{expected:?}");
    };
    refused(&|soft, _| soft.model().queues[0].max = 0, 1, QueueError::Missing { queue: 0 });
    refused(&|soft, _| soft.model().queues[0].max = 3, 3, QueueError::TooSmall { queue: 0, size: 2, needed: 3 });
    refused(&|soft, _| soft.model().queues[0].max = 8, 9, QueueError::TooSmall { queue: 0, size: 8, needed: 9 });
    refused(&|soft, _| soft.model().queues[0].ready = 2, 1, QueueError::InUse { queue: 0 });
    soft.model().queues[0].ready = 0;
    for allocations in 0..2 {
        memory.fail_after(allocations);
        let error = device.buffer_queue::<_, 8>(kite::queue::Line, 1, 16, &mut memory).map(drop).unwrap_err();
        assert!(matches!(error, QueueError::NoMemory { queue: 0, bytes } if bytes > 0), "{error:?}");
        assert_eq!(memory.lent(), 0);
    }
    memory.fail_after(9);
    let buffers = device.buffer_queue::<_, 8>(kite::queue::Line, 1, usize::MAX / 4, &mut memory).map(drop);
    assert!(matches!(buffers, Err(QueueError::NoMemory { .. })), "no length overflows");
    assert_eq!((memory.lent(), soft.statuses()), (0, vec![0, 1, 3, 11]));
    assert!(device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).is_ok());
}

/// ring.split.layout.1 to .5 and .8, mmio.reg.14, mmio.vq-config.1 to .7, ring.split.avail-notif.1.
#[test]
fn rings_are_aligned_zeroed_apart_and_no_larger_than_the_device_allows() {
    fn check<const K: usize>() {
        for max in [1, 2, 3, 7, 8, 100, 128, 255, 256, 1024, 32768, 65535, 65536, u32::MAX] {
            let (soft, mut memory) = (Soft::new(42), Memory::new());
            soft.model().queues[0].max = max;
            let mut device = started(&soft);
            let _line = device.queue::<_, K>(kite::queue::Line, 1, &mut memory).unwrap();
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
            let per_queue = |touch: &Touch| match *touch {
                Touch::Write(offset, 32, value) if offset >= reg::QUEUE_SEL && offset != reg::STATUS => {
                    Some((offset, value))
                }
                _ => None,
            };
            let written: Vec<_> = soft.log().iter().filter_map(per_queue).collect();
            assert_eq!(written.last(), Some(&(reg::QUEUE_READY, 1)), "ready comes last");
            let ready = soft.place(|touch| touch == Touch::Read(reg::QUEUE_READY, 32));
            let max_read = soft.place(|touch| touch == Touch::Read(reg::QUEUE_SIZE_MAX, 32));
            let size_written = soft.place(|touch| matches!(touch, Touch::Write(reg::QUEUE_SIZE, ..)));
            assert!(ready < size_written && max_read < size_written);
        }
    }
    check::<1>();
    check::<8>();
    check::<100>();
    check::<1024>();
}

/// core.feature.14: a second life starts from the beginning, and its queues from index 0.
#[test]
fn a_device_can_live_again() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let (transport, _) = reset(live(&soft));
    let device = Device::<_, kite::Device, _>::take(transport).map_err(|failed| failed.error).unwrap();
    let device = device.acknowledge().driver().negotiate::<Plain>();
    let mut device = device.map_err(|failed| failed.error).unwrap();
    let _line = device.queue::<_, 8>(kite::queue::Line, 1, &mut memory).unwrap();
    let _device = device.go_live();
    assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, 0, 0, 1, 3, 11, 15]);
    assert_eq!(memory.read16(soft.model().queues[0].addresses[1] + 2), 0);
}

/// The transport can be anybody's: what it says is all that the life cycle goes by.
#[test]
fn the_transport_comes_back_as_it_was_given() {
    let soft = Soft::new(42);
    let (transport, _) = reset(live(&soft));
    assert_eq!((transport.device_id().0, transport.status().0), (42, 0));
}
