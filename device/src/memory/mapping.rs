//! A shared file mapped into this process, accessed without Rust references.

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

/// A shared mapping of a whole file.
///
/// Any process that maps the file may write to it at any time, so all accesses here are volatile or atomic.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the value owns the mapping, which any thread may access and unmap; all accesses are volatile or atomic.
unsafe impl Send for Mapping {}
// SAFETY: as above; no access through a shared reference makes a Rust reference to the bytes.
unsafe impl Sync for Mapping {}

/// Size in bytes of the accesses to aligned parts.
const WORD: usize = size_of::<u64>();

impl Mapping {
    pub(super) fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: the kernel chooses the address of the new mapping, so it replaces no existing memory.
        let start = unsafe {
            rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// Returns a pointer to `length` bytes at `offset`, or `None` if they are not all inside.
    pub(super) fn at(&self, offset: u64, length: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(offset).ok()?;
        offset.checked_add(length).filter(|end| *end <= self.length)?;
        // SAFETY: the offset is inside the mapping or one past its end.
        Some(unsafe { self.start.add(offset) })
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Option<()> {
        let start = self.at(offset, bytes.len())?;
        let (first, words) = split_at_words(start, bytes.len());
        let (head, rest) = bytes.split_at_mut(first);
        let (body, tail) = rest.split_at_mut(words);
        let byte = |at: usize| {
            // SAFETY: the offset is below the length that `at` checked.
            let from = unsafe { start.add(at) };
            // SAFETY: inside the mapping; every byte is aligned and valid.
            unsafe { from.read_volatile() }
        };
        for (at, to) in head.iter_mut().enumerate() {
            *to = byte(at);
        }
        for (index, to) in body.chunks_exact_mut(WORD).enumerate() {
            // SAFETY: the whole word is below the length that `at` checked.
            let from = unsafe { start.add(first + index * WORD) };
            // SAFETY: inside the mapping, aligned by `split_at_words`, and every bit pattern is a valid `u64`.
            to.copy_from_slice(&unsafe { from.cast::<u64>().read_volatile() }.to_ne_bytes());
        }
        for (at, to) in (first + words..).zip(tail) {
            *to = byte(at);
        }
        Some(())
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Option<()> {
        let start = self.at(offset, bytes.len())?;
        let (first, words) = split_at_words(start, bytes.len());
        let (head, rest) = bytes.split_at(first);
        let (body, tail) = rest.split_at(words);
        let byte = |at: usize, value: u8| {
            // SAFETY: the offset is below the length that `at` checked.
            let to = unsafe { start.add(at) };
            // SAFETY: inside the mapping; every byte is aligned.
            unsafe { to.write_volatile(value) }
        };
        for (at, from) in head.iter().enumerate() {
            byte(at, *from);
        }
        for (index, from) in body.as_chunks::<WORD>().0.iter().enumerate() {
            // SAFETY: the whole word is below the length that `at` checked.
            let to = unsafe { start.add(first + index * WORD) };
            // SAFETY: inside the mapping, and aligned by `split_at_words`.
            unsafe { to.cast::<u64>().write_volatile(u64::from_ne_bytes(*from)) }
        }
        for (at, from) in (first + words..).zip(tail) {
            byte(at, *from);
        }
        Some(())
    }

    /// Reads 16 bits at `offset` with acquire ordering. `None` if they are not inside or not aligned.
    pub(super) fn load(&self, offset: u64) -> Option<u16> {
        Some(self.atomic(offset)?.load(Ordering::Acquire))
    }

    /// Writes 16 bits at `offset` with release ordering. `None` if they are not inside or not aligned.
    pub(super) fn store(&self, offset: u64, value: u16) -> Option<()> {
        self.atomic(offset)?.store(value, Ordering::Release);
        Some(())
    }

    fn atomic(&self, offset: u64) -> Option<&AtomicU16> {
        let at = self.at(offset, 2)?.cast::<u16>();
        // SAFETY: inside the mapping, aligned, and mapped while `self` is borrowed; the other users of rings access these
        // fields atomically too.
        at.is_aligned().then(|| unsafe { AtomicU16::from_ptr(at.as_ptr()) })
    }
}

/// Splits `length` bytes at `start`: returns the number of bytes before the first aligned word, and in whole aligned words.
fn split_at_words(start: NonNull<u8>, length: usize) -> (usize, usize) {
    let first = (start.addr().get().wrapping_neg() % WORD).min(length);
    (first, (length - first) / WORD * WORD)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this value owns the mapping, and users of pointers into it have to keep the value alive.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_work_at_any_alignment_and_length() {
        let memory = rustix::fs::memfd_create("aerostat-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&memory, 4096).unwrap();
        let mapping = Mapping::new(&File::from(memory), 4096).unwrap();
        let pattern: Vec<u8> = (1..=40).collect();
        for start in 100..110 {
            for length in 0..pattern.len() {
                mapping.write(0, &[0; 256]).unwrap();
                mapping.write(start, &pattern[..length]).unwrap();
                let mut all = [0; 256];
                mapping.read(0, &mut all).unwrap();
                let (before, rest) = all.split_at(start as usize);
                let (written, after) = rest.split_at(length);
                assert_eq!(written, &pattern[..length]);
                assert!(before.iter().chain(after).all(|byte| *byte == 0));
                let mut again = vec![0; length];
                mapping.read(start, &mut again).unwrap();
                assert_eq!(again, &pattern[..length]);
            }
        }
        assert!(mapping.read(4090, &mut [0; 7]).is_none() && mapping.write(u64::MAX, &[0; 2]).is_none());
        assert!(mapping.load(1).is_none() && mapping.store(4095, 1).is_none());
        mapping.store(4094, 0x1234).unwrap();
        assert_eq!(mapping.load(4094), Some(0x1234));
    }
}
