//! A live balloon of this workspace on the device.

use aerostat_balloon::{
    Balloon, EventIdx, FrameRun, FrameSize, MustTellHost, PageReporting, Ready, RingPacked, Size4KiB, StatsRequest,
    StatsVq, Step, Undeclared, Unprobed, features,
};
use aerostat_transport::{Mmio, Spin};

use crate::device::AckDevice;
use crate::platform::{Kernel, Lie};

/// The format of the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Split, with flags.
    Split,
    /// Packed, with the event index.
    Packed,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Split => "split",
            Self::Packed => "packed",
        })
    }
}

/// How a balloon is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The format of the rings.
    pub format: Format,
    /// Arrays that are with the device at a time.
    pub depth: u16,
    /// How the kernel's free frames lie.
    pub lie: Lie,
}

type Bus = Mmio<AckDevice>;
type SplitRings = features! { MustTellHost: Required, StatsVq: Required, PageReporting: Required };
type PackedRings = features! {
    MustTellHost: Required, StatsVq: Required, PageReporting: Required, RingPacked: Required, EventIdx: Required
};
/// A live balloon over the rings that a declaration names.
pub type Live<S, L> = Balloon<Ready<Bus, Kernel<S>, L>>;

/// A live balloon over either rings, on a device.
#[derive(Debug)]
pub struct Ours<S: FrameSize = Size4KiB> {
    /// The device.
    pub device: AckDevice,
    /// The balloon.
    pub balloon: Either<S>,
}

/// A live balloon over either rings.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "both are as large")]
pub enum Either<S: FrameSize> {
    /// Over split rings.
    Split(Live<S, SplitRings>),
    /// Over packed rings.
    Packed(Live<S, PackedRings>),
}

/// Calls the same on either balloon.
#[macro_export]
macro_rules! either {
    ($ours:expr, $balloon:ident => $do:expr) => {
        match &mut $ours.balloon {
            $crate::Either::Split($balloon) => $do,
            $crate::Either::Packed($balloon) => $do,
        }
    };
}

impl<S: FrameSize> Ours<S> {
    /// A live balloon for up to `frames` frames, on a device in this thread.
    ///
    /// # Panics
    ///
    /// When the device does not come to life, which is a mistake in it.
    pub fn new(setting: Setting, frames: u32) -> Self {
        Self::on(AckDevice::new(), setting, frames)
    }

    /// A live balloon for up to `frames` frames.
    ///
    /// # Panics
    ///
    /// When the device does not come to life, which is a mistake in it.
    pub fn on(device: AckDevice, setting: Setting, frames: u32) -> Self {
        let kernel = Kernel::new(2 * frames, setting.lie);
        let bus = Mmio::new(device.clone()).map_err(|(_, error)| error).expect("the device is there");
        let balloon: Balloon<Unprobed<Bus, Kernel<S>, Undeclared>> = Balloon::new(bus, kernel).depth(setting.depth);
        let balloon = balloon.require(MustTellHost).require(StatsVq).require(PageReporting::default());
        let balloon = match setting.format {
            Format::Split => balloon.probe().map(Either::Split).map_err(|failed| failed.error),
            Format::Packed => {
                let balloon = balloon.require(RingPacked).require(EventIdx);
                balloon.probe().map(Either::Packed).map_err(|failed| failed.error)
            }
        };
        Self { device, balloon: balloon.expect("the device is honest") }
    }

    /// Goes to a target, as a kernel's work queue does.
    ///
    /// # Panics
    ///
    /// When the balloon does not get there, which is a mistake in the device.
    #[inline(never)]
    pub fn go_to(&mut self, pages: u32) {
        self.device.set_target(pages);
        either!(self, balloon => while balloon.service().expect("the device is honest") != Step::OnTarget {
            std::hint::spin_loop();
        });
    }

    /// Answers the host's request for statistics, once.
    ///
    /// # Panics
    ///
    /// When the balloon does not answer.
    pub fn answer(&mut self) {
        self.device.ask_for_statistics();
        let asked = either!(self, balloon => balloon.stats().service());
        assert_eq!(asked, Ok(StatsRequest::Answered));
    }

    /// Reports `blocks` blocks of free memory or more, and returns how many.
    ///
    /// # Panics
    ///
    /// When the device does not work.
    pub fn report(&mut self, blocks: u64) -> u64 {
        either!(self, balloon => {
            let start = balloon.platform().reported_blocks();
            loop {
                balloon.reporting().service().expect("the device is honest");
                let reported = balloon.platform().reported_blocks() - start;
                if reported >= blocks {
                    break reported;
                }
            }
        })
    }

    /// Exchanges the frame `old` of the balloon for `new`, which nobody has.
    ///
    /// # Panics
    ///
    /// When the balloon does not do it.
    pub fn migrate(&mut self, old: u64, new: u64) {
        // SAFETY: nobody touches the frames of a `Kernel`, which are only numbers.
        let new = unsafe { FrameRun::from_raw(new, 1) };
        either!(self, balloon => {
            let migration = balloon.migrate(old, new).map_err(|rejected| rejected.error);
            migration.and_then(|migration| migration.wait(&mut Spin::default())).expect("the device is honest");
        });
    }

    /// Inflates the balloon to `pages`. For callgrind, a function of its own.
    #[inline(never)]
    pub fn inflate(&mut self, pages: u32) {
        self.go_to(pages);
    }

    /// Empties the balloon. For callgrind, a function of its own.
    #[inline(never)]
    pub fn deflate(&mut self) {
        self.go_to(0);
    }
}
