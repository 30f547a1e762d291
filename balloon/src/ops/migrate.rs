//! Migration of a single frame, for memory compaction.

use core::task::Poll;

use super::operation::{Kind, Operation, sealed};
use crate::core::Core;
use crate::error::BalloonError;
use crate::features::Types;

/// A migration in progress: it replaces one ballooned frame with another, for memory compaction.
///
/// The new frame is sent to the host first, then the old one. If the migration is dropped, both frames are in the
/// balloon, or the old one goes back to the kernel when the host acknowledges it.
///
/// The type `C` is [`LiveState::Types`](crate::LiveState::Types) of the state of the balloon:
///
/// ```
/// use aerostat_balloon::transport::Transport;
/// use aerostat_balloon::{Balloon, BalloonFeatureSet, FrameRun, LiveState, Migration, Platform, Ready, Rejected};
///
/// type TypesOf<T, P, F> = <Ready<T, P, F> as LiveState>::Types;
///
/// fn start<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(
///     balloon: &mut Balloon<Ready<T, P, F>>,
///     old: u64,
///     new: FrameRun<P::Size>,
/// ) -> Result<Migration<'_, TypesOf<T, P, F>>, Rejected<FrameRun<P::Size>>> {
///     balloon.migrate(old, new)
/// }
/// ```
pub type Migration<'a, C> = Operation<'a, C, Migrate>;

/// The kind of a [`Migration`].
#[derive(Debug)]
pub struct Migrate {
    old: u64,
    stage: Stage,
}

/// The stage of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The new frame enters the balloon.
    Inflating,
    /// The old frame leaves the balloon.
    Deflating,
}

impl Migrate {
    pub(crate) const fn new(old: u64) -> Self {
        Self { old, stage: Stage::Inflating }
    }
}

impl sealed::Sealed for Migrate {}

impl Kind for Migrate {
    type Output = ();

    fn advance<C: Types>(&mut self, core: &mut Core<C>) -> Result<Poll<()>, BalloonError> {
        core.reap()?;
        if self.stage == Stage::Inflating && !core.inflate.is_busy() {
            core.deflate_one(self.old)?;
            self.stage = Stage::Deflating;
        }
        if self.stage == Stage::Inflating || core.deflate.is_busy() {
            return Ok(Poll::Pending);
        }
        core.counters.migrated = core.counters.migrated.wrapping_add(1);
        Ok(Poll::Ready(()))
    }
}
