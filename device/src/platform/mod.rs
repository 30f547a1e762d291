//! A kernel for tests: frames and DMA memory from one [`GuestMemory`], with a record of the owner of each frame.
//!
//! Pass a [`TestPlatform`] to the driver and keep its [`Ledger`]. With the ledger a test makes allocations fail, and asserts
//! at the end that there is no [`OwnershipViolation`] and that the driver has returned all memory.

mod dma;
mod failure;
mod frames;
mod ledger;
mod mappings;
mod reports;
mod statistics;
mod violation;

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use aerostat_balloon::platform::ManagedChange;
use aerostat_balloon::{FrameRun, FrameSize, Frames, PrivateMemory, Size4KiB};
use aerostat_transport::{DeviceAddress, Dma, DmaDomain, DmaRegion};

use crate::device::BalloonDevice;
use crate::memory::{GuestMemory, PAGE_BYTES};
use dma::DmaAllocator;
use frames::FrameAllocator;
pub use frames::{Reuse, Runs};
pub use ledger::{FrameEvent, Ledger, ManagedFrames};
pub use violation::OwnershipViolation;

/// The lowest guest physical address of a frame: 1 MiB, as on a PC.
const LOWEST_FRAME: u64 = 1 << 20;
/// The default size of DMA memory: 1 MiB.
const DEFAULT_DMA: u64 = 1 << 20;

/// A builder of a [`TestPlatform`], created by [`TestPlatform::builder`].
#[derive(Debug)]
#[must_use = "call `build` to create the platform"]
pub struct PlatformBuilder<S> {
    memory: GuestMemory,
    device: Option<BalloonDevice>,
    dma: u64,
    runs: Runs,
    reuse: Reuse,
    size: PhantomData<S>,
}

/// The guest memory is too small for a single frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no frame fits into {bytes} bytes of guest memory at {base:#x} with {dma} bytes of DMA memory")]
pub struct NoFrames {
    /// Guest physical address of the memory.
    pub base: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Length in bytes of its DMA part.
    pub dma: u64,
}

impl<S: FrameSize> PlatformBuilder<S> {
    /// Sets the device of the driver, so that the ledger also checks the pages that the device has.
    pub fn device(mut self, device: &BalloonDevice) -> Self {
        self.device = Some(device.clone());
        self
    }

    /// Sets the size in bytes of the DMA memory at the end of guest memory.
    pub fn dma_bytes(mut self, bytes: u64) -> Self {
        self.dma = bytes;
        self
    }

    /// Sets the order in which frames are allocated.
    pub fn runs(mut self, runs: Runs) -> Self {
        self.runs = runs;
        self
    }

    /// Sets what the kernel does with frames that the driver returns.
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// Creates the platform.
    ///
    /// # Errors
    ///
    /// [`NoFrames`] if the memory is too small for a single frame.
    pub fn build(self) -> Result<TestPlatform<S>, NoFrames> {
        let layout = self.memory.layout();
        let none = NoFrames { base: layout.base, bytes: layout.bytes, dma: self.dma };
        let start = layout.base.max(LOWEST_FRAME).div_ceil(S::BYTES);
        let end = layout.base + layout.bytes;
        let dma = end.checked_sub(self.dma).ok_or(none)?;
        let frames = start..dma / S::BYTES;
        if frames.is_empty() {
            return Err(none);
        }
        let allocator = FrameAllocator::new(frames.clone(), S::PAGES, self.runs, self.reuse);
        if let Some(device) = &self.device {
            // The driver must not report or hint this memory as free.
            device.update(|state| state.reserve(dma / PAGE_BYTES..end / PAGE_BYTES));
        }
        let dma = DmaAllocator::new(self.memory.clone(), dma..end);
        let ledger = Ledger {
            memory: self.memory,
            device: self.device,
            frames: Arc::new(Mutex::new(allocator)),
            dma: Arc::new(Mutex::new(dma)),
            mapping_failures: Arc::default(),
            deallocation_panics: Arc::default(),
            statistics: Arc::default(),
            record: Arc::default(),
            managed: Arc::default(),
        };
        Ok(TestPlatform { ledger, range: frames, size: PhantomData })
    }
}

/// The kernel's side of the balloon, generic over the frame size.
#[derive(Debug)]
pub struct TestPlatform<S = Size4KiB> {
    ledger: Ledger,
    range: Range<u64>,
    size: PhantomData<S>,
}

impl<S: FrameSize> TestPlatform<S> {
    /// Returns a builder of a platform with this guest memory.
    pub fn builder(memory: &GuestMemory) -> PlatformBuilder<S> {
        PlatformBuilder {
            memory: memory.clone(),
            device: None,
            dma: DEFAULT_DMA,
            runs: Runs::default(),
            reuse: Reuse::default(),
            size: PhantomData,
        }
    }

    /// Creates a platform with the guest memory of `device` and the default properties.
    ///
    /// # Errors
    ///
    /// [`NoFrames`] if the memory is too small for a single frame.
    pub fn of(device: &BalloonDevice) -> Result<Self, NoFrames> {
        Self::builder(device.memory()).device(device).build()
    }

    /// Returns the ledger, for the test.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Returns another handle of the same kernel, for parts of the driver that are used separately.
    pub fn share(&self) -> Self {
        Self { ledger: self.ledger.clone(), range: self.range.clone(), size: PhantomData }
    }
}

impl<S: FrameSize> Frames for TestPlatform<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    fn free_frames(&self) -> u64 {
        self.ledger.free_frames() as u64
    }

    fn allocate(&mut self, max: u32) -> Option<FrameRun<S>> {
        let (first, count) = self.ledger.allocate(max)?;
        // SAFETY: the frames are inside the guest memory of the test. They were free, now belong to the driver, and the
        // platform does not touch them before the driver returns them.
        Some(unsafe { FrameRun::from_raw(first, count) })
    }

    fn deallocate(&mut self, run: FrameRun<S>) {
        self.ledger.deallocate(run.first(), run.count());
    }

    fn adjust_managed(&mut self, change: ManagedChange) {
        self.ledger.adjust_managed(change);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.ledger.allocate_private(words)
    }

    unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
        self.ledger.deallocate_private(memory.into_raw());
    }
}

// SAFETY: a region is inside guest memory, one shared mapping, which stays while the platform exists, and forever if a region is not
// freed before. The device accesses the same bytes at the bus address, or at the address that the IOMMU maps until it is unmapped. The
// domain is that of the device's IOMMU, as for its registers. No two allocated regions overlap. A region is aligned in both address
// spaces, because they differ by a multiple of 4 KiB, the largest supported alignment.
unsafe impl<S: FrameSize> Dma for TestPlatform<S> {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.ledger.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.ledger.free(region);
    }

    fn map(&mut self, physical: u64, bytes: usize) -> Option<DeviceAddress> {
        self.ledger.map(physical, bytes)
    }

    unsafe fn unmap(&mut self, physical: u64, bytes: usize) {
        self.ledger.unmap(physical, bytes);
    }

    fn domain(&self) -> DmaDomain {
        self.ledger.domain()
    }
}
