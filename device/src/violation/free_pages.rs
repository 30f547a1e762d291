//! Rules of free page reporting and hinting.

/// A violation of the rules of free page reporting (5.5.6.7) or hinting (5.5.6.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FreePageViolation {
    /// A range consists of one or more whole pages of guest memory.
    #[error("queue {queue} has a range of {bytes} bytes at {address:#x}, which is not whole pages of guest memory")]
    Range {
        /// The queue number.
        queue: u16,
        /// Start of the range, a device address.
        address: u64,
        /// Length in bytes.
        bytes: u32,
    },
    /// A page in the balloon is not free.
    #[error("queue {queue} names page {page:#x} as free, but it is in the balloon")]
    InBalloon {
        /// The queue number.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// A page that contains rings or buffers is not free.
    #[error("queue {queue} names page {page:#x} as free, but it contains rings or buffers")]
    InUse {
        /// The queue number.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// A page is named once: not again in the same report, in another report in flight, or in the same round of hints.
    #[error("queue {queue} names page {page:#x} twice")]
    Twice {
        /// The queue number.
        queue: u16,
        /// The page number.
        page: u64,
    },
    /// All descriptors of a report are device-writable.
    #[error("queue {queue} has a device-readable descriptor in the report at head {head}")]
    ReadableReport {
        /// The queue number.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// The driver makes no report available before DRIVER_OK.
    #[error("DRIVER_OK set while the reporting queue had {buffers} available buffers, expected 0")]
    ReportedBeforeDriverOk {
        /// Number of available buffers.
        buffers: u16,
    },
    /// With PAGE_POISON every 32-bit word of a reported page is `poison_val`.
    #[error("page {page:#x} reported, but it is not filled with poison_val")]
    NotPoisoned {
        /// The page number.
        page: u64,
    },
    /// The driver does not use a reported page before the report is completed.
    #[error("page {page:#x} touched while it was reported")]
    TouchedWhileReported {
        /// The page number.
        page: u64,
    },
    /// The driver does not use a reported page that it keeps in the balloon before it returns it to the kernel.
    #[error("page {page:#x} touched while it was held in the balloon after its report")]
    TouchedWhileHeld {
        /// The page number.
        page: u64,
    },
    /// The driver does not use a hinted page before it has read DONE, unless it has returned the page to a
    /// [`TestPlatform`](crate::TestPlatform) of the device, which checks its own rules for that.
    #[error("page {page:#x} touched before the device had finished the round of hints")]
    TouchedWhileHinted {
        /// The page number.
        page: u64,
    },
    /// A device-readable buffer of the hinting queue is a command id of 4 bytes.
    #[error("command id of {bytes} bytes at head {head}, expected 4")]
    IdLength {
        /// The head.
        head: u16,
        /// Length in bytes.
        bytes: u64,
    },
    /// Pages are hinted only between the command id and STOP.
    #[error("pages hinted outside a round at head {head}")]
    OutsideRound {
        /// The head.
        head: u16,
    },
    /// STOP ends an open round.
    #[error("STOP sent while no round was open")]
    StopOutsideRound,
    /// The driver hints no more pages after it has read STOP or DONE.
    #[error("pages hinted at head {head} after the driver had read command {command}")]
    HintedAfterStop {
        /// The head.
        head: u16,
        /// The command that the driver had read.
        command: u32,
    },
    /// The driver opens a round with the command id that it read last.
    #[error("round opened with id {id}, but the driver had last read {read:?}")]
    StaleId {
        /// The id that the driver sent.
        id: u32,
        /// The command that the driver had read last, if any.
        read: Option<u32>,
    },
    /// The driver sends a command id once.
    #[error("command id {id} sent twice")]
    IdTwice {
        /// The id.
        id: u32,
    },
    /// Only the device uses the command DONE.
    #[error("DONE sent by the driver")]
    DoneSent,
    /// STOP ends each round before the next one opens.
    #[error("round {id} opened before round {open} was ended with STOP")]
    RoundNotEnded {
        /// The round that is still open.
        open: u32,
        /// The id of the new round.
        id: u32,
    },
}
