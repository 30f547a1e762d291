//! Only `probe` creates a driver, so a driver always has a live device and its queue.

use aerostat_entropy::transport::{Device, Live, Transport};
use aerostat_entropy::{Declared, Entropy, entropy};

fn too_early<T: Transport>(device: Device<T, entropy::Device, Live<Declared>>) {
    let mut entropy = Entropy { device };
    let _ = entropy.request(16);
}

fn main() {}
