//! Block inflation of a live balloon.

use aerostat_spec::{Available, RequirementOf};
use aerostat_transport::Transport;

use super::balloon::Balloon;
use super::handles::ReportingHandle;
use super::live::service;
use super::split::Split;
use crate::core::Reports;
use crate::error::{BalloonError, BlockFallback};
use crate::features::feature::BlockInflation;
use crate::features::{BalloonFeatureSet, Platform, SizeOf};
use crate::ops::{LiveState, Pause, Step, TypesOf};
use crate::units::{FrameSize, Pages};

impl<S: LiveState> Balloon<S> {
    /// Returns whether [block inflation](BlockInflation) is in use for steps of [`service`](Balloon::service).
    ///
    /// # Errors
    ///
    /// Why everything goes through arrays of page numbers instead.
    pub fn block_inflation(&self) -> Result<(), BlockFallback>
    where
        RequirementOf<S::Features, BlockInflation>: Available<BlockInflation>,
    {
        match self.state.core().block_fallback() {
            Some(fallback) => Err(fallback),
            None if self.state.has_reporting() => Ok(()),
            None => Err(BlockFallback::HandleExists),
        }
    }

    /// Returns how much of the balloon entered it as blocks and leaves it without a message. Blocks that the device has not
    /// acknowledged are included, although they do not count in [`size`](Balloon::size) yet.
    pub fn held_in_blocks(&self) -> Pages
    where
        RequirementOf<S::Features, BlockInflation>: Available<BlockInflation>,
    {
        let pages = self.state.core().held_in_blocks() * u64::from(<SizeOf<TypesOf<S>> as FrameSize>::PAGES);
        Pages(u32::try_from(pages).unwrap_or(u32::MAX))
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Balloon<Split<T, P, F>>
where
    RequirementOf<F, BlockInflation>: Available<BlockInflation>,
{
    /// Makes a step like [`service`](Balloon::service) with the reporting queue of the handle, so that the step can inflate whole
    /// blocks. It does at most one register access more, a second notification.
    ///
    /// Without the handle, a step of a split balloon inflates through arrays of page numbers, unless the handle was dropped. It
    /// deflates blocks in any case.
    ///
    /// # Errors
    ///
    /// [`BalloonError::OtherBalloon`], and as for [`service`](Balloon::service).
    pub fn service_with(&mut self, reporting: &mut ReportingHandle<T, P, F>) -> Result<Step, BalloonError> {
        let (core, parts) = self.state.core_and_address();
        if !reporting.is_of(parts) {
            return Err(BalloonError::OtherBalloon);
        }
        let (queue, held, _) = reporting.reports()?;
        service(core, held.map(|held| Reports { queue, held }))
    }

    /// Makes a step like [`service_with`](Balloon::service_with) after the pause of [`Step::Paused`], see [`retry`](Balloon::retry).
    ///
    /// # Errors
    ///
    /// As for [`Balloon::service_with`].
    pub fn retry_with(&mut self, pause: Pause, reporting: &mut ReportingHandle<T, P, F>) -> Result<Step, BalloonError> {
        self.state.core_mut().backoff.end(pause.round);
        self.service_with(reporting)
    }
}
