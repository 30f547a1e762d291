//! The rules of ownership.

/// A rule of ownership that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnershipViolation {
    /// The driver gave back a frame that it does not have.
    #[error("frame {0:#x} given back, which the driver does not have")]
    NotLent(u64),
    /// The driver gave back a frame that the device still counts as in the balloon, although MUST_TELL_HOST holds.
    #[error("frame {0:#x} given back before the device was told")]
    BeforeTold(u64),
    /// The allocator gave a frame that the device counts as in the balloon: it was told of a frame it did not get.
    #[error("frame {0:#x} is in the balloon, though the driver does not have it")]
    BalloonedUnowned(u64),
    /// The driver gave back a frame that is in a report which the device has not acknowledged.
    #[error("frame {0:#x} given back while a report of it was with the device")]
    WhileReported(u64),
    /// The allocator gave a frame that is in a report: the driver reported a frame that it did not get.
    #[error("frame {0:#x} is in a report, though the driver does not have it")]
    ReportedUnowned(u64),
    /// The driver gave back a frame that it had hinted: its buffer is with the device, or the driver has not read DONE.
    #[error("frame {0:#x} given back before the device was done with its hint")]
    WhileHinted(u64),
    /// The allocator gave a frame that is hinted: the driver hinted a frame that it did not get.
    #[error("frame {0:#x} is hinted, though the driver does not have it")]
    HintedUnowned(u64),
    /// The driver gave back a frame out of the balloon without filling it with `poison_val`, although PAGE_POISON holds.
    #[error("frame {frame:#x} given back out of the balloon and not filled with {value:#x}")]
    NotPoisoned {
        /// The frame.
        frame: u64,
        /// What it should be filled with.
        value: u32,
    },
    /// The driver gave back device memory that it does not have.
    #[error("device memory at {address:#x} given back, which the driver does not have with {length} bytes")]
    ForeignDma {
        /// The address as the device sees it.
        address: u64,
        /// Its length in bytes.
        length: usize,
    },
    /// The driver gave back memory that is still mapped for the device.
    #[error("{bytes} bytes at {physical:#x} given back, which the device still reaches")]
    StillMapped {
        /// The physical address.
        physical: u64,
        /// The number of bytes.
        bytes: u64,
    },
    /// The driver unmapped what was not mapped.
    #[error("{bytes} bytes at {physical:#x} unmapped, which are not mapped with this length")]
    NotMapped {
        /// The physical address.
        physical: u64,
        /// The number of bytes.
        bytes: u64,
    },
    /// The driver gave back tracking memory that it does not have.
    #[error("tracking memory of {0} words given back, which the driver does not have")]
    ForeignTracking(usize),
}
