//! The reporting queue ("Free Page Reporting", 5.5.6.7): the host discards memory that the kernel does not use. The size of
//! the balloon does not change, except by block inflation, which sends its reports through this queue too.

use aerostat_spec::balloon::{self, queue};
use aerostat_spec::{FeatureSet, Negotiated};
use aerostat_transport::queue::{Access, AddError, Element, QueueNeeds, Token};
use aerostat_transport::{
    Addressing, ConfigIo, Device, DeviceAddress, DeviceError, Dma, FeaturesOk, LiveProof, Notifier, QueueError,
    ResetProof, Transport, VirtQueue,
};

use super::exchange::{Blocks, FillWhen};
use super::held_reports::{ELEMENTS, HeldReport, HeldReports};
use super::live_flag::LiveFlag;
use super::progress::Progress;
use super::slot::Slot;
use super::step::{LiveConfig, check, step};
use crate::error::BalloonError;
use crate::features::feature::{BlockInflation, PageReporting};
use crate::features::{BalloonFeatureSet, Platform, is_declared};
use crate::frames::{BlockBitmap, LooseBlocks, LooseRuns};
use crate::platform::Frames;
use crate::units::{FrameRun, FrameSize};

/// Descriptors of the queue.
const DESCRIPTORS: usize = 32;
/// Blocks in a report.
const BLOCKS: usize = ELEMENTS;
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
    /// Frames that are in no bitmap.
    loose: LooseBlocks,
    /// Number of buffers that the device has returned since the start of the driver. Wraps.
    pub(crate) returned: u32,
    reports: [Report; REPORTS],
}

impl<N: Notifier, C: ConfigIo> ReportingQueue<N, C> {
    /// Creates a queue that is not set up.
    pub(crate) const fn new(bitmap: BlockBitmap) -> Self {
        Self {
            slot: Slot::new(),
            config: None,
            blocks: Blocks::new(bitmap),
            loose: LooseBlocks::NEW,
            returned: 0,
            reports: [Report::EMPTY; REPORTS],
        }
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
        self.blocks.set_up(device.addressing(dma)?, dma.domain(), poison, reserve);
        self.reports = [Report::EMPTY; REPORTS];
        self.slot.fill(device.queue(queue::Reporting::given(proof), NEEDS, dma))?;
        Ok(())
    }

    /// Starts the use of the queue, because its device is live now.
    pub(crate) fn enable(&mut self, live: LiveProof, config: LiveConfig<C>) {
        self.slot.enable(live);
        self.config = Some(config);
    }

    /// Checks that the balloon has not reset the device, and that the device works.
    pub(crate) fn check(&self, live: &LiveFlag) -> Result<(), BalloonError> {
        check(live, self.config.as_ref())
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

    /// Returns the memory of the queue to `platform`, and then all blocks.
    ///
    /// # Safety
    ///
    /// The device was reset.
    pub(crate) unsafe fn end<P: Platform<F>, F>(&mut self, proof: &ResetProof, platform: &mut P) {
        self.slot.release(proof, platform);
        // SAFETY: the device was reset, by the caller's promise, and uses nothing.
        unsafe { self.blocks.end::<P, F>(&mut self.loose, platform) };
    }

    /// Reclaims the reports that the device has handled, and sends new ones while there is room. `held` has the reports of block
    /// inflation.
    pub(crate) fn service<P: Platform<F>, F: BalloonFeatureSet>(
        &mut self,
        held: Option<&mut HeldReports>,
        platform: &mut P,
        live: &LiveFlag,
    ) -> Result<Progress, BalloonError> {
        let result = self.report(held, platform, live);
        self.slot.log("reporting: ", &result);
        result
    }

    fn report<P: Platform<F>, F: BalloonFeatureSet>(
        &mut self,
        held: Option<&mut HeldReports>,
        platform: &mut P,
        live: &LiveFlag,
    ) -> Result<Progress, BalloonError> {
        self.check(live)?;
        self.blocks.check_platform(platform)?;
        self.loose.start()?;
        let progress = step(
            self,
            |this| &mut this.slot,
            platform,
            |this, platform| Ok(this.reclaim::<P, F>(held, platform)?),
            |this, platform| this.send_reports(platform, live),
        );
        self.loose.end(platform);
        progress
    }

    /// Reclaims the reports that the device has handled.
    ///
    /// # Errors
    ///
    /// [`BalloonError::TooManyPanics`], and an error of the device.
    #[inline(never)]
    pub(crate) fn reclaim_checked<P: Platform<F>, F: BalloonFeatureSet>(
        &mut self,
        held: &mut HeldReports,
        platform: &mut P,
    ) -> Result<(), BalloonError> {
        self.loose.check_space()?;
        Ok(self.reclaim::<P, F>(Some(held), platform)?)
    }

    /// Returns the blocks of the reports that the device has handled to the kernel, and acknowledges those of `held`.
    fn reclaim<P: Platform<F>, F: BalloonFeatureSet>(
        &mut self,
        mut held: Option<&mut HeldReports>,
        platform: &mut P,
    ) -> Result<(), DeviceError> {
        let Self { slot, blocks, loose, reports, returned, .. } = self;
        let (queue, _) = slot.live()?;
        while let Some(used) = queue.pop()? {
            *returned = returned.wrapping_add(1);
            let Some(report) = reports.iter_mut().find(|report| report.token == Some(used.token)) else {
                if is_declared::<F, BlockInflation>()
                    && let Some(held) = &mut held
                {
                    // SAFETY: the device has returned the report.
                    unsafe { held.acknowledge(used.token, blocks.addressing(), loose, platform) };
                }
                continue;
            };
            report.token = None;
            // SAFETY: the device has returned the report.
            unsafe { return_report(report, blocks, loose, platform, P::return_reported) };
        }
        Ok(())
    }

    /// Sends reports until the kernel has no more blocks or all reports are in flight.
    ///
    /// # Errors
    ///
    /// A block that cannot be reported. The blocks before it were reported.
    fn send_reports<P: Platform<F>, F>(&mut self, platform: &mut P, live: &LiveFlag) -> Result<(), BalloonError> {
        let Self { slot, blocks, loose, reports, .. } = self;
        let (queue, _) = slot.live()?;
        for report in reports.iter_mut().filter(|report| report.token.is_none()) {
            let mut elements = [Element { address: DeviceAddress(0), len: 0, access: Access::DeviceWrites }; BLOCKS];
            let max = queue.free().min(max_blocks::<P::Size>(blocks.frames())).min(blocks.spare(platform));
            let filled = fill_report::<P, F>(report, elements.iter_mut().take(max), blocks, loose, platform, live);
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
                    // SAFETY: the device did not get the report.
                    unsafe { return_report(report, blocks, loose, platform, P::deallocate) };
                    return filled;
                }
            }
            filled?;
        }
        Ok(())
    }
}

/// For block inflation.
impl<N: Notifier, C: ConfigIo> ReportingQueue<N, C> {
    /// Returns how the device reaches blocks.
    pub(crate) const fn addressing(&self) -> Addressing {
        self.blocks.addressing()
    }

    /// Returns how many elements another report can have, 0 if no descriptor is free.
    pub(crate) fn room(&self) -> usize {
        self.slot.get().map_or(0, |queue| queue.free().min(ELEMENTS))
    }

    /// Returns whether the device has reports.
    pub(crate) fn is_busy(&self) -> bool {
        self.slot.get().is_some_and(|queue| queue.in_flight() > 0)
    }

    /// Sends a report of blocks of `held`. `elements` has one element for each run of them.
    ///
    /// # Safety
    ///
    /// The memory of the elements is free memory that nothing uses until the blocks are acknowledged or the device is reset.
    pub(crate) unsafe fn send_held(
        &mut self,
        held: &mut HeldReports,
        elements: &[Element],
        report: &HeldReport,
    ) -> Result<(), AddError> {
        let (queue, _) = self.slot.live().map_err(AddError::Poisoned)?;
        // SAFETY: by the caller's promise. A block is acknowledged only when the device has used its buffer.
        let token = unsafe { queue.add(elements) }?;
        held.note(token, report);
        Ok(())
    }

    /// Notifies the device of the reports that were sent.
    pub(crate) fn notify(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live(live);
        }
    }
}

/// Fills a report with blocks from the kernel, one for each element.
fn fill_report<'a, P: Platform<F>, F>(
    report: &mut Report,
    elements: impl Iterator<Item = &'a mut Element>,
    blocks: &Blocks,
    loose: &mut LooseRuns,
    platform: &mut P,
    live: &LiveFlag,
) -> Result<(), BalloonError> {
    report.len = 0;
    for (element, number) in elements.zip(&mut report.blocks) {
        let block = blocks.take::<P, F>(loose, platform, live, FillWhen::Before, P::block_to_report)?;
        let Some(block) = block else { break };
        (element.address, element.len, *number) = (block.address, block.len, block.number);
        report.len += 1;
    }
    Ok(())
}

/// Returns the blocks of a report to the kernel through `back`.
///
/// # Safety
///
/// The device does not use the blocks of the report.
#[inline(never)]
unsafe fn return_report<P: Dma + Frames>(
    report: &Report,
    blocks: &Blocks,
    loose: &mut LooseRuns,
    platform: &mut P,
    back: fn(&mut P, FrameRun<P::Size>),
) {
    for &number in report.blocks.iter().take(report.len) {
        // SAFETY: by the caller's promise.
        if let Some(run) = unsafe { blocks.remove(number, loose, platform) } {
            back(platform, run);
        }
    }
}

/// Returns how many blocks a report may have: a buffer is shorter than 4 GiB, and a block has up to 1 GiB.
fn max_blocks<S: FrameSize>(frames: u32) -> usize {
    let block = u64::from(frames).saturating_mul(S::BYTES).max(1);
    usize::try_from(u64::from(u32::MAX) / block).unwrap_or(BLOCKS)
}
