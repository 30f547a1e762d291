//! Registers of a device behind an IOMMU.

use crate::dma::DmaDomain;
use crate::io::delegate;

/// The registers `I` of a device behind an IOMMU, which state the domain of the device.
#[derive(Clone, Debug)]
pub struct InDomain<I> {
    io: I,
    domain: DmaDomain,
}

impl<I> InDomain<I> {
    /// Returns the registers of a device that translates the addresses that it gets in `domain`. The [`Dma`](crate::Dma) objects of
    /// the device have the same [`domain`](crate::Dma::domain).
    ///
    /// # Safety
    ///
    /// The device accesses memory through the IOMMU domain that `domain` stands for.
    pub const unsafe fn new(io: I, domain: DmaDomain) -> Self {
        Self { io, domain }
    }
}

// The contract of `InDomain::new` covers the domain.
delegate!(InDomain, io, |io| io.domain);
