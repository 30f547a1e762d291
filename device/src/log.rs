//! What the device was told, in the order in which it was told.

use std::ops::Range;

/// One thing that happened at the device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The driver wrote the device status: the value it wrote. A reset is [`Event::Reset`] instead.
    StatusWritten(u32),
    /// The driver reset the device.
    Reset {
        /// How many pages were in the balloon; the device forgets them.
        ballooned: usize,
    },
    /// The driver set FEATURES_OK with these features, and the device agreed.
    FeaturesAccepted(u64),
    /// The driver set FEATURES_OK with these features, and the device did not agree.
    FeaturesRejected(u64),
    /// The driver made a queue ready.
    QueueEnabled {
        /// Its number.
        queue: u16,
        /// Its size.
        size: u32,
    },
    /// The driver took a queue away from the device.
    QueueDisabled {
        /// Its number.
        queue: u16,
    },
    /// The driver reset a queue by itself.
    QueueReset {
        /// Its number.
        queue: u16,
    },
    /// The driver notified a queue.
    Notified {
        /// Its number.
        queue: u16,
    },
    /// One array of the inflate queue: all its entries, wrong ones too.
    Inflated {
        /// The page numbers.
        pfns: Vec<u32>,
    },
    /// One array of the deflate queue: all its entries, wrong ones too.
    Deflated {
        /// The page numbers.
        pfns: Vec<u32>,
    },
    /// One buffer of the statistics queue.
    Statistics {
        /// Tags and values, in the order in which they came.
        values: Vec<(u16, u64)>,
    },
    /// The host asked for newer statistics.
    StatisticsRequested,
    /// One report is about to be acknowledged.
    Reported {
        /// The ranges of page numbers that it named, wrong pages too.
        runs: Vec<Range<u64>>,
    },
    /// The host changed `free_page_hint_cmd_id`.
    HintCommand(u32),
    /// The driver opened a round of hints with this id.
    HintRoundOpened(u32),
    /// The driver hinted a range of pages, wrong pages too.
    Hinted {
        /// The page numbers.
        pages: Range<u64>,
    },
    /// The driver closed the round of hints that it had opened with this id.
    HintRoundClosed(u32),
    /// The device gave a buffer back.
    Completed {
        /// The queue.
        queue: u16,
        /// The head of the descriptor chain.
        head: u16,
    },
    /// The driver wrote `actual`.
    ActualWritten(u32),
    /// The driver wrote `poison_val`.
    PoisonWritten(u32),
    /// The host moved `num_pages`.
    TargetChanged(u32),
    /// The device raised its interrupt.
    Interrupt(Cause),
    /// The device set DEVICE_NEEDS_RESET.
    NeedsReset,
    /// The device misbehaved as it was told to: in which way.
    Misbehaved(String),
}

/// Why the device raised its interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It used a buffer.
    UsedBuffer,
    /// Its configuration changed, DEVICE_NEEDS_RESET included.
    Configuration,
    /// For nothing at all, which an honest device avoids.
    Nothing,
}

/// Whether events are kept. Violations always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logging {
    /// Every event is kept.
    #[default]
    Full,
    /// No event is kept, so that a benchmark does not measure the log.
    Off,
}
