//! What is measured of encoding, as functions of their own, so that their assembly can be looked at.

use aerostat_balloon::spec::Interface;
use aerostat_transport::queue::Writer;

/// Page numbers in an array.
pub const ENTRIES: usize = 256;

/// What begins where a line of the cache does, so that no load or store reaches over two.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// An array for a device, as aligned as those of a queue usually are.
pub type Array = Aligned<[u8; ENTRIES * size_of::<u32>()]>;

/// Encodes frames of 4 KiB that lie anywhere, by their page numbers.
#[inline(never)]
pub fn encode_4k(array: &mut Array, pages: &[u32]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(pages.iter().copied(), 1)
}

/// Encodes frames of 64 KiB that lie anywhere, by the numbers of their first pages.
#[inline(never)]
pub fn encode_64k(array: &mut Array, pages: &[u32]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(pages.iter().copied(), 16)
}

/// Encodes frames of 4 KiB that lie anywhere, by numbers of 64 bits that are known to be page numbers.
#[inline(never)]
pub fn encode_wide(array: &mut Array, frames: &[u64]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(frames.iter().map(|&frame| frame as u32), 1)
}

/// Encodes a run of frames of any size, by its first page and how many pages it has.
#[inline(never)]
pub fn encode_run(array: &mut Array, first: u32, pages: u32) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).sequence(first, pages)
}

/// Copies as many bytes as an array has: what encoding is compared with.
#[inline(never)]
pub fn copy(array: &mut Array, bytes: &Array) {
    array.0.copy_from_slice(&bytes.0);
}

/// Copies as many bytes by the registers that every CPU has, as encoding does: a `memcpy` takes the widest that there are.
/// Something is added to every word, so that the compiler does not see a `memcpy` in it.
#[inline(never)]
pub fn copy_baseline(array: &mut Array, bytes: &Array, zero: u32) {
    let words = |bytes: &[u8; 4]| u32::from_ne_bytes(*bytes);
    for (to, from) in array.0.as_chunks_mut().0.iter_mut().zip(bytes.0.as_chunks().0) {
        *to = words(from).wrapping_add(zero).to_ne_bytes();
    }
}
