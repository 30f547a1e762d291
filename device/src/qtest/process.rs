//! A QEMU process.

use std::io::{self, BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use aerostat_transport::pci::Space;
use qapi::{Qmp, Stream, qmp};

use super::client::{Client, LIMIT};
use super::device::{Machine, QemuDevice};
use super::error::QemuError;
use super::io::{QtestPorts, QtestRegion};
use super::memory::Memory;
use super::program::qemu_available;
use super::stderr::Stderr;
use crate::memory::GuestMemory;

/// A QEMU machine with one virtio device and a stopped or halted CPU. `M` is the kind of its memory.
///
/// Every wait has a time limit. Dropping the value stops QEMU.
#[derive(Debug)]
pub struct Qemu<M = GuestMemory> {
    child: Child,
    client: Client,
    qmp: Mutex<QmpConnection>,
    stderr: Stderr,
    memory: M,
}

struct QmpConnection(Qmp<Stream<BufReader<UnixStream>, UnixStream>>);

impl std::fmt::Debug for QmpConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QmpConnection")
    }
}

impl<M: Memory> Qemu<M> {
    /// Starts a machine with a balloon: [`Qemu::start_with`] and [`QemuDevice::balloon`].
    ///
    /// # Errors
    ///
    /// As for [`Qemu::start_with`].
    pub fn start(machine: Machine, memory: &M, properties: &str) -> Result<Self, QemuError> {
        Self::start_with(machine, memory, &QemuDevice::balloon(machine, properties))
    }

    /// Starts a machine with a device of any type, and with `memory` of at most 2 GiB.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU is not installed, or exits immediately, for example because of an unknown property.
    pub fn start_with(machine: Machine, memory: &M, device: &QemuDevice) -> Result<Self, QemuError> {
        let program = qemu_available().map_err(QemuError::NotInstalled)?;
        let failed = |source| QemuError::Start { program: program.display().to_string(), source };
        let firmware = halting_firmware().map_err(failed)?;
        // QEMU inherits the sockets as standard input and output, so there are no socket paths or ports to manage.
        let (qtest, qtest_end) = UnixStream::pair().map_err(failed)?;
        let (qmp, qmp_end) = UnixStream::pair().map_err(failed)?;
        let mut child = Command::new(&program)
            .args(arguments(machine, memory, device, &firmware))
            .stdin(Stdio::from(OwnedFd::from(qtest_end)))
            .stdout(Stdio::from(OwnedFd::from(qmp_end)))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stderr = Stderr::default();
        if let Some(pipe) = child.stderr.take() {
            stderr.collect(pipe);
        }
        let connected = connect(qtest, qmp, &stderr);
        let (client, qmp) = match connected {
            Ok(connected) => connected,
            Err(error) => {
                kill(&mut child);
                return Err(error.explain("start-up", &stderr));
            }
        };
        Ok(Self { child, client, qmp: Mutex::new(QmpConnection(qmp)), stderr, memory: memory.clone() })
    }
}

impl<M> Qemu<M> {
    /// Returns the memory of the machine.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Returns a register region at any address of the machine.
    pub fn region(&self, space: Space, start: u64, len: usize) -> QtestRegion {
        QtestRegion::new(self.client.clone(), space, start, len)
    }

    /// Returns the I/O ports of the machine.
    pub fn ports(&self) -> QtestPorts {
        QtestPorts::new(self.client.clone())
    }

    /// Sets the memory size of the guest in bytes. QEMU sets `num_pages` to the difference to the machine's memory.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU rejects the command or does not answer.
    pub fn set_target(&self, bytes: u64) -> Result<(), QemuError> {
        let value = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.execute(&qmp::balloon { value }).map(drop)
    }

    /// Returns the memory size of the guest in bytes, according to `actual`.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU rejects the command or does not answer.
    pub fn actual(&self) -> Result<u64, QemuError> {
        let info = self.execute(&qmp::query_balloon {})?;
        Ok(u64::try_from(info.actual).unwrap_or(0))
    }

    /// Intercepts the interrupt input lines of an object: see [`Qemu::interrupt_line`].
    ///
    /// # Errors
    ///
    /// [`QemuError`] if the object does not exist.
    pub fn intercept_interrupts(&self, object: &str) -> Result<(), QemuError> {
        self.client.request(&format!("irq_intercept_in {object}")).map(drop)
    }

    /// Returns the level of an intercepted line at the last register access.
    pub fn interrupt_line(&self, line: u32) -> bool {
        self.client.line_level(line)
    }

    /// Checks that all register accesses since the last check have reached QEMU.
    ///
    /// # Errors
    ///
    /// The error of the first failed access.
    pub fn check(&self) -> Result<(), QemuError> {
        self.client.take_failure().map_or(Ok(()), Err)
    }

    /// Returns the process id of QEMU.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Executes a QMP command.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU rejects the command or does not answer.
    pub fn execute<C: qmp::QmpCommand>(&self, command: &C) -> Result<C::Ok, QemuError> {
        let mut qmp = self.qmp.lock().unwrap_or_else(PoisonError::into_inner);
        qmp.0.execute(command).map_err(|error| match error {
            qapi::ExecuteError::Qapi(error) => QemuError::Rejected { command: C::NAME, reason: error.desc },
            qapi::ExecuteError::Io(error) => ConnectionError(error).explain(C::NAME, &self.stderr),
        })
    }
}

impl<M> Drop for Qemu<M> {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// Kills QEMU. It has nothing to clean up: this process owns its memory, and its sockets have no names.
fn kill(child: &mut Child) {
    // Both calls fail only if QEMU has exited already.
    let _ = child.kill();
    let _ = child.wait();
}

/// An I/O error of a connection to QEMU.
struct ConnectionError(io::Error);

impl ConnectionError {
    /// Adds the operation and the error output of QEMU.
    fn explain(self, during: &str, stderr: &Stderr) -> QemuError {
        let (during, stderr) = (during.to_owned(), stderr.complete_text());
        match self.0.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => QemuError::Timeout { during, limit: LIMIT, stderr },
            _ => QemuError::Exited { during, stderr },
        }
    }
}

type Connected = (Client, Qmp<Stream<BufReader<UnixStream>, UnixStream>>);

fn connect(qtest: UnixStream, qmp: UnixStream, stderr: &Stderr) -> Result<Connected, ConnectionError> {
    qmp.set_read_timeout(Some(LIMIT)).map_err(ConnectionError)?;
    qmp.set_write_timeout(Some(LIMIT)).map_err(ConnectionError)?;
    let mut reader = BufReader::new(qmp.try_clone().map_err(ConnectionError)?);
    // `handshake` panics without a greeting, and a QEMU that exits immediately sends none.
    if reader.fill_buf().map_err(ConnectionError)?.is_empty() {
        return Err(ConnectionError(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut qmp = Qmp::new(Stream::new(reader, qmp));
    qmp.handshake().map_err(|error| ConnectionError(error.into()))?;
    let client = Client::new(qtest, stderr.clone()).map_err(ConnectionError)?;
    Ok((client, qmp))
}

/// Returns firmware that halts the CPU immediately.
fn halting_firmware() -> io::Result<GuestMemory> {
    /// Offset of the reset vector in the firmware, and its code: `cli; hlt; jmp` back to `hlt`.
    const RESET: (u64, [u8; 4]) = (FIRMWARE - 16, [0xfa, 0xf4, 0xeb, 0xfd]);
    const FIRMWARE: u64 = 64 << 10;
    let firmware = GuestMemory::new(FIRMWARE).map_err(io::Error::other)?;
    firmware.write(RESET.0, &RESET.1).map_err(io::Error::other)?;
    Ok(firmware)
}

/// Returns the command line arguments of QEMU.
fn arguments(machine: Machine, memory: &impl Memory, device: &QemuDevice, firmware: &GuestMemory) -> Vec<String> {
    let bytes = memory.bytes();
    let force_legacy = machine == Machine::LegacyMicrovm;
    let machine = match machine {
        Machine::Q35 => "q35",
        Machine::Microvm | Machine::LegacyMicrovm => "microvm,acpi=off",
    };
    let mut arguments: Vec<String> =
        ["-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg"].map(String::from).into();
    match device.runs() {
        true => arguments.extend(["-bios".into(), firmware.path().display().to_string()]),
        false => arguments.push("-S".into()),
    }
    let options = [
        ("-M", format!("{machine},memory-backend=ram")),
        ("-m", format!("{bytes}B{}", device.memory_options(bytes))),
        ("-object", format!("{},id=ram,size={bytes}", memory.backend())),
        // QEMU's default for virtio-mmio is version 1.
        ("-global", format!("virtio-mmio.force-legacy={force_legacy}")),
        ("-chardev", String::from("socket,id=qtest,fd=0")),
        ("-chardev", String::from("socket,id=qmp,fd=1")),
        ("-qtest", String::from("chardev:qtest")),
        ("-qtest-log", String::from("none")),
        ("-mon", String::from("chardev=qmp,mode=control")),
    ];
    for (name, value) in options {
        arguments.push(name.into());
        arguments.push(value);
    }
    arguments.extend(device.arguments());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_before_the_greeting_is_an_error() {
        let (qtest, qmp) = (UnixStream::pair().unwrap().0, UnixStream::pair().unwrap().0);
        let error = connect(qtest, qmp, &Stderr::default()).map(drop).unwrap_err();
        assert!(matches!(error.explain("start-up", &Stderr::default()), QemuError::Exited { .. }));
    }
}
