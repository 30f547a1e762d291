//! Guest memory, and an allocator of DMA regions in it.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::rc::Rc;

use aerostat_transport::{Dma, DmaRegion};

/// Where guest memory starts.
pub const START: u64 = 0x10_0000;
/// Its length in bytes.
pub const LEN: usize = 4 << 20;
/// Alignment of the memory, and so the largest that an allocation can have.
const ALIGN: usize = 4096;

/// Guest memory that can be allocated from. Clones are the same memory.
#[derive(Clone, Debug)]
pub struct Memory {
    start: NonNull<u8>,
    allocator: Rc<RefCell<Allocator>>,
}

#[derive(Debug)]
struct Allocator {
    next: u64,
    allocated: BTreeMap<u64, usize>,
    /// Allocations that still succeed; `None` means all.
    left: Option<usize>,
}

impl Memory {
    /// Memory filled with zeros. It is never freed, because a driver that leaks a region may use it until the process ends.
    pub fn new() -> Self {
        let layout = Layout::from_size_align(LEN, ALIGN).expect("a power of two");
        // SAFETY: the length is not zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("the host has memory");
        let allocator = Allocator { next: START, allocated: BTreeMap::new(), left: None };
        Self { start, allocator: Rc::new(RefCell::new(allocator)) }
    }

    /// Number of regions that are allocated.
    pub fn allocated(&self) -> usize {
        self.allocator.borrow().allocated.len()
    }

    /// Length of the region that is allocated at an address.
    pub fn allocation_at(&self, address: u64) -> Option<usize> {
        self.allocator.borrow().allocated.get(&address).copied()
    }

    /// Makes every allocation fail after this many more.
    pub fn fail_after(&self, allocations: usize) {
        self.allocator.borrow_mut().left = Some(allocations);
    }

    pub fn read16(&self, address: u64) -> u16 {
        u16::from_le_bytes(self.read(address))
    }

    /// Reads a value of a legacy ring, which has the byte order of the CPU.
    pub fn read_native16(&self, address: u64) -> u16 {
        u16::from_ne_bytes(self.read(address))
    }

    pub fn read32(&self, address: u64) -> u32 {
        u32::from_le_bytes(self.read(address))
    }

    pub fn read64(&self, address: u64) -> u64 {
        u64::from_le_bytes(self.read(address))
    }

    pub fn write16(&self, address: u64, value: u16) {
        self.write(address, &value.to_le_bytes());
    }

    pub fn write32(&self, address: u64, value: u32) {
        self.write(address, &value.to_le_bytes());
    }

    pub fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
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
        self.bytes(address, N).try_into().expect("`bytes` returns `N` bytes")
    }

    pub fn write(&self, address: u64, bytes: &[u8]) {
        let start = self.at(address, bytes.len());
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: one of the bytes that `at` found inside.
            let to = unsafe { start.add(at) };
            // SAFETY: inside, and a byte is always aligned; no reference to the memory exists.
            unsafe { to.write_volatile(*byte) }
        }
    }

    /// Returns a pointer to `len` bytes at `address`.
    pub fn at(&self, address: u64, len: usize) -> NonNull<u8> {
        let offset = address.checked_sub(START).and_then(|offset| usize::try_from(offset).ok());
        let offset = offset.filter(|offset| offset.checked_add(len).is_some_and(|end| end <= LEN));
        let offset = offset.expect("a range in memory");
        // SAFETY: the offset is inside the memory or just past its end.
        unsafe { self.start.add(offset) }
    }
}

// SAFETY: a region lies in memory that is never freed and is valid for reads and writes by both sides. Its address is allocated
// once and has the requested alignment in both address spaces, because each space starts at a multiple of the largest one.
unsafe impl Dma for Memory {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let mut allocator = self.allocator.borrow_mut();
        match &mut allocator.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        assert!(layout.align() <= ALIGN, "more alignment than these tests have: {layout:?}");
        let address = allocator.next.next_multiple_of(layout.align() as u64);
        let end = address + layout.size() as u64;
        if end > START + LEN as u64 {
            return None;
        }
        let start = self.at(address, layout.size());
        // The contents of a new region are arbitrary.
        self.write(address, &vec![0xa5; layout.size()]);
        allocator.next = end;
        allocator.allocated.insert(address, layout.size());
        // SAFETY: by the contract of `Dma` above.
        Some(unsafe { DmaRegion::new(start, address, layout) })
    }

    fn free(&mut self, region: DmaRegion) {
        let freed = self.allocator.borrow_mut().allocated.remove(&region.device_address().0);
        assert_eq!(freed, Some(region.len()), "a region is freed once, with the layout that it was allocated with");
    }
}
