//! The common part of the benchmarks: a device that only completes buffers, a kernel with minimal cost, and two drivers: the
//! balloon of this workspace ([`Ours`]) and a balloon on the crate `virtio-drivers` ([`Peer`]).
//!
//! `cargo bench` measures time. `cargo xtask test --only counts` counts the instructions of the program `count` with
//! callgrind. The chapter "Benchmarks and counts" of the book explains the numbers.

mod blocks;
mod device;
mod device_only;
mod encode;
mod facts;
mod fragmented;
mod ours;
mod pci;
mod peer;
mod platform;

pub use blocks::{BlockBalloon, Blocks};
pub use device::{Accesses, AckDevice, Traffic};
pub use device_only::DeviceOnly;
pub use encode::{Aligned, Array, ENTRIES, copy, copy_baseline, encode_4k, encode_64k, encode_run, encode_wide};
pub use facts::{All, GIB, facts, memory, probe};
pub use fragmented::{Arrays, Fragmented, FragmentedKernel, Fragments};
pub use ours::{Config, Either, Format, Live, Ours};
pub use pci::{AckBar, AckFunction};
pub use peer::Peer;
pub use platform::{FrameOrder, Kernel};
