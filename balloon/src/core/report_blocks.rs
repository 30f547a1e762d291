//! Whole free blocks that enter the balloon: from the kernel's allocator into reports for the device.

use aerostat_transport::queue::{Access, Element};
use aerostat_transport::{Addressing, DeviceAddress};

use super::blocks::{Reports, ReportsOf, StepReports};
use super::inflate::{add, return_unclaimed, spare_frames};
use super::state::Core;
use crate::error::{BalloonError, FrameError};
use crate::features::feature::BlockInflation;
use crate::features::{ConfigOf, NotifierOf, Platform, SizeOf, Types, declared_mut, is_declared};
use crate::frames::{BlockRun, Run};
use crate::platform::{Frames, ManagedChange};
use crate::queues::{ELEMENTS, HeldReport, HeldReports, ReportingQueue, acknowledge, block_bytes};
use crate::units::FrameRun;

/// Bytes in a report at most: the host does nothing else while it discards them.
const REPORT_BYTES: u32 = 1 << 30;
/// Blocks in a report at most, where blocks are small.
const REPORT_BLOCKS: u32 = 1024;

/// What a step leaves to arrays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// Frames for arrays.
    pub(crate) frames: u32,
    /// Whether more reports have to wait for those that the device has.
    pub(crate) is_waiting: bool,
}

impl<C: Types> Core<C> {
    /// Sends reports of whole blocks for as many of the `missing` frames as possible. Returns what is left to arrays.
    ///
    /// # Errors
    ///
    /// A run of the kernel that is not made of blocks, or that has frames of the balloon. The blocks before it are with the device.
    /// [`BalloonError::TooManyPanics`].
    #[inline]
    pub(crate) fn inflate_blocks(&mut self, queue: StepReports<'_, C>, missing: u32) -> Result<Rest, BalloonError> {
        match queue {
            Some(reports) if is_declared::<C::Features, BlockInflation>() => self.send_blocks(reports, missing),
            _ => Ok(Rest { frames: missing, is_waiting: false }),
        }
    }

    #[inline(never)]
    fn send_blocks(&mut self, reports: ReportsOf<'_, C>, missing: u32) -> Result<Rest, BalloonError> {
        let Reports { queue, held } = reports;
        let mut rest = Rest { frames: missing, is_waiting: false };
        let Some(holding) = self.holding().filter(|holding| holding.fallback.is_none()) else { return Ok(rest) };
        let frames = holding.blocks.frames();
        let (mut is_sent, mut error) = (false, None);
        self.loose.start().inspect_err(|error| self.log_error(*error))?;
        while rest.frames >= frames && error.is_none() && self.holding().is_some_and(|holding| !holding.is_exhausted) {
            let room = if held.has_room() { queue.room() } else { 0 };
            if room == 0 {
                rest.is_waiting = queue.is_busy();
                break;
            }
            let sent;
            (sent, error) = self.send_report(queue, held, room, rest.frames / frames);
            rest.frames -= sent * frames;
            is_sent |= sent > 0;
            if sent == 0 {
                break;
            }
        }
        if is_sent {
            queue.notify();
        }
        if self.loose.error().is_some() {
            self.return_held();
        }
        if rest.is_waiting {
            rest.frames %= frames;
        }
        error.map_or(Ok(rest), |error| {
            self.log_error(error.into());
            Err(error.into())
        })
    }

    /// Sends one report of up to `max` blocks, with up to `room` elements. Returns the number of blocks, and a run of the kernel
    /// that cannot be used and that ended the report.
    fn send_report(
        &mut self,
        queue: &mut ReportingQueue<NotifierOf<C>, ConfigOf<C>>,
        held: &mut HeldReports,
        room: usize,
        max: u32,
    ) -> (u32, Option<FrameError>) {
        let mut report = HeldReport::EMPTY;
        let mut elements = [Element { address: DeviceAddress(0), len: 0, access: Access::DeviceWrites }; ELEMENTS];
        let room = elements.get_mut(..room).unwrap_or_default();
        let (blocks, error) = self.fill_report(&mut report, room, max);
        if blocks == 0 {
            return (0, error);
        }
        let elements = elements.get(..report.runs().len()).unwrap_or_default();
        // SAFETY: the elements are free memory that the kernel gave up, by the contract of `FrameRun::from_raw`. It stays in the
        // frame bitmap until the blocks are acknowledged or the device is reset.
        match unsafe { queue.send_held(held, elements, &report) } {
            Ok(()) => {
                self.adjust_managed(ManagedChange::Removed(blocks * self.block_frames()));
                (blocks, error)
            }
            // The elements fit the queue. If the queue is unusable, the next step returns its error.
            Err(_) => {
                self.take_back(&report);
                (0, error)
            }
        }
    }

    fn block_frames(&self) -> u32 {
        self.holding().map_or(1, |holding| holding.blocks.frames())
    }

    /// Fills a report with blocks from the kernel. Returns the number of blocks, and why the report ended if the kernel broke its
    /// contract.
    fn fill_report(
        &mut self,
        report: &mut HeldReport,
        elements: &mut [Element],
        max: u32,
    ) -> (u32, Option<FrameError>) {
        let mut total = 0;
        let frames = self.block_frames();
        let bytes = self.holding().map_or(u32::MAX, |holding| block_bytes::<SizeOf<C>>(&holding.blocks));
        let max = max
            .min(spare_frames(&self.platform, self.reserve) / frames)
            .min(REPORT_BYTES.checked_div(bytes).unwrap_or(1).clamp(1, REPORT_BLOCKS));
        while total < max {
            let wanted = (max - total) * frames;
            let run = Platform::<C::Features>::blocks_to_hold(&mut self.platform, frames, wanted);
            let Some(run) = run.filter(|run| run.count() > 0) else {
                self.note_exhausted();
                break;
            };
            let frame = run.first();
            let is_whole = run.count() <= wanted && run.count() % frames == 0 && frame % u64::from(frames) == 0;
            let added = match is_whole {
                true => add(&mut self.bitmap, &run),
                false => Err(FrameError::NotABlock { frame, frames }),
            };
            match added {
                Ok(_) => {}
                Err(error @ (FrameError::DoubleAllocation { .. } | FrameError::NotABlock { .. })) => {
                    self.note_exhausted();
                    return_unclaimed(&mut self.bitmap, &mut self.loose, &mut self.platform, run);
                    return (total, Some(error));
                }
                Err(error) => {
                    self.loose.reject(error);
                    self.loose.hold(Run::of(&run));
                    if self.loose.has_room() {
                        continue;
                    }
                    self.note_exhausted();
                    break;
                }
            }
            let count = run.count();
            let unused = self.push_blocks(report, elements, run);
            total += (count - unused) / frames;
            // One run more would most often have no element. A single element is extended while runs are adjacent.
            if unused > 0 || elements.len() > 1 && report.runs().len() == elements.len() {
                break;
            }
        }
        (total, None)
    }

    /// Adds a run of whole blocks, which is in the frame bitmap, to a report. Returns how many of its frames went back to the kernel,
    /// because they were not mapped or the report has no more elements.
    fn push_blocks(&mut self, report: &mut HeldReport, elements: &mut [Element], run: FrameRun<SizeOf<C>>) -> u32 {
        let Self { platform, bitmap, .. } = self;
        let Some(holding) = declared_mut::<C::Features, BlockInflation, _>(&mut self.holding) else { return 0 };
        let (blocks, addressing) = (holding.blocks, holding.addressing);
        // A device behind an IOMMU may look up one mapping for each element.
        let is_physical = addressing == Addressing::Physical;
        let mut left = Some(run);
        while let Some(run) = left.take() {
            let at_once = if is_physical { run.count() } else { blocks.frames() };
            let (part, rest) = run.split(at_once);
            let (first, bytes) = (part.first(), part.bytes() as usize);
            let count = part.count() / blocks.frames();
            // In this order: a block in flight is mapped.
            let address = addressing.map(platform, part.address(), bytes);
            let added = blocks.block_of(first).map(|first| BlockRun { first, count });
            let added = added.filter(|&added| address.is_ok() && blocks.add(added));
            let is_pushed = match (added, address) {
                (Some(added), Ok(address)) => {
                    // A report has at most 1 GiB.
                    let element = Element { address, len: bytes as u32, access: Access::DeviceWrites };
                    report.push(elements, element, added, is_physical)
                }
                // It is not mapped: arrays need no mapping.
                _ => {
                    holding.is_exhausted = true;
                    false
                }
            };
            if is_pushed {
                holding.lowest = holding.lowest.min(added.map_or(0, |added| added.first));
                holding.count += count;
                holding.in_flight += count;
                left = rest;
                continue;
            }
            if let Some(added) = added {
                blocks.discard(added);
            }
            if address.is_ok() {
                // SAFETY: it was just mapped, by one call and with this length, and the device does not have it.
                let _ = unsafe { addressing.unmap(platform, part.address(), bytes) };
            }
            let unused = Run { first, count: part.count() + rest.as_ref().map_or(0, FrameRun::count) };
            bitmap.clear_whole(unused);
            platform.deallocate(unused.into_frames());
            return unused.count;
        }
        0
    }

    fn note_exhausted(&mut self) {
        if let Some(holding) = self.holding_mut() {
            holding.is_exhausted = true;
        }
    }

    /// Returns the blocks of a report that was not sent to the kernel.
    #[cold]
    fn take_back(&mut self, report: &HeldReport) {
        let Self { platform, bitmap, loose, .. } = self;
        let Some(holding) = declared_mut::<C::Features, BlockInflation, _>(&mut self.holding) else { return };
        for block in report.blocks() {
            // SAFETY: the device did not get the report.
            unsafe { acknowledge(&holding.blocks, block, holding.addressing, loose, platform) };
            holding.blocks.remove(block);
            holding.count = holding.count.saturating_sub(1);
            holding.in_flight = holding.in_flight.saturating_sub(1);
            let run = Run { first: holding.blocks.first_frame(block), count: holding.blocks.frames() };
            bitmap.clear_whole(run);
            platform.deallocate(run.into_frames());
        }
    }
}
