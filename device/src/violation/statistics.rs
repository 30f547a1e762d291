//! The rules of the statistics queue.

/// A rule of the statistics queue (5.5.6.3) that the driver broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsViolation {
    /// A buffer has to be in the queue when the driver sets DRIVER_OK.
    #[error("DRIVER_OK set while the statistics queue had {buffers} new buffers: it has to have one")]
    NotPrimed {
        /// How many there were.
        buffers: u16,
    },
    /// The driver notifies the device of each buffer that it adds. Noticed when the host asks for statistics, by a device
    /// without a thread of its own.
    #[error("a statistics buffer was made available without a notification")]
    NotNotified,
    /// There is at most one buffer in the queue.
    #[error("statistics buffer {head} made available while the device still had another one")]
    TwoBuffers {
        /// The head of the later one.
        head: u16,
    },
    /// A buffer has whole entries of 10 bytes, at least one.
    #[error("statistics of {bytes} bytes, where entries of 10 bytes are expected")]
    Length {
        /// Its length.
        bytes: u64,
    },
    /// A statistic comes once in a buffer.
    #[error("statistic {tag} comes twice in one buffer")]
    TagTwice {
        /// The tag.
        tag: u16,
    },
    /// The same statistics are in every buffer.
    #[error("statistics {now:?}, where there were {before:?} in the buffer before")]
    TagsChanged {
        /// The tags of the buffer before, in ascending order.
        before: Vec<u16>,
        /// The tags now, in ascending order.
        now: Vec<u16>,
    },
}
