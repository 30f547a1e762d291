//! The set-up of queues.

use aerostat_test_support::{Memory, RegisterAccess, SoftMmio, live, negotiated, reg, test_device};
use aerostat_transport::queue::Notification;
use aerostat_transport::{DeviceError, QueueError};

/// No notification is sent before that either.
// conformance: core.init.10, core.init.14
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

/// A buffer added before the device is live is available but not notified until then.
// conformance: core.init.14
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

/// A live device does not enable the queue of another one.
// conformance: core.init.14
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

/// A queue whose QueueReady is not 0 is not changed.
// conformance: mmio.reg.15, mmio.vq-config.2, mmio.vq-config.3
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

// conformance: ring.split.layout.1, ring.split.layout.2, ring.split.layout.3, ring.split.layout.4
// conformance: ring.split.layout.6, ring.split.layout.8, ring.split.avail-notif.1, mmio.reg.14, mmio.vq-config.1
// conformance: mmio.vq-config.2, mmio.vq-config.4, mmio.vq-config.5, mmio.vq-config.6, mmio.vq-config.7
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

/// The device may use a queue from the moment it is enabled ("Device Requirements: Virtqueue Configuration", 4.2.3.2).
#[test]
fn a_queue_is_enabled_after_its_size_and_addresses_are_written() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    soft.model().log.clear();
    let _queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let set_up = [reg::QUEUE_SIZE, reg::QUEUE_DESC, reg::QUEUE_DRIVER, reg::QUEUE_DEVICE];
    let [high_desc, high_driver, high_device] = [reg::QUEUE_DESC + 4, reg::QUEUE_DRIVER + 4, reg::QUEUE_DEVICE + 4];
    let enabled = soft.place(|access| access == RegisterAccess::Write(reg::QUEUE_READY, 32, 1));
    for offset in set_up.into_iter().chain([high_desc, high_driver, high_device]) {
        let written = soft.place(|access| matches!(access, RegisterAccess::Write(at, ..) if at == offset));
        assert!(written < enabled, "{offset:#x}");
    }
    assert_eq!(soft.written(reg::QUEUE_READY), [1], "it is enabled once");
}
