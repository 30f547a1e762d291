//! Access to BARs through a capability in configuration space, on a software function. The model panics if the window points
//! outside its registers.

use std::rc::Rc;

use aerostat_test_support::soft_pci::{
    BAR, CFG_COMMON, CFG_DEVICE, CFG_ISR, CFG_PCI, COMMON, DEVICE, ISR, NOTIFY, NOTIFY_LEN, TABLE,
};
use aerostat_test_support::{Bar, Memory, Plain, RegisterAccess, SoftPci, field, test_device};
use aerostat_transport::pci::{BarRange, BarWindow, BarWindows, MapBar, Msix, PciError, Routing, Space};
use aerostat_transport::queue::Notification;
use aerostat_transport::{Device, InterruptSource, InterruptStatus, Io, Pci};

/// A function and the offset of its window capability.
fn windowed() -> (SoftPci, u16) {
    let function = SoftPci::with_structures();
    let window = function.window();
    (function, window.into())
}

fn windows(function: &SoftPci) -> Result<BarWindows<SoftPci>, PciError> {
    // SAFETY: the capability of a software function has no other user.
    unsafe { BarWindows::new(function.reach()) }.map_err(|(_, error)| error)
}

fn in_bar(offset: u32, len: u64) -> BarRange {
    BarRange { space: Space::Memory, address: u64::from(BAR) + u64::from(offset), len }
}

/// The common configuration through a window, of a function that decodes its BARs.
fn common_cfg(function: &SoftPci) -> BarWindow<SoftPci> {
    let io = windows(function).unwrap().map(in_bar(COMMON, 0x38)).unwrap();
    function.config().written.clear();
    io
}

/// BAR, offset and length first and the data last; each access reaches the structure once, in its width.
// conformance: pci.cap-discovery.8, pci.cfg-access.1, pci.cfg-access.3
#[test]
fn an_access_sets_the_window_and_then_goes_through_it() {
    let (function, at) = windowed();
    let io = common_cfg(&function);
    function.device.borrow_mut().status = 0x0f;
    assert_eq!(io.read8(field::STATUS), 0x0f);
    assert_eq!(function.config().written, [(at + 4, 0), (at + 8, field::STATUS as u32), (at + 12, 1)]);
    assert_eq!(io.read16(field::NUM_QUEUES), 2);
    io.write32(field::DRIVER_FEATURE_SELECT, 1);
    io.write16(field::QUEUE_SELECT, 1);
    io.write8(field::STATUS, 3);
    let expected = [
        RegisterAccess::Read(field::STATUS, 8),
        RegisterAccess::Read(field::NUM_QUEUES, 16),
        RegisterAccess::Write(field::DRIVER_FEATURE_SELECT, 32, 1),
        RegisterAccess::Write(field::QUEUE_SELECT, 16, 1),
        RegisterAccess::Write(field::STATUS, 8, 3),
    ];
    assert_eq!(function.device.borrow().log, expected);
    assert_eq!(function.device.borrow().status, 3);
    for (offset, _) in &function.config().written {
        assert!((at + 4..at + 16).contains(offset), "only the fields of the window: {offset:#x}");
    }
}

/// Accesses outside, across the end or unaligned read all ones and access nothing.
// conformance: pci.cfg-access.1
#[test]
fn an_access_outside_the_window_accesses_nothing() {
    let (function, _) = windowed();
    let io = common_cfg(&function);
    assert_eq!(io.len(), 0x38);
    for offset in [0x35, 0x36, 0x37, 0x38, 0x1000, 1, 2, 3, usize::MAX - 3, usize::MAX] {
        assert_eq!(io.read32(offset), u32::MAX, "{offset:#x}");
        io.write32(offset, 1);
    }
    for offset in [0x37, 0x38, 1, 0x15, usize::MAX - 1, usize::MAX] {
        assert_eq!(io.read16(offset), u16::MAX, "{offset:#x}");
        io.write16(offset, 1);
    }
    for offset in [0x38, 0x200, usize::MAX] {
        assert_eq!(io.read8(offset), u8::MAX, "{offset:#x}");
        io.write8(offset, 1);
    }
    assert!(function.device.borrow().log.is_empty() && function.config().written.is_empty());
}

#[test]
fn a_range_that_is_in_no_bar_has_no_window() {
    let (function, _) = windowed();
    let mut windows = windows(&function).unwrap();
    for range in [
        in_bar(0x2000, 1),
        in_bar(0x1fff, 2),
        in_bar(0, 0x2001),
        in_bar(0, u64::MAX),
        BarRange { space: Space::Memory, address: u64::from(BAR) - 1, len: 4 },
        BarRange { space: Space::Memory, address: 0, len: 4 },
        BarRange { space: Space::Memory, address: u64::MAX, len: u64::MAX },
        BarRange { space: Space::Ports, address: u64::from(BAR), len: 4 },
    ] {
        assert!(windows.map(range).is_none(), "{range:?}");
    }
    function.config().set_bar(2, Bar::Memory64 { address: 0x80_0000_0000, len: 0x20_0000_0000 });
    let beyond = BarRange { space: Space::Memory, address: 0x81_0000_0000, len: 16 };
    assert!(windows.map(beyond).is_none(), "an offset has 32 bits");
    function.assert_careful();
}

/// Through the window a driver accesses only what another capability describes.
// conformance: pci.cfg-access.2
#[test]
fn only_described_structures_have_a_window() {
    let (function, _) = windowed();
    let capability = function.capability(0x11, 12);
    function.config().put(capability + 4, TABLE);
    let mut windows = windows(&function).unwrap();
    for (offset, len) in [(COMMON, 0x38), (NOTIFY, u64::from(NOTIFY_LEN)), (ISR, 1), (DEVICE, 0x100), (COMMON + 4, 4)] {
        assert!(windows.map(in_bar(offset, len)).is_some(), "{offset:#x}");
    }
    for (offset, len) in [(0x38, 4), (COMMON, 0x3c), (ISR + 1, 1), (0x1ff0, 16), (TABLE, 16)] {
        assert!(windows.map(in_bar(offset, len)).is_none(), "{offset:#x}");
    }
    let table = Msix::enable(&function.reach(), &mut windows).map(drop);
    assert!(matches!(table, Err(PciError::Unmapped { .. })), "the MSI-X table is not a virtio structure");
}

#[test]
fn a_function_without_a_usable_window_is_rejected() {
    assert_eq!(windows(&SoftPci::with_structures()).map(drop), Err(PciError::NoWindow));
    for (room, cap_len) in [(20, 0), (20, 16), (20, 19)] {
        let function = SoftPci::with_structures();
        function.virtio(room, cap_len, CFG_PCI, 0, 0, 0);
        assert_eq!(windows(&function).map(drop), Err(PciError::NoWindow), "cap_len {cap_len}");
    }
    // A capability with another id, and then one that is longer than necessary.
    let function = SoftPci::with_structures();
    let other = function.capability(0x05, 20);
    function.config().bytes[usize::from(other) + 2..usize::from(other) + 4].copy_from_slice(&[20, CFG_PCI]);
    assert_eq!(windows(&function).map(drop), Err(PciError::NoWindow));
    function.virtio(24, 24, CFG_PCI, 0, 0, 0);
    assert!(windows(&function).is_ok());
}

/// A capability must not extend past configuration space, where an access would wrap to the header.
#[test]
fn a_window_that_leaves_configuration_space_is_rejected() {
    for at in [0xf0_u8, 0xf4, 0xf8, 0xfc] {
        let function = SoftPci::with_structures();
        let link = function.capability(0x01, 4);
        {
            let config = &mut *function.config();
            config.bytes[usize::from(link) + 1] = at;
            config.bytes[usize::from(at)..usize::from(at) + 4].copy_from_slice(&[0x09, 0, 20, CFG_PCI]);
        }
        assert_eq!(windows(&function).map(drop), Err(PciError::NoWindow), "{at:#x}");
    }
    // The last offset at which it fits.
    let function = SoftPci::with_structures();
    let link = function.capability(0x01, 4);
    {
        let config = &mut *function.config();
        config.bytes[usize::from(link) + 1] = 0xec;
        config.bytes[0xec..0xf0].copy_from_slice(&[0x09, 0, 20, CFG_PCI]);
        config.window = Some(0xec);
    }
    let mut windows = windows(&function).unwrap();
    assert_eq!(windows.map(in_bar(COMMON, 0x38)).unwrap().read16(field::NUM_QUEUES), 2);
}

/// The life cycle as through mapped BARs, with accesses of the same widths. The data register is accessed only on purpose, because
/// each access has an effect on the device.
#[test]
fn a_device_is_driven_through_a_window() {
    let ((function, at), mut memory) = (windowed(), Memory::new());
    let mut windows = windows(&function).unwrap();
    let transport = Pci::new(&function.reach(), &mut windows, Routing::Line).unwrap();
    assert!(function.device.borrow().log.is_empty(), "set-up makes no access");
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Plain>().unwrap();
    let mut device: Device<_, test_device::Device, _> = device;
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    assert_eq!(queue0.notify(), Notification::Sent);
    assert_eq!(device.config().read(test_device::config::Write8), Ok(0x5a));
    function.device.borrow_mut().isr = 3;
    assert_eq!(device.interrupt().acknowledge(), InterruptStatus { used_buffers: true, configuration: true });
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue0.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);

    let behind_window = function.device.borrow().log.clone();
    let mapped = SoftPci::with_structures();
    let transport = Pci::new(&mapped.reach(), &mut mapped.mapper(&Rc::default()), Routing::Line).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Plain>().unwrap();
    let mut device: Device<_, test_device::Device, _> = device;
    let mut memory = Memory::new();
    let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    queue0.enable(&device).notify();
    device.config().read(test_device::config::Write8).unwrap();
    device.interrupt().acknowledge();
    let (_transport, _proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    assert_eq!(behind_window, mapped.device.borrow().log);
    for (offset, value) in &function.config().written {
        assert!(matches!(*offset, 4 | 0x10..0x28) || (at + 4..at + 16).contains(offset), "{value:#x} at {offset:#x}");
    }
}

/// A structure in a BAR of 64 bits, which is not the first.
#[test]
fn the_window_points_to_the_bar_that_the_structure_is_in() {
    let function = SoftPci::bare();
    function.config().set_bar(4, Bar::Memory64 { address: 0x40_0000_0000, len: 0x4000 });
    function.device.borrow_mut().bar = 0x40_0000_0000;
    function.structure(CFG_COMMON, 4, COMMON, 0x38);
    function.notify(4, NOTIFY, NOTIFY_LEN, 4);
    function.structure(CFG_ISR, 4, ISR, 1);
    function.structure(CFG_DEVICE, 4, DEVICE, 0x100);
    function.config().bytes[4] = 0;
    let at = function.virtio(20, 20, CFG_PCI, 0, 0, 0);
    let mut windows = windows(&function).unwrap();
    let range = BarRange { space: Space::Memory, address: 0x40_0000_0000 + u64::from(NOTIFY), len: 4 };
    windows.map(range).unwrap().write16(2, 0xabcd);
    let config = function.config();
    let field =
        |offset: u8| u32::from_le_bytes(std::array::from_fn(|byte| config.bytes[usize::from(at + offset) + byte]));
    assert_eq!((config.bytes[usize::from(at) + 4], field(8), field(12), field(16)), (4, NOTIFY + 2, 2, 0xabcd));
}
