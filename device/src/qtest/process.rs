//! One QEMU: started, asked, and ended with the value.

use std::io::{self, BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use aerostat_transport::pci::Space;
use qapi::{Qmp, Stream, qmp};

use super::client::{Client, LIMIT};
use super::error::QemuError;
use super::io::{QtestPorts, QtestRegion};
use super::memory::Memory;
use super::program::qemu_available;
use super::stderr::Stderr;
use crate::memory::GuestMemory;

/// A machine to put a device in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A PC with PCI Express; the device is a PCI function on bus 0.
    Q35,
    /// A small machine; the device has MMIO registers, version 2.
    Microvm,
    /// The same with MMIO registers of version 1: the legacy interface.
    LegacyMicrovm,
}

/// A device of QEMU's, with properties like `"packed=on,event_idx=off"`, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitted<'a> {
    /// The balloon. For `"free-page-hint=on"` there is an `"iothread=hints"`.
    Balloon(&'a str),
    /// An entropy device that gives out the bytes of a file, in order. Where they do not suffice, QEMU hangs.
    Entropy(&'a Path, &'a str),
}

/// A machine with a balloon that is never started, or with another device and a CPU that sleeps. Its memory is of the kind
/// `M`.
///
/// Every wait has a limit. Dropping the value ends QEMU.
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
    /// Starts a machine with a balloon, see [`Qemu::start_with`] and [`Fitted::Balloon`].
    ///
    /// # Errors
    ///
    /// As for [`Qemu::start_with`].
    pub fn start(machine: Machine, memory: &M, properties: &str) -> Result<Self, QemuError> {
        Self::start_with(machine, memory, Fitted::Balloon(properties))
    }

    /// Starts a machine with `memory` of at most 2 GiB, and a device.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when there is no QEMU, or it ends at once, for instance because of a property it does not know.
    pub fn start_with(machine: Machine, memory: &M, device: Fitted<'_>) -> Result<Self, QemuError> {
        let program = qemu_available().map_err(QemuError::Missing)?;
        let failed = |source| QemuError::Start { program: program.display().to_string(), source };
        let firmware = sleep().map_err(failed)?;
        // QEMU inherits its ends as standard input and output: there is no path to clean up and no port to guess.
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
                end(&mut child);
                return Err(error.explain("starting", &stderr));
            }
        };
        Ok(Self { child, client, qmp: Mutex::new(QmpConnection(qmp)), stderr, memory: memory.clone() })
    }
}

impl<M> Qemu<M> {
    /// The memory of the machine: for [`GuestMemory`], what QEMU and the test share.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Registers anywhere in the machine.
    pub fn region(&self, space: Space, start: u64, len: usize) -> QtestRegion {
        QtestRegion::new(self.client.clone(), space, start, len)
    }

    /// All I/O ports of the machine.
    pub fn ports(&self) -> QtestPorts {
        QtestPorts::new(self.client.clone())
    }

    /// Writes `num_pages`, so that the guest would keep `bytes` of its memory. QEMU turns it into a balloon of the rest.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU refuses or does not answer.
    pub fn set_target(&self, bytes: u64) -> Result<(), QemuError> {
        let value = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.execute(&qmp::balloon { value }).map(drop)
    }

    /// How many bytes of memory the guest has left, by what the driver wrote to `actual`.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU refuses or does not answer.
    pub fn actual(&self) -> Result<u64, QemuError> {
        let info = self.execute(&qmp::query_balloon {})?;
        Ok(u64::try_from(info.actual).unwrap_or(0))
    }

    /// Reports interrupts of the input lines of an object from now on: see [`Qemu::interrupt_line`].
    ///
    /// # Errors
    ///
    /// [`QemuError`] when there is no such object.
    pub fn intercept_interrupts(&self, object: &str) -> Result<(), QemuError> {
        self.client.ask(&format!("irq_intercept_in {object}")).map(drop)
    }

    /// The level of an intercepted line, as of the last access to a register.
    pub fn interrupt_line(&self, line: u32) -> bool {
        self.client.line(line)
    }

    /// Whether all accesses to registers so far really reached QEMU.
    ///
    /// # Errors
    ///
    /// What went wrong first.
    pub fn check(&self) -> Result<(), QemuError> {
        self.client.take_failure().map_or(Ok(()), Err)
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// One QMP command.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU refuses or does not answer.
    pub fn execute<C: qmp::QmpCommand>(&self, command: &C) -> Result<C::Ok, QemuError> {
        let mut qmp = self.qmp.lock().unwrap_or_else(PoisonError::into_inner);
        qmp.0.execute(command).map_err(|error| match error {
            qapi::ExecuteError::Qapi(error) => QemuError::Absent { command: C::NAME, reason: error.desc },
            qapi::ExecuteError::Io(error) => Trouble(error).explain(C::NAME, &self.stderr),
        })
    }
}

impl<M> Drop for Qemu<M> {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends QEMU, which has nothing to tidy up: its memory is ours and its sockets have no names.
fn end(child: &mut Child) {
    // Both fail only when it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

/// An error of a connection, to be explained by what QEMU said.
struct Trouble(io::Error);

impl Trouble {
    fn explain(self, doing: &str, stderr: &Stderr) -> QemuError {
        let (doing, stderr) = (doing.to_owned(), stderr.last_words());
        match self.0.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => QemuError::Silent { doing, limit: LIMIT, stderr },
            _ => QemuError::Gone { doing, stderr },
        }
    }
}

type Connected = (Client, Qmp<Stream<BufReader<UnixStream>, UnixStream>>);

fn connect(qtest: UnixStream, qmp: UnixStream, stderr: &Stderr) -> Result<Connected, Trouble> {
    qmp.set_read_timeout(Some(LIMIT)).map_err(Trouble)?;
    qmp.set_write_timeout(Some(LIMIT)).map_err(Trouble)?;
    let mut reader = BufReader::new(qmp.try_clone().map_err(Trouble)?);
    // The library takes a greeting for granted, and a QEMU that ends at once sends none.
    if reader.fill_buf().map_err(Trouble)?.is_empty() {
        return Err(Trouble(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut qmp = Qmp::new(Stream::new(reader, qmp));
    qmp.handshake().map_err(|error| Trouble(error.into()))?;
    let client = Client::new(qtest, stderr.clone()).map_err(Trouble)?;
    Ok((client, qmp))
}

/// Firmware by which a CPU sleeps as soon as it is started, for good.
fn sleep() -> io::Result<GuestMemory> {
    /// Where the CPU begins, and what it does: `cli`, `hlt`, and back to `hlt`.
    const RESET: (u64, [u8; 4]) = (FIRMWARE - 16, [0xfa, 0xf4, 0xeb, 0xfd]);
    const FIRMWARE: u64 = 64 << 10;
    let firmware = GuestMemory::new(FIRMWARE).map_err(io::Error::other)?;
    firmware.write(RESET.0, &RESET.1).map_err(io::Error::other)?;
    Ok(firmware)
}

fn arguments(machine: Machine, memory: &impl Memory, device: Fitted<'_>, firmware: &GuestMemory) -> Vec<String> {
    let bytes = memory.bytes();
    let force_legacy = machine == Machine::LegacyMicrovm;
    let (machine, bus) = match machine {
        Machine::Q35 => ("q35", "pci"),
        Machine::Microvm | Machine::LegacyMicrovm => ("microvm,acpi=off", "device"),
    };
    let mut arguments: Vec<String> =
        ["-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg"].map(String::from).into();
    let (object, device, properties) = match device {
        Fitted::Balloon(properties) => {
            arguments.push("-S".into());
            ("iothread,id=hints".into(), format!("virtio-balloon-{bus},id=balloon"), properties)
        }
        Fitted::Entropy(file, properties) => {
            // It answers only where the machine runs.
            arguments.extend(["-bios".into(), firmware.path().display().to_string()]);
            let source = format!("rng-random,id=source,filename={}", file.display());
            (source, format!("virtio-rng-{bus},rng=source"), properties)
        }
    };
    let comma = if properties.is_empty() { "" } else { "," };
    let options = [
        ("-M", format!("{machine},memory-backend=ram")),
        ("-m", format!("{bytes}B")),
        ("-object", format!("{},id=ram,size={bytes}", memory.backend())),
        // The registers of version 2 are not what this transport has by default.
        ("-global", format!("virtio-mmio.force-legacy={force_legacy}")),
        ("-object", object),
        ("-device", format!("{device}{comma}{properties}")),
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
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qemu_that_ends_before_it_greets_is_an_error() {
        let (qtest, qmp) = (UnixStream::pair().unwrap().0, UnixStream::pair().unwrap().0);
        let error = connect(qtest, qmp, &Stderr::default()).map(drop).unwrap_err();
        assert!(matches!(error.explain("starting", &Stderr::default()), QemuError::Gone { .. }));
    }
}
