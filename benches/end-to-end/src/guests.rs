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
    features::{Feature, Offer},
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
/// The interval at which the state of the QEMU process is polled. The system adds about 0.05 ms.
pub(crate) const INTERVAL: Duration = Duration::from_micros(100);
/// The time before a guest is measured.
const SETTLE: Duration = Duration::from_millis(200);
/// The same for Linux, which is not idle directly after it has started.
const SETTLE_LINUX: Duration = Duration::from_millis(1500);
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
            Some(_) => &[
                System::Aerostat,
                System::AerostatBlocks,
                System::AerostatDeflateEntries,
                System::Linux,
                System::LinuxUnzeroed,
            ],
            None => &[System::Aerostat, System::AerostatBlocks, System::AerostatDeflateEntries],
        }
    }

    /// Starts a guest and waits until it is ready and idle.
    pub(crate) fn start(&self, system: System, options: &Options<'_>) -> anyhow::Result<Qemu> {
        let linux = || self.linux.as_ref().context("the Linux guest was not built");
        // `quiet`, because kernel messages would be mixed with the lines of the init program.
        let console = "console=ttyS0 quiet panic=-1";
        let (image, before, initrd) = match system {
            System::Aerostat => (&self.image, "quiet".to_owned(), None),
            // Free memory is not reported, so that only the balloon is measured.
            System::AerostatBlocks => (&self.image, "quiet blocks=only".to_owned(), None),
            System::AerostatDeflateEntries => (&self.image, "quiet blocks=deflate-entries".to_owned(), None),
            System::Linux => (&linux()?.kernel, console.to_owned(), Some(&linux()?.initrd)),
            System::LinuxUnzeroed => (&linux()?.kernel, format!("{console} init_on_alloc=0"), Some(&linux()?.initrd)),
            _ => bail!("{} is not a guest", system.name()),
        };
        let offer = match (system, &options.offer) {
            (System::AerostatBlocks | System::AerostatDeflateEntries, Offer::Default) => {
                Offer::Exactly(vec![Feature::Blocks, Feature::EventIdx])
            }
            (_, offer) => offer.clone(),
        };
        let machine = Machine {
            arch: ARCH,
            program: self.program.clone(),
            image: image.clone(),
            command_line: format!("{before} {}", options.command_line),
            memory: self.memory,
            transport: Transport::Pci,
            balloon: Balloon::Present(offer),
            start: Start::Running,
            entropy: None,
        };
        let mut more = options.qemu.to_vec();
        more.extend(initrd.iter().flat_map(|initrd| ["-initrd".into(), initrd.into()]));
        let mut qemu = Qemu::start_with(&machine, &more)?;
        qemu.wait_ready()?;
        thread::sleep(if initrd.is_some() { SETTLE_LINUX } else { SETTLE });
        Ok(qemu)
    }
}

/// A guest that was resized.
#[derive(Clone, Debug)]
pub(crate) struct Resized {
    /// The time from the command until the device has processed the last page, `actual` is the target and the guest's CPU is idle.
    pub(crate) elapsed: Elapsed,
    /// The resident memory of QEMU in this time, by the time since the command.
    pub(crate) resident: Vec<(Duration, Bytes)>,
}

/// Resizes the guest to `target`.
///
/// Every [`INTERVAL`] the host's kernel is asked whether the CPU is idle and how much memory is resident. QEMU is queried only when
/// the CPU is idle: each query delays the measured thread by a tenth of a millisecond, and again for each TLB shootdown to the other
/// thread's CPU.
pub(crate) fn resize(qemu: &mut Qemu, target: Bytes) -> Result<Resized, QemuError> {
    let cpu = qemu.cpu()?;
    let mut resident = vec![(Duration::ZERO, qemu.resident()?)];
    let (clock, started) = (Clock::start(qemu.id()).map_err(QemuError::Process)?, Instant::now());
    qemu.set_target(target)?;
    loop {
        thread::sleep(INTERVAL);
        let now = qemu.resident()?;
        resident.push((started.elapsed(), now));
        if cpu.is_busy() && started.elapsed() < LIMIT {
            continue;
        }
        let actual = qemu.actual(Activity::Resizing { target })?;
        if actual == target {
            let elapsed = clock.stop().map_err(QemuError::Process)?;
            return Ok(Resized { elapsed, resident });
        }
        if started.elapsed() > LIMIT {
            let output = Box::new(qemu.last_output());
            return Err(QemuError::OffTarget { target, actual, limit: LIMIT, output });
        }
    }
}
