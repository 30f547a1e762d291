//! Finds the virtio structures of a function ("Virtio Structure PCI Capabilities", 4.1.4).

use aerostat_spec::{Block, pci};
use pci_types::ConfigRegionAccess;

use crate::pci::PciError;
use crate::pci::function::{BarIndex, BarRange, Capability, PciFunction};
use crate::registers::Registers;

/// The structures that make up a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StructureKind {
    /// Common configuration.
    Common,
    /// Notifications.
    Notify,
    /// ISR status.
    Isr,
    /// The device's own configuration.
    Device,
}

/// How many there are.
const KINDS: usize = StructureKind::Device as usize + 1;

impl StructureKind {
    fn from_raw(raw: u8) -> Option<Self> {
        match pci::CfgType::from_raw(raw) {
            pci::CfgType::Common => Some(Self::Common),
            pci::CfgType::Notify => Some(Self::Notify),
            pci::CfgType::Isr => Some(Self::Isr),
            pci::CfgType::Device => Some(Self::Device),
            _ => None,
        }
    }

    /// The alignment in bytes that such a structure has.
    const fn align(self) -> u32 {
        match self {
            Self::Common | Self::Device => 4,
            Self::Notify => 2,
            Self::Isr => 1,
        }
    }

    /// The least length in bytes with which such a structure is of any use.
    const fn least(self) -> u32 {
        match self {
            // Up to the queue's device area; what was added later is used only with its features.
            Self::Common => 56,
            Self::Notify => 2,
            Self::Isr | Self::Device => 1,
        }
    }
}

/// The structures that a driver needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Structures {
    pub(crate) common: BarRange,
    pub(crate) notify: BarRange,
    /// Bytes between the notification addresses of two queues whose notification offsets differ by one.
    pub(crate) multiplier: u32,
    pub(crate) isr: BarRange,
    /// Some devices have no configuration space of their own.
    pub(crate) device: Option<BarRange>,
}

impl Structures {
    /// Takes, for each kind of structure, the first capability in the list that can be used.
    pub(crate) fn find<C: ConfigRegionAccess>(function: &PciFunction<C>) -> Result<Self, PciError> {
        let mut any = false;
        let mut found = [None; KINDS];
        for capability in function.capabilities() {
            let Some((kind, bar, offset, len)) = describe(function, capability) else { continue };
            any = true;
            if let Some(place @ None) = found.get_mut(kind as usize)
                && len >= kind.least()
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

/// Whether the `len` bytes at `start` of a BAR are part of a structure that a capability describes.
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

/// Kind, BAR, offset and length of the structure that a capability describes; `None` for other capabilities, and for
/// reserved kinds and reserved BARs, which are to be ignored.
fn describe<C: ConfigRegionAccess>(
    function: &PciFunction<C>,
    capability: Capability,
) -> Option<(StructureKind, BarIndex, u32, u32)> {
    if capability.id != pci::CAP_VENDOR_SPECIFIC {
        return None;
    }
    let registers = Registers::<pci::cap::Space, _>::new(function.behind(capability));
    if usize::from(registers.read(pci::cap::CapLen)) < <pci::cap::Space as Block>::LEN {
        return None;
    }
    let kind = StructureKind::from_raw(registers.read(pci::cap::CfgType))?;
    let bar = BarIndex::new(registers.read(pci::cap::Bar))?;
    Some((kind, bar, registers.read(pci::cap::Offset), registers.read(pci::cap::Length)))
}

/// The factor between notification offsets and bytes, if the capability is long enough to have it.
fn multiplier<C: ConfigRegionAccess>(function: &PciFunction<C>, capability: Capability) -> u32 {
    let len = Registers::<pci::cap::Space, _>::new(function.behind(capability)).read(pci::cap::CapLen);
    match usize::from(len) < <pci::notify_cap::Space as Block>::LEN {
        true => 0,
        false => Registers::new(function.behind(capability)).read(pci::notify_cap::NotifyOffMultiplier),
    }
}
