//! Failures must be reported quickly and clearly: each case breaks one thing and checks the error message.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use aerostat_demo::{
    arguments::DemoArguments,
    device,
    plan::Plan,
    qemu::QemuSession,
    run::{self, Limits},
};
use anyhow::{Context as _, bail};
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    features::Offer,
    machine::{Balloon, Machine, Start},
    program,
    transport::Transport,
    vm::Qemu,
};

use super::{context::Context, scope::Scope};

/// A failure and its check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) check: fn(&mut Context) -> anyhow::Result<()>,
}

/// The cases.
pub(crate) const CASES: &[Case] = &[
    Case { name: "a missing QEMU is named", scope: Scope::Host, check: absent },
    Case { name: "a broken QEMU is named", scope: Scope::Host, check: broken },
    Case { name: "the error of a QEMU that fails to start is quoted", scope: Scope::Host, check: failing },
    Case { name: "a QEMU that is killed is detected", scope: Scope::All, check: dying },
    Case { name: "a machine without a balloon is detected", scope: Scope::All, check: without_balloon },
    Case { name: "a guest that is never ready times out", scope: Scope::All, check: silent },
    Case { name: "the panic of a guest is quoted", scope: Scope::All, check: panicking },
    Case { name: "the fault of a guest is quoted", scope: Scope::All, check: faulting },
    Case { name: "a guest that hangs times out", scope: Scope::All, check: hanging },
];

/// The time limit for output and for progress in these cases.
const LIMIT: Duration = Duration::from_secs(3);
/// The memory of the guests.
const MEMORY: Bytes = Bytes::from_mib(128);

fn absent(_: &mut Context) -> anyhow::Result<()> {
    let error = choose("/no/such/qemu")?;
    contains(error, &["QEMU was not found as `/no/such/qemu`", "package qemu-system-x86"])
}

fn broken(_: &mut Context) -> anyhow::Result<()> {
    let script = Script::new("exit 3")?;
    contains(choose(&script.path())?, &["is not a working QEMU", "exit status: 3"])
}

fn failing(_: &mut Context) -> anyhow::Result<()> {
    let script = Script::new("echo 'the machine is broken' >&2; exit 1")?;
    let machine = Machine { program: script.file.clone(), ..machine(Arch::X86_64, PathBuf::from("none"), "") };
    let error = Qemu::start(&machine).map(drop).err().context("QEMU started")?;
    contains(error.into(), &["QEMU ended while starting QEMU: exit status: 1", "  | the machine is broken"])
}

fn dying(context: &mut Context) -> anyhow::Result<()> {
    let mut qemu = ready(context, "")?;
    qemu.kill();
    contains(run_demo(qemu)?, &["QEMU ended while", "signal: 9", "last output of the guest:", "  | ready: "])
}

fn without_balloon(context: &mut Context) -> anyhow::Result<()> {
    let machine = Machine { balloon: Balloon::Absent, ..guest(context, "")? };
    let mut qemu = Qemu::start(&machine)?;
    let error = match qemu.wait_ready() {
        Ok(()) => run_demo(qemu)?,
        Err(error) => error.into(),
    };
    contains(error, &["No balloon device has been activated", "  | error: no usable balloon on PCI or MMIO"])
}

fn silent(context: &mut Context) -> anyhow::Result<()> {
    let machine = Machine { start: Start::Paused, ..guest(context, "")? };
    let error = Qemu::start(&machine)?.wait_ready_within(LIMIT).err().context("the guest was ready")?;
    contains(error.into(), &["timed out after 3 s while booting the guest", "the guest printed nothing"])
}

fn panicking(context: &mut Context) -> anyhow::Result<()> {
    contains(start(context, "then=panic")?, &["the guest panicked while", "  | panic: requested on the command line"])
}

fn faulting(context: &mut Context) -> anyhow::Result<()> {
    contains(start(context, "then=fault")?, &["the guest panicked while", " at instruction 0x"])
}

fn hanging(context: &mut Context) -> anyhow::Result<()> {
    let qemu = ready(context, "then=hang")?;
    contains(run_demo(qemu)?, &["did not reach its target of 64 MiB: it still had 128 MiB after 3 s", "  | ready: "])
}

/// Returns the error for `program` as QEMU.
fn choose(program: &str) -> anyhow::Result<anyhow::Error> {
    let arguments =
        DemoArguments::parse_words(&["--memory", "128", "--target", "64", "--device", "qemu", "--qemu", program])?;
    device::choose(&Plan::new(&arguments)?, arguments.device).err().context("it was accepted")
}

fn machine(arch: Arch, image: PathBuf, command_line: &str) -> Machine {
    Machine {
        arch,
        program: program::name(arch).into(),
        image,
        command_line: command_line.to_owned(),
        memory: MEMORY,
        transport: Transport::Pci,
        balloon: Balloon::Present(Offer::Default),
        start: Start::Running,
        entropy: None,
    }
}

/// Returns a machine with the guest.
fn guest(context: &mut Context, command_line: &str) -> anyhow::Result<Machine> {
    let image = context.build_guest(context.arch)?;
    Ok(machine(context.arch, image, command_line))
}

/// Starts a guest and waits until it is ready.
fn ready(context: &mut Context, command_line: &str) -> anyhow::Result<Qemu> {
    let mut qemu = Qemu::start(&guest(context, command_line)?)?;
    qemu.wait_ready()?;
    Ok(qemu)
}

/// Returns the error of a guest that ends on its own, before or after it is ready.
fn start(context: &mut Context, command_line: &str) -> anyhow::Result<anyhow::Error> {
    let mut qemu = Qemu::start(&guest(context, command_line)?)?;
    match qemu.wait_ready() {
        Ok(()) => run_demo(qemu),
        Err(error) => Ok(error.into()),
    }
}

/// Returns the error of a run to half of the memory.
fn run_demo(qemu: Qemu) -> anyhow::Result<anyhow::Error> {
    let plan = Plan::new(&DemoArguments::parse_words(&["--memory", "128", "--target", "64"])?)?;
    let limits = Limits { no_progress: LIMIT, ..Limits::of(&plan) };
    let mut session = QemuSession::new(qemu, &plan);
    run::run_within(&plan, limits, &mut session, &mut |_| {}).err().context("the run succeeded")
}

/// Checks that the message of `error` contains all of `parts`.
fn contains(error: anyhow::Error, parts: &[&str]) -> anyhow::Result<()> {
    let text = format!("{error:#}");
    eprintln!("{text}");
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => bail!("the error does not contain {part:?}: {text}"),
        None => Ok(()),
    }
}

/// A shell script in the role of QEMU.
struct Script {
    _folder: tempfile::TempDir,
    file: PathBuf,
}

impl Script {
    fn new(body: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("qemu");
        fs::write(&file, format!("#!/bin/sh\n{body}\n"))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(Self { _folder: folder, file })
    }

    fn path(&self) -> String {
        self.file.display().to_string()
    }
}
