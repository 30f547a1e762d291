//! The kernel's balloon: its start, and what the kernel does with it from then on.
//!
//! | module | what it does |
//! |---|---|
//! | `features` | names the features that the kernel uses |
//! | `driver` | freezes, resets and restores the driver |
//! | `follow`, `report`, `oom` | decide when the balloon has work to do |
//! | `recovery` | decides when the driver recovers from an error of the device |
//! | `tasks` | services the balloon by futures: one task for each part |

mod driver;
mod features;
mod follow;
mod oom;
mod recovery;
mod report;
mod tasks;

use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{BalloonError, Options, ProbeError, Source, spec};
use aerostat_guest::MmioDevice;
use log::{error, info};

use self::driver::Driver;
pub(crate) use self::driver::Live;
pub(crate) use self::features::KernelFeatures;
use self::follow::Follow;
pub(crate) use self::follow::size;
pub(crate) use self::oom::OOM;
use self::recovery::Recovery;
use self::report::Report;
use super::platform::Platform;
use super::virtio::{self, AnyTransport, SIGNAL};
use super::wait::Sleep;

/// The balloon of this machine, and what the kernel does with it.
#[derive(Debug)]
pub(crate) struct Balloon {
    /// `None` only while it changes its state, or if tasks did not return all of its parts.
    driver: Option<Driver>,
    follow: Follow,
    report: Report,
    recovery: Recovery,
}

impl Balloon {
    /// Finds the balloon on PCI or among the devices in `mmio`, and probes it. Returns `None` and logs the reason if there is
    /// none or it cannot be used: the kernel runs without it. Free memory is reported if `reports`.
    pub(crate) fn start(
        mmio: impl Iterator<Item = MmioDevice>,
        options: Options<KernelFeatures>,
        reports: bool,
    ) -> Option<Self> {
        let Some(transport) = virtio::find(spec::balloon::Device::ID, mmio) else {
            error!("no usable balloon on PCI or MMIO");
            return None;
        };
        let live =
            probe(transport, options).inspect_err(|error| error!("failed to start the balloon: {error}")).ok()?;
        // Every context runs once, as soon as the kernel is ready.
        SIGNAL.raise(InterruptStatus::ANY);
        Some(Self {
            driver: Some(Driver::Live(live)),
            follow: Follow::default(),
            report: Report::new(reports),
            recovery: Recovery::default(),
        })
    }

    /// Returns the driver if the device is in use.
    pub(crate) fn live(&self) -> Option<&Live> {
        if let Some(Driver::Live(live)) = &self.driver { Some(live) } else { None }
    }

    /// Handles what happened since the last call.
    pub(crate) fn poll(&mut self) {
        self.recover_if_due();
        if let Err(error) = self.service() {
            self.fail(error);
        }
    }

    /// Runs the tasks of the balloon until the device fails, and then resets the device. Calls `other` each time that the
    /// kernel wakes. A kernel calls this in place of [`Self::poll`].
    ///
    /// Returns at once if the balloon is not live. Call it again each time that the kernel wakes: it recovers the balloon
    /// when that is due.
    pub(crate) fn run(&mut self, other: impl FnMut()) {
        self.recover_if_due();
        match self.driver.take() {
            Some(Driver::Live(live)) => {
                let (live, outcome) = tasks::run(live, &mut self.follow, &mut self.report, other);
                self.driver = live.map(Driver::Live);
                if let Err(error) = outcome {
                    self.fail(error);
                }
            }
            driver => {
                self.driver = driver;
                OOM.reject();
            }
        }
    }

    /// Freezes the balloon, as a kernel does before the machine sleeps.
    pub(crate) fn freeze(&mut self) {
        self.recovery.cancel();
        self.change(Driver::freeze);
    }

    /// Restores the balloon, as a kernel does after the machine has slept.
    pub(crate) fn restore(&mut self) {
        self.change(Driver::restore);
        if self.live().is_some() {
            // Every context runs once with the restored device.
            SIGNAL.raise(InterruptStatus::ANY);
            self.follow.restart();
        } else {
            self.recovery.count_error();
        }
        self.recovery.schedule(self.driver.as_ref());
    }

    /// Resets the device without deflating the balloon, as after an error. The balloon is restored after a pause.
    pub(crate) fn reset(&mut self) {
        self.change(Driver::reset);
        self.recovery.count_error();
        self.recovery.schedule(self.driver.as_ref());
    }

    /// Services each part of the balloon that has something to do.
    fn service(&mut self) -> Result<(), BalloonError> {
        let Some(Driver::Live(driver)) = &mut self.driver else {
            OOM.reject();
            return Ok(());
        };
        if OOM.is_requested() {
            OOM.answer(oom::deflate(driver)?);
            self.follow.restart();
        }
        if let Some(due) = self.follow.due() {
            self.follow.step(driver, due)?;
        }
        if !SIGNAL.take(Source::Statistics).is_none() {
            driver.service_statistics()?;
        }
        let status = SIGNAL.take(Source::Hinting);
        if !status.is_none() {
            driver.service_hinting(status)?;
        }
        if self.report.is_due()
            && let Some(progress) = driver.service_reporting()?
        {
            self.report.done(progress);
        }
        Ok(())
    }

    fn fail(&mut self, error: BalloonError) {
        error!("the balloon is reset: {error}");
        self.reset();
    }

    /// Makes the next attempt to recover from an error if it is time to: repeats a reset that the device has not finished,
    /// or restores the balloon.
    fn recover_if_due(&mut self) {
        if !self.recovery.is_due() {
            return;
        }
        if let Some(Driver::Failed(_)) = self.driver {
            self.change(Driver::reset);
            self.recovery.schedule(self.driver.as_ref());
            return;
        }
        self.restore();
        if self.live().is_some() {
            info!("the balloon is restored after a reset");
        }
    }

    fn change(&mut self, change: fn(Driver) -> Driver) {
        self.driver = self.driver.take().map(change);
    }
}

/// Creates and probes the balloon.
fn probe(transport: AnyTransport, options: Options<KernelFeatures>) -> Result<Live, ProbeError> {
    Ok(aerostat_balloon::Balloon::new(transport, Platform, options)?.probe(&mut Sleep::default())?)
}
