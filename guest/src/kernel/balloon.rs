//! The kernel's balloon: what it wants, how it comes to life, and what is done about its interrupts.

mod features;
mod follow;
mod freeze;
mod hog;
mod report;
mod tasks;

use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{
    BalloonError, DeflateOnOom, EventIdx, FreePageHint, MustTellHost, PagePoison, PageReporting, ProbeFailed, Ready,
    RingPacked, Signal, Source, StatsVq, Unprobed, spec,
};
#[cfg(not(feature = "lean"))]
use aerostat_guest::Features;
use aerostat_guest::Options;
use log::error;

#[cfg(not(feature = "lean"))]
use self::features::AllButPoison;
use self::features::{All, Wants};
use self::follow::Follow;
use self::freeze::Freeze;
use self::hog::Hog;
use self::report::Report;
use super::arch;
use super::platform::Platform;
use super::spare::Spare;
use super::virtio::{self, AnyTransport};

/// The balloon's interrupts: raised by the handler, taken by whom they concern.
pub(crate) static SIGNAL: Signal = Signal::new();

/// A live balloon with the declaration `L`.
type Driver<L> = aerostat_balloon::Balloon<Ready<AnyTransport, Platform, L>>;
/// A balloon with the declaration `L` before and after that.
type Grounded<L> = aerostat_balloon::Balloon<Unprobed<AnyTransport, Platform, L>>;

/// The balloon of this machine, live. Which features it wants is a matter of its type.
#[derive(Debug)]
pub(crate) enum Balloon {
    /// It wants what `AllButPoison` says.
    #[cfg(not(feature = "lean"))]
    AllButPoison(Live<AllButPoison>),
    /// It wants what `All` says.
    All(Live<All>),
}

/// A live balloon, and what the kernel does with it.
#[derive(Debug)]
pub(crate) struct Live<L: Wants> {
    /// `None` when the device broke its rules: then it has been reset, and all frames are the kernel's again.
    driver: Option<Driver<L>>,
    follow: Follow,
    report: Report,
    hog: Hog,
    freeze: Freeze,
}

/// Does something with the balloon, whatever it wants.
macro_rules! whatever {
    ($balloon:expr, $live:ident => $do:expr) => {
        match $balloon {
            #[cfg(not(feature = "lean"))]
            Balloon::AllButPoison($live) => $do,
            Balloon::All($live) => $do,
        }
    };
}

impl Balloon {
    /// Finds the balloon and brings it to life. `None` when there is none that can be used, which is logged: the
    /// kernel can do without.
    pub(crate) fn start(options: &Options) -> Option<Self> {
        let places = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
        let Some(transport) = virtio::find(spec::balloon::Device::ID, places) else {
            error!("there is no balloon that can be used, neither on PCI nor on MMIO");
            return None;
        };
        let mut balloon = aerostat_balloon::Balloon::new(transport, Platform);
        if let Some(pause) = options.hold_off {
            balloon = balloon.oom_backoff(pause);
        }
        let balloon = balloon
            .want(RingPacked)
            .want(EventIdx)
            .want(MustTellHost)
            .want(StatsVq)
            .want(DeflateOnOom::default())
            .want(FreePageHint::default())
            .want(PageReporting::default());
        #[cfg(not(feature = "lean"))]
        if options.features == Features::AllButPoison {
            return Live::new(balloon.probe(), options).map(Self::AllButPoison);
        }
        Live::new(balloon.want(PagePoison(options.poison)).probe(), options).map(Self::All)
    }

    /// Says what was negotiated.
    pub(crate) fn introduce(&mut self) {
        whatever!(self, live => live.driver.iter_mut().for_each(features::introduce));
    }

    /// Does what there is to do for the balloon.
    pub(crate) fn look(&mut self) {
        whatever!(self, live => live.look());
    }

    /// Lets futures do all that instead, for good, unless the device breaks its rules.
    pub(crate) fn run(&mut self, spare: &mut Spare) {
        whatever!(self, live => live.run(spare));
    }
}

impl<L: Wants> Live<L> {
    fn new(probed: Result<Driver<L>, ProbeFailed<Grounded<L>>>, options: &Options) -> Option<Self> {
        // Everybody has a look as soon as the kernel is ready.
        SIGNAL.raise(InterruptStatus::ANY);
        match probed {
            Ok(driver) => Some(Self {
                driver: Some(driver),
                follow: Follow::new(options),
                report: Report::default(),
                hog: Hog::new(options),
                freeze: Freeze::new(options),
            }),
            Err(failed) => {
                error!("the balloon cannot be used: {}", failed.error);
                None
            }
        }
    }

    fn look(&mut self) {
        if let Err(error) = self.service() {
            give_up(self.driver.take(), error);
        }
        self.freeze_if_due();
    }

    /// Gives each part of the balloon a turn that has one to come.
    fn service(&mut self) -> Result<(), BalloonError> {
        let Some(driver) = &mut self.driver else { return Ok(()) };
        if let Some(cause) = self.follow.cause() {
            self.follow.step(driver, cause)?;
        }
        if !SIGNAL.take(Source::Statistics).is_none()
            && let Some(mut statistics) = driver.stats()
        {
            statistics.service()?;
        }
        let causes = SIGNAL.take(Source::Hinting);
        if !causes.is_none()
            && let Some(mut hinting) = driver.hinting()
        {
            hinting.service(causes)?;
        }
        if self.report.is_due()
            && let Some(mut reporting) = driver.reporting()
        {
            self.report.done(reporting.service()?);
        }
        self.hog.look(driver, &mut self.follow)
    }
}

/// Resets a device that broke its rules.
fn give_up<L: Wants>(driver: Option<Driver<L>>, error: BalloonError) {
    error!("the balloon is given up: {error}");
    if let Some(Err(live)) = driver.map(aerostat_balloon::Balloon::abandon) {
        // The device may still use what it was lent, so that all of that stays with it.
        error!("the balloon is not reset either: {}", live.error);
    }
}
