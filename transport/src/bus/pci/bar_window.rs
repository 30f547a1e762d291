//! Access to BARs through configuration space ("PCI configuration access capability", 4.1.4.9).

use core::marker::PhantomData;

use aerostat_spec::pci::{self, cap, cfg_cap};
use aerostat_spec::{Block, Field};
use pci_types::ConfigRegionAccess;

use crate::bus::pci::bar::{BarIndex, BarRange};
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::{Capability, PciFunction};
use crate::bus::pci::map_bar::MapBar;
use crate::bus::pci::structures;
use crate::io::{Io, Registers};

/// Offset of the data register in the capability.
const DATA: u16 = cfg_cap::PciCfgData::OFFSET as u16;

/// The BARs of a device, accessed through a capability in configuration space. This is a [`MapBar`] for kernels that cannot map
/// BARs. It maps only structures that a virtio capability describes, so it cannot access the MSI-X table.
///
/// Each access takes several accesses to configuration space, which must not interleave with those of another context. The
/// transport and its handles therefore stay in one context, and the device is polled instead of handling its interrupts. For
/// this reason neither this type nor [`BarWindow`] is `Send` or `Sync`.
#[derive(Clone, Debug)]
pub struct BarWindows<C> {
    function: PciFunction<C>,
    capability: Capability,
    not_send: PhantomData<*const ()>,
}

impl<C: ConfigRegionAccess> BarWindows<C> {
    /// Finds the capability.
    ///
    /// # Errors
    ///
    /// The function, and [`PciError::NoWindow`] if the device does not have it.
    ///
    /// # Safety
    ///
    /// * While the value, a clone or a window of it exists, the capability of this function is used in one context only.
    ///   Interleaved accesses could access the wrong register.
    /// * `C` performs each access on the configuration space of the function at that offset, unchanged and in program order, and
    ///   returns the value that the device returns. The trait [`ConfigRegionAccess`] is safe and does not require that, but
    ///   [`Io`](crate::Io) does, and [`BarWindow`] implements it by these accesses.
    pub unsafe fn new(function: PciFunction<C>) -> Result<Self, (PciFunction<C>, PciError)> {
        let is_window = |capability: &Capability| {
            let registers = Registers::<cap::Space, _>::new(function.registers_of(*capability));
            capability.id == pci::CAP_VENDOR_SPECIFIC
                // It lies completely inside configuration space.
                && registers.io().len() >= <cfg_cap::Space as Block>::LEN
                && registers.read(cap::CfgType) == pci::CfgType::Pci
                && usize::from(registers.read(cap::CapLen)) >= <cfg_cap::Space as Block>::LEN
        };
        let found = function.capabilities().find(is_window);
        match found {
            Some(capability) => Ok(Self { function, capability, not_send: PhantomData }),
            None => Err((function, PciError::NoWindow)),
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
        // The device supports access to structures only.
        structures::is_described(&self.function, bar, start, range.len).then_some(())?;
        // The capability has 32 bits for an offset.
        let (start, len) = (u32::try_from(start).ok()?, u32::try_from(range.len).ok()?);
        start.checked_add(len)?;
        let Self { function, capability, not_send } = self.clone();
        Some(BarWindow { function, capability, bar, start, len, not_send })
    }
}

/// A part of a BAR, accessed through configuration space, see [`BarWindows`].
#[derive(Debug)]
pub struct BarWindow<C> {
    function: PciFunction<C>,
    capability: Capability,
    bar: BarIndex,
    start: u32,
    len: u32,
    not_send: PhantomData<*const ()>,
}

impl<C: Clone> Clone for BarWindow<C> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), ..*self }
    }
}

impl<C: ConfigRegionAccess> BarWindow<C> {
    /// Selects the `T` at `offset`, and returns the offset of its value in configuration space. `None` if it is outside the window
    /// or not aligned.
    fn select<T>(&self, offset: usize) -> Option<u16> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.len as usize {
            return None;
        }
        // `map` has checked that the end of the window fits into 32 bits.
        let place = self.start + offset as u32;
        if !place.is_multiple_of(size_of::<T>() as u32) {
            return None;
        }
        let registers = Registers::<cap::Space, _>::new(self.function.registers_of(self.capability));
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
            self.select::<$int>(offset).map_or(<$int>::MAX, |data| self.function.read(data) as $int)
        }

        fn $write(&self, offset: usize, value: $int) {
            if let Some(data) = self.select::<$int>(offset) {
                self.function.write(data, value.into());
            }
        }
    };
}

// SAFETY: the device performs each access to its data register on the register of the BAR that was selected just before, and the
// contract of `BarWindows::new` makes `C` perform both. No other context has a clone that could select another one in between.
unsafe impl<C: ConfigRegionAccess + Clone> Io for BarWindow<C> {
    fn len(&self) -> usize {
        self.len as usize
    }

    access!(u8, read8, write8);
    access!(u16, read16, write16);
    access!(u32, read32, write32);
}
