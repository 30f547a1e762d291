//! Random bytes from a virtio entropy device, where the machine has one: what a kernel seeds its generator with.

use core::fmt::{self, Display, Formatter};

use aerostat_entropy::transport::spec::Device as _;
use aerostat_entropy::{Entropy, entropy};
use aerostat_guest::Options;
use log::{error, info};

use super::idle::Asleep;
use super::platform::Platform;
use super::{arch, virtio};

/// More than one request brings.
const SEED: usize = aerostat_entropy::BYTES + ROW;
/// What goes into a line, in bytes.
const ROW: usize = 64;

// ANCHOR: seed
/// Asks the device for a seed and lets go of it. This kernel has no generator, and says what it got instead.
pub(crate) fn seed(options: &Options) {
    let places = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
    let Some(transport) = virtio::find(entropy::Device::ID, places) else { return };
    let mut driver = match Entropy::probe(transport, &mut Platform) {
        Ok(driver) => driver,
        Err(failed) => return error!("{failed}"),
    };
    let mut seed = [0; SEED];
    // Sleeps until the device's interrupt, between looks.
    match driver.fill(&mut seed, &mut Asleep::default()) {
        Ok(()) if seed.iter().all(|byte| *byte == seed[0]) => error!("entropy: {SEED} bytes, and all of them alike"),
        Ok(()) => seed.chunks(ROW).for_each(|row| info!("entropy: {}", Hexadecimal(row))),
        Err(error) => error!("entropy: {error}"),
    }
    if let Err((_, error)) = driver.remove(&mut Platform) {
        error!("entropy: {error}");
    }
}
// ANCHOR_END: seed

/// Two digits for each byte.
struct Hexadecimal<'a>(&'a [u8]);

impl Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
