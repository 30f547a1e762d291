//! Random bytes from a virtio entropy device, if the machine has one: what a kernel seeds its random number generator with.

use core::fmt::{self, Display, Formatter};

use aerostat_entropy::transport::Spin;
use aerostat_entropy::transport::spec::Device as _;
use aerostat_entropy::{Entropy, entropy};
use aerostat_guest::Options;
use log::{error, info};

use super::platform::Platform;
use super::wait::Sleep;
use super::{arch, virtio};

/// Bytes to read: more than one request returns.
const SEED: usize = aerostat_entropy::BYTES + ROW;
/// Bytes in a line of the log.
const ROW: usize = 64;

// ANCHOR: seed
/// Reads a seed from the device and removes the driver. This kernel has no generator, so it logs the bytes.
pub(crate) fn seed(options: &Options) {
    let mmio = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let Some(transport) = virtio::find(entropy::Device::ID, mmio) else { return };
    let mut driver = match Entropy::probe(transport, &mut Platform, &mut Spin::default()) {
        Ok(driver) => driver,
        Err(failed) => return error!("{failed}"),
    };
    let mut seed = [0; SEED];
    // Sleeps until the device interrupts.
    match driver.fill(&mut seed, &mut Sleep::default()) {
        Ok(()) if seed.iter().all(|byte| *byte == seed[0]) => error!("entropy: all {SEED} bytes have the same value"),
        Ok(()) => seed.chunks(ROW).for_each(|row| info!("entropy: {}", Hexadecimal(row))),
        Err(error) => error!("entropy: {error}"),
    }
    if let Err((_, error)) = driver.remove().wait(&mut Platform, &mut Spin::default()) {
        error!("entropy: {error}");
    }
}
// ANCHOR_END: seed

/// Prints two hexadecimal digits for each byte.
struct Hexadecimal<'a>(&'a [u8]);

impl Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
