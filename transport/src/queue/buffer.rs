//! Access to the contents of a buffer: written before the device gets it, read after the device has used it.

use core::marker::PhantomData;
use core::ptr::NonNull;

use aerostat_spec::Interface;

/// Size of an entry in bytes.
const ENTRY: usize = size_of::<u32>();
/// Entries of a run that are written at once. With fewer, the loop overhead is as large as the stores.
const WIDE: u32 = 32;

/// A writer of a buffer, from its start. Each method returns how much fitted.
#[derive(Debug)]
pub struct Writer<'a> {
    start: NonNull<u8>,
    len: usize,
    written: usize,
    interface: Interface,
    memory: PhantomData<&'a mut u8>,
}

impl<'a> Writer<'a> {
    /// Returns a writer for ordinary memory, to see what would be sent over an interface.
    pub fn new(memory: &'a mut [u8], interface: Interface) -> Self {
        let len = memory.len();
        Self { start: NonNull::from(memory).cast(), len, written: 0, interface, memory: PhantomData }
    }

    /// Returns a writer for a buffer.
    ///
    /// # Safety
    ///
    /// The `len` bytes at `start` are valid for writes, and nothing else accesses them while the writer exists.
    pub(crate) unsafe fn of(start: NonNull<u8>, len: usize, interface: Interface) -> Self {
        Self { start, len, written: 0, interface, memory: PhantomData }
    }

    /// Returns the number of bytes written.
    pub(crate) const fn written(&self) -> usize {
        self.written
    }

    /// Returns the interface that the device is driven through.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// Returns the number of bytes that still fit.
    pub const fn room(&self) -> usize {
        self.len - self.written
    }

    /// Appends the numbers `first`, `first + 1`, … as 32-bit entries: `count` of them or as many as fit. Returns how many were
    /// written. Entries are little-endian, or in the byte order of the CPU on the legacy interface. Numbers wrap at 2^32.
    #[inline]
    pub fn sequence(&mut self, first: u32, count: u32) -> u32 {
        if count == 1 {
            // For one entry, the set-up of the wide loop costs more than the store.
            return self.groups(core::iter::once(first), 1);
        }
        self.run(first, count)
    }

    #[inline(never)]
    fn run(&mut self, first: u32, count: u32) -> u32 {
        let many = if count < WIDE { 0 } else { self.wide(first, count / WIDE) };
        many + self.groups((many..count).map(|entry| first.wrapping_add(entry)), 1)
    }

    /// Writes the part of a run that consists of whole groups.
    #[inline]
    fn wide(&mut self, first: u32, groups: u32) -> u32 {
        let mut next = first;
        let starts = (0..groups).map(|_| {
            let start = next;
            next = next.wrapping_add(WIDE);
            start
        });
        WIDE * self.groups(starts, WIDE)
    }

    /// Appends a group of `each` consecutive numbers for each number in `firsts`, stored as by [`sequence`](Self::sequence).
    /// Stops before the first group that does not fit, and returns how many groups were written. Numbers wrap at 2^32.
    ///
    /// The space is checked once. With a constant `each` and numbers from a slice, the loop compiles to stores of several
    /// entries.
    #[inline]
    pub fn groups(&mut self, firsts: impl IntoIterator<Item = u32>, each: u32) -> u32 {
        if cfg!(target_endian = "big") && self.interface == Interface::Legacy {
            self.encode(firsts, each, u32::to_be_bytes)
        } else {
            self.encode(firsts, each, u32::to_le_bytes)
        }
    }

    #[inline]
    fn encode(
        &mut self,
        firsts: impl IntoIterator<Item = u32>,
        each: u32,
        bytes_of: impl Fn(u32) -> [u8; ENTRY],
    ) -> u32 {
        let each = each as usize;
        // A division, because `each * ENTRY` may overflow.
        let fits = (self.room() / ENTRY).checked_div(each).unwrap_or(0);
        // SAFETY: `written` is at most `len`, the length of the buffer.
        let start = unsafe { self.start.add(self.written) }.cast::<[u8; ENTRY]>();
        let mut groups = 0;
        for (group, first) in (0..fits).zip(firsts) {
            for entry in 0..each {
                // SAFETY: `fits` groups fit between `written` and the end of the buffer.
                let at = unsafe { start.add(group * each + entry) };
                // SAFETY: as above; nothing else accesses the buffer, and an array of bytes needs no alignment.
                unsafe { at.write(bytes_of(first.wrapping_add(entry as u32))) };
            }
            groups = group + 1;
        }
        self.written += groups * each * ENTRY;
        // The length of a buffer has 32 bits.
        groups as u32
    }

    /// Appends bytes, as many as fit, and returns how many were written.
    pub fn bytes(&mut self, bytes: &[u8]) -> usize {
        let fits = bytes.len().min(self.room());
        // SAFETY: `written` is at most `len`, the length of the buffer.
        let at = unsafe { self.start.add(self.written) };
        // SAFETY: `fits` bytes are valid for reads in the slice and for writes in the buffer, which nothing else accesses. The
        // buffer is memory shared with a device, or borrowed by `new`, so the slice cannot overlap it.
        unsafe { at.copy_from_nonoverlapping(NonNull::from(bytes).cast(), fits) };
        self.written += fits;
        fits
    }
}

/// A reader of what the device wrote to a buffer, from its start. Each byte is read once, because a device that breaks the
/// protocol may still be writing.
#[derive(Debug)]
pub struct Reader<'a> {
    start: NonNull<u8>,
    remaining: usize,
    memory: PhantomData<&'a u8>,
}

impl Reader<'_> {
    /// Returns a reader for the `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// The bytes are valid for reads while the reader exists, and the driver does not write to them.
    pub(crate) unsafe fn of(start: NonNull<u8>, len: usize) -> Self {
        Self { start, remaining: len, memory: PhantomData }
    }

    /// Returns the number of bytes that were not read yet.
    pub const fn remaining(&self) -> usize {
        self.remaining
    }

    /// Copies the next bytes to `bytes`, as many as remain and fit, and returns how many were copied.
    pub fn bytes(&mut self, bytes: &mut [u8]) -> usize {
        let fits = bytes.len().min(self.remaining);
        for byte in bytes.iter_mut().take(fits) {
            // SAFETY: `remaining` bytes of the buffer begin at `start`, and this is one of them; a byte has no invalid value.
            // Volatile, because the device may write to the buffer at any time.
            *byte = unsafe { self.start.read_volatile() };
            // SAFETY: still inside the buffer, or just past its end.
            self.start = unsafe { self.start.add(1) };
        }
        self.remaining -= fits;
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes to a buffer of three and a half entries.
    fn written(write: impl FnOnce(&mut Writer<'_>) -> u32) -> (u32, [u8; 14]) {
        let mut memory = [0xee; 14];
        let count = write(&mut Writer::new(&mut memory, Interface::Modern));
        (count, memory)
    }

    #[test]
    fn entries_are_little_endian_and_whole() {
        let expected = [1, 2, 3, 4, 2, 2, 3, 4, 3, 2, 3, 4, 0xee, 0xee];
        assert_eq!(written(|writer| writer.sequence(0x0403_0201, 9)), (3, expected));
        assert_eq!(written(|writer| writer.groups([0x0403_0201, 0x0403_0202, 0x0403_0203, 0], 1)), (3, expected));
        assert_eq!(written(|writer| (0..9).map(|entry| writer.sequence(0x0403_0201 + entry, 1)).sum()), (3, expected));
    }

    #[test]
    fn a_group_is_written_completely_or_not_at_all() {
        let mut memory = [0xee; 14];
        let mut writer = Writer::new(&mut memory, Interface::Modern);
        assert_eq!((writer.groups([7, 9], 2), writer.room()), (1, 6));
        assert_eq!(writer.groups([9], 0), 0, "an empty group");
        assert_eq!(writer.groups([9], (1 << 30) + 1), 0, "a group of more bytes than a 32-bit `usize` can count");
        assert_eq!((writer.groups([], 1), writer.room()), (0, 6));
        assert_eq!(memory, [7, 0, 0, 0, 8, 0, 0, 0, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
    }

    #[test]
    fn a_long_run_is_cut_to_the_buffer() {
        for count in [31, 32, 33, 64, 80, 100] {
            let mut memory = [0xee; 83 * ENTRY + 3];
            let mut writer = Writer::new(&mut memory, Interface::Modern);
            let fits = count.min(83);
            assert_eq!((writer.sequence(0xffff_fff0, count), writer.written()), (fits, fits as usize * ENTRY));
            let (entries, rest) = memory.split_at(fits as usize * ENTRY);
            let numbers = entries.as_chunks().0.iter().map(|entry| u32::from_le_bytes(*entry));
            assert!(numbers.eq((0..fits).map(|entry| 0xffff_fff0_u32.wrapping_add(entry))), "{count}");
            assert!(rest.iter().all(|byte| *byte == 0xee), "{count}");
        }
    }

    #[test]
    fn numbers_wrap() {
        let ends = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let (count, memory) = written(|writer| writer.sequence(u32::MAX, 2));
        assert_eq!((count, &memory[..8]), (2, &ends[..]));
        let (count, memory) = written(|writer| writer.groups([u32::MAX], 2));
        assert_eq!((count, &memory[..8]), (1, &ends[..]));
    }

    #[test]
    fn legacy_entries_are_in_the_byte_order_of_the_cpu() {
        let mut memory = [0; 16];
        let mut writer = Writer::new(&mut memory, Interface::Legacy);
        assert_eq!((writer.sequence(0x0403_0201, 1), writer.sequence(5, 2), writer.groups([9], 1)), (1, 2, 1));
        assert_eq!(memory.as_chunks().0, [0x0403_0201, 5, 6, 9].map(u32::to_ne_bytes));
    }
}
