//! What a driver must not do, as the device notices it.

mod free_pages;
mod legacy;
mod rings;
mod statistics;

pub use free_pages::FreePageViolation;
pub use legacy::LegacyViolation;
pub use rings::RingViolation;
pub use statistics::StatisticsViolation;

/// A rule of the specification that the driver broke, or a decision of this project that its driver has to keep.
///
/// A device that finds one goes on: it ignores the wrong part and does the rest. Tests assert that there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// 4.2.2.2: there is no register at this offset.
    #[error("{access} of offset {offset:#x}, where no register is")]
    UndefinedRegister {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
    },
    /// A register that a driver of this device with these features has no use for.
    #[error("{access} of the register at {offset:#x}, which this driver has no use for")]
    NeedlessRegister {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.2.2: a read of a write-only register or a write to a read-only one.
    #[error("{access} of the register at {offset:#x}, which allows no such access")]
    WrongDirection {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.2.2: control registers take aligned 32-bit accesses only, fields of 32 bits too.
    #[error("{access} of {bits} bits at {offset:#x}: only aligned accesses of 32 bits are allowed there")]
    WrongWidth {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
        /// Bits of the access.
        bits: u32,
    },
    /// 4.2.2.2: a register was used before the one that selects what it stands for.
    #[error("{access} of the register at {offset:#x} before its selector was written")]
    SelectorNotWritten {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.3.1.1: MagicValue and Version, then DeviceID, are read before anything else.
    #[error("{access} of the register at {offset:#x} before MagicValue, Version and DeviceID were read in this order")]
    NotIdentified {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the registers.
        offset: usize,
    },
    /// 2.1.1: a status bit is never cleared except by a reset.
    #[error("status went from {from:#x} to {to:#x}: bits are cleared by a reset only")]
    StatusBitsDropped {
        /// The status before.
        from: u32,
        /// What the driver wrote.
        to: u32,
    },
    /// 3.1.1: the status bits are set one after the other, in order.
    #[error("status went from {from:#x} to {to:#x}, out of the order of initialization")]
    StatusOrder {
        /// The status before.
        from: u32,
        /// What the driver wrote.
        to: u32,
    },
    /// 3.1.1: features are settled once FEATURES_OK is set; on the legacy interface, once a queue is ready or DRIVER_OK set.
    #[error("features written after they were settled")]
    FeaturesAfterFeaturesOk,
    /// 2.2.1: only offered features are accepted.
    #[error("features {accepted:#x} accepted, of which {:#x} were never offered", accepted & !offered)]
    FeaturesNotOffered {
        /// What the driver accepted.
        accepted: u64,
        /// What the device offered.
        offered: u64,
    },
    /// 3.1.1: queues are set up after FEATURES_OK and before DRIVER_OK.
    #[error("queue {queue} configured at offset {offset:#x} while the status was {status:#x}")]
    QueueOutOfTurn {
        /// The queue.
        queue: u32,
        /// The register.
        offset: usize,
        /// The status at that time.
        status: u32,
    },
    /// 4.2.2.2: the size and addresses of a queue are not touched while it is ready. 4.2.4: nor is its maximum size read.
    #[error("queue {queue} accessed at offset {offset:#x} while it was ready")]
    QueueWhileReady {
        /// The queue.
        queue: u32,
        /// The register.
        offset: usize,
    },
    /// 4.2.3.2, 4.2.4: QueueReady (QueuePFN) and QueueSizeMax are read before a queue is made ready.
    #[error("queue {queue} made ready before it was read that it was not, and what its maximum size is")]
    QueueNotChecked {
        /// The queue.
        queue: u32,
    },
    /// There is no such queue.
    #[error("queue {queue} made ready, which does not exist")]
    NoSuchQueue {
        /// The queue.
        queue: u32,
    },
    /// 5.5.2: a queue exists only with its feature.
    #[error("queue {queue} made ready, whose feature was not negotiated")]
    QueueWithoutFeature {
        /// The queue.
        queue: u32,
    },
    /// 5.5.5: the queue of a negotiated feature is set up before DRIVER_OK.
    #[error("DRIVER_OK set before queue {queue}, whose feature was negotiated, was made ready")]
    QueueNotSetUp {
        /// The queue.
        queue: u16,
    },
    /// 4.2.2.2, 2.7: the size is a power of two, at most QueueSizeMax.
    #[error("queue {queue} made ready with size {size}, where at most {max} is allowed")]
    QueueSize {
        /// The queue.
        queue: u32,
        /// What the driver wrote.
        size: u32,
        /// The device's maximum.
        max: u32,
    },
    /// 2.7: the rings are aligned, lie in memory and do not overlap.
    #[error(
        "queue {queue} made ready with rings at {descriptors:#x}, {driver:#x}, {device:#x}: unaligned, overlapping, or not in memory"
    )]
    QueueAddress {
        /// The queue.
        queue: u32,
        /// The descriptor table.
        descriptors: u64,
        /// The available ring.
        driver: u64,
        /// The used ring.
        device: u64,
    },
    /// 4.2.2: QueueReset takes 1 only, for a queue that is ready.
    #[error("{value} written to QueueReset of queue {queue}: only a ready queue is reset, by writing 1")]
    QueueReset {
        /// The queue.
        queue: u32,
        /// What the driver wrote.
        value: u32,
    },
    /// 4.2.2.2: the reset of a queue is complete once QueueReset has read 0.
    #[error("queue {queue} configured at offset {offset:#x} before its reset was read to be complete")]
    QueueResetUnread {
        /// The queue.
        queue: u32,
        /// The register.
        offset: usize,
    },
    /// 4.2.3.2: the rings are zero when a queue is made ready.
    #[error("queue {queue} made ready with rings that do not start at index 0")]
    QueueNotZeroed {
        /// The queue.
        queue: u32,
    },
    /// 3.1.1: no notification before DRIVER_OK.
    #[error("queue {queue} notified while the status was {status:#x}")]
    NotifiedBeforeDriverOk {
        /// The queue.
        queue: u32,
        /// The status at that time.
        status: u32,
    },
    /// A queue that is not ready was notified.
    #[error("queue {queue} notified, which is not ready")]
    NotifiedUnready {
        /// The queue.
        queue: u32,
    },
    /// 2.9: a notification says where the next buffer is going to be.
    #[error("queue {queue} notified with position {data:#x}, which is {position:#x}")]
    NotificationData {
        /// The queue.
        queue: u16,
        /// What the driver said: offset in the low 15 bits, wrap counter above.
        data: u16,
        /// What the ring says.
        position: u16,
    },
    /// 6.1: with ACCESS_PLATFORM the device reaches only what is mapped for it.
    #[error("the device needed {bytes} bytes at its address {address:#x}, which are not mapped for it")]
    Unmapped {
        /// The address for the device.
        address: u64,
        /// The number of bytes.
        bytes: u64,
    },
    /// 4.2.2.2: only defined bits are acknowledged.
    #[error("interrupt bits {value:#x} acknowledged, which are not defined")]
    AcknowledgedUndefined {
        /// What the driver wrote.
        value: u32,
    },
    /// 5.5.4: a field of the configuration that the driver may not write.
    #[error("configuration field at {offset:#x} written, which is read-only")]
    ConfigReadOnly {
        /// Bytes from the start of the configuration.
        offset: usize,
    },
    /// 3.1.1: the configuration is not written before FEATURES_OK.
    #[error("configuration field at {offset:#x} written while the status was {status:#x}")]
    ConfigOutOfTurn {
        /// Bytes from the start of the configuration.
        offset: usize,
        /// The status at that time.
        status: u32,
    },
    /// 5.5.4: a field whose feature was not negotiated.
    #[error("{access} of the configuration field at {offset:#x} without its feature")]
    ConfigWithoutFeature {
        /// Read or write.
        access: Access,
        /// Bytes from the start of the configuration.
        offset: usize,
    },
    /// 5.5.6.6: `poison_val` is written before DRIVER_OK, also where it is 0.
    #[error("DRIVER_OK set before poison_val was written")]
    PoisonNotWritten,
    /// 5.5.6.6: `poison_val` does not change while DRIVER_OK is set.
    #[error("poison_val written while the status was {status:#x}")]
    PoisonAfterDriverOk {
        /// The status at that time.
        status: u32,
    },
    /// 2.7.13: the available index runs ahead by at most the queue size.
    #[error("queue {queue} has an available index of {index}, too far from {expected}")]
    AvailableIndex {
        /// The queue.
        queue: u16,
        /// What the driver wrote.
        index: u16,
        /// Where the device had got to.
        expected: u16,
    },
    /// 2.7.5, 2.8.17: a chain that leaves the table, loops, cannot be read, or is made available in part.
    #[error("queue {queue} has a broken chain at head {head}")]
    BrokenChain {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 2.7.5.3: INDIRECT_DESC was not negotiated.
    #[error("queue {queue} has an indirect descriptor at head {head} without the feature")]
    Indirect {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// A head that was made available while the device still owned it.
    #[error("queue {queue} offers head {head} again while it is in flight")]
    HeadInFlight {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// One direct descriptor holds an array, or a range of hinted pages: deployed devices expect no more.
    #[error("queue {queue} has {descriptors} descriptors at head {head} where one is expected")]
    ChainedArray {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
        /// How many there were.
        descriptors: usize,
    },
    /// 5.5.6: the device only reads the arrays, of page numbers and of statistics.
    #[error("queue {queue} has a device-writable array at head {head}")]
    WritableArray {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
    },
    /// 5.5.6: an array has whole entries of 4 bytes, at least one.
    #[error("queue {queue} has an array of {bytes} bytes at head {head}")]
    ArrayLength {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
        /// Its length.
        bytes: u64,
    },
    /// More entries than deployed devices take.
    #[error("queue {queue} has an array of {entries} entries at head {head}: 256 at most")]
    TooManyPfns {
        /// The queue.
        queue: u16,
        /// The head.
        head: u16,
        /// How many there were.
        entries: u64,
    },
    /// A page that the guest does not have.
    #[error("page {pfn:#x} is outside guest memory")]
    PageOutsideMemory {
        /// The page number.
        pfn: u32,
    },
    /// A page that is in the balloon already.
    #[error("page {pfn:#x} inflated, which is in the balloon already")]
    InflatedTwice {
        /// The page number.
        pfn: u32,
    },
    /// A page that is not in the balloon.
    #[error("page {pfn:#x} deflated, which is not in the balloon")]
    DeflatedOutside {
        /// The page number.
        pfn: u32,
    },
    /// 5.5.6: a page was used before the device was told that it left the balloon.
    #[error("page {pfn:#x} was touched while it was in the balloon")]
    TouchedInBalloon {
        /// The page number.
        pfn: u32,
    },
    /// A rule of the order of descriptors, or of indirect tables.
    #[error(transparent)]
    Rings(#[from] RingViolation),
    /// A rule of the legacy interface.
    #[error(transparent)]
    Legacy(#[from] LegacyViolation),
    /// A rule of the statistics queue.
    #[error(transparent)]
    Statistics(#[from] StatisticsViolation),
    /// A rule of reporting or hinting free pages.
    #[error(transparent)]
    FreePages(#[from] FreePageViolation),
}

/// The direction of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The driver read.
    Read,
    /// The driver wrote.
    Write,
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Access::Read => "read",
            Access::Write => "write",
        })
    }
}
