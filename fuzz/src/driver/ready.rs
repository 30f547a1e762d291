//! Calls of a balloon whose device is live, and that is whole.

use std::mem::forget;
use std::ops::ControlFlow;

use aerostat_balloon::transport::{InterruptStatus, Transport};
use aerostat_balloon::{Balloon, FrameSize, Platform, Ready};

use super::state::{DROP, Driver, End, HINTING, Life, PAGES, REPORTING, RESET, STATISTICS};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    pub(super) fn step_ready(&mut self, mut balloon: Balloon<Ready<T, Kernel<S>, F>>) -> Life<T, S, F> {
        if self.is_abandoned && self.below(8) == 0 {
            return self.freeze(balloon);
        }
        if std::mem::take(&mut self.has_failed) && self.below(4) == 0 {
            self.abandon(&mut balloon);
        }
        match self.below(1024) {
            0..=5 => return self.freeze(balloon),
            6..=9 => {
                let handles = balloon.split();
                self.lacks_handles = false;
                return Life::Split(handles);
            }
            10..=12 => self.abandon(&mut balloon),
            13 if self.below(2) == 0 => {
                self.begin("drop", DROP, &[]);
                drop(balloon);
                self.end_fine();
                return Life::Gone;
            }
            13 if self.below(4) == 0 => {
                forget(balloon);
                self.forgotten();
                return Life::Gone;
            }
            14..=120 => {
                self.begin("service_statistics", STATISTICS, &[Role::Statistics]);
                let result = F::statistics(&mut balloon).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            121..=300 => {
                self.begin("service_reporting", REPORTING, &[Role::Reporting]);
                let result = F::reporting(&mut balloon).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            301..=480 => {
                let status = self.status();
                self.begin("service_hinting", HINTING, &[Role::Hinting]);
                let result = F::hinting(&mut balloon, status).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            481..=500 => {
                let (before, oom) = (self.below(2), F::oom(&mut balloon));
                if let Some(pending) = oom {
                    self.deflate(pending, before == 0);
                }
            }
            501..=505 => {
                let frames = self.below(100);
                self.begin("reclaim_hinted", REPORTING, &[Role::Hinting]);
                self.world.borrow_mut().call.reclaims = true;
                let result = F::reclaim(&mut balloon, frames).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            506 => return self.reset(balloon),
            507..=510 => {
                let _ = (balloon.queue_numbers(), balloon.accepted().is_some());
                if self.below(16) == 0 {
                    let _ = format!("{balloon:?}");
                }
            }
            _ => self.step_live(&mut balloon, false),
        }
        Life::Ready(balloon)
    }

    /// The status that the interrupt handler returns, or one that a kernel makes up.
    pub(super) fn status(&self) -> InterruptStatus {
        let bits = self.below(8);
        match bits {
            0..=3 => InterruptStatus::ANY,
            _ => InterruptStatus { used_buffers: bits & 1 != 0, configuration: bits & 2 != 0 },
        }
    }

    pub(super) fn forgotten(&mut self) {
        self.end = End::Forgotten;
        self.count(Event::Forgotten);
    }

    pub(super) fn abandon(&mut self, balloon: &mut Balloon<Ready<T, Kernel<S>, F>>) {
        let mut wait = self.wait();
        self.begin("abandon", RESET, &[]);
        let result = balloon.abandon(&mut wait);
        self.end_fine();
        match result {
            Ok(()) => self.is_abandoned = true,
            Err(_) => self.count(Event::Unfinished),
        }
    }

    /// Resets the device without telling it about the frames.
    fn reset(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> Life<T, S, F> {
        let mut wait = self.wait();
        self.begin("reset", RESET, &[]);
        let reset = balloon.reset(&mut wait);
        self.end_fine();
        match reset {
            Ok(balloon) => Life::Frozen(balloon),
            Err(failed) => {
                self.count(Event::Unfinished);
                Life::Ready(failed.balloon)
            }
        }
    }

    pub(super) fn freeze(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> Life<T, S, F> {
        let mut wait = self.wait();
        self.begin("freeze", RESET, PAGES);
        let frozen = balloon.freeze(&mut wait);
        let result = frozen.as_ref().map(drop).map_err(|failed| failed.error);
        self.end_with(&result);
        match frozen {
            Ok(balloon) => Life::Frozen(balloon),
            Err(mut failed) => {
                if self.below(2) == 0 {
                    self.abandon(&mut failed.balloon);
                }
                Life::Ready(failed.balloon)
            }
        }
    }

    /// Returns how a kernel waits: the device has a turn, and after some attempts the kernel gives up.
    pub(super) fn wait(&self) -> impl FnMut(u32) -> ControlFlow<()> + use<T, S, F> {
        let (world, attempts) = (share(&self.world), self.below(40) + 4);
        move |attempt| {
            let mut world = world.borrow_mut();
            world.restart_counts();
            world.turn();
            if attempt < attempts { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
}
