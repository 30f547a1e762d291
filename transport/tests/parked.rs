//! Queues that a driver does not use, and that the device wants to be set up.

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::RingPacked;
use aerostat_test_support::{Memory, MmioQueue, Plain, RegisterAccess, SoftMmio, reg, test_device};
use aerostat_transport::{Device, FeaturesOk, Mmio, QueueError};

type Negotiated<F> = Device<Mmio<SoftMmio>, test_device::Device, FeaturesOk<F>>;

aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }

/// A device with these maximum queue sizes.
fn negotiated<F: FeatureSet>(sizes: &[u32]) -> (SoftMmio, Negotiated<F>) {
    let soft = SoftMmio::new(42);
    soft.model().offered = 1 << 32 | 1 << 34;
    soft.model().queues = sizes.iter().map(|&max| MmioQueue { max, ..MmioQueue::default() }).collect();
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate();
    (soft, device.unwrap())
}

/// Every queue that exists and is not in use is ready, with one descriptor and nothing available. All rings are in one region.
#[test]
fn unused_queues_are_set_up_without_buffers() {
    fn check<F: FeatureSet>() {
        // Up to queue 15. Queue 16 is not considered.
        let sizes = [8, 8, 0, 256, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4];
        let ((soft, mut device), mut memory) = (negotiated::<F>(&sizes), Memory::new());
        let queue1 = device.queue::<_, 4>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let used = soft.model().queues[1].addresses;
        let parked = device.park_unused_queues(&mut memory).unwrap();
        assert!(parked.numbers().eq([0, 3, 4, 15]));
        assert_eq!(memory.allocated(), 2);
        let queues = soft.model().queues.clone();
        let ready: Vec<u32> = queues.iter().map(|queue| queue.ready).collect();
        assert_eq!(ready, [1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!((queues[1].addresses, queues[1].size), (used, 4), "a queue in use is not changed");
        let mut ends = 0;
        for queue in parked.numbers().map(|number| queues[usize::from(number)]) {
            let [descriptors, driver, device] = queue.addresses;
            assert_eq!((queue.size, descriptors % 16, driver % 2, device % 4), (1, 0, 0, 0));
            assert!(descriptors >= ends && descriptors + 16 <= driver && driver + 4 <= device, "{queue:?}");
            ends = device + 4;
            assert!(memory.bytes(descriptors, (ends - descriptors) as usize).iter().all(|&byte| byte == 0));
        }
        // Nothing is left to do.
        let again = device.park_unused_queues(&mut memory).unwrap();
        assert_eq!((again.numbers().count(), memory.allocated()), (0, 2));

        let (_, foreign) = aerostat_test_support::live(&SoftMmio::new(42)).reset().poll().map_err(|(_, e)| e).unwrap();
        let parked = parked.release(&foreign, &mut memory).unwrap_err();
        let (_transport, proof) = device.go_live().reset().poll().map_err(|(_, error)| error).unwrap();
        parked.release(&proof, &mut memory).unwrap();
        again.release(&proof, &mut memory).unwrap();
        queue1.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
    check::<Plain>();
    check::<Packed>();
}

/// Firecracker's rule: the device asks for a reset after DRIVER_OK unless all of its queues are ready. A driver of another device
/// (crosvm) must not set up queues that it does not use, so it tries without first.
#[test]
fn a_device_that_wants_all_queues_works_with_them() {
    let mut memory = Memory::new();
    for park in [false, true] {
        let (soft, mut device) = negotiated::<Plain>(&[8, 8, 8]);
        let _queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let parked = park.then(|| device.park_unused_queues(&mut memory).unwrap());
        let device = device.go_live();
        if soft.model().queues.iter().any(|queue| queue.ready == 0) {
            soft.model().status |= 0x40;
        }
        assert_eq!(device.check().is_ok(), park);
        assert_eq!(parked.map_or(0, |parked| parked.numbers().count()), if park { 2 } else { 0 });
    }
}

#[test]
fn without_memory_no_queue_is_set_up() {
    let ((soft, mut device), mut memory) = (negotiated::<Plain>(&[8, 8, 8]), Memory::new());
    let _queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    memory.fail_after(0);
    let error = device.park_unused_queues(&mut memory).map(drop).unwrap_err();
    assert!(matches!(error, QueueError::NoMemory { queue: 1, bytes } if bytes > 0), "{error:?}");
    assert_eq!(soft.written(reg::QUEUE_READY), [1]);
    memory.fail_after(1);
    assert!(device.park_unused_queues(&mut memory).is_ok(), "it can be repeated");
}

#[test]
fn on_the_legacy_interface_no_queue_is_set_up() {
    let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
    let transport = Mmio::either(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let device = device.negotiate::<Plain>().map_err(|failed| failed.error).unwrap();
    let mut device: Device<_, test_device::Device, _> = device;
    let parked = device.park_unused_queues(&mut memory).unwrap();
    assert_eq!((parked.numbers().count(), memory.allocated()), (0, 0));
    assert!(!soft.log().iter().any(|access| matches!(access, RegisterAccess::Write(reg::QUEUE_SEL, ..))));
}
