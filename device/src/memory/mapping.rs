//! A file in the address space of this process, reached without Rust references.

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

/// A shared mapping of a whole file. Everybody who maps the file may write to it at any time, so that it is read and
/// written by volatile and atomic accesses only.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the value owns the mapping, which any thread may access and unmap; all accesses are volatile or atomic.
unsafe impl Send for Mapping {}
// SAFETY: as above; no access through a shared reference makes a Rust reference to the bytes.
unsafe impl Sync for Mapping {}

/// What is copied at once where addresses allow it.
const WORD: usize = size_of::<u64>();

impl Mapping {
    pub(super) fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping, whose place the kernel chooses, takes no memory away from anybody.
        let start = unsafe {
            rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, 0)
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// A pointer to `length` bytes at `offset`, where they are all inside.
    pub(super) fn at(&self, offset: u64, length: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(offset).ok()?;
        offset.checked_add(length).filter(|end| *end <= self.length)?;
        // SAFETY: the offset is inside the mapping or just behind it.
        Some(unsafe { self.start.add(offset) })
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Option<()> {
        let start = self.at(offset, bytes.len())?;
        let (first, words) = parts(start, bytes.len());
        let (head, rest) = bytes.split_at_mut(first);
        let (body, tail) = rest.split_at_mut(words);
        let byte = |at: usize| {
            // SAFETY: the place is one of the bytes that `at` found inside.
            let from = unsafe { start.add(at) };
            // SAFETY: inside, and bytes are always aligned and valid.
            unsafe { from.read_volatile() }
        };
        for (at, to) in head.iter_mut().enumerate() {
            *to = byte(at);
        }
        for (index, to) in body.chunks_exact_mut(WORD).enumerate() {
            // SAFETY: the whole word is among the bytes that `at` found inside.
            let from = unsafe { start.add(first + index * WORD) };
            // SAFETY: inside, aligned as `parts` sees to, and valid whatever it holds.
            to.copy_from_slice(&unsafe { from.cast::<u64>().read_volatile() }.to_ne_bytes());
        }
        for (at, to) in (first + words..).zip(tail) {
            *to = byte(at);
        }
        Some(())
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Option<()> {
        let start = self.at(offset, bytes.len())?;
        let (first, words) = parts(start, bytes.len());
        let (head, rest) = bytes.split_at(first);
        let (body, tail) = rest.split_at(words);
        let byte = |at: usize, value: u8| {
            // SAFETY: the place is one of the bytes that `at` found inside.
            let to = unsafe { start.add(at) };
            // SAFETY: inside, and bytes are always aligned.
            unsafe { to.write_volatile(value) }
        };
        for (at, from) in head.iter().enumerate() {
            byte(at, *from);
        }
        for (index, from) in body.as_chunks::<WORD>().0.iter().enumerate() {
            // SAFETY: the whole word is among the bytes that `at` found inside.
            let to = unsafe { start.add(first + index * WORD) };
            // SAFETY: inside, and aligned as `parts` sees to.
            unsafe { to.cast::<u64>().write_volatile(u64::from_ne_bytes(*from)) }
        }
        for (at, from) in (first + words..).zip(tail) {
            byte(at, *from);
        }
        Some(())
    }

    /// The 16 bits at `offset`, which publish what was written before them. `None` where they are not inside or not
    /// aligned.
    pub(super) fn load(&self, offset: u64) -> Option<u16> {
        Some(self.half(offset)?.load(Ordering::Acquire))
    }

    /// Writes 16 bits at `offset` after everything else.
    pub(super) fn store(&self, offset: u64, value: u16) -> Option<()> {
        self.half(offset)?.store(value, Ordering::Release);
        Some(())
    }

    fn half(&self, offset: u64) -> Option<&AtomicU16> {
        let at = self.at(offset, 2)?.cast::<u16>();
        // SAFETY: inside, aligned, and mapped for as long as `self` is borrowed; whoever else reaches it does so by
        // accesses that are atomic too.
        at.is_aligned().then(|| unsafe { AtomicU16::from_ptr(at.as_ptr()) })
    }
}

/// How many of `length` bytes at `start` come before the first whole aligned word, and how many lie in such words.
fn parts(start: NonNull<u8>, length: usize) -> (usize, usize) {
    let first = (start.addr().get().wrapping_neg() % WORD).min(length);
    (first, (length - first) / WORD * WORD)
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and whoever had a pointer into it had to keep the value.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_copied_wherever_they_start_and_end() {
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
