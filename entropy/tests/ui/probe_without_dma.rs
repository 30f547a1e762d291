//! The memory of a driver has to be accessible to the device.

use aerostat_entropy::Entropy;
use aerostat_entropy::transport::{Spin, Transport};

fn no_memory<T: Transport>(transport: T) {
    let mut memory = vec![0_u8; 4096];
    let _ = Entropy::probe(transport, &mut memory, &mut Spin::default());
}

fn main() {}
