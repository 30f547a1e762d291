//! The PCI host bridge of the device tree. There is no firmware that assigns addresses to functions, so this kernel does.

use core::ops::Range;

use aerostat_balloon::transport::MmioRegion;
use aerostat_balloon::transport::pci::{BarRange, Ecam};
use aerostat_guest::{DeviceTree, FreeAddresses, PciHost};
use pci_types::{InterruptLine, InterruptPin, PciAddress};
use spin::Once;

use super::boot::tree;
use crate::kernel::pci;

/// Maps registers at physical addresses.
type MapRegisters = fn(Range<u64>) -> Option<MmioRegion>;

/// Returns configuration space, with an address in every BAR on bus 0. `None` if there is no host bridge.
pub(in super::super) fn config(registers: MapRegisters) -> Option<Ecam<MmioRegion>> {
    // Addresses are assigned once: a function in use must not move.
    static CONFIG: Once<Option<Ecam<MmioRegion>>> = Once::new();
    CONFIG.call_once(|| assign_all(registers)).clone()
}

fn assign_all(registers: MapRegisters) -> Option<Ecam<MmioRegion>> {
    let host = host()?;
    let config = Ecam::new(registers(host.ecam)?, 0, 0);
    let mut free = FreeAddresses::new(&host.windows);
    pci::scan(&config, 0, &mut |function| free.assign(&config, function));
    Some(config)
}

/// Returns the interrupt of the machine that a function on bus 0 raises by its pin.
pub(crate) fn line(function: PciAddress, (pin, _): (InterruptPin, InterruptLine)) -> Option<u32> {
    host()?.interrupts.line(function.device(), function.function(), pin)
}

/// Registers in a BAR. The CPU accesses I/O space through a window in memory.
pub(crate) type BarIo = MmioRegion;

/// Maps a BAR.
pub(in super::super) fn map_bar(range: BarRange, registers: MapRegisters) -> Option<BarIo> {
    registers(host()?.windows.physical(range)?)
}

fn host() -> Option<PciHost<'static>> {
    tree().and_then(DeviceTree::pci_host)
}
