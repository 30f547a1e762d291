//! NOTIFICATION_DATA: a notification carries the position of the next buffer.

use std::rc::Rc;

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{NotificationData, RingPacked};
use aerostat_transport::pci::Routing;
use aerostat_transport::queue::Notification;
use aerostat_transport::{Device, Pci, QueueError};

use super::{elements, live};
use aerostat_test_support::soft_pci::{CFG_COMMON, CFG_ISR, COMMON, ISR, NOTIFY};
use aerostat_test_support::{BarRegisters, Memory, Plain, RegisterAccess, SoftPci, reg, test_device};

aerostat_spec::feature_set! { struct Data for test_device { NotificationData: Required } }
aerostat_spec::feature_set! { struct PackedData for test_device { NotificationData: Required, RingPacked: Required } }

/// The available index, its topmost bit apart.
// conformance: core.notify.3, core.notify.4, core.notify.5, mmio.notify.2
#[test]
fn a_split_ring_notifies_its_available_index() {
    let mut fixture = live::<Data, 4>(1);
    for index in 0..=u32::from(u16::MAX) + 3 {
        fixture.add(1, 0).unwrap();
        let next = (index + 1) as u16;
        if index < 9 || next < 3 || (0x7ffe..0x8003).contains(&next) || next > 0xfffd {
            assert_eq!(fixture.queue0.notify(), Notification::Sent);
            assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).last(), Some(&(u32::from(next) << 16)), "{next:#x}");
        }
        fixture.write_used(
            index as u16,
            u32::from(fixture.memory.read16(fixture.ring[1] + 4 + 2 * u64::from(index % 4))),
            0,
        );
        fixture.publish(next);
        assert!(fixture.queue0.pop().unwrap().is_some());
    }
    fixture.finish();
}

/// The slot of the next descriptor, and the wrap counter that it will have.
// conformance: ring.packed.desc.3, ring.packed.desc.4
#[test]
fn a_packed_ring_notifies_the_position_of_the_next_descriptor() {
    let mut fixture = live::<PackedData, 3>(1);
    let (mut slot, mut wrap) = (0, true);
    for _ in 0..20 {
        let id = fixture.add(1, 0).unwrap().index() as u16;
        fixture.write_packed((slot, wrap), id, 0);
        (slot, wrap) = if slot == 2 { (0, !wrap) } else { (slot + 1, wrap) };
        assert_eq!(fixture.queue0.notify(), Notification::Sent);
        let expected = u32::from(slot) << 16 | u32::from(wrap) << 31;
        assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).last(), Some(&expected));
        assert!(fixture.queue0.pop().unwrap().is_some());
    }
    fixture.finish();
}

// conformance: core.notify.1, mmio.notify.1
#[test]
fn without_the_feature_a_notification_is_the_number_of_the_queue() {
    let mut fixture = live::<Plain, 4>(1);
    fixture.add(1, 0).unwrap();
    fixture.queue0.notify();
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [0]);
    fixture.finish();
}

/// A PCI device that offers the feature, with `len` bytes of notification structure at `offset`.
fn pci(offset: u32, len: u32, multiplier: u32, notify_off: u16) -> SoftPci {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.notify(0, offset, len, multiplier);
    let model = &mut *function.device.borrow_mut();
    (model.offered, model.queues[1].notify_off) = (u64::MAX, notify_off);
    function.clone()
}

fn kick<F: FeatureSet>(function: &SoftPci) -> Result<RegisterAccess, QueueError> {
    let mut memory = Memory::new();
    let transport: Pci<BarRegisters, SoftPci> =
        Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
    let mut device: Device<_, test_device::Device, _> =
        Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<F>().unwrap();
    let queue1 = device
        .queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory)
        .inspect_err(|_| assert_eq!(memory.allocated(), 0))?;
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    // SAFETY: the device does not access buffers.
    unsafe { queue1.add(&elements(1, 0)) }.unwrap();
    function.device.borrow_mut().log.clear();
    queue1.notify();
    let log = function.device.borrow().log.clone();
    assert_eq!(log.len(), 1, "one access");
    Ok(log[0])
}

/// 32 bits with the feature, 16 without.
// conformance: pci.notify.1, pci.notify.2, pci.notify.3, pci.notify.4
#[test]
fn a_pci_device_is_notified_by_32_bits() {
    let at = NOTIFY as usize;
    assert_eq!(kick::<Data>(&pci(NOTIFY, 0x100, 4, 3)), Ok(RegisterAccess::Write(at + 12, 32, 1 << 16 | 1)));
    assert_eq!(kick::<Data>(&pci(NOTIFY, 4, 0, 3)), Ok(RegisterAccess::Write(at, 32, 1 << 16 | 1)));
    assert_eq!(kick::<Data>(&pci(NOTIFY, 8, 4, 1)), Ok(RegisterAccess::Write(at + 4, 32, 1 << 16 | 1)));
    for (len, multiplier, notify_off, offset) in [(0x100, 4, 3, 12), (2, 0, 3, 0), (4, 2, 1, 2)] {
        let written = RegisterAccess::Write(at + offset, 16, 1);
        assert_eq!(kick::<Plain>(&pci(NOTIFY, len, multiplier, notify_off)), Ok(written));
    }
}

/// The structure holds 32 bits at a multiple of 4 on the bus ("Notification structure layout", 4.1.4.4).
#[test]
fn a_notification_address_without_aligned_32_bits_is_rejected() {
    for (offset, len, multiplier, notify_off) in [
        // Too short, for the first queue and for a later one.
        (NOTIFY, 2, 0, 0),
        (NOTIFY, 3, 0, 0),
        (NOTIFY, 6, 4, 1),
        (NOTIFY, 0x100, 4, 64),
        (NOTIFY, 0x102, 4, 64),
        // Not aligned.
        (NOTIFY, 0x100, 2, 1),
        (NOTIFY, 0x100, 1, 1),
        (NOTIFY, 0x100, 6, 1),
        (NOTIFY + 2, 0x100, 4, 0),
        (NOTIFY + 2, 0x100, 0, 0),
        (NOTIFY + 2, 0x100, 4, 1),
        (NOTIFY, 0x100, u32::MAX, 0xffff),
    ] {
        let function = pci(offset, len, multiplier, notify_off);
        let error = kick::<Data>(&function);
        assert_eq!(
            error,
            Err(QueueError::Notification { queue: 1 }),
            "{offset:#x}: {len}, {multiplier} × {notify_off}"
        );
        assert_eq!(function.device.borrow().queues[1].enable, 0);
    }
}

/// Without the offer, a driver that declares the feature behaves as one that does not.
#[test]
fn a_device_that_does_not_offer_it_is_notified_by_16_bits() {
    aerostat_spec::feature_set! { struct OptionalData for test_device { NotificationData: Optional } }
    let function = pci(NOTIFY + 2, 2, 0, 0);
    function.device.borrow_mut().offered = 1 << 32;
    assert_eq!(kick::<OptionalData>(&function), Ok(RegisterAccess::Write(NOTIFY as usize + 2, 16, 1)));
}

/// A repeated notification carries the position of the next buffer.
#[test]
fn a_repeated_notification_carries_the_position() {
    let mut fixture = live::<Data, 4>(1);
    for _ in 0..3 {
        fixture.add(1, 1).unwrap();
    }
    fixture.queue0.notify();
    assert_eq!(fixture.queue0.notify_again(), Notification::Sent);
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [3 << 16, 3 << 16]);
    let mut fixture = live::<PackedData, 4>(1);
    fixture.add(1, 1).unwrap();
    assert_eq!(fixture.queue0.notify_again(), Notification::Sent);
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [(1 << 15 | 1) << 16]);
}
