//! The rules of the queues that free pages go through: reporting and hinting.

/// A rule of free page reporting (5.5.6.7) or hinting (5.5.6.5) that the driver broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FreePageViolation {
    /// A range of pages that is empty, no whole pages, or outside guest memory.
    #[error("queue {queue} has a range of {bytes} bytes at {address:#x}, which are no whole pages of guest memory")]
    Range {
        /// The queue.
        queue: u16,
        /// Where it starts, as the device sees it.
        address: u64,
        /// Its length.
        bytes: u32,
    },
    /// A page that is in the balloon is not free.
    #[error("queue {queue} has page {page:#x} as a free one, which is in the balloon")]
    InBalloon {
        /// The queue.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// A page that holds rings or buffers is not free.
    #[error("queue {queue} has page {page:#x} as a free one, which holds rings or buffers")]
    InUse {
        /// The queue.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// A page that the device already has: in the same report, in one that is in flight, or in the same round of hints.
    #[error("queue {queue} has page {page:#x} a second time")]
    Twice {
        /// The queue.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// Reports are lists of device-writable buffers: nothing in them is read.
    #[error("queue {queue} has a device-readable element in the report at head {head}")]
    ReadableReport {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// Reports begin after DRIVER_OK.
    #[error("DRIVER_OK set while {buffers} reports were in the queue: reports begin only then")]
    ReportedBeforeDriverOk {
        /// How many there were.
        buffers: u16,
    },
    /// A reported page holds `poison_val` throughout where PAGE_POISON was negotiated.
    #[error("page {page:#x} reported, which is not filled with poison_val")]
    NotPoisoned {
        /// The page number.
        page: u64,
    },
    /// A reported page is not used before the report is acknowledged.
    #[error("page {page:#x} was touched while it was reported")]
    TouchedWhileReported {
        /// The page number.
        page: u64,
    },
    /// A hinted page is not used before the driver has seen that the device is done.
    #[error("page {page:#x} was touched before the device was done with the hints")]
    TouchedWhileHinted {
        /// The page number.
        page: u64,
    },
    /// A device-readable buffer of the hinting queue is a command id of 4 bytes.
    #[error("the command id at head {head} has {bytes} bytes, where 4 are expected")]
    IdLength {
        /// The head.
        head: u16,
        /// Its length.
        bytes: u64,
    },
    /// Pages are hinted only between the command id and STOP.
    #[error("pages hinted at head {head} outside of a round")]
    OutsideRound {
        /// The head.
        head: u16,
    },
    /// STOP ends a round, and there was none.
    #[error("STOP sent while no round was open")]
    StopOutsideRound,
    /// No pages are hinted once the driver has seen STOP or DONE.
    #[error("pages hinted at head {head} after the driver had read command {command}")]
    HintedAfterStop {
        /// The head.
        head: u16,
        /// What it had read.
        command: u32,
    },
    /// A round is opened with the command id that the driver has last read.
    #[error("a round was opened with id {id}, where the driver had last read {read:?}")]
    StaleId {
        /// What it sent.
        id: u32,
        /// What it had read, if anything.
        read: Option<u32>,
    },
    /// A command id is sent once.
    #[error("command id {id} sent a second time")]
    IdTwice {
        /// The id.
        id: u32,
    },
    /// DONE is a word of the device's alone.
    #[error("DONE sent by the driver")]
    DoneSent,
    /// Each round ends with STOP.
    #[error("round {id} was opened before round {open} had been ended with STOP")]
    RoundNotEnded {
        /// The round that is still open.
        open: u32,
        /// The next one.
        id: u32,
    },
}
