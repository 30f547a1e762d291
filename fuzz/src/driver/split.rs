//! Calls of a split balloon and of its handles.

use std::mem::forget;

use aerostat_balloon::feature::{self, IfDeclared};
use aerostat_balloon::handles::{HintingHandle, ReportingHandle, StatisticsHandle};
use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{FrameSize, Handles, Platform};

use super::state::{Driver, PAGES, State};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};
use crate::methods::Method;

/// Calls the methods that all handles have, and checks what they return.
macro_rules! ask_handle {
    ($self:ident, $handle:ident, $role:ident, $in_flight:ident, $progress:ident, $notify_again:ident) => {{
        let in_flight = $self.query(Method::$in_flight, || $handle.in_flight());
        $self.world.borrow_mut().check_buffers(Role::$role, in_flight);
        let _ = $self.query(Method::$progress, || $handle.progress());
        $self.begin(Method::$notify_again, &[]);
        let result = $handle.notify_again();
        $self.end_with(&result);
    }};
}

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    pub(super) fn step_split(&mut self, mut handles: Handles<T, Kernel<S>, F>) -> State<T, S, F> {
        match self.below(256) {
            0 | 1 => return self.join(handles),
            2 if self.below(8) == 0 => {
                self.begin(Method::DropBalloon, &[]);
                drop(handles);
                self.end_fine();
                return State::Gone;
            }
            2 => return self.unsplit(handles),
            3 if self.below(4) == 0 => self.lose_handle(&mut handles),
            4 if self.below(4) == 0 => return self.drop_balloon_first(handles),
            4 if self.below(8) == 0 => return self.power_off_first(handles),
            5..=30 => {
                if let Some(handle) = RequirementOf::<F, feature::StatsVq>::get_mut(&mut handles.statistics) {
                    self.step_statistics(handle);
                }
            }
            31..=70 => {
                if let Some(handle) = RequirementOf::<F, feature::PageReporting>::get_mut(&mut handles.reporting) {
                    self.step_reporting(handle);
                }
            }
            71..=110 => {
                if let Some(handle) = RequirementOf::<F, feature::FreePageHint>::get_mut(&mut handles.hinting) {
                    self.step_hinting(handle);
                }
            }
            111..=115 => self.deflate_on_oom(&mut handles.balloon),
            116..=160 if Self::HAS_BLOCKS => self.step_with_handle(&mut handles),
            _ => self.step_live(&mut handles.balloon, true),
        }
        State::Split(handles)
    }

    fn step_statistics(&mut self, handle: &mut StatisticsHandle<T, Kernel<S>, F>) {
        if self.below(8) == 0 {
            ask_handle!(self, handle, Statistics, StatisticsInFlight, StatisticsProgress, StatisticsNotifyAgain);
        }
        self.begin(Method::StatisticsService, &[Role::Statistics]);
        let result = handle.service(&mut self.kernel()).map(drop);
        self.end_with(&result);
    }

    fn step_reporting(&mut self, handle: &mut ReportingHandle<T, Kernel<S>, F>) {
        if self.below(8) == 0 {
            ask_handle!(self, handle, Reporting, ReportingInFlight, ReportingProgress, ReportingNotifyAgain);
        }
        self.begin(Method::ReportingService, &[Role::Reporting]);
        let result = handle.service(&mut self.kernel()).map(drop);
        self.end_with(&result);
    }

    fn step_hinting(&mut self, handle: &mut HintingHandle<T, Kernel<S>, F>) {
        if self.below(8) == 0 {
            ask_handle!(self, handle, Hinting, HintingInFlight, HintingProgress, HintingNotifyAgain);
        }
        if self.below(8) == 0 {
            self.begin(Method::HintingReclaimHinted, &[Role::Hinting]);
            self.world.borrow_mut().call.reclaims = true;
            let result = handle.reclaim_hinted(&mut self.kernel(), 20).map(drop);
            self.end_with(&result);
        }
        let status = self.status();
        self.begin(Method::HintingService, &[Role::Hinting]);
        let result = handle.service(&mut self.kernel(), status).map(drop);
        self.end_with(&result);
    }

    /// Makes a step of the balloon with the handle for reporting, or retries after a pause.
    fn step_with_handle(&mut self, handles: &mut Handles<T, Kernel<S>, F>) {
        if RequirementOf::<F, feature::PageReporting>::get_mut(&mut handles.reporting).is_none() {
            return;
        }
        let retries = self.below(2) == 0;
        let pause = self.pause.take_if(|_| retries);
        self.begin(if pause.is_some() { Method::RetryWith } else { Method::ServiceWith }, PAGES);
        let result = F::service_with(handles, pause);
        if let Some(result) = result {
            self.end_with(&result);
            self.stepped(result);
        }
    }

    fn kernel(&self) -> Kernel<S> {
        Kernel::new(share(&self.world))
    }

    fn join(&mut self, handles: Handles<T, Kernel<S>, F>) -> State<T, S, F> {
        match self.query(Method::Join, || handles.join()) {
            Ok(balloon) => {
                if self.lacks_handles {
                    self.world.borrow_mut().fail("a balloon was joined without a handle");
                }
                State::Ready(balloon)
            }
            Err(handles) => {
                if !self.lacks_handles {
                    self.world.borrow_mut().fail("a complete balloon could not be joined");
                }
                // It can only be dropped.
                self.begin(Method::DropBalloon, &[]);
                drop(handles);
                self.end_fine();
                State::Gone
            }
        }
    }

    /// Makes the balloon whole again after its handles were dropped, or tries to before that.
    fn unsplit(&mut self, mut handles: Handles<T, Kernel<S>, F>) -> State<T, S, F> {
        let has_handles = [
            RequirementOf::<F, feature::StatsVq>::get_mut(&mut handles.statistics).is_some(),
            RequirementOf::<F, feature::PageReporting>::get_mut(&mut handles.reporting).is_some(),
            RequirementOf::<F, feature::FreePageHint>::get_mut(&mut handles.hinting).is_some(),
        ];
        let Handles { balloon, statistics, reporting, hinting } = handles;
        let has_handles = has_handles.contains(&true);
        if has_handles && self.below(2) == 0 {
            return match self.query(Method::Unsplit, || balloon.unsplit()) {
                Ok(balloon) => {
                    self.world.borrow_mut().fail("a balloon is whole while a handle exists");
                    // The handles refer to the balloon.
                    forget((statistics, reporting, hinting));
                    State::Ready(balloon)
                }
                Err(balloon) => State::Split(Handles { balloon, statistics, reporting, hinting }),
            };
        }
        drop((statistics, reporting, hinting));
        match self.query(Method::Unsplit, || balloon.unsplit()) {
            Ok(balloon) => {
                if self.lacks_handles {
                    self.world.borrow_mut().fail("a balloon is whole and a handle was forgotten");
                }
                State::Ready(balloon)
            }
            Err(balloon) => {
                if !self.lacks_handles {
                    self.world.borrow_mut().fail("a balloon without handles is not whole");
                }
                // It can only be dropped.
                self.begin(Method::DropBalloon, &[]);
                drop(balloon);
                self.end_fine();
                State::Gone
            }
        }
    }

    /// Drops or forgets one handle.
    fn lose_handle(&mut self, handles: &mut Handles<T, Kernel<S>, F>) {
        if let Some(handle) = F::take_reporting(handles) {
            match self.below(2) {
                0 => drop(handle),
                _ => {
                    self.lacks_handles = true;
                    forget(handle);
                    self.count(Event::Forgotten);
                    self.lose_memory();
                }
            }
        }
    }

    /// Notes that the private memory and the memory of a queue are leaked, but no frame.
    fn lose_memory(&mut self) {
        self.has_lost_handles = true;
        self.world.borrow_mut().may_lose_memory = true;
    }

    /// Drops the balloon before its handles, which return errors from then on.
    fn drop_balloon_first(&mut self, handles: Handles<T, Kernel<S>, F>) -> State<T, S, F> {
        let Handles { balloon, mut statistics, mut reporting, mut hinting } = handles;
        self.begin(Method::DropBalloon, &[]);
        drop(balloon);
        self.end_fine();
        self.lose_memory();
        self.check_handles(&mut statistics, &mut reporting, &mut hinting);
        drop((statistics, reporting, hinting));
        State::Gone
    }

    /// Switches the machine off while the handles exist.
    fn power_off_first(&mut self, handles: Handles<T, Kernel<S>, F>) -> State<T, S, F> {
        let Handles { balloon, mut statistics, mut reporting, mut hinting } = handles;
        self.power_off(balloon);
        self.check_handles(&mut statistics, &mut reporting, &mut hinting);
        drop((statistics, reporting, hinting));
        State::Gone
    }

    /// Checks that handles return errors after the end of their balloon.
    fn check_handles(
        &self,
        statistics: &mut IfDeclared<F, feature::StatsVq, StatisticsHandle<T, Kernel<S>, F>>,
        reporting: &mut IfDeclared<F, feature::PageReporting, ReportingHandle<T, Kernel<S>, F>>,
        hinting: &mut IfDeclared<F, feature::FreePageHint, HintingHandle<T, Kernel<S>, F>>,
    ) {
        let mut kernel = self.kernel();
        let results = [
            RequirementOf::<F, feature::StatsVq>::get_mut(statistics).map(|handle| handle.service(&mut kernel).is_ok()),
            RequirementOf::<F, feature::PageReporting>::get_mut(reporting)
                .map(|handle| handle.service(&mut kernel).is_ok()),
            RequirementOf::<F, feature::FreePageHint>::get_mut(hinting)
                .map(|handle| handle.service(&mut kernel, self.status()).is_ok()),
        ];
        if results.contains(&Some(true)) {
            self.world.borrow_mut().fail("a handle works after the end of its balloon");
        }
    }
}
