//! Memory that driver and device share.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU16, Ordering};

use aerostat_spec::{Accepted, FeatureSet, reserved};

/// An address as the device sees it, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress(pub u64);

/// Which addresses a device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Physical ones, whatever IOMMU there is.
    Physical,
    /// Those that the platform has for it (VIRTIO_F_ACCESS_PLATFORM): what [`Dma::map`] returns.
    Platform,
}

impl Addressing {
    /// What was negotiated.
    pub fn of<F: FeatureSet>(accepted: &Accepted<F>) -> Self {
        if accepted.has(reserved::feature::AccessPlatform) { Self::Platform } else { Self::Physical }
    }

    /// Makes memory reachable for the device, and says at which address. `None` where the platform cannot do that now.
    pub fn map(self, dma: &mut impl Dma, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        match self {
            Self::Physical => Some(DeviceAddress(physical)),
            Self::Platform => dma.map(physical, bytes),
        }
    }

    /// Undoes [`Addressing::map`]. The device no longer uses the memory.
    pub fn unmap(self, dma: &mut impl Dma, physical: u64, bytes: usize) {
        if self == Self::Platform {
            dma.unmap(physical, bytes);
        }
    }
}

/// Allocates memory that the device can reach.
///
/// # Safety
///
/// Every [`DmaRegion`] that [`Dma::alloc`] returns lies in memory that
///
/// * is valid for reads and writes by the CPU at [`DmaRegion::as_ptr`] and by the device at
///   [`DmaRegion::physical`], both contiguous and coherent, for the whole length;
/// * has the alignment asked for, in both address spaces;
/// * is at least as long as the layout asks for;
/// * belongs to nobody else until the region comes back through [`Dma::free`]; for ever where it never does, even if the
///   object that allocated it is gone.
///
/// [`Dma::free`] leaves a region alone that another object has allocated.
///
/// An address that [`Dma::map`] returns leads the device to the memory that was to be mapped, and keeps its alignment up to
/// that of a page of the platform, until [`Dma::unmap`] for the same memory. An object that maps stands for one device and
/// its IOMMU domain.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not allocate memory that a device can reach",
    label = "needs `Dma`",
    note = "implement `Dma` for your kernel's allocator of such memory, or for a handle to it"
)]
pub unsafe trait Dma {
    /// Allocates a region of at least `layout.size()` bytes, aligned to `layout.align()`; its contents are arbitrary.
    /// `None` when there is no such memory now.
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion>;

    /// Takes back a region that [`Dma::alloc`] returned. No device uses it any more.
    fn free(&mut self, region: DmaRegion);

    /// Makes `bytes` of memory at the address `physical` reachable for the device, and returns the address that it has for
    /// the device. `None` where that cannot be done now. Called only for a device that was promised such addresses: one
    /// that negotiated ACCESS_PLATFORM.
    ///
    /// The memory may start and end inside a page of the platform, and two pieces may share one: the end of one mapping must
    /// not end the other. The device reaches the rest of the page too; a platform that minds gives whole pages in
    /// [`Dma::alloc`].
    ///
    /// As it is, it is right for platforms whose devices use physical addresses.
    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        let _ = bytes;
        Some(DeviceAddress(physical))
    }

    /// Undoes [`Dma::map`] for the same memory. No device uses it any more.
    fn unmap(&mut self, physical: u64, bytes: usize) {
        let _ = (physical, bytes);
    }
}

/// A piece of memory shared with a device, owned by whoever holds this value.
///
/// The device may write to it at any time, so that no Rust reference to it exists: it is read and written through
/// volatile and atomic accesses. Dropping the value leaks the memory; [`DmaRegion::release`] gives it back.
#[derive(Debug)]
#[must_use = "dropping a region leaks its memory: give it back with `DmaRegion::release`"]
pub struct DmaRegion {
    start: NonNull<u8>,
    physical: u64,
    /// The address for the device, where it is mapped.
    mapped: Option<DeviceAddress>,
    layout: Layout,
}
// SAFETY: the region owns its memory, which is reached from any CPU alike.
unsafe impl Send for DmaRegion {}

impl DmaRegion {
    /// A region from its parts: the address for the CPU, the physical address, and the layout it was asked for.
    ///
    /// # Safety
    ///
    /// The memory is as [`Dma`] promises: valid for `layout.size()` bytes at both addresses, aligned, and not used by
    /// anybody else until the region comes back through [`Dma::free`]: for ever where it is dropped.
    pub const unsafe fn new(start: NonNull<u8>, physical: u64, layout: Layout) -> Self {
        Self { start, physical, mapped: None, layout }
    }

    /// Allocates a region and maps it for a device with that addressing. `None` where either cannot be done now.
    pub fn allocate(dma: &mut impl Dma, layout: Layout, addressing: Addressing) -> Option<Self> {
        // What comes out of a pool may have been mapped before.
        let region = Self { mapped: None, ..dma.alloc(layout)? };
        match addressing {
            Addressing::Physical => Some(region),
            Addressing::Platform => match dma.map(region.physical, region.len()) {
                Some(address) => Some(Self { mapped: Some(address), ..region }),
                None => {
                    dma.free(region);
                    None
                }
            },
        }
    }

    /// Undoes [`DmaRegion::allocate`]. No device uses the region any more.
    pub fn release(self, dma: &mut impl Dma) {
        if self.mapped.is_some() {
            dma.unmap(self.physical, self.len());
        }
        dma.free(Self { mapped: None, ..self });
    }

    /// The address for the CPU.
    pub const fn as_ptr(&self) -> NonNull<u8> {
        self.start
    }

    /// The physical address.
    pub const fn physical(&self) -> u64 {
        self.physical
    }

    /// The address for the device: the physical one, unless the region is mapped.
    pub const fn device_address(&self) -> DeviceAddress {
        match self.mapped {
            Some(address) => address,
            None => DeviceAddress(self.physical),
        }
    }

    /// The layout that the region was asked for with.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.layout.size()
    }

    /// Whether the region has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DmaRegion {
    /// Fills the region with zeros.
    pub fn zero(&mut self) {
        // SAFETY: the region is valid for writes for its whole length, by the contract of `new`, and exclusive access
        // to the value means that no other code of this driver is writing to it.
        unsafe { self.start.as_ptr().write_bytes(0, self.len()) }
    }

    /// Writes 32 bits at `offset`, once, in the byte order of the CPU; nothing where they do not fit or are not aligned.
    pub fn write_u32(&self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    /// A pointer to the `T` at `offset`, where it is inside and aligned.
    fn at<T>(&self, offset: usize) -> Option<NonNull<T>> {
        let fits = offset.checked_add(size_of::<T>()).is_some_and(|end| end <= self.len());
        if !fits {
            return None;
        }
        // SAFETY: `offset` is inside the region, as just checked.
        let at = unsafe { self.start.add(offset) };
        let at = at.cast::<T>();
        at.is_aligned().then_some(at)
    }

    /// Reads a little-endian or native value at `offset`, once; 0 where it does not fit or is not aligned.
    pub(crate) fn read<T: Plain>(&self, offset: usize) -> T {
        match self.at::<T>(offset) {
            // SAFETY: inside and aligned, as `at` checked; `Plain` types have no invalid values, and the access is
            // volatile, because the device may write at any time.
            Some(at) => unsafe { at.read_volatile() },
            None => T::default(),
        }
    }

    /// Writes a value at `offset`, once; nothing where it does not fit or is not aligned.
    pub(crate) fn write<T: Plain>(&self, offset: usize, value: T) {
        if let Some(at) = self.at::<T>(offset) {
            // SAFETY: inside and aligned, as `at` checked, in memory that is valid for writes; no reference to it exists.
            unsafe { at.write_volatile(value) }
        }
    }

    /// Writes two words at `offset`, as [`DmaRegion::write`] does.
    pub(crate) fn write_pair(&self, offset: usize, [first, second]: [u64; 2]) {
        self.write(offset, first);
        self.write(offset + size_of::<u64>(), second);
    }

    /// Reads the 16-bit index or flags at `offset` with acquire ordering; 0 where it does not fit or is not aligned.
    pub(crate) fn load(&self, offset: usize) -> u16 {
        // SAFETY: inside, aligned and valid while the region is borrowed, as `at` checked; the driver has no other
        // access to the memory at the same time, and the device's own accesses to indexes and flags are atomic too.
        self.at::<u16>(offset).map_or(0, |at| unsafe { AtomicU16::from_ptr(at.as_ptr()) }.load(Ordering::Acquire))
    }

    /// Writes the 16-bit index or flags at `offset` with release ordering.
    pub(crate) fn store(&self, offset: usize, value: u16) {
        if let Some(at) = self.at::<u16>(offset) {
            // SAFETY: as in `load`.
            unsafe { AtomicU16::from_ptr(at.as_ptr()) }.store(value, Ordering::Release);
        }
    }
}

/// Integers, which have no invalid values.
pub(crate) trait Plain: Copy + Default {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
