//! Moves on a live balloon, whole or split.

use aerostat_balloon::spec::balloon::feature;
use aerostat_balloon::{Balloon, BalloonError, FrameSize, Frames, LiveState, PendingDeflation};
use aerostat_device::{Ledger, TestPlatform};

use super::declared::Declared;
use super::moves::{OnBalloon, Then};
use crate::common::Bus;

/// Makes one move. What a balloon declines is no error.
pub(super) fn touch<S, L, B>(balloon: &mut Balloon<B>, ledger: &Ledger, it: OnBalloon) -> Result<(), BalloonError>
where
    S: FrameSize,
    L: Declared,
    B: LiveState<Transport = Bus, Platform = TestPlatform<S>, FeaturePair = L::FeaturePair>,
{
    match it {
        OnBalloon::Service => drop(balloon.service()?),
        OnBalloon::Retry => drop(balloon.retry()?),
        OnBalloon::Drain => drop(balloon.drain()?),
        OnBalloon::Inflate { frames, polls } => {
            let mut inflation = balloon.inflate(frames)?;
            for _ in 0..polls {
                if inflation.poll()?.is_ready() {
                    break;
                }
            }
        }
        OnBalloon::InflateWith { frames } => {
            let Some(run) = balloon.platform_mut().allocate(frames) else { return Ok(()) };
            if let Err(rejected) = balloon.inflate_with(run) {
                balloon.platform_mut().deallocate(rejected.run);
                return declined_is_fine(rejected.error);
            }
        }
        OnBalloon::Deflate { frames, then } => return let_go::<L, B>(balloon.deflate(frames)?, then),
        OnBalloon::Relieve { then } => {
            let (offered, lent) = (balloon.accepted().has(feature::DeflateOnOom), ledger.lent_frames().len());
            let picked = balloon.deflate_on_oom();
            assert_eq!(picked.is_some(), offered, "there is relief where it was negotiated");
            if let Some(picked) = picked {
                assert!(picked.frames() as usize <= lent, "relief gives no more than there is");
                return let_go::<L, B>(picked, then);
            }
        }
        OnBalloon::Migrate { of, others, polls } => return migrate::<S, L, B>(balloon, ledger, of, others, polls),
    }
    Ok(())
}

fn let_go<L: Declared, B: LiveState<FeaturePair = L::FeaturePair>>(
    picked: PendingDeflation<'_, B>,
    then: Then,
) -> Result<(), BalloonError> {
    match then {
        Then::Tell { polls } => {
            let mut deflation = picked.tell_host();
            for _ in 0..polls {
                if deflation.poll()?.is_ready() {
                    break;
                }
            }
            Ok(())
        }
        Then::UseNow => L::release_early(picked).map(drop).or_else(declined_is_fine),
        Then::Nothing => Ok(()),
    }
}

fn migrate<S, L, B>(
    balloon: &mut Balloon<B>,
    ledger: &Ledger,
    of: Option<u16>,
    others: u32,
    polls: u8,
) -> Result<(), BalloonError>
where
    S: FrameSize,
    L: Declared,
    B: LiveState<Transport = Bus, Platform = TestPlatform<S>, FeaturePair = L::FeaturePair>,
{
    let lent = ledger.lent_frames();
    let old = of.and_then(|of| lent.iter().nth(usize::from(of) % lent.len().max(1))).copied();
    let Some(new) = balloon.platform_mut().allocate(others) else { return Ok(()) };
    let before = balloon.migrated();
    // A frame that nobody has lent is in no balloon.
    match balloon.migrate(old.unwrap_or(u64::MAX), new) {
        Ok(mut migration) => {
            assert!(old.is_some(), "only a frame of the balloon is exchanged");
            let mut done = false;
            for _ in 0..polls {
                if migration.poll()?.is_ready() {
                    done = true;
                    break;
                }
            }
            assert_eq!(balloon.migrated() - before, u64::from(done), "exchanges are counted when they are done");
            Ok(())
        }
        Err(rejected) => {
            balloon.platform_mut().deallocate(rejected.run);
            declined_is_fine(rejected.error)
        }
    }
}

fn declined_is_fine(error: BalloonError) -> Result<(), BalloonError> {
    use BalloonError::{BeyondTarget, Busy, NotInBalloon, NotOne};
    match error {
        Busy | BeyondTarget | NotInBalloon { .. } | NotOne => Ok(()),
        error => Err(error),
    }
}
