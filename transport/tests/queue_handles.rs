//! What a queue says about itself, and what a queue that owns its buffers passes on to its ring.
#![cfg(target_pointer_width = "64")]

use aerostat_test_support::{Memory, SoftMmio, live, negotiated, test_device};
use aerostat_transport::QueueError;
use aerostat_transport::queue::Interrupts;

#[test]
fn a_queue_is_that_of_its_own_device_until_the_reset() {
    let (soft, other, mut memory) = (SoftMmio::new(42), SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let (device, other) = (device.go_live(), live(&other));
    assert!(queue0.is_of(&device) && queue1.is_of(&device));
    assert!(!queue0.is_of(&other) && !queue1.is_of(&other));
    let (queue0, queue1) = (queue0.enable(&device), queue1.enable(&device));
    assert!(queue0.is_of(&device) && queue1.is_of(&device));
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    let again = live(&soft);
    assert!(!queue0.is_of(&again) && !queue1.is_of(&again));
    queue0.release(&proof, &mut memory).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
}

// conformance: ring.split.used-notif.1
#[test]
fn a_queue_with_buffers_asks_the_device_not_to_interrupt() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 64, &mut memory).unwrap();
    let available = soft.model().queues[1].addresses[1];
    assert_eq!(memory.read16(available), 0, "enabled at first");
    queue1.set_interrupts(Interrupts::Disabled);
    assert_eq!(memory.read16(available), 1);
    queue1.set_interrupts(Interrupts::Enabled);
    assert_eq!(memory.read16(available), 0);
}

/// The length of a descriptor has 32 bits.
#[test]
fn a_queue_has_no_empty_buffers_and_none_of_4_gib() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    for each in [0, 1 << 32] {
        let queue1 = device.buffer_queue::<_, 1>(test_device::queue::Queue1, 1, each, &mut memory);
        assert!(matches!(queue1.map(drop), Err(QueueError::NoMemory { .. })), "{each}");
        assert_eq!(memory.allocated(), 0, "{each}");
    }
}
