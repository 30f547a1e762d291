//! Shared memory regions of a device ("Shared Memory Regions", 2.10).

/// A shared memory region: memory of the device that the driver can map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMemory {
    address: u64,
    len: u64,
}

impl SharedMemory {
    /// Returns the region that the device describes, or `None` if it is empty or ends beyond the address space.
    pub(crate) fn new(address: u64, len: u64) -> Option<Self> {
        (len != 0 && address.checked_add(len - 1).is_some()).then_some(Self { address, len })
    }

    /// Returns the physical address; over PCI, the address on the bus. The device has chosen it: check that it is not memory of the
    /// kernel before mapping it.
    pub const fn address(&self) -> u64 {
        self.address
    }

    /// Returns the length in bytes, at least 1.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Returns `false`: an empty region does not exist.
    pub const fn is_empty(&self) -> bool {
        false
    }
}
