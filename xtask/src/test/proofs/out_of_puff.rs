//! A target that asks for more than is free: the balloon takes what there is, and the rest when memory is freed.

use super::guest::{Setup, Stage, number};
use crate::{qemu::statistics::Statistics, units::Bytes};

/// The guest keeps half of its memory to itself until it is told to free it.
const SETUP: Setup = Setup { memory: Bytes::from_mib(256), words: "spare=128", features: &[] };
/// What the guest keeps to itself, in MiB.
const SPARE: u64 = 128;
/// Less than the guest keeps to itself.
const TARGET: Bytes = Bytes::from_mib(64);
/// What the guest may leave free when the balloon has taken all it could, for its own use.
const LEFT: Bytes = Bytes::from_mib(8);

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(SETUP)?;
    guest.set_target(TARGET)?;
    let least = Bytes::from_mib(SPARE);
    let stuck = guest.settle(least.plus(Bytes::from_mib(24)))?;
    guest.ensure(stuck >= least, || format!("the guest uses {least}, but only {stuck} were left to it"))?;
    // The guest still runs, and what it says of its free memory agrees.
    let statistics = guest.settled_statistics()?;
    let free = Statistics::get(&statistics, "free").map(Bytes);
    guest.ensure(free.is_some_and(|free| free <= LEFT), || {
        format!("the balloon could not take all that the target asks for, but the guest has free memory: {statistics}")
    })?;
    let again = guest.actual()?;
    guest.ensure(again == stuck, || format!("without free memory the guest went on from {stuck} to {again}"))?;

    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    guest.ensure(freed == SPARE, || format!("the guest was to free {SPARE} MiB and freed {freed} MiB"))?;
    guest.reach(TARGET)?;
    println!("Stuck at {stuck} with {TARGET} asked for; there after {freed} MiB were freed.");
    Ok(guest.end()?)
}
