//! The device model: everything that the lock of a device protects.
//!
//! Layers, from the bottom up:
//!
//! | module | contents |
//! |---|---|
//! | `features`, `numbering`, `options`, `page_set` | feature bits, queue numbers, what the builder chooses, sets of pages |
//! | `ring` | one virtqueue in memory, split or packed |
//! | `state` | [`State`] and the data it consists of |
//! | `queues` | what a buffer of each queue means |
//! | `buffers` | scheduling: the device takes, holds and completes buffers |
//! | `registers` | the register file of the MMIO transport |
//!
//! `queues`, `buffers` and `registers` implement methods of [`State`].

mod buffers;
pub mod features;
mod numbering;
mod options;
mod page_set;
mod queues;
mod registers;
mod ring;
mod state;

pub(crate) use buffers::Progress;
pub use numbering::{Numbering, QueueKind};
pub use options::{HintCommand, Notifications, UsedEntries, Work};
pub(crate) use options::{Interface, Options, Timing};
pub(crate) use page_set::PageSet;
pub(crate) use queues::TakenBack;
pub(crate) use registers::CONFIG;
pub(crate) use ring::{Chain, Completion, Defect, EventMode, Format, Order, Ring, RingSetup, new_ring};
pub(crate) use state::State;
