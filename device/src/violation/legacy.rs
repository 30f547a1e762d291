//! Rules of the legacy interface.

/// A violation of the rules of the legacy interface (4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyViolation {
    /// 4.2.4: GuestPageSize is a power of two, and the driver writes it before any queue is ready.
    #[error("invalid GuestPageSize {bytes}: it must be a power of two and cannot change once a queue is ready")]
    GuestPageSize {
        /// The value that the driver wrote, in bytes.
        bytes: u32,
    },
    /// 4.2.4: QueuePFN is in units of GuestPageSize, so the driver writes GuestPageSize first.
    #[error("queue {queue} made ready before GuestPageSize was written")]
    GuestPageSizeNotWritten {
        /// The queue number.
        queue: u32,
    },
    /// 4.2.4: QueueAlign is a power of two.
    #[error("queue {queue} made ready with invalid QueueAlign {align}: it must be a power of two")]
    QueueAlign {
        /// The queue number.
        queue: u32,
        /// The value that the driver wrote, in bytes.
        align: u32,
    },
}
