//! Atomics, fences and volatile accesses: those of `core`, or for the interleaving tests those that loom observes.

#[cfg(all(test, loom))]
pub(crate) use aerostat_interleavings::{AtomicU16, fence, read_volatile, write_volatile};
#[cfg(not(all(test, loom)))]
pub(crate) use core::ptr::{read_volatile, write_volatile};
#[cfg(not(all(test, loom)))]
pub(crate) use core::sync::atomic::{AtomicU16, fence};
