//! Errors of virtqueues in use.

use thiserror::Error;

use crate::bus::ConfigError;

/// The device broke the protocol or does not work. Unless the variant says otherwise, the queue that reports it is unusable
/// from then on.
///
/// Buffers in flight are not returned after such an error, because the device may still use them. Reset the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A used ring entry names a buffer that is not in flight.
    #[error("queue {queue}: the device returned buffer {id}, which is not in flight; reset the device")]
    NotOutstanding {
        /// Number of the queue.
        queue: u16,
        /// The id in the used ring entry.
        id: u32,
    },
    /// A used ring entry reports more bytes than the buffer holds.
    #[error(
        "queue {queue}: the device reports {length} bytes written to buffer {id}, which holds {capacity}; reset the device"
    )]
    LengthTooLong {
        /// Number of the queue.
        queue: u16,
        /// The id in the used ring entry.
        id: u32,
        /// The length in the used ring entry, in bytes.
        length: u32,
        /// Bytes of the buffer that the device may write.
        capacity: u32,
    },
    /// The used index moved by more than the number of buffers in flight.
    #[error(
        "queue {queue}: the used index went from {from} to {to} with {in_flight} buffers in flight; reset the device"
    )]
    IndexJumped {
        /// Number of the queue.
        queue: u16,
        /// The used index up to which the driver has taken entries.
        from: u16,
        /// The used index that the device published.
        to: u16,
        /// Number of buffers in flight.
        in_flight: u16,
    },
    /// The device asks for a reset (DEVICE_NEEDS_RESET), or has set FAILED.
    #[error("the device needs a reset: reset it, and set it up again")]
    NeedsReset,
    /// DRIVER_OK is no longer set: the host or the firmware reset the device, for instance when the machine was reset or
    /// resumed from suspension.
    #[error(
        "the device was reset by the host or the firmware: it has lost its queues and features; reset it and set it up again"
    )]
    HostReset,
    /// The device is gone: its registers read all ones.
    #[error(
        "the device is gone: its registers read all ones; if it can no longer access memory, take its memory back with \
         `assume_reset`"
    )]
    Gone,
    /// A reset was requested and has not finished: the device may stop at any time.
    #[error("the device has not finished a requested reset; request it again")]
    Resetting,
    /// The queue was set up for another device than the one that it was used with, or before the last reset.
    #[error("queue {queue} belongs to another device, or was set up before the last reset of this one")]
    OtherDevice {
        /// Number of the queue.
        queue: u16,
    },
    /// The device did not return a buffer within the time that the driver allows. It may still do so.
    #[error("queue {queue}: the device has not answered in time; wait longer, or reset the device")]
    NoAnswer {
        /// Number of the queue.
        queue: u16,
    },
    /// The configuration space cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A buffer was not added to a queue. The caller still owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// There are not enough free descriptors until the device returns buffers.
    #[error("queue {queue}: the buffer needs {needed} descriptors and {free} are free; take used buffers off first")]
    Full {
        /// Number of the queue.
        queue: u16,
        /// Descriptors that the buffer takes.
        needed: usize,
        /// Free descriptors.
        free: usize,
    },
    /// The buffer has more elements than the queue has descriptors.
    #[error("queue {queue}: a buffer of {needed} elements does not fit into {capacity} descriptors; split it")]
    TooManyElements {
        /// Number of the queue.
        queue: u16,
        /// Elements of the buffer.
        needed: usize,
        /// Descriptors of the queue.
        capacity: usize,
    },
    /// The buffer has no elements, or an element has no bytes.
    #[error("queue {queue}: the buffer has no elements, or an element has no bytes")]
    Empty {
        /// Number of the queue.
        queue: u16,
    },
    /// A device-readable element follows a device-writable one.
    #[error("queue {queue}: a device-readable element follows a device-writable one; sort the elements")]
    Order {
        /// Number of the queue.
        queue: u16,
    },
    /// An element has a direction that the queue does not have: the device only reads its buffers, or only writes them.
    #[error(
        "queue {queue}: the device only reads or only writes the buffers of this queue, and an element is for the other"
    )]
    Direction {
        /// Number of the queue.
        queue: u16,
    },
    /// The elements are longer than 2^32 - 1 bytes together.
    #[error("queue {queue}: the buffer is longer than 4 GiB; split it")]
    TooLong {
        /// Number of the queue.
        queue: u16,
    },
    /// An earlier error made the queue unusable.
    #[error("the queue is unusable after an earlier error: {0}")]
    Poisoned(DeviceError),
}
