//! The state of the balloon, and what all of its operations use.

use core::fmt::{self, Debug, Formatter};
use core::mem::swap;

use aerostat_spec::Field;
use aerostat_spec::balloon::config;
use aerostat_transport::{ConfigError, DeviceError, ParkedQueues, ResetProof, Transport};

use super::backoff::OomBackoff;
use super::connection::Connection;
use super::holding::Holding;
use crate::error::{BalloonError, FrameError};
use crate::features::feature::{BlockInflation, IfDeclared};
use crate::features::{NotifierOf, SizeOf, Types};
use crate::frames::{FrameBitmap, LooseFrames, Run};
use crate::messages::LastError;
use crate::options::Options;
use crate::platform::{Frames, ManagedChange};
use crate::queues::{ArrayContents, PageQueue};
use crate::units::{FrameRun, FrameSize, Pages};

/// Attempts to read the target for a message. The legacy interface needs two, because it has no generation count.
const PEEK_ATTEMPTS: u32 = 2;

/// The number of frames that arrays were filled with, and whether there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Frames that arrays name now.
    pub(crate) frames: u32,
    /// Whether there may be more frames.
    pub(crate) supply: Supply,
}

/// Whether there are more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// There may be more.
    More,
    /// The kernel or the bitmap has no more now.
    Exhausted,
    /// The kernel has no more beyond its reserve.
    AtReserve,
    /// The kernel has no more that the balloon can take.
    Unusable(FrameError),
}

/// The balloon itself, without statistics, reporting and hinting.
pub struct Core<C: Types> {
    pub(crate) connection: Connection<C>,
    pub(crate) interrupt: <C::Transport as Transport>::Interrupt,
    pub(crate) platform: C::Platform,
    pub(crate) options: Options<C::Features>,
    pub(crate) inflate: PageQueue<NotifierOf<C>>,
    pub(crate) deflate: PageQueue<NotifierOf<C>>,
    pub(crate) bitmap: FrameBitmap,
    /// Frames that are in no bitmap.
    pub(crate) loose: LooseFrames,
    /// Free frames that the balloon leaves to the kernel.
    pub(crate) reserve: u64,
    /// The value of the kernel's free memory, if PAGE_POISON was negotiated.
    pub(crate) poison: Option<u32>,
    /// Whether the kernel's count of managed pages follows the balloon. With DEFLATE_ON_OOM the kernel can have ballooned
    /// memory back at any time, so it still counts as the kernel's.
    pub(crate) counts_managed: bool,
    pub(crate) counters: Counters,
    pub(crate) backoff: OomBackoff,
    pub(crate) plan: Plan,
    /// The queues that the driver does not use, and that the device wants to be set up.
    pub(crate) parked: Option<ParkedQueues>,
    /// The proof that the device was reset, until everything that it had was returned.
    pub(crate) ended: Option<ResetProof>,
    /// Block inflation, where it is declared.
    pub(crate) holding: IfDeclared<C::Features, BlockInflation, Holding>,
}

/// How the device is set up: what earlier attempts have shown to be necessary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The queues that the driver does not use are set up too.
    pub(crate) parks_queues: bool,
    /// The device does not take the poison value.
    pub(crate) rejects_poison: bool,
    /// The device could not work with its queues, and has not finished its reset since.
    pub(crate) failed_activation: bool,
}

/// Counters of frames and arrays, and the position of the search for frames to deflate.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Frames that the device has acknowledged to be in the balloon.
    pub(super) size: u64,
    /// The last value of `actual`.
    pub(super) reported: Pages,
    /// Frames of the bitmap that arrays in the deflate queue name.
    pub(super) deflating: u64,
    /// Frames among these that are migrated. They are anywhere in the bitmap, not before the cursor.
    pub(super) migrating: u64,
    /// Frame number from which the search for frames to deflate continues.
    pub(super) cursor: u64,
    /// Number of arrays that the device has returned since the start of the driver. Wraps; a change means progress.
    pub(crate) acknowledged: u32,
    /// Number of frames that were migrated since the start of the driver.
    pub(crate) migrated: u64,
    /// Polls of a reset that an earlier call has requested. Wraps.
    pub(super) reset_polls: u32,
    /// The error of the page queues, or of a reset, that was logged last.
    pub(crate) errors: LastError,
    /// The error of a probe that was logged last.
    pub(crate) probe_errors: LastError,
    /// Whether it was logged that the kernel has no frames, since it last had some.
    #[cfg(feature = "log")]
    pub(super) logged_exhausted: bool,
    /// What was logged last, so that it is not repeated.
    #[cfg(feature = "log")]
    pub(super) logged: Logged,
}

/// The last log messages.
#[cfg(feature = "log")]
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    target: Option<Pages>,
}

impl Counters {
    /// Returns the counters of a new balloon.
    pub(crate) const fn new() -> Self {
        Self {
            size: 0,
            reported: Pages(0),
            deflating: 0,
            migrating: 0,
            cursor: 0,
            acknowledged: 0,
            migrated: 0,
            reset_polls: 0,
            errors: LastError::new(),
            probe_errors: LastError::new(),
            #[cfg(feature = "log")]
            logged_exhausted: false,
            #[cfg(feature = "log")]
            logged: Logged { target: None },
        }
    }

    /// Sets the counters to those of an empty balloon.
    pub(crate) fn empty(&mut self) {
        let mut empty = Self { acknowledged: self.acknowledged, migrated: self.migrated, ..Self::new() };
        swap(&mut empty.probe_errors, &mut self.probe_errors);
        *self = empty;
    }

    /// Sets the counters to those of an empty balloon whose `actual` reads `reported`.
    pub(crate) fn start(&mut self, reported: Pages) {
        self.empty();
        self.reported = reported;
    }
}

impl<C: Types> Core<C> {
    /// Entries of an array that a frame takes.
    pub(crate) const FRAME_ENTRIES: u32 = <SizeOf<C> as FrameSize>::PAGES;

    /// Returns the number of frames that are in the balloon, or will be when the device has answered.
    pub(crate) fn held(&self) -> u64 {
        self.bitmap.count().saturating_sub(self.counters.deflating)
    }

    /// Returns the size that the device has acknowledged.
    pub(crate) fn size(&self) -> Pages {
        let pages = self.counters.size.saturating_mul(Self::FRAME_ENTRIES.into());
        Pages(u32::try_from(pages).unwrap_or(u32::MAX))
    }

    /// Reads the size that the host wants.
    pub(crate) fn target(&self) -> Result<Pages, BalloonError> {
        let target = self.read_target();
        if let Err(error) = target {
            self.log_error(error);
        }
        target
    }

    fn read_target(&self) -> Result<Pages, BalloonError> {
        Ok(Pages(self.connection.live()?.config.read(config::NumPages)?))
    }

    /// Reads the target for a message, by at most 6 register accesses, because the configuration may change all the time. Logs
    /// nothing: the message may be one for the log.
    fn peek_target(&self) -> Result<Pages, BalloonError> {
        self.check_device()?;
        let mut attempts = 0;
        let target = self.connection.live()?.config.snapshot(|space| {
            if attempts == PEEK_ATTEMPTS {
                return Err(ConfigError::Unstable { field: config::NumPages::NAME, attempts });
            }
            attempts += 1;
            space.read(config::NumPages)
        });
        Ok(Pages(target?))
    }

    /// Reads the target in frames of the kernel.
    pub(crate) fn target_frames(&self) -> Result<u64, BalloonError> {
        Ok(self.target()?.frames::<SizeOf<C>>().into())
    }

    /// Reads the status, and checks that the device is live and works.
    pub(crate) fn check(&self) -> Result<(), BalloonError> {
        self.check_device().inspect_err(|error| self.log_error(*error))
    }

    fn check_device(&self) -> Result<(), BalloonError> {
        Ok(self.connection.live()?.device.check()?)
    }

    /// Returns an error unless the device is reset and not in use.
    pub(crate) fn idle(&self) -> Result<(), BalloonError> {
        match self.connection {
            Connection::Idle(_) => Ok(()),
            _ => Err(BalloonError::TransportLost),
        }
    }

    /// Returns the number of arrays and blocks that the device has.
    pub(crate) fn in_flight(&self) -> usize {
        self.inflate.in_flight().saturating_add(self.deflate.in_flight()).saturating_add(self.blocks_in_flight())
    }

    /// Checks the device, and notifies it again of the arrays that it has.
    pub(crate) fn notify_again(&mut self) -> Result<(), BalloonError> {
        self.check()?;
        self.inflate.notify_again();
        self.deflate.notify_again();
        Ok(())
    }

    /// Checks the device, reclaims all arrays that it has used, and writes the resulting size to `actual`.
    pub(crate) fn reap(&mut self) -> Result<(), BalloonError> {
        let reaped = self.check().and_then(|()| Ok(self.pop_used()?)).and_then(|()| self.write_actual());
        if let Err(error) = reaped {
            self.log_error(error);
        }
        reaped
    }

    /// Calls `work`. If it panics, the balloon keeps the run until it is reset.
    ///
    /// # Errors
    ///
    /// [`BalloonError::TooManyPanics`], or that of `work`.
    pub(crate) fn keeping<R>(
        &mut self,
        run: &FrameRun<SizeOf<C>>,
        work: impl FnOnce(&mut Self) -> Result<R, BalloonError>,
    ) -> Result<R, BalloonError> {
        self.loose.check_space()?;
        let mark = self.loose.record(Run::of(run));
        let result = work(self);
        self.loose.forget(mark);
        result
    }

    /// Reclaims all arrays that the device has used.
    pub(super) fn pop_used(&mut self) -> Result<(), DeviceError> {
        let counters = &mut self.counters;
        self.inflate.pop_all(|array| {
            counters.acknowledged = counters.acknowledged.wrapping_add(1);
            if let ArrayContents::Inflating(frames) = array {
                counters.size = counters.size.saturating_add(frames.into());
            }
        })?;
        while let Some(array) = self.deflate.pop()? {
            self.counters.acknowledged = self.counters.acknowledged.wrapping_add(1);
            self.finish_deflation(array);
        }
        self.count_blocks();
        Ok(())
    }

    /// Returns the frames that an acknowledged deflate array names to the kernel.
    pub(super) fn finish_deflation(&mut self, array: ArrayContents) {
        let counters = &mut self.counters;
        match array {
            ArrayContents::Deflating { first, frames } => {
                counters.size = counters.size.saturating_sub(frames.into());
                counters.deflating = counters.deflating.saturating_sub(frames.into());
                self.return_frames(first, frames);
            }
            ArrayContents::Migrating(frame) => {
                counters.size = counters.size.saturating_sub(1);
                counters.deflating = counters.deflating.saturating_sub(1);
                counters.migrating = counters.migrating.saturating_sub(1);
                self.return_frames(frame, 1);
            }
            ArrayContents::Released(frames) => counters.size = counters.size.saturating_sub(frames.into()),
            ArrayContents::Inflating(_) | ArrayContents::None => {}
        }
    }

    pub(super) fn write_actual(&mut self) -> Result<(), BalloonError> {
        let size = self.size();
        if size != self.counters.reported {
            self.connection.live()?.config.write(config::Actual, size.0)?;
            self.counters.reported = size;
        }
        Ok(())
    }

    /// Tells the kernel that frames entered or left the balloon.
    pub(crate) fn adjust_managed(&mut self, change: ManagedChange) {
        if self.counts_managed {
            self.platform.adjust_managed(change);
        }
    }

    /// Logs an error of the page queues or of a reset, once until it changes.
    #[inline(always)]
    pub(crate) fn log_error(&self, error: BalloonError) {
        self.counters.errors.log::<()>("", &Err(error));
    }

    /// Logs a new target: the first one since the probe at a level that is shown by default.
    pub(crate) fn log_target(&mut self, _target: Pages) {
        #[cfg(feature = "log")]
        match self.counters.logged.target.replace(_target) {
            None => log::info!("balloon: the first target is {_target}"),
            Some(before) if before != _target => log::debug!("balloon: the target is {_target}"),
            Some(_) => {}
        }
    }

    /// Logs that the kernel has no frames for the balloon, once until it has some again.
    pub(crate) fn log_exhausted(&mut self, _target: u64, _supply: Supply) {
        #[cfg(feature = "log")]
        if !core::mem::replace(&mut self.counters.logged_exhausted, true) {
            let held = self.held();
            match _supply {
                Supply::AtReserve => {
                    log::info!("balloon: at the reserve at {held} of {_target} frames; trying again later");
                }
                Supply::Unusable(error) => {
                    log::warn!(
                        "balloon: out of frames at {held} of {_target} frames, and others were rejected: {error}"
                    );
                }
                Supply::More | Supply::Exhausted => {
                    log::info!("balloon: out of frames at {held} of {_target} frames; trying again later");
                }
            }
        }
    }

    /// Returns the error for a queue that has not answered. It may still answer later.
    pub(crate) fn no_answer(&self) -> BalloonError {
        let silent = if self.inflate.is_busy() { &self.inflate } else { &self.deflate };
        let error = match self.silent_reporting().filter(|_| !silent.is_busy()).or(silent.slot.index()) {
            Some(queue) => DeviceError::NoAnswer { queue }.into(),
            None => BalloonError::NotLive,
        };
        self.log_error(error);
        error
    }
}

impl<C: Types> Debug for Core<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut core = f.debug_struct("Core");
        core.field("device", &self.connection);
        if let Connection::Live(_) = self.connection {
            core.field("target", &self.peek_target());
        }
        core.field("size", &self.size())
            .field("actual", &self.counters.reported)
            .field("frames", &self.bitmap.count())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
