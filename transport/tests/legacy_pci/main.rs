//! The PCI transport, legacy interface, on a software I/O BAR.

mod functions;
mod setup;
mod vectors;

use std::rc::Rc;

use aerostat_test_support::legacy_ports::LegacyPorts;
use aerostat_test_support::{Bar, BarRegisters, Plain, SoftPci, test_device};
use aerostat_transport::pci::{BarRange, LegacyPci, Message, Msix, Routing, Space};
use aerostat_transport::{Device, Either, FeaturesOk, SetupFailed};

/// Where the I/O BAR is, and where the MSI-X table is.
const PORTS: u32 = 0xc000;
const TABLE_BAR: u32 = 0xfd00_0000;

/// What is behind the BARs of a function that may have both interfaces.
type Both = Either<BarRegisters, LegacyPorts>;
type Fixture<S> = Device<LegacyPci<Both, SoftPci>, test_device::Device, S>;

/// A function with an I/O BAR of `len` ports, of a transitional device without capabilities.
fn transitional(len: u32) -> SoftPci {
    let function = SoftPci::bare();
    transitional_ids(&function);
    function.config().set_bar(0, Bar::Ports { address: PORTS, len });
    function
}

fn transitional_ids(function: &SoftPci) {
    let config = &mut *function.config();
    config.bytes[2..4].copy_from_slice(&0x1009_u16.to_le_bytes());
    config.bytes[8] = 0;
    config.bytes[0x2e] = 42;
}

/// Adds MSI-X with a table of this many entries in a BAR of its own, and enables it.
fn messages(function: &SoftPci, old: &LegacyPorts, entries: u16) -> Msix<Both> {
    function.config().set_bar(1, Bar::Memory32 { address: TABLE_BAR, len: 0x8000 });
    function.device.borrow_mut().bar = u64::from(TABLE_BAR) - u64::from(aerostat_test_support::soft_pci::TABLE);
    let at = function.capability(0x11, 12);
    function.config().bytes[usize::from(at) + 2..usize::from(at) + 4].copy_from_slice(&(entries - 1).to_le_bytes());
    function.config().put(at + 4, 1);
    old.model().vectors = Some(entries);
    Msix::enable(&function.reach(), &mut mapper(function, old)).unwrap().unwrap()
}

fn message(data: u32) -> Message {
    // SAFETY: the device of these tests does not write the message.
    unsafe { Message::new(0xfee0_0000, data) }
}

/// Maps memory BARs and I/O BARs.
fn mapper(function: &SoftPci, old: &LegacyPorts) -> impl FnMut(BarRange) -> Option<Both> + use<> {
    let (mut memory, old) = (function.mapper(&Rc::default()), old.clone());
    move |range| match range.space {
        Space::Memory => memory(range).map(Either::First),
        Space::Ports => Some(Either::Second(old.clone())),
    }
}

fn negotiate(
    function: &SoftPci,
    old: &LegacyPorts,
    routing: Routing,
) -> Result<Fixture<FeaturesOk<Plain>>, SetupFailed<LegacyPci<Both, SoftPci>>> {
    let transport = LegacyPci::new(&function.reach(), &mut mapper(function, old), routing).unwrap();
    Device::take(transport)?.poll()?.acknowledge().driver().negotiate()
}

fn negotiated(function: &SoftPci, old: &LegacyPorts, routing: Routing) -> Fixture<FeaturesOk<Plain>> {
    negotiate(function, old, routing).map_err(|failed| failed.error).unwrap()
}
