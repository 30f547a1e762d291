//! Buffers that QEMU's monitor shows, decoded as the book says.

use std::{
    io::Write as _,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use aerostat_codegen::Decoder;
use anyhow::{Context as _, bail, ensure};
use xtask_common::{
    arch::Arch,
    process::{
        child::{GuardedChild, TICK},
        interrupt,
    },
};
use xtask_qemu::{
    program,
    serial::{Listener, Position},
};

use super::guest::{Guest, number};
use crate::{
    decode::{self, monitor},
    not_run::NotRun,
};

/// Stops the guest, and decodes the buffer that the balloon device has taken last from a queue.
pub(crate) fn buffer_in_device(guest: &mut Guest, queue: u16) -> anyhow::Result<String> {
    let qemu = guest.qemu();
    qemu.monitor("stop")?;
    let devices = qemu.monitor("info virtio")?;
    let Some(path) = devices.lines().find_map(|line| line.strip_suffix(" [virtio-balloon]")) else {
        return Err(NotRun::required("this QEMU does not show the buffers of virtqueues: it needs QEMU 7.2").into());
    };
    let status = qemu.monitor(&status_of(path, queue))?;
    let next = next_index(&status).with_context(|| format!("no index in {status}"))?;
    let mut session = qemu.monitor(&element_of(path, queue, next.wrapping_sub(1)))?;
    for command in monitor::commands(&session)? {
        session += &qemu.monitor(&command)?;
    }
    decoded("balloon", queue, &session)
}

fn decoded(device: &str, queue: u16, session: &str) -> anyhow::Result<String> {
    let model = decode::model(&decode::description(device)?)?;
    monitor::decoded(&Decoder::new(&model), decode::device_id(&model)?, queue, session)
        .with_context(|| format!("from QEMU's monitor:\n{session}"))
}

fn status_of(path: &str, queue: u16) -> String {
    format!("info virtio-queue-status {path} {queue}")
}

fn element_of(path: &str, queue: u16, index: u16) -> String {
    format!("info virtio-queue-element {path} {queue} {index}")
}

/// Returns the index of the buffer that the device takes next.
fn next_index(status: &str) -> Option<u16> {
    number(status, "  last_avail_idx:", "\n")?.try_into().ok()
}

/// The disk of [`check_request_of_the_bios`] in QEMU's object tree.
const DISK: &str = "/machine/peripheral/disk0/virtio-backend";
/// The start of its first sector.
const SECTOR: &[u8] = b"This disk is not bootable.";
const SECTOR_BYTES: usize = 512;
/// The longest time until the BIOS has read the sector.
const LIMIT: Duration = Duration::from_secs(30);

/// Decodes a request with several parts, which QEMU shows from the last to the first: the BIOS of a PC reads the first sector of a
/// disk.
pub(crate) fn check_request_of_the_bios() -> anyhow::Result<()> {
    let mut disk = tempfile::NamedTempFile::new()?;
    disk.write_all(SECTOR)?;
    disk.as_file().set_len(1 << 20)?;
    let mut session = Session::start(disk.path())?;
    let start = Instant::now();
    loop {
        let status = session.execute(&status_of(DISK, 0))?;
        if next_index(&status).with_context(|| format!("no index in {status}"))? > 0 {
            break;
        }
        ensure!(start.elapsed() < LIMIT, "the BIOS did not read the disk within {} s:\n{status}", LIMIT.as_secs());
        thread::sleep(TICK);
    }
    session.execute("stop")?;
    let mut shown = session.execute(&element_of(DISK, 0, 0))?;
    for command in monitor::commands(&shown)? {
        shown += &session.execute(&command)?;
    }
    let decoded = decoded("block", 0, &shown)?;
    let data: String = decoded.lines().filter_map(|line| line.split_once(" data: ")).map(|(_, data)| data).collect();
    let first = SECTOR.iter().map(|byte| format!("{byte:02x}")).take(16).collect::<Vec<_>>().join(" ");
    ensure!(
        decoded.starts_with("request: read\n  > 0x0000 type: read (0x0)\n")
            && decoded.contains("\n  > 0x0008 sector: 0x0\n")
            && data.starts_with(&first)
            && decoded.ends_with(&format!("\n  < {SECTOR_BYTES:#06x} status: ok (0x0)\n")),
        "the BIOS has read another sector:\n{decoded}\nfrom QEMU's monitor:\n{shown}"
    );
    println!("QEMU's monitor shows how the BIOS reads a disk.");
    Ok(())
}

/// A session of QEMU's monitor on standard input and output, as people use it.
struct Session {
    input: ChildStdin,
    output: Listener,
    position: Position,
    _child: GuardedChild,
}

impl Session {
    /// Starts a PC with a virtio disk.
    fn start(disk: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program::name(Arch::X86_64));
        command.args(["-accel", "tcg", "-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-m", "64M"]);
        command.args(["-device", "virtio-blk-pci,drive=disk,id=disk0", "-monitor", "stdio", "-drive"]);
        command.arg(format!("file={},format=raw,if=none,id=disk", disk.display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = GuardedChild::spawn(&mut command).context("failed to start QEMU")?;
        let (input, output) = (child.take_stdin(), child.take_stdout());
        let (Some(input), Some(output)) = (input, output) else { bail!("QEMU has no standard input and output") };
        Ok(Self { input, output: Listener::listen(output), position: Position::default(), _child: child })
    }

    /// Executes a command, and returns what QEMU prints until the end of the next one, which is harmless.
    fn execute(&mut self, line: &str) -> anyhow::Result<String> {
        const LAST: &str = "VM status: ";
        write!(self.input, "{line}\ninfo status\n")?;
        let (start, mut text) = (Instant::now(), String::new());
        loop {
            interrupt::check()?;
            match self.output.next(&mut self.position, |line| Some(line.trim_end().to_owned())) {
                Some(line) if line.starts_with(LAST) => return Ok(text),
                Some(line) => text += &(line + "\n"),
                None if start.elapsed() > LIMIT => bail!("QEMU's monitor does not answer `{line}`: {text}"),
                None => thread::sleep(TICK),
            }
        }
    }
}
