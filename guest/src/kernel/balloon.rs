//! The kernel's balloon: how it comes to life, and what is done about its interrupts.

use aerostat_balloon::spec::Device as _;
use aerostat_balloon::{MustTellHost, Pages, Ready, Step, features, spec};
use aerostat_guest::Options;
use log::{debug, error, info};

use super::idle::Causes;
use super::platform::Platform;
use super::virtio::{self, AnyTransport};
use super::{arch, memory};

/// Which features are used: those that [`Balloon::start`] declares.
type Declared = features! { MustTellHost: Wanted };

/// The balloon of this machine, live.
pub(crate) struct Balloon {
    driver: aerostat_balloon::Balloon<Ready<AnyTransport, Platform, Declared>>,
    /// Its size when it was on target last.
    size: Pages,
    /// What to do with memory that comes out of it.
    touch: bool,
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
        match aerostat_balloon::Balloon::new(transport, Platform).want(MustTellHost).probe() {
            Ok(driver) => Self { size: driver.size(), driver, touch: options.touch }.service(Causes::empty()),
            Err(failed) => {
                error!("the balloon cannot be used: {}", failed.error);
                None
            }
        }
    }

    /// One step toward the target, whenever there is a cause. `None` when the device broke its rules: then it has
    /// been reset, and all frames are the kernel's again.
    pub(crate) fn service(mut self, causes: Causes) -> Option<Self> {
        debug!("balloon: {causes:?}");
        match self.driver.service() {
            Ok(Step::OnTarget) => self.on_target(),
            // The device interrupts when it is done.
            Ok(Step::Waiting) => {}
            Ok(Step::OutOfFrames { retry_after }) => arch::wake_after(retry_after),
            Err(error) => {
                error!("the balloon is given up: {error}");
                return None;
            }
        }
        Some(self)
    }

    fn on_target(&mut self) {
        let before = core::mem::replace(&mut self.size, self.driver.size());
        if self.size < before && self.touch {
            memory::touch();
        }
        if self.size != before {
            info!("balloon: {} MiB", self.size.bytes() >> 20);
        }
    }
}
