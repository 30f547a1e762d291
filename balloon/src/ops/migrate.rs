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
/// `S` is the state of the balloon, [`Ready`](crate::Ready) or [`Split`](crate::Split):
///
/// ```
/// use aerostat_balloon::error::Rejected;
/// use aerostat_balloon::ops::Migration;
/// use aerostat_balloon::{Balloon, FrameRun, LiveState, Size4KiB};
///
/// type Run = FrameRun<Size4KiB>;
///
/// fn start<S>(balloon: &mut Balloon<S>, old: u64, new: Run) -> Result<Migration<'_, S>, Rejected<Run>>
/// where
///     S: LiveState<Platform: aerostat_balloon::Frames<Size = Size4KiB>>,
/// {
///     balloon.migrate(old, new)
/// }
/// ```
pub type Migration<'a, S> = Operation<'a, S, Migrate>;

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
