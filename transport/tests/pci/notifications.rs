//! Notification addresses, and the ISR status.

use aerostat_test_support::soft_pci::{CFG_COMMON, CFG_ISR, COMMON, ISR, NOTIFY, NOTIFY_LEN};
use aerostat_test_support::{Memory, RegisterAccess, SoftPci, test_device};
use aerostat_transport::pci::Routing;
use aerostat_transport::queue::Notification;
use aerostat_transport::{InterruptSource, InterruptStatus, QueueError};

use crate::{function_with_messages, negotiated};

/// The structure's offset and `queue_notify_off` times the multiplier.
// conformance: pci.notify-cap.1, pci.notify.1, pci.notify.3
#[test]
fn each_queue_is_notified_at_its_own_address() {
    for (multiplier, notify_off, offset) in
        [(0, 0, 0), (0, 0xffff, 0), (4, 0, 0), (4, 1, 4), (4, 63, 252), (2, 127, 254), (0x80, 1, 0x80), (0xfe, 1, 254)]
    {
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.notify(0, NOTIFY, NOTIFY_LEN, multiplier);
        function.device.borrow_mut().queues[1].notify_off = notify_off;
        let mut memory = Memory::new();
        let mut device = negotiated(&function, Routing::Line);
        let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
        let device = device.go_live();
        function.device.borrow_mut().log.clear();
        assert_eq!(queue1.enable(&device).notify(), Notification::Sent);
        // One access for each notification, because each exits to the host.
        let written = RegisterAccess::Write(NOTIFY as usize + offset, 16, 1);
        assert_eq!(function.device.borrow().log, [written], "{multiplier} × {notify_off}");
    }
}

#[test]
fn a_notification_address_outside_its_structure_or_unaligned_is_rejected() {
    for (multiplier, notify_off) in [
        (4, 64),
        (2, 128),
        (0xff, 1),
        (0x100, 1),
        (0x8000_0000, 2),
        (u32::MAX, 0xffff),
        (u32::MAX, 1),
        // Inside the structure, but unaligned.
        (1, 1),
        (3, 1),
        (5, 3),
    ] {
        let function = SoftPci::bare();
        function.structure(CFG_COMMON, 0, COMMON, 0x38);
        function.structure(CFG_ISR, 0, ISR, 1);
        function.notify(0, NOTIFY, NOTIFY_LEN, multiplier);
        function.device.borrow_mut().queues[1].notify_off = notify_off;
        let mut memory = Memory::new();
        let mut device = negotiated(&function, Routing::Line);
        let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).map(drop);
        assert_eq!(queue1, Err(QueueError::Notification { queue: 1 }), "{multiplier:#x} × {notify_off:#x}");
        assert_eq!((function.device.borrow().queues[1].enable, memory.allocated()), (0, 0));
    }
}

/// A capability that is too short for a multiplier has none. The bytes after it belong to something else.
#[test]
fn a_short_notification_capability_has_no_multiplier() {
    let function = SoftPci::bare();
    function.structure(CFG_COMMON, 0, COMMON, 0x38);
    function.structure(CFG_ISR, 0, ISR, 1);
    let at = function.virtio(20, 16, aerostat_test_support::soft_pci::CFG_NOTIFY, 0, NOTIFY, NOTIFY_LEN);
    function.config().put(at + 16, 4);
    function.device.borrow_mut().queues[1].notify_off = 3;
    let mut memory = Memory::new();
    let mut device = negotiated(&function, Routing::Line);
    let queue1 = device.queue::<_, 8>(test_device::queue::Queue1, 1, &mut memory).unwrap();
    let device = device.go_live();
    queue1.enable(&device).notify();
    assert_eq!(function.device.borrow().log.last(), Some(&RegisterAccess::Write(NOTIFY as usize, 16, 1)));
}

/// With INTx, the ISR status has the cause and is read once for each interrupt.
// conformance: pci.irq.1, pci.irq.2, pci.irq.3, pci.confchange.1
#[test]
fn the_isr_status_is_read_with_intx() {
    let function = SoftPci::with_structures();
    let interrupt = negotiated(&function, Routing::Line).go_live().interrupt();
    for (isr, used_buffers, configuration) in [
        (0, false, false),
        (1, true, false),
        (2, false, true),
        (3, true, true),
        (0xfc, false, false),
        (0xff, true, true),
    ] {
        function.device.borrow_mut().isr = isr;
        function.device.borrow_mut().log.clear();
        assert_eq!(interrupt.acknowledge(), InterruptStatus { used_buffers, configuration }, "{isr:#x}");
        assert_eq!(function.device.borrow().log, [RegisterAccess::Read(ISR as usize, 8)]);
    }
}

/// With messages it is not read, and every cause is reported.
// conformance: pci.isr.1, pci.irq.4, pci.irq.5
#[test]
fn the_isr_status_is_not_read_with_msix() {
    let (function, routing) = function_with_messages();
    let interrupt = negotiated(&function, routing).go_live().interrupt();
    function.device.borrow_mut().log.clear();
    assert_eq!(interrupt.acknowledge(), InterruptStatus::ANY);
    assert_eq!(function.device.borrow().log, []);
}
