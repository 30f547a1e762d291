//! Atomics for the interleaving tests of this workspace, which [loom](https://docs.rs/loom) runs with `--cfg loom`.
//!
//! The tests run the code of the drivers. A crate takes its atomics from a module `sync`, which has those of `core` in every build
//! except that of these tests. The atomics here have the layout of those of `core`: they can be constants, and they can stand over
//! raw memory, such as a ring. Loom knows them by their address.
//!
//! Loom runs each model many times, with different interleavings of its threads and with different values for its loads, as the
//! orderings permit. `table` weakens one ordering at a time and records which test fails.
//!
//! The crate is empty without `--cfg loom`.

#[cfg(loom)]
mod atomic;
#[cfg(loom)]
mod data;
#[cfg(loom)]
mod memory;
#[cfg(loom)]
mod model;
#[cfg(loom)]
mod site;
#[cfg(loom)]
pub mod table;

#[cfg(loom)]
pub use self::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, fence, read_volatile, register, write_volatile};
#[cfg(loom)]
pub use self::data::Data;
#[cfg(loom)]
pub use self::memory::conflict;
#[cfg(loom)]
pub use self::model::{model, model_with_stack};
#[cfg(loom)]
pub use loom;
