//! The measured encodings, as separate functions so that their assembly can be inspected.

use aerostat_balloon::spec::Interface;
use aerostat_transport::queue::Writer;

/// Number of page numbers in an array.
pub const ENTRIES: usize = 256;

/// A value aligned to a cache line, so that no access crosses two lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Aligned<T>(pub T);

/// An array of page numbers with the usual alignment of a queue buffer.
pub type Array = Aligned<[u8; ENTRIES * size_of::<u32>()]>;

/// Encodes scattered 4 KiB frames by page number.
#[inline(never)]
pub fn encode_4k(array: &mut Array, pages: &[u32]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(pages.iter().copied(), 1)
}

/// Encodes scattered 64 KiB frames by the number of their first page.
#[inline(never)]
pub fn encode_64k(array: &mut Array, pages: &[u32]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(pages.iter().copied(), 16)
}

/// Encodes scattered 4 KiB frames by 64-bit numbers that fit into 32 bits.
#[inline(never)]
pub fn encode_wide(array: &mut Array, frames: &[u64]) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).groups(frames.iter().map(|&frame| frame as u32), 1)
}

/// Encodes a run of frames by its first page and its number of pages.
#[inline(never)]
pub fn encode_run(array: &mut Array, first: u32, pages: u32) -> u32 {
    Writer::new(&mut array.0, Interface::Modern).sequence(first, pages)
}

/// Copies the bytes of an array, for comparison with the encodings.
#[inline(never)]
pub fn copy(array: &mut Array, bytes: &Array) {
    array.0.copy_from_slice(&bytes.0);
}

/// Copies the bytes of an array with baseline registers, as the encodings do; `memcpy` uses the widest registers of the CPU.
/// Adds `zero` to every word, so that the compiler does not replace the loop by `memcpy`.
#[inline(never)]
pub fn copy_baseline(array: &mut Array, bytes: &Array, zero: u32) {
    let words = |bytes: &[u8; 4]| u32::from_ne_bytes(*bytes);
    for (to, from) in array.0.as_chunks_mut().0.iter_mut().zip(bytes.0.as_chunks().0) {
        *to = words(from).wrapping_add(zero).to_ne_bytes();
    }
}
