//! A removed driver cannot be used.

use aerostat_entropy::Entropy;
use aerostat_entropy::transport::{Dma, Transport};

fn too_late<T: Transport>(mut entropy: Entropy<T>, dma: &mut impl Dma) {
    let _ = entropy.remove(dma);
    let _ = entropy.request(16);
}

fn main() {}
