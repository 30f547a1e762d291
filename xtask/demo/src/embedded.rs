//! The demo on the embedded device: driver and device run in two threads of this program, and guest memory is a mapping in it.

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
    Balloon, Options, Pages, Ready, Size4KiB, Step, features,
    transport::{Either, InterruptSource as _, LegacyMmio, Mmio, Spin},
};
use aerostat_device::{BalloonDevice, Ledger, Logging, Registers, TestPlatform, Work, wait_at_most};
use anyhow::{Context as _, anyhow, bail, ensure};
use xtask_common::bytes::Bytes;
use xtask_qemu::{resident, transport::Interface};

use super::{
    plan::Plan,
    run::{Readings, Session},
};

features! {
    /// What the driver uses.
    struct Declared { MustTellHost: Required }
}

/// The driver of the demo.
type Driver = Balloon<Ready<AnyMmio, TestPlatform<Size4KiB>, Declared>>;
type AnyMmio = Either<Mmio<Registers>, LegacyMmio<Registers>>;

/// The interval at which an idle guest checks whether it is to stop.
const IDLE: Duration = Duration::from_millis(50);
/// The time limit for the device to answer when the driver is removed.
const LIMIT: Duration = Duration::from_secs(30);

/// A guest in this program.
#[derive(Debug)]
pub(crate) struct EmbeddedSession {
    memory: Bytes,
    target: Bytes,
    device: BalloonDevice,
    ledger: Ledger,
    guest: Option<JoinHandle<anyhow::Result<()>>>,
    stopping: Arc<AtomicBool>,
}

/// Starts a device and its driver, and writes to all of the guest's memory.
pub(crate) fn start(plan: &Plan, interface: Interface) -> anyhow::Result<EmbeddedSession> {
    let device = BalloonDevice::builder().memory(plan.memory.0).work(Work::Release).logging(Logging::Off).threaded();
    let device = match interface {
        Interface::Modern => device,
        Interface::Legacy => device.legacy(),
    };
    let device = device.start().context("failed to start the embedded device")?;
    device.memory().fill(device.memory().pages(), 0xa5);
    let platform = TestPlatform::of(&device)?;
    let ledger = platform.ledger();
    let transport = Mmio::either(device.registers()).map_err(|(_, error)| error)?;
    let driver: Driver = Balloon::new(transport, platform, Options::new(Declared))?
        .probe(&mut Spin::default())
        .map_err(|failed| failed.error)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let guest = {
        let (device, stopping) = (device.clone(), Arc::clone(&stopping));
        thread::Builder::new().name("guest".to_owned()).spawn(move || serve(driver, &device, &stopping))?
    };
    Ok(EmbeddedSession { memory: plan.memory, target: plan.memory, device, ledger, guest: Some(guest), stopping })
}

/// Runs the driver: one step for each interrupt, until `stopping` is set.
fn serve(mut driver: Driver, device: &BalloonDevice, stopping: &AtomicBool) -> anyhow::Result<()> {
    let line = device.interrupt_line();
    let interrupt = driver.interrupt();
    while !stopping.load(Ordering::Relaxed) {
        // Read the count before the step: an interrupt during the step then ends the wait at once.
        let seen = line.count();
        // `service` handles every cause, so the cause does not matter.
        let _ = interrupt.acknowledge();
        let pause = match driver.service()? {
            Step::OnTarget | Step::Waiting => IDLE,
            Step::Paused(pause) => pause.retry_after,
        };
        // An additional step after the timeout is harmless.
        let _ = line.wait(seen, pause);
    }
    driver.remove(&mut wait_at_most(LIMIT)).map_err(|live| live.error)?;
    Ok(())
}

impl EmbeddedSession {
    /// Returns an error if the guest has ended.
    fn check(&mut self) -> anyhow::Result<()> {
        match self.guest.take_if(|guest| guest.is_finished()) {
            None => Ok(()),
            Some(guest) => match guest.join() {
                Ok(Ok(())) => bail!("the guest ended unexpectedly"),
                Ok(Err(error)) => Err(error.context("the guest's driver failed")),
                Err(_) => bail!("the guest panicked; see its message above"),
            },
        }
    }
}

impl Session for EmbeddedSession {
    fn set_target(&mut self, target: Bytes) -> anyhow::Result<()> {
        self.target = target;
        let pages = self.memory.minus(target).0 / Pages::SIZE;
        self.device.set_target(u32::try_from(pages).context("the balloon has more than 2^32 pages")?);
        Ok(())
    }

    fn sample(&mut self) -> anyhow::Result<Readings> {
        self.check()?;
        let balloon = Bytes(u64::from(self.device.actual()) * Pages::SIZE);
        Ok(Readings {
            actual: self.memory.minus(balloon),
            statistics: None,
            resident: resident::of(process::id()).context("failed to read the resident memory of this program")?,
        })
    }

    fn off_target(&mut self, actual: Bytes, limit: Duration) -> anyhow::Error {
        let (target, seconds, device) = (self.target, limit.as_secs(), &self.device);
        let violations = device.violations();
        anyhow!(
            "the guest did not reach its target of {target}: it still had {actual} after {seconds} s\n{device:?}\n\
             violations: {violations:?}"
        )
    }

    fn stop(mut self: Box<Self>) -> anyhow::Result<()> {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(guest) = self.guest.take() {
            // The guest ends because all of its waits have limits.
            guest.join().map_err(|_| anyhow!("the guest panicked; see its message above"))??;
        }
        let (device, ownership) = (self.device.violations(), self.ledger.violations());
        ensure!(device.is_empty() && ownership.is_empty(), "the driver violated rules: {device:?} {ownership:?}");
        Ok(())
    }
}

impl Drop for EmbeddedSession {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}
