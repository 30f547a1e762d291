//! Guest physical memory that a driver, a device model and QEMU can share.

mod bus;
mod guest;
mod iommu;
mod mapping;

pub(crate) use bus::{Bus, ByteOrder, UnmappedAccess};
pub use guest::{GuestMemory, MemoryError, MemoryLayout, OutOfMemory, PAGE_BYTES};
pub(crate) use iommu::Iommu;
