//! All features at once, page poison too: none stands in the way of another.

use super::guest::{Setup, Stage, number};
use crate::{qemu::features::Feature, units::Bytes};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest poisons with zeros, the one value with which QEMU drops reported pages.
const SETUP: Setup = Setup {
    memory: MEMORY,
    words: "features=tell,stats,oom,hint,report,poison poison=0 spare=96",
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
/// The least that must leave the host of what the guest frees.
const LEAST: Bytes = Bytes::from_mib(64);

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(SETUP)?;
    guest.reach(Bytes::from_mib(144))?;
    guest.reach(MEMORY)?;

    // What came back from the balloon has been reported by the time that two sets of statistics have come.
    let empty = guest.settled_statistics()?;
    let before = guest.resident()?;
    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    let after = guest.wait_for("a fall of QEMU's resident memory by 64 MiB", |qemu| {
        let resident = qemu.resident()?;
        Ok((before.less(resident) >= LEAST).then_some(resident))
    })?;

    guest.reach(Bytes::from_mib(64))?;
    let statistics = guest.settled_statistics()?;
    guest.ensure(statistics.used().is_some(), || format!("the guest tells too little of its memory: {statistics}"))?;
    // The guest may take pages back when it is out of memory, so they still count as its memory.
    guest.ensure(statistics.get("total") == empty.get("total"), || {
        format!("the balloon's pages are the guest's for an emergency, but its total went from {empty} to {statistics}")
    })?;
    guest.reach(MEMORY)?;
    println!("The guest freed {freed} MiB, and resident memory went from {before} to {after}; {statistics}.");
    Ok(guest.end()?)
}
