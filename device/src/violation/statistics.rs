//! Rules of the statistics queue.

/// A violation of the rules of the statistics queue (5.5.6.3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsViolation {
    /// The driver makes one buffer available before it sets DRIVER_OK.
    #[error("DRIVER_OK set while the statistics queue had {buffers} available buffers, expected 1")]
    NotPrimed {
        /// Number of available buffers.
        buffers: u16,
    },
    /// The driver notifies the device of each buffer. Detected when the host requests statistics, and only by a device
    /// without its own thread.
    #[error("statistics buffer made available without a notification")]
    NotNotified,
    /// At most one buffer is in the queue.
    #[error("statistics buffer {head} made available while the device still had another one")]
    TwoBuffers {
        /// The head of the later buffer.
        head: u16,
    },
    /// A buffer consists of one or more entries of 10 bytes.
    #[error("statistics buffer of {bytes} bytes, expected a multiple of 10")]
    Length {
        /// Length in bytes.
        bytes: u64,
    },
    /// Each tag occurs once in a buffer.
    #[error("statistics tag {tag} occurs twice in one buffer")]
    TagTwice {
        /// The tag.
        tag: u16,
    },
    /// Every buffer has the same set of tags.
    #[error("statistics tags changed from {before:?} to {now:?}")]
    TagsChanged {
        /// The tags of the previous buffer, in ascending order.
        before: Vec<u16>,
        /// The tags of this buffer, in ascending order.
        now: Vec<u16>,
    },
}
