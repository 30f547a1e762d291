//! Freeze, abandon and restore, on devices that reset at once, late or never, that the host resets, or that are removed.

use std::mem::replace;
use std::task::Poll;

use aerostat_balloon::transport::{DeviceError, InterruptStatus, SetupError, Spin};
use aerostat_balloon::{BalloonError, FrameSize, Platform};
use aerostat_device::{RegisterFault, TestPlatform};

use super::{End, Machine, State};
use crate::common::{no_wait, polls};
use crate::declarations::Declaration;
use crate::moves::{DelayedReset, Refusal};
use crate::setup::STATISTICS;

/// Longer than each reset that is delayed.
const POLLS: u32 = 1000;

impl<S: FrameSize, F: Declaration> Machine<S, F>
where
    TestPlatform<S>: Platform<F>,
{
    /// Freezes the balloon and restores it.
    pub(super) fn freeze(&mut self, attempts: u32) -> Result<(), BalloonError> {
        self.join();
        if attempts > 0 && self.loses_notifications {
            self.find_buffers();
        }
        let state = replace(&mut self.state, State::None);
        let State::Ready(balloon) = state else {
            self.state = state;
            self.restore();
            return Ok(());
        };
        let frozen = match attempts {
            0 => balloon.freeze(&mut no_wait),
            _ => balloon.freeze(&mut self.device.work_at_most(attempts)),
        };
        match frozen {
            Ok(frozen) => {
                self.state = State::Frozen(frozen);
                self.assert_reset();
            }
            Err(live) => {
                self.state = State::Ready(live.balloon);
                self.after_reset(Err(live.error))?;
            }
        }
        self.restore();
        Ok(())
    }

    /// Abandons the balloon in place.
    pub(crate) fn abandon(&mut self) -> Result<(), BalloonError> {
        self.abandon_within(POLLS)
    }

    /// Abandons the balloon, and waits at most this often.
    fn abandon_within(&mut self, limit: u32) -> Result<(), BalloonError> {
        self.join();
        let wait = &mut Spin { limit };
        let abandoned = match &mut self.state {
            State::Ready(balloon) => balloon.abandon(wait),
            // A required handle was dropped.
            State::Split(parts) => parts.balloon.abandon(wait),
            State::Frozen(_) | State::None => return Ok(()),
        };
        self.after_reset(abandoned)
    }

    /// Checks the end of a reset. If the device can never be reset, it is cut off from memory.
    fn after_reset(&mut self, reset: Result<(), BalloonError>) -> Result<(), BalloonError> {
        match reset {
            Ok(()) => {
                self.assert_abandoned();
                Ok(())
            }
            Err(BalloonError::Reset(SetupError::ResetUnfinished { .. })) if self.setup.cannot_reset() => {
                self.assert_resetting();
                self.cut_off();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Checks that an abandoned balloon has returned everything.
    fn assert_abandoned(&mut self) {
        self.is_abandoned = true;
        match &self.state {
            State::Ready(balloon) => {
                assert_eq!((balloon.size().0, balloon.accepted().is_some()), (0, false));
                self.assert_reset();
            }
            _ => assert!(self.ledger.allocated_frames().is_empty(), "a reset returns every frame and block"),
        }
    }

    /// The kernel cuts the device off from memory, and takes everything back. In the model, the device forgets what it had.
    pub(super) fn cut_off(&mut self) {
        self.device.host_reset();
        self.assume_gone();
    }

    fn assume_gone(&mut self) {
        match &mut self.state {
            // SAFETY: the device was removed or reset, and does not access memory.
            State::Ready(balloon) => unsafe { balloon.assume_gone() },
            // SAFETY: as above.
            State::Split(parts) => unsafe { parts.balloon.assume_gone() },
            State::Frozen(_) | State::None => return,
        }
        .expect("the transport has not panicked");
        self.assert_abandoned();
    }

    fn is_live(&self) -> bool {
        matches!(self.state, State::Ready(_) | State::Split(_)) && !self.is_abandoned
    }

    /// The host resets the device, and the kernel recovers the balloon.
    pub(super) fn host_reset(&mut self) -> Result<(), BalloonError> {
        if let State::Frozen(_) | State::None = self.state {
            return Ok(());
        }
        self.device.host_reset();
        if self.is_live() && !self.has_faults {
            let error = self.service_balloon().expect("the balloon is not frozen");
            assert_eq!(error, Err(BalloonError::Device(DeviceError::HostReset)));
        }
        self.abandon()?;
        self.restore();
        Ok(())
    }

    /// The device resets only after some reads of its status.
    pub(super) fn delay_reset(&mut self, reads: u8, reset: DelayedReset) -> Result<(), BalloonError> {
        if !self.is_live() || self.setup.cannot_reset() {
            return Ok(());
        }
        self.device.inject(RegisterFault::DelaysReset(reads.into()));
        let waited = match reset {
            DelayedReset::Abandon => self.abandon(),
            DelayedReset::Poll => self.poll_abandon(),
            DelayedReset::Freeze => match self.freeze(0) {
                Err(BalloonError::Reset(_)) => {
                    self.assert_resetting();
                    self.abandon()
                }
                // The device still has arrays.
                Err(BalloonError::Device(DeviceError::NoAnswer { .. })) => self.abandon(),
                frozen => frozen,
            },
        };
        self.find_buffers();
        waited?;
        self.restore();
        Ok(())
    }

    /// Abandons the balloon without a wait. Until the end of the reset, the device has what it had.
    fn poll_abandon(&mut self) -> Result<(), BalloonError> {
        self.poll_abandon_within(POLLS)
    }

    /// Abandons the balloon by at most this many polls.
    fn poll_abandon_within(&mut self, polls: u32) -> Result<(), BalloonError> {
        self.join();
        for _ in 0..polls {
            let polled = match &mut self.state {
                State::Ready(balloon) => balloon.poll_abandon(),
                State::Split(parts) => parts.balloon.poll_abandon(),
                State::Frozen(_) | State::None => return Ok(()),
            };
            match polled {
                Ok(Poll::Ready(())) => return self.after_reset(Ok(())),
                Ok(Poll::Pending) => self.assert_resetting(),
                Err(error) => return Err(error),
            }
            self.work();
        }
        self.after_reset(Err(BalloonError::Reset(SetupError::ResetUnfinished { status: 0 })))
    }

    /// The device refuses a reset.
    pub(super) fn refuse_reset(&mut self, then: Refusal) -> Result<(), BalloonError> {
        if !self.is_live() || self.setup.cannot_reset() {
            return Ok(());
        }
        self.device.inject(RegisterFault::RefusesReset);
        let refused = match then {
            Refusal::Polled => self.poll_abandon_within(3),
            Refusal::Once | Refusal::CutOff => self.abandon_within(3),
        };
        match refused {
            Err(BalloonError::Reset(SetupError::ResetUnfinished { .. })) => self.assert_resetting(),
            refused => assert!(self.has_faults, "{refused:?}"),
        }
        self.device.clear_faults();
        self.loses_notifications = false;
        match then {
            Refusal::Once => self.abandon()?,
            // One call requests the reset again after it has read the status, and the next one finds it finished.
            Refusal::Polled if !self.has_faults => self.poll_abandon_within(4)?,
            Refusal::Polled => self.poll_abandon()?,
            Refusal::CutOff => self.cut_off(),
        }
        self.restore();
        Ok(())
    }

    /// The device is removed. The kernel takes everything back, and gets another device.
    pub(super) fn remove(&mut self) {
        self.device.remove();
        if self.is_live() && !self.has_faults {
            self.assert_gone();
            assert_eq!(self.abandon_within(0), Err(BalloonError::Device(DeviceError::Gone)));
        }
        self.assume_gone();
        self.end(if self.has_dropped_handle { End::Drop } else { End::TakeApart });
        if !self.has_faults {
            self.check_rules();
        }
        let setup = self.setup;
        *self = Self::new(&setup);
    }

    /// Restores an abandoned or frozen balloon, if its device can be probed. The kernel supplies the first statistics again.
    pub(crate) fn restore(&mut self) {
        if self.is_abandoned {
            self.join();
        }
        let frozen = match replace(&mut self.state, State::None) {
            State::Ready(balloon) if self.is_abandoned => {
                balloon.freeze(&mut no_wait).map_err(|live| live.error).expect("an abandoned balloon can be frozen")
            }
            State::Frozen(frozen) => frozen,
            state => {
                self.state = state;
                return;
            }
        };
        self.ledger.set_statistics(STATISTICS);
        self.is_abandoned = false;
        match frozen.restore(&mut polls()) {
            Ok(balloon) => {
                self.state = State::Ready(balloon);
                self.signal.raise(InterruptStatus::ANY);
                self.check_probe();
            }
            Err(failed) => {
                self.state = State::Frozen(failed.balloon);
                self.assert_reset();
            }
        }
    }

    /// Returns whether a handle was dropped, so that the balloon can only be dropped.
    pub(crate) fn has_dropped_handle(&self) -> bool {
        self.has_dropped_handle
    }
}
