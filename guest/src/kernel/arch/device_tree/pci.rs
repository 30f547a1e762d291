//! The PCI host bridge that the tree describes. No firmware has been there before: the functions on its bus are given
//! their addresses here.

use aerostat_guest::{DeviceTree, FreeAddresses, PciHost};
use aerostat_transport::MmioRegion;
use aerostat_transport::pci::{BarRange, Ecam};
use pci_types::{InterruptLine, InterruptPin, PciAddress};
use spin::Once;

use super::tree;
use crate::kernel::{memory, pci};

/// Configuration space, where every function on bus 0 has its addresses. `None` where there is no host bridge.
pub(crate) fn config() -> Option<Ecam<MmioRegion>> {
    // The functions get their addresses once: one that is in use would not answer meanwhile.
    static CONFIG: Once<Option<Ecam<MmioRegion>>> = Once::new();
    CONFIG.call_once(assign_all).clone()
}

fn assign_all() -> Option<Ecam<MmioRegion>> {
    let host = host()?;
    let config = Ecam::new(memory::registers(host.ecam)?, 0, 0);
    let mut free = FreeAddresses::new(&host.windows);
    pci::scan(&config, 0, &mut |function| free.assign(&config, function));
    Some(config)
}

/// The interrupt of the machine that a function on bus 0 raises by its pin.
pub(crate) fn line(function: PciAddress, (pin, _): (InterruptPin, InterruptLine)) -> Option<u32> {
    host()?.interrupts.line(function.device(), function.function(), pin)
}

/// Registers in a BAR: the CPU reaches those in I/O space by a window in memory too.
pub(crate) type BarIo = MmioRegion;

/// Maps a BAR.
pub(crate) fn map_bar(range: BarRange) -> Option<BarIo> {
    memory::registers(host()?.windows.physical(range)?)
}

fn host() -> Option<PciHost<'static>> {
    tree().and_then(DeviceTree::pci_host)
}
