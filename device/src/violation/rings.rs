//! Rules of rings and descriptor chains.

/// A violation of the rules of rings, descriptor chains and buffers (2.7, 2.8).
///
/// `head` is the head of the chain in a split ring and the buffer id in a packed ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingViolation {
    /// 2.7.13: the available index is at most the queue size ahead of the device.
    #[error("queue {queue} has available index {index}, more than the queue size ahead of {expected}")]
    AvailableIndex {
        /// The queue number.
        queue: u16,
        /// The index that the driver wrote.
        index: u16,
        /// The index up to which the device has taken buffers.
        expected: u16,
    },
    /// 2.7.5, 2.8.17: the chain leaves the table, loops, is not readable, or is not made available as a whole.
    #[error("queue {queue} has a broken descriptor chain at head {head}")]
    BrokenChain {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// The driver made a head available again while the device still owned it.
    #[error("queue {queue} made head {head} available again while it was in flight")]
    HeadInFlight {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.7.5.3: indirect descriptors require INDIRECT_DESC.
    #[error("queue {queue} has an indirect descriptor at head {head}, but INDIRECT_DESC was not negotiated")]
    IndirectWithoutFeature {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.7.5.3: an indirect descriptor is the last one of its chain.
    #[error("queue {queue} has an indirect descriptor with a next descriptor at head {head}")]
    IndirectLinked {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.7.5.3: an indirect table contains no indirect descriptors.
    #[error("queue {queue} has an indirect descriptor inside the indirect table of head {head}")]
    IndirectNested {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.8.19: an indirect table of a packed ring uses no flag except WRITE.
    #[error("queue {queue} has flags other than WRITE in the indirect table of buffer {head}")]
    IndirectFlags {
        /// The queue number.
        queue: u16,
        /// The buffer id.
        head: u16,
    },
    /// 2.8.16: the descriptors in flight of a packed ring are at most the queue size.
    #[error("queue {queue} has more descriptors in flight than its size, at buffer {head}")]
    Overrun {
        /// The queue number.
        queue: u16,
        /// The buffer id.
        head: u16,
    },
    /// 2.7.5: with IN_ORDER the driver uses the descriptors of a table in ring order.
    #[error("queue {queue} uses descriptors out of order at head {head}, but IN_ORDER was negotiated")]
    OutOfOrder {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 6.1: with ACCESS_PLATFORM the device accesses only memory that is mapped for it.
    #[error("the device accessed {bytes} bytes at device address {address:#x}, which are not mapped")]
    Unmapped {
        /// The device address.
        address: u64,
        /// The length in bytes.
        bytes: u64,
    },
}
