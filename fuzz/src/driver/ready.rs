//! Calls of a balloon whose device is live, and that is whole.

use std::mem::forget;
use std::ops::ControlFlow;

use aerostat_balloon::transport::{InterruptStatus, Transport};
use aerostat_balloon::{Balloon, FrameSize, Platform, Ready};

use super::state::{Driver, End, PAGES, State};
use crate::coverage::Event;
use crate::declared::Declared;
use crate::device::Role;
use crate::kernel::{Kernel, share};
use crate::methods::Method;

impl<T: Transport, S: FrameSize, F: Declared> Driver<T, S, F>
where
    Kernel<S>: Platform<F>,
{
    pub(super) fn step_ready(&mut self, mut balloon: Balloon<Ready<T, Kernel<S>, F>>) -> State<T, S, F> {
        if self.is_abandoned && self.below(8) == 0 {
            return self.freeze(balloon);
        }
        if std::mem::take(&mut self.has_failed) && self.below(4) == 0 {
            self.abandon(&mut balloon);
        }
        match self.below(1024) {
            0..=5 => return self.freeze(balloon),
            6..=9 => {
                let handles = self.query(Method::Split, || balloon.split());
                self.lacks_handles = false;
                return State::Split(handles);
            }
            10..=12 => self.abandon(&mut balloon),
            13 if self.below(2) == 0 => {
                self.begin(Method::DropBalloon, &[]);
                drop(balloon);
                self.end_fine();
                return State::Gone;
            }
            13 if self.below(4) == 0 => {
                forget(balloon);
                self.end = End::Leaked;
                self.count(Event::Forgotten);
                return State::Gone;
            }
            13 if self.below(2) == 0 => return self.remove(balloon),
            13 => {
                self.power_off(balloon);
                return State::Gone;
            }
            14..=120 => {
                self.begin(Method::ServiceStatistics, &[Role::Statistics]);
                let result = F::statistics(&mut balloon).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            121..=300 => {
                self.begin(Method::ServiceReporting, &[Role::Reporting]);
                let result = F::reporting(&mut balloon).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            301..=480 => {
                let status = self.status();
                self.begin(Method::ServiceHinting, &[Role::Hinting]);
                let result = F::hinting(&mut balloon, status).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            481..=500 => {
                self.deflate_on_oom(&mut balloon);
            }
            501..=505 => {
                let frames = self.below(100);
                self.begin(Method::ReclaimHinted, &[Role::Hinting]);
                self.world.borrow_mut().call.reclaims = true;
                let result = F::reclaim(&mut balloon, frames).unwrap_or(Ok(None)).map(drop);
                self.end_with(&result);
            }
            506 => return self.reset(balloon),
            507..=510 => {
                let _ = self.query(Method::QueueNumbers, || balloon.queue_numbers());
                if self.below(16) == 0 {
                    let _ = format!("{balloon:?}");
                }
            }
            _ => self.step_live(&mut balloon, false),
        }
        State::Ready(balloon)
    }

    /// The status that the interrupt handler returns, or one that a kernel makes up.
    pub(super) fn status(&self) -> InterruptStatus {
        let bits = self.below(8);
        match bits {
            0..=3 => InterruptStatus::ANY,
            _ => InterruptStatus { used_buffers: bits & 1 != 0, configuration: bits & 2 != 0 },
        }
    }

    /// Resets the device without deflating the balloon.
    fn reset(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> State<T, S, F> {
        let mut wait = self.wait();
        self.begin(Method::Reset, &[]);
        let reset = balloon.reset(&mut wait);
        self.end_fine();
        match reset {
            Ok(balloon) => State::Frozen(balloon),
            Err(failed) => {
                self.count(Event::Unfinished);
                State::Ready(failed.balloon)
            }
        }
    }

    pub(super) fn freeze(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> State<T, S, F> {
        let mut wait = self.wait();
        self.begin(Method::Freeze, PAGES);
        let frozen = balloon.freeze(&mut wait);
        let result = frozen.as_ref().map(drop).map_err(|failed| failed.error);
        self.end_with(&result);
        match frozen {
            Ok(balloon) => State::Frozen(balloon),
            Err(mut failed) => {
                if self.below(2) == 0 {
                    self.abandon(&mut failed.balloon);
                }
                State::Ready(failed.balloon)
            }
        }
    }

    /// Freezes the balloon and takes it apart.
    fn remove(&mut self, balloon: Balloon<Ready<T, Kernel<S>, F>>) -> State<T, S, F> {
        let mut wait = self.wait();
        self.begin(Method::Remove, PAGES);
        let removed = balloon.remove(&mut wait);
        let result = removed.as_ref().map(drop).map_err(|failed| failed.error);
        self.end_with(&result);
        match removed {
            // The end of the episode checks that everything is back.
            Ok((_, _)) => State::Gone,
            Err(failed) => State::Ready(failed.balloon),
        }
    }

    /// Returns how a kernel waits: the device has a turn, and after some attempts the kernel gives up.
    pub(super) fn wait(&self) -> impl FnMut(u32) -> ControlFlow<()> + use<T, S, F> {
        let (world, attempts) = (share(&self.world), self.below(40) + 4);
        move |attempt| {
            let mut world = world.borrow_mut();
            world.wait();
            if attempt < attempts { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
}
