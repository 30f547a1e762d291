//! What is measured of encoding, as functions whose assembly can be looked at.

use aerostat_transport::queue::Writer;
use aerostat_transport::spec::Interface;

/// Page numbers in an array.
pub const ENTRIES: usize = 256;

/// An array for a device.
pub type Array = [u8; ENTRIES * size_of::<u32>()];

/// Encodes frames of `EACH` pages that lie anywhere, by their first pages.
#[inline(never)]
pub fn encode_scattered<const EACH: u32>(array: &mut Array, firsts: &[u32]) -> u32 {
    Writer::new(array, Interface::Modern).groups(firsts.iter().copied(), EACH)
}

/// Encodes a run of frames, by its first page and how many pages it has.
#[inline(never)]
pub fn encode_run(array: &mut Array, first: u32, pages: u32) -> u32 {
    Writer::new(array, Interface::Modern).sequence(first, pages)
}

/// Copies as many bytes as an array has: what encoding is compared with.
#[inline(never)]
pub fn copy(array: &mut Array, bytes: &Array) {
    array.copy_from_slice(bytes);
}
