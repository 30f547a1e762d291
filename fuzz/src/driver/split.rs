//! Calls of a split balloon and of its handles.

use std::mem::forget;

use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::Transport;
use aerostat_balloon::{FrameSize, Handles, Platform, feature};

use super::state::{BLOCKS, DROP, Driver, HINTING, Life, PAGES, REPORTING, STATISTICS, STEP};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    pub(super) fn step_split(&mut self, mut handles: Handles<T, Kernel<S>, F>) -> Life<T, S, F> {
        let mut kernel = Kernel::<S>::new(share(&self.world));
        match self.below(256) {
            0 | 1 => return self.join(handles),
            2 if self.below(8) == 0 => {
                self.begin("drop", DROP, &[]);
                drop(handles);
                self.end_fine();
                return Life::Gone;
            }
            3 if self.below(4) == 0 => self.lose_handle(&mut handles),
            4 if self.below(4) == 0 => return self.drop_balloon_first(handles),
            5..=30 => {
                if let Some(handle) = RequirementOf::<F, feature::StatsVq>::get_mut(&mut handles.statistics) {
                    self.begin("StatisticsHandle::service", STATISTICS, &[Role::Statistics]);
                    let result = handle.service(&mut kernel).map(drop);
                    self.end_with(&result);
                }
            }
            31..=70 => {
                if let Some(handle) = RequirementOf::<F, feature::PageReporting>::get_mut(&mut handles.reporting) {
                    self.begin("ReportingHandle::service", REPORTING, &[Role::Reporting]);
                    let result = handle.service(&mut kernel).map(drop);
                    self.end_with(&result);
                }
            }
            71..=110 => {
                let status = self.status();
                let reclaims = self.below(8) == 0;
                if let Some(handle) = RequirementOf::<F, feature::FreePageHint>::get_mut(&mut handles.hinting) {
                    if reclaims {
                        self.begin("HintingHandle::reclaim_hinted", REPORTING, &[Role::Hinting]);
                        self.world.borrow_mut().call.reclaims = true;
                        let result = handle.reclaim_hinted(&mut kernel, 20).map(drop);
                        self.end_with(&result);
                    }
                    self.begin("HintingHandle::service", HINTING, &[Role::Hinting]);
                    let result = handle.service(&mut kernel, status).map(drop);
                    self.end_with(&result);
                }
            }
            111..=115 => {
                if let Some(pending) = F::oom(&mut handles.balloon) {
                    self.deflate(pending, false);
                }
            }
            116..=160 if F::DECLARED & BLOCKS != 0 => {
                let has_handle = RequirementOf::<F, feature::PageReporting>::get_mut(&mut handles.reporting).is_some();
                // A second notification.
                self.begin("service_with", (STEP.0 + 1, STEP.1), if has_handle { PAGES } else { &[] });
                match F::service_with(&mut handles) {
                    Some(result) => {
                        self.end_with(&result);
                        self.stepped(result);
                    }
                    None => self.end_fine(),
                }
            }
            _ => self.step_live(&mut handles.balloon, true),
        }
        Life::Split(handles)
    }

    pub(super) fn join(&mut self, handles: Handles<T, Kernel<S>, F>) -> Life<T, S, F> {
        match handles.join() {
            Ok(balloon) => {
                if self.lacks_handles {
                    self.world.borrow_mut().fail("a balloon was joined without a handle");
                }
                Life::Ready(balloon)
            }
            Err(handles) => {
                if !self.lacks_handles {
                    self.world.borrow_mut().fail("a complete balloon could not be joined");
                }
                // It can only be dropped.
                self.begin("drop", DROP, &[]);
                drop(handles);
                self.end_fine();
                Life::Gone
            }
        }
    }

    /// Drops or forgets one handle.
    pub(super) fn lose_handle(&mut self, handles: &mut Handles<T, Kernel<S>, F>) {
        if let Some(handle) = F::take_reporting(handles) {
            match self.below(2) {
                0 => drop(handle),
                _ => {
                    self.lacks_handles = true;
                    forget(handle);
                    self.forgotten_handle();
                }
            }
        }
    }

    pub(super) fn forgotten_handle(&mut self) {
        // The private memory and the memory of the queue are leaked, but no frame.
        let mut world = self.world.borrow_mut();
        world.coverage.count(Event::Forgotten);
        world.may_lose_memory = true;
    }

    /// Drops the balloon before its handles, which return errors from then on.
    pub(super) fn drop_balloon_first(&mut self, handles: Handles<T, Kernel<S>, F>) -> Life<T, S, F> {
        let Handles { balloon, statistics, mut reporting, hinting } = handles;
        self.begin("drop", DROP, &[]);
        drop(balloon);
        self.end_fine();
        self.world.borrow_mut().may_lose_memory = true;
        if let Some(handle) = RequirementOf::<F, feature::PageReporting>::get_mut(&mut reporting) {
            let result = handle.service(&mut Kernel::<S>::new(share(&self.world)));
            if result.is_ok() {
                self.world.borrow_mut().fail("a handle works after its balloon was dropped");
            }
        }
        drop((statistics, reporting, hinting));
        Life::Gone
    }
}
