//! Passing blocks of free memory to the device and taking them back, for free page reporting and hinting.

use aerostat_transport::{Addressing, DeviceAddress, Dma, DmaDomain};

use super::live_flag::LiveFlag;
use crate::error::{BalloonError, FrameError};
use crate::features::Platform;
use crate::frames::{BlockBitmap, BlockError, LooseRuns, Run, block_bytes, map, unmap};
use crate::platform::Frames;
use crate::units::FrameRun;

/// The blocks that the device has through one queue. Copies share the same blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    bitmap: BlockBitmap,
    addressing: Addressing,
    /// The domain of the balloon's platform, which that of a handle must have.
    domain: DmaDomain,
    /// Free frames that the device leaves to the kernel.
    reserve: u64,
    /// The value of the kernel's free memory, if PAGE_POISON was negotiated.
    poison: Option<u32>,
}

/// When a block is filled with the poison value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FillWhen {
    /// Before the device has it, because the host knows the contents of what it discards.
    Before,
    /// When it goes back to the kernel.
    After,
}

/// A block that was added to the bitmap and may be passed to the device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Address for the device.
    pub(crate) address: DeviceAddress,
    /// Length in bytes.
    pub(crate) len: u32,
    /// Number in the bitmap.
    pub(crate) number: u32,
}

impl Blocks {
    pub(crate) const fn new(bitmap: BlockBitmap) -> Self {
        let (addressing, domain) = (Addressing::Physical, DmaDomain::IDENTITY);
        Self { bitmap, addressing, domain, reserve: 0, poison: None }
    }

    /// Checks that the platform is for the same device as that of the balloon, also where the device uses physical addresses and
    /// only the accounts of the kernel differ. All platforms that do not implement [`Dma::domain`] count as the same.
    ///
    /// # Errors
    ///
    /// [`BalloonError::OtherPlatform`]
    pub(crate) fn check_platform(&self, dma: &impl Dma) -> Result<(), BalloonError> {
        if dma.domain() == self.domain { Ok(()) } else { Err(BalloonError::OtherPlatform) }
    }

    /// Sets the addresses that the device uses, the domain of the platform that set it up, the poison value, and the reserve of
    /// the kernel in frames.
    pub(crate) fn set_up(&mut self, addressing: Addressing, domain: DmaDomain, poison: Option<u32>, reserve: u64) {
        (self.addressing, self.domain, self.poison, self.reserve) = (addressing, domain, poison, reserve);
    }

    /// Returns how the device reaches blocks.
    pub(super) const fn addressing(&self) -> Addressing {
        self.addressing
    }

    /// Returns how many blocks the kernel can spare beyond its reserve.
    pub(crate) fn spare(&self, platform: &impl Frames) -> usize {
        if self.reserve == 0 {
            return usize::MAX;
        }
        let frames = platform.free_frames().saturating_sub(self.reserve);
        usize::try_from(frames / u64::from(self.frames().max(1))).unwrap_or(usize::MAX)
    }

    /// Returns the number of frames in a block.
    pub(crate) const fn frames(&self) -> u32 {
        self.bitmap.frames()
    }

    /// Takes a block from the kernel through `allocate`, fills it, maps it for the device, and adds it to the bitmap. Returns `None` if
    /// the kernel has no block that can be passed to the device. Blocks outside the range are held in `loose` until the end of the
    /// step.
    ///
    /// # Errors
    ///
    /// The reason. The block went back to the kernel, except for one that the device has already.
    #[inline(never)]
    pub(crate) fn take<P: Platform<F>, F>(
        &self,
        loose: &mut LooseRuns,
        platform: &mut P,
        live: &LiveFlag,
        fill: FillWhen,
        allocate: fn(&mut P, u32) -> Option<FrameRun<P::Size>>,
    ) -> Result<Option<Block>, BalloonError> {
        while loose.has_room()
            && let Some(run) = allocate(platform, self.frames())
        {
            match self.bitmap.check(&run) {
                Ok(_) => return self.add::<P, F>(run, loose, platform, live, fill).map(Some),
                Err(error) => self.reject(run, error, loose, platform)?,
            }
        }
        Ok(None)
    }

    /// Holds a block that is outside the range.
    ///
    /// # Errors
    ///
    /// As for [`Blocks::take`], if it is anything else than a block outside the range.
    #[cold]
    #[inline(never)]
    fn reject<P: Frames>(
        &self,
        run: FrameRun<P::Size>,
        error: BlockError,
        loose: &mut LooseRuns,
        platform: &mut P,
    ) -> Result<(), FrameError> {
        let (frame, frames) = (run.first(), self.frames());
        match error {
            BlockError::OutsideRange => {
                loose.reject(FrameError::OutsideRange { frame });
                loose.hold(Run::of(&run));
                Ok(())
            }
            BlockError::Shape => {
                platform.deallocate(run);
                Err(FrameError::NotABlock { frame, frames })
            }
            // The device has this block. Returned to the kernel, it would be used.
            BlockError::AlreadySet => Err(FrameError::DoubleAllocation { frame }),
        }
    }

    /// Fills a block, maps it for the device, and adds it to the bitmap.
    ///
    /// The balloon may end in another context at any time. It then returns all blocks of the bitmap to the kernel. Therefore a
    /// block is filled and mapped before it is added.
    ///
    /// # Errors
    ///
    /// As for [`Blocks::take`].
    fn add<P: Platform<F>, F>(
        &self,
        run: FrameRun<P::Size>,
        loose: &mut LooseRuns,
        platform: &mut P,
        live: &LiveFlag,
        fill: FillWhen,
    ) -> Result<Block, BalloonError> {
        let (frame, frames) = (run.first(), self.frames());
        let mark = loose.record(Run::of(&run));
        if fill == FillWhen::Before {
            self.fill::<P, F>(&run, platform);
        }
        let address = map(self.addressing, &run, platform);
        loose.forget(mark);
        let Some(address) = address else {
            platform.deallocate(run);
            return Err(FrameError::NotMapped { frame, frames }.into());
        };
        let Ok(number) = self.bitmap.insert(&run) else { return Err(FrameError::DoubleAllocation { frame }.into()) };
        match live.check_added() {
            Ok(()) => Ok(Block { address, len: block_bytes(&run), number }),
            Err(error) => {
                // SAFETY: the block was just added, and the device does not have it.
                if let Some(run) = unsafe { self.remove(number, loose, platform) } {
                    platform.deallocate(run);
                }
                Err(error)
            }
        }
    }

    /// Removes a block, unless the balloon has removed it in another context.
    ///
    /// # Safety
    ///
    /// The device does not use the block, if it is in the bitmap.
    #[inline(never)]
    pub(crate) unsafe fn remove<P: Dma + Frames>(
        &self,
        number: u32,
        loose: &mut LooseRuns,
        platform: &mut P,
    ) -> Option<FrameRun<P::Size>> {
        let run = self.bitmap.remove(number)?;
        let mark = loose.record(Run::of(&run));
        // SAFETY: a block is mapped before it is added to the bitmap, and removed once. The caller promises the rest.
        unsafe { unmap(self.addressing, &run, platform) };
        loose.forget(mark);
        Some(run)
    }

    /// Returns the first block at or after `from`. Looks at most at `words` words of the bitmap, and takes them off.
    pub(crate) fn find(&self, from: u32, words: &mut u32) -> Option<u32> {
        self.bitmap.find(from, words)
    }

    /// Returns a hinted block to the kernel before the host is done. Its contents are written first: the host would otherwise not
    /// copy them. Returns the number of frames, 0 if the balloon has removed the block in another context.
    ///
    /// # Safety
    ///
    /// As for [`Blocks::remove`].
    pub(crate) unsafe fn reclaim<P: Platform<F>, F>(
        &self,
        number: u32,
        loose: &mut LooseRuns,
        platform: &mut P,
    ) -> u32 {
        // SAFETY: by the caller's promise.
        let Some(run) = (unsafe { self.remove(number, loose, platform) }) else { return 0 };
        let mark = loose.record(Run::of(&run));
        match self.poison {
            Some(_) => self.fill::<P, F>(&run, platform),
            None => platform.initialize_hinted(&run),
        }
        loose.forget(mark);
        platform.deallocate(run);
        self.frames()
    }

    /// Returns every block to the kernel, filled with the poison value.
    ///
    /// # Safety
    ///
    /// The device does not use any block of the bitmap.
    #[inline(never)]
    pub(crate) unsafe fn return_all<P: Platform<F>, F>(&self, loose: &mut LooseRuns, platform: &mut P) {
        self.bitmap.remove_all(|run| {
            let mark = loose.record(Run::of(&run));
            // SAFETY: a block is mapped before it is added to the bitmap, and removed once. The caller promises the rest.
            unsafe { unmap(self.addressing, &run, platform) };
            self.fill::<P, F>(&run, platform);
            loose.forget(mark);
            platform.deallocate(run);
        });
    }

    /// Does what [`Blocks::return_all`] does after a reset, also with the frames of calls that panicked.
    ///
    /// # Safety
    ///
    /// As for [`Blocks::return_all`].
    #[inline(never)]
    pub(crate) unsafe fn end<P: Platform<F>, F>(&self, loose: &mut LooseRuns, platform: &mut P) {
        loose.keep_none();
        while let Some(run) = loose.pop() {
            let mark = loose.record(run);
            self.fill::<P, F>(&run.into_frames(), platform);
            loose.forget(mark);
            platform.deallocate(run.into_frames());
        }
        // SAFETY: by the caller's promise.
        unsafe { self.return_all::<P, F>(loose, platform) };
    }

    fn fill<P: Platform<F>, F>(&self, run: &FrameRun<P::Size>, platform: &mut P) {
        if let Some(value) = self.poison {
            platform.fill_frames(run, value);
        }
    }
}
