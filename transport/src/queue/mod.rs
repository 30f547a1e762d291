//! Virtqueues ("Virtqueues", 2.6).
//!
//! A [`VirtQueue`] exchanges buffers of the caller's memory with the device. A [`BufferQueue`] owns the memory of its buffers,
//! so that using it is safe. Both check everything that the device writes against a private copy, see [`DeviceError`].

mod buffer;
mod buffer_queue;
mod error;
mod generation;
mod needs;
mod raw;
mod request;
mod shadow;
mod token;
mod virt_queue;

pub use self::buffer::{Reader, Writer};
pub use self::buffer_queue::BufferQueue;
pub(crate) use self::buffer_queue::buffers_layout;
pub use self::error::{AddError, DeviceError};
pub(crate) use self::generation::Generation;
pub use self::generation::{LiveProof, ResetProof};
pub use self::needs::QueueNeeds;
#[cfg(all(test, loom))]
pub(crate) use self::raw::Directions;
pub(crate) use self::raw::{QueueCore, QueueOps, RawQueue};
pub use self::request::{ReceiveError, Received, RequestQueue, Requests, SendError};
pub(crate) use self::shadow::Slot;
pub use self::token::{Token, Used};
pub(crate) use self::virt_queue::sealed::Parts;
pub use self::virt_queue::{Disabled, Enabled, Notification, Resettable, VirtQueue};
pub use crate::bus::QueueError;
pub use crate::ring::{Access, Element, Interrupts, QueueLimit, QueueSize, RingAddresses, RingPosition};
