//! The end of a test case.

use std::mem::replace;

use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::transport::SetupError;
use aerostat_balloon::{Balloon, BalloonError, FrameSize, LiveState, Platform, Step};
use aerostat_device::{BalloonDevice, TestPlatform, features};

use super::parts::Parts;
use super::{Machine, State};
use crate::blocks::inflates_blocks;
use crate::common::polls;
use crate::declarations::Declaration;
use crate::moves::Part;

/// How a test case ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The balloon is frozen and taken apart.
    TakeApart,
    /// The balloon is dropped, then its handles.
    Drop,
    /// The handles are dropped, then the balloon.
    DropHandlesFirst,
    /// The machine is switched off. Nothing is returned.
    PowerOff,
}

impl<S: FrameSize, F: Declaration> Machine<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    /// Ends all reports and hints, services the balloon until it is on its target or out of frames, and compares the counts
    /// of driver, device and kernel.
    pub(crate) fn settle(&mut self) {
        self.restore();
        if self.is_abandoned {
            // Without a handle, a split balloon can only be dropped.
            assert!(self.has_dropped_handle, "an abandoned balloon can be restored");
            return;
        }
        self.find_buffers();
        self.device.finish_hinting();
        for part in [Part::Statistics, Part::Hinting, Part::Reporting] {
            let is_idle = (0..20_000).any(|_| {
                let is_busy = self.service(part).expect("the device follows the protocol");
                (0..8).for_each(|_| self.work());
                !is_busy && (0..4).all(|_| !self.service(part).expect("the device follows the protocol"))
            });
            assert!(is_idle, "{part:?} still waits for the device");
        }
        let step = match &mut self.state {
            State::Ready(balloon) => service_until_done(balloon, &self.device),
            State::Split(parts) => service_until_done(&mut parts.balloon, &self.device),
            State::Frozen(_) | State::None => panic!("the balloon is not live"),
        };
        let (size, target) = (self.device.actual(), self.device.target());
        let allocated = self.ledger.allocated_frames().len();
        let pages = self.device.host_page_count() + self.device.block_page_count();
        // A dropped handle may have reports that were completed.
        let has_reports = inflates_blocks::<F>() && self.has_dropped_handle;
        assert!(pages == size as usize || has_reports && pages > size as usize, "{pages}, {size}");
        // The blocks of a dropped handle are returned when the balloon is dropped.
        let has_only_frames = allocated as u32 * S::PAGES == size;
        assert!(self.has_dropped_handle || has_only_frames, "{allocated} frames, {size} pages");
        let is_counted = self.offered & features::DEFLATE_ON_OOM == 0;
        let managed = self.ledger.managed();
        assert!(!is_counted || managed.in_balloon() == i64::from(size / S::PAGES), "{managed:?}, {size} pages");
        match step {
            Step::OnTarget => assert_eq!(size, target.next_multiple_of(S::PAGES)),
            _ => assert!(size < target),
        }
    }

    /// Ends the balloon and checks that everything is returned, or that nothing is, if the device may still use it.
    pub(crate) fn end(&mut self, end: End) {
        if let End::TakeApart = end {
            self.join();
        }
        let state = replace(&mut self.state, State::None);
        match (state, end) {
            (state, End::PowerOff) => self.power_off(state),
            (State::Ready(balloon), End::TakeApart) => {
                let frozen = match balloon.freeze(&mut self.device.work_at_most(1000)) {
                    Ok(frozen) => frozen,
                    Err(live) => {
                        let is_refused = matches!(live.error, BalloonError::Reset(_)) && self.setup.cannot_reset();
                        assert!(is_refused, "{}", live.error);
                        self.state = State::Ready(live.balloon);
                        self.cut_off();
                        return self.end(end);
                    }
                };
                self.assert_reset();
                let (_bus, _platform) = frozen.into_parts();
                assert!(self.ledger.all_returned(), "taking a balloon apart returns everything");
                assert_eq!(self.device.host_page_count(), 0);
            }
            (State::Split(parts), End::Drop) => self.drop_before_handles(parts),
            (State::Split(parts), _) => {
                let Parts { balloon, handles } = parts;
                drop(handles);
                self.drop_balloon(balloon);
            }
            (State::Ready(balloon), _) => self.drop_balloon(balloon),
            (state, _) => {
                drop(state);
                assert!(self.ledger.all_returned(), "dropping returns everything");
            }
        }
    }

    /// Returns whether the device keeps what it has, because it cannot be reset.
    fn keeps_everything(&self) -> bool {
        self.setup.cannot_reset() && !self.is_abandoned
    }

    /// Drops a balloon without handles.
    fn drop_balloon<B: LiveState>(&self, balloon: Balloon<B>) {
        let frames = self.ledger.allocated_frames();
        drop(balloon);
        if self.keeps_everything() {
            assert_eq!(self.ledger.allocated_frames(), frames, "the device may still use the frames");
            assert!(self.ledger.allocated_dma() > 0, "the device may still use the queues");
        } else {
            assert!(self.ledger.all_returned(), "dropping returns everything");
        }
    }

    /// Drops a split balloon before its handles. Every frame is returned, and the handles return errors.
    fn drop_before_handles(&mut self, parts: Parts<S, F>) {
        let frames = self.ledger.allocated_frames();
        let Parts { balloon, mut handles } = parts;
        drop(balloon);
        let events = self.device.events().len();
        assert_eq!(handles.errors(&mut self.kernel).len(), handles.count());
        assert_eq!(self.device.events().len(), events, "the device is not accessed");
        if self.keeps_everything() {
            assert_eq!(self.ledger.allocated_frames(), frames, "the device may still use the frames");
        } else {
            assert!(self.ledger.allocated_frames().is_empty(), "dropping returns every frame");
            let is_leaked = usize::from(handles.count() > 0);
            assert_eq!(self.ledger.allocated_private(), is_leaked, "private memory is leaked if a handle exists");
        }
    }

    /// Switches the machine off: resets the device. Nothing is returned, and no frame is accessed.
    fn power_off(&mut self, state: State<S, F>) {
        let (frames, events) = (self.ledger.allocated_frames(), self.ledger.events());
        let memory = self.device.memory().clone();
        let resident = || frames.iter().filter(|frame| memory.is_resident(**frame * u64::from(S::PAGES))).count();
        let before = resident();
        let stopped = match state {
            State::Ready(balloon) => balloon.power_off(&mut polls()),
            State::Split(parts) => {
                let Parts { balloon, mut handles } = parts;
                let stopped = balloon.power_off(&mut polls());
                assert_eq!(handles.errors(&mut self.kernel).len(), handles.count());
                stopped
            }
            state @ (State::Frozen(_) | State::None) => {
                drop(state);
                return assert!(self.ledger.all_returned(), "dropping returns everything");
            }
        };
        if self.keeps_everything() {
            assert!(matches!(stopped, Err(BalloonError::Reset(SetupError::ResetUnfinished { .. }))), "{stopped:?}");
        } else {
            assert_eq!((stopped, self.device.status(), self.device.host_page_count()), (Ok(()), 0, 0));
        }
        assert_eq!((self.ledger.allocated_frames(), self.ledger.events()), (frames.clone(), events));
        assert_eq!(resident(), before, "no frame is accessed");
    }
}

/// Calls `service` and lets the device work until the balloon is on its target or out of frames.
fn service_until_done<B: LiveState>(balloon: &mut Balloon<B>, device: &BalloonDevice) -> Step {
    let step = (0..20_000).find_map(|_| {
        let step = balloon.service().expect("the device follows the protocol");
        match step {
            Step::Waiting if device.step() => None,
            Step::Waiting => {
                device.tick();
                None
            }
            Step::Paused(pause) if matches!(pause.reason, PauseReason::OomBackoff | PauseReason::BlocksLeft) => {
                _ = balloon.retry(pause).expect("the device follows the protocol");
                None
            }
            Step::OnTarget | Step::Paused(_) => Some(step),
        }
    });
    step.expect("the balloon still waits for the device")
}
