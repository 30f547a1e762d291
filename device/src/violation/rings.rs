//! The rules of order and of indirect tables.

/// A rule of the order of descriptors or of indirect tables (2.7, 2.8) that the driver broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingViolation {
    /// 2.7.5.3: an indirect descriptor is the last of its chain in the ring.
    #[error("queue {queue} has an indirect descriptor with a link at head {head}")]
    IndirectLinked {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.7.5.3: an indirect table refers to no other one.
    #[error("queue {queue} has an indirect descriptor in the indirect table at head {head}")]
    IndirectNested {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.8.19: only the write flag is set in an indirect table of a packed ring.
    #[error("queue {queue} has other flags than the write flag in the indirect table of buffer {head}")]
    IndirectFlags {
        /// The queue.
        queue: u16,
        /// The buffer id.
        head: u16,
    },
    /// 2.8.16: descriptors of a packed ring are made available only where the device has used those before.
    #[error("queue {queue} has more descriptors in flight than its ring has, with buffer {head}")]
    Overrun {
        /// The queue.
        queue: u16,
        /// The buffer id.
        head: u16,
    },
    /// 2.7.5: with IN_ORDER the driver uses the descriptors of a table one after the other.
    #[error("queue {queue} has descriptors out of their order at head {head}, with IN_ORDER")]
    Unordered {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
}
