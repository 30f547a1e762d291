//! Guest memory as a device reaches it: by the addresses of its bus, in the byte order of its interface.

use std::cell::RefCell;

use super::{GuestMemory, Iommu};

/// The byte order of rings and buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// That of a guest which is this process.
    pub(crate) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

macro_rules! integers {
    ($($int:ident $read:ident,)*) => {
        impl ByteOrder {
            $(
                pub(crate) fn $int(self, bytes: [u8; size_of::<$int>()]) -> $int {
                    match self {
                        Self::Little => $int::from_le_bytes(bytes),
                        Self::Big => $int::from_be_bytes(bytes),
                    }
                }
            )*
        }

        impl Bus {
            $(
                pub(crate) fn $read(&self, address: u64) -> Option<$int> {
                    let mut bytes = [0; size_of::<$int>()];
                    self.read(address, &mut bytes)?;
                    Some(self.order.$int(bytes))
                }
            )*
        }
    };
}

integers! {
    u16 read_u16,
    u32 read_u32,
    u64 read_u64,
}

/// What a device sees of guest memory. An access that is not all in memory gives `None` and changes nothing.
#[derive(Debug)]
pub(crate) struct Bus {
    memory: GuestMemory,
    order: ByteOrder,
    iommu: Option<Iommu>,
    stopped: RefCell<Vec<Unmapped>>,
}

/// An access that the IOMMU stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unmapped {
    pub(crate) address: u64,
    pub(crate) bytes: u64,
}

impl Bus {
    pub(crate) fn new(memory: GuestMemory, order: ByteOrder, iommu: Option<Iommu>) -> Self {
        Self { memory, order, iommu, stopped: RefCell::default() }
    }

    pub(crate) fn iommu(&self) -> Option<&Iommu> {
        self.iommu.as_ref()
    }

    /// The accesses that were stopped since this was last asked.
    pub(crate) fn take_stopped(&self) -> Vec<Unmapped> {
        self.stopped.take()
    }

    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    /// The guest physical address of `length` bytes that the device is about to use, where they are all in memory.
    pub(crate) fn physical(&self, address: u64, length: u64) -> Option<u64> {
        let unmapped = self.iommu.as_ref().is_some_and(|iommu| iommu.translate(address, length).is_none());
        if unmapped {
            self.stopped.borrow_mut().push(Unmapped { address, bytes: length });
        }
        self.locate(address, length)
    }

    /// The same where the device does not use them.
    pub(crate) fn locate(&self, address: u64, length: u64) -> Option<u64> {
        let layout = self.memory.layout();
        let address = match &self.iommu {
            Some(iommu) => iommu.translate(address, length)?,
            None => address,
        };
        let physical = address.checked_sub(layout.bus_offset)?;
        let inside = physical >= layout.base
            && physical.checked_add(length).is_some_and(|end| end <= layout.base + layout.bytes);
        inside.then_some(physical)
    }

    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Option<()> {
        let physical = self.physical(address, bytes.len() as u64)?;
        self.memory.read(physical, bytes).ok()
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Option<()> {
        let physical = self.physical(address, bytes.len() as u64)?;
        self.memory.write(physical, bytes).ok()
    }

    pub(crate) fn write_u32(&self, address: u64, value: u32) -> Option<()> {
        self.write(address, &self.order.u32(value.to_ne_bytes()).to_ne_bytes())
    }

    /// Reads an index or flags, which publish what was written before them.
    pub(crate) fn load(&self, address: u64) -> Option<u16> {
        let physical = self.physical(address, 2)?;
        let raw = self.memory.mapping.load(self.memory.offset(physical)?)?;
        Some(self.order.u16(raw.to_ne_bytes()))
    }

    /// Writes an index or flags, after everything else.
    pub(crate) fn store(&self, address: u64, value: u16) -> Option<()> {
        let physical = self.physical(address, 2)?;
        let raw = self.order.u16(value.to_ne_bytes());
        self.memory.mapping.store(self.memory.offset(physical)?, raw)
    }
}
