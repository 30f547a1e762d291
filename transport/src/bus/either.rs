//! A choice of two types at run time.

/// One of two transports, selected at run time. Nest it for more than two. Its handles are of this type too.
///
/// ```
/// # use aerostat_transport::pci::Ecam;
/// # use aerostat_transport::{Either, LegacyMmio, MmioRegion, Mmio, Pci};
/// /// The transport of a kernel that finds devices on both buses.
/// type AnyTransport = Either<Pci<MmioRegion, Ecam<MmioRegion>>, Either<Mmio<MmioRegion>, LegacyMmio<MmioRegion>>>;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first type.
    First(A),
    /// The second type.
    Second(B),
}
