//! Memory and configuration space byte by byte: little-endian on every CPU, except for rings of the legacy interface. Expectations
//! are bytes, so that a wrong conversion fails on a big-endian CPU.

use aerostat_spec::reserved::feature::RingPacked;
use aerostat_test_support::{Memory, Plain, SoftMmio, live, live_queue, test_device};
use aerostat_transport::queue::{Access, Element, Enabled, Token};
use aerostat_transport::{Device, DeviceAddress, LegacyMmio, Mmio, MmioNotifier, VirtQueue};

aerostat_spec::feature_set! { struct Packed for test_device { RingPacked: Required } }

/// A device-readable and a device-writable buffer.
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

fn add<const K: usize>(queue0: &mut VirtQueue<MmioNotifier<SoftMmio>, K, Enabled>) -> Token {
    // SAFETY: the device of these tests does not access buffers, and nothing else does.
    unsafe { queue0.add(&BUFFER) }.unwrap()
}

#[test]
fn a_split_ring_is_little_endian() {
    let mut fixture = live_queue::<4>(4);
    let [table, available, used] = fixture.ring;
    let token = add(&mut fixture.queue0);
    assert_eq!(token.index(), 0);
    let (next, write) = ([1, 0], [2, 0]);
    assert_eq!(fixture.memory.bytes(table, 16), [&DESCRIBED[0][..], &next, &[1, 0]].concat());
    assert_eq!(fixture.memory.bytes(table + 16, 16), [&DESCRIBED[1][..], &write, &[0, 0]].concat());
    let (flags, index, head) = ([0, 0], [1, 0], [0, 0]);
    assert_eq!(fixture.memory.bytes(available, 6), [flags, index, head].concat());

    fixture.memory.write(used + 4, &[[0; 4], WRITTEN_BYTES].concat());
    fixture.memory.write(used + 2, &[1, 0]);
    let back = fixture.queue0.pop().unwrap().unwrap();
    assert_eq!((back.token, back.written), (token, WRITTEN));

    // The second buffer has another head, and its index has another second byte than the first.
    let second = add(&mut fixture.queue0);
    let head = [u8::try_from(second.index()).unwrap(), 0];
    assert_eq!(fixture.memory.bytes(available + 6, 2), head);
    fixture.memory.write(used + 12, &[&head[..], &[0, 0], &WRITTEN_BYTES].concat());
    fixture.memory.write(used + 2, &[2, 0]);
    assert_eq!(fixture.queue0.pop().unwrap().map(|used| used.token), Some(second));
}

// conformance: ring.split.legacy-endian.1
#[test]
fn a_ring_of_the_legacy_interface_has_the_byte_order_of_the_cpu() {
    let (soft, mut memory) = (SoftMmio::legacy(42), Memory::new());
    let transport = LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let mut device =
        Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Plain>().unwrap();
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    let [table, available, used] = soft.model().queues[0].addresses;

    let token = add(&mut queue0);
    for (at, (element, flags, next)) in
        [table, table + 16].into_iter().zip([(BUFFER[0], 1_u16, 1_u16), (BUFFER[1], 2, 0)])
    {
        let address_and_len = [&element.address.0.to_ne_bytes()[..], &element.len.to_ne_bytes()].concat();
        let expected = [&address_and_len[..], &flags.to_ne_bytes(), &next.to_ne_bytes()].concat();
        assert_eq!(memory.bytes(at, 16), expected);
    }
    assert_eq!(memory.bytes(available + 2, 2), 1_u16.to_ne_bytes(), "the index");

    memory.write(used + 4, &[[0; 4], WRITTEN.to_ne_bytes()].concat());
    memory.write(used + 2, &1_u16.to_ne_bytes());
    let back = queue0.pop().unwrap().unwrap();
    assert_eq!((back.token, back.written), (token, WRITTEN));
}

// conformance: ring.packed.chain.3
#[test]
fn a_packed_ring_is_little_endian() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered |= 1 << 34;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let mut device =
        Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Packed>().unwrap();
    let queue0 = device.queue::<_, 4>(test_device::queue::Queue0, 1, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue0 = queue0.enable(&device);
    let ring = soft.model().queues[0].addresses[0];

    let first = add(&mut queue0);
    let second = add(&mut queue0);
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
    let back = queue0.pop().unwrap().unwrap();
    assert_eq!((back.token, back.written), (second, WRITTEN));
}

// conformance: core.config.8
#[test]
fn fields_of_the_configuration_are_little_endian() {
    let soft = SoftMmio::new(42);
    soft.model().config[..0x18].copy_from_slice(&std::array::from_fn::<u8, 0x18, _>(|at| at as u8 + 1));
    let config = live(&soft).config();
    assert_eq!(config.read(test_device::config::Read32), Ok(0x0403_0201));
    assert_eq!(config.read(test_device::config::Read64), Ok(0x100f_0e0d_0c0b_0a09));
    assert_eq!(config.read(test_device::config::Write16), Ok(0x1615));
    config.write(test_device::config::Write32, 0xa1a2_a3a4).unwrap();
    config.write(test_device::config::Write16, 0xb1b2).unwrap();
    assert_eq!(soft.model().config[4..8], [0xa4, 0xa3, 0xa2, 0xa1]);
    assert_eq!(soft.model().config[0x14..0x16], [0xb2, 0xb1]);
}
