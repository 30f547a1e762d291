//! The reset of a device.

use crate::barrier::dma_mb;
use crate::bus::{Status, Transport};
use crate::device::error::SetupError;

/// Reads of a status after which a reset must have finished.
pub(super) const RESET_READS: u32 = 1_000_000;

/// Resets the device, and reads its status once and then up to `reads` times more until it reads 0.
pub(super) fn reset(transport: &mut impl Transport, reads: u32) -> Result<(), SetupError> {
    transport.set_status(Status::RESET);
    let mut status = transport.status();
    for _ in 0..reads {
        if status == Status::RESET {
            break;
        }
        core::hint::spin_loop();
        status = transport.status();
    }
    // Orders the end of the reset before any access to memory that the device had.
    dma_mb();
    if status == Status::RESET { Ok(()) } else { Err(SetupError::ResetUnfinished { status: status.0 }) }
}
