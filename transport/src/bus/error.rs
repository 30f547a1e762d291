//! Errors of setting up a bus or a queue, and of the configuration space.

use aerostat_spec::QueueSpec;
use thiserror::Error;

use crate::dma::MapError;

/// The bus could not be set up for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusError {
    /// The device did not accept the interrupt vector for configuration changes.
    #[error("the device rejected MSI-X vector {vector} for configuration changes")]
    Vector {
        /// The vector that was written.
        vector: u16,
    },
}

/// A queue could not be set up or reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The device does not have the queue.
    #[error("the device does not have queue {queue} (its size reads 0)")]
    Missing {
        /// Number of the queue.
        queue: u16,
    },
    /// The queue has fewer descriptors than the driver needs.
    #[error("queue {queue} has {size} usable descriptors and the driver needs {needed}")]
    TooSmall {
        /// Number of the queue.
        queue: u16,
        /// Usable descriptors: the lesser of the device's maximum and the driver's `K`.
        size: u16,
        /// The number that the driver needs.
        needed: u16,
    },
    /// The queue is already enabled.
    #[error("queue {queue} is already enabled")]
    InUse {
        /// Number of the queue.
        queue: u16,
    },
    /// The platform could not allocate memory for the ring or its buffers, or could not map it for the device.
    #[error("failed to allocate {bytes} bytes of DMA memory for queue {queue}")]
    NoMemory {
        /// Number of the queue.
        queue: u16,
        /// Bytes that were requested.
        bytes: usize,
    },
    /// The device has a ring size that a split ring cannot have. Only the legacy interface of PCI lets a device choose it.
    #[error("queue {queue} has {size} descriptors, which is not a power of two")]
    Size {
        /// Number of the queue.
        queue: u16,
        /// The size that was read.
        size: u16,
    },
    /// The legacy interface cannot express the address of the ring.
    #[error(
        "queue {queue}: the ring is at {address:#x}; the legacy interface requires a multiple of 4096 between 4096 and 16 TiB"
    )]
    Address {
        /// Number of the queue.
        queue: u16,
        /// Address of the ring for the device.
        address: u64,
    },
    /// The queue was set up for another device than the one that was to reset it, or before the last reset.
    #[error("queue {queue} belongs to another device, or was set up before the last reset of this one")]
    OtherDevice {
        /// Number of the queue.
        queue: u16,
    },
    /// The feature that the queue depends on was not negotiated with this device: the proof is that of another device.
    #[error("the queue `{}` depends on a feature that was not negotiated with this device", queue.name)]
    NotNegotiated {
        /// The queue.
        queue: &'static QueueSpec,
    },
    /// The [`Dma`](crate::Dma) object belongs to another IOMMU domain than the registers of the device.
    #[error(
        "the `Dma` object belongs to another IOMMU domain than the device; use an object of its domain, and say which one that \
         is with `InDomain` or `Io::domain`"
    )]
    OtherDomain,
    /// [`Dma::map`](crate::Dma::map) translates addresses, and [`Dma::domain`](crate::Dma::domain) was not implemented.
    #[error("the `Dma` object translates addresses in the domain of the identity mapping; implement `Dma::domain` too")]
    NoDomain,
    /// The device may number its queues in several ways, which give a queue different numbers, and nothing that a driver can
    /// read tells them apart. See [`Numbering`](crate::Numbering).
    #[error(
        "the queue `{}` is queue {} or queue {} of the device, depending on how the device numbers its queues; choose the \
         numbering with `Options::numbering` or `Device::number_queues`", queue.name, numbers[0], numbers[1]
    )]
    AmbiguousNumbers {
        /// The queue.
        queue: &'static QueueSpec,
        /// Two numbers that the queue may have.
        numbers: [u16; 2],
    },
    /// The device offers the feature of a queue, and does not have the queue under any number that is in use.
    #[error(
        "the device does not have the queue `{}` under any known number; leave out its feature, or choose the numbering \
         with `Options::numbering` or `Device::number_queues`",
        queue.name
    )]
    UnknownNumbers {
        /// The queue.
        queue: &'static QueueSpec,
    },
    /// The device is gone: its registers read all ones.
    #[error("the device is gone: its registers read all ones; it was removed, or its bus does not work")]
    Gone,
    /// The legacy interface cannot reset a single queue.
    #[error("queue {queue} cannot be reset through the legacy interface; reset the device")]
    LegacyInterface {
        /// Number of the queue.
        queue: u16,
    },
    /// The device has not finished the reset of the queue and may still use it.
    #[error("the device has not finished the reset of queue {queue}; reset the device")]
    ResetUnfinished {
        /// Number of the queue.
        queue: u16,
    },
    /// The notification address of the queue is outside the notification structure or not aligned.
    #[error("the notification address of queue {queue} is outside the notification structure or not aligned")]
    Notification {
        /// Number of the queue.
        queue: u16,
    },
    /// The device did not accept the interrupt vector for the queue.
    #[error("the device rejected MSI-X vector {vector} for queue {queue}")]
    Vector {
        /// Number of the queue.
        queue: u16,
        /// The vector that was written.
        vector: u16,
    },
}

impl QueueError {
    /// Returns the error for memory of a queue that was not allocated or mapped.
    #[cold]
    #[inline(never)]
    pub(crate) const fn of_mapping(queue: u16, bytes: usize, error: MapError) -> Self {
        match error {
            MapError::OtherDomain => Self::OtherDomain,
            MapError::NoDomain => Self::NoDomain,
            MapError::Failed { .. } => Self::NoMemory { queue, bytes },
        }
    }
}

/// A configuration field could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration space ends before the field does.
    #[error("the field `{field}` ends at byte {end} and the configuration space has {len} bytes")]
    TooSmall {
        /// The field's name in the description.
        field: &'static str,
        /// Bytes up to the end of the field.
        end: usize,
        /// Length of the configuration space in bytes.
        len: usize,
    },
    /// The configuration changed during every attempt to read the field. Without a generation count, the value itself did.
    #[error("failed to read the field `{field}`: the configuration changed during each of {attempts} attempts")]
    Unstable {
        /// The field's name in the description.
        field: &'static str,
        /// Number of attempts.
        attempts: u32,
    },
}
