//! The host releases memory that the guest frees and reports, without a balloon target.

use xtask_common::bytes::Bytes;
use xtask_qemu::features::Feature;

use super::guest::{Environment, Setup, number};

/// The memory that the guest uses and then frees, in MiB.
const FREED: u64 = 512;
/// The least amount that the host must release.
const LEAST: Bytes = Bytes::from_mib(450);
const MEMORY: Bytes = Bytes::from_mib(768);
const SETUP: Setup = Setup { memory: MEMORY, command_line: "spare=512", features: &[Feature::FreePageReporting] };

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    let before = guest.resident()?;
    guest.ensure(before >= Bytes::from_mib(FREED), || {
        format!("the guest uses {FREED} MiB, but QEMU has only {before} resident")
    })?;
    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    guest.ensure(freed == FREED, || format!("the guest freed {freed} MiB instead of {FREED} MiB"))?;
    let after = guest.wait_for("QEMU's resident memory to fall by 450 MiB", |qemu| {
        let resident = qemu.resident()?;
        Ok((before.minus(resident) >= LEAST).then_some(resident))
    })?;
    let actual = guest.actual()?;
    guest.ensure(actual == MEMORY, || format!("the target did not change, but the guest has {actual} of {MEMORY}"))?;
    println!("The guest freed {freed} MiB, and resident memory went from {before} to {after}.");
    Ok(guest.stop()?)
}
