//! All features at once, including page poison.

use xtask_common::bytes::Bytes;
use xtask_qemu::features::Feature;

use super::guest::{Environment, Setup, number};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The poison value is 0, the only one with which QEMU discards reported pages.
const SETUP: Setup = Setup {
    memory: MEMORY,
    command_line: "features=tell,stats,oom,hint,report,poison poison=0 spare=96",
    features: &[
        Feature::Stats,
        Feature::DeflateOnOom,
        Feature::FreePageReporting,
        Feature::FreePageHint,
        Feature::PagePoison,
        Feature::Packed,
        Feature::EventIdx,
    ],
};
/// The least amount that the host must release of what the guest frees.
const LEAST: Bytes = Bytes::from_mib(64);

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    guest.reach(Bytes::from_mib(144))?;
    guest.reach(MEMORY)?;

    // After two sets of statistics the guest has reported the pages that it got back from the balloon.
    let empty = guest.settled_statistics()?;
    let before = guest.resident()?;
    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    let after = guest.wait_for("QEMU's resident memory to fall by 64 MiB", |qemu| {
        let resident = qemu.resident()?;
        Ok((before.minus(resident) >= LEAST).then_some(resident))
    })?;

    guest.reach(Bytes::from_mib(64))?;
    let statistics = guest.settled_statistics()?;
    guest.ensure(statistics.used().is_some(), || {
        format!("the guest does not send its total and free memory: {statistics}")
    })?;
    // With deflate-on-OOM the pages in the balloon count as the guest's memory.
    guest.ensure(statistics.get("total") == empty.get("total"), || {
        format!("the total must include the pages in the balloon, but the statistics went from {empty} to {statistics}")
    })?;
    guest.reach(MEMORY)?;
    println!("The guest freed {freed} MiB, and resident memory went from {before} to {after}; {statistics}.");
    Ok(guest.stop()?)
}
