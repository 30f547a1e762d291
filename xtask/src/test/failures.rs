//! What goes wrong must be said clearly and soon: each case breaks one thing and reads the error.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};

use super::{runner::Context, steps::Scope};
use crate::{
    cli::{Arch, DemoArguments, Transport},
    demo::{
        choice,
        flight::{self, Limits},
        plan::Plan,
        qemu::Flying,
    },
    qemu::{
        features::Offer,
        machine::{Balloon, Machine, Start},
        process::Qemu,
        program,
    },
    units::Bytes,
};

/// One thing that is broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) check: fn(&mut Context) -> anyhow::Result<()>,
}

/// The cases.
pub(crate) const CASES: &[Case] = &[
    Case { name: "a QEMU that is not there is named", scope: Scope::Host, check: absent },
    Case { name: "a QEMU that does not work is named", scope: Scope::Host, check: broken },
    Case { name: "a QEMU that fails to start is quoted", scope: Scope::Host, check: failing },
    Case { name: "a QEMU that dies is noticed", scope: Scope::All, check: dying },
    Case { name: "a machine without a balloon is noticed", scope: Scope::All, check: without_balloon },
    Case { name: "a guest that never gets ready is given up", scope: Scope::All, check: silent },
    Case { name: "a guest that panics is quoted", scope: Scope::All, check: panicking },
    Case { name: "a guest that faults is quoted", scope: Scope::All, check: faulting },
    Case { name: "a guest that hangs is given up", scope: Scope::All, check: hanging },
];

/// How long a guest may be silent or stand still in these cases.
const PATIENCE: Duration = Duration::from_secs(3);
/// Memory of the guests in these cases: they need little.
const MEMORY: Bytes = Bytes::from_mib(128);

fn absent(_: &mut Context) -> anyhow::Result<()> {
    let error = choose("/no/such/qemu")?;
    says(error, &["QEMU was not found as `/no/such/qemu`", "package qemu-system-x86"])
}

fn broken(_: &mut Context) -> anyhow::Result<()> {
    let script = Script::new("exit 3")?;
    says(choose(&script.path())?, &["is not a QEMU that works", "exit status: 3"])
}

fn failing(_: &mut Context) -> anyhow::Result<()> {
    let script = Script::new("echo 'the machine has no wings' >&2; exit 1")?;
    let machine = Machine { program: script.file.clone(), ..machine(Arch::X86_64, PathBuf::from("none"), "") };
    let error = Qemu::start(&machine).map(drop).err().context("it started")?;
    says(error.into(), &["QEMU ended while QEMU was starting: exit status: 1", "  | the machine has no wings"])
}

fn dying(context: &mut Context) -> anyhow::Result<()> {
    let mut qemu = ready(context, "")?;
    qemu.kill();
    says(fly(qemu)?, &["QEMU ended while", "signal: 9", "the last that the guest said:", "  | ready: "])
}

fn without_balloon(context: &mut Context) -> anyhow::Result<()> {
    let machine = Machine { balloon: Balloon::Missing, ..guest(context, "")? };
    let mut qemu = Qemu::start(&machine)?;
    let error = match qemu.wait_ready() {
        Ok(()) => fly(qemu)?,
        Err(error) => error.into(),
    };
    says(error, &["balloon"])
}

fn silent(context: &mut Context) -> anyhow::Result<()> {
    let machine = Machine { start: Start::Paused, ..guest(context, "")? };
    let error = Qemu::start(&machine)?.wait_ready_within(PATIENCE).err().context("it got ready")?;
    says(error.into(), &["3 s went by while the guest was booting", "the guest said nothing"])
}

fn panicking(context: &mut Context) -> anyhow::Result<()> {
    says(launch(context, "then=panic")?, &["the guest panicked while", "  | panic: asked for on the command line"])
}

fn faulting(context: &mut Context) -> anyhow::Result<()> {
    says(launch(context, "then=fault")?, &["the guest panicked while", "  | panic: "])
}

fn hanging(context: &mut Context) -> anyhow::Result<()> {
    let qemu = ready(context, "then=hang")?;
    says(fly(qemu)?, &["the guest was to have 64 MiB, but stayed at 128 MiB: 3 s went by", "  | ready: "])
}

/// The error of choosing `program` as QEMU.
fn choose(program: &str) -> anyhow::Result<anyhow::Error> {
    let arguments =
        DemoArguments::from_words(&["--memory", "128", "--target", "64", "--device", "qemu", "--qemu", program])?;
    choice::choose(&Plan::new(&arguments)?, arguments.device).err().context("it was chosen")
}

fn machine(arch: Arch, image: PathBuf, command_line: &str) -> Machine {
    Machine {
        arch,
        program: program::name(arch).into(),
        image,
        command_line: command_line.to_owned(),
        memory: MEMORY,
        transport: Transport::Pci,
        balloon: Balloon::Fitted(Offer::Usual),
        start: Start::Running,
        entropy: None,
    }
}

/// A machine with the guest that was built.
fn guest(context: &mut Context, command_line: &str) -> anyhow::Result<Machine> {
    let image = context.build_guest(context.arch)?;
    Ok(machine(context.arch, image, command_line))
}

/// A guest that has said that it is ready.
fn ready(context: &mut Context, command_line: &str) -> anyhow::Result<Qemu> {
    let mut qemu = Qemu::start(&guest(context, command_line)?)?;
    qemu.wait_ready()?;
    Ok(qemu)
}

/// The error of a guest that ends by itself, before or after it is ready.
fn launch(context: &mut Context, command_line: &str) -> anyhow::Result<anyhow::Error> {
    let mut qemu = Qemu::start(&guest(context, command_line)?)?;
    match qemu.wait_ready() {
        Ok(()) => fly(qemu),
        Err(error) => Ok(error.into()),
    }
}

/// The error of a flight to half of the memory.
fn fly(qemu: Qemu) -> anyhow::Result<anyhow::Error> {
    let plan = Plan::new(&DemoArguments::from_words(&["--memory", "128", "--target", "64"])?)?;
    let limits = Limits { standstill: PATIENCE, ..Limits::of(&plan) };
    let mut flying = Flying::new(qemu, &plan);
    flight::fly_within(&plan, limits, &mut flying, &mut |_| {}).err().context("the flight went well")
}

/// Whether `error` says all of `parts`.
fn says(error: anyhow::Error, parts: &[&str]) -> anyhow::Result<()> {
    let text = format!("{error:#}");
    eprintln!("{text}");
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => bail!("the error does not say {part:?}: {text}"),
        None => Ok(()),
    }
}

/// A program that plays QEMU.
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
