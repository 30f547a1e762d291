//! A step of a queue that passes blocks of free memory to the device: free page reporting or hinting.

use aerostat_spec::balloon::config;
use aerostat_transport::{Config, ConfigIo, InUse, Notifier, VirtQueue};

use super::live_flag::LiveFlag;
use super::progress::Progress;
use super::slot::Slot;
use crate::error::BalloonError;

/// The configuration space of a live device.
pub(super) type LiveConfig<C> = Config<C, config::Space, InUse>;

/// Checks that the balloon has not reset the device, and that the device works, by one read of its status.
///
/// # Errors
///
/// [`BalloonError::NotLive`], [`BalloonError::Device`].
pub(super) fn check<C: ConfigIo>(live: &LiveFlag, config: Option<&LiveConfig<C>>) -> Result<(), BalloonError> {
    live.check()?;
    let checked = config.ok_or(BalloonError::NotLive)?.check();
    // The balloon may have requested a reset between the two checks.
    checked.map_err(|error| live.check().err().unwrap_or(error.into()))
}

/// Reclaims what the device has used, sends more, and notifies the device of what was sent.
///
/// # Errors
///
/// The error of `reclaim` or `send`. The device is notified of what was sent before the error.
pub(super) fn step<Q, P, N: Notifier, const SIZE: usize>(
    queue: &mut Q,
    slot: impl Fn(&mut Q) -> &mut Slot<VirtQueue<N, SIZE>>,
    platform: &mut P,
    reclaim: impl FnOnce(&mut Q, &mut P) -> Result<(), BalloonError>,
    send: impl FnOnce(&mut Q, &mut P) -> Result<(), BalloonError>,
) -> Result<Progress, BalloonError> {
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
