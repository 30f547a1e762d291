//! The kernel's balloon: its start, and what the kernel does with it from then on.
//!
//! | module | what it does |
//! |---|---|
//! | `features` | names the features that the kernel uses |
//! | `driver` | freezes, resets and restores the driver |
//! | `follow`, `report`, `oom` | decide when the balloon has work to do |
//! | `recovery` | starts the balloon again after an error of the device |
//! | `tasks` | drives the balloon by futures, in place of [`Balloon::poll`] |

mod driver;
mod features;
mod follow;
mod oom;
mod recovery;
mod report;
mod tasks;

use aerostat_balloon::spec::Device as _;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{BalloonError, ProbeError, Source, spec};
use aerostat_guest::Options;
use log::error;

use self::driver::{Driver, Live};
use self::follow::Follow;
pub(crate) use self::follow::size;
pub(crate) use self::oom::OOM;
use self::recovery::Recovery;
use self::report::Report;
use super::arch;
use super::platform::Platform;
use super::virtio::{self, AnyTransport, SIGNAL};

/// The balloon of this machine, and what the kernel does with it.
#[derive(Debug)]
pub(crate) struct Balloon {
    /// `None` only while it changes its state.
    driver: Option<Driver>,
    follow: Follow,
    report: Report,
    recovery: Recovery,
}

impl Balloon {
    /// Finds and probes the balloon. Returns `None` and logs the reason if there is none or it cannot be used: the kernel
    /// runs without it.
    pub(crate) fn start(options: &Options) -> Option<Self> {
        let mmio = options.virtio_mmio.iter().copied().chain(arch::virtio_mmio());
        let Some(transport) = virtio::find(spec::balloon::Device::ID, mmio) else {
            error!("no usable balloon on PCI or MMIO");
            return None;
        };
        let driver =
            probe(transport, options).inspect_err(|error| error!("failed to start the balloon: {error}")).ok()?;
        features::log(&driver);
        // Every context runs once, as soon as the kernel is ready.
        SIGNAL.raise(InterruptStatus::ANY);
        Some(Self {
            driver: Some(Driver::Live(driver)),
            follow: Follow::default(),
            report: Report::default(),
            recovery: Recovery::default(),
        })
    }

    /// Handles what happened since the last call.
    pub(crate) fn poll(&mut self) {
        self.recover_if_due();
        if let Err(error) = self.service() {
            self.fail(error);
        }
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
}

/// Creates and probes the balloon.
fn probe(transport: AnyTransport, options: &Options) -> Result<Live, ProbeError> {
    Ok(aerostat_balloon::Balloon::new(transport, Platform, features::options(options))?.probe()?)
}
