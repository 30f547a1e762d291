//! The memory itself: an anonymous shared file, addressed by guest physical address.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, MemfdFlags, SeekFrom};

use super::mapping::Mapping;

/// Size in bytes of a page, the unit of the balloon interface.
pub const PAGE_BYTES: u64 = 4096;

/// The addresses of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLayout {
    /// Guest physical address of the first byte, a multiple of 4 KiB.
    pub base: u64,
    /// Length in bytes, a multiple of 4 KiB.
    pub bytes: u64,
    /// Offset in bytes from a guest physical address to the address that the device uses for the same byte, a multiple
    /// of 4 KiB. Usually 0. Page numbers in the balloon stay guest-physical.
    pub bus_offset: u64,
}

/// Guest memory could not be created.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The layout is empty, unaligned or exceeds the 64-bit address space.
    #[error(
        "invalid memory layout {0:x?}: base and length must be multiples of 4096, and the end must fit into 64 bits"
    )]
    Layout(MemoryLayout),
    /// The host did not create the shared file.
    #[error("failed to create {bytes} bytes of shared memory: {source}")]
    Host {
        /// The requested length in bytes.
        bytes: u64,
        /// The error of the system call.
        source: io::Error,
    },
    /// The host did not map the shared file.
    #[error("failed to map {bytes} bytes of shared memory: {source}")]
    Map {
        /// The requested length in bytes.
        bytes: u64,
        /// The error of the system call.
        source: io::Error,
    },
}

/// Guest physical memory: one shared mapping of an anonymous file.
///
/// Discarding a page therefore frees host memory, and another process can map the same memory. The driver under test
/// accesses it by raw pointer ([`GuestMemory::pointer`]), the device by bus address. No Rust reference to the bytes is
/// ever created. Clones share the memory.
#[derive(Clone, Debug)]
pub struct GuestMemory {
    file: Arc<File>,
    layout: MemoryLayout,
    mapping: Arc<Mapping>,
}

impl GuestMemory {
    /// Creates `bytes` bytes of memory at guest physical address 0.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if the length is 0 or not a multiple of 4 KiB, or the host fails to provide the memory.
    pub fn new(bytes: u64) -> Result<Self, MemoryError> {
        Self::with_layout(MemoryLayout { base: 0, bytes, bus_offset: 0 })
    }

    /// Creates memory at the addresses of `layout`.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if the layout is invalid or the host fails to provide the memory.
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

    /// Returns the addresses of the memory.
    pub fn layout(&self) -> MemoryLayout {
        self.layout
    }

    /// Returns the length in bytes.
    pub fn bytes(&self) -> u64 {
        self.layout.bytes
    }

    /// Returns the numbers of the 4 KiB pages of this memory.
    pub fn pages(&self) -> Range<u64> {
        let first = self.layout.base / PAGE_BYTES;
        first..first + self.layout.bytes / PAGE_BYTES
    }

    /// Returns the bus address of guest physical address `address`.
    pub fn bus_address(&self, address: u64) -> u64 {
        address.wrapping_add(self.layout.bus_offset)
    }

    /// Returns a pointer to the `length` bytes at guest physical address `address`, or `None` if they are not all inside.
    ///
    /// The device and QEMU may write to the bytes at any time, so use volatile or atomic accesses only. The pointer is
    /// valid while this value or a clone of it exists.
    pub fn pointer(&self, address: u64, length: usize) -> Option<NonNull<u8>> {
        self.mapping.at(self.offset(address)?, length)
    }

    /// Returns the offset in bytes of guest physical address `address`.
    pub(super) fn offset(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.layout.base)
    }

    /// Copies `bytes` to guest physical address `address`, as a guest's CPU does.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the range is not all inside the memory.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let written = self.offset(address).and_then(|offset| self.mapping.write(offset, bytes));
        written.ok_or(OutOfMemory { address, length: bytes.len() })
    }

    /// Copies from guest physical address `address`, as a guest's CPU does.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] if the range is not all inside the memory.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), OutOfMemory> {
        let length = bytes.len();
        let read = self.offset(address).and_then(|offset| self.mapping.read(offset, bytes));
        read.ok_or(OutOfMemory { address, length })
    }

    /// Writes `value` to every byte of `pages`, so that the host has to back them. Skips pages outside the memory.
    pub fn fill(&self, pages: Range<u64>, value: u8) {
        self.fill_with(pages, u32::from_ne_bytes([value; 4]));
    }

    /// Writes `value`, little-endian, to every 32-bit word of `pages`, as a kernel that poisons pages. Skips pages
    /// outside the memory.
    pub fn fill_with(&self, pages: Range<u64>, value: u32) {
        let content = value.to_le_bytes().repeat(PAGE_BYTES as usize / 4);
        let inside = self.pages();
        for page in pages.start.max(inside.start)..pages.end.min(inside.end) {
            // A write to a page inside the memory cannot fail.
            let _ = self.write(page * PAGE_BYTES, &content);
        }
    }

    /// Returns whether every 32-bit word of the page is `value`, little-endian. `false` for a page outside the memory.
    pub fn is_filled_with(&self, page: u64, value: u32) -> bool {
        if !self.pages().contains(&page) {
            return false;
        }
        if !self.is_resident(page) {
            // Reading the page would make the host back it.
            return value == 0;
        }
        let mut content = [0; PAGE_BYTES as usize];
        self.read(page * PAGE_BYTES, &mut content).is_ok()
            && content.as_chunks().0.iter().all(|word| u32::from_le_bytes(*word) == value)
    }

    /// Returns the memory of `pages` to the host. The contents are lost: the pages read as zero, and the host backs them
    /// again on the next access.
    ///
    /// # Errors
    ///
    /// The error of the system call, or `InvalidInput` if `pages` is empty or not all inside the memory.
    pub fn release(&self, pages: Range<u64>) -> io::Result<()> {
        let inside = self.pages();
        if pages.start < inside.start || pages.end > inside.end || pages.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("pages {pages:?} are empty or not all inside {inside:?}"),
            ));
        }
        let offset = (pages.start - inside.start) * PAGE_BYTES;
        let length = (pages.end - pages.start) * PAGE_BYTES;
        rustix::fs::fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length)?;
        Ok(())
    }

    /// Returns how many bytes the host backs now, regardless of which process touched them.
    pub fn resident_bytes(&self) -> u64 {
        // `st_blocks` is in units of 512 bytes on every file system. `fstat` of an open file cannot fail.
        rustix::fs::fstat(&self.file).map_or(0, |stat| u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
    }

    /// Returns whether the host backs this page now. `false` for a page outside the memory.
    pub fn is_resident(&self, page: u64) -> bool {
        let Some(offset) = page.checked_sub(self.pages().start).and_then(|index| index.checked_mul(PAGE_BYTES)) else {
            return false;
        };
        rustix::fs::seek(&self.file, SeekFrom::Data(offset)).is_ok_and(|data| data == offset)
    }

    /// Returns the file behind the memory.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the mapping of the whole memory.
    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Returns a path at which another process of the same user can open the file behind the memory.
    #[cfg(feature = "qtest")]
    pub(crate) fn path(&self) -> std::path::PathBuf {
        use std::os::fd::AsRawFd;
        std::path::PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }
}

/// An access outside guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes at guest physical address {address:#x} are not all inside guest memory")]
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
    fn released_pages_are_not_resident_and_read_as_zero() {
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
    fn is_filled_with_compares_every_word_of_the_page() {
        let memory = GuestMemory::new(1 << 20).unwrap();
        assert!(memory.is_filled_with(3, 0) && !memory.is_filled_with(3, 1));
        assert!(!memory.is_resident(3), "the check must not make the page resident");
        memory.fill_with(3..5, 0x1234_5678);
        assert!(memory.is_filled_with(3, 0x1234_5678) && memory.is_filled_with(4, 0x1234_5678));
        assert!(memory.is_filled_with(5, 0));
        memory.write(4 * PAGE_BYTES + 4095, &[0]).unwrap();
        assert!(!memory.is_filled_with(4, 0x1234_5678));
        assert!(!memory.is_filled_with(256, 0), "the page is outside the memory");
    }

    #[test]
    fn release_rejects_pages_outside_the_memory() {
        let memory = GuestMemory::new(1 << 20).unwrap();
        assert!(memory.release(255..257).is_err());
        assert!(memory.release(7..7).is_err());
    }

    #[test]
    fn invalid_layouts_are_rejected() {
        for (base, bytes, bus_offset) in [(0, 0, 0), (1, 4096, 0), (0, 4095, 0), (u64::MAX - 4095, 8192, 0)] {
            let layout = MemoryLayout { base, bytes, bus_offset };
            assert!(
                matches!(GuestMemory::with_layout(layout), Err(MemoryError::Layout(rejected)) if rejected == layout)
            );
        }
    }
}
