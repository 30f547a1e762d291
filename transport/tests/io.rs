//! Access to registers: memory, ports, configuration space, and a choice at run time.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use aerostat_test_support::{Memory, Plain, RegisterAccess, SoftMmio, reg, test_device};
use aerostat_transport::pci::{ConfigPorts, Ecam};
use aerostat_transport::{
    Device, Either, InterruptSource, InterruptStatus, Io, Mmio, MmioRegion, PortRegion, Ports, Transport, Window,
};
use pci_types::{ConfigRegionAccess, PciAddress};

/// Ports that record accesses and read as their number.
#[derive(Clone, Default)]
struct Recorded(Rc<RefCell<Vec<RegisterAccess>>>);

impl Recorded {
    fn take(&self) -> Vec<RegisterAccess> {
        self.0.take()
    }

    fn note(&self, access: RegisterAccess) {
        self.0.borrow_mut().push(access);
    }
}

macro_rules! recorded {
    ($($int:ty: $bits:literal $read:ident $write:ident),*) => {$(
        fn $read(&self, port: u16) -> $int {
            self.note(RegisterAccess::Read(port.into(), $bits));
            port as $int
        }

        fn $write(&self, port: u16, value: $int) {
            self.note(RegisterAccess::Write(port.into(), $bits, value.into()));
        }
    )*};
}

// SAFETY: every access is performed on the model, in order; the model accesses no memory.
unsafe impl Ports for Recorded {
    recorded!(u8: 8 read8 write8, u16: 16 read16 write16, u32: 32 read32 write32);
}

/// 64 MiB of memory-mapped configuration space, which reads as the offset.
#[derive(Clone)]
struct Space(Recorded, usize);

// SAFETY: every access is performed on the model, in order; the model accesses no memory.
unsafe impl Io for Space {
    fn len(&self) -> usize {
        self.1
    }

    fn read8(&self, _offset: usize) -> u8 {
        panic!("configuration space is read in dwords")
    }

    fn read16(&self, _offset: usize) -> u16 {
        panic!("configuration space is read in dwords")
    }

    fn read32(&self, offset: usize) -> u32 {
        self.0.note(RegisterAccess::Read(offset, 32));
        if offset + 4 <= self.1 { offset as u32 } else { u32::MAX }
    }

    fn write8(&self, _offset: usize, _value: u8) {
        panic!("configuration space is written in dwords")
    }

    fn write16(&self, _offset: usize, _value: u16) {
        panic!("configuration space is written in dwords")
    }

    fn write32(&self, offset: usize, value: u32) {
        self.0.note(RegisterAccess::Write(offset, 32, value));
    }
}

fn read(access: &impl ConfigRegionAccess, address: (u16, u8, u8, u8), offset: u16) -> u32 {
    let (segment, bus, device, function) = address;
    // SAFETY: the configuration space of these tests is a record.
    unsafe { access.read(PciAddress::new(segment, bus, device, function), offset) }
}

fn write(access: &impl ConfigRegionAccess, address: (u16, u8, u8, u8), offset: u16, value: u32) {
    let (segment, bus, device, function) = address;
    // SAFETY: the configuration space of these tests is a record.
    unsafe { access.write(PciAddress::new(segment, bus, device, function), offset, value) }
}

/// Bus in bits 20 to 27, device in 15 to 19, function in 12 to 14, register below.
#[test]
fn ecam_has_4_kib_a_function() {
    let ecam = Ecam::new(Space(Recorded::default(), 256 << 20), 0, 0);
    for (address, offset, at) in [
        ((0, 0, 0, 0), 0, 0),
        ((0, 0, 0, 0), 0xffc, 0xffc),
        ((0, 0, 0, 1), 4, 0x1004),
        ((0, 0, 0, 7), 0, 0x7000),
        ((0, 0, 1, 0), 0x34, 0x8034),
        ((0, 0, 31, 7), 0, 0xf_f000),
        ((0, 1, 0, 0), 0, 0x10_0000),
        ((0, 255, 31, 7), 0xffc, 0xfff_fffc),
    ] {
        assert_eq!(read(&ecam, address, offset), at, "{address:?} {offset:#x}");
    }
}

#[test]
fn ecam_may_start_at_another_bus_and_ends_with_its_region() {
    let record = Recorded::default();
    let ecam = Ecam::new(Space(record.clone(), 2 << 20), 3, 0x40);
    assert_eq!(read(&ecam, (3, 0x40, 0, 0), 0), 0);
    assert_eq!(read(&ecam, (3, 0x41, 31, 7), 0xffc), 0x1f_fffc);
    assert_eq!(read(&ecam, (3, 0x42, 0, 0), 0), u32::MAX, "behind the last bus");
    write(&ecam, (3, 0x41, 0, 0), 8, 7);
    assert_eq!(record.take().last(), Some(&RegisterAccess::Write(0x10_0008, 32, 7)));
    // Other segments, buses before the first, registers that no function has.
    for (address, offset) in [((2, 0x40, 0, 0), 0), ((3, 0x3f, 0, 0), 0), ((3, 0, 0, 0), 0), ((3, 0x40, 0, 0), 0x1000)]
    {
        assert_eq!(read(&ecam, address, offset), u32::MAX);
        write(&ecam, address, offset, 7);
    }
    assert_eq!(record.take(), [], "nothing of this reached the region");
}

/// The address is written to 0xCF8, and the data goes through 0xCFC.
#[test]
fn configuration_ports_select_and_then_access() {
    let record = Recorded::default();
    let ports = ConfigPorts::new(record.clone());
    for (address, offset, selected) in [
        ((0, 0, 0, 0), 0, 0x8000_0000),
        ((0, 0, 0, 0), 0xfc, 0x8000_00fc),
        ((0, 0, 0, 1), 4, 0x8000_0104),
        ((0, 0, 31, 7), 0x10, 0x8000_ff10),
        ((0, 255, 31, 7), 0xfc, 0x80ff_fffc),
        ((0, 0, 3, 0), 0x36, 0x8000_1834),
    ] {
        read(&ports, address, offset);
        assert_eq!(record.take(), [RegisterAccess::Write(0xcf8, 32, selected), RegisterAccess::Read(0xcfc, 32)]);
        write(&ports, address, offset, 0x1234_5678);
        assert_eq!(
            record.take(),
            [RegisterAccess::Write(0xcf8, 32, selected), RegisterAccess::Write(0xcfc, 32, 0x1234_5678)]
        );
    }
    // Extended registers and other segments are out of their reach.
    for (address, offset) in [((0, 0, 0, 0), 0x100), ((1, 0, 0, 0), 0), ((0, 0, 0, 0), 0xfffc)] {
        assert_eq!(read(&ports, address, offset), u32::MAX);
        write(&ports, address, offset, 7);
        assert_eq!(record.take(), []);
    }
}

#[test]
fn a_port_region_reaches_its_ports_and_no_others() {
    let record = Recorded::default();
    let region = PortRegion::new(record.clone(), 0xc000, 0x20);
    assert_eq!(
        (region.len(), region.read16(0x10), region.read32(0x1c), region.read8(0x1f)),
        (32, 0xc010, 0xc01c, 0x1f)
    );
    region.write16(2, 0xabcd);
    let expected = [
        RegisterAccess::Read(0xc010, 16),
        RegisterAccess::Read(0xc01c, 32),
        RegisterAccess::Read(0xc01f, 8),
        RegisterAccess::Write(0xc002, 16, 0xabcd),
    ];
    assert_eq!(record.take(), expected);
    for offset in [0x1d, 0x20, 0x4000, usize::MAX, usize::MAX - 3] {
        assert_eq!(region.read32(offset), u32::MAX);
        region.write32(offset, 1);
    }
    assert_eq!((region.read16(0x1f), region.read8(0x20)), (u16::MAX, u8::MAX));
    assert_eq!(record.take(), []);
}

#[test]
fn a_port_region_reaches_the_last_port() {
    let record = Recorded::default();
    let region = PortRegion::new(record.clone(), 0xfff0, 0x10);
    assert_eq!((region.len(), region.read8(15), region.read32(12)), (16, 0xff, 0xfffc));
    assert_eq!(record.take(), [RegisterAccess::Read(0xffff, 8), RegisterAccess::Read(0xfffc, 32)]);
    let cut = PortRegion::new(record.clone(), 0xfff0, 0xffff);
    assert_eq!((cut.len(), cut.read16(15), cut.read8(16)), (16, u16::MAX, u8::MAX));
    assert_eq!(record.take(), [], "ports do not wrap");
}

/// Registers may start anywhere, as the ISR status does: what counts is that the access itself is aligned.
#[test]
fn a_memory_region_goes_by_the_alignment_of_the_access() {
    #[repr(align(8))]
    struct Bytes([u8; 16]);
    let mut bytes = Bytes(std::array::from_fn(|at| at as u8));
    let start = NonNull::from(&mut bytes.0).cast::<u8>();
    // SAFETY: byte 1 is inside the array.
    let odd = unsafe { start.add(1) };
    // SAFETY: the 15 bytes are inside the array, which outlives the region and has no other user.
    let region = unsafe { MmioRegion::new(odd, 15) };
    assert_eq!((region.read8(0), region.read16(1), region.read32(3)), (1, 0x0302, 0x0706_0504));
    assert_eq!((region.read16(0), region.read32(1)), (u16::MAX, u32::MAX), "no access is split");
    region.write32(4, 0);
    assert_eq!(region.read8(4), 5);
    region.write32(7, 0xaabb_ccdd);
    assert_eq!((region.read8(7), region.read8(10)), (0xdd, 0xaa));
}

#[test]
fn a_window_is_as_far_as_it_goes() {
    let soft = SoftMmio::new(42);
    let window = Window::new(soft.clone(), reg::CONFIG, 8).unwrap();
    assert_eq!(
        (window.len(), Window::rest(soft.clone(), 0x1fc).len(), Window::rest(soft.clone(), 0x300).len()),
        (8, 4, 0)
    );
    window.write32(4, 9);
    assert_eq!((window.read32(4), window.read32(5), window.read8(8)), (9, u32::MAX, u8::MAX));
    let nested = Window::new(window.clone(), 4, 4).unwrap();
    assert_eq!(nested.read32(0), 9);
    assert!(Window::new(window.clone(), 4, 5).is_err() && Window::new(window, usize::MAX, 1).is_err());
}

/// A transport chosen at run time does what the chosen one does, its handles included.
#[test]
fn either_transport_works_like_the_one_that_it_is() {
    type Any = Either<Mmio<SoftMmio>, Either<Mmio<SoftMmio>, Mmio<SoftMmio>>>;
    let mmio = |soft: &SoftMmio| Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    fn live(any: Any, soft: &SoftMmio) -> Vec<RegisterAccess> {
        let mut memory = Memory::new();
        assert_eq!((any.device_id().0, any.interface()), (42, aerostat_spec::Interface::Modern));
        let device = Device::<Any, test_device::Device, _>::take(any).map_err(|failed| failed.error).unwrap();
        let device = device.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver().negotiate::<Plain>();
        let mut device = device.map_err(|failed| failed.error).unwrap();
        device.set(test_device::config::Setup32, 1).unwrap();
        let queue0 = device.queue::<_, 8>(test_device::queue::Queue0, 1, &mut memory).unwrap();
        let device = device.go_live();
        let mut queue0 = queue0.enable(&device);
        queue0.notify();
        soft.model().interrupt = 1;
        assert_eq!(device.interrupt().acknowledge(), InterruptStatus { used_buffers: true, configuration: false });
        assert!(device.interrupt().acknowledge().is_none());
        device.config().write(test_device::config::Write8, 3).unwrap();
        assert_eq!(
            (device.config().read(test_device::config::Write8), device.config().read(test_device::config::Write16)),
            (Ok(3), Ok(0))
        );
        let (_any, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
        queue0.release(&proof, &mut memory).unwrap();
        soft.log()
    }
    let [one, two, three] = [(); 3].map(|()| SoftMmio::new(42));
    let first = live(Either::First(mmio(&one)), &one);
    let second = live(Either::Second(Either::First(mmio(&two))), &two);
    let third = live(Either::Second(Either::Second(mmio(&three))), &three);
    assert!(first == second && second == third);
    assert_eq!(one.statuses(), [0, 1, 3, 11, 15, 0]);
}
