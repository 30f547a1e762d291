//! A running QEMU with its guest.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::unix::net::UnixListener,
    process::{ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    cpu::CpuThread,
    error::{Activity, Evidence, PANICKED, QemuError},
    machine::{Balloon, Machine},
    migration::Migration,
    qmp::{Client, QmpError},
    resident,
    serial::{Listener, Place},
    statistics::Statistics,
};
use crate::{
    process::{
        child::{Guarded, TICK},
        interrupt,
    },
    units::Bytes,
};

/// Longest time for QEMU to start and connect.
const START: Duration = Duration::from_secs(30);
/// Longest time for a guest to boot, to which comes [`BOOT_PER_GIB`].
const BOOT: Duration = Duration::from_secs(60);
/// Time that a guest has for touching a GiB of its memory, on a slow machine without hardware virtualization.
const BOOT_PER_GIB: u32 = 30;
/// Time that QEMU has to end when asked to.
const QUIT: Duration = Duration::from_secs(10);

/// A running QEMU. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Qemu {
    // The order is the order of dropping: first the process goes, then the socket's folder.
    child: Guarded,
    qmp: Client,
    keyboard: Option<ChildStdin>,
    guest: Listener,
    stderr: Listener,
    _folder: tempfile::TempDir,
    memory: Bytes,
}

impl Qemu {
    /// Starts `machine` and connects to it. The guest has not necessarily begun to run.
    pub(crate) fn start(machine: &Machine) -> Result<Self, QemuError> {
        Self::start_with(machine, &[])
    }

    /// The same with `more` arguments for QEMU.
    pub(crate) fn start_with(machine: &Machine, more: &[OsString]) -> Result<Self, QemuError> {
        let folder = tempfile::Builder::new().prefix("aerostat-").tempdir().map_err(QemuError::Socket)?;
        let socket = folder.path().join("qmp");
        let listener = UnixListener::bind(&socket).map_err(QemuError::Socket)?;
        listener.set_nonblocking(true).map_err(QemuError::Socket)?;
        let mut command = Command::new(&machine.program);
        command.args(machine.arguments(&socket)).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Guarded::spawn(&mut command)
            .map_err(|source| QemuError::Start { program: machine.program.clone(), source })?;
        let keyboard = child.take_stdin();
        let guest = child.take_stdout().map(Listener::listen).unwrap_or_default();
        let stderr = child.take_stderr().map(Listener::listen).unwrap_or_default();

        let mut watch = Watch { child: &mut child, guest: &guest, stderr: &stderr };
        let stream = watch.wait(START, Activity::Starting, || match listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(QemuError::Socket(error)),
        })?;
        stream.set_nonblocking(false).map_err(QemuError::Socket)?;
        let qmp = Client::greet(stream).map_err(|error| watch.explain(error, Activity::Starting))?;
        let mut qemu = Self { child, qmp, keyboard, guest, stderr, _folder: folder, memory: machine.memory };
        if machine.balloon != Balloon::Missing {
            qemu.ask(Activity::Asking, Client::poll_statistics)?;
        }
        Ok(qemu)
    }

    /// Waits until the guest says that it is ready, but not longer than it may take.
    pub(crate) fn wait_ready(&mut self) -> Result<(), QemuError> {
        let gibs = u32::try_from(self.memory.mib().div_ceil(1024)).unwrap_or(u32::MAX);
        self.wait_ready_within(BOOT + Duration::from_secs(u64::from(BOOT_PER_GIB) * u64::from(gibs)))
    }

    /// Waits until the guest says that it is ready, but not longer than `limit`.
    pub(crate) fn wait_ready_within(&mut self, limit: Duration) -> Result<(), QemuError> {
        let guest = self.guest.clone();
        self.watch().wait(limit, Activity::Booting, || Ok(guest.is_ready().then_some(())))
    }

    /// Tells what the guest is to have.
    pub(crate) fn set_target(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.ask(Activity::Asking, |qmp| qmp.set_target(target))
    }

    /// What the guest has, by the device's account. An error where the guest has panicked or QEMU has ended.
    pub(crate) fn actual(&mut self, activity: Activity) -> Result<Bytes, QemuError> {
        self.watch().check(activity)?;
        self.ask(activity, Client::actual)
    }

    /// What the guest told of its memory last, if it did.
    pub(crate) fn statistics(&mut self) -> Result<Option<Statistics>, QemuError> {
        self.ask(Activity::Asking, Client::statistics)
    }

    /// Begins to migrate the guest to `uri`, at so many bytes a second.
    pub(crate) fn migrate(&mut self, uri: &str, bandwidth: Bytes) -> Result<(), QemuError> {
        self.ask(Activity::Asking, |qmp| qmp.migrate(uri, bandwidth))
    }

    /// How the migration stands.
    pub(crate) fn migration(&mut self) -> Result<Migration, QemuError> {
        self.ask(Activity::Asking, Client::migration)
    }

    /// How many instructions the guest has executed, where QEMU counts them.
    pub(crate) fn instructions(&mut self) -> Result<u64, QemuError> {
        self.ask(Activity::Asking, Client::instructions)
    }

    /// The thread of the guest's first CPU.
    pub(crate) fn cpu(&mut self) -> Result<CpuThread, QemuError> {
        let thread = self.ask(Activity::Asking, Client::cpu_thread)?;
        Ok(CpuThread::of(self.child.id(), thread))
    }

    /// Types `text` on the guest's serial line.
    pub(crate) fn type_in(&mut self, text: &str) -> Result<(), QemuError> {
        let keyboard = self.keyboard.as_mut().ok_or_else(|| QemuError::Mute(io::ErrorKind::BrokenPipe.into()))?;
        keyboard.write_all(text.as_bytes()).and_then(|()| keyboard.flush()).map_err(QemuError::Mute)
    }

    /// The guest's next line after `place` of which `read` makes something; `place` is then after that line.
    pub(crate) fn next_line<T>(&self, place: &mut Place, read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.guest.next(place, read)
    }

    /// Waits for what `look` finds, but not longer than `limit`.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>, QemuError>,
    ) -> Result<T, QemuError> {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            let activity = Activity::Awaiting(what);
            self.watch().check(activity)?;
            if start.elapsed() >= limit {
                return Err(QemuError::Hung { activity, limit, evidence: Box::new(self.evidence()) });
            }
            thread::sleep(TICK);
        }
    }

    /// The id of QEMU's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// QEMU's resident memory.
    pub(crate) fn resident(&self) -> Result<Bytes, QemuError> {
        resident::of(self.child.id()).map_err(QemuError::Process)
    }

    /// Kills QEMU, as the system might.
    pub(crate) fn kill(&mut self) {
        self.child.kill();
    }

    /// The last that guest and QEMU said.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence { guest: self.guest.lines(), qemu: self.stderr.lines() }
    }

    /// Ends QEMU in good order, or else by force.
    pub(crate) fn quit(mut self) -> Result<(), QemuError> {
        match self.ask(Activity::Asking, Client::quit) {
            // A QEMU in a hurry ends before its answer is on its way.
            Err(QemuError::Ended { status, .. }) if status.success() => return Ok(()),
            answer => answer?,
        }
        self.child.wait(QUIT).map_err(QemuError::Process)?;
        Ok(())
    }

    fn watch(&mut self) -> Watch<'_> {
        Watch { child: &mut self.child, guest: &self.guest, stderr: &self.stderr }
    }

    fn ask<T>(
        &mut self,
        activity: Activity,
        ask: impl FnOnce(&mut Client) -> Result<T, QmpError>,
    ) -> Result<T, QemuError> {
        interrupt::check()?;
        ask(&mut self.qmp).map_err(|error| self.watch().explain(error, activity))
    }
}

/// What tells whether things go wrong.
struct Watch<'a> {
    child: &'a mut Guarded,
    guest: &'a Listener,
    stderr: &'a Listener,
}

impl Watch<'_> {
    /// An error once the user has stopped the program, the guest has panicked or QEMU has ended.
    fn check(&mut self, activity: Activity) -> Result<(), QemuError> {
        interrupt::check()?;
        let status = self.child.poll().map_err(QemuError::Process)?;
        if status.is_some() || self.guest.has_panicked() {
            // The last lines may still be on their way.
            thread::sleep(Duration::from_millis(200));
        }
        let evidence = || Box::new(Evidence { guest: self.guest.lines(), qemu: self.stderr.lines() });
        if self.guest.has_panicked() || status.and_then(|status| status.code()) == Some(PANICKED) {
            return Err(QemuError::Panicked { activity, evidence: evidence() });
        }
        status.map_or(Ok(()), |status| Err(QemuError::Ended { activity, status, evidence: evidence() }))
    }

    /// Waits for `done`, but not longer than `limit`.
    fn wait<T>(
        &mut self,
        limit: Duration,
        activity: Activity,
        mut done: impl FnMut() -> Result<Option<T>, QemuError>,
    ) -> Result<T, QemuError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(result) = done()? {
                return Ok(result);
            }
            self.check(activity)?;
            if Instant::now() >= deadline {
                let evidence = Box::new(Evidence { guest: self.guest.lines(), qemu: self.stderr.lines() });
                return Err(QemuError::Hung { activity, limit, evidence });
            }
            thread::sleep(TICK);
        }
    }

    /// The reason behind a QMP command that failed: mostly, that QEMU has ended.
    fn explain(&mut self, error: QmpError, activity: Activity) -> QemuError {
        // A process that closed its socket may take a moment to be gone.
        let _ = self.child.wait(Duration::from_millis(500));
        if let Err(reason) = self.check(activity) {
            return reason;
        }
        let evidence = Box::new(Evidence { guest: self.guest.lines(), qemu: self.stderr.lines() });
        QemuError::Qmp { command: error.command, activity, reason: error.reason, evidence }
    }
}
