//! The kernel resets the device as after an error, and the balloon follows its target again.

use xtask_common::bytes::Bytes;

use super::guest::{Environment, Setup};

const MEMORY: Bytes = Bytes::from_mib(128);
const SETUP: Setup = Setup { memory: MEMORY, command_line: "reset=2000", features: &[] };
/// The target during the reset.
const BEFORE: Bytes = Bytes::from_mib(64);
/// The target after the balloon was restored.
const AFTER: Bytes = Bytes::from_mib(96);

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    guest.set_target(BEFORE)?;
    for line in ["the balloon is reset as requested", "the balloon is restored after a reset"] {
        guest.line(line, |printed| printed.starts_with(line).then_some(()))?;
    }
    guest.reach(BEFORE)?;
    guest.reach(AFTER)?;
    println!("The balloon reached {BEFORE} and {AFTER} after its device was reset.");
    Ok(guest.stop()?)
}
