//! Finds the virtio structures of a function ("Virtio Structure PCI Capabilities", 4.1.4).

use aerostat_spec::{Block, pci};
use pci_types::ConfigRegionAccess;

use crate::bus::pci::bar::{BarIndex, BarRange};
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::{Capability, PciFunction};
use crate::bus::pci::structure_kind::StructureKind;
use crate::io::Registers;

/// Number of kinds of structures.
const KINDS: usize = StructureKind::Device as usize + 1;

/// The structures of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Structures {
    pub(crate) common: BarRange,
    pub(crate) notify: BarRange,
    /// Bytes for each unit of a queue's notification offset.
    pub(crate) multiplier: u32,
    pub(crate) isr: BarRange,
    /// Missing for devices without a configuration space.
    pub(crate) device: Option<BarRange>,
}

impl Structures {
    /// Finds the first usable capability of each kind.
    pub(crate) fn find<C: ConfigRegionAccess>(function: &PciFunction<C>) -> Result<Self, PciError> {
        let mut any = false;
        let mut found = [None; KINDS];
        for capability in function.capabilities() {
            let Some((kind, bar, offset, len)) = describe(function, capability) else { continue };
            any = true;
            if let Some(place @ None) = found.get_mut(kind as usize)
                && len >= kind.min_len()
                && offset.is_multiple_of(kind.align())
            {
                let range = function.bar(bar).and_then(|range| range.part(offset.into(), len.into()));
                *place = range.map(|range| (range, capability));
            }
        }
        if !any {
            return Err(PciError::NoCapabilities);
        }
        let [common, notify, isr, device] = found;
        let needed = |found: Option<(BarRange, Capability)>, kind| found.ok_or(PciError::Missing(kind));
        let (notify, at) = needed(notify, StructureKind::Notify)?;
        Ok(Self {
            common: needed(common, StructureKind::Common)?.0,
            notify,
            multiplier: multiplier(function, at),
            isr: needed(isr, StructureKind::Isr)?.0,
            device: device.map(|(range, _)| range),
        })
    }
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
    let kind = StructureKind::from_raw(registers.read(pci::cap::CfgType))?;
    let bar = BarIndex::new(registers.read(pci::cap::Bar))?;
    Some((kind, bar, registers.read(pci::cap::Offset), registers.read(pci::cap::Length)))
}

/// Returns the notification multiplier; 0 if the capability is too short to have it.
fn multiplier<C: ConfigRegionAccess>(function: &PciFunction<C>, capability: Capability) -> u32 {
    let len = Registers::<pci::cap::Space, _>::new(function.registers_of(capability)).read(pci::cap::CapLen);
    match usize::from(len) < <pci::notify_cap::Space as Block>::LEN {
        true => 0,
        false => Registers::new(function.registers_of(capability)).read(pci::notify_cap::NotifyOffMultiplier),
    }
}
