//! BARs that are reached through configuration space ("PCI configuration access capability", 4.1.4.9).

use core::marker::PhantomData;

use aerostat_spec::pci::{self, cap, cfg_cap};
use aerostat_spec::{Block, Field};
use pci_types::ConfigRegionAccess;

use crate::io::Io;
use crate::pci::function::{BarIndex, BarRange, Capability, PciFunction};
use crate::pci::{MapBar, PciError, structures};
use crate::registers::Registers;

/// Where the capability has its data register.
const DATA: u16 = cfg_cap::PciCfgData::OFFSET as u16;

/// The BARs of a device, reached through a capability in its configuration space: a [`MapBar`] for kernels that cannot map
/// them. It maps only what a virtio capability describes: the table of MSI-X cannot be reached in this way.
///
/// Each access takes several accesses of the configuration space, which must not mix with those of another context: all
/// transports over such a window stay with one of them, and the device is polled rather than served in an interrupt handler.
/// That is why neither this nor [`BarWindow`] is `Send` or `Sync`.
#[derive(Clone, Debug)]
pub struct BarWindows<C> {
    function: PciFunction<C>,
    capability: Capability,
    stays: PhantomData<*const ()>,
}

impl<C: ConfigRegionAccess> BarWindows<C> {
    /// Finds the capability.
    ///
    /// # Errors
    ///
    /// [`PciError::NoWindow`] where the device does not have it.
    ///
    /// # Safety
    ///
    /// Nobody else uses the capability of this function while the value, a clone or a window of it exists, unless in the same
    /// context: an access that mixes with another may reach another register.
    pub unsafe fn new(function: PciFunction<C>) -> Result<Self, PciError> {
        let is_window = |capability: &Capability| {
            let registers = Registers::<cap::Space, _>::new(function.behind(*capability));
            capability.id == pci::CAP_VENDOR_SPECIFIC
                // All of it lies inside the configuration space.
                && registers.io().len() >= <cfg_cap::Space as Block>::LEN
                && pci::CfgType::from_raw(registers.read(cap::CfgType)) == pci::CfgType::Pci
                && usize::from(registers.read(cap::CapLen)) >= <cfg_cap::Space as Block>::LEN
        };
        match function.capabilities().find(is_window) {
            Some(capability) => Ok(Self { function, capability, stays: PhantomData }),
            None => Err(PciError::NoWindow),
        }
    }
}

impl<C: ConfigRegionAccess + Clone> MapBar for BarWindows<C> {
    type Io = BarWindow<C>;

    fn map(&mut self, range: BarRange) -> Option<BarWindow<C>> {
        let (bar, start) = (0..).map_while(BarIndex::new).find_map(|bar| {
            let whole = self.function.bar(bar).filter(|whole| whole.space == range.space)?;
            let start = range.address.checked_sub(whole.address)?;
            whole.part(start, range.len).map(|_| (bar, start))
        })?;
        // Nothing else of a BAR may be reached in this way.
        structures::is_described(&self.function, bar, start, range.len).then_some(())?;
        // The capability has 32 bits for an offset.
        let (start, len) = (u32::try_from(start).ok()?, u32::try_from(range.len).ok()?);
        start.checked_add(len)?;
        let Self { function, capability, stays } = self.clone();
        Some(BarWindow { function, capability, bar, start, len, stays })
    }
}

/// A part of a BAR, reached through configuration space, see [`BarWindows`].
#[derive(Debug)]
pub struct BarWindow<C> {
    function: PciFunction<C>,
    capability: Capability,
    bar: BarIndex,
    start: u32,
    len: u32,
    stays: PhantomData<*const ()>,
}

impl<C: Clone> Clone for BarWindow<C> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), ..*self }
    }
}

impl<C: ConfigRegionAccess> BarWindow<C> {
    /// Points the capability at the `T` at `offset`, and returns where its value is in configuration space. `None` for what
    /// is outside the window or not aligned.
    fn point<T>(&self, offset: usize) -> Option<u16> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.len as usize {
            return None;
        }
        // The end of the window has 32 bits, as `map` has made sure.
        let place = self.start + offset as u32;
        if !place.is_multiple_of(size_of::<T>() as u32) {
            return None;
        }
        let registers = Registers::<cap::Space, _>::new(self.function.behind(self.capability));
        registers.write(cap::Bar, self.bar.get());
        registers.write(cap::Offset, place);
        registers.write(cap::Length, size_of::<T>() as u32);
        Some(u16::from(self.capability.offset) + DATA)
    }
}

macro_rules! access {
    ($int:ty, $read:ident, $write:ident) => {
        fn $read(&self, offset: usize) -> $int {
            // The value is in the lowest bytes of the register.
            self.point::<$int>(offset).map_or(<$int>::MAX, |data| self.function.read(data) as $int)
        }

        fn $write(&self, offset: usize, value: $int) {
            if let Some(data) = self.point::<$int>(offset) {
                self.function.write(data, value.into());
            }
        }
    };
}

// SAFETY: the device passes each access to its data register on to the place in the BAR that was set just before; no other
// context has a clone that could set another one in between.
unsafe impl<C: ConfigRegionAccess + Clone> Io for BarWindow<C> {
    fn len(&self) -> usize {
        self.len as usize
    }

    access!(u8, read8, write8);
    access!(u16, read16, write16);
    access!(u32, read32, write32);
}
