//! Why block inflation is not used.

use thiserror::Error;

/// Why [block inflation](crate::feature::BlockInflation) is not used, although it was declared. The balloon then inflates and
/// deflates through arrays of page numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlockFallback {
    /// The options [leave it out](crate::Options::without).
    #[error("the options leave it out")]
    LeftOut,
    /// The device is not in use, see [`Balloon::abandon`](crate::Balloon::abandon).
    #[error("the device is not in use")]
    NotLive,
    /// PAGE_REPORTING was not negotiated.
    #[error("PAGE_REPORTING was not negotiated")]
    NotNegotiated,
    /// MUST_TELL_HOST was negotiated: the device then has to acknowledge the deflation of every page before it is used.
    #[error("MUST_TELL_HOST was negotiated")]
    MustTellHostNegotiated,
    /// PAGE_POISON was negotiated: every page of a block would have to be filled before its report. With a value other than 0, devices
    /// discard nothing that is reported.
    #[error("PAGE_POISON was negotiated")]
    PoisonNegotiated,
    /// The reporting queue belongs to the [handle](crate::handles::ReportingHandle) of a split balloon. Blocks are used in the steps of
    /// [`service_with`](crate::Balloon::service_with).
    #[error("the reporting queue belongs to its handle")]
    HandleExists,
}
