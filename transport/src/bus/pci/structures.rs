//! Finds the virtio structures of a function ("Virtio Structure PCI Capabilities", 4.1.4).

use aerostat_spec::{Block, pci};
use pci_types::ConfigRegionAccess;

use crate::bus::pci::bar::{BarIndex, BarRange, Space};
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::{Capability, PciFunction};
use crate::bus::pci::structure_kind::StructureKind;
use crate::io::Registers;

/// A structure that a usable capability describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) range: BarRange,
    pub(crate) capability: Capability,
}

/// Checks that the device has a usable capability for each kind of structure that every device has.
pub(crate) fn check<C: ConfigRegionAccess>(function: &PciFunction<C>) -> Result<(), PciError> {
    if !function.capabilities().any(|capability| describe(function, capability).is_some()) {
        return Err(PciError::NoCapabilities);
    }
    for kind in [StructureKind::Notify, StructureKind::Common, StructureKind::Isr] {
        usable(function, kind).next().ok_or(PciError::Missing(kind))?;
    }
    Ok(())
}

/// Returns the structures of this kind that lie inside a BAR, are long enough and are aligned, in the order of their
/// capabilities: "the driver SHOULD use the first instance of each virtio structure type they can support" (4.1.4.1).
pub(crate) fn usable<C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    kind: StructureKind,
) -> impl Iterator<Item = Structure> {
    function.capabilities().filter_map(move |capability| {
        let (_, bar, offset, len) = describe(function, capability).filter(|(found, ..)| *found == kind)?;
        (len >= kind.min_len() && offset.is_multiple_of(kind.align())).then_some(())?;
        let range = function.bar(bar)?.part(offset.into(), len.into())?;
        Some(Structure { range, capability })
    })
}

/// Returns whether the `len` bytes at `start` of a BAR are inside a structure that a capability describes.
pub(crate) fn is_described<C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    bar: BarIndex,
    start: u64,
    len: u64,
) -> bool {
    function.capabilities().filter_map(|capability| describe(function, capability)).any(|(_, place, offset, length)| {
        let end = u64::from(offset) + u64::from(length);
        place == bar && start >= offset.into() && start.checked_add(len).is_some_and(|last| last <= end)
    })
}

/// Returns kind, BAR, offset and length of the structure that a capability describes. `None` for other capabilities, and for
/// reserved kinds and BARs, which a driver must ignore.
fn describe<C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    capability: Capability,
) -> Option<(StructureKind, BarIndex, u32, u32)> {
    if capability.id != pci::CAP_VENDOR_SPECIFIC {
        return None;
    }
    let registers = Registers::<pci::cap::Space, _>::new(function.registers_of(capability));
    if usize::from(registers.read(pci::cap::CapLen)) < <pci::cap::Space as Block>::LEN {
        return None;
    }
    let kind = StructureKind::of(registers.read(pci::cap::CfgType))?;
    let bar = BarIndex::new(registers.read(pci::cap::Bar))?;
    Some((kind, bar, registers.read(pci::cap::Offset), registers.read(pci::cap::Length)))
}

/// Returns the range of the shared memory region with this id: the first one that is not empty and lies inside a memory BAR ("Shared memory
/// capability", 4.1.4.7). Probes the BAR.
pub(crate) fn shared_memory<C: ConfigRegionAccess>(function: &PciFunction<C>, id: u8) -> Option<BarRange> {
    function.capabilities().filter(|capability| capability.id == pci::CAP_VENDOR_SPECIFIC).find_map(|capability| {
        let low = Registers::<pci::cap::Space, _>::new(function.registers_of(capability));
        let high = Registers::<pci::cap64::Space, _>::new(function.registers_of(capability));
        let is_region = usize::from(low.read(pci::cap::CapLen)) >= <pci::cap64::Space as Block>::LEN
            && low.read(pci::cap::CfgType) == pci::CfgType::SharedMemory
            && low.read(pci::cap::Id) == id;
        let bar = BarIndex::new(low.read(pci::cap::Bar)).filter(|_| is_region)?;
        let offset = u64::from(low.read(pci::cap::Offset)) | u64::from(high.read(pci::cap64::OffsetHi)) << 32;
        let len = u64::from(low.read(pci::cap::Length)) | u64::from(high.read(pci::cap64::LengthHi)) << 32;
        function.bar(bar)?.part(offset, len).filter(|range| range.space == Space::Memory && range.len > 0)
    })
}

/// Returns the notification multiplier; 0 if the capability is too short to have it.
pub(crate) fn multiplier<C: ConfigRegionAccess>(function: &PciFunction<C>, capability: Capability) -> u32 {
    let len = Registers::<pci::cap::Space, _>::new(function.registers_of(capability)).read(pci::cap::CapLen);
    match usize::from(len) < <pci::notify_cap::Space as Block>::LEN {
        true => 0,
        false => Registers::new(function.registers_of(capability)).read(pci::notify_cap::NotifyOffMultiplier),
    }
}
