//! A running virtual machine.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::unix::net::UnixListener,
    process::{ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask_common::{
    bytes::Bytes,
    process::{
        child::{GuardedChild, TICK},
        interrupt,
    },
};

use super::{
    cpu::CpuThread,
    error::{Activity, LastOutput, PANICKED, QemuError},
    machine::{Balloon, Machine},
    migration::Migration,
    qmp::{Client, QmpError},
    resident,
    serial::{Listener, Position},
    statistics::Statistics,
};

/// The time limit for QEMU to start and connect.
const START: Duration = Duration::from_secs(30);
/// The time limit for a guest to boot, without the time to write to its memory ([`BOOT_PER_GIB`]).
const BOOT: Duration = Duration::from_secs(60);
/// Seconds for a guest to write to 1 GiB of its memory, on a slow host without hardware virtualization.
const BOOT_PER_GIB: u32 = 30;
/// The time limit for QEMU to end after `quit`.
const QUIT: Duration = Duration::from_secs(10);

/// A running QEMU with its guest. Dropping it kills QEMU.
#[derive(Debug)]
pub struct Qemu {
    // Fields are dropped in order: the process before the folder of its socket.
    child: GuardedChild,
    qmp: Client,
    console_input: Option<ChildStdin>,
    guest: Listener,
    stderr: Listener,
    _folder: tempfile::TempDir,
    memory: Bytes,
}

impl Qemu {
    /// Starts `machine` and connects to its QMP socket. The guest may not run yet.
    ///
    /// # Errors
    ///
    /// If QEMU does not start or connect in time.
    pub fn start(machine: &Machine) -> Result<Self, QemuError> {
        Self::start_with(machine, &[])
    }

    /// As [`Qemu::start`], with additional arguments for QEMU.
    ///
    /// # Errors
    ///
    /// As [`Qemu::start`].
    pub fn start_with(machine: &Machine, more: &[OsString]) -> Result<Self, QemuError> {
        let folder = tempfile::Builder::new().prefix("aerostat-").tempdir().map_err(QemuError::Socket)?;
        let socket = folder.path().join("qmp");
        let listener = UnixListener::bind(&socket).map_err(QemuError::Socket)?;
        listener.set_nonblocking(true).map_err(QemuError::Socket)?;
        let mut command = Command::new(&machine.program);
        command.args(machine.arguments(&socket)).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = GuardedChild::spawn(&mut command)
            .map_err(|source| QemuError::Start { program: machine.program.clone(), source })?;
        let console_input = child.take_stdin();
        let guest = child.take_stdout().map(Listener::listen).unwrap_or_default();
        let stderr = child.take_stderr().map(Listener::listen).unwrap_or_default();

        let qmp = Watch { child: &mut child, guest: &guest, stderr: &stderr }.connect(&listener)?;
        let mut qemu = Self { child, qmp, console_input, guest, stderr, _folder: folder, memory: machine.memory };
        if machine.balloon != Balloon::Absent {
            qemu.query(Activity::Querying, Client::poll_statistics)?;
        }
        Ok(qemu)
    }

    /// Waits until the guest prints that it is ready. The time limit depends on its memory.
    ///
    /// # Errors
    ///
    /// If it does not in time, panics or ends.
    pub fn wait_ready(&mut self) -> Result<(), QemuError> {
        let gibs = u32::try_from(self.memory.mib().div_ceil(1024)).unwrap_or(u32::MAX);
        self.wait_ready_within(BOOT + Duration::from_secs(u64::from(BOOT_PER_GIB) * u64::from(gibs)))
    }

    /// Waits up to `limit` until the guest prints that it is ready.
    ///
    /// # Errors
    ///
    /// As [`Qemu::wait_ready`].
    pub fn wait_ready_within(&mut self, limit: Duration) -> Result<(), QemuError> {
        let guest = self.guest.clone();
        self.watch().wait(limit, Activity::Booting, || Ok(guest.is_ready().then_some(())))
    }

    /// Sets the memory that the guest is to have.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn set_target(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.query(Activity::Querying, |qmp| qmp.set_target(target))
    }

    /// Returns the memory that the guest has, according to the device.
    ///
    /// # Errors
    ///
    /// If the QMP command fails, the guest has panicked or QEMU has ended.
    pub fn actual(&mut self, activity: Activity) -> Result<Bytes, QemuError> {
        self.watch().check(activity)?;
        self.query(activity, Client::actual)
    }

    /// Returns the last statistics of the guest, if it has sent any.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn statistics(&mut self) -> Result<Option<Statistics>, QemuError> {
        self.query(Activity::Querying, Client::statistics)
    }

    /// Returns the guest's physical address of the used ring of a virtqueue of the balloon, or `None` if QEMU does not report
    /// it: QEMU 7.2 and later do.
    ///
    /// # Errors
    ///
    /// If QEMU has ended.
    pub fn used_ring(&mut self, queue: u16) -> Result<Option<u64>, QemuError> {
        self.query(Activity::Querying, |qmp| qmp.used_ring(queue))
    }

    /// Executes a command of QEMU's monitor for people, and returns what it prints. Errors of the command are printed too.
    ///
    /// # Errors
    ///
    /// If QEMU has ended.
    pub fn monitor(&mut self, line: &str) -> Result<String, QemuError> {
        self.query(Activity::Querying, |qmp| qmp.monitor(line))
    }

    /// Starts to migrate the guest to `uri` at up to `bandwidth` a second.
    ///
    /// # Errors
    ///
    /// If a QMP command fails.
    pub fn migrate(&mut self, uri: &str, bandwidth: Bytes) -> Result<(), QemuError> {
        self.query(Activity::Querying, |qmp| qmp.migrate(uri, bandwidth))
    }

    /// Cancels the migration.
    ///
    /// # Errors
    ///
    /// [`QemuError`]
    pub fn cancel_migration(&mut self) -> Result<(), QemuError> {
        self.query(Activity::Querying, Client::cancel_migration)
    }

    /// Returns the state of the migration.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn migration(&mut self) -> Result<Migration, QemuError> {
        self.query(Activity::Querying, Client::migration)
    }

    /// Returns the number of instructions that the guest has executed. QEMU counts them only while it records.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn instructions(&mut self) -> Result<u64, QemuError> {
        self.query(Activity::Querying, Client::instructions)
    }

    /// Returns the thread that runs the guest's first CPU.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn cpu(&mut self) -> Result<CpuThread, QemuError> {
        let thread = self.query(Activity::Querying, Client::cpu_thread)?;
        Ok(CpuThread::new(self.child.id(), thread))
    }

    /// Writes `text` to the guest's serial console.
    ///
    /// # Errors
    ///
    /// If QEMU does not accept it.
    pub fn type_in(&mut self, text: &str) -> Result<(), QemuError> {
        let console_input =
            self.console_input.as_mut().ok_or_else(|| QemuError::Console(io::ErrorKind::BrokenPipe.into()))?;
        console_input.write_all(text.as_bytes()).and_then(|()| console_input.flush()).map_err(QemuError::Console)
    }

    /// Returns the first result of `read` for a console line after `position`, and moves `position` behind that line.
    pub fn next_line<T>(&self, position: &mut Position, read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.guest.next(position, read)
    }

    /// Polls `condition` until it returns a value, for up to `limit`. The error names `what` was awaited.
    ///
    /// # Errors
    ///
    /// If time is up, the guest panics, QEMU ends or `condition` fails.
    pub fn wait_for<T>(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut condition: impl FnMut(&mut Self) -> Result<Option<T>, QemuError>,
    ) -> Result<T, QemuError> {
        let start = Instant::now();
        loop {
            if let Some(found) = condition(self)? {
                return Ok(found);
            }
            let activity = Activity::WaitingFor(what);
            self.watch().check(activity)?;
            if start.elapsed() >= limit {
                return Err(QemuError::TimedOut { activity, limit, output: Box::new(self.last_output()) });
            }
            thread::sleep(TICK);
        }
    }

    /// Returns the id of the QEMU process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the resident memory of the QEMU process.
    ///
    /// # Errors
    ///
    /// If the system does not report it.
    pub fn resident(&self) -> Result<Bytes, QemuError> {
        resident::of(self.child.id()).map_err(QemuError::Process)
    }

    /// Kills QEMU.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Returns the last lines that guest and QEMU printed.
    pub fn last_output(&self) -> LastOutput {
        LastOutput { guest: self.guest.lines(), qemu: self.stderr.lines() }
    }

    /// Ends QEMU: through QMP, or by killing it if it does not end in time.
    ///
    /// # Errors
    ///
    /// If the QMP command fails.
    pub fn quit(mut self) -> Result<(), QemuError> {
        match self.query(Activity::Querying, Client::quit) {
            // QEMU may end before it has sent its answer.
            Err(QemuError::Ended { status, .. }) if status.success() => return Ok(()),
            answer => answer?,
        }
        self.child.wait(QUIT).map_err(QemuError::Process)?;
        Ok(())
    }

    fn watch(&mut self) -> Watch<'_> {
        Watch { child: &mut self.child, guest: &self.guest, stderr: &self.stderr }
    }

    fn query<T>(
        &mut self,
        activity: Activity,
        command: impl FnOnce(&mut Client) -> Result<T, QmpError>,
    ) -> Result<T, QemuError> {
        interrupt::check()?;
        command(&mut self.qmp).map_err(|error| self.watch().explain(error, activity))
    }
}

/// Detects failures of guest and QEMU.
struct Watch<'a> {
    child: &'a mut GuardedChild,
    guest: &'a Listener,
    stderr: &'a Listener,
}

impl Watch<'_> {
    /// Waits until QEMU connects to the QMP socket.
    fn connect(&mut self, listener: &UnixListener) -> Result<Client, QemuError> {
        let stream = self.wait(START, Activity::Starting, || match listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(QemuError::Socket(error)),
        })?;
        stream.set_nonblocking(false).map_err(QemuError::Socket)?;
        Client::connect(stream).map_err(|error| self.explain(error, Activity::Starting))
    }

    /// Returns an error if the user has stopped the program, the guest has panicked or QEMU has ended.
    fn check(&mut self, activity: Activity) -> Result<(), QemuError> {
        interrupt::check()?;
        let status = self.child.poll().map_err(QemuError::Process)?;
        if status.is_some() || self.guest.has_panicked() {
            // The last lines may still be on their way.
            thread::sleep(Duration::from_millis(200));
        }
        let output = || Box::new(LastOutput { guest: self.guest.lines(), qemu: self.stderr.lines() });
        if self.guest.has_panicked() || status.and_then(|status| status.code()) == Some(PANICKED) {
            return Err(QemuError::Panicked { activity, output: output() });
        }
        status.map_or(Ok(()), |status| Err(QemuError::Ended { activity, status, output: output() }))
    }

    /// Polls `done` until it returns a value, for up to `limit`.
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
                let output = Box::new(LastOutput { guest: self.guest.lines(), qemu: self.stderr.lines() });
                return Err(QemuError::TimedOut { activity, limit, output });
            }
            thread::sleep(TICK);
        }
    }

    /// Returns the cause of a failed QMP command: usually QEMU has ended.
    fn explain(&mut self, error: QmpError, activity: Activity) -> QemuError {
        // A process closes its socket shortly before it has ended.
        let _ = self.child.wait(Duration::from_millis(500));
        if let Err(reason) = self.check(activity) {
            return reason;
        }
        let output = Box::new(LastOutput { guest: self.guest.lines(), qemu: self.stderr.lines() });
        QemuError::Qmp { command: error.command, activity, reason: error.reason, output }
    }
}
