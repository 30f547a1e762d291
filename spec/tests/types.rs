//! Tests of structures, enums and bit fields as the types of fields.

use aerostat_spec::{Block, Field, Interface, Stored, Wire};
use zerocopy::{BigEndian, FromBytes as _, IntoBytes as _, U16};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        config { mode: mode read write, range: range read, port: be16 read, state: state read, reserved: [u8; 2] read }
        const zones: usize = 1 << 1;
        struct step { type: mode, in: [state; zones], r: range, level: virtio16, port: be16, u: u32 }
        struct range { low: le32, high: le32 }
        struct program { first: step, steps: [step; zones] }
        enum mode: le32 { off = 0x100, on, blink = 1 << 12, match }
        bits state: le16 { hot = 1 << 0, type = 1, level = 4..8 }
    }
}

fn step(mode: lamp::Mode) -> lamp::Step<BigEndian> {
    let state = lamp::State::new().with_hot(true).with_type(true);
    lamp::Step::new(mode, [state.into(), Stored::new(state.with_level(0xf))], lamp::Range::new(1, 2), 3, 4, 5)
}

#[test]
fn values_follow_on() {
    let raw = lamp::Mode::ALL.iter().map(|mode| mode.to_raw());
    assert!(raw.eq([0x100, 0x101, 0x1000, 0x1001]));
    assert_eq!(lamp::Mode::Match.to_string(), "match");
}

#[test]
fn structure_contains_values_and_structures() {
    let program = lamp::Program::new(step(lamp::Mode::On), [step(lamp::Mode::Unknown(9)), step(lamp::Mode::Match)]);
    let bytes = [1, 1, 0, 0, 3, 0, 0xf3, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 4, 5, 0, 0, 0];
    assert_eq!(program.as_bytes()[..24], bytes);
    let read = lamp::Program::<BigEndian>::read_from_bytes(program.as_bytes()).expect("the bytes of a program");
    assert_eq!(read, program);
    assert_eq!(read.first.r#type.get(), lamp::Mode::On);
    assert_eq!(read.steps.map(|step| step.r#type.raw()), [9, 0x1001]);
    assert_eq!(read.first.r#in.map(|state| state.get().level()), [0, 0xf]);
    assert_eq!(read.first.port, U16::<BigEndian>::new(4));
}

#[test]
fn stored_value_can_be_replaced_and_printed() {
    let mut step = step(lamp::Mode::Off);
    step.r#type.set(lamp::Mode::Blink);
    assert_eq!(format!("{:?}", step.r#type), "Blink");
    assert_eq!(step.r#type.raw(), 1 << 12);
}

#[test]
fn structure_in_the_configuration_space_is_its_fields() {
    use lamp::config::{Mode, Port, RangeHigh, RangeLow, Space, State};

    assert_eq!(
        [Mode.offset(), RangeLow.offset(), RangeHigh.offset(), Port.offset(), State.offset()],
        [0, 4, 8, 12, 14]
    );
    assert_eq!(<Space as Block>::LEN, 18);
}

#[test]
fn registers_convert_to_described_values() {
    type Mode = <lamp::config::Mode as Field>::Wire;
    assert_eq!(Mode::from_little_endian(0x101, Interface::Legacy), lamp::Mode::On);
    assert_eq!(Mode::to_little_endian(lamp::Mode::Unknown(7), Interface::Modern), 7);
    type Port = <lamp::config::Port as Field>::Wire;
    assert_eq!(Port::from_little_endian(0x0201, Interface::Modern), 0x0102);
    assert_eq!(Port::to_little_endian(0x0102, Interface::Modern), 0x0201);
    type State = <lamp::config::State as Field>::Wire;
    assert_eq!(State::from_little_endian(0xffff_0001, Interface::Modern), lamp::State::new().with_hot(true));
}
