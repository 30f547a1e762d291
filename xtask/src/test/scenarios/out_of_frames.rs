//! A target that is lower than the memory in use: the balloon takes the free memory, and the rest when the guest frees it.

use xtask_common::bytes::Bytes;
use xtask_qemu::statistics::Statistics;

use super::guest::{Environment, Setup, number};

/// The guest uses half of its memory until it gets a line.
const SETUP: Setup = Setup { memory: Bytes::from_mib(256), command_line: "spare=128", features: &[] };
/// The memory that the guest uses, in MiB.
const USED: u64 = 128;
/// Less than the guest uses.
const TARGET: Bytes = Bytes::from_mib(64);
/// The most memory that may be free when the balloon has taken what it can.
const LEFT: Bytes = Bytes::from_mib(8);

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    guest.set_target(TARGET)?;
    let least = Bytes::from_mib(USED);
    let stuck = guest.settle(least.plus(Bytes::from_mib(24)))?;
    guest.ensure(stuck >= least, || format!("the guest uses {least}, but has only {stuck}"))?;
    // The guest still runs, and its statistics agree.
    let statistics = guest.settled_statistics()?;
    let free = Statistics::get(&statistics, "free").map(Bytes);
    guest.ensure(free.is_some_and(|free| free <= LEFT), || {
        format!("the balloon did not reach its target, but the guest has free memory: {statistics}")
    })?;
    let again = guest.actual()?;
    guest.ensure(again == stuck, || format!("without free memory the guest went from {stuck} to {again}"))?;

    guest.press_enter()?;
    let freed = guest.line("the guest's line `spare: freed … MiB`", |line| number(line, "spare: freed ", " MiB"))?;
    guest.ensure(freed == USED, || format!("the guest freed {freed} MiB instead of {USED} MiB"))?;
    guest.reach(TARGET)?;
    println!("The guest stopped at {stuck}, and reached {TARGET} after it freed {freed} MiB.");
    Ok(guest.stop()?)
}
