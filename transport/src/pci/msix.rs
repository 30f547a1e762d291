//! MSI-X: messages in place of interrupt lines.

use aerostat_spec::Block;
use aerostat_spec::pci::{CAP_MSIX, MsixControl, msix_cap, msix_entry};
use pci_types::ConfigRegionAccess;

use crate::io::Io;
use crate::pci::function::{BarIndex, PciFunction};
use crate::pci::{MapBar, PciError};
use crate::region::Window;
use crate::registers::Registers;

/// Bytes of an entry of the table.
const ENTRY: usize = <msix_entry::Space as Block>::LEN;

/// Vector control: the vector is masked.
const MASKED: u32 = 1;

/// What the device writes to memory in place of an interrupt; its meaning is the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    address: u64,
    data: u32,
}

impl Message {
    /// The message that consists in writing `data` to `address`.
    ///
    /// # Safety
    ///
    /// The write interrupts a CPU of this platform and has no other effect: the device makes it whenever it likes.
    pub const unsafe fn new(address: u64, data: u32) -> Self {
        Self { address, data }
    }
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

/// The messages for used buffers: one for all queues, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueVectors {
    first: Vector,
    count: u16,
}

impl QueueVectors {
    /// One message, in whatever queue there are used buffers. It may be that of the configuration.
    pub const fn shared(vector: Vector) -> Self {
        Self { first: vector, count: 1 }
    }

    /// The vector of a queue. Queues beyond the last message share it.
    pub(crate) const fn of(self, queue: u16) -> u16 {
        let last = self.count.saturating_sub(1);
        self.first.0 + if queue < last { queue } else { last }
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
        let Some(capability) = function.capabilities().find(|capability| capability.id == CAP_MSIX) else {
            return Ok(None);
        };
        let registers = Registers::<msix_cap::Space, _>::new(function.behind(capability));
        let control = MsixControl::from_bits(registers.read(msix_cap::MessageControl));
        let size = control.table_size() + 1;
        let place = registers.read(msix_cap::Table);
        let len = u64::from(size) * ENTRY as u64;
        let range = BarIndex::new((place & 7) as u8)
            .and_then(|bar| function.bar(bar))
            .and_then(|bar| bar.part((place & !7).into(), len))
            .ok_or(PciError::Table)?;
        function.virtio_device().ok_or(PciError::NotVirtio)?;
        function.enable();
        let table = map.map(range).filter(|io| io.len() as u64 >= len).ok_or(PciError::Unmapped { range })?;
        // All is masked before anything is enabled: entries may still be those of an earlier driver.
        let control = control.with_enable(true).with_function_mask(true);
        registers.write(msix_cap::MessageControl, control.into_bits());
        let msix = Self { table, size, used: 0 };
        for vector in 0..size {
            if let Some(entry) = msix.entry(vector) {
                entry.write(msix_entry::VectorControl, MASKED);
            }
        }
        registers.write(msix_cap::MessageControl, control.with_function_mask(false).into_bits());
        Ok(Some(msix))
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
        let entry = self.entry(vector)?;
        entry.write(msix_entry::MessageAddress, message.address);
        entry.write(msix_entry::MessageData, message.data);
        // Unmasked last, when the message is complete.
        entry.write(msix_entry::VectorControl, 0);
        self.used += 1;
        Some(Vector(vector))
    }

    /// Puts a message for each queue, in the order of their numbers, into the next free entries of the table. Queues for
    /// which no message or no entry is left share the last one. `None` where there is not even one.
    pub fn add_each(&mut self, messages: impl IntoIterator<Item = Message>) -> Option<QueueVectors> {
        let mut messages = messages.into_iter().take(usize::from(self.size.saturating_sub(self.used)));
        let first = self.add(messages.next()?)?;
        let count = messages.map_while(|message| self.add(message)).count();
        // No more than the table has entries.
        Some(QueueVectors { first, count: 1 + count as u16 })
    }

    fn entry(&self, vector: u16) -> Option<Registers<msix_entry::Space, Window<I>>> {
        Window::new(self.table.clone(), usize::from(vector) * ENTRY, ENTRY).map(Registers::new)
    }
}

/// Turns MSI-X off, if the function has it: it would not use its interrupt line otherwise.
pub(crate) fn disable<C: ConfigRegionAccess>(function: &PciFunction<C>) {
    if let Some(capability) = function.capabilities().find(|capability| capability.id == CAP_MSIX) {
        let registers = Registers::<msix_cap::Space, _>::new(function.behind(capability));
        let control = MsixControl::from_bits(registers.read(msix_cap::MessageControl));
        registers.write(msix_cap::MessageControl, control.with_enable(false).into_bits());
    }
}
