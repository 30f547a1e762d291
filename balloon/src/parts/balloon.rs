//! The parts, and what is done with all of them.

use core::fmt::{self, Debug, Formatter};

use aerostat_transport::SetupError;

use super::flags::Shared;
use super::numbers::QueueNumbers;
use crate::core::{Core, WaitFn};
use crate::error::BalloonError;
use crate::features::feature::{BlockInflation, FreePageHint, IfDeclared, PageReporting, StatsVq};
use crate::features::{ConfigOf, NotifierOf, Types, declared, declared_mut};
use crate::queues::{Blocks, DeviceState, HeldReports, HintingQueue, ReportingQueue, StatisticsQueue};

type Statistics<C> = IfDeclared<<C as Types>::Features, StatsVq, StatisticsQueue<NotifierOf<C>, ConfigOf<C>>>;
type Reporting<C> = IfDeclared<<C as Types>::Features, PageReporting, ReportingQueue<NotifierOf<C>, ConfigOf<C>>>;
type Held<C> = IfDeclared<<C as Types>::Features, BlockInflation, HeldReports>;
type Hinting<C> = IfDeclared<<C as Types>::Features, FreePageHint, HintingQueue<NotifierOf<C>, ConfigOf<C>>>;

/// The parts of a balloon. After a split, different contexts use `core`, `statistics`, `reporting` and `hinting`, each by a
/// pointer to that field alone; `shared` is used by all of them.
pub(crate) struct Parts<C: Types> {
    pub(crate) core: Core<C>,
    pub(crate) statistics: Statistics<C>,
    pub(crate) reporting: Reporting<C>,
    /// The reports of block inflation. They belong to the owner of the reporting queue.
    pub(crate) held: Held<C>,
    pub(crate) hinting: Hinting<C>,
    /// After a split: the blocks of reporting and hinting, which go back to the kernel even if a handle exists. Only the
    /// balloon itself uses the field.
    pub(crate) blocks: [Option<Blocks>; 2],
    pub(crate) shared: Shared,
}

impl<C: Types> Parts<C> {
    pub(crate) fn statistics(&mut self) -> Option<&mut StatisticsQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, StatsVq, _>(&mut self.statistics)
    }

    pub(crate) fn reporting(&mut self) -> Option<&mut ReportingQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, PageReporting, _>(&mut self.reporting)
    }

    pub(crate) fn hinting(&mut self) -> Option<&mut HintingQueue<NotifierOf<C>, ConfigOf<C>>> {
        declared_mut::<C::Features, FreePageHint, _>(&mut self.hinting)
    }

    /// Checks the device, and notifies it again of the buffers in all queues.
    pub(crate) fn notify_again(&mut self) -> Result<(), BalloonError> {
        self.core.notify_again()?;
        if let Some(queue) = self.statistics() {
            queue.notify_again();
        }
        if let Some(queue) = self.reporting() {
            queue.notify_again();
        }
        if let Some(queue) = self.hinting() {
            queue.notify_again();
        }
        Ok(())
    }

    /// Returns the numbers of the queues on the device.
    pub(crate) fn queue_numbers(&self) -> QueueNumbers {
        let Self { core, statistics, reporting, hinting, .. } = self;
        QueueNumbers {
            inflate: core.inflate.slot.index(),
            deflate: core.deflate.slot.index(),
            statistics: declared::<C::Features, StatsVq, _>(statistics).and_then(|queue| queue.slot.index()),
            hinting: declared::<C::Features, FreePageHint, _>(hinting).and_then(|queue| queue.slot.index()),
            reporting: declared::<C::Features, PageReporting, _>(reporting).and_then(|queue| queue.slot.index()),
        }
    }

    /// Resets a device that is in use, and returns everything that it had to the kernel. Continues an earlier call that failed or
    /// panicked. Without `wait`, reads the status once.
    ///
    /// # Errors
    ///
    /// The reset did not finish. The device keeps everything, and only another reset may be tried.
    pub(crate) fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        self.shared.live.set(DeviceState::Resetting);
        self.core.end(wait)?;
        self.finish();
        Ok(())
    }

    /// Ends the use of a device that can no longer access memory, without a reset, and returns everything that it had.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more.
    pub(crate) unsafe fn assume_reset(&mut self) {
        self.shared.live.set(DeviceState::Resetting);
        // SAFETY: by the caller's promise.
        unsafe { self.core.assume_reset() };
        self.core.return_everything();
        self.finish();
    }

    /// Does what [`Parts::finish`] does if the device was reset while handles existed.
    pub(crate) fn finish_if_ended(&mut self) {
        if self.core.ended.is_some() {
            self.finish();
        }
    }

    /// Returns the blocks and the memory of the queues for statistics, reporting and hinting to the kernel after a reset.
    #[inline(never)]
    pub(crate) fn finish(&mut self) {
        let Self { core, statistics, reporting, hinting, shared, .. } = self;
        let platform = &mut core.platform;
        // The proof stays until everything is returned: a call of the kernel that panics can be followed by another one.
        if let Some(proof) = &core.ended {
            if let Some(queue) = declared_mut::<C::Features, StatsVq, _>(statistics) {
                queue.slot.release(proof, platform);
            }
            if let Some(queue) = declared_mut::<C::Features, PageReporting, _>(reporting) {
                // SAFETY: the device was reset.
                unsafe { queue.end::<C::Platform, C::Features>(proof, platform) };
            }
            if let Some(queue) = declared_mut::<C::Features, FreePageHint, _>(hinting) {
                // SAFETY: as above.
                unsafe { queue.end::<C::Platform, C::Features>(proof, platform) };
            }
        }
        core.ended = None;
        shared.live.set(DeviceState::NotLive);
    }
}

impl<C: Types> Debug for Parts<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("core", &self.core).field("queues", &self.queue_numbers()).finish_non_exhaustive()
    }
}
