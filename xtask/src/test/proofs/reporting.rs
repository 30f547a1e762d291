//! Memory that the guest frees leaves the host without any balloon target, because the guest reports it.

use super::guest::{Setup, Stage, number};
use crate::{qemu::features::Feature, units::Bytes};

/// What the guest uses and then frees, in MiB.
const FREED: u64 = 512;
/// The least of it that must leave the host.
const LEAST: Bytes = Bytes::from_mib(450);
const MEMORY: Bytes = Bytes::from_mib(768);
const SETUP: Setup = Setup { memory: MEMORY, words: "spare=512", features: &[Feature::FreePageReporting] };

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(SETUP)?;
    let before = guest.resident()?;
    guest.ensure(before >= Bytes::from_mib(FREED), || {
        format!("the guest uses {FREED} MiB, but QEMU has only {before} resident")
    })?;
    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    guest.ensure(freed == FREED, || format!("the guest was to free {FREED} MiB and freed {freed} MiB"))?;
    let after = guest.wait_for("a fall of QEMU's resident memory by 450 MiB", |qemu| {
        let resident = qemu.resident()?;
        Ok((before.less(resident) >= LEAST).then_some(resident))
    })?;
    let actual = guest.actual()?;
    guest.ensure(actual == MEMORY, || format!("nobody asked for memory, but the guest has {actual} of {MEMORY}"))?;
    println!("The guest freed {freed} MiB, and resident memory went from {before} to {after}.");
    Ok(guest.end()?)
}
