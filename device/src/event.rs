//! The event log of the device model.

use std::ops::Range;

/// One event of the log, in the order in which they happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The driver wrote this value, which is not 0, to the device status.
    StatusWritten(u32),
    /// The driver reset the device.
    Reset {
        /// Number of pages in the balloon before the reset, which clears them.
        ballooned: usize,
    },
    /// The host reset the device: [`BalloonDevice::host_reset`](crate::BalloonDevice::host_reset).
    HostReset {
        /// Number of pages in the balloon before the reset, which clears them.
        ballooned: usize,
    },
    /// The host removed the device: [`BalloonDevice::remove`](crate::BalloonDevice::remove).
    Removed {
        /// Number of pages in the balloon before the removal.
        ballooned: usize,
    },
    /// The driver set FEATURES_OK with these features, and the device kept it.
    FeaturesAccepted(u64),
    /// The driver set FEATURES_OK with these features, and the device cleared it.
    FeaturesRejected(u64),
    /// The driver made a queue ready.
    QueueEnabled {
        /// The queue number.
        queue: u16,
        /// Number of descriptors.
        size: u32,
    },
    /// The driver disabled a queue.
    QueueDisabled {
        /// The queue number.
        queue: u16,
    },
    /// The driver reset one queue (RING_RESET).
    QueueReset {
        /// The queue number.
        queue: u16,
    },
    /// The driver notified a queue.
    Notified {
        /// The queue number.
        queue: u16,
    },
    /// The device processed one array of the inflate queue.
    Inflated {
        /// All entries, including invalid ones.
        pfns: Vec<u32>,
    },
    /// The device processed one array of the deflate queue.
    Deflated {
        /// All entries, including invalid ones.
        pfns: Vec<u32>,
    },
    /// The device read one buffer of the statistics queue.
    Statistics {
        /// Tags and values, in the order of the buffer.
        values: Vec<(u16, u64)>,
    },
    /// The host requested new statistics.
    StatisticsRequested,
    /// The device is about to complete a report.
    Reported {
        /// All page ranges of the report, including pages that are not free.
        runs: Vec<Range<u64>>,
    },
    /// The host set `free_page_hint_cmd_id`.
    HintCommand(u32),
    /// The driver opened the round of hints with this id.
    HintRoundOpened(u32),
    /// The driver hinted a page range.
    Hinted {
        /// The page numbers, including pages that are not free.
        pages: Range<u64>,
    },
    /// The driver ended the round of hints with this id.
    HintRoundClosed(u32),
    /// The device completed a buffer.
    Completed {
        /// The queue number.
        queue: u16,
        /// The head of the descriptor chain, or the buffer id in a packed ring.
        head: u16,
    },
    /// The driver wrote `actual`.
    ActualWritten(u32),
    /// The driver wrote `poison_val`.
    PoisonWritten(u32),
    /// The host set `num_pages`.
    TargetChanged(u32),
    /// The device raised its interrupt.
    Interrupt(Cause),
    /// The device set DEVICE_NEEDS_RESET.
    NeedsReset,
    /// An injected fault took effect: its `Debug` form.
    FaultInjected(String),
}

/// The cause of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The device used a buffer.
    UsedBuffer,
    /// The configuration changed, or the device set DEVICE_NEEDS_RESET.
    Configuration,
    /// None: an injected fault.
    Nothing,
}

/// Whether the device keeps a log of events. Violations are always recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logging {
    /// The device keeps all events.
    #[default]
    Full,
    /// The device keeps no events, so that a benchmark does not measure the log.
    Off,
}
