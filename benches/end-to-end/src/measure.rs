//! Measures all parts of the benchmark, round by round.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use xtask_build::{guest, probe};
use xtask_common::bytes::Bytes;
use xtask_install::Need;
use xtask_qemu::program;

use super::{
    arguments::{BenchArguments, Part},
    baseline, curve, device_only, driver, fragmented, growth,
    guests::{ARCH, Guests},
    host, linux, pairs, reporting, resize,
    results::{Results, Setup},
};

/// Measures what `arguments` ask for.
pub(crate) fn all(arguments: &BenchArguments) -> anyhow::Result<Results> {
    ensure!(
        arguments.target < arguments.memory,
        "--target {}: the target must be less than the guest's memory of {} MiB",
        arguments.target,
        arguments.memory
    );
    let setup = Setup {
        command: host::command(),
        rounds: arguments.rounds,
        memory_mib: arguments.memory,
        target_mib: arguments.target,
    };
    let needs = [Need::Qemu(ARCH), Need::Rust(ARCH.target())];
    xtask_install::ensure(if arguments.needs_guests() { &needs } else { &needs[..1] })?;
    let program = program::find(ARCH, arguments.qemu.program.as_deref())?;
    let guests = if arguments.needs_guests() { Some(build_guests(arguments, program.path.clone())?) } else { None };
    let linux = guests.as_ref().and_then(|guests| Some(guests.linux.as_ref()?.release.clone()));
    let machine = host::describe(program.version, linux)?;
    let mut results = Results { machine, setup, ..Results::default() };
    for round in 0..arguments.rounds {
        eprintln!("Round {} of {}.", round + 1, arguments.rounds);
        round_without_guests(arguments, &mut results)?;
        if let Some(guests) = &guests {
            round_with_guests(arguments, guests, round, &mut results)?;
        }
    }
    results.curves = curve::typical(results.curves);
    results.report_first = curve::typical(results.report_first);
    if let Some(guests) = guests.as_ref().filter(|_| arguments.includes(Part::Instructions)) {
        let (target, pages) = (Bytes::from_mib(arguments.target), results.setup.pages());
        for system in guests.systems() {
            results.instructions.push(resize::instructions(guests, *system, target, pages)?);
        }
    }
    Ok(results)
}

fn round_without_guests(arguments: &BenchArguments, results: &mut Results) -> anyhow::Result<()> {
    let (memory, target) = (Bytes::from_mib(arguments.memory), Bytes::from_mib(arguments.target));
    let pages = results.setup.pages();
    if arguments.includes(Part::Baseline) {
        baseline::round(results, memory.minus(target)).context("failed to measure the host's system calls")?;
    }
    if arguments.includes(Part::Device) {
        device_only::round(results, memory, pages).context("failed to measure QEMU's device")?;
    }
    if arguments.includes(Part::Growth) {
        growth::round(results).context("failed to measure growth")?;
    }
    if arguments.includes(Part::Fragmented) {
        fragmented::round(results)?;
    }
    if arguments.includes(Part::Driver) {
        driver::round(results)?;
    }
    Ok(())
}

fn round_with_guests(
    arguments: &BenchArguments,
    guests: &Guests,
    round: u32,
    results: &mut Results,
) -> anyhow::Result<()> {
    if arguments.includes(Part::Guests) {
        resize::round(results, guests, Bytes::from_mib(arguments.target), round)?;
    }
    if arguments.includes(Part::Pairs) {
        pairs::round(results, guests)?;
    }
    if arguments.includes(Part::Reporting) {
        reporting::round(results, guests, round)?;
    }
    Ok(())
}

/// Builds the guests.
fn build_guests(arguments: &BenchArguments, program: PathBuf) -> anyhow::Result<Guests> {
    let image = match &arguments.qemu.image {
        Some(image) => guest::check_image(image)?,
        None => guest::build(&probe::recipe(ARCH.target())?, guest::RELEASE)?,
    };
    let linux = if arguments.no_linux {
        None
    } else {
        Some(linux::build().context("failed to build the Linux guest (leave it out with --no-linux)")?)
    };
    Ok(Guests { program, image, linux, memory: Bytes::from_mib(arguments.memory) })
}
