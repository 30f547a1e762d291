//! The end of a live balloon: the device is reset, and everything that it had goes back to the kernel.

use aerostat_transport::{ResetProof, SetupError};

use super::connection::Connection;
use super::state::{Core, Counters};
use crate::features::Types;
use crate::units::Pages;

/// Whether to wait for the end of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// Wait, within a limit.
    Waiting,
    /// Read the status only once.
    AtOnce,
}

impl<C: Types> Core<C> {
    /// Resets the device, and returns the frames of the balloon and the memory of the page queues to the kernel. Returns
    /// `None` if the device is not live.
    ///
    /// # Errors
    ///
    /// The reset did not finish. The device keeps everything, and only another reset may be tried.
    #[inline(never)]
    pub(crate) fn reset(&mut self, how: Reset) -> Result<Option<ResetProof>, SetupError> {
        self.inflate.close();
        self.deflate.close();
        let Some(proof) = self.reset_device(how)? else { return Ok(None) };
        while self.return_frames(0, u32::MAX) > 0 {}
        self.counters = Counters { migrated: self.counters.migrated, ..Counters::starting(Pages(0)) };
        self.inflate.slot.release(&proof, &mut self.platform);
        self.deflate.slot.release(&proof, &mut self.platform);
        Ok(Some(proof))
    }

    #[inline(never)]
    fn reset_device(&mut self, how: Reset) -> Result<Option<ResetProof>, SetupError> {
        let Some(device) = self.connection.take_live() else { return Ok(None) };
        let reset = match how {
            Reset::Waiting => device.reset(),
            Reset::AtOnce => device.reset_at_once(),
        };
        match reset {
            Ok((transport, proof)) => {
                self.connection = Connection::Idle(transport);
                Ok(Some(proof))
            }
            Err((device, error)) => {
                self.connection = Connection::of(device);
                Err(error)
            }
        }
    }
}
