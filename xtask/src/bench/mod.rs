//! `cargo xtask bench`: what the balloon costs, beside what its host, its device and Linux's driver take for the same.

mod alone;
mod clock;
mod driver;
mod field;
mod floor;
mod growth;
mod guests;
mod host;
mod linux;
mod page;
mod plots;
mod reporting;
mod results;
mod summary;
mod tables;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};

use self::{
    field::Field,
    results::{Results, Setup},
};
use crate::{
    build::{guest, probe},
    cli::{Arch, QemuArguments},
    install::{self, Need},
    process::run,
    qemu::program,
    units::Bytes,
    workspace,
};

/// The architecture of the guests.
const ARCH: Arch = Arch::X86_64;
/// Longest time for everything, with the build of this program.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArguments {
    /// How often to measure everything
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Memory of the guests, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(256..=2048))]
    memory: u64,
    /// Memory to leave to a guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 256)]
    target: u64,
    /// What to measure [default: everything]
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Part>,
    /// Leave out the Linux guest, whose packages come from Debian
    #[arg(long)]
    no_linux: bool,
    /// Where to write what was measured [default: bench/results.json among what is built]
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Measure nothing, and take what was measured from here
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["only", "out"])]
    from: Option<PathBuf>,
    /// Put the numbers, their page and its drawings into the book, and a summary into README
    #[arg(long, conflicts_with = "only")]
    publish: bool,
    #[command(flatten)]
    qemu: QemuArguments,
}

/// Something to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What the host takes
    Floor,
    /// What QEMU's device takes
    Device,
    /// What the guests take
    Guests,
    /// How many instructions the guests execute
    Instructions,
    /// How free page reporting goes
    Reporting,
    /// How cost grows with the guest's memory
    Growth,
    /// What the driver takes by itself, and another crate
    Driver,
}

impl BenchArguments {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn needs_guests(&self) -> bool {
        [Part::Guests, Part::Instructions, Part::Reporting].iter().any(|part| self.has(*part))
    }
}

/// `cargo xtask bench`.
pub(crate) fn command(arguments: &BenchArguments) -> anyhow::Result<()> {
    let results = match &arguments.from {
        Some(file) => read(file)?,
        None if cfg!(debug_assertions) => return optimised(),
        None => {
            let results = measure(arguments)?;
            keep(&results, arguments.out.as_deref())?;
            results
        }
    };
    for (_, part) in tables::PARTS {
        println!("{}", part(&results));
    }
    if arguments.publish { page::publish(&results) } else { Ok(()) }
}

fn read(file: &Path) -> anyhow::Result<Results> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what was measured", file.display()))
}

fn keep(results: &Results, out: Option<&Path>) -> anyhow::Result<()> {
    let out = out.map_or_else(|| workspace::target_dir().join("bench").join("results.json"), Path::to_path_buf);
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&out, page::json(results)?).with_context(|| format!("{} could not be written", out.display()))?;
    eprintln!("What was measured is in {}.", out.display());
    Ok(())
}

/// Runs the same command in an optimised build of this program: parts of what is measured run inside it.
fn optimised() -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--quiet", "--release", "--package", "xtask", "--bin", "xtask", "--"]);
    let status = run::lines(cargo.args(std::env::args_os().skip(1)), LIMIT, |line| println!("{line}"))?;
    if !status.success() {
        bail!("nothing was measured: cargo ended with {status}");
    }
    Ok(())
}

fn measure(arguments: &BenchArguments) -> anyhow::Result<Results> {
    ensure!(
        arguments.target < arguments.memory,
        "a guest of {} MiB cannot be left {} MiB: --target is less than --memory",
        arguments.memory,
        arguments.target
    );
    let (memory, target) = (Bytes::from_mib(arguments.memory), Bytes::from_mib(arguments.target));
    let setup = Setup {
        command: host::command(),
        rounds: arguments.rounds,
        memory_mib: arguments.memory,
        target_mib: arguments.target,
    };
    let needs = [Need::Qemu(ARCH), Need::Rust(ARCH.target())];
    install::ensure(if arguments.needs_guests() { &needs } else { &needs[..1] })?;
    let program = program::find(ARCH, arguments.qemu.program.as_deref())?;
    let field = if arguments.needs_guests() { Some(field(arguments, program.path.clone(), memory)?) } else { None };
    let linux = field.as_ref().and_then(|field| Some(field.linux.as_ref()?.release.clone()));
    let machine = host::describe(program.version, linux)?;
    let mut results = Results { machine, setup, ..Results::default() };
    let pages = results.setup.pages();
    for round in 0..arguments.rounds {
        eprintln!("Round {} of {}.", round + 1, arguments.rounds);
        if arguments.has(Part::Floor) {
            floor::round(&mut results, memory.less(target)).context("the host's own calls")?;
        }
        if arguments.has(Part::Device) {
            alone::round(&mut results, memory, pages).context("QEMU's device alone")?;
        }
        if arguments.has(Part::Growth) {
            growth::round(&mut results).context("guests in this program")?;
        }
        if arguments.has(Part::Driver) {
            driver::round(&mut results)?;
        }
        let Some(field) = &field else { continue };
        if arguments.has(Part::Guests) {
            guests::round(&mut results, field, target, round)?;
        }
        if arguments.has(Part::Reporting) {
            reporting::round(&mut results, field, round)?;
        }
    }
    if let Some(field) = field.as_ref().filter(|_| arguments.has(Part::Instructions)) {
        for who in field.guests() {
            results.instructions.push(guests::instructions(field, *who, target, pages)?);
        }
    }
    Ok(results)
}

/// Builds the guests.
fn field(arguments: &BenchArguments, program: PathBuf, memory: Bytes) -> anyhow::Result<Field> {
    let image = match &arguments.qemu.image {
        Some(image) => guest::given(image)?,
        None => guest::build(ARCH, &probe::recipe(ARCH.target())?)?,
    };
    let linux = if arguments.no_linux {
        None
    } else {
        Some(linux::build().context("there is no Linux to compare with (--no-linux does without)")?)
    };
    Ok(Field { program, image, linux, memory })
}
