//! Guest physical memory that a driver, a device and QEMU can share.

mod bus;
mod iommu;
mod mapping;

pub(crate) use bus::{Bus, ByteOrder, Unmapped};
pub(crate) use iommu::Iommu;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;

use mapping::Mapping;
use rustix::fs::{FallocateFlags, MemfdFlags, SeekFrom};

/// Bytes in a page, the unit of the balloon interface.
pub const PAGE_BYTES: u64 = 4096;

/// Where guest memory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLayout {
    /// Guest physical address of the first byte, a multiple of 4 KiB.
    pub base: u64,
    /// Length in bytes, a multiple of 4 KiB.
    pub bytes: u64,
    /// What the device has to add to a guest physical address to reach the same byte: 0 unless a test wants the
    /// addresses on the bus to differ. Page numbers in the balloon stay guest-physical.
    pub bus_offset: u64,
}

/// Why guest memory could not be had.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The layout is empty, unaligned or wraps around.
    #[error("{0:x?} is no memory layout: base and length are multiples of 4096, and the end fits into 64 bits")]
    Layout(MemoryLayout),
    /// The host refused.
    #[error("the host gave no shared memory of {bytes} bytes: {source}")]
    Host {
        /// The length asked for.
        bytes: u64,
        /// What the host answered.
        source: io::Error,
    },
    /// The host did not map it.
    #[error("the host did not map {bytes} bytes of shared memory: {source}")]
    Map {
        /// The length asked for.
        bytes: u64,
        /// What the host answered.
        source: io::Error,
    },
}

/// Guest physical memory: one shared mapping of an anonymous file, so that dropping a page really frees it and another
/// process can map the same memory.
///
/// The driver under test reaches it by raw pointer ([`GuestMemory::pointer`]), the device by the addresses of its bus.
/// No Rust reference to its bytes is ever made. Clones share the memory.
#[derive(Clone, Debug)]
pub struct GuestMemory {
    file: Arc<File>,
    layout: MemoryLayout,
    mapping: Arc<Mapping>,
}

impl GuestMemory {
    /// `bytes` of memory at guest physical address 0.
    ///
    /// # Errors
    ///
    /// [`MemoryError`], when the length is no multiple of 4 KiB or the host has no such memory.
    pub fn new(bytes: u64) -> Result<Self, MemoryError> {
        Self::with_layout(MemoryLayout { base: 0, bytes, bus_offset: 0 })
    }

    /// Memory that lies where `layout` says.
    ///
    /// # Errors
    ///
    /// [`MemoryError`], when the layout makes no sense or the host has no such memory.
    pub fn with_layout(layout: MemoryLayout) -> Result<Self, MemoryError> {
        let MemoryLayout { base, bytes, bus_offset } = layout;
        let aligned = [base, bytes, bus_offset].iter().all(|value| value.is_multiple_of(PAGE_BYTES));
        let ends = [base, base.wrapping_add(bus_offset)].map(|start| start.checked_add(bytes));
        let wraps = base.checked_add(bus_offset).is_none() || ends.contains(&None);
        let (Ok(length), true) = (usize::try_from(bytes), aligned && bytes != 0 && !wraps) else {
            return Err(MemoryError::Layout(layout));
        };
        let host = |error: rustix::io::Errno| MemoryError::Host { bytes, source: error.into() };
        let fd = rustix::fs::memfd_create("aerostat-guest", MemfdFlags::CLOEXEC).map_err(host)?;
        rustix::fs::ftruncate(&fd, bytes).map_err(host)?;
        let file = File::from(fd);
        let mapping = Mapping::new(&file, length).map_err(|source| MemoryError::Map { bytes, source })?;
        Ok(Self { file: Arc::new(file), layout, mapping: Arc::new(mapping) })
    }

    /// Where the memory lies.
    pub fn layout(&self) -> MemoryLayout {
        self.layout
    }

    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.layout.bytes
    }

    /// The page numbers, in units of 4 KiB, that are backed by memory.
    pub fn pages(&self) -> Range<u64> {
        let first = self.layout.base / PAGE_BYTES;
        first..first + self.layout.bytes / PAGE_BYTES
    }

    /// The address on the bus of guest physical address `address`.
    pub fn bus_address(&self, address: u64) -> u64 {
        address.wrapping_add(self.layout.bus_offset)
    }

    /// A pointer to the `length` bytes at guest physical address `address`, `None` when they are not all inside. The
    /// device and QEMU may write there at any time, so that only volatile and atomic accesses make sense. The pointer is
    /// valid while this value or a clone of it exists.
    pub fn pointer(&self, address: u64, length: usize) -> Option<NonNull<u8>> {
        self.mapping.at(self.offset(address)?, length)
    }

    /// Bytes from the start of the memory to guest physical address `address`.
    fn offset(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.layout.base)
    }

    /// Copies `bytes` to guest physical address `address`, as a guest's CPU would.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when they do not fit.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let written = self.offset(address).and_then(|offset| self.mapping.write(offset, bytes));
        written.ok_or(OutOfMemory { address, length: bytes.len() })
    }

    /// Copies from guest physical address `address`, as a guest's CPU would.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when there is not so much memory there.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), OutOfMemory> {
        let length = bytes.len();
        let read = self.offset(address).and_then(|offset| self.mapping.read(offset, bytes));
        read.ok_or(OutOfMemory { address, length })
    }

    /// Writes `value` to every byte of the `pages`, so that the host has to provide them. Pages outside are skipped.
    pub fn fill(&self, pages: Range<u64>, value: u8) {
        let content = [value; PAGE_BYTES as usize];
        let inside = self.pages();
        for page in pages.start.max(inside.start)..pages.end.min(inside.end) {
            // A page inside the memory can be written: nothing to report.
            let _ = self.write(page * PAGE_BYTES, &content);
        }
    }

    /// Writes `value` to every 32 bits of the `pages`, as a kernel poisons them. Pages outside are skipped.
    pub fn fill_with(&self, pages: Range<u64>, value: u32) {
        let content = value.to_le_bytes().repeat(PAGE_BYTES as usize / 4);
        let inside = self.pages();
        for page in pages.start.max(inside.start)..pages.end.min(inside.end) {
            // A page inside the memory can be written: nothing to report.
            let _ = self.write(page * PAGE_BYTES, &content);
        }
    }

    /// Whether every 32 bits of the page are `value`. `false` for a page outside.
    pub fn is_filled_with(&self, page: u64, value: u32) -> bool {
        if !self.pages().contains(&page) {
            return false;
        }
        if !self.is_resident(page) {
            // Looking at it would make the host provide it.
            return value == 0;
        }
        let mut content = [0; PAGE_BYTES as usize];
        self.read(page * PAGE_BYTES, &mut content).is_ok()
            && content.as_chunks().0.iter().all(|word| u32::from_le_bytes(*word) == value)
    }

    /// Gives the memory behind the `pages` back to the host. Their contents are lost; they read as zero and come back
    /// when touched.
    ///
    /// # Errors
    ///
    /// What the host answered, or `InvalidInput` when a page is outside.
    pub fn release(&self, pages: Range<u64>) -> io::Result<()> {
        let inside = self.pages();
        if pages.start < inside.start || pages.end > inside.end || pages.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("pages {pages:?} are not all in {inside:?}"),
            ));
        }
        let offset = (pages.start - inside.start) * PAGE_BYTES;
        let length = (pages.end - pages.start) * PAGE_BYTES;
        rustix::fs::fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length)?;
        Ok(())
    }

    /// How many bytes the host really provides now, in whichever process they were touched.
    pub fn resident_bytes(&self) -> u64 {
        // `st_blocks` counts in 512 bytes whatever the file system. An open file can always be asked.
        rustix::fs::fstat(&self.file).map_or(0, |stat| u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
    }

    /// Whether the host provides memory for this page now. `false` for a page outside.
    pub fn is_resident(&self, page: u64) -> bool {
        let Some(offset) = page.checked_sub(self.pages().start).and_then(|index| index.checked_mul(PAGE_BYTES)) else {
            return false;
        };
        rustix::fs::seek(&self.file, SeekFrom::Data(offset)).is_ok_and(|data| data == offset)
    }

    /// The file behind the memory.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// A path at which another process of the same user can open the file behind the memory.
    pub(crate) fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }
}

/// An access outside guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes at guest physical address {address:#x} are not all in guest memory")]
pub struct OutOfMemory {
    /// The guest physical address of the first byte.
    pub address: u64,
    /// The number of bytes.
    pub length: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_pages_leave_the_host_and_read_as_zero() {
        let memory = GuestMemory::new(1 << 20).unwrap();
        assert_eq!(memory.resident_bytes(), 0);
        memory.fill(0..256, 0xa5);
        assert_eq!(memory.resident_bytes(), 1 << 20);
        memory.release(16..32).unwrap();
        assert_eq!(memory.resident_bytes(), (1 << 20) - 16 * PAGE_BYTES);
        assert!(memory.is_resident(15) && !memory.is_resident(16) && !memory.is_resident(31) && memory.is_resident(32));
        let mut byte = [1];
        memory.read(16 * PAGE_BYTES, &mut byte).unwrap();
        assert_eq!(byte, [0]);
    }

    #[test]
    fn a_page_is_filled_with_a_word_or_is_not() {
        let memory = GuestMemory::new(1 << 20).unwrap();
        assert!(memory.is_filled_with(3, 0) && !memory.is_filled_with(3, 1));
        assert!(!memory.is_resident(3), "looking changes nothing");
        memory.fill_with(3..5, 0x1234_5678);
        assert!(memory.is_filled_with(3, 0x1234_5678) && memory.is_filled_with(4, 0x1234_5678));
        assert!(memory.is_filled_with(5, 0));
        memory.write(4 * PAGE_BYTES + 4095, &[0]).unwrap();
        assert!(!memory.is_filled_with(4, 0x1234_5678));
        assert!(!memory.is_filled_with(256, 0), "it is outside");
    }

    #[test]
    fn only_pages_inside_are_released() {
        let memory = GuestMemory::new(1 << 20).unwrap();
        assert!(memory.release(255..257).is_err());
        assert!(memory.release(7..7).is_err());
    }

    #[test]
    fn the_bus_sees_the_same_bytes_at_its_own_address() {
        let layout = MemoryLayout { base: 0x10_0000, bytes: 0x2000, bus_offset: 0x8000_0000 };
        let memory = GuestMemory::with_layout(layout).unwrap();
        memory.write(0x10_1000, &[1, 2, 3, 4]).unwrap();
        let bus = Bus::new(memory.clone(), ByteOrder::Little, None);
        assert_eq!(bus.read_u32(0x8010_1000), Some(0x0403_0201));
        assert_eq!(bus.read_u32(0x10_1000), None);
        assert!(memory.pointer(0x10_1ffc, 4).is_some());
        assert!(memory.pointer(0x10_1ffd, 4).is_none());
        assert!(memory.pointer(u64::MAX, 1).is_none());
    }

    #[test]
    fn a_layout_that_cannot_be_is_refused() {
        for (base, bytes, bus_offset) in [(0, 0, 0), (1, 4096, 0), (0, 4095, 0), (u64::MAX - 4095, 8192, 0)] {
            let layout = MemoryLayout { base, bytes, bus_offset };
            assert!(matches!(GuestMemory::with_layout(layout), Err(MemoryError::Layout(refused)) if refused == layout));
        }
    }
}
