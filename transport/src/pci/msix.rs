//! MSI-X: messages in place of interrupt lines.

use pci_types::ConfigRegionAccess;

use crate::io::Io;
use crate::pci::function::{BarIndex, Capability, PciFunction};
use crate::pci::{MapBar, PciError};

/// Id of the MSI-X capability.
const MSIX: u8 = 0x11;
/// Bytes of an entry of the table.
const ENTRY: u32 = 16;
/// Bit of message control, which is the upper half of the capability's first dword: MSI-X is enabled.
const ENABLED: u32 = 1 << 31;
/// Bit of message control: all vectors of the function are masked.
const MASKED: u32 = 1 << 30;

/// What the device writes to memory in place of an interrupt; its meaning is the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The address that is written to.
    pub address: u64,
    /// The value that is written.
    pub data: u32,
}

/// An entry of the MSI-X table: the number by which virtio calls the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Vector(u16);

impl Vector {
    /// As a number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The MSI-X table of a function.
#[derive(Debug)]
pub struct Msix<I> {
    table: I,
    size: u16,
    used: u16,
}

impl<I: Io> Msix<I> {
    /// Maps the table, and turns MSI-X on. `None` where the function does not have MSI-X.
    ///
    /// # Errors
    ///
    /// [`PciError::Table`] where the table is not inside a BAR, [`PciError::Unmapped`] where it cannot be mapped.
    pub fn enable<C: ConfigRegionAccess>(
        function: &PciFunction<C>,
        map: &mut impl MapBar<Io = I>,
    ) -> Result<Option<Self>, PciError> {
        let Some(capability) = function.capabilities().find(|capability| capability.id == MSIX) else {
            return Ok(None);
        };
        let control = function.read(capability.offset.into());
        let size = (control >> 16 & 0x7ff) as u16 + 1;
        let place = function.read(u16::from(capability.offset) + 4);
        let len = u64::from(size) * u64::from(ENTRY);
        let range = BarIndex::new((place & 7) as u8)
            .and_then(|bar| function.bar(bar))
            .and_then(|bar| bar.part((place & !7).into(), len))
            .ok_or(PciError::Table)?;
        function.enable();
        let table = map.map(range).filter(|io| io.len() as u64 >= len).ok_or(PciError::Unmapped { range })?;
        Self::switch_on(function, capability, control);
        Ok(Some(Self { table, size, used: 0 }))
    }

    fn switch_on<C: ConfigRegionAccess>(function: &PciFunction<C>, capability: Capability, control: u32) {
        function.write(capability.offset.into(), (control | ENABLED) & !MASKED);
    }

    /// Vectors that the function has.
    pub const fn size(&self) -> u16 {
        self.size
    }

    /// Puts a message into the next free entry of the table and unmasks it. `None` when the table is full.
    pub fn add(&mut self, message: Message) -> Option<Vector> {
        let vector = self.used;
        if vector >= self.size {
            return None;
        }
        let entry = usize::from(vector) * ENTRY as usize;
        self.table.write32(entry, message.address as u32);
        self.table.write32(entry + 4, (message.address >> 32) as u32);
        self.table.write32(entry + 8, message.data);
        self.table.write32(entry + 12, 0);
        self.used += 1;
        Some(Vector(vector))
    }
}
