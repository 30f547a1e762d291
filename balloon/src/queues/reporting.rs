//! The reporting queue ("Free Page Reporting", 5.5.6.7): the host discards memory that the kernel does not use. The size of
//! the balloon does not change.

use aerostat_spec::balloon::{self, queue};
use aerostat_spec::{FeatureSet, Negotiated};
use aerostat_transport::queue::{Access, Element, QueueNeeds, Token};
use aerostat_transport::{
    ConfigIo, Device, DeviceAddress, DeviceError, Dma, FeaturesOk, LiveProof, Notifier, QueueError, Transport,
    VirtQueue,
};

use super::exchange::{Blocks, FillWhen};
use super::live_flag::LiveFlag;
use super::progress::Progress;
use super::slot::Slot;
use super::step::{LiveConfig, check, step};
use crate::error::BalloonError;
use crate::features::Platform;
use crate::features::feature::PageReporting;
use crate::frames::BlockBitmap;
use crate::platform::Frames;
use crate::units::{FrameRun, FrameSize};

/// Descriptors of the queue.
const DESCRIPTORS: usize = 32;
/// Blocks in a report.
const BLOCKS: usize = 16;
/// Reports that the device may have at a time.
const REPORTS: usize = DESCRIPTORS / BLOCKS;
/// A report needs one descriptor for each block, or one for all.
const NEEDS: QueueNeeds = QueueNeeds::least(1).indirect(BLOCKS as u16);

/// A report.
#[derive(Clone, Copy, Debug)]
struct Report {
    /// Names the buffer while the device has the report.
    token: Option<Token>,
    blocks: [u32; BLOCKS],
    len: usize,
}

impl Report {
    const EMPTY: Self = Self { token: None, blocks: [0; BLOCKS], len: 0 };
}

/// The reporting queue.
#[derive(Debug)]
pub(crate) struct ReportingQueue<N, C> {
    pub(crate) slot: Slot<VirtQueue<N, DESCRIPTORS>>,
    /// The configuration space of the live device.
    config: Option<LiveConfig<C>>,
    blocks: Blocks,
    reports: [Report; REPORTS],
}

impl<N: Notifier, C: ConfigIo> ReportingQueue<N, C> {
    /// Creates a queue that is not set up.
    pub(crate) const fn new(bitmap: BlockBitmap) -> Self {
        Self { slot: Slot::new(), config: None, blocks: Blocks::new(bitmap), reports: [Report::EMPTY; REPORTS] }
    }

    /// Sets the queue up.
    #[inline(never)]
    pub(crate) fn set_up<T: Transport<Notifier = N>, F: FeatureSet>(
        &mut self,
        proof: Negotiated<PageReporting>,
        device: &mut Device<T, balloon::Device, FeaturesOk<F>>,
        dma: &mut impl Dma,
        poison: Option<u32>,
        reserve: u64,
    ) -> Result<(), QueueError> {
        self.blocks.set_up(device.addressing(dma)?, poison, reserve);
        self.reports = [Report::EMPTY; REPORTS];
        self.slot.fill(device.queue(queue::Reporting::given(proof), NEEDS, dma))?;
        Ok(())
    }

    /// Starts the use of the queue, because its device is live now.
    pub(crate) fn enable(&mut self, live: LiveProof, config: LiveConfig<C>) {
        self.slot.enable(live);
        self.config = Some(config);
    }

    /// Notifies the device again of the buffers that it has.
    pub(crate) fn notify_again(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live_again(live);
        }
    }

    /// Replaces the empty bitmap of blocks by another one.
    pub(crate) fn replace_bitmap(&mut self, bitmap: BlockBitmap) {
        self.blocks = Blocks::new(bitmap);
    }

    /// Returns the blocks that the device has through this queue.
    pub(crate) const fn blocks(&self) -> Blocks {
        self.blocks
    }

    /// Reclaims the reports that the device has handled, and sends new ones while there is room.
    pub(crate) fn service<P: Platform<F>, F>(
        &mut self,
        platform: &mut P,
        live: &LiveFlag,
    ) -> Result<Progress, BalloonError> {
        check(live, self.config.as_ref())?;
        self.blocks.check_platform(platform)?;
        step(
            self,
            |this| &mut this.slot,
            platform,
            |this, platform| Ok(this.reclaim_reports(platform)?),
            |this, platform| this.send_reports(platform, live),
        )
    }

    /// Returns the blocks of the reports that the device has handled to the kernel.
    fn reclaim_reports<P: Platform<F>, F>(&mut self, platform: &mut P) -> Result<(), DeviceError> {
        let Self { slot, blocks, reports, .. } = self;
        let (queue, _) = slot.live()?;
        while let Some(used) = queue.pop()? {
            let Some(report) = reports.iter_mut().find(|report| report.token == Some(used.token)) else { continue };
            report.token = None;
            return_report(report, blocks, platform, P::return_reported);
        }
        Ok(())
    }

    /// Sends reports until the kernel has no more blocks or all reports are in flight.
    ///
    /// # Errors
    ///
    /// A block that cannot be reported. The blocks before it were reported.
    fn send_reports<P: Platform<F>, F>(&mut self, platform: &mut P, live: &LiveFlag) -> Result<(), BalloonError> {
        let Self { slot, blocks, reports, .. } = self;
        let (queue, _) = slot.live()?;
        for report in reports.iter_mut().filter(|report| report.token.is_none()) {
            let mut elements = [Element { address: DeviceAddress(0), len: 0, access: Access::DeviceWrites }; BLOCKS];
            let max = queue.free().min(max_blocks::<P::Size>(blocks.frames())).min(blocks.spare(platform));
            let filled = fill_report::<P, F>(report, elements.iter_mut().take(max), blocks, platform, live);
            let elements = elements.get(..report.len).unwrap_or_default();
            if elements.is_empty() {
                return filled;
            }
            // SAFETY:
            // * Each element is free memory that the kernel gave up, by the contract of `FrameRun::from_raw`.
            // * It stays in the bitmap until the buffer comes back or the device is reset.
            match unsafe { queue.add(elements) } {
                Ok(token) => report.token = Some(token),
                // The elements fit the queue. If the queue is unusable, the next step returns its error.
                Err(_) => {
                    return_report(report, blocks, platform, P::deallocate);
                    return filled;
                }
            }
            filled?;
        }
        Ok(())
    }
}

/// Fills a report with blocks from the kernel, one for each element.
fn fill_report<'a, P: Platform<F>, F>(
    report: &mut Report,
    elements: impl Iterator<Item = &'a mut Element>,
    blocks: &Blocks,
    platform: &mut P,
    live: &LiveFlag,
) -> Result<(), BalloonError> {
    report.len = 0;
    for (element, number) in elements.zip(&mut report.blocks) {
        let Some(run) = platform.block_to_report(blocks.frames()) else { break };
        let block = blocks.add::<P, F>(run, platform, live, FillWhen::Before)?;
        (element.address, element.len, *number) = (block.address, block.len, block.number);
        report.len += 1;
    }
    Ok(())
}

/// Returns the blocks of a report to the kernel through `back`.
fn return_report<P: Dma + Frames>(
    report: &Report,
    blocks: &Blocks,
    platform: &mut P,
    back: impl Fn(&mut P, FrameRun<P::Size>),
) {
    for &number in report.blocks.iter().take(report.len) {
        if let Some(run) = blocks.remove(number, platform) {
            back(platform, run);
        }
    }
}

/// Returns how many blocks a report may have: a buffer is shorter than 4 GiB, and a block has up to 1 GiB.
fn max_blocks<S: FrameSize>(frames: u32) -> usize {
    let block = u64::from(frames).saturating_mul(S::BYTES).max(1);
    usize::try_from(u64::from(u32::MAX) / block).unwrap_or(BLOCKS)
}
