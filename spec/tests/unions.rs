//! Tests of unions.

use std::convert::Infallible;

use aerostat_spec::{Block, Field, FieldReader, Interface, Readable, Wire};
use zerocopy::{BigEndian, FromBytes as _, IntoBytes as _};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        config {
            select: select read write,
            size: u8 read,
            u: union by select {
                name: [u8; 4] if name or serial,
                range: range,
                zone: zone if zone,
                level: le16 if level,
                next: select if next,
            } read @ 0x04,
            end: le16 read @ 0x14,
        }
        enum select: u8 { unset, name, range, serial, zone, level, next }
        packed struct zone { range: range, kinds: [request_type; 2], steps: [be16; 2], owner: le32 }
        enum request_type: le16 { plug, unplug, unplug_all, state }
        struct range { low: le16, high: le16 }
        struct state { start: virtio32 }
        struct request {
            type: request_type,
            padding: [le16; 3],
            u: union by type { plug: range, unplug: range, state: state, unplug_all: le64 },
        }
        struct shared { type: request_type, u: union by type { moved: le16 if plug or unplug, state: u8 } }
        struct simple { a: u8, b: [u8; 3], union { word: le32, kind: request_type, bytes: [u8; 3] } }
    }
}

#[test]
fn union_has_the_size_of_its_largest_entry() {
    assert_eq!((size_of::<lamp::Request>(), size_of::<lamp::RequestU>(), size_of::<lamp::Simple>()), (16, 8, 8));
}

#[test]
fn each_entry_can_be_read_and_made() {
    let mut simple = lamp::Simple::new(1, [2; 3], lamp::SimpleUnion::from_word(0x0403_0001));
    assert_eq!((simple.r#union.word(), simple.r#union.kind()), (0x0403_0001, lamp::RequestType::Unplug));
    assert_eq!(simple.r#union.bytes(), [1, 0, 3]);
    simple.r#union = lamp::SimpleUnion::from_kind(lamp::RequestType::State);
    assert_eq!(simple.as_bytes(), [1, 2, 2, 2, 3, 0, 0, 0], "the rest is zero");
}

#[test]
fn field_chooses_the_entry() {
    let zero = lamp::RequestU::from_unplug_all(0);
    let mut request = lamp::Request::new(lamp::RequestType::Plug, [0.into(); 3], zero);
    let range = lamp::Range::new(1, 2);
    request.set_u(lamp::RequestUValue::<BigEndian>::Unplug(range));
    assert_eq!(request.as_bytes(), [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0]);
    assert_eq!(request.u_value::<BigEndian>(), Some(lamp::RequestUValue::Unplug(range)));

    request.set_u(lamp::RequestUValue::<BigEndian>::State(lamp::State::new(7)));
    let read = lamp::Request::read_from_bytes(request.as_bytes()).expect("the bytes of a request");
    assert_eq!(read.as_bytes()[8..12], [0, 0, 0, 7]);
    assert_eq!(read.u_value::<BigEndian>(), Some(lamp::RequestUValue::State(lamp::State::new(7))));

    request.r#type.set(lamp::RequestType::Unknown(9));
    assert_eq!(request.u_value::<BigEndian>(), None);
}

#[test]
fn entries_in_the_configuration_space_overlap() {
    use lamp::config::{End, Space, UName, URangeHigh, URangeLow};

    assert_eq!(UName::all().map(Field::offset), [4, 5, 6, 7]);
    assert_eq!([URangeLow.offset(), URangeHigh.offset(), End.offset()], [4, 6, 20]);
    assert_eq!(<Space as Block>::LEN, 22);
}

#[test]
fn several_values_can_choose_an_entry() {
    let mut shared = lamp::Shared::new(lamp::RequestType::Unplug, lamp::SharedU::from_moved(7));
    assert_eq!(shared.u_value(), Some(lamp::SharedUValue::Unplug(7)));
    shared.set_u(lamp::SharedUValue::Plug(8));
    assert_eq!(shared.as_bytes(), [0, 0, 8, 0]);
    shared.set_u(lamp::SharedUValue::State(9));
    assert_eq!((shared.r#type.get(), shared.u_value()), (lamp::RequestType::State, Some(lamp::SharedUValue::State(9))));
}

/// The bytes of a configuration space.
struct Bytes([u8; 22]);

impl<B: Block> FieldReader<B> for Bytes {
    type Error = Infallible;

    fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, Infallible> {
        let bytes = self.0[field.offset()..][..F::Wire::WIDTH].iter().rev();
        let raw = bytes.fold(0, |raw, byte| raw << 8 | u64::from(*byte));
        Ok(F::Wire::from_little_endian(raw, Interface::Modern))
    }

    fn elements<F: Readable<Block = B>, const N: usize>(
        &self,
        elements: [F; N],
    ) -> Result<[<F::Wire as Wire>::Value; N], Infallible> {
        Ok(elements.map(|element| FieldReader::<B>::read(self, element).unwrap()))
    }
}

#[test]
fn chosen_entry_of_the_configuration_space_is_read_as_a_value() {
    use lamp::config::UValue;

    let read = |select: u8| {
        let mut bytes = [0; 22];
        bytes[0] = select;
        bytes[4..20].copy_from_slice(&[1, 0, 2, 0, 3, 0, 4, 0, 0, 5, 0, 6, 7, 0, 0, 0]);
        UValue::read(&Bytes(bytes)).unwrap()
    };
    assert_eq!(read(1), Some(UValue::Name([1, 0, 2, 0])));
    assert_eq!(read(2), Some(UValue::Range(lamp::Range::new(1, 2))));
    assert_eq!(read(3), Some(UValue::Serial([1, 0, 2, 0])));
    let kinds = [lamp::RequestType::State.into(), lamp::RequestType::Unknown(4).into()];
    let zone = lamp::Zone::new(lamp::Range::new(1, 2), kinds, [5.into(), 6.into()], 7);
    assert_eq!(read(4), Some(UValue::Zone(zone)));
    assert_eq!((read(5), read(6)), (Some(UValue::Level(1)), Some(UValue::Next(lamp::Select::Name))));
    assert_eq!((read(0), read(7)), (None, None));
}
