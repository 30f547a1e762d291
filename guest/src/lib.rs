//! The parts of the example kernels that touch no hardware, so that they are tested where they are built.
//!
//! The kernels themselves are the binary of this package: see `src/main.rs`. They boot on QEMU, find a virtio
//! balloon on PCI or MMIO and service it from interrupts.

#![no_std]

mod blocks;
mod dsdt;
mod frames;
mod map;
mod options;
mod tree;
mod windows;

pub use blocks::{BLOCK_FRAMES, Optional};
pub use dsdt::virtio_mmio;
pub use frames::{BitAlloc16M, FRAME_BYTES, Frames};
pub use map::{Kind, MemoryMap, TooManyRegions};
pub use options::{Drive, Features, Freeze, MmioDevice, Options, Then, Touch};
pub use tree::{DeviceTree, InterruptMap, PciHost};
pub use windows::{FreeAddresses, PciWindow, PciWindows};
