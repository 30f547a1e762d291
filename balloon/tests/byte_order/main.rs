//! The byte order of what the driver writes to memory and to the configuration space: little-endian on the modern
//! interface, the guest's order on the legacy interface. The expected values are bytes, so that a missing or doubled
//! conversion fails on a big-endian processor.

#[path = "../common/mod.rs"]
mod common;
mod hints;
mod pages;

use aerostat_test_support::{Memory, SoftMmio};

/// Converts the little-endian bytes of a number to the bytes that the device expects.
type Order = fn(&[u8]) -> Vec<u8>;

fn little_endian(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

fn in_guest_order(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

/// Returns the bytes of a buffer, whose descriptor is in `order`.
fn buffer(soft: &SoftMmio, memory: &Memory, order: Order, queue: usize, index: u64) -> Vec<u8> {
    let descriptor = soft.model().queues[queue].addresses[0] + 16 * index;
    let address = order(&memory.bytes(descriptor, 8)).try_into().map(u64::from_le_bytes).unwrap();
    let length = order(&memory.bytes(descriptor + 8, 4)).try_into().map(u32::from_le_bytes).unwrap();
    memory.bytes(address, length as usize)
}
