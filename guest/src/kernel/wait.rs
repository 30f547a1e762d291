//! Waiting for a device, for the blocking calls of the drivers.

use core::ops::ControlFlow;
use core::time::Duration;

use aerostat_balloon::transport::Wait;

use super::alarm::Alarm;
use super::idle;

/// How long a device may make no progress.
const LIMIT: Duration = Duration::from_secs(10);

/// Sleeps until an interrupt between two checks of the device. Gives up after ten seconds without progress.
#[derive(Debug, Default)]
pub(crate) struct Sleep {
    limit: Alarm,
}

impl Wait for Sleep {
    fn wait(&mut self, attempt: u32) -> ControlFlow<()> {
        if attempt == 0 {
            self.limit.set(LIMIT);
        }
        if self.limit.expired() {
            return ControlFlow::Break(());
        }
        idle::wait();
        ControlFlow::Continue(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // An interrupt that ended the sleep may have been for another part of the kernel.
        idle::wake();
    }
}
