//! Finding a virtio device, on PCI or MMIO, of the modern or the legacy interface, and connecting its interrupts.

use core::fmt::Display;

use aerostat_guest::MmioDevice;
use aerostat_transport::pci::{MapBar, Message, Msix, PciError, PciFunction, QueueVectors, Routing};
use aerostat_transport::spec::{DeviceId, Interface};
use aerostat_transport::{
    Either, InterruptSource, InterruptStatus, LegacyMmio, LegacyPci, Mmio, MmioError, MmioRegion, Pci, Transport,
};
use log::{info, warn};
use pci_types::{ConfigRegionAccess, EndpointHeader, PciHeader};
use spin::Once;

use super::balloon::SIGNAL;
use super::{arch, idle, memory, pci};

/// A device on whichever bus it was found, through whichever interface it has.
pub(crate) type AnyTransport = Either<AnyMmio, AnyPci>;
type AnyMmio = Either<Mmio<MmioRegion>, LegacyMmio<MmioRegion>>;
type AnyPci = Either<Pci<arch::BarIo>, LegacyPci<arch::BarIo>>;

/// The interrupt sides of the devices for which a line and not a message interrupts: the handler has to ask all of them
/// what it was about, because devices may share a line.
static SOURCES: [Once<<AnyTransport as Transport>::Interrupt>; 4] = [const { Once::new() }; 4];

/// Finds the first device of type `id`: on PCI, or else among `mmio`. From then on its interrupts raise
/// [`SIGNAL`].
pub(crate) fn find(id: DeviceId, mmio: impl Iterator<Item = MmioDevice>) -> Option<AnyTransport> {
    let found = on_pci(id).map(Either::Second).or_else(|| on_mmio(id, mmio).map(Either::First))?;
    let bus = match found {
        Either::First(_) => "MMIO",
        Either::Second(_) => "PCI",
    };
    let interface = match found.interface() {
        Interface::Modern => "modern",
        Interface::Legacy => "legacy",
    };
    info!("device {id}: on {bus}, {interface} interface");
    Some(found)
}

fn on_mmio(id: DeviceId, devices: impl Iterator<Item = MmioDevice>) -> Option<AnyMmio> {
    for device in devices {
        let place = format_args!("MMIO at {:#x}, interrupt {}", device.address, device.interrupt);
        let registers = device.address.checked_add(device.bytes).map(|end| device.address..end);
        let Some(registers) = registers.and_then(memory::registers) else { continue };
        match Mmio::either(registers) {
            Ok(transport) if transport.device_id() == id => {
                let source = Either::First(transport.interrupt());
                return connected(&place, connect_line(device.interrupt, source)).then_some(transport);
            }
            Ok(_) | Err((_, MmioError::NoDevice)) => {}
            Err((_, error)) => warn!("{place}: {error}"),
        }
    }
    None
}

fn on_pci(id: DeviceId) -> Option<AnyPci> {
    let config = arch::pci_config()?;
    let mut found = None;
    pci::scan(&config, 0, &mut |address| {
        let function = PciFunction::new(&config, address);
        if found.is_none() && function.virtio_device() == Some(id) {
            match take(&function, &config) {
                Ok(transport) => found = transport,
                Err(error) => warn!("PCI function {address}: {error}"),
            }
        }
    });
    found
}

/// Takes a PCI function, with messages where it has them, and its interrupt line where it does not.
fn take<C: ConfigRegionAccess>(function: &PciFunction<&C>, config: &C) -> Result<Option<AnyPci>, PciError> {
    let mut map = arch::map_bar;
    let place = format_args!("PCI function {}", function.address());
    match messages(function, &mut map) {
        Ok(Some(routing)) => {
            info!("{place}: interrupts by messages");
            return Pci::either(function, &mut map, routing).map(Some);
        }
        Ok(None) => {}
        Err(error) => warn!("{place}: no messages: {error}"),
    }
    let transport = Pci::either(function, &mut map, Routing::Line)?;
    let line = EndpointHeader::from_header(PciHeader::new(function.address()), config)
        .and_then(|header| arch::pci_line(function.address(), header.interrupt(config)));
    let source = Either::Second(transport.interrupt());
    let is_connected = line.and_then(|line| connect_line(line, source));
    Ok(connected(&place, is_connected).then_some(transport))
}

/// Routes the messages of a function: one for the configuration, another for the queues. `None` where it sends none, or
/// too few vectors are left.
fn messages<C: ConfigRegionAccess>(
    function: &PciFunction<&C>,
    map: &mut impl MapBar,
) -> Result<Option<Routing>, PciError> {
    let Some(mut messages) = Msix::enable(function, map)? else { return Ok(None) };
    let mut add = |handler: fn()| {
        let arch::Message { address, data } = arch::on_message(handler)?;
        // SAFETY: the message is an interrupt of this machine's CPU, see `arch::Message`.
        messages.add(unsafe { Message::new(address, data) })
    };
    let configuration = add(|| raise(InterruptStatus { used_buffers: false, configuration: true }));
    let queues = add(|| raise(InterruptStatus { used_buffers: true, configuration: false }));
    Ok(configuration
        .zip(queues)
        .map(|(configuration, queues)| Routing::Messages { configuration, queues: QueueVectors::shared(queues) }))
}

/// Has `source` asked on every interrupt of the line.
fn connect_line(interrupt: u32, source: <AnyTransport as Transport>::Interrupt) -> Option<()> {
    SOURCES.iter().find(|place| !place.is_completed())?.call_once(|| source);
    arch::on_line(interrupt, || {
        SOURCES.iter().filter_map(Once::get).map(InterruptSource::acknowledge).for_each(raise);
    })
}

/// What an interrupt handler does.
fn raise(causes: InterruptStatus) {
    SIGNAL.raise(causes);
    idle::wake();
}

fn connected(place: &impl Display, line: Option<()>) -> bool {
    match line {
        Some(()) => info!("{place}: interrupts by line"),
        None => warn!("{place}: its interrupt cannot be routed"),
    }
    line.is_some()
}
