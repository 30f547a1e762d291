//! The device status: its bits, their order, and FAILED on every error.

use aerostat_test_support::{Memory, Plain, RegisterAccess, SoftMmio, live, negotiated, reg, test_device};
use aerostat_transport::{Device, DeviceError, Mmio, SetupError, Transport};

use super::{FAILED, NEEDS_RESET, TestDevice, reset, take};

/// One bit after the other, in this order and no other.
// conformance: core.status.1, core.init.1, core.init.2, core.init.3, core.init.4, core.init.7, core.init.11
// conformance: core.suspend.2
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

/// FEATURES_OK is read back before anything else is done.
// conformance: core.init.9
#[test]
fn features_ok_is_read_back_at_once() {
    let soft = SoftMmio::new(42);
    let _device = negotiated(&soft);
    let agreed = soft.place(|access| access == RegisterAccess::Write(reg::STATUS, 32, 11));
    assert_eq!(soft.log()[agreed + 1], RegisterAccess::Read(reg::STATUS, 32));
}

/// Which bits stay set does not depend on what the device reads back.
// conformance: core.status.2
#[test]
fn no_status_bit_depends_on_what_the_device_reads_back() {
    for lie in [0x00_u32, 0xa0, 0x10, 0xffff_ff00] {
        let soft = SoftMmio::new(42);
        // Only the bits that the driver waits for are correct: the status is 0 after a reset, and FEATURES_OK stays set.
        soft.model().status_override =
            Some(Box::new(move |status| if status & 8 == 0 { status & lie } else { status & (8 | lie) }));
        drop(live(&soft));
        assert_eq!(soft.statuses(), [0, 1, 3, 11, 15, FAILED | 15], "{lie:#x}");
    }
}

/// DEVICE_NEEDS_RESET is a bit of the status too, and a driver never clears it.
// conformance: core.status.2
#[test]
fn needs_reset_is_not_cleared() {
    for (from, expected) in
        [(1, [0, 1, 3 | NEEDS_RESET, 11 | NEEDS_RESET, 15 | NEEDS_RESET]), (11, [0, 1, 3, 11, 15 | NEEDS_RESET])]
    {
        let soft = SoftMmio::new(42);
        soft.model().status_override =
            Some(Box::new(move |status| if status & 15 >= from { status | NEEDS_RESET } else { status }));
        let device = live(&soft);
        assert_eq!(soft.statuses(), expected, "from {from:#x}");
        assert_eq!(device.check(), Err(DeviceError::NeedsReset));
    }
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

/// Dropping the device in any state sets FAILED.
// conformance: core.init.12
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

/// The reset does not wait for the buffer in flight.
// conformance: core.confchange.1, core.status.4, core.status.5
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

/// A second set-up starts from the beginning, and its queues from index 0.
// conformance: core.feature.14
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
