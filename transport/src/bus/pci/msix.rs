//! MSI-X.

use aerostat_spec::Block;
use aerostat_spec::pci::{CAP_MSIX, msix_cap, msix_entry};
use pci_types::{ConfigRegionAccess, PciAddress};

use crate::bus::pci::bar::BarIndex;
use crate::bus::pci::error::PciError;
use crate::bus::pci::function::PciFunction;
use crate::bus::pci::map_bar::MapBar;
use crate::bus::transport::BusMaster;
use crate::io::{Io, Registers, Window};

/// Size of a table entry in bytes.
const ENTRY: usize = <msix_entry::Space as Block>::LEN;

/// Value of vector control: the vector is masked.
const MASKED: u32 = 1;

/// A message: the platform defines which write to memory causes which interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    address: u64,
    data: u32,
}

impl Message {
    /// Returns the message that writes `data` to `address`.
    ///
    /// # Safety
    ///
    /// The write interrupts a CPU of this platform and has no other effect. The device can make it at any time.
    pub const unsafe fn new(address: u64, data: u32) -> Self {
        Self { address, data }
    }
}

/// An entry of the MSI-X table of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector {
    number: u16,
    function: PciAddress,
}

impl Vector {
    /// Returns an entry that the kernel has programmed, and not [`Msix`]: for a kernel whose PCI layer writes the tables and enables
    /// MSI-X. The driver then writes neither.
    ///
    /// # Safety
    ///
    /// Until the device is reset for the last time, the entry is masked or has a message as [`Message::new`] demands it.
    pub const unsafe fn adopt(function: PciAddress, number: u16) -> Self {
        Self { number, function }
    }

    /// Returns the number of the entry.
    pub const fn get(self) -> u16 {
        self.number
    }

    /// Returns the function that has the entry.
    pub const fn function(self) -> PciAddress {
        self.function
    }
}

/// The vectors for used buffers: one for all queues, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueVectors {
    first: Vector,
    count: u16,
}

impl QueueVectors {
    /// Returns one vector for all queues. It may also be that for configuration changes.
    pub const fn shared(vector: Vector) -> Self {
        Self { first: vector, count: 1 }
    }

    /// Returns one vector for each queue, in the order of their numbers: consecutive entries of one function. Queues beyond the last
    /// vector share it. `None` if the vectors are not consecutive, or if there is none.
    pub fn each(vectors: impl IntoIterator<Item = Vector>) -> Option<Self> {
        let mut vectors = vectors.into_iter();
        let first = vectors.next()?;
        vectors.try_fold(Self::shared(first), |Self { first, count }, vector| {
            let next = Vector { number: first.number.checked_add(count)?, ..first };
            (vector == next).then_some(Self { first, count: count.checked_add(1)? })
        })
    }

    /// Returns the vector of a queue. Queues beyond the last vector share it.
    pub(crate) const fn of(self, queue: u16) -> u16 {
        let last = self.count.saturating_sub(1);
        self.first.number + if queue < last { queue } else { last }
    }

    /// Returns the function that has the vectors.
    pub(crate) const fn function(self) -> PciAddress {
        self.first.function
    }
}

/// The MSI-X table of a function.
#[derive(Debug)]
pub struct Msix<I> {
    function: PciAddress,
    table: I,
    size: u16,
    used: u16,
}

impl<I: Io> Msix<I> {
    /// Maps the table and enables MSI-X, with all vectors masked. `None` if the function does not have MSI-X. Disables bus
    /// mastering, so do not call this for a device that is in use.
    ///
    /// # Errors
    ///
    /// [`PciError::Table`] if the table is not inside a BAR, [`PciError::Unmapped`] if it cannot be mapped.
    pub fn enable<C: ConfigRegionAccess>(
        function: &PciFunction<C>,
        map: &mut impl MapBar<Io = I>,
    ) -> Result<Option<Self>, PciError> {
        let Some(capability) = function.capabilities().find(|capability| capability.id == CAP_MSIX) else {
            return Ok(None);
        };
        let registers = Registers::<msix_cap::Space, _>::new(function.registers_of(capability));
        let control = registers.read(msix_cap::MessageControl);
        let size = control.table_size() + 1;
        let place = registers.read(msix_cap::Table);
        function.virtio_device().ok_or(PciError::NotVirtio)?;
        // An earlier driver may have left it enabled, and BARs are not probed then.
        function.set_bus_master(BusMaster::Forbidden);
        let len = u64::from(size) * ENTRY as u64;
        let range = BarIndex::new((place & 7) as u8)
            .and_then(|bar| function.bar(bar))
            .and_then(|bar| bar.part((place & !7).into(), len))
            .ok_or(PciError::Table)?;
        function.enable();
        let table = map.map(range).filter(|io| io.len() as u64 >= len).ok_or(PciError::Unmapped { range })?;
        // Masks the function before the entries, which may still be those of an earlier driver.
        let control = control.with_enable(true).with_function_mask(true);
        registers.write(msix_cap::MessageControl, control);
        let msix = Self { function: function.address(), table, size, used: 0 };
        for vector in 0..size {
            if let Some(entry) = msix.entry(vector) {
                entry.write(msix_entry::VectorControl, MASKED);
            }
        }
        registers.write(msix_cap::MessageControl, control.with_function_mask(false));
        Ok(Some(msix))
    }

    /// Returns the number of vectors of the function.
    pub const fn size(&self) -> u16 {
        self.size
    }

    /// Writes a message to the next free entry of the table and unmasks it. `None` if the table is full.
    pub fn add(&mut self, message: Message) -> Option<Vector> {
        let vector = self.used;
        if vector >= self.size {
            return None;
        }
        let entry = self.entry(vector)?;
        entry.write(msix_entry::MessageAddress, message.address);
        entry.write(msix_entry::MessageData, message.data);
        entry.write(msix_entry::VectorControl, 0);
        self.used += 1;
        Some(Vector { number: vector, function: self.function })
    }

    /// Writes a message for each queue, in the order of their numbers, to the next free entries of the table. Queues without a
    /// message or a free entry share the last one. `None` if there is no message or the table is full.
    pub fn add_each(&mut self, messages: impl IntoIterator<Item = Message>) -> Option<QueueVectors> {
        let mut messages = messages.into_iter().take(usize::from(self.size.saturating_sub(self.used)));
        let first = self.add(messages.next()?)?;
        let count = messages.map_while(|message| self.add(message)).count();
        // At most the number of table entries.
        Some(QueueVectors { first, count: 1 + count as u16 })
    }

    fn entry(&self, vector: u16) -> Option<Registers<msix_entry::Space, Window<I>>> {
        Window::new(self.table.clone(), usize::from(vector) * ENTRY, ENTRY).ok().map(Registers::new)
    }
}

/// Disables MSI-X if the function has it. With MSI-X enabled, it would not use INTx.
pub(crate) fn disable<C: ConfigRegionAccess>(function: &PciFunction<C>) {
    if let Some(capability) = function.capabilities().find(|capability| capability.id == CAP_MSIX) {
        let registers = Registers::<msix_cap::Space, _>::new(function.registers_of(capability));
        let control = registers.read(msix_cap::MessageControl);
        registers.write(msix_cap::MessageControl, control.with_enable(false));
    }
}
