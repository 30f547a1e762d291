//! The guests that are compared, all in the same virtual machine.

use std::{
    ffi::OsString,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    error::{Activity, QemuError},
    features::Offer,
    machine::{Balloon, Machine, Start},
    transport::Transport,
    vm::Qemu,
};

use super::{
    clock::{Clock, Elapsed},
    linux::Linux,
    results::System,
};

/// The architecture of the guests.
pub(crate) const ARCH: Arch = Arch::X86_64;
/// The interval at which the state of the QEMU process is polled.
pub(crate) const INTERVAL: Duration = Duration::from_micros(500);
/// The time before a guest is measured, because Linux is not idle directly after it has started.
const SETTLE: Duration = Duration::from_millis(1500);
/// The time limit of a measurement.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// What the guests are started from.
#[derive(Clone, Debug)]
pub(crate) struct Guests {
    /// The QEMU program.
    pub(crate) program: PathBuf,
    /// The image of the guest of this workspace.
    pub(crate) image: PathBuf,
    pub(crate) linux: Option<Linux>,
    pub(crate) memory: Bytes,
}

/// How a guest is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options<'a> {
    /// Options on the kernel command line, which all guests understand.
    pub(crate) command_line: &'a str,
    pub(crate) offer: Offer,
    /// Additional arguments for QEMU.
    pub(crate) qemu: &'a [OsString],
}

impl Guests {
    /// Returns the systems that are compared.
    pub(crate) fn systems(&self) -> &'static [System] {
        match self.linux {
            Some(_) => &[System::Aerostat, System::Linux, System::LinuxUnzeroed],
            None => &[System::Aerostat],
        }
    }

    /// Starts a guest and waits until it is ready and idle.
    pub(crate) fn start(&self, system: System, options: &Options<'_>) -> anyhow::Result<Qemu> {
        let linux = || self.linux.as_ref().context("the Linux guest was not built");
        // `quiet`, because kernel messages would be mixed with the lines of the init program.
        let console = "console=ttyS0 quiet panic=-1";
        let (image, before, initrd) = match system {
            System::Aerostat => (&self.image, "quiet".to_owned(), None),
            System::Linux => (&linux()?.kernel, console.to_owned(), Some(&linux()?.initrd)),
            System::LinuxUnzeroed => (&linux()?.kernel, format!("{console} init_on_alloc=0"), Some(&linux()?.initrd)),
            _ => bail!("{} is not a guest", system.name()),
        };
        let machine = Machine {
            arch: ARCH,
            program: self.program.clone(),
            image: image.clone(),
            command_line: format!("{before} {}", options.command_line),
            memory: self.memory,
            transport: Transport::Pci,
            balloon: Balloon::Present(options.offer.clone()),
            start: Start::Running,
            entropy: None,
        };
        let mut more = options.qemu.to_vec();
        more.extend(initrd.into_iter().flat_map(|initrd| ["-initrd".into(), initrd.clone().into()]));
        let mut qemu = Qemu::start_with(&machine, &more)?;
        qemu.wait_ready()?;
        thread::sleep(SETTLE);
        Ok(qemu)
    }
}

/// Resizes the guest to `target`. Returns the time from the command until the device has processed the last page and the guest's CPU
/// is idle.
///
/// QEMU is queried only when the CPU is idle: each query delays the measured thread by a tenth of a millisecond, and again for each
/// TLB shootdown to the other thread's CPU.
pub(crate) fn resize(qemu: &mut Qemu, target: Bytes) -> Result<Elapsed, QemuError> {
    let cpu = qemu.cpu()?;
    let (clock, started) = (Clock::start(qemu.id()).map_err(QemuError::Process)?, Instant::now());
    qemu.set_target(target)?;
    loop {
        thread::sleep(INTERVAL);
        if cpu.is_busy() && started.elapsed() < LIMIT {
            continue;
        }
        let actual = qemu.actual(Activity::Resizing { target })?;
        if actual == target {
            return clock.stop().map_err(QemuError::Process);
        }
        if started.elapsed() > LIMIT {
            let output = Box::new(qemu.last_output());
            return Err(QemuError::OffTarget { target, actual, limit: LIMIT, output });
        }
    }
}
