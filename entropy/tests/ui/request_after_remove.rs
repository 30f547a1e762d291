//! A removed driver cannot be used.

use aerostat_entropy::Entropy;
use aerostat_entropy::transport::Transport;

fn too_late<T: Transport>(mut entropy: Entropy<T>) {
    let _ = entropy.remove();
    let _ = entropy.request(16);
}

fn main() {}
