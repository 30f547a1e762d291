//! Passing blocks of free memory to the device and taking them back, for free page reporting and hinting.

use aerostat_transport::{Addressing, DeviceAddress, Dma};

use super::live_flag::LiveFlag;
use crate::error::{BalloonError, FrameError};
use crate::features::Platform;
use crate::frames::{BlockBitmap, BlockError, block_bytes, map, unmap};
use crate::platform::Frames;
use crate::units::FrameRun;

/// The blocks that the device has through one queue. Copies share the same blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    bitmap: BlockBitmap,
    addressing: Addressing,
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
        Self { bitmap, addressing: Addressing::Physical, reserve: 0, poison: None }
    }

    /// Checks that blocks are mapped for the device by this platform.
    ///
    /// # Errors
    ///
    /// [`BalloonError::OtherPlatform`]
    pub(crate) fn check_platform(&self, dma: &impl Dma) -> Result<(), BalloonError> {
        self.addressing.check(dma).map_err(|_| BalloonError::OtherPlatform)
    }

    /// Sets the addresses that the device uses, the poison value, and the reserve of the kernel in frames.
    pub(crate) fn set_up(&mut self, addressing: Addressing, poison: Option<u32>, reserve: u64) {
        (self.addressing, self.poison, self.reserve) = (addressing, poison, reserve);
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

    /// Adds a run from the kernel as a block that may be passed to the device.
    ///
    /// The balloon may end in another context at any time. It then returns all blocks of the bitmap to the kernel. Therefore a
    /// block is filled and mapped before it is added.
    ///
    /// # Errors
    ///
    /// The reason. The run went back to the kernel, except for a block that the device has already.
    pub(crate) fn add<P: Platform<F>, F>(
        &self,
        run: FrameRun<P::Size>,
        platform: &mut P,
        live: &LiveFlag,
        fill: FillWhen,
    ) -> Result<Block, BalloonError> {
        let frame = run.first();
        let (run, address) = self.prepare::<P, F>(run, platform, fill)?;
        let Ok(number) = self.bitmap.insert(&run) else { return Err(FrameError::DoubleAllocation { frame }.into()) };
        match live.check() {
            Ok(()) => Ok(Block { address, len: block_bytes(&run), number }),
            Err(error) => {
                if let Some(run) = self.remove(number, platform) {
                    platform.deallocate(run);
                }
                Err(error)
            }
        }
    }

    /// Checks that a run from the kernel is a block that the device does not have, fills it, and maps it for the device.
    ///
    /// # Errors
    ///
    /// As for [`Blocks::add`].
    #[inline]
    fn prepare<P: Platform<F>, F>(
        &self,
        run: FrameRun<P::Size>,
        platform: &mut P,
        fill: FillWhen,
    ) -> Result<(FrameRun<P::Size>, DeviceAddress), FrameError> {
        let (frame, frames) = (run.first(), self.bitmap.frames());
        match self.bitmap.check(&run) {
            Ok(_) => {}
            Err(BlockError::Shape) => {
                platform.deallocate(run);
                return Err(FrameError::NotABlock { frame, frames });
            }
            // The device has this block. Returned to the kernel, it would be used.
            Err(BlockError::AlreadySet) => return Err(FrameError::DoubleAllocation { frame }),
        }
        if fill == FillWhen::Before {
            self.fill::<P, F>(&run, platform);
        }
        match map(self.addressing, &run, platform) {
            Some(address) => Ok((run, address)),
            None => {
                platform.deallocate(run);
                Err(FrameError::NotMapped { frame, frames })
            }
        }
    }

    /// Removes a block that the device no longer uses, unless the balloon has removed it in another context.
    pub(crate) fn remove<P: Dma + Frames>(&self, number: u32, platform: &mut P) -> Option<FrameRun<P::Size>> {
        let run = self.bitmap.remove(number)?;
        unmap(self.addressing, &run, platform);
        Some(run)
    }

    /// Returns the first block at or after `from`. Looks at most at `words` words of the bitmap, and takes them off.
    pub(crate) fn find(&self, from: u32, words: &mut u32) -> Option<u32> {
        self.bitmap.find(from, words)
    }

    /// Returns a hinted block to the kernel before the host is done. Its contents are written first: the host would otherwise not
    /// copy them. Returns the number of frames, 0 if the balloon has removed the block in another context.
    pub(crate) fn reclaim<P: Platform<F>, F>(&self, number: u32, platform: &mut P) -> u32 {
        let Some(run) = self.remove(number, platform) else { return 0 };
        match self.poison {
            Some(_) => self.fill::<P, F>(&run, platform),
            None => platform.initialize_hinted(&run),
        }
        platform.deallocate(run);
        self.frames()
    }

    /// Returns every block to the kernel, filled with the poison value. The device no longer uses any of them.
    pub(crate) fn return_all<P: Platform<F>, F>(&self, platform: &mut P) {
        self.bitmap.remove_all(|run| {
            unmap(self.addressing, &run, platform);
            self.fill::<P, F>(&run, platform);
            platform.deallocate(run);
        });
    }

    fn fill<P: Platform<F>, F>(&self, run: &FrameRun<P::Size>, platform: &mut P) {
        if let Some(value) = self.poison {
            platform.fill_frames(run, value);
        }
    }
}
