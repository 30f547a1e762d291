//! The legacy interface has 32 feature bits, so that a mask of 64 bits is not accepted.
// conformance: core.legacy-feature.2, pci.legacy-layout.4
use aerostat_balloon::transport::pci_types::ConfigRegionAccess;
use aerostat_balloon::transport::{Io, LegacyMmio, LegacyPci, Transport};

fn accept<I: Io, C: ConfigRegionAccess + Clone>(over_mmio: &mut LegacyMmio<I>, over_pci: &mut LegacyPci<I, C>) {
    let access_platform: u64 = 1 << 33;
    over_mmio.accept(access_platform);
    over_pci.accept(access_platform);
}

fn main() {}
