//! Tests of unions.

use aerostat_spec::{Block, Field};
use zerocopy::{BigEndian, FromBytes as _, IntoBytes as _};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        config {
            select: select read write,
            size: u8 read,
            u: union by select { name: [u8; 4], range: range } read @ 0x04,
            end: le16 read,
        }
        enum select: u8 { unset, name, range, bits }
        enum request_type: le16 { plug, unplug, unplug_all, state }
        struct range { low: le16, high: le16 }
        struct state { start: virtio32 }
        struct request {
            type: request_type,
            padding: [le16; 3],
            u: union by type { plug: range, unplug: range, state: state, unplug_all: le64 },
        }
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
    assert_eq!([URangeLow.offset(), URangeHigh.offset(), End.offset()], [4, 6, 8]);
    assert_eq!(<Space as Block>::LEN, 10);
}
