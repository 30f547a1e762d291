//! Devices that are gone, or that the host has reset.

use std::ops::ControlFlow;

use aerostat_test_support::{Memory, Plain, SoftMmio, live, negotiated, test_device};
use aerostat_transport::{DeviceError, QueueError, SetupError, SetupFailed, Transport, VirtQueue};

use super::{NEEDS_RESET, request, reset, status_reads, take};

/// All registers of a device that is gone read ones. That is noticed with one read, in every state.
#[test]
fn a_device_that_is_gone_is_recognised_at_once() {
    const GONE: u32 = u32::MAX;
    let gone = |soft: &SoftMmio| soft.model().status_override = Some(Box::new(|_| GONE));
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
