//! Memory shared by driver and device.

use core::alloc::Layout;
use core::num::NonZeroU64;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::sync::{AtomicU16, read_volatile, write_volatile};

/// An address in the device's address space, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress(pub u64);

/// The identity of an IOMMU domain: [`Dma`] objects that map memory for different devices have different domains.
///
/// The registers of a device state its domain, see [`Io::domain`](crate::Io::domain). [`Dma`] objects of other domains are rejected,
/// so that memory is not mapped for another device, or unmapped there. This holds with VIRTIO_F_ACCESS_PLATFORM. Without it a device does
/// not use mappings, and a driver may still compare the domains to keep the accounts of its devices apart, as the balloon does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DmaDomain(u64);

impl DmaDomain {
    /// The domain of all objects that do not translate addresses.
    pub const IDENTITY: Self = Self(0);

    /// Returns the domain with this id, for instance the number of the domain in the kernel's IOMMU driver, or the requester id
    /// of the device plus 1.
    pub const fn new(id: NonZeroU64) -> Self {
        Self(id.get())
    }
}

/// The kind of addresses that a device uses. [`Device::addressing`](crate::Device::addressing) returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Guest-physical addresses. The device bypasses the IOMMU.
    Physical,
    /// Addresses that [`Dma::map`] of an object of this domain returns (VIRTIO_F_ACCESS_PLATFORM).
    Platform(DmaDomain),
}

/// Memory was not mapped or unmapped for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The [`Dma`] object belongs to another domain than the device. Nothing was mapped or unmapped.
    #[error("the `Dma` object belongs to another IOMMU domain than the device; use the object that set the device up")]
    OtherDomain,
    /// [`Dma::map`] translated an address, although [`Dma::domain`] is [`DmaDomain::IDENTITY`]. Nothing was mapped.
    #[error(
        "`Dma::map` translates addresses, and `Dma::domain` is that of the identity mapping; implement `Dma::domain` too"
    )]
    NoDomain,
    /// The platform could not allocate or map the memory.
    #[error("the platform could not allocate or map {bytes} bytes for the device")]
    Failed {
        /// Number of bytes.
        bytes: usize,
    },
}

impl Addressing {
    /// Checks that `dma` maps memory for the device.
    ///
    /// # Errors
    ///
    /// [`MapError::OtherDomain`]
    pub fn check(self, dma: &impl Dma) -> Result<(), MapError> {
        match self {
            Self::Platform(domain) if domain != dma.domain() => Err(MapError::OtherDomain),
            Self::Physical | Self::Platform(_) => Ok(()),
        }
    }

    /// Makes memory accessible to the device, and returns its address for the device.
    ///
    /// # Errors
    ///
    /// [`MapError`], and the memory is not mapped.
    pub fn map(self, dma: &mut impl Dma, physical: u64, bytes: usize) -> Result<DeviceAddress, MapError> {
        self.check(dma)?;
        let Self::Platform(domain) = self else { return Ok(DeviceAddress(physical)) };
        let address = dma.map(physical, bytes).ok_or(MapError::Failed { bytes })?;
        if domain == DmaDomain::IDENTITY && address.0 != physical {
            // SAFETY: it was mapped just now, and no device has the address.
            unsafe { dma.unmap(physical, bytes) };
            return Err(MapError::NoDomain);
        }
        Ok(address)
    }

    /// Undoes [`Addressing::map`].
    ///
    /// # Errors
    ///
    /// [`MapError::OtherDomain`], and the memory is still mapped.
    ///
    /// # Safety
    ///
    /// * One call of [`Addressing::map`] of the same addressing mapped this memory, with this length, and no other call undoes it. For
    ///   [`Addressing::Physical`], which maps nothing, the memory may also be a part of it.
    /// * The device no longer uses the memory at the address that the call returned.
    pub unsafe fn unmap(self, dma: &mut impl Dma, physical: u64, bytes: usize) -> Result<(), MapError> {
        self.check(dma)?;
        if let Self::Platform(_) = self {
            // SAFETY: by the caller's promise. The memory was mapped in the domain of `dma`, as just checked.
            unsafe { dma.unmap(physical, bytes) };
        }
        Ok(())
    }
}

/// An allocator of memory that the device can access.
///
/// # Safety
///
/// The memory of every [`DmaRegion`] that [`Dma::alloc`] returns
///
/// * is valid for reads and writes by the CPU at [`DmaRegion::as_ptr`] and by the device at
///   [`DmaRegion::physical`], both contiguous and coherent, for the whole length;
/// * has the requested alignment in both address spaces;
/// * is at least as long as the layout requests;
/// * has no other owner until [`Dma::free`] is called with the region. If that never happens, the memory is leaked, even after
///   the allocator is dropped.
///
/// [`Dma::free`] ignores a region that another object allocated.
///
/// The address that [`Dma::map`] returns refers to the given memory until [`Dma::unmap`] is called for it, and has the same
/// alignment, up to the platform's page size. An object whose [`Dma::map`] translates addresses
///
/// * maps memory in one IOMMU domain. The registers of a device state the domain of the device ([`Io::domain`](crate::Io::domain),
///   a promise of the code that creates them), and objects of other domains are rejected;
/// * returns a [`Dma::domain`] that never changes, that is not [`DmaDomain::IDENTITY`], and that only objects of the same IOMMU
///   domain have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not allocate memory that a device can access",
    label = "needs `Dma`",
    note = "implement `Dma` for your kernel's DMA allocator, or for a handle to it"
)]
pub unsafe trait Dma {
    /// Allocates a region of at least `layout.size()` bytes, aligned to `layout.align()`, with arbitrary contents. `None` if no
    /// such memory is free.
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion>;

    /// Frees a region that [`Dma::alloc`] returned. The device no longer uses it.
    fn free(&mut self, region: DmaRegion);

    /// Makes the `bytes` of memory at `physical` accessible to the device, and returns their address for the device. `None` if
    /// they cannot be mapped now. Called only if VIRTIO_F_ACCESS_PLATFORM was negotiated.
    ///
    /// The memory may start and end inside a page. Two mappings may share a page, and unmapping one must keep the other. The
    /// device can access the rest of the page too; a platform that must prevent this allocates whole pages in [`Dma::alloc`].
    ///
    /// A mapping alone lets a device that keeps to the protocol access nothing: giving it the address takes `unsafe`, for instance
    /// [`VirtQueue::add`](crate::VirtQueue::add).
    ///
    /// The default implementation is the identity mapping. An implementation that translates addresses overrides
    /// [`Dma::domain`] too. Otherwise a translated address is rejected with [`MapError::NoDomain`].
    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        let _ = bytes;
        Some(DeviceAddress(physical))
    }

    /// Undoes [`Dma::map`].
    ///
    /// # Safety
    ///
    /// * One call of [`Dma::map`] of an object of this domain mapped this memory, with this length, and no other call undoes it.
    /// * The device no longer uses the memory at the address that the call returned.
    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        let _ = (physical, bytes);
    }

    /// Returns the IOMMU domain that [`Dma::map`] maps memory in.
    ///
    /// The default implementation is for the identity mapping. A driver can then not tell the objects of different devices apart.
    /// Override this also without [`Dma::map`] if that matters, see [`DmaDomain`]. The value never changes.
    fn domain(&self) -> DmaDomain {
        DmaDomain::IDENTITY
    }
}

/// An owned region of memory shared with a device.
///
/// The device may write to it at any time, so the driver uses volatile and atomic accesses and no references. Dropping the
/// value leaks the memory; [`DmaRegion::release`] frees it.
#[derive(Debug)]
#[must_use = "dropping a region leaks its memory; free it with `DmaRegion::release`"]
pub struct DmaRegion {
    start: NonNull<u8>,
    physical: u64,
    /// The address for the device, and the domain that it belongs to, if the region is mapped.
    mapped: Option<(DeviceAddress, DmaDomain)>,
    layout: Layout,
}

// SAFETY: the region owns its memory, which every CPU accesses in the same way.
unsafe impl Send for DmaRegion {}

impl DmaRegion {
    /// Returns a region at the virtual address `start` and the address `physical`.
    ///
    /// # Safety
    ///
    /// The memory is as [`Dma`] requires: valid for `layout.size()` bytes at both addresses, aligned, and without another owner
    /// until the region is passed to [`Dma::free`].
    pub const unsafe fn new(start: NonNull<u8>, physical: u64, layout: Layout) -> Self {
        Self { start, physical, mapped: None, layout }
    }

    /// Allocates a region and maps it for a device with this addressing.
    ///
    /// # Errors
    ///
    /// [`MapError`], and nothing is allocated.
    pub fn allocate(dma: &mut impl Dma, layout: Layout, addressing: Addressing) -> Result<Self, MapError> {
        addressing.check(dma)?;
        let region = dma.alloc(layout).ok_or(MapError::Failed { bytes: layout.size() })?;
        // A region from a pool may have been mapped before.
        let region = Self { mapped: None, ..region };
        match (addressing, addressing.map(dma, region.physical, region.len())) {
            (Addressing::Physical, Ok(_)) => Ok(region),
            (Addressing::Platform(domain), Ok(address)) => Ok(Self { mapped: Some((address, domain)), ..region }),
            (_, Err(error)) => {
                dma.free(region);
                Err(error)
            }
        }
    }

    /// Unmaps and frees the region. The device must no longer use it.
    ///
    /// # Errors
    ///
    /// The region, unchanged, if it is mapped in another domain than that of `dma`.
    pub fn release(self, dma: &mut impl Dma) -> Result<(), Self> {
        if !self.is_in_domain_of(dma) {
            return Err(self);
        }
        if self.mapped.is_some() {
            // SAFETY:
            // * `allocate` mapped the region in this domain, as just checked. It is unmapped once, because `self` is consumed.
            // * The device does not use it: giving a device the address takes `unsafe` and the promise to keep the region.
            unsafe { dma.unmap(self.physical, self.len()) };
        }
        dma.free(Self { mapped: None, ..self });
        Ok(())
    }

    /// Returns whether [`DmaRegion::release`] succeeds with `dma`.
    pub(crate) fn is_in_domain_of(&self, dma: &impl Dma) -> bool {
        self.mapped.is_none_or(|(_, domain)| domain == dma.domain())
    }

    /// Returns the address for the CPU.
    pub const fn as_ptr(&self) -> NonNull<u8> {
        self.start
    }

    /// Returns the physical address.
    pub const fn physical(&self) -> u64 {
        self.physical
    }

    /// Returns the address for the device, which is the physical address unless the region is mapped.
    #[inline]
    pub const fn device_address(&self) -> DeviceAddress {
        match self.mapped {
            Some((address, _)) => address,
            None => DeviceAddress(self.physical),
        }
    }

    /// Returns the layout that the region was allocated with.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.layout.size()
    }

    /// Returns whether the region has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl DmaRegion {
    /// Fills the region with zeros.
    pub fn zero(&mut self) {
        // SAFETY: the region is valid for writes for its whole length by the contract of `new`, and exclusive access to the value
        // excludes other accesses of this driver.
        unsafe { self.start.as_ptr().write_bytes(0, self.len()) }
    }

    /// Writes 32 bits at `offset` in the byte order of the CPU. Writes nothing if they do not fit or are not aligned.
    pub fn write_u32(&self, offset: usize, value: u32) {
        self.write(offset, value);
    }

    /// Returns a pointer to the `T` at `offset`; `None` if it does not fit or is not aligned.
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

    /// Reads the value at `offset` once. Returns 0 if it does not fit or is not aligned.
    pub(crate) fn read<T: Plain>(&self, offset: usize) -> T {
        match self.at::<T>(offset) {
            // SAFETY: inside and aligned, as `at` checked; a `Plain` type has no invalid values. Volatile, because the device may
            // write at any time.
            Some(at) => unsafe { read_volatile(at.as_ptr()) },
            None => T::default(),
        }
    }

    /// Writes a value at `offset` once. Writes nothing if it does not fit or is not aligned.
    pub(crate) fn write<T: Plain>(&self, offset: usize, value: T) {
        if let Some(at) = self.at::<T>(offset) {
            // SAFETY: inside and aligned, as `at` checked, in memory that is valid for writes; no reference to it exists.
            unsafe { write_volatile(at.as_ptr(), value) }
        }
    }

    /// Writes two words at `offset`, as [`DmaRegion::write`] does.
    #[inline]
    pub(crate) fn write_pair(&self, offset: usize, [first, second]: [u64; 2]) {
        self.write(offset, first);
        self.write(offset + size_of::<u64>(), second);
    }

    /// Reads the 16-bit value at `offset` with acquire ordering. Returns 0 if it does not fit or is not aligned.
    #[inline]
    #[cfg_attr(all(test, loom), track_caller)]
    pub(crate) fn load(&self, offset: usize) -> u16 {
        match self.at::<u16>(offset) {
            // SAFETY: inside, aligned and valid while the region is borrowed, as `at` checked. The driver makes no other access to
            // the memory at the same time, and the device accesses indexes and flags atomically.
            Some(at) => unsafe { AtomicU16::from_ptr(at.as_ptr()) }.load(Ordering::Acquire),
            None => 0,
        }
    }

    /// Writes the 16-bit value at `offset` with release ordering. Writes nothing if it does not fit or is not aligned.
    #[inline]
    #[cfg_attr(all(test, loom), track_caller)]
    pub(crate) fn store(&self, offset: usize, value: u16) {
        if let Some(at) = self.at::<u16>(offset) {
            // SAFETY: as in `load`.
            unsafe { AtomicU16::from_ptr(at.as_ptr()) }.store(value, Ordering::Release);
        }
    }
}

/// An integer type, which has no invalid values.
pub(crate) trait Plain: Copy + Default {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
