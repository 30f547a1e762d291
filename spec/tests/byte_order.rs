//! The stored bytes of values. The expected values are bytes, so a big-endian processor detects a missing or duplicate
//! conversion.

use aerostat_spec::balloon::{Stat, StatTag};
use aerostat_spec::{Interface, Le, Native, Wire};
use zerocopy::{FromBytes as _, IntoBytes as _, LittleEndian, NativeEndian};

const INTERFACES: [Interface; 2] = [Interface::Modern, Interface::Legacy];

/// Returns the bytes of a field with this value.
fn stored<W: Wire>(value: W::Value, interface: Interface) -> Vec<u8> {
    W::to_little_endian(value, interface).to_le_bytes()[..W::WIDTH].to_vec()
}

/// Returns the value of a field with these bytes.
fn read<W: Wire>(bytes: &[u8], interface: Interface) -> W::Value {
    // Bytes above the width of the field must be ignored.
    let mut raw = [0xee; 8];
    raw[..W::WIDTH].copy_from_slice(bytes);
    W::from_little_endian(u64::from_le_bytes(raw), interface)
}

/// Converts little-endian bytes to the byte order of the processor that runs the test.
fn guest_endian(mut bytes: Vec<u8>) -> Vec<u8> {
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

macro_rules! widths {
    ($check:ident) => {
        $check!(u8, 0x01, [0x01]);
        $check!(u16, 0x0102, [0x02, 0x01]);
        $check!(u32, 0x0102_0304, [0x04, 0x03, 0x02, 0x01]);
        $check!(u64, 0x0102_0304_0506_0708, [0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01]);
    };
}

#[test]
fn le_fields_are_little_endian_on_both_interfaces() {
    macro_rules! check {
        ($int:ty, $value:expr, $bytes:expr) => {
            for interface in INTERFACES {
                assert_eq!(stored::<Le<$int>>($value, interface), $bytes, "{interface:?}");
                assert_eq!(read::<Le<$int>>(&$bytes, interface), $value, "{interface:?}");
            }
        };
    }
    widths!(check);
}

#[test]
fn virtio_fields_are_little_endian_on_the_modern_interface() {
    macro_rules! check {
        ($int:ty, $value:expr, $bytes:expr) => {
            assert_eq!(stored::<Native<$int>>($value, Interface::Modern), $bytes);
            assert_eq!(read::<Native<$int>>(&$bytes, Interface::Modern), $value);
        };
    }
    widths!(check);
}

// conformance: core.legacy-config.1
#[test]
fn virtio_fields_are_guest_endian_on_the_legacy_interface() {
    macro_rules! check {
        ($int:ty, $value:expr, $bytes:expr) => {
            let bytes = guest_endian($bytes.to_vec());
            assert_eq!(stored::<Native<$int>>($value, Interface::Legacy), bytes);
            assert_eq!(read::<Native<$int>>(&bytes, Interface::Legacy), $value);
        };
    }
    widths!(check);
}

// conformance: balloon.stats.9, balloon.stats.13, balloon.legacy-stats.1
#[test]
fn statistic_is_guest_endian_only_on_the_legacy_interface() {
    let (tag, value) = (StatTag::FreeMemory, 0x0102_0304_0506_0708);
    let modern = Stat::<LittleEndian>::new(tag, value);
    assert_eq!(modern.as_bytes(), [4, 0, 8, 7, 6, 5, 4, 3, 2, 1]);
    let legacy = Stat::<NativeEndian>::new(tag, value);
    let expected = [guest_endian(vec![4, 0]), guest_endian(vec![8, 7, 6, 5, 4, 3, 2, 1])].concat();
    assert_eq!(legacy.as_bytes(), expected);
    let back = Stat::<NativeEndian>::read_from_bytes(&expected).unwrap();
    assert_eq!((back.tag.get(), back.val.get()), (tag, value));
}
