//! Block inflation: whole free blocks enter the balloon through the reporting queue, which discards a block in one call of the host
//! instead of one for each page, and leave it without a message.
//!
//! # Design
//!
//! * A kernel opts in by declaring `BlockInflation` in `features!`. It is not a feature bit: nothing is negotiated for it. It needs
//!   `PageReporting` to be declared, and the kernel implements `BlockFrames`, which takes whole free blocks out of its allocator.
//! * The block size is that of reporting. A step first sends reports of whole blocks for what is missing, then arrays for the rest:
//!   less than a block, or what the kernel has no whole blocks for. Adjacent blocks are one element of a report.
//! * From before the report is sent until they go back to the kernel, the frames of a block are set in the frame bitmap, so the
//!   checks for double allocation and `contains` hold. A block is also set in the bitmap of *held* blocks, and while the device has
//!   its report, in the bitmap of blocks *in flight*. When the device has used the report, the block is *claimed* and unmapped, and
//!   then set in the bitmap of *idle* blocks.
//! * After the acknowledgement a block counts in `size` and `actual`. It goes back without a message: the specification allows the
//!   reuse of a reported page once its report was acknowledged. Nothing goes back before.
//! * The search for frames to deflate through arrays skips held blocks. A block that only a part of is needed is broken up: what was
//!   needed goes back, and the rest are ordinary ballooned frames from then on. Migration breaks the block of the frame up as well.
//!   With the option to tell the host, every block becomes ordinary frames with its acknowledgement.
//! * Block inflation is not used if reporting was not negotiated, if MUST_TELL_HOST was negotiated, or if PAGE_POISON was
//!   negotiated, because a step would then fill blocks. Everything then goes through arrays.
//! * The reporting queue belongs to the whole balloon, or to the reporting handle after a split. A step of the whole balloon uses it.
//!   A split balloon uses it if the step gets the handle, or if the handle was dropped; otherwise it inflates through arrays. The owner of
//!   the queue takes the reports back: the bitmap of blocks in flight and their number are atomic, and the balloon learns from them what
//!   was acknowledged.
//! * After a reset all frames of the frame bitmap go back, so blocks need nothing of their own except to be unmapped. A block that
//!   another context has claimed leaves the frame bitmap, and that context returns it. If the kernel panicked there, its frames are
//!   among the loose runs of that context.

use aerostat_transport::Addressing;

use super::holding::Holding;
use super::state::{Core, Counters};
use crate::error::{BalloonError, BlockFallback};
use crate::features::feature::{BlockInflation, MustTellHost, PagePoison, PageReporting};
use crate::features::{ConfigOf, NotifierOf, Platform, Types, declared, declared_mut, is_declared};
use crate::frames::Run;
use crate::platform::{Frames, ManagedChange};
use crate::queues::{HeldReports, ReportingQueue, unmap};

/// The reporting queue, with the reports of block inflation in it.
#[derive(Debug)]
pub struct Reports<'a, N, C> {
    pub(crate) queue: &'a mut ReportingQueue<N, C>,
    pub(crate) held: &'a mut HeldReports,
}

/// The reporting queue for one step, if the step can use it.
pub(crate) type StepReports<'a, C> = Option<ReportsOf<'a, C>>;
pub(super) type ReportsOf<'a, C> = Reports<'a, NotifierOf<C>, ConfigOf<C>>;

impl<C: Types> Core<C> {
    #[inline]
    pub(super) fn holding(&self) -> Option<&Holding> {
        declared::<C::Features, BlockInflation, _>(&self.holding)
    }

    #[inline]
    pub(super) fn holding_mut(&mut self) -> Option<&mut Holding> {
        declared_mut::<C::Features, BlockInflation, _>(&mut self.holding)
    }

    /// Notes the number of the reporting queue on the device.
    #[inline]
    pub(crate) fn note_reporting(&mut self, queue: Option<u16>) {
        if let Some(holding) = self.holding_mut() {
            holding.queue = queue;
        }
    }

    /// Returns why blocks are not in use, or `None` if they are.
    pub(crate) fn block_fallback(&self) -> Option<BlockFallback> {
        match self.holding() {
            Some(holding) if self.connection.live().is_ok() => holding.fallback,
            _ => Some(BlockFallback::NotLive),
        }
    }

    /// Returns the number of frames in held blocks.
    pub(crate) fn held_in_blocks(&self) -> u64 {
        self.holding().map_or(0, Holding::frames)
    }

    /// Returns the number of frames in `blocks` blocks, if the balloon has blocks.
    #[inline]
    pub(crate) fn frames_of_blocks(&self, blocks: u32) -> Option<u32> {
        let holding = self.holding().filter(|holding| holding.count > 0)?;
        Some(holding.blocks.frames().saturating_mul(blocks))
    }

    /// Decides whether block inflation can be used with the device, whose queues are set up.
    #[inline]
    pub(crate) fn start_blocks(&mut self, addressing: Addressing) -> Option<BlockFallback> {
        let fallback = self.find_fallback();
        let holding = self.holding_mut()?;
        holding.blocks.clear();
        (holding.addressing, holding.fallback) = (addressing, fallback);
        (holding.count, holding.in_flight, holding.lowest, holding.is_exhausted) = (0, 0, u32::MAX, false);
        fallback
    }

    fn find_fallback(&mut self) -> Option<BlockFallback> {
        use aerostat_spec::Feature;
        let Ok(device) = self.connection.setting_up() else { return Some(BlockFallback::NotLive) };
        if self.options.without & 1 << BlockInflation::BIT != 0 {
            Some(BlockFallback::LeftOut)
        } else if !device.accepted().has(PageReporting) {
            Some(BlockFallback::NotNegotiated)
        } else if device.accepted().has(MustTellHost) {
            Some(BlockFallback::MustTellHostNegotiated)
        } else {
            device.accepted().has(PagePoison).then_some(BlockFallback::PoisonNegotiated)
        }
    }

    /// Takes back the reports that the device has used, if the step can use the queue.
    #[inline]
    pub(crate) fn reclaim_blocks(&mut self, queue: &mut StepReports<'_, C>) -> Result<(), BalloonError> {
        if is_declared::<C::Features, BlockInflation>()
            && let Some(Reports { queue, held }) = queue
            && self.holding().is_some_and(|holding| holding.fallback.is_none())
        {
            // The queue of a device that was reset exists until its handle comes back.
            self.connection.live()?;
            let reclaimed = queue.reclaim_checked::<C::Platform, C::Features>(held, &mut self.platform);
            return reclaimed.inspect_err(|error| self.log_error(*error));
        }
        Ok(())
    }

    /// Takes back the reports that the device has used, and counts their blocks, so that they can be deflated.
    #[inline]
    pub(crate) fn take_back_blocks(&mut self, queue: &mut StepReports<'_, C>) -> Result<(), BalloonError> {
        self.reclaim_blocks(queue)?;
        self.count_blocks();
        self.write_actual_of_blocks()
    }

    /// Returns the number of frames that can leave the balloon now: those in blocks that the device has cannot.
    pub(crate) fn deflatable(&self) -> u64 {
        self.held().saturating_sub(self.frames_in_flight())
    }

    /// Counts the blocks that were acknowledged since the last call.
    #[inline]
    pub(super) fn count_blocks(&mut self) {
        match self.holding() {
            Some(holding) if holding.count > 0 || holding.in_flight > 0 => self.count_acknowledged(),
            _ => {}
        }
    }

    #[inline(never)]
    fn count_acknowledged(&mut self) {
        let Self { counters, options, .. } = self;
        let Some(holding) = declared_mut::<C::Features, BlockInflation, _>(&mut self.holding) else { return };
        holding.count_acknowledged(counters);
        // Not while arrays name frames: no others may become ordinary among them.
        let becomes_ordinary =
            options.tells_host_of_blocks && counters.deflating == 0 && holding.count > holding.in_flight;
        let mut from = 0;
        while becomes_ordinary && let Some(block) = holding.next_idle(from, counters) {
            // From now on its frames leave through the deflate queue.
            holding.remove(block);
            from = block.saturating_add(1);
        }
    }

    /// Returns the number of blocks that the device has not acknowledged, when the balloon looked last.
    pub(super) fn blocks_in_flight(&self) -> usize {
        self.holding().map_or(0, |holding| holding.in_flight as usize)
    }

    /// Returns the number of frames that the device has not acknowledged yet because they are in blocks.
    pub(crate) fn frames_in_flight(&self) -> u64 {
        self.holding().map_or(0, |holding| u64::from(holding.in_flight) * u64::from(holding.blocks.frames()))
    }

    /// Returns the number of the reporting queue, if the device has blocks of the balloon.
    pub(super) fn silent_reporting(&self) -> Option<u16> {
        self.holding().filter(|holding| holding.in_flight > 0)?.queue
    }

    /// Notes that the balloon is on its target or pauses: the kernel may have whole blocks again later.
    #[inline]
    pub(crate) fn expect_blocks(&mut self) {
        if let Some(holding) = self.holding_mut() {
            holding.is_exhausted = false;
        }
    }

    /// Writes `actual` if blocks left the balloon without a message.
    #[inline]
    pub(crate) fn write_actual_of_blocks(&mut self) -> Result<(), BalloonError> {
        if is_declared::<C::Features, BlockInflation>() { self.write_actual() } else { Ok(()) }
    }

    /// Returns up to `frames` frames of acknowledged blocks to the kernel, without a message: whole blocks, and of one more block
    /// only a part if there are not enough other frames, or if `is_oom`. Returns the number of frames.
    #[inline]
    pub(crate) fn release_blocks(&mut self, frames: u32, is_oom: bool) -> u32 {
        match self.holding() {
            Some(holding) if holding.count > 0 && !self.options.tells_host_of_blocks => {
                self.release_held(frames, is_oom)
            }
            _ => 0,
        }
    }

    #[inline(never)]
    fn release_held(&mut self, frames: u32, is_oom: bool) -> u32 {
        let Self { platform, bitmap, counters, counts_managed, .. } = self;
        let Some(holding) = declared_mut::<C::Features, BlockInflation, _>(&mut self.holding) else { return 0 };
        let (blocks, size) = (holding.blocks, holding.blocks.frames());
        let (mut left, mut from) = (frames, holding.lowest);
        while left > 0
            && let Some(block) = holding.next_idle(from, counters)
        {
            let ordinary = bitmap.count().saturating_sub(counters.deflating).saturating_sub(holding.frames());
            // While arrays name frames, no other frames may become ordinary among them.
            let may_break = counters.deflating == 0 && (is_oom || ordinary < u64::from(left));
            if left < size && !may_break {
                break;
            }
            let run = Run { first: blocks.first_frame(block), count: left.min(size) };
            holding.remove(block);
            bitmap.clear_whole(run);
            counters.size = counters.size.saturating_sub(run.count.into());
            left -= run.count;
            // Before the frames go back: the kernel may panic there.
            if *counts_managed {
                platform.adjust_managed(ManagedChange::Added(run.count));
            }
            let back = run.into_frames();
            if run.count == size {
                platform.return_reported(back);
            } else {
                platform.deallocate(back);
            }
            from = block.saturating_add(1);
        }
        holding.lowest = blocks.next_held(holding.lowest).unwrap_or(u32::MAX);
        frames - left
    }

    /// Returns whether a frame of the balloon is in a block that the device has, or that is not unmapped yet.
    pub(crate) fn is_in_flight(&self, frame: u64) -> bool {
        let is_in_flight = |holding: &Holding| {
            let blocks = &holding.blocks;
            blocks.block_of(frame).is_some_and(|block| blocks.contains(block) && !blocks.is_idle(block))
        };
        self.holding().is_some_and(is_in_flight)
    }

    /// Turns the idle block that a frame is in into ordinary frames of the balloon. No array is in flight.
    #[inline]
    pub(super) fn break_block(&mut self, frame: u64) {
        if let Some(holding) = self.holding_mut()
            && let Some(block) = holding.blocks.block_of(frame)
            && holding.blocks.is_idle(block)
        {
            holding.remove(block);
        }
    }

    /// Unmaps the blocks in flight, and forgets that blocks are held. The device was reset.
    #[inline]
    pub(super) fn end_blocks(&mut self) {
        if is_declared::<C::Features, BlockInflation>() {
            self.end_held();
        }
    }

    #[inline(never)]
    fn end_held(&mut self) {
        let mut from = 0;
        loop {
            let Self { platform, bitmap, .. } = self;
            let Some(holding) = declared_mut::<C::Features, BlockInflation, _>(&mut self.holding) else { return };
            let (blocks, addressing) = (holding.blocks, holding.addressing);
            let Some(block) = blocks.next_held(from) else {
                (holding.count, holding.in_flight) = (0, 0);
                return;
            };
            from = block.saturating_add(1);
            if blocks.take(block) {
                // Its frames go back with those of the frame bitmap, also if the kernel panics here.
                // SAFETY: the device was reset, and this context alone has claimed the block.
                unsafe { unmap::<C::Platform>(&blocks, block, addressing, platform) };
            } else if !blocks.end(block) {
                // The context that claimed it returns it.
                bitmap.clear_whole(Run { first: blocks.first_frame(block), count: blocks.frames() });
                self.adjust_managed(ManagedChange::Added(blocks.frames()));
            }
        }
    }
}

impl Holding {
    /// Counts the blocks that were acknowledged since the last call.
    pub(super) fn count_acknowledged(&mut self, counters: &mut Counters) {
        let in_flight = self.blocks.unacknowledged();
        let acknowledged = self.in_flight.saturating_sub(in_flight);
        if acknowledged > 0 {
            self.in_flight = in_flight;
            counters.size += u64::from(acknowledged) * u64::from(self.blocks.frames());
            counters.acknowledged = counters.acknowledged.wrapping_add(1);
        }
    }

    /// Returns the first idle block at or after `from`. It is counted: the owner of the reporting queue may acknowledge blocks at any
    /// time.
    pub(super) fn next_idle(&mut self, from: u32, counters: &mut Counters) -> Option<u32> {
        let block = self.blocks.next_idle(from)?;
        // In this order, see `HeldBlocks::acknowledge`.
        self.count_acknowledged(counters);
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use super::*;
    use crate::frames::{BlockRun, HeldBlocks};

    /// The owner of the reporting queue may acknowledge a block between the count of a step and its search.
    #[test]
    fn an_idle_block_is_counted_when_it_is_found() {
        let range = 0..512 * 100;
        let words = vec![0; HeldBlocks::words(&range, 512).unwrap()];
        let mut holding = Holding::new(HeldBlocks::new(Box::leak(words.into_boxed_slice()), &range, 512));
        let mut counters = Counters::new();
        assert!([7, 9].iter().all(|&first| holding.blocks.add(BlockRun { first, count: 1 })));
        (holding.count, holding.in_flight) = (2, 2);
        holding.count_acknowledged(&mut counters);
        assert_eq!((counters.size, holding.next_idle(0, &mut counters)), (0, None));
        assert!(!holding.blocks.acknowledge(9, || ()));
        assert_eq!((holding.next_idle(0, &mut counters), counters.size, holding.in_flight), (Some(9), 512, 1));
        holding.remove(9);
        assert_eq!((holding.frames(), counters.acknowledged), (512, 1));
    }
}
