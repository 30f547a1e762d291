//! Finds a virtio device on PCI or MMIO, with the modern or the legacy interface, and connects its interrupts.

use core::fmt::Display;

use aerostat_balloon::Signal;
use aerostat_balloon::transport::pci::{MapBar, Message, Msix, PciError, PciFunction, QueueVectors, Routing};
use aerostat_balloon::transport::spec::{DeviceId, Interface};
use aerostat_balloon::transport::{
    Either, InterruptSource, InterruptStatus, LegacyMmio, LegacyPci, Mmio, MmioError, MmioRegion, Pci, Transport,
};
use aerostat_guest::MmioDevice;
use log::{info, warn};
use pci_types::{ConfigRegionAccess, EndpointHeader, PciHeader};
use spin::Once;

use super::{arch, idle, pci};

/// The interrupts of the devices that [`find`] has found. Interrupt handlers raise it; drivers take from it.
pub(crate) static SIGNAL: Signal = Signal::new();

/// A device on either bus, with either interface.
#[cfg(not(feature = "exchanges"))]
pub(crate) type AnyTransport = AnyBus;
#[cfg(feature = "exchanges")]
pub(crate) type AnyTransport = super::exchange::Logged<AnyBus>;
type AnyBus = Either<AnyMmio, AnyPci>;
type AnyMmio = Either<Mmio<MmioRegion>, LegacyMmio<MmioRegion>>;
type AnyPci = Either<Pci<arch::BarIo, arch::PciConfig>, LegacyPci<arch::BarIo, arch::PciConfig>>;

/// The interrupt status registers of the devices that interrupt by a line. Devices may share a line, so that a handler
/// reads all of them.
static SOURCES: [Once<<AnyBus as Transport>::Interrupt>; 4] = [const { Once::new() }; 4];

/// Finds the first device of type `id` on PCI, or else among `mmio`. From then on its interrupts raise [`SIGNAL`].
pub(crate) fn find(id: DeviceId, mmio: impl Iterator<Item = MmioDevice>) -> Option<AnyTransport> {
    let found = find_on_pci(id).map(Either::Second).or_else(|| find_on_mmio(id, mmio).map(Either::First))?;
    let bus = match found {
        Either::First(_) => "MMIO",
        Either::Second(_) => "PCI",
    };
    let interface = match found.interface() {
        Interface::Modern => "modern",
        Interface::Legacy => "legacy",
    };
    info!("device {id}: on {bus}, {interface} interface");
    #[cfg(feature = "exchanges")]
    let found = {
        idle::call_before_sleep(|| {
            if super::exchange::receive() {
                raise(InterruptStatus { used_buffers: true, configuration: false });
            }
        });
        super::exchange::Logged::new(found)
    };
    Some(found)
}

fn find_on_mmio(id: DeviceId, devices: impl Iterator<Item = MmioDevice>) -> Option<AnyMmio> {
    for device in devices {
        let name = format_args!("MMIO at {:#x}, interrupt {}", device.address, device.interrupt);
        let addresses = device.address.checked_add(device.bytes).map(|end| device.address..end);
        let Some(registers) = addresses.and_then(arch::registers) else { continue };
        match Mmio::either(registers) {
            Ok(transport) if transport.device_id() == id => {
                let source = Either::First(transport.interrupt());
                return is_connected(&name, connect_line(device.interrupt, source)).then_some(transport);
            }
            Ok(_) | Err((_, MmioError::NoDevice)) => {}
            Err((_, error)) => warn!("{name}: {error}"),
        }
    }
    None
}

fn find_on_pci(id: DeviceId) -> Option<AnyPci> {
    let config = arch::pci_config()?;
    let mut found = None;
    pci::scan(&config, 0, &mut |address| {
        let function = PciFunction::new(config.clone(), address);
        if found.is_none() && function.virtio_device() == Some(id) {
            match open(&function, &config) {
                Ok(transport) => found = transport,
                Err(error) => warn!("PCI function {address}: {error}"),
            }
        }
    });
    found
}

/// Opens a PCI function, with MSI-X if possible, else with its interrupt line. Returns `None` if its line cannot be routed.
fn open(function: &PciFunction<arch::PciConfig>, config: &arch::PciConfig) -> Result<Option<AnyPci>, PciError> {
    let mut map = arch::map_bar;
    let name = format_args!("PCI function {}", function.address());
    match connect_messages(function, &mut map) {
        Ok(Some(routing)) => {
            info!("{name}: interrupts by messages");
            return Pci::either(function, &mut map, routing).map(Some);
        }
        Ok(None) => {}
        Err(error) => warn!("{name}: failed to set up MSI-X: {error}"),
    }
    let transport = Pci::either(function, &mut map, Routing::Line)?;
    let line = EndpointHeader::from_header(PciHeader::new(function.address()), config)
        .and_then(|header| arch::pci_line(function.address(), header.interrupt(config)));
    let source = Either::Second(transport.interrupt());
    let connected = line.and_then(|line| connect_line(line, source));
    Ok(is_connected(&name, connected).then_some(transport))
}

// ANCHOR: messages
/// Sets up MSI-X with two vectors: one for configuration changes, one for all queues. Returns `None` if the function has no
/// MSI-X, or too few vectors are left.
fn connect_messages<C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    map: &mut impl MapBar,
) -> Result<Option<Routing>, PciError> {
    let Some(mut messages) = Msix::enable(function, map)? else { return Ok(None) };
    let mut add = |handler: fn()| {
        let arch::Message { address, data } = arch::on_message(handler)?;
        // SAFETY: the message interrupts this machine's CPU, see `arch::Message`.
        messages.add(unsafe { Message::new(address, data) })
    };
    let configuration = add(|| raise(InterruptStatus { used_buffers: false, configuration: true }));
    let queues = add(|| raise(InterruptStatus { used_buffers: true, configuration: false }));
    Ok(configuration
        .zip(queues)
        .map(|(configuration, queues)| Routing::Messages { configuration, queues: QueueVectors::shared(queues) }))
}
// ANCHOR_END: messages

/// Makes the handler of an interrupt line read `source`.
fn connect_line(interrupt: u32, source: <AnyBus as Transport>::Interrupt) -> Option<()> {
    SOURCES.iter().find(|slot| !slot.is_completed())?.call_once(|| source);
    arch::on_line(interrupt, || {
        SOURCES.iter().filter_map(Once::get).map(InterruptSource::acknowledge).for_each(raise);
    })
}

/// Called by every interrupt handler, and by the log of exchanges.
fn raise(status: InterruptStatus) {
    SIGNAL.raise(status);
    idle::wake();
}

/// Logs whether the interrupt line of a device is connected.
fn is_connected(device: &impl Display, line: Option<()>) -> bool {
    match line {
        Some(()) => info!("{device}: interrupts by line"),
        None => warn!("{device}: failed to route its interrupt line"),
    }
    line.is_some()
}
