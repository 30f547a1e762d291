//! The parts of the example kernels that do not access hardware. They are tested on the build host.
//!
//! The kernels are the binary of this package: see `src/main.rs`. They boot on QEMU, find a virtio balloon on PCI or MMIO
//! and service it from interrupts.

#![no_std]

mod blocks;
mod dsdt;
mod frames;
mod map;
mod mmio;
mod options;
#[cfg(any(test, feature = "exchanges"))]
pub mod shadow;
mod tree;
mod windows;

pub use blocks::{BLOCK_FRAMES, BlockFilter};
pub use dsdt::virtio_mmio;
pub use frames::{BitAlloc16M, FRAME_BYTES, FrameAllocator};
pub use map::{MemoryMap, RegionKind, TooManyRegions};
pub use mmio::MmioDevice;
pub use options::{BlockInflation, Drive, Features, Freeze, Options, Then, Touch};
pub use tree::{DeviceTree, InterruptMap, PciHost};
pub use windows::{FreeAddresses, PciWindow, PciWindows};
