//! The guests that are compared: the same machine for all of them.

use std::{
    ffi::OsString,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{
    ARCH,
    clock::{Clock, Took},
    linux::Linux,
    results::Who,
};
use crate::{
    cli::Transport,
    qemu::{
        error::{Activity, QemuError},
        features::Offer,
        machine::{Balloon, Machine, Start},
        process::Qemu,
    },
    units::Bytes,
};

/// How often to look from outside, at what the system knows of QEMU.
pub(super) const LOOK: Duration = Duration::from_micros(500);
/// What a guest has time for before it is measured: a Linux that has just started is not idle at once.
const SETTLE: Duration = Duration::from_millis(1500);
/// Longest time for anything that is measured.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// What the guests are made of.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The QEMU program.
    pub(super) program: PathBuf,
    /// The image of this workspace's guest.
    pub(super) image: PathBuf,
    pub(super) linux: Option<Linux>,
    pub(super) memory: Bytes,
}

/// What a guest is started with.
#[derive(Clone, Debug, Default)]
pub(super) struct Words<'a> {
    /// Words for its command line, which all guests understand.
    pub(super) guest: &'a str,
    pub(super) offer: Offer,
    /// More arguments for QEMU.
    pub(super) qemu: &'a [OsString],
}

impl Field {
    /// Who takes part.
    pub(super) fn guests(&self) -> &'static [Who] {
        match self.linux {
            Some(_) => &[Who::Aerostat, Who::Linux, Who::LinuxUnzeroed],
            None => &[Who::Aerostat],
        }
    }

    /// A guest that is ready and at rest.
    pub(super) fn start(&self, who: Who, words: &Words<'_>) -> anyhow::Result<Qemu> {
        let linux = || self.linux.as_ref().context("there is no Linux to start");
        // Where Linux's console is, its messages are among the lines of its first program; hence `quiet`.
        let console = "console=ttyS0 quiet panic=-1";
        let (image, before, initrd) = match who {
            Who::Aerostat => (&self.image, "quiet".to_owned(), None),
            Who::Linux => (&linux()?.kernel, console.to_owned(), Some(&linux()?.initrd)),
            Who::LinuxUnzeroed => (&linux()?.kernel, format!("{console} init_on_alloc=0"), Some(&linux()?.initrd)),
            _ => bail!("{} is no guest", who.name()),
        };
        let machine = Machine {
            arch: ARCH,
            program: self.program.clone(),
            image: image.clone(),
            command_line: format!("{before} {}", words.guest),
            memory: self.memory,
            transport: Transport::Pci,
            balloon: Balloon::Fitted(words.offer.clone()),
            start: Start::Running,
            entropy: None,
        };
        let mut more = words.qemu.to_vec();
        more.extend(initrd.into_iter().flat_map(|initrd| ["-initrd".into(), initrd.clone().into()]));
        let mut qemu = Qemu::start_with(&machine, &more)?;
        qemu.wait_ready()?;
        thread::sleep(SETTLE);
        Ok(qemu)
    }
}

/// Has the guest go to `target`, and says how long it took from the command until the device knew of the last page and the
/// guest's CPU was at rest.
///
/// QEMU is asked only then: each question holds up the thread that is measured, for a tenth of a millisecond, and then
/// whenever the host's kernel has to tell the other thread's CPU that a page has gone.
pub(super) fn move_to(qemu: &mut Qemu, target: Bytes) -> Result<Took, QemuError> {
    let cpu = qemu.cpu()?;
    let (clock, started) = (Clock::start(qemu.id()).map_err(QemuError::Process)?, Instant::now());
    qemu.set_target(target)?;
    loop {
        thread::sleep(LOOK);
        if cpu.is_busy() && started.elapsed() < LIMIT {
            continue;
        }
        let actual = qemu.actual(Activity::Following { target })?;
        if actual == target {
            return clock.stop().map_err(QemuError::Process);
        }
        if started.elapsed() > LIMIT {
            let evidence = Box::new(qemu.evidence());
            return Err(QemuError::Lost { target, actual, limit: LIMIT, evidence });
        }
    }
}
