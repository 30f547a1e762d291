//! A step of a queue that passes blocks of free memory to the device: free page reporting or hinting.

use aerostat_transport::{Notifier, VirtQueue};

use super::live_flag::LiveFlag;
use super::progress::Progress;
use super::slot::Slot;
use crate::error::BalloonError;

/// Reclaims what the device has used, sends more, and notifies the device of what was sent.
///
/// # Errors
///
/// The error of `reclaim` or `send`. The device is notified of what was sent before the error.
pub(super) fn step<Q, P, N: Notifier, const SIZE: usize>(
    queue: &mut Q,
    slot: impl Fn(&mut Q) -> &mut Slot<VirtQueue<N, SIZE>>,
    platform: &mut P,
    live: &LiveFlag,
    reclaim: impl FnOnce(&mut Q, &mut P) -> Result<(), BalloonError>,
    send: impl FnOnce(&mut Q, &mut P) -> Result<(), BalloonError>,
) -> Result<Progress, BalloonError> {
    live.check()?;
    reclaim(queue, platform)?;
    let before = slot(queue).live()?.0.in_flight();
    let sent = send(queue, platform);
    let (queue, live_proof) = slot(queue).live()?;
    let in_flight = queue.in_flight();
    if in_flight > before {
        queue.notify_live(live_proof);
    }
    sent?;
    Ok(if in_flight > 0 { Progress::Waiting } else { Progress::Idle })
}
