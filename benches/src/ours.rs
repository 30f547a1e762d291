//! The balloon driver of this workspace.

use aerostat_balloon::handles::StatsRequest;
use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameRun, FrameSize, Options, Platform, Ready, Size4KiB, Step, features,
};
use aerostat_transport::{Mmio, Numbering, Spin};

use crate::device::AckDevice;
use crate::platform::{FrameOrder, Kernel};

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

/// The properties of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The format of the rings.
    pub format: Format,
    /// The maximum number of arrays in flight.
    pub max_in_flight: u16,
    /// The order in which the kernel allocates frames.
    pub order: FrameOrder,
}

type Bus = Mmio<AckDevice>;
features! {
    /// A balloon with split rings.
    pub struct SplitRings { MustTellHost: Required, StatsVq: Required, PageReporting: Required }
}
features! {
    /// A balloon with packed rings and the event index.
    pub struct PackedRings {
        MustTellHost: Required, StatsVq: Required, PageReporting: Required, RingPacked: Required, EventIdx: Required
    }
}
/// A live balloon with the declared features.
pub type Live<S, F> = Balloon<Ready<Bus, Kernel<S>, F>>;

/// A live balloon and its device.
#[derive(Debug)]
pub struct Ours<S: FrameSize = Size4KiB> {
    /// The device.
    pub device: AckDevice,
    /// The balloon.
    pub balloon: Either<S>,
}

/// A live balloon with either ring format.
#[derive(Debug)]
pub enum Either<S: FrameSize> {
    /// With split rings.
    Split(Live<S, SplitRings>),
    /// With packed rings.
    Packed(Live<S, PackedRings>),
}

/// Probes a balloon for up to `frames` frames.
fn probe<S: FrameSize, F: BalloonFeatureSet>(device: &AckDevice, config: Config, frames: u32, features: F) -> Live<S, F>
where
    Kernel<S>: Platform<F>,
{
    let kernel = Kernel::new(2 * frames, config.order);
    let bus = Mmio::new(device.clone()).map_err(|(_, error)| error).expect("the register file is valid");
    let options = Options::new(features).max_in_flight(config.max_in_flight).numbering(Numbering::Specification);
    let balloon = Balloon::new(bus, kernel, options).expect("out of memory");
    balloon.probe(&mut Spin::default()).expect("the device follows the protocol")
}

/// Evaluates an expression with the balloon of either ring format.
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
    /// Returns a live balloon for up to `frames` frames, on a device in this thread.
    ///
    /// # Panics
    ///
    /// If probing fails, which is a bug of the device.
    pub fn new(config: Config, frames: u32) -> Self {
        Self::on(AckDevice::new(), config, frames)
    }

    /// Returns a live balloon for up to `frames` frames.
    ///
    /// # Panics
    ///
    /// If probing fails, which is a bug of the device.
    pub fn on(device: AckDevice, config: Config, frames: u32) -> Self {
        let balloon = match config.format {
            Format::Split => Either::Split(probe(&device, config, frames, SplitRings)),
            Format::Packed => Either::Packed(probe(&device, config, frames, PackedRings)),
        };
        Self { device, balloon }
    }

    /// Sets the target and calls `service` until the balloon has reached it, as the work queue of a kernel does.
    ///
    /// # Panics
    ///
    /// If `service` fails, which is a bug of the device.
    #[inline(never)]
    pub fn reach_target(&mut self, pages: u32) {
        self.device.set_target(pages);
        either!(self, balloon => while balloon.service().expect("the device follows the protocol") != Step::OnTarget {
            std::hint::spin_loop();
        });
    }

    /// Answers one request of the host for statistics.
    ///
    /// # Panics
    ///
    /// If the balloon does not answer.
    pub fn answer(&mut self) {
        self.device.request_statistics();
        let request = either!(self, balloon => balloon.service_statistics());
        assert_eq!(request, Ok(StatsRequest::Answered));
    }

    /// Reports at least `blocks` blocks of free memory, and returns their number.
    ///
    /// # Panics
    ///
    /// If `service` fails, which is a bug of the device.
    pub fn report(&mut self, blocks: u64) -> u64 {
        either!(self, balloon => {
            let start = balloon.platform().reported_blocks();
            loop {
                balloon.service_reporting().expect("the device follows the protocol");
                let reported = balloon.platform().reported_blocks() - start;
                if reported >= blocks {
                    break reported;
                }
            }
        })
    }

    /// Replaces the ballooned frame `old` by the free frame `new`.
    ///
    /// # Panics
    ///
    /// If the migration fails, which is a bug of the device.
    pub fn migrate(&mut self, old: u64, new: u64) {
        // SAFETY: the frames of a `Kernel` are only numbers; no memory belongs to them.
        let new = unsafe { FrameRun::from_raw(new, 1) };
        either!(self, balloon => {
            let migration = balloon.migrate(old, new).map_err(|rejected| rejected.error);
            migration.and_then(|migration| migration.wait(&mut Spin::default())).expect("the device follows the protocol");
        });
    }

    /// Inflates the balloon to `pages`. A separate function, because callgrind selects it by name.
    #[inline(never)]
    pub fn inflate(&mut self, pages: u32) {
        self.reach_target(pages);
    }

    /// Deflates the balloon to 0. A separate function, because callgrind selects it by name.
    #[inline(never)]
    pub fn deflate(&mut self) {
        self.reach_target(0);
    }
}
