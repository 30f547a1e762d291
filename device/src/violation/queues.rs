//! Rules of queue set-up, queue reset and notifications.

/// A violation of queue set-up, queue reset or notification rules (4.2.2, 4.2.3, 2.6.1, 2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueViolation {
    /// 3.1.1: queues are configured between FEATURES_OK and DRIVER_OK.
    #[error("queue {queue} configured through offset {offset:#x} while the status was {status:#x}")]
    OutOfTurn {
        /// The queue number.
        queue: u32,
        /// Offset in bytes of the register.
        offset: usize,
        /// The status at that time.
        status: u32,
    },
    /// 4.2.2.2: size and addresses of a queue do not change while it is ready. 4.2.4: its maximum size is not read then.
    #[error("queue {queue} accessed through offset {offset:#x} while it was ready")]
    WhileReady {
        /// The queue number.
        queue: u32,
        /// Offset in bytes of the register.
        offset: usize,
    },
    /// 4.2.3.2, 4.2.4: the driver reads QueueReady (legacy: QueuePFN) and QueueSizeMax before it makes a queue ready.
    #[error("queue {queue} made ready before its ready state and its maximum size were read")]
    NotChecked {
        /// The queue number.
        queue: u32,
    },
    /// The device has no queue of this number.
    #[error("queue {queue} made ready, but the device has no such queue")]
    NotFound {
        /// The queue number.
        queue: u32,
    },
    /// 5.5.2: a queue exists only if its feature is negotiated.
    #[error("queue {queue} made ready, but its feature was not negotiated")]
    WithoutFeature {
        /// The queue number.
        queue: u32,
    },
    /// 5.5.2: the queue of a feature that is not negotiated has no purpose. It is only ready because the device demands that:
    /// [`Quirk::NeedsAllQueues`](crate::Quirk::NeedsAllQueues).
    #[error("queue {queue} notified, but its feature was not negotiated")]
    UsedWithoutFeature {
        /// The queue number.
        queue: u16,
    },
    /// 5.5.5: the queue of a negotiated feature is set up before DRIVER_OK.
    #[error("DRIVER_OK set before queue {queue} of a negotiated feature was set up")]
    NotSetUp {
        /// The queue number.
        queue: u16,
    },
    /// 4.2.2.2, 2.7: the size of a split queue is a power of two; every size is at most QueueSizeMax.
    #[error("queue {queue} made ready with invalid size {size} (maximum {max})")]
    Size {
        /// The queue number.
        queue: u32,
        /// The size that the driver wrote.
        size: u32,
        /// The maximum size of the device.
        max: u32,
    },
    /// 2.7: the areas of a queue are aligned, inside memory and disjoint.
    #[error(
        "queue {queue} made ready with areas at {descriptors:#x}, {driver:#x} and {device:#x}: unaligned, overlapping, or outside memory"
    )]
    Address {
        /// The queue number.
        queue: u32,
        /// Address of the descriptor area.
        descriptors: u64,
        /// Address of the driver area.
        driver: u64,
        /// Address of the device area.
        device: u64,
    },
    /// 4.2.3.2: the areas are zeroed before a queue is made ready.
    #[error("queue {queue} made ready with areas that are not zeroed")]
    NotZeroed {
        /// The queue number.
        queue: u32,
    },
    /// 4.2.2: the driver writes only 1 to QueueReset, and only for a ready queue.
    #[error("{value} written to QueueReset of queue {queue}: only 1 is allowed, and only for a ready queue")]
    Reset {
        /// The queue number.
        queue: u32,
        /// The value that the driver wrote.
        value: u32,
    },
    /// 4.2.2.2: the driver reads 0 from QueueReset before it configures the queue again.
    #[error("queue {queue} configured through offset {offset:#x} before the driver read that its reset was complete")]
    ResetNotRead {
        /// The queue number.
        queue: u32,
        /// Offset in bytes of the register.
        offset: usize,
    },
    /// 3.1.1: the driver sends no notification before DRIVER_OK.
    #[error("queue {queue} notified while the status was {status:#x}")]
    NotifiedBeforeDriverOk {
        /// The queue number.
        queue: u32,
        /// The status at that time.
        status: u32,
    },
    /// The driver notifies only ready queues.
    #[error("queue {queue} notified, but it is not ready")]
    NotifiedNotReady {
        /// The value that the driver wrote to QueueNotify: the queue number, unless it is invalid.
        queue: u32,
    },
    /// 2.9: notification data is the position of the next available buffer.
    #[error("queue {queue} notified with position {data:#x}, expected {position:#x}")]
    NotificationData {
        /// The queue number.
        queue: u16,
        /// The notification data: offset in the low 15 bits, wrap counter in bit 15.
        data: u16,
        /// The position in the ring.
        position: u16,
    },
}
