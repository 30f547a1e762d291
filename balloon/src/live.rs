//! The live balloon: its device, its queues, and the book of its frames.

use core::fmt::{self, Debug, Formatter};
use core::mem::take;

use aerostat_spec::balloon::{self, config, feature};
use aerostat_transport::queue::Enabled;
use aerostat_transport::{
    BufferQueue, Config, Device, DeviceError, Dma, InUse, Live, ResetProof, SetupError, Transport,
};

use crate::declare::{BalloonFeatureSet, Fill, Options};
use crate::frame::{FrameRun, FrameSize, Pages};
use crate::hold_off::HoldOff;
use crate::parts::Stop;
use crate::platform::{Frames, ManagedChange};
use crate::start::Started;
use crate::tracker::{Joined, Run, Tracker};

/// Arrays that a queue has room for.
pub(crate) const ARRAYS: usize = 16;
/// Page numbers in an array: some deployed devices reject longer ones.
pub(crate) const ENTRIES: usize = 256;
/// Bytes of a page number.
pub(crate) const ENTRY: usize = size_of::<u32>();

pub(crate) type Queue<T, S> = BufferQueue<<T as Transport>::Notifier, ARRAYS, S>;

/// The frames that an array with the device names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Sent {
    /// None: no such array is with the device.
    #[default]
    Nothing,
    /// So many frames enter the balloon.
    Entering(u32),
    /// The first `frames` frames of the book at or behind `first` leave the balloon once the device has acknowledged
    /// it.
    Leaving { first: u64, frames: u32 },
    /// This frame leaves the balloon in exchange for another.
    Exchanged(u64),
    /// So many frames have left the book already, and the device is told afterwards.
    Gone(u32),
}

/// When frames that leave the balloon go back to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// When the device has acknowledged it.
    Acknowledged,
    /// At once.
    AtOnce,
}

/// How far requests for frames came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Frames that arrays name now.
    pub(crate) frames: u32,
    /// Whether there were no more frames to be had.
    pub(crate) supply: Supply,
}

/// Whether there are more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// There may be.
    More,
    /// There are none now.
    Dry,
}

/// Whether the kernel hears of frames that come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accounting {
    On,
    Off,
}

/// What the balloon proper owns while its device is live.
pub struct Core<T: Transport, P, L> {
    pub(crate) device: Device<T, balloon::Device, Live<L>>,
    pub(crate) config: Config<T::Config, config::Space, InUse>,
    pub(crate) inflate: Queue<T, Enabled>,
    pub(crate) deflate: Queue<T, Enabled>,
    pub(crate) entering: [Sent; ARRAYS],
    pub(crate) leaving: [Sent; ARRAYS],
    pub(crate) tracker: Tracker,
    pub(crate) platform: P,
    pub(crate) options: Options<P>,
    /// How frames are filled before they go back to the kernel.
    pub(crate) poison: Option<Fill<P>>,
    /// Whether the kernel hears of frames that come and go.
    pub(crate) accounting: Accounting,
    pub(crate) hold_off: HoldOff,
    /// Frames that the device has acknowledged to be in the balloon.
    size: u64,
    /// What `actual` was set to last.
    told: Pages,
    /// Frames of the book that arrays with the device name for deflation.
    pub(crate) departing: u64,
    /// Of these, frames that are exchanged: they lie anywhere, and not in front of the cursor.
    pub(crate) exchanging: u64,
    /// Where the search for frames to deflate goes on.
    pub(crate) cursor: u64,
    /// Arrays that came back so far, to see progress by. Wraps.
    pub(crate) acknowledged: u32,
    /// Frames that were exchanged for others.
    pub(crate) migrated: u64,
    /// Whether it was logged that the kernel has no frames, since it last had some.
    #[cfg(feature = "log")]
    pub(crate) dry: bool,
}

impl<T: Transport, P: Dma + Frames, L: BalloonFeatureSet> Core<T, P, L> {
    pub(crate) const FRAME_ENTRIES: u32 = <P::Size as FrameSize>::PAGES;

    #[inline(never)]
    pub(crate) fn new(started: Started<T, L>, tracker: Tracker, platform: P, options: Options<P>) -> Self {
        let Started { device, inflate, deflate, told } = started;
        let accepted = device.accepted();
        let poison = if accepted.has(feature::PagePoison) { options.poison } else { None };
        let accounting = if accepted.has(feature::DeflateOnOom) { Accounting::Off } else { Accounting::On };
        Self {
            config: device.config(),
            device,
            inflate,
            deflate,
            entering: [Sent::Nothing; ARRAYS],
            leaving: [Sent::Nothing; ARRAYS],
            tracker,
            platform,
            poison,
            accounting,
            hold_off: HoldOff::new(options.hold_off),
            options,
            size: 0,
            told,
            departing: 0,
            exchanging: 0,
            cursor: 0,
            acknowledged: 0,
            migrated: 0,
            #[cfg(feature = "log")]
            dry: false,
        }
    }

    /// Frames that are in the balloon, or will be when the device has answered.
    pub(crate) fn held(&self) -> u64 {
        self.tracker.count().saturating_sub(self.departing)
    }

    /// What the device has acknowledged to be in the balloon.
    pub(crate) fn size(&self) -> Pages {
        let pages = self.size.saturating_mul(Self::FRAME_ENTRIES.into());
        Pages(u32::try_from(pages).unwrap_or(u32::MAX))
    }

    /// What the host wants to be in the balloon.
    pub(crate) fn target(&self) -> Result<Pages, DeviceError> {
        Ok(Pages(self.config.read(config::NumPages)?))
    }

    pub(crate) fn inflating(&self) -> bool {
        self.inflate.in_flight() > 0
    }

    pub(crate) fn deflating(&self) -> bool {
        self.deflate.in_flight() > 0
    }

    /// Takes back all arrays that the device has used, and tells it the size that results.
    pub(crate) fn reap(&mut self) -> Result<(), DeviceError> {
        self.device.check()?;
        while let Some(used) = self.inflate.pop()? {
            self.acknowledged = self.acknowledged.wrapping_add(1);
            if let Some(Sent::Entering(frames)) = self.entering.get_mut(used.token.index()).map(take) {
                self.size = self.size.saturating_add(frames.into());
            }
        }
        while let Some(used) = self.deflate.pop()? {
            self.acknowledged = self.acknowledged.wrapping_add(1);
            match self.leaving.get_mut(used.token.index()).map(take) {
                Some(Sent::Leaving { first, frames }) => {
                    self.size = self.size.saturating_sub(frames.into());
                    self.departing = self.departing.saturating_sub(frames.into());
                    self.hand_back(first, frames);
                }
                Some(Sent::Exchanged(frame)) => {
                    self.size = self.size.saturating_sub(1);
                    self.departing = self.departing.saturating_sub(1);
                    self.exchanging = self.exchanging.saturating_sub(1);
                    self.hand_back(frame, 1);
                }
                Some(Sent::Gone(frames)) => self.size = self.size.saturating_sub(frames.into()),
                _ => {}
            }
        }
        let size = self.size();
        if size != self.told {
            self.config.write(config::Actual, size.0)?;
            self.told = size;
        }
        Ok(())
    }

    /// Gives the first `frames` frames of the book at or behind `first` back to the kernel.
    pub(crate) fn hand_back(&mut self, first: u64, frames: u32) {
        let returned = hand_back(&mut self.tracker, &mut self.platform, self.poison, first, frames);
        self.adjust_managed(ManagedChange::Added(returned));
    }

    pub(crate) fn adjust_managed(&mut self, change: ManagedChange) {
        if self.accounting == Accounting::On {
            self.platform.adjust_managed(change);
        }
    }

    /// Whether the frame is in the balloon.
    pub(crate) fn contains(&mut self, frame: u64) -> bool {
        self.tracker.next(frame, 1).is_some_and(|run| run.first == frame)
    }

    /// Says once that the kernel has no frames for the balloon, until it has had some again.
    pub(crate) fn log_dry(&mut self, _target: u64) {
        #[cfg(feature = "log")]
        if !core::mem::replace(&mut self.dry, true) {
            log::info!("balloon: out of frames at {} of {_target} frames; trying again later", self.held());
        }
    }

    /// The error for a queue that has not answered. It may still answer later.
    pub(crate) fn no_answer(&self) -> DeviceError {
        let silent = if self.inflating() { &self.inflate } else { &self.deflate };
        DeviceError::NoAnswer { queue: silent.index() }
    }

    /// Makes the queues unusable: from here on nothing is said to the device but to reset.
    fn silence(&mut self) {
        self.inflate.poison(DeviceError::Resetting);
        self.deflate.poison(DeviceError::Resetting);
    }

    /// Resets the device and takes everything back. Frames that are still in the balloon go back to the kernel, with
    /// undefined contents.
    ///
    /// # Errors
    ///
    /// The balloon, of which only this is left to be done, and why the reset did not finish.
    #[inline(never)]
    pub(crate) fn stop(mut self, stop: Stop) -> Result<Stopped<T, P>, (Self, SetupError)> {
        self.silence();
        let reset = match stop {
            Stop::Waiting => self.device.reset(),
            Stop::AtOnce => self.device.reset_at_once(),
        };
        let (transport, proof) = match reset {
            Ok(ended) => ended,
            Err((device, error)) => {
                self.device = device;
                return Err((self, error));
            }
        };
        let Self { inflate, deflate, mut tracker, mut platform, options, poison, accounting, .. } = self;
        while let returned @ 1.. = hand_back(&mut tracker, &mut platform, poison, 0, u32::MAX) {
            if accounting == Accounting::On {
                platform.adjust_managed(ManagedChange::Added(returned));
            }
        }
        // The proof is of the very life that the queues belong to: nothing comes back from these calls.
        let _ = inflate.release(&proof, &mut platform);
        let _ = deflate.release(&proof, &mut platform);
        platform.deallocate_private(tracker.into_words().into());
        Ok(Stopped { transport, platform, options, poison, proof })
    }
}

/// What is left of a balloon whose device was reset.
pub(crate) struct Stopped<T, P> {
    pub(crate) transport: T,
    pub(crate) platform: P,
    pub(crate) options: Options<P>,
    pub(crate) poison: Option<Fill<P>>,
    pub(crate) proof: ResetProof,
}

/// Strikes the first `most` frames at or behind `first` out of the book, gives them back to the kernel, and says how many.
fn hand_back<P: Frames>(
    tracker: &mut Tracker,
    platform: &mut P,
    poison: Option<Fill<P>>,
    first: u64,
    most: u32,
) -> u32 {
    let (mut walk, mut left, mut joined) = (tracker.walk(first), most, Joined::default());
    while left > 0
        && let Some(piece) = tracker.step(&mut walk, left)
    {
        tracker.strike(piece);
        left -= piece.count();
        for run in piece.runs() {
            if let Some(run) = joined.join(run) {
                release(platform, poison, run);
            }
        }
    }
    joined.rest().into_iter().for_each(|run| release(platform, poison, run));
    most - left
}

/// Gives frames that are struck out of the book back to the kernel, filled where the host knows the value.
#[inline]
fn release<P: Frames>(platform: &mut P, poison: Option<Fill<P>>, run: Run) {
    if let Some(Fill { fill, value }) = poison {
        fill(platform, run.first, run.count, value);
    }
    platform.deallocate(FrameRun::leaving(run.first, run.count));
}

impl<T: Transport, P, L> Debug for Core<T, P, L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("frames", &self.tracker.count()).field("told", &self.told).finish_non_exhaustive()
    }
}
