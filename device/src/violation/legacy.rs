//! The rules of the legacy interface.

/// A rule of the legacy interface that the driver broke (4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyViolation {
    /// 4.2.4: GuestPageSize is a power of 2, and is written before any queue is made ready.
    #[error("guest page size {bytes} written: it is a power of 2, and fixed once a queue is ready")]
    GuestPageSize {
        /// What the driver wrote.
        bytes: u32,
    },
    /// 4.2.4: QueuePFN counts in pages of the guest.
    #[error("queue {queue} made ready before the guest page size was written")]
    NoGuestPageSize {
        /// The queue.
        queue: u32,
    },
    /// 4.2.4: QueueAlign is a power of 2.
    #[error("queue {queue} made ready with its used ring aligned to {align} bytes: it is a power of 2")]
    QueueAlign {
        /// The queue.
        queue: u32,
        /// What the driver wrote.
        align: u32,
    },
}
