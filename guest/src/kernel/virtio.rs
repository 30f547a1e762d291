//! Finding a virtio device, on PCI or MMIO, and connecting its interrupts.

use core::fmt::Display;
use core::ptr::NonNull;

use aerostat_guest::MmioDevice;
use aerostat_transport::pci::{BarRange, Message, Msix, PciError, PciFunction, Routing, Space};
use aerostat_transport::spec::DeviceId;
use aerostat_transport::{Either, InterruptSource, Mmio, MmioError, MmioRegion, Pci, Transport};
use log::{info, warn};
use pci_types::{ConfigRegionAccess, EndpointHeader, PciHeader};
use spin::Once;

use super::arch;
use super::idle::{self, Causes};
use super::pci;

/// A device on whichever bus it was found.
pub(crate) type AnyTransport = Either<Mmio<MmioRegion>, Pci<MmioRegion>>;

/// The interrupt side of the device, where a line and not a message interrupts: the handler has to ask what it was
/// about.
static SOURCE: Once<<AnyTransport as Transport>::Interrupt> = Once::new();

/// Finds the first device of type `id`: on PCI, or else among `mmio`. From then on its interrupts [`idle::raise`]
/// causes.
pub(crate) fn find(id: DeviceId, mmio: impl Iterator<Item = MmioDevice>) -> Option<AnyTransport> {
    on_pci(id).map(Either::Second).or_else(|| on_mmio(id, mmio).map(Either::First))
}

fn on_mmio(id: DeviceId, devices: impl Iterator<Item = MmioDevice>) -> Option<Mmio<MmioRegion>> {
    for device in devices {
        let place = format_args!("MMIO at {:#x}, interrupt {}", device.address, device.interrupt);
        let Some(registers) = registers(device.address, device.bytes) else { continue };
        match Mmio::new(registers) {
            Ok(transport) if transport.device() == id => {
                let source = Either::First(transport.interrupt());
                return connected(&place, connect_line(device.interrupt, source)).then_some(transport);
            }
            Ok(_) | Err((_, MmioError::NoDevice)) => {}
            Err((_, error)) => warn!("{place}: {error}"),
        }
    }
    None
}

fn on_pci(id: DeviceId) -> Option<Pci<MmioRegion>> {
    let config = arch::pci_config();
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
fn take<C: ConfigRegionAccess>(function: &PciFunction<&C>, config: &C) -> Result<Option<Pci<MmioRegion>>, PciError> {
    let mut map = |range: BarRange| match range.space {
        Space::Memory => registers(range.address, range.len),
        Space::Ports => None,
    };
    let place = format_args!("PCI function {}", function.address());
    if let Some(mut messages) = Msix::enable(function, &mut map)? {
        // One message for everything: it is not worth a second one to learn what an interrupt was about.
        let message = arch::on_message(|| idle::raise(Causes::QUEUE | Causes::CONFIG));
        let vector = message.and_then(|arch::Message { address, data }| messages.add(Message { address, data }));
        let Some(vector) = vector else {
            warn!("{place}: no interrupt vector is left");
            return Ok(None);
        };
        info!("{place}: interrupts by messages");
        let routing = Routing::Messages { configuration: vector, queues: vector };
        return Pci::new(function, &mut map, routing).map(Some);
    }
    let transport = Pci::new(function, &mut map, Routing::Line)?;
    let line = EndpointHeader::from_header(PciHeader::new(function.address()), config)
        .map(|header| u32::from(header.interrupt(config).1));
    let source = Either::Second(transport.interrupt());
    let is_connected = line.and_then(|line| connect_line(line, source));
    Ok(connected(&place, is_connected).then_some(transport))
}

/// Registers at a physical address, mapped.
fn registers(address: u64, bytes: u64) -> Option<MmioRegion> {
    arch::map(address..address.checked_add(bytes)?);
    let start = NonNull::with_exposed_provenance(usize::try_from(address).ok()?.try_into().ok()?);
    if !address.is_multiple_of(8) {
        return None;
    }
    // SAFETY: mapped from here on, aligned, and registers of a device, which this kernel has one driver for.
    Some(unsafe { MmioRegion::new(start, bytes as usize) })
}

/// Has `source` asked on every interrupt of the line.
fn connect_line(interrupt: u32, source: <AnyTransport as Transport>::Interrupt) -> Option<()> {
    SOURCE.call_once(|| source);
    arch::on_line(interrupt, || {
        if let Some(source) = SOURCE.get() {
            idle::raise(source.acknowledge().into());
        }
    })
}

fn connected(place: &impl Display, line: Option<()>) -> bool {
    match line {
        Some(()) => info!("{place}: interrupts by line"),
        None => warn!("{place}: its interrupt cannot be routed"),
    }
    line.is_some()
}
