//! A kernel for tests: frames and device memory out of one [`GuestMemory`], with a book of who owns what.
//!
//! [`TestPlatform`] is what a driver is given; its [`Ledger`] stays with the test, which makes allocations fail through
//! it and asserts at the end that the ledger has no [`OwnershipViolation`] and nothing outstanding.

mod dma;
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

use aerostat_balloon::{FrameRun, FrameSize, Frames, ManagedChange, PrivateMemory, Size4KiB};
use aerostat_transport::{DeviceAddress, Dma, DmaRegion};

use crate::device::BalloonDevice;
use crate::memory::{GuestMemory, PAGE_BYTES};
use dma::DmaBook;
use frames::FrameBook;
pub use ledger::{Accounts, FrameEvent, Ledger};
use mappings::MappingBook;
pub use violation::OwnershipViolation;

/// Guest memory below this is not used when memory starts at 0, as on a PC.
const LOW: u64 = 1 << 20;
/// Memory for the device without another choice: 1 MiB, at the end.
const DMA: u64 = 1 << 20;

/// Which frames the allocator gives first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// The lowest ones, in runs as long as asked for.
    #[default]
    Contiguous,
    /// The lowest ones, in runs of at most so many frames.
    AtMost(u32),
    /// Anywhere, in runs of one to four frames, by chance from this seed.
    Scattered {
        /// What chance starts from: the same seed gives the same frames.
        seed: u64,
    },
}

/// What the kernel does with frames that it got back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// Writes to every page at once, so that a device which was not told notices.
    #[default]
    AtOnce,
    /// Leaves them alone: for benchmarks.
    Later,
}

/// Builds a [`TestPlatform`]: made by [`TestPlatform::builder`].
#[derive(Debug)]
#[must_use = "a platform is made by `build`"]
pub struct PlatformBuilder<S> {
    memory: GuestMemory,
    device: Option<BalloonDevice>,
    dma: u64,
    runs: Runs,
    reuse: Reuse,
    size: PhantomData<S>,
}

/// The guest memory is too small for a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of guest memory at {base:#x} leave no frame beside {dma} bytes for the device")]
pub struct NoFrames {
    /// Where guest memory starts.
    pub base: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// How much of it the device was to get.
    pub dma: u64,
}

impl<S: FrameSize> PlatformBuilder<S> {
    /// The device that the driver will drive: the ledger then also checks against the pages that the device counts.
    pub fn device(mut self, device: &BalloonDevice) -> Self {
        self.device = Some(device.clone());
        self
    }

    /// How many bytes at the end of memory are for rings and buffers.
    pub fn dma_bytes(mut self, bytes: u64) -> Self {
        self.dma = bytes;
        self
    }

    /// Which frames are given first.
    pub fn runs(mut self, runs: Runs) -> Self {
        self.runs = runs;
        self
    }

    /// What happens to frames that come back.
    pub fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    /// The platform.
    ///
    /// # Errors
    ///
    /// [`NoFrames`] when there is no memory left for a single frame.
    pub fn build(self) -> Result<TestPlatform<S>, NoFrames> {
        let layout = self.memory.layout();
        let none = NoFrames { base: layout.base, bytes: layout.bytes, dma: self.dma };
        let start = layout.base.max(LOW).div_ceil(S::BYTES);
        let end = layout.base + layout.bytes;
        let dma = end.checked_sub(self.dma).ok_or(none)?;
        let frames = start..dma / S::BYTES;
        if frames.is_empty() {
            return Err(none);
        }
        let book = FrameBook::new(frames.clone(), S::PAGES, self.runs, self.reuse);
        if let Some(device) = &self.device {
            // Reported or hinted, it would be a mistake of the driver.
            device.change(|state| state.keep_for_device(dma / PAGE_BYTES..end / PAGE_BYTES));
        }
        let dma = DmaBook::new(self.memory.clone(), dma..end);
        let ledger = Ledger {
            memory: self.memory,
            device: self.device,
            frames: Arc::new(Mutex::new(book)),
            dma: Arc::new(Mutex::new(dma)),
            mappings: Arc::new(Mutex::new(MappingBook::default())),
            statistics: Arc::default(),
            record: Arc::default(),
            accounts: Arc::default(),
        };
        Ok(TestPlatform { ledger, span: frames, size: PhantomData })
    }
}

/// A kernel's side of the balloon, generic over the size of its frames.
#[derive(Debug)]
pub struct TestPlatform<S = Size4KiB> {
    ledger: Ledger,
    span: Range<u64>,
    size: PhantomData<S>,
}

impl<S: FrameSize> TestPlatform<S> {
    /// The platform of a guest with this memory.
    pub fn builder(memory: &GuestMemory) -> PlatformBuilder<S> {
        PlatformBuilder {
            memory: memory.clone(),
            device: None,
            dma: DMA,
            runs: Runs::default(),
            reuse: Reuse::default(),
            size: PhantomData,
        }
    }

    /// The usual platform of the guest of `device`.
    ///
    /// # Errors
    ///
    /// [`NoFrames`] when the guest's memory is too small.
    pub fn of(device: &BalloonDevice) -> Result<Self, NoFrames> {
        Self::builder(device.memory()).device(device).build()
    }

    /// The book, for the test to keep.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Another handle to the same kernel, for parts of the driver that are used apart.
    pub fn share(&self) -> Self {
        Self { ledger: self.ledger.clone(), span: self.span.clone(), size: PhantomData }
    }
}

impl<S: FrameSize> Frames for TestPlatform<S> {
    type Size = S;

    fn range(&self) -> Range<u64> {
        self.span.clone()
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<S>> {
        let (first, count) = self.ledger.allocate(most)?;
        // SAFETY: the frames lie in the guest memory of the test. The book has just marked them as lent, which it does
        // only for frames that are free, and touches them again only after they came back.
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

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        self.ledger.deallocate_private(memory.into_raw());
    }
}

// SAFETY: a region lies in the guest memory, one shared mapping, which the book keeps for as long as the platform exists,
// and for ever when a region has not come back by then; the device sees the same bytes at the address on its bus, or at
// the one that the IOMMU has for it until it is unmapped. The book hands out each byte once until it comes back, aligned
// in both address spaces, whose difference is a multiple of 4 KiB, the largest alignment given.
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

    fn unmap(&mut self, physical: u64, bytes: usize) {
        self.ledger.unmap(physical, bytes);
    }
}
