//! The demo on the embedded device: the driver on a thread of its own, the device on another, guest memory a mapping in
//! this program.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use aerostat_balloon::{
    Balloon, MustTellHost, PAGE_BYTES, Ready, Size4KiB, Step, features,
    transport::{Either, InterruptSource as _, LegacyMmio, Mmio},
};
use aerostat_device::{BalloonDevice, Ledger, Logging, Registers, TestPlatform, Work, wait_at_most};
use anyhow::{Context as _, anyhow, bail, ensure};

use super::{
    flight::{Aircraft, Gauges},
    plan::Plan,
};
use crate::{cli::Interface, qemu::resident, units::Bytes};

/// The driver of the demo.
type Driver = Balloon<Ready<AnyMmio, TestPlatform<Size4KiB>, features! { MustTellHost: Required }>>;
type AnyMmio = Either<Mmio<Registers>, LegacyMmio<Registers>>;

/// How often a guest that sleeps looks whether it is to end.
const NAP: Duration = Duration::from_millis(50);
/// How long the device may take to answer when the balloon is given up.
const LIMIT: Duration = Duration::from_secs(30);

/// A guest in this program.
#[derive(Debug)]
pub(crate) struct Flying {
    memory: Bytes,
    target: Bytes,
    device: BalloonDevice,
    ledger: Ledger,
    guest: Option<JoinHandle<anyhow::Result<()>>>,
    landing: Arc<AtomicBool>,
}

/// Starts a device and a driver for it, and has the guest write to all of its memory.
pub(crate) fn launch(plan: &Plan, interface: Interface) -> anyhow::Result<Flying> {
    let device = BalloonDevice::builder().memory(plan.memory.0).work(Work::Release).logging(Logging::Off).threaded();
    let device = match interface {
        Interface::Modern => device,
        Interface::Legacy => device.legacy(),
    };
    let device = device.start().context("the embedded device could not be started")?;
    device.memory().fill(device.memory().pages(), 0xa5);
    let platform = TestPlatform::of(&device)?;
    let ledger = platform.ledger();
    let transport = Mmio::either(device.registers()).map_err(|(_, error)| error)?;
    let driver: Driver =
        Balloon::new(transport, platform).require(MustTellHost).probe().map_err(|failed| failed.error)?;
    let landing = Arc::new(AtomicBool::new(false));
    let guest = {
        let (device, landing) = (device.clone(), Arc::clone(&landing));
        thread::Builder::new().name("guest".to_owned()).spawn(move || run(driver, &device, &landing))?
    };
    Ok(Flying { memory: plan.memory, target: plan.memory, device, ledger, guest: Some(guest), landing })
}

/// The guest's loop: one step for each interrupt, until it is to land.
fn run(mut driver: Driver, device: &BalloonDevice, landing: &AtomicBool) -> anyhow::Result<()> {
    let line = device.interrupt_line();
    let interrupt = driver.interrupt();
    while !landing.load(Ordering::Relaxed) {
        // Count first, then look: an interrupt in between ends the wait at once.
        let seen = line.count();
        // A step is right for whatever it was about.
        let _ = interrupt.acknowledge();
        let pause = match driver.service()? {
            Step::OnTarget | Step::Waiting => NAP,
            Step::OutOfFrames { retry_after } | Step::HeldOff { retry_after } => retry_after,
        };
        // The limit only lets the guest look up: a step too many does no harm.
        let _ = line.wait(seen, pause);
    }
    driver.remove(&mut wait_at_most(LIMIT)).map_err(|live| live.error)?;
    Ok(())
}

impl Flying {
    /// How the guest ended, if it has.
    fn check(&mut self) -> anyhow::Result<()> {
        match self.guest.take_if(|guest| guest.is_finished()) {
            None => Ok(()),
            Some(guest) => match guest.join() {
                Ok(Ok(())) => bail!("the guest ended before its time"),
                Ok(Err(error)) => Err(error.context("the guest's driver has given up")),
                Err(_) => bail!("the guest panicked; its message stands above"),
            },
        }
    }
}

impl Aircraft for Flying {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        let pages = self.memory.less(target).0 / PAGE_BYTES;
        self.device.set_target(u32::try_from(pages).context("more pages than a balloon can count")?);
        Ok(())
    }

    fn sample(&mut self) -> anyhow::Result<Gauges> {
        self.check()?;
        let balloon = Bytes(u64::from(self.device.actual()) * PAGE_BYTES);
        Ok(Gauges {
            actual: self.memory.less(balloon),
            statistics: None,
            resident: resident::of(process::id()).context("this program's resident memory cannot be read")?,
        })
    }

    fn lost(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error {
        let (target, seconds, device) = (self.target, limit.as_secs(), &self.device);
        let violations = device.violations();
        anyhow!(
            "the guest was to have {target}, but stayed at {actual}: {seconds} s went by\n{device:?}\nviolations: {violations:?}"
        )
    }

    fn land(mut self: Box<Self>) -> anyhow::Result<()> {
        self.landing.store(true, Ordering::Relaxed);
        if let Some(guest) = self.guest.take() {
            // Its waits have limits, so it ends.
            guest.join().map_err(|_| anyhow!("the guest panicked; its message stands above"))??;
        }
        let (device, ownership) = (self.device.violations(), self.ledger.violations());
        ensure!(device.is_empty() && ownership.is_empty(), "the driver broke rules: {device:?} {ownership:?}");
        Ok(())
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.landing.store(true, Ordering::Relaxed);
    }
}
