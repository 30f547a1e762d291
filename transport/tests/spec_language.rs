//! The code in the book's chapter on the specification language that uses the transport.
#![cfg(target_pointer_width = "64")]

use std::cell::Cell;
use std::rc::Rc;

use aerostat_spec::{self as spec, FeatureSet, Request as _};
use aerostat_test_support::peer::{guest, peer};
use aerostat_test_support::{Memory, SoftMmio};
use aerostat_transport::queue::Enabled;
use aerostat_transport::{Config, ConfigError, ConfigIo, Device, FeaturesOk, InUse, Mmio, Notifier, RequestQueue};
use virtio_queue::{QueueOwnedT, QueueT};

use self::input::ConfigSelect;
use self::input::config::{Select, Size, Space, Subsel, UString, UValue};

aerostat_spec::virtio_spec!("../spec/vspec/input.vspec");

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { checksum = 0 }
        queues { requests = 0 }
        config { name_size: le32 read }
        enum command: le32 { read = 1, write }
        enum status: u8 { ok, failed }
        struct header { type: command, lamp: le32 }
        request read_program as "lamp_read_program" on requests {
            readable { hdr: header, name: [u8; config.name_size] }
            writable { steps: [le32], status: status }
        }
    }
}

aerostat_spec::feature_set! { struct OfInput for input {} }
aerostat_spec::feature_set! { struct OfLamp for lamp {} }

/// Reads the name of an input device.
fn name<C: ConfigIo>(config: &Config<C, Space, InUse>) -> Result<Option<Vec<u8>>, ConfigError> {
    // ANCHOR: snapshot
    config.write(Select, ConfigSelect::IdName)?;
    config.write(Subsel, 0)?;
    let (size, entry) = config.snapshot(|config| Ok((config.read(Size)?, UValue::read(config)?)))?;
    // ANCHOR_END: snapshot
    Ok(match entry {
        Some(UValue::IdName(name)) => Some(name.into_iter().take(size.into()).collect()),
        _ => None,
    })
}

/// Reads the program of a lamp.
fn read_program<N: Notifier>(
    queue: &mut RequestQueue<lamp::queue::Requests, N, 4, Enabled>,
    context: lamp::ReadProgramContext,
    hdr: lamp::Header,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut memory = [0; 64];
    // ANCHOR: request
    let request = lamp::ReadProgram { context, hdr, name: b"desk", steps_len: 8 };
    queue.send_request(&request)?;
    queue.notify();
    // Later:
    let shape = request.shape();
    if let Some((_token, answer)) = queue.receive_answer::<lamp::ReadProgram>(|_token| shape, &mut memory)? {
        assert_eq!(answer.status, lamp::Status::Ok);
    }
    // ANCHOR_END: request
    Ok(())
}

fn negotiated<D: spec::Device, F: FeatureSet>(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, D, FeaturesOk<F>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap();
    device.acknowledge().driver().negotiate().unwrap()
}

#[test]
fn the_name_of_an_input_device_is_read() {
    let soft = SoftMmio::new(18);
    let device = negotiated::<input::Device, OfInput>(&soft).go_live();
    soft.model().config[2] = 4;
    soft.model().config[8..13].copy_from_slice(b"lamps");
    assert_eq!(name(&device.config()), Ok(Some(b"lamp".to_vec())));
    assert_eq!(soft.model().config[0], ConfigSelect::IdName.to_raw());
}

#[test]
fn the_chosen_entry_belongs_to_one_configuration() {
    let soft = SoftMmio::new(18);
    let device = negotiated::<input::Device, OfInput>(&soft).go_live();
    device.config().write(Select, ConfigSelect::AbsInfo).unwrap();
    let mut reads = 0;
    soft.model().on_config_read = Some(Box::new(move |config, generation| {
        reads += 1;
        // The device replaces the range of the axis by its ids, in the middle of the first attempt.
        if reads == 3 {
            config[0] = ConfigSelect::IdDevids.to_raw();
            config[8..28].fill(7);
            *generation += 1;
        }
    }));
    let ids = input::Devids::new(0x0707, 0x0707, 0x0707, 0x0707);
    assert_eq!(device.config().snapshot(|config| UValue::read(config)), Ok(Some(UValue::IdDevids(ids))));
    soft.model().on_config_read = None;
    device.config().write(Select, ConfigSelect::Unset).unwrap();
    assert_eq!(device.config().snapshot(|config| UValue::read(config)), Ok(None));
}

/// As the chapter says. The generated documentation states the maximum.
#[test]
fn the_whole_entry_is_read_even_if_the_device_uses_less_of_it() {
    let reads_of = |select, expected: usize| {
        let soft = SoftMmio::new(18);
        let device = negotiated::<input::Device, OfInput>(&soft).go_live();
        device.config().write(Select, select).unwrap();
        soft.model().config[2] = 4;
        let reads = Rc::new(Cell::new(0));
        let count = reads.clone();
        soft.model().on_config_read = Some(Box::new(move |_, _| count.set(count.get() + 1)));
        device.config().snapshot(|config| UValue::read(config)).unwrap();
        assert_eq!(reads.get(), expected, "{select}");
        reads.set(0);
        let first = UString::at(0).unwrap();
        device.config().snapshot(|config| Ok((config.read(Size)?, config.read(first)?))).unwrap();
        assert_eq!(reads.get(), 2, "{select}");
    };
    reads_of(ConfigSelect::IdName, 1 + 128);
    // Five numbers with 32 bits.
    reads_of(ConfigSelect::AbsInfo, 1 + 5);
    reads_of(ConfigSelect::Unset, 1);
}

/// The answer to the first request is received after the second was sent.
#[test]
fn the_program_of_a_lamp_is_read() {
    let (soft, mut memory) = (SoftMmio::new(63), Memory::new());
    let mut device = negotiated::<lamp::Device, OfLamp>(&soft);
    let queue = device.request_queue::<_, 4>(lamp::queue::Requests, 1, 64, &mut memory).unwrap();
    let mut queue = queue.enable(&device.go_live());
    let part = soft.model().queues[0];
    let mut other = peer(part.size as u16, part.addresses);
    let hdr = lamp::Header::new(lamp::Command::Read, 1);
    read_program(&mut queue, lamp::ReadProgramContext::new(4), hdr).unwrap();
    let guest = guest(&memory);
    let head = other.iter(&guest).unwrap().next().expect("a request").head_index();
    // Eight steps and the status.
    other.add_used(&guest, head, 8 * 4 + 1).unwrap();
    read_program(&mut queue, lamp::ReadProgramContext::new(4), hdr).unwrap();
    assert_eq!(queue.in_flight(), 1);
}

#[test]
fn the_chapter_includes_the_code_of_this_file() {
    let chapter = include_str!("../../docs/src/spec-language.md");
    let file = include_str!("spec_language.rs");
    for anchor in ["snapshot", "request"] {
        assert!(
            chapter.contains(&format!("{{{{#include ../../transport/tests/spec_language.rs:{anchor}}}}}")),
            "{anchor}"
        );
        assert!(
            file.contains(&format!("// ANCHOR: {anchor}\n")) && file.contains(&format!("// ANCHOR_END: {anchor}\n"))
        );
    }
    assert_eq!(chapter.matches("```rs\n").count(), 2, "all other code is tested by `aerostat-spec`");
}
