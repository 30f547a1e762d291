extern crate std;

mod limits;

use core::mem::offset_of;
use std::boxed::Box;
use std::string::{String, ToString as _};
use std::vec::Vec;
use std::{format, vec};

use aerostat_transport::spec::ring::{Avail, Desc, DescFlags, PackedDesc, Used, UsedElem};

use super::{Area, Buffer, RingFormat, ShadowRing};

const SIZE: u16 = 4;
const NONE: DescFlags = DescFlags::new();
const NEXT: DescFlags = DescFlags::new().with_next(true);
const WRITE: DescFlags = DescFlags::new().with_write(true);
const INDIRECT: DescFlags = DescFlags::new().with_indirect(true);

/// Returns memory with zeros that is never freed.
fn memory(len: usize) -> (u64, Area) {
    let words = Box::leak(vec![0_u64; len.div_ceil(8)].into_boxed_slice());
    let start = words.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: the memory is never freed, and accessed through the area only.
    (start, unsafe { Area::new(start, len) })
}

/// Returns memory with these bytes, and its address.
fn filled(bytes: &[u8]) -> (u64, Area) {
    let (start, area) = memory(bytes.len());
    bytes.iter().enumerate().for_each(|(at, byte)| area.write(at, *byte));
    (start, area)
}

fn rings_of(format: RingFormat, size: u16) -> ([Area; 3], [Area; 3], Box<ShadowRing>) {
    let parts = || format.lengths(size).map(|len| memory(len).1);
    let (driver, device) = (parts(), parts());
    let mut ring = Box::new(ShadowRing::new());
    // SAFETY: the buffers of the tests are never freed, and the tests change tables before `send` only.
    assert!(unsafe { ring.start(format, size, driver, device) });
    (driver, device, ring)
}

fn rings(format: RingFormat) -> ([Area; 3], [Area; 3], Box<ShadowRing>) {
    rings_of(format, SIZE)
}

fn received(ring: &mut ShadowRing) -> Vec<String> {
    let mut log = Vec::new();
    ring.receive(|buffer: Buffer<'_>| log.push(buffer.to_string()));
    log
}

fn in_flight(ring: &ShadowRing) -> Vec<String> {
    let mut log = Vec::new();
    ring.log_in_flight(|buffer| log.push(format!("{buffer:?}")));
    log
}

/// Makes a buffer available in a split ring.
fn make_available(avail: Area, head: u16) {
    let index = avail.load(offset_of!(Avail, idx));
    avail.write(size_of::<Avail>() + 2 * usize::from(index % SIZE), head.to_le());
    avail.store(offset_of!(Avail, idx), index.wrapping_add(1));
}

/// Marks a buffer as used in a split ring.
fn mark_used(used: Area, id: u32, len: u32) {
    let index = used.load(offset_of!(Used, idx));
    used.write(size_of::<Used>() + 8 * usize::from(index % SIZE), <UsedElem>::new(id, len));
    used.store(offset_of!(Used, idx), index.wrapping_add(1));
}

#[test]
fn split_buffers_are_logged_before_the_driver_knows() {
    let (driver, device, mut ring) = rings(RingFormat::Split);
    let (request, _) = filled(&[1, 2]);
    let (answer, written) = memory(4);
    // A chain of two descriptors, and an indirect table of two.
    driver[0].write(0, <Desc>::new(request, 2, NEXT, 2));
    driver[0].write(32, <Desc>::new(answer, 4, WRITE, 0));
    let (address, table) = memory(32);
    let (other, _) = filled(&[3, 4, 5]);
    table.write(0, <Desc>::new(other, 3, NEXT, 1));
    table.write(16, <Desc>::new(other, 3, NONE, 0));
    driver[0].write(16, <Desc>::new(address, 32, INDIRECT, 0));
    make_available(driver[1], 0);
    make_available(driver[1], 1);
    ring.send();
    assert_eq!(device[1].load(offset_of!(Avail, idx)), 2);
    assert_eq!(device[0].read::<Desc>(32).addr.get(), answer);
    assert_eq!(in_flight(&ring), ["0102 -> ", "030405030405 -> "]);
    assert!(!ring.receive(|_| panic!("nothing is used")));

    // The device uses them in another order, and reports more bytes than fit.
    mark_used(device[2], 1, 0);
    written.write(0, 0xaa_u8);
    mark_used(device[2], 0, 9);
    assert_eq!(driver[2].load(offset_of!(Used, idx)), 0);
    assert_eq!(received(&mut ring), ["030405030405 -> ", "0102 -> aa000000"]);
    assert_eq!(driver[2].load(offset_of!(Used, idx)), 2);
    assert_eq!(driver[2].read::<UsedElem>(12).len.get(), 9);
    assert!(in_flight(&ring).is_empty());
    // Both event indexes ask for the next notification.
    assert_eq!((driver[2].load(36), device[1].load(12)), (2, 2));
}

#[test]
fn errors_of_the_device_reach_the_driver() {
    let (driver, device, mut ring) = rings(RingFormat::Split);
    // Neither buffer is in flight.
    mark_used(device[2], 7, 0);
    mark_used(device[2], 0, 0);
    assert!(received(&mut ring).is_empty());
    assert_eq!(driver[2].read::<UsedElem>(4).id.get(), 7);
    device[2].store(offset_of!(Used, idx), 100);
    assert!(received(&mut ring).is_empty());
    assert_eq!(driver[2].load(offset_of!(Used, idx)), 100);

    let (driver, device, mut ring) = rings(RingFormat::Packed);
    let used = DescFlags::new().with_avail(true).with_used(true).into_bits();
    device[0].write(0, PackedDesc::new(0, 0, 3, used));
    let mut count = 0;
    // The device does not write more, so a shadow that goes on finds the same descriptor again.
    for _ in 0..10 {
        count += u32::from(ring.receive(|_| panic!("nothing is in flight")));
    }
    assert_eq!((count, driver[0].read::<PackedDesc>(0).id.get()), (1, 3));
}

/// A side of a packed ring.
struct Side {
    ring: Area,
    slot: u16,
    wrap: bool,
}

impl Side {
    fn new(ring: Area) -> Self {
        Self { ring, slot: 0, wrap: true }
    }

    fn write(&mut self, address: u64, len: u32, id: u16, flags: DescFlags) {
        self.ring.write(16 * usize::from(self.slot), PackedDesc::new(address, len, id, flags.into_bits()));
        self.skip(1);
    }

    fn skip(&mut self, descriptors: u16) {
        self.wrap ^= self.slot + descriptors >= SIZE;
        self.slot = (self.slot + descriptors) % SIZE;
    }

    fn make_available(&mut self, address: u64, len: u32, id: u16, flags: DescFlags) {
        self.write(address, len, id, flags.with_avail(self.wrap).with_used(!self.wrap));
    }

    /// Marks a buffer of this many descriptors as used.
    fn mark_used(&mut self, id: u16, len: u32, descriptors: u16) {
        self.write(0, len, id, NONE.with_avail(self.wrap).with_used(self.wrap));
        self.skip(descriptors - 1);
    }
}

#[test]
fn packed_buffers_are_used_in_any_order() {
    let (driver, device, mut ring) = rings(RingFormat::Packed);
    let (mut sender, mut user) = (Side::new(driver[0]), Side::new(device[0]));
    let (request, _) = filled(&[1, 2]);
    let (answer, written) = memory(2);
    let (address, table) = memory(32);
    table.write(0, PackedDesc::new(request, 1, 0, 0));
    table.write(16, PackedDesc::new(answer, 2, 0, WRITE.into_bits()));
    written.write(1, 0xbb_u8);
    // Twice around the ring.
    for _ in 0..3 {
        sender.make_available(request, 2, 9, NEXT);
        sender.make_available(answer, 1, 1, WRITE);
        sender.make_available(address, 32, 0, INDIRECT);
        ring.send();
        assert_eq!(in_flight(&ring), ["01 -> ", "0102 -> "]);
        assert_eq!(device[0].read::<PackedDesc>(16 * usize::from(user.slot)).addr.get(), request);
        // The used descriptor of the second buffer replaces one of the first.
        let first = user.slot;
        user.mark_used(0, 2, 1);
        assert_eq!(received(&mut ring), ["01 -> 00bb"]);
        assert_eq!(driver[0].read::<PackedDesc>(16 * usize::from(first)).len.get(), 2);
        user.mark_used(1, 1, 2);
        assert_eq!(received(&mut ring), ["0102 -> 00"]);
        assert!(!ring.receive(|_| panic!("nothing is used")));
        assert_eq!((sender.slot, sender.wrap), (user.slot, user.wrap));
    }
}
