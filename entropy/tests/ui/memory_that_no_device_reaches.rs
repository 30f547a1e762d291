//! What a driver lends to a device has to be memory that the device reaches.

use aerostat_entropy::Entropy;
use aerostat_entropy::transport::Transport;

fn no_memory<T: Transport>(transport: T) {
    let mut memory = vec![0_u8; 4096];
    let _ = Entropy::probe(transport, &mut memory);
}

fn main() {}
