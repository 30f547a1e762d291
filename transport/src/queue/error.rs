//! What can go wrong with a virtqueue.

use thiserror::Error;

/// The device broke a rule of the protocol, or does not work. Unless the variant says otherwise, the queue that noticed is
/// unusable from then on.
///
/// Nothing that the device holds is given back after such an error: it may still be in use. Reset the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A used ring entry names a buffer that the device does not hold.
    #[error("queue {queue}: the device returned buffer {id}, which it does not hold; reset the device")]
    NotOutstanding {
        /// Number of the queue.
        queue: u16,
        /// The id in the used ring entry.
        id: u32,
    },
    /// A used ring entry reports more bytes than the buffer has room for.
    #[error(
        "queue {queue}: the device reports {length} bytes written to buffer {id}, which has room for {capacity}; \
         reset the device"
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
    /// The used index moved by more than the device holds.
    #[error(
        "queue {queue}: the used index went from {from} to {to} while the device holds {in_flight} buffers; \
         reset the device"
    )]
    IndexJumped {
        /// Number of the queue.
        queue: u16,
        /// The used index up to which entries have been taken.
        from: u16,
        /// The used index that the device published.
        to: u16,
        /// Buffers that the device holds.
        in_flight: u16,
    },
    /// The device asks to be reset (DEVICE_NEEDS_RESET).
    #[error("the device says that it needs a reset")]
    NeedsReset,
    /// A reset was asked for and did not finish: the device may stop at any time.
    #[error("the device was asked to reset and has not finished; ask again")]
    Resetting,
    /// The queue belongs to another device than the one that it was used with.
    #[error("queue {queue}: it belongs to another device, or to an earlier life of this one")]
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
    Config(#[from] crate::config::ConfigError),
}

/// Why a buffer was not added to a queue. The buffer is still the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// There are not enough free descriptors now; there will be once the device returns buffers.
    #[error("queue {queue}: {needed} descriptors are needed and {free} are free; take used buffers off first")]
    Full {
        /// Number of the queue.
        queue: u16,
        /// Descriptors that the buffer takes.
        needed: usize,
        /// Descriptors that are free.
        free: usize,
    },
    /// The buffer has more elements than the queue has descriptors in all.
    #[error("queue {queue}: a buffer of {needed} elements never fits into {capacity} descriptors; split it")]
    TooManyElements {
        /// Number of the queue.
        queue: u16,
        /// Elements of the buffer.
        needed: usize,
        /// Descriptors of the queue.
        capacity: usize,
    },
    /// The buffer has no element, or an element has no bytes.
    #[error("queue {queue}: a buffer needs at least one element and each element at least one byte")]
    Empty {
        /// Number of the queue.
        queue: u16,
    },
    /// A device-readable element stands behind a device-writable one.
    #[error("queue {queue}: device-readable elements come before device-writable ones")]
    Order {
        /// Number of the queue.
        queue: u16,
    },
    /// The elements have more than 2^32 - 1 bytes together.
    #[error("queue {queue}: the elements of one buffer have more than 4 GiB together; split it")]
    TooLong {
        /// Number of the queue.
        queue: u16,
    },
    /// An earlier error made the queue unusable.
    #[error("an earlier error made the queue unusable: {0}")]
    Poisoned(DeviceError),
}

/// Why a queue could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The device has no such queue.
    #[error("queue {queue}: the device does not have it (its size reads 0)")]
    Missing {
        /// Number of the queue.
        queue: u16,
    },
    /// The queue is too small for what the driver does with it.
    #[error("queue {queue}: the device and the driver have room for {size} descriptors, and {needed} are needed")]
    TooSmall {
        /// Number of the queue.
        queue: u16,
        /// Descriptors that both have room for: the device by its largest size, the driver by its `K`.
        size: u16,
        /// The least that the driver can work with.
        needed: u16,
    },
    /// The queue is in use already.
    #[error("queue {queue}: the device says that it is in use already")]
    InUse {
        /// Number of the queue.
        queue: u16,
    },
    /// There is no memory for the ring or its buffers, or the platform did not map it for the device.
    #[error("queue {queue}: no {bytes} bytes of memory that the device can reach")]
    NoMemory {
        /// Number of the queue.
        queue: u16,
        /// Bytes asked for.
        bytes: usize,
    },
    /// The device wants a size that no split ring can have.
    #[error(
        "queue {queue}: the device asks for {size} descriptors, and a split ring has a power of two, at most 32768"
    )]
    Size {
        /// Number of the queue.
        queue: u16,
        /// The size that the device reports.
        size: u16,
    },
    /// The legacy interface cannot express the address of the ring.
    #[error(
        "queue {queue}: the legacy interface cannot express the ring's address {address:#x} (a multiple of 4096, not 0, \
         below 16 TiB)"
    )]
    Address {
        /// Number of the queue.
        queue: u16,
        /// Where the ring is, as the device sees memory.
        address: u64,
    },
    /// The queue belongs to another device than the one that was to reset it.
    #[error("queue {queue}: it belongs to another device, or to an earlier life of this one")]
    OtherDevice {
        /// Number of the queue.
        queue: u16,
    },
    /// The device does not finish the reset of the queue. It may still be using it.
    #[error("queue {queue}: the device has not finished resetting it; reset the device")]
    ResetUnfinished {
        /// Number of the queue.
        queue: u16,
    },
    /// The registers of the device have no room for the queue's notification, or an address that is not aligned to it.
    #[error("queue {queue}: its notification address is outside the notification structure, or not aligned")]
    Notification {
        /// Number of the queue.
        queue: u16,
    },
    /// The device did not accept the interrupt vector for the queue.
    #[error("queue {queue}: the device did not accept MSI-X vector {vector}")]
    Vector {
        /// Number of the queue.
        queue: u16,
        /// The vector that was written.
        vector: u16,
    },
}
