//! Operations on a live balloon, split or not.

use aerostat_balloon::ops::{Pause, PendingDeflation};
use aerostat_balloon::{Balloon, BalloonError, FrameSize, Frames, LiveState, Platform, Step, feature};
use aerostat_device::{Ledger, TestPlatform};

use crate::declarations::Declaration;
use crate::moves::{Operation, Then};

/// Calls one operation. A rejection is not an error. `pause` is the last pause of the balloon.
pub(crate) fn operate<S, F, B>(
    balloon: &mut Balloon<B>,
    ledger: &Ledger,
    pause: &mut Option<Pause>,
    operation: Operation,
) -> Result<(), BalloonError>
where
    S: FrameSize,
    F: Declaration,
    B: LiveState<Platform = TestPlatform<S>, Features = F>,
    TestPlatform<S>: Platform<F>,
{
    match operation {
        Operation::Service => note(balloon.service()?, pause),
        Operation::Retry => {
            if let Some(last) = *pause {
                note(balloon.retry(last)?, pause);
            }
        }
        Operation::Drain => note(balloon.drain()?, pause),
        Operation::Inflate { frames, polls } => {
            let mut inflation = balloon.inflate(frames)?;
            for _ in 0..polls {
                if inflation.poll()?.is_ready() {
                    break;
                }
            }
        }
        Operation::InflateWith { frames } => {
            let Some(run) = balloon.platform().share().allocate(frames) else { return Ok(()) };
            if let Err(rejected) = balloon.inflate_with(run) {
                balloon.platform().share().deallocate(rejected.run.unwrap());
                return unless_rejection(rejected.error);
            }
        }
        Operation::Deflate { frames, then } => return finish::<S, F, B>(balloon.deflate(frames)?, then),
        Operation::DeflateOnOom { then } => {
            let allocated = ledger.allocated_frames().len();
            let is_live = balloon.accepted().is_some();
            let is_negotiated = balloon.accepted().is_some_and(|accepted| accepted.has(feature::DeflateOnOom));
            let pending = F::deflate_on_oom::<S, B>(balloon);
            assert!(!is_live || pending.is_some() == is_negotiated, "deflate_on_oom exists if it was negotiated");
            if let Some(pending) = pending {
                assert!(pending.frames() as usize <= allocated, "deflate_on_oom returns at most all frames");
                return finish::<S, F, B>(pending, then);
            }
        }
        Operation::Migrate { old, frames, polls } => return migrate::<S, F, B>(balloon, ledger, old, frames, polls),
    }
    Ok(())
}

fn note(step: Step, pause: &mut Option<Pause>) {
    if let Step::Paused(new) = step {
        *pause = Some(new);
    }
}

fn finish<S, F, B>(pending: PendingDeflation<'_, B>, then: Then) -> Result<(), BalloonError>
where
    S: FrameSize,
    F: Declaration,
    B: LiveState<Platform = TestPlatform<S>, Features = F>,
    TestPlatform<S>: Platform<F>,
{
    match then {
        Then::TellHost { polls } => {
            let mut deflation = pending.tell_host();
            for _ in 0..polls {
                if deflation.poll()?.is_ready() {
                    break;
                }
            }
            Ok(())
        }
        Then::ReleaseEarly => F::release_early::<S, B>(pending).map(drop).or_else(unless_rejection),
        Then::Drop => Ok(()),
    }
}

fn migrate<S, F, B>(
    balloon: &mut Balloon<B>,
    ledger: &Ledger,
    old: Option<u16>,
    frames: u32,
    polls: u8,
) -> Result<(), BalloonError>
where
    S: FrameSize,
    F: Declaration,
    B: LiveState<Platform = TestPlatform<S>, Features = F>,
    TestPlatform<S>: Platform<F>,
{
    let allocated = ledger.allocated_frames();
    let old = old.and_then(|old| allocated.iter().nth(usize::from(old) % allocated.len().max(1))).copied();
    let Some(new) = balloon.platform().share().allocate(frames) else { return Ok(()) };
    let before = balloon.migrated();
    // A frame that the driver does not have is not in the balloon.
    match balloon.migrate(old.unwrap_or(u64::MAX), new) {
        Ok(mut migration) => {
            assert!(old.is_some(), "only a ballooned frame is migrated");
            let mut is_done = false;
            for _ in 0..polls {
                if migration.poll()?.is_ready() {
                    is_done = true;
                    break;
                }
            }
            assert_eq!(balloon.migrated() - before, u64::from(is_done), "finished migrations are counted");
            Ok(())
        }
        Err(rejected) => {
            balloon.platform().share().deallocate(rejected.run.unwrap());
            unless_rejection(rejected.error)
        }
    }
}

/// Returns the error, unless it is a reason for which a balloon that works rejects an operation.
fn unless_rejection(error: BalloonError) -> Result<(), BalloonError> {
    use BalloonError::{BeyondTarget, Busy, NotInBalloon, NotOneFrame};
    match error {
        Busy | BeyondTarget | NotInBalloon { .. } | NotOneFrame { .. } => Ok(()),
        error => Err(error),
    }
}
