//! Rings in shared memory ("Virtqueues", 2.6): layout, descriptors, and the indexes and flags that both sides write.
//!
//! A ring does not know which buffers are in flight; [`queue`](crate::queue) checks what the device reports.

mod addresses;
mod element;
mod format;
mod indirect;
mod packed;
mod rules;
mod shared;
mod size;
mod split;

#[cfg(feature = "legacy")]
pub(crate) use self::addresses::LEGACY_ALIGN;
pub use self::addresses::RingAddresses;
pub use self::element::{Access, Element, Interrupts};
pub(crate) use self::format::Ring;
pub(crate) use self::indirect::IndirectTables;
#[cfg(all(test, loom))]
pub(crate) use self::rules::Events;
pub(crate) use self::rules::{Format, Indirect, RuleBounds, Rules, Unbounded, UseOrder};
#[cfg(all(test, loom))]
pub(crate) use self::shared::passes_event;
pub(crate) use self::shared::{Link, NextUsed};
pub use self::size::{QueueLimit, QueueSize, RingPosition};
