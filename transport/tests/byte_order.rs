//! What the device finds in memory and in its configuration space, byte by byte: little-endian, whatever the processor is.
//! The expectations are written in bytes, so that a missing conversion is seen on a big-endian one.

mod common;

use aerostat_spec::reserved::feature::RingPacked;
use aerostat_spec::{Required, WithFeature};
use aerostat_transport::queue::{Access, Element, Enabled, Token};
use aerostat_transport::{Device, DeviceAddress, Mmio, MmioNotifier, VirtQueue};
use common::{Memory, Plain, Soft, flown, kite, live};

/// Something for the device to read, and something for it to write.
const BUFFER: [Element; 2] = [
    Element { address: DeviceAddress(0x0102_0304_0506_0708), len: 0x1112_1314, access: Access::DeviceReads },
    Element { address: DeviceAddress(0x2122_2324_2526_2728), len: 0x3132_3334, access: Access::DeviceWrites },
];
/// Their addresses and lengths, as every descriptor begins.
const DESCRIBED: [[u8; 12]; 2] = [
    [8, 7, 6, 5, 4, 3, 2, 1, 0x14, 0x13, 0x12, 0x11],
    [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x34, 0x33, 0x32, 0x31],
];
/// A length that the device reports.
const WRITTEN: u32 = 0x0102_0304;
const WRITTEN_BYTES: [u8; 4] = [4, 3, 2, 1];

fn add<const K: usize>(line: &mut VirtQueue<MmioNotifier<Soft>, K, Enabled>) -> Token {
    // SAFETY: the device of these tests touches no buffer, and neither does anybody else.
    unsafe { line.add(&BUFFER) }.unwrap()
}

#[test]
fn a_split_ring_is_little_endian() {
    let mut kite = flown::<4>(4);
    let [table, available, used] = kite.ring;
    let token = add(&mut kite.line);
    assert_eq!(token.index(), 0);
    let (next, write) = ([1, 0], [2, 0]);
    assert_eq!(kite.memory.bytes(table, 16), [&DESCRIBED[0][..], &next, &[1, 0]].concat());
    assert_eq!(kite.memory.bytes(table + 16, 16), [&DESCRIBED[1][..], &write, &[0, 0]].concat());
    let (flags, index, head) = ([0, 0], [1, 0], [0, 0]);
    assert_eq!(kite.memory.bytes(available, 6), [flags, index, head].concat());

    kite.memory.write(used + 4, &[[0; 4], WRITTEN_BYTES].concat());
    kite.memory.write(used + 2, &[1, 0]);
    let back = kite.line.pop().unwrap().unwrap();
    assert_eq!((back.token, back.written), (token, WRITTEN));

    // The second buffer has another head, and its index has another second byte than the first.
    let second = add(&mut kite.line);
    let head = [u8::try_from(second.index()).unwrap(), 0];
    assert_eq!(kite.memory.bytes(available + 6, 2), head);
    kite.memory.write(used + 12, &[&head[..], &[0, 0], &WRITTEN_BYTES].concat());
    kite.memory.write(used + 2, &[2, 0]);
    assert_eq!(kite.line.pop().unwrap().map(|used| used.token), Some(second));
}

#[test]
fn a_packed_ring_is_little_endian() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    soft.model().offered |= 1 << 34;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    type Packed = <Plain as WithFeature<RingPacked, Required>>::Out;
    let mut device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<Packed>().unwrap();
    let line = device.queue::<_, 4>(kite::queue::Line, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut line = line.enable(&device);
    let ring = soft.model().queues[0].addresses[0];

    let first = add(&mut line);
    let second = add(&mut line);
    for (at, token) in [(ring, first), (ring + 32, second)] {
        let id = [u8::try_from(token.index()).unwrap(), 0];
        let [reads, writes] = [at, at + 16].map(|descriptor| memory.bytes(descriptor, 16));
        // Available: bit 7 as the wrap counter, bit 15 not.
        assert_eq!((&reads[..12], &reads[14..]), (&DESCRIBED[0][..], &[0x81, 0][..]));
        assert_eq!((&writes[..12], &writes[14..]), (&DESCRIBED[1][..], &[0x82, 0][..]));
        assert!(reads[12..14] == id || writes[12..14] == id, "the id {id:?} is in {reads:?} or {writes:?}");
    }
    assert_ne!(first.index(), second.index());

    // The second buffer comes back first.
    let id = u8::try_from(second.index()).unwrap();
    memory.write(ring + 8, &[&WRITTEN_BYTES[..], &[id, 0]].concat());
    memory.write(ring + 14, &[0x82, 0x80]);
    let back = line.pop().unwrap().unwrap();
    assert_eq!((back.token, back.written), (second, WRITTEN));
}

#[test]
fn fields_of_the_configuration_are_little_endian() {
    let soft = Soft::new(42);
    soft.model().config[..0x18].copy_from_slice(&std::array::from_fn::<u8, 0x18, _>(|at| at as u8 + 1));
    let config = live(&soft).config();
    assert_eq!(config.read(kite::config::Height), Ok(0x0403_0201));
    assert_eq!(config.read(kite::config::Age), Ok(0x100f_0e0d_0c0b_0a09));
    assert_eq!(config.read(kite::config::Knots), Ok(0x1615));
    config.write(kite::config::Colour, 0xa1a2_a3a4).unwrap();
    config.write(kite::config::Knots, 0xb1b2).unwrap();
    assert_eq!(soft.model().config[4..8], [0xa4, 0xa3, 0xa2, 0xa1]);
    assert_eq!(soft.model().config[0x14..0x16], [0xb2, 0xb1]);
}
