//! Rules of the inflate and deflate queues.

/// A violation of the rules of the inflate and deflate queues (5.5.6), or of the form of an array in any queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageViolation {
    /// A project rule: an array, or a range of hinted pages, is one direct descriptor, because deployed devices expect no
    /// more.
    #[error("queue {queue} has {descriptors} descriptors at head {head}, expected 1")]
    ChainedArray {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
        /// Number of descriptors in the chain.
        descriptors: usize,
    },
    /// 5.5.6: arrays of page numbers and of statistics are device-readable.
    #[error("queue {queue} has a device-writable array at head {head}")]
    WritableArray {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 5.5.6: an array consists of one or more entries of 4 bytes.
    #[error("queue {queue} has an array of {bytes} bytes at head {head}, expected a multiple of 4")]
    ArrayLength {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
        /// Length in bytes.
        bytes: u64,
    },
    /// A project rule: an array has at most 256 entries, because Firecracker never completes longer ones.
    #[error("queue {queue} has an array of {entries} entries at head {head} (maximum 256)")]
    ArrayTooLong {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
        /// Number of entries.
        entries: u64,
    },
    /// The page is inside guest memory.
    #[error("page {pfn:#x} is outside guest memory")]
    OutsideMemory {
        /// The page number.
        pfn: u32,
    },
    /// An inflated page is not in the balloon already.
    #[error("page {pfn:#x} inflated, but it is already in the balloon")]
    InflatedTwice {
        /// The page number.
        pfn: u32,
    },
    /// A deflated page is in the balloon.
    #[error("page {pfn:#x} deflated, but it is not in the balloon")]
    NotInBalloon {
        /// The page number.
        pfn: u32,
    },
    /// 5.5.6: the driver does not use a page before it has deflated it.
    #[error("page {pfn:#x} touched while it was in the balloon")]
    Touched {
        /// The page number.
        pfn: u32,
    },
}
