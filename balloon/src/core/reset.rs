//! The end of the use of a device: it is reset, and everything that it had goes back to the kernel.

use core::ops::ControlFlow;

use aerostat_transport::SetupError;

use super::connection::Connection;
use super::deflate::fill;
use super::inflate::return_unclaimed;
use super::state::Core;
use crate::error::BalloonError;
use crate::features::Types;

/// A call of the kernel's [`Wait`](aerostat_transport::Wait). It is not generic, so that what waits is compiled once.
pub(crate) type WaitFn<'a> = dyn FnMut(u32) -> ControlFlow<()> + 'a;

/// The polls of a reset.
pub(crate) struct Polls<'a, 'w> {
    wait: Option<&'a mut WaitFn<'w>>,
    /// Whether an earlier call has requested the reset, and this one has not.
    was_requested: bool,
    attempt: u32,
}

/// What to do before the next poll of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    /// Request the reset again: the device may have missed or refused the earlier request.
    RequestAgain,
    /// Nothing: the kernel has waited.
    Waited,
}

impl<'a, 'w> Polls<'a, 'w> {
    /// Starts to poll a reset. Without `wait`, it is polled once, and the caller requests it again.
    pub(crate) const fn new(wait: Option<&'a mut WaitFn<'w>>, was_requested: bool) -> Self {
        Self { wait, was_requested, attempt: 0 }
    }

    /// Waits after a poll that returned `error`.
    ///
    /// # Errors
    ///
    /// The error, if the reset is not to be polled again.
    #[inline(never)]
    pub(crate) fn next(&mut self, error: SetupError) -> Result<Poll, SetupError> {
        let (SetupError::ResetUnfinished { .. }, Some(wait)) = (error, &mut self.wait) else { return Err(error) };
        if core::mem::take(&mut self.was_requested) {
            return Ok(Poll::RequestAgain);
        }
        if wait(self.attempt).is_break() {
            // One more poll after the last wait, during which the reset may have finished.
            self.wait = None;
        }
        self.attempt = self.attempt.saturating_add(1);
        Ok(Poll::Waited)
    }
}

impl<C: Types> Core<C> {
    /// Resets a device that is in use, and returns the frames of the balloon and the memory of the page queues to the kernel.
    /// Continues an earlier call that failed or panicked. Without `wait`, reads the status once.
    ///
    /// After success, `ended` is the proof for the other queues, unless the device was not in use.
    ///
    /// # Errors
    ///
    /// The reset did not finish. The device keeps everything, and only another reset may be tried.
    #[inline(never)]
    pub(crate) fn end(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        self.close();
        self.end_device(wait)?;
        self.return_everything();
        Ok(())
    }

    /// Stops the use of the page queues of a live device. Frames that the device has acknowledged as deflated are the kernel's.
    fn close(&mut self) {
        if let Connection::Live(_) = self.connection {
            let _ = self.pop_used();
            // One queue may be unusable after an error of the device, and the other not.
            while let Ok(Some(array)) = self.deflate.pop() {
                self.finish_deflation(array);
            }
            self.inflate.close();
            self.deflate.close();
        }
    }

    /// Resets the device. The device is in `connection` during each call of `wait`, so that a panic there does not lose it.
    #[inline(never)]
    fn end_device(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        let is_poll = wait.is_none();
        let was_requested = matches!(self.connection, Connection::Ending(_));
        let mut polls = Polls::new(wait, was_requested);
        loop {
            let Some(device) = self.connection.take_ending() else { return Ok(()) };
            match device.poll() {
                Ok((transport, proof)) => {
                    self.connection = Connection::Idle(transport);
                    self.ended = Some(proof);
                    log_at!(info, "balloon: the device is reset");
                    return Ok(());
                }
                Err((device, error)) => {
                    self.connection = Connection::Ending(device);
                    match polls.next(error) {
                        Ok(Poll::RequestAgain) => self.request_reset_again(),
                        Ok(Poll::Waited) => {}
                        Err(error) => {
                            if is_poll && was_requested {
                                self.request_reset_if_due(error);
                            }
                            #[cfg(feature = "log")]
                            self.log_reset(error, is_poll);
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    /// Logs that a reset failed. A poll of a reset that goes on is not a failure.
    #[cfg(feature = "log")]
    #[inline(never)]
    fn log_reset(&self, error: SetupError, is_poll: bool) {
        if !is_poll || error == SetupError::Gone {
            self.log_error(BalloonError::of_reset(error));
        }
    }

    /// Requests the reset again after the polls 1, 2, 4, 8 and so on of an earlier request: the device may have missed or refused
    /// that one. A device that starts again with each request gets more time after each.
    #[cold]
    #[inline(never)]
    fn request_reset_if_due(&mut self, error: SetupError) {
        self.counters.reset_polls = self.counters.reset_polls.wrapping_add(1);
        if error != SetupError::Gone && self.counters.reset_polls.is_power_of_two() {
            self.request_reset_again();
        }
    }

    /// Requests a reset again that has not finished.
    pub(crate) fn request_reset_again(&mut self) {
        if let Connection::Ending(device) = &mut self.connection {
            device.request_again();
        }
    }

    /// Resets a device that is in use, and returns nothing.
    ///
    /// # Errors
    ///
    /// The reset did not finish, or a call of the transport panicked in an earlier one.
    pub(crate) fn stop(&mut self, wait: &mut WaitFn<'_>) -> Result<(), BalloonError> {
        self.inflate.close();
        self.deflate.close();
        self.end_device(Some(wait)).map_err(BalloonError::of_reset)?;
        self.idle()
    }

    /// Takes the proof that a device is reset which can no longer access memory.
    ///
    /// # Safety
    ///
    /// The device does not access memory any more.
    pub(crate) unsafe fn assume_reset(&mut self) {
        self.close();
        if let Some(device) = self.connection.take_ending() {
            // SAFETY: by the caller's promise.
            let (transport, proof) = unsafe { device.assume_reset() };
            self.connection = Connection::Idle(transport);
            self.ended = Some(proof);
            log_at!(warn, "balloon: the device cannot access memory any more, and was not reset");
        }
    }

    /// Returns the frames of the balloon and the memory of the page queues to the kernel, if the device was reset.
    #[inline(never)]
    pub(crate) fn return_everything(&mut self) {
        // The proof stays until everything is returned: a call of the kernel that panics can be followed by another one.
        if self.ended.is_none() {
            return;
        }
        log_at!(info, "balloon: {} frames go back to the kernel", self.bitmap.count());
        self.end_blocks();
        self.return_all_frames();
        self.counters.empty();
        if let Some(proof) = &self.ended {
            self.inflate.slot.release(proof, &mut self.platform);
            self.deflate.slot.release(proof, &mut self.platform);
            if let Some(parked) = self.parked.take() {
                // The proof matches the queues, so `release` cannot fail.
                let _ = parked.release(proof, &mut self.platform);
            }
        }
    }

    /// Returns every frame of the balloon to the kernel, and those that the driver had in a call that panicked. If the kernel panics,
    /// only the run is lost that it was given.
    fn return_all_frames(&mut self) {
        let Self { bitmap, loose, platform, poison, .. } = self;
        loose.keep_none();
        while let Some(run) = loose.pop() {
            let mark = loose.record(run);
            fill::<C>(platform, *poison, run);
            loose.forget(mark);
            return_unclaimed(bitmap, loose, platform, run.into_frames());
        }
        // A call returns up to 2^32 frames.
        while self.return_frames(0, u32::MAX) > 0 {}
    }
}
