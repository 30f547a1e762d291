//! The PCI transport on a function in software: registers, notifications, interrupts.

mod functions;
mod notifications;
mod setup;
mod vectors;

use std::rc::Rc;

use aerostat_test_support::soft_pci::TABLE;
use aerostat_test_support::{BarRegisters, Plain, SoftPci, test_device};
use aerostat_transport::pci::{Message, Msix, QueueVectors, Routing};
use aerostat_transport::{Device, FeaturesOk, Pci, SetupFailed};

/// A message for a device that is only a model, and sends none.
fn message(address: u64, data: u32) -> Message {
    // SAFETY: the device of these tests does not write the message.
    unsafe { Message::new(address, data) }
}

type Fixture<S> = Device<Pci<BarRegisters, SoftPci>, test_device::Device, S>;

const FAILED: u32 = 0x80;

fn transport(function: &SoftPci, routing: Routing) -> Pci<BarRegisters, SoftPci> {
    Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), routing).unwrap()
}

fn negotiate(
    function: &SoftPci,
    routing: Routing,
) -> Result<Fixture<FeaturesOk<Plain>>, SetupFailed<Pci<BarRegisters, SoftPci>>> {
    Device::take(transport(function, routing))?.poll()?.acknowledge().driver().negotiate()
}

fn negotiated(function: &SoftPci, routing: Routing) -> Fixture<FeaturesOk<Plain>> {
    negotiate(function, routing).map_err(|failed| failed.error).unwrap()
}

/// Adds MSI-X with a table of `entries` entries to a function. Where the capability is.
fn add_msix(function: &SoftPci, entries: u16, place: u32) -> u8 {
    let at = function.capability(0x11, 12);
    let config = &mut *function.config();
    config.bytes[usize::from(at) + 2..usize::from(at) + 4].copy_from_slice(&(entries - 1).to_le_bytes());
    config.put(at + 4, place);
    at
}

/// Two vectors of a function that has them.
fn two_vectors(function: &SoftPci) -> Routing {
    let mut msix =
        Msix::<BarRegisters>::enable(&function.reach(), &mut function.mapper(&Rc::default())).unwrap().unwrap();
    let mut vector = |data| msix.add(message(0x1_fee0_0000, data)).unwrap();
    Routing::Messages { configuration: vector(0x40), queues: QueueVectors::shared(vector(0x41)) }
}

fn function_with_messages() -> (SoftPci, Routing) {
    let function = SoftPci::with_structures();
    add_msix(&function, 2, TABLE);
    let routing = two_vectors(&function);
    function.device.borrow_mut().log.clear();
    (function, routing)
}
