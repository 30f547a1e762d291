//! Guest memory, and device memory out of it.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::rc::Rc;

use aerostat_transport::{DeviceAddress, Dma, DmaRegion};

/// Where guest memory starts.
pub(crate) const START: u64 = 0x10_0000;
/// Its length in bytes.
pub(crate) const LEN: usize = 4 << 20;
/// The alignment of the whole, and so the largest of a part.
const ALIGN: usize = 4096;

/// Guest memory that can be allocated from. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    book: Rc<RefCell<Book>>,
}

#[derive(Debug)]
struct Book {
    next: u64,
    lent: BTreeMap<u64, usize>,
    /// How many allocations still succeed; `None` for all.
    left: Option<usize>,
}

impl Memory {
    /// Zeros. They live until the process ends, as a driver that keeps device memory may use it until then.
    pub(crate) fn new() -> Self {
        let layout = Layout::from_size_align(LEN, ALIGN).expect("a power of two");
        // SAFETY: the length is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("there is memory");
        let book = Book { next: START, lent: BTreeMap::new(), left: None };
        Self { start, book: Rc::new(RefCell::new(book)) }
    }

    /// How many pieces are lent.
    pub(crate) fn lent(&self) -> usize {
        self.book.borrow().lent.len()
    }

    /// How long the piece is that was lent at an address.
    pub(crate) fn lent_at(&self, address: u64) -> Option<usize> {
        self.book.borrow().lent.get(&address).copied()
    }

    /// Lets so many more allocations succeed.
    pub(crate) fn fail_after(&self, allocations: usize) {
        self.book.borrow_mut().left = Some(allocations);
    }

    pub(crate) fn read16(&self, address: u64) -> u16 {
        u16::from_le_bytes(self.read(address))
    }

    /// As a legacy ring has it: in the byte order of the CPU.
    pub(crate) fn read_native16(&self, address: u64) -> u16 {
        u16::from_ne_bytes(self.read(address))
    }

    pub(crate) fn read32(&self, address: u64) -> u32 {
        u32::from_le_bytes(self.read(address))
    }

    pub(crate) fn read64(&self, address: u64) -> u64 {
        u64::from_le_bytes(self.read(address))
    }

    pub(crate) fn write16(&self, address: u64, value: u16) {
        self.write(address, &value.to_le_bytes());
    }

    pub(crate) fn write32(&self, address: u64, value: u32) {
        self.write(address, &value.to_le_bytes());
    }

    pub(crate) fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let start = self.at(address, len);
        let byte = |at| {
            // SAFETY: one of the bytes that `at` found inside.
            let byte = unsafe { start.add(at) };
            // SAFETY: inside, and a byte is always valid and aligned.
            unsafe { byte.read_volatile() }
        };
        (0..len).map(byte).collect()
    }

    fn read<const N: usize>(&self, address: u64) -> [u8; N] {
        self.bytes(address, N).try_into().expect("as many as asked for")
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) {
        let start = self.at(address, bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: one of the bytes that `at` found inside.
            let to = unsafe { start.add(at) };
            // SAFETY: inside, and a byte is always aligned; no reference to the memory exists.
            unsafe { to.write_volatile(*byte) }
        }
    }

    /// A pointer to `len` bytes at `address`.
    pub(crate) fn at(&self, address: u64, len: usize) -> NonNull<u8> {
        let offset = address.checked_sub(START).and_then(|offset| usize::try_from(offset).ok());
        let offset = offset.filter(|offset| offset.checked_add(len).is_some_and(|end| end <= LEN));
        let offset = offset.expect("a range in memory");
        // SAFETY: the offset is inside the memory or just behind it.
        unsafe { self.start.add(offset) }
    }
}

// SAFETY: a region lies in memory that is never freed; it is valid for reads and writes by both sides, at an address that is
// given out once only, aligned as asked for in both address spaces: each starts at a multiple of the largest alignment.
unsafe impl Dma for Memory {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let mut book = self.book.borrow_mut();
        match &mut book.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        assert!(layout.align() <= ALIGN, "more alignment than these tests have: {layout:?}");
        let address = book.next.next_multiple_of(layout.align() as u64);
        let end = address + layout.size() as u64;
        if end > START + LEN as u64 {
            return None;
        }
        let start = self.at(address, layout.size());
        // What is in new memory is arbitrary.
        self.write(address, &vec![0xa5; layout.size()]);
        book.next = end;
        book.lent.insert(address, layout.size());
        // SAFETY: as promised above.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let lent = self.book.borrow_mut().lent.remove(&region.device_address().0);
        assert_eq!(lent, Some(region.len()), "memory is freed once, and as it was allocated");
    }
}
