//! Guest memory, and device memory out of it.

use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::rc::Rc;

use aerostat_transport::{DeviceAddress, Dma, DmaRegion};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend as _, GuestMemoryMmap};

/// Where guest memory starts.
const START: u64 = 0x10_0000;
/// Its length in bytes.
const LEN: usize = 4 << 20;

/// Guest memory that can be allocated from. Clones are the same memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) guest: GuestMemoryMmap,
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
    pub(crate) fn new() -> Self {
        let guest = GuestMemoryMmap::from_ranges(&[(GuestAddress(START), LEN)]).expect("there is memory");
        let book = Book { next: START, lent: BTreeMap::new(), left: None };
        Self { guest, book: Rc::new(RefCell::new(book)) }
    }

    /// How many pieces are lent.
    pub(crate) fn lent(&self) -> usize {
        self.book.borrow().lent.len()
    }

    /// Lets so many more allocations succeed.
    pub(crate) fn fail_after(&self, allocations: usize) {
        self.book.borrow_mut().left = Some(allocations);
    }

    pub(crate) fn read16(&self, address: u64) -> u16 {
        u16::from_le(self.guest.read_obj(GuestAddress(address)).expect("an address in memory"))
    }

    pub(crate) fn read32(&self, address: u64) -> u32 {
        u32::from_le(self.guest.read_obj(GuestAddress(address)).expect("an address in memory"))
    }

    pub(crate) fn read64(&self, address: u64) -> u64 {
        u64::from_le(self.guest.read_obj(GuestAddress(address)).expect("an address in memory"))
    }

    pub(crate) fn write16(&self, address: u64, value: u16) {
        self.guest.write_obj(value.to_le(), GuestAddress(address)).expect("an address in memory");
    }

    pub(crate) fn write32(&self, address: u64, value: u32) {
        self.guest.write_obj(value.to_le(), GuestAddress(address)).expect("an address in memory");
    }

    pub(crate) fn bytes(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.guest.read_slice(&mut bytes, GuestAddress(address)).expect("a range in memory");
        bytes
    }
}

// SAFETY: a region lies in the mapping of `guest`, which lives until the process ends because `alloc` leaks a clone; it is
// valid for reads and writes by both sides, at an address that is given out once only, aligned as asked for: the mapping
// starts at a page.
unsafe impl Dma for Memory {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        let mut book = self.book.borrow_mut();
        match &mut book.left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        let address = book.next.next_multiple_of(layout.align() as u64);
        let end = address + layout.size() as u64;
        if end > START + LEN as u64 {
            return None;
        }
        let start = NonNull::new(self.guest.get_host_address(GuestAddress(address)).ok()?)?;
        std::mem::forget(self.guest.clone());
        // What is in new memory is arbitrary.
        self.guest.write_slice(&vec![0xa5; layout.size()], GuestAddress(address)).ok()?;
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
