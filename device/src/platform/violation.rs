//! Violations of memory ownership.

/// A violation of memory ownership by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnershipViolation {
    /// The driver returned a frame that is not allocated to it.
    #[error("frame {0:#x} returned, but it is not allocated to the driver")]
    NotAllocated(u64),
    /// The driver returned a frame before the device acknowledged its deflation, although MUST_TELL_HOST is negotiated.
    #[error("frame {0:#x} returned before the device acknowledged its deflation")]
    ReturnedBeforeDeflation(u64),
    /// A free frame is in the balloon: the driver inflated a frame that is not allocated to it.
    #[error("frame {0:#x} is in the balloon, but it is not allocated to the driver")]
    BalloonedUnowned(u64),
    /// The driver returned a frame while a report of it was in flight.
    #[error("frame {0:#x} returned while a report of it was in flight")]
    ReturnedWhileReported(u64),
    /// A free frame is in a report: the driver reported a frame that is not allocated to it.
    #[error("frame {0:#x} is in a report, but it is not allocated to the driver")]
    ReportedUnowned(u64),
    /// The driver returned a hinted frame while its buffer was in flight. The specification allows that (5.5.6.5.1), but
    /// Firecracker discards the frame when it reads the buffer, and with it what was written before.
    #[error("frame {0:#x} returned while its hint was in flight")]
    ReturnedWhileHinted(u64),
    /// 5.5.6.5.1: the driver initializes a hinted frame that it returns before it has read DONE, because a write overrides the
    /// hint.
    #[error("frame {0:#x} returned before the device finished its round of hints, and not initialized")]
    HintedNotInitialized(u64),
    /// A free frame is hinted: the driver hinted a frame that is not allocated to it.
    #[error("frame {0:#x} is hinted, but it is not allocated to the driver")]
    HintedUnowned(u64),
    /// The driver returned a frame from the balloon without filling it with `poison_val`, although PAGE_POISON is
    /// negotiated.
    #[error("frame {frame:#x} returned from the balloon, but it is not filled with {value:#x}")]
    NotPoisoned {
        /// The frame number.
        frame: u64,
        /// The poison value.
        value: u32,
    },
    /// The driver freed DMA memory that is not allocated to it.
    #[error("{length} bytes of DMA memory at {address:#x} freed, but they are not allocated with this length")]
    UnknownDma {
        /// The device address.
        address: u64,
        /// Length in bytes.
        length: usize,
    },
    /// The driver returned memory that is still mapped for the device.
    #[error("{bytes} bytes at {physical:#x} returned, but they are still mapped for the device")]
    StillMapped {
        /// The physical address.
        physical: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// The driver unmapped memory that is not mapped.
    #[error("{bytes} bytes at {physical:#x} unmapped, but they are not mapped with this length")]
    NotMapped {
        /// The physical address.
        physical: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// The driver returned private memory that is not allocated to it.
    #[error("{0} words of private memory returned, but they are not allocated to the driver")]
    UnknownPrivateMemory(usize),
}
