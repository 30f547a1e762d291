//! The end of the use of a device: it is reset, and everything that it had goes back to the kernel.

use core::ops::ControlFlow;

use aerostat_transport::{ResetProof, SetupError};

use super::connection::{Connection, EndingDevice};
use super::deflate::return_run;
use super::state::Core;
use crate::features::Types;
use crate::platform::ManagedChange;

/// A call of the kernel's [`Wait`](aerostat_transport::Wait). It is not generic, so that what waits is compiled once.
pub(crate) type WaitFn<'a> = dyn FnMut(u32) -> ControlFlow<()> + 'a;

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

    #[inline(never)]
    fn end_device(&mut self, wait: Option<&mut WaitFn<'_>>) -> Result<(), SetupError> {
        let was_ending = matches!(self.connection, Connection::Ending(_));
        let Some(device) = self.connection.take_ending() else { return Ok(()) };
        let reset = match wait {
            None => device.poll(),
            Some(wait) if was_ending => continue_reset::<C>(device, wait),
            Some(mut wait) => device.wait(&mut wait),
        };
        match reset {
            Ok((transport, proof)) => {
                self.connection = Connection::Idle(transport);
                self.ended = Some(proof);
                Ok(())
            }
            Err((device, error)) => {
                self.connection = Connection::Ending(device);
                Err(error)
            }
        }
    }

    /// Requests a reset again that has not finished.
    pub(crate) fn request_reset_again(&mut self) {
        if let Connection::Ending(device) = &mut self.connection {
            device.request_again();
        }
    }

    /// Resets a device that is in use, and returns nothing.
    pub(crate) fn stop(&mut self, wait: &mut WaitFn<'_>) -> Result<(), SetupError> {
        self.inflate.close();
        self.deflate.close();
        self.end_device(Some(wait))
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
        }
    }

    /// Returns the frames of the balloon and the memory of the page queues to the kernel, if the device was reset.
    #[inline(never)]
    pub(crate) fn return_everything(&mut self) {
        // The proof stays until everything is returned: a call of the kernel that panics can be followed by another one.
        if self.ended.is_none() {
            return;
        }
        log_at!(info, "balloon: the device is reset, {} frames go back to the kernel", self.bitmap.count());
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

    /// Returns every frame of the balloon to the kernel. A run is removed from the bitmap right before it goes back, so that a
    /// panic of the kernel loses no other frame.
    fn return_all_frames(&mut self) {
        let (mut from, mut returned) = (0, 0_u32);
        while self.bitmap.count() > 0 {
            let Some(run) = self.bitmap.next_run(from, u32::MAX) else {
                if from == 0 {
                    break;
                }
                from = 0;
                continue;
            };
            self.bitmap.clear_run(run);
            from = run.first.saturating_add(run.count.into());
            returned = returned.saturating_add(run.count);
            return_run::<C>(&mut self.platform, self.poison, run);
        }
        if returned > 0 {
            self.adjust_managed(ManagedChange::Added(returned));
        }
    }
}

/// Goes on with the reset that an earlier call requested. Requests it again if it has not finished: the device may have missed or
/// refused the request.
fn continue_reset<C: Types>(
    device: EndingDevice<C>,
    mut wait: &mut WaitFn<'_>,
) -> Result<(C::Transport, ResetProof), (EndingDevice<C>, SetupError)> {
    match device.poll() {
        Err((mut device, SetupError::ResetUnfinished { .. })) => {
            device.request_again();
            device.wait(&mut wait)
        }
        done => done,
    }
}
