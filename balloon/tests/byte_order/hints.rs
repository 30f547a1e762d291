//! Command ids of hints.

use std::marker::PhantomData;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::spec::Request as _;
use aerostat_balloon::spec::balloon::{HintCommand, HintRound};
use aerostat_balloon::transport::{InterruptStatus, LegacyMmio, Mmio, Numbering, Spin, Transport};
use aerostat_balloon::{Balloon, Options, features};
use aerostat_test_support::{Memory, SoftMmio};
use zerocopy::{ByteOrder, LittleEndian, NativeEndian};

use crate::common::changed::NoFrames;
use crate::{Order, buffer, in_guest_order, little_endian};

features! { struct Hinting { FreePageHint: Required } }

/// Returns a command id as the description encodes it.
fn described<O: ByteOrder + 'static>(id: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let request = HintRound::<O> { id, byte_order: PhantomData };
    request.encode(&mut |part| bytes.extend_from_slice(part)).unwrap();
    bytes
}

/// Opens a round, and checks the id and STOP as the device reads them. `O` is the byte order of the interface.
fn check<O: ByteOrder + 'static>(soft: &SoftMmio, transport: impl Transport, order: Order) {
    let memory = Memory::new();
    let options = Options::new(Hinting).numbering(Numbering::Specification);
    let balloon = Balloon::new(transport, NoFrames(memory.clone()), options).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut Spin::default()).map_err(|failed| failed.error).unwrap();
    // The configuration is little-endian on both interfaces.
    soft.model().config[8..12].copy_from_slice(&[4, 3, 2, 1]);
    assert_eq!(balloon.service_hinting(InterruptStatus::ANY), Ok(Progress::Waiting));
    let buffer = |index| buffer(soft, &memory, order, 3, index);
    let sent = [buffer(0), buffer(1)];
    assert_eq!(sent, [order(&[4, 3, 2, 1]), vec![0; 4]]);
    assert_eq!(sent, [0x0102_0304, HintCommand::Stop.to_raw()].map(described::<O>));
}

#[test]
fn command_ids_are_little_endian_on_the_modern_interface() {
    let soft = SoftMmio::new(5);
    soft.model().offered |= 1 << 3;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check::<LittleEndian>(&soft, transport, little_endian);
}

// conformance: balloon.legacy-hint.1
#[test]
fn command_ids_are_in_guest_order_on_the_legacy_interface() {
    let soft = SoftMmio::legacy(5);
    soft.model().offered |= 1 << 3;
    let transport = LegacyMmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    check::<NativeEndian>(&soft, transport, in_guest_order);
}
