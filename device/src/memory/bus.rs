//! Guest memory as a device accesses it: by bus address, in the byte order of its interface.

use std::cell::RefCell;

use super::guest::GuestMemory;
use super::iommu::Iommu;

/// The byte order of rings and buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The byte order of a guest that runs in this process.
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

/// The device's view of guest memory. An access that is not all inside returns `None` and changes nothing.
#[derive(Debug)]
pub(crate) struct Bus {
    memory: GuestMemory,
    order: ByteOrder,
    iommu: Option<Iommu>,
    unmapped: RefCell<Vec<UnmappedAccess>>,
}

/// An access that the IOMMU blocked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnmappedAccess {
    pub(crate) address: u64,
    pub(crate) bytes: u64,
}

impl Bus {
    pub(crate) fn new(memory: GuestMemory, order: ByteOrder, iommu: Option<Iommu>) -> Self {
        Self { memory, order, iommu, unmapped: RefCell::default() }
    }

    pub(crate) fn iommu(&self) -> Option<&Iommu> {
        self.iommu.as_ref()
    }

    /// Returns the accesses that the IOMMU blocked since the last call.
    pub(crate) fn take_unmapped(&self) -> Vec<UnmappedAccess> {
        self.unmapped.take()
    }

    pub(crate) fn order(&self) -> ByteOrder {
        self.order
    }

    /// Translates the address of `length` bytes that the device is about to access, and records the access if the IOMMU
    /// blocks it. `None` if the bytes are not all inside the memory.
    pub(crate) fn access(&self, address: u64, length: u64) -> Option<u64> {
        let unmapped = self.iommu.as_ref().is_some_and(|iommu| iommu.translate(address, length).is_none());
        if unmapped {
            self.unmapped.borrow_mut().push(UnmappedAccess { address, bytes: length });
        }
        self.translate(address, length)
    }

    /// Translates a bus address to a guest physical address without an access. `None` if the `length` bytes are not all
    /// inside the memory.
    pub(crate) fn translate(&self, address: u64, length: u64) -> Option<u64> {
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
        let physical = self.access(address, bytes.len() as u64)?;
        self.memory.read(physical, bytes).ok()
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Option<()> {
        let physical = self.access(address, bytes.len() as u64)?;
        self.memory.write(physical, bytes).ok()
    }

    pub(crate) fn write_u32(&self, address: u64, value: u32) -> Option<()> {
        self.write(address, &self.order.u32(value.to_ne_bytes()).to_ne_bytes())
    }

    /// Reads an index or flags with acquire ordering.
    pub(crate) fn load(&self, address: u64) -> Option<u16> {
        let physical = self.access(address, 2)?;
        let raw = self.memory.mapping().load(self.memory.offset(physical)?)?;
        Some(self.order.u16(raw.to_ne_bytes()))
    }

    /// Writes an index or flags with release ordering.
    pub(crate) fn store(&self, address: u64, value: u16) -> Option<()> {
        let physical = self.access(address, 2)?;
        let raw = self.order.u16(value.to_ne_bytes());
        self.memory.mapping().store(self.memory.offset(physical)?, raw)
    }
}

#[cfg(test)]
mod tests {
    use super::super::guest::MemoryLayout;
    use super::*;

    #[test]
    fn the_bus_offset_applies_to_bus_addresses_only() {
        let layout = MemoryLayout { base: 0x10_0000, bytes: 0x2000, bus_offset: 0x8000_0000 };
        let memory = GuestMemory::with_layout(layout).unwrap();
        memory.write(0x10_1000, &[1, 2, 3, 4]).unwrap();
        let bus = Bus::new(memory.clone(), ByteOrder::Little, None);
        assert_eq!(bus.read_u32(0x8010_1000), Some(0x0403_0201));
        assert_eq!(bus.read_u32(0x10_1000), None);
        assert!(memory.pointer(0x10_1ffc, 4).is_some());
        assert!(memory.pointer(0x10_1ffd, 4).is_none());
        assert!(memory.pointer(u64::MAX, 1).is_none());
    }
}
