//! NOTIFICATION_DATA: a notification says where in the ring the next buffer will be.

use std::rc::Rc;

use aerostat_spec::reserved::feature::NotificationData;
use aerostat_spec::{FeatureSet, Optional, Required, WithFeature};
use aerostat_transport::pci::Routing;
use aerostat_transport::queue::Notification;
use aerostat_transport::{Device, Pci, QueueError};

use super::common::function::{CFG_COMMON, CFG_ISR, COMMON, ISR, NOTIFY};
use super::common::{Behind, Function, Memory, Plain, Touch, kite, reg};
use super::{One, Packed, elements, fly};

/// core.notify.3, core.notify.4, core.notify.5, mmio.notify.2: the available index, its topmost bit apart.
#[test]
fn a_split_ring_tells_its_available_index() {
    let mut kite = fly::<One<NotificationData>, 4>(1);
    for index in 0..=u32::from(u16::MAX) + 3 {
        kite.add(1, 0).unwrap();
        let next = (index + 1) as u16;
        if index < 9 || next < 3 || (0x7ffe..0x8003).contains(&next) || next > 0xfffd {
            assert_eq!(kite.line.notify(), Notification::Sent);
            assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY).last(), Some(&(u32::from(next) << 16)), "{next:#x}");
        }
        kite.write_used(index as u16, u32::from(kite.memory.read16(kite.ring[1] + 4 + 2 * u64::from(index % 4))), 0);
        kite.publish(next);
        assert!(kite.line.pop().unwrap().is_some());
    }
    kite.land();
}

/// ring.packed.desc.3, ring.packed.desc.4: the slot of the next descriptor, and the wrap counter that it will have.
#[test]
fn a_packed_ring_tells_the_place_of_the_next_descriptor() {
    let mut kite = fly::<Packed<NotificationData>, 3>(1);
    let (mut slot, mut wrap) = (0, true);
    for _ in 0..20 {
        let id = kite.add(1, 0).unwrap().index() as u16;
        kite.write_packed((slot, wrap), id, 0);
        (slot, wrap) = if slot == 2 { (0, !wrap) } else { (slot + 1, wrap) };
        assert_eq!(kite.line.notify(), Notification::Sent);
        let expected = u32::from(slot) << 16 | u32::from(wrap) << 31;
        assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY).last(), Some(&expected));
        assert!(kite.line.pop().unwrap().is_some());
    }
    kite.land();
}

/// core.notify.1, mmio.notify.1
#[test]
fn without_the_feature_a_notification_is_the_number_of_the_queue() {
    let mut kite = fly::<Plain, 4>(1);
    kite.add(1, 0).unwrap();
    kite.line.notify();
    assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY), [0]);
    kite.land();
}

/// A PCI kite that offers the feature and has its notifications at `offset`, `len` bytes of them.
fn pci(offset: u32, len: u32, multiplier: u32, notify_off: u16) -> Function {
    let function = Function::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    function.notify(0, offset, len, multiplier);
    let model = &mut *function.device.borrow_mut();
    (model.offered, model.queues[1].notify_off) = (u64::MAX, notify_off);
    function.clone()
}

fn kick<F: FeatureSet>(function: &Function) -> Result<Touch, QueueError> {
    let mut memory = Memory::new();
    let transport: Pci<Behind> =
        Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
    let mut device: Device<_, kite::Device, _> =
        Device::take(transport).unwrap().acknowledge().driver().negotiate::<F>().unwrap();
    let reel = device.queue::<_, 8>(kite::queue::Reel, 1, &mut memory).inspect_err(|_| assert_eq!(memory.lent(), 0))?;
    let device = device.go_live();
    let mut reel = reel.enable(&device);
    // SAFETY: the device touches no buffer.
    unsafe { reel.add(&elements(1, 0)) }.unwrap();
    function.device.borrow_mut().log.clear();
    reel.notify();
    let log = function.device.borrow().log.clone();
    assert_eq!(log.len(), 1, "one access");
    Ok(log[0])
}

type Data = <Plain as WithFeature<NotificationData, Required>>::Out;

/// pci.notify.1 to pci.notify.4: 32 bits with the feature, 16 without.
#[test]
fn a_pci_device_is_notified_by_32_bits() {
    let at = NOTIFY as usize;
    assert_eq!(kick::<Data>(&pci(NOTIFY, 0x100, 4, 3)), Ok(Touch::Write(at + 12, 32, 1 << 16 | 1)));
    assert_eq!(kick::<Data>(&pci(NOTIFY, 4, 0, 3)), Ok(Touch::Write(at, 32, 1 << 16 | 1)));
    assert_eq!(kick::<Data>(&pci(NOTIFY, 8, 4, 1)), Ok(Touch::Write(at + 4, 32, 1 << 16 | 1)));
    for (len, multiplier, notify_off, offset) in [(0x100, 4, 3, 12), (2, 0, 3, 0), (4, 2, 1, 2)] {
        let written = Touch::Write(at + offset, 16, 1);
        assert_eq!(kick::<Plain>(&pci(NOTIFY, len, multiplier, notify_off)), Ok(written));
    }
}

/// The structure has room for 32 bits at a multiple of 4, wherever it starts itself ("Notification structure layout", 4.1.4.4).
#[test]
fn a_notification_address_with_no_place_for_32_bits_is_refused() {
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

/// Nothing changes for a driver that would have taken the feature, where the device does not offer it.
#[test]
fn a_device_that_does_not_offer_it_is_notified_by_16_bits() {
    type Wished = <Plain as WithFeature<NotificationData, Optional>>::Out;
    let function = pci(NOTIFY + 2, 2, 0, 0);
    function.device.borrow_mut().offered = 1 << 32;
    assert_eq!(kick::<Wished>(&function), Ok(Touch::Write(NOTIFY as usize + 2, 16, 1)));
}
