//! Interleaving tests: contexts of a balloon in threads of a model of loom.
//!
//! Tests of whole balloons use the in-process device. Loom observes the atomics of this crate and the contents of the kernel's blocks, and
//! switches between threads there and at accesses to registers. The memory of rings is not observed.

mod handle_blocks;
mod kernel;
mod parts;
mod rig;
mod service;
mod signal;
mod split;
mod weaker;
