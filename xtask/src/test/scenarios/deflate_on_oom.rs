//! A program that needs the balloon's memory gets it, because inflation backs off after OOM deflation. Without the backoff the
//! balloon takes every page back at once.

use xtask_common::bytes::Bytes;
use xtask_qemu::{error::QemuError, features::Feature};

use super::guest::{Environment, Guest, Setup, number};

const MEMORY: Bytes = Bytes::from_mib(256);
/// Leaves about half of what the program needs.
const TARGET: Bytes = Bytes::from_mib(64);
/// What the program needs, in MiB.
const NEED: u64 = 128;
/// The balloon has to release at least this many MiB, and a deflation releases up to 256 pages or 1 MiB.
const LEAST_DEFLATIONS: u64 = NEED - 64;
/// Far more deflations would mean that the balloon takes pages back.
const MOST_DEFLATIONS: u64 = 2 * NEED;

const WITH_BACKOFF: Setup =
    Setup { memory: MEMORY, command_line: "memory-test=128", features: &[Feature::DeflateOnOom] };
/// As [`WITH_BACKOFF`], with the async driver.
const ASYNC: Setup = Setup { command_line: "memory-test=128 async", ..WITH_BACKOFF };
const WITHOUT_BACKOFF: Setup = Setup { command_line: "memory-test=128 oom-backoff=0", ..WITH_BACKOFF };

/// With the backoff the program makes progress.
pub(crate) fn progress(environment: &Environment) -> anyhow::Result<()> {
    check_progress(environment, WITH_BACKOFF)
}

/// With the backoff the program makes progress, also with the async driver.
pub(crate) fn async_progress(environment: &Environment) -> anyhow::Result<()> {
    check_progress(environment, ASYNC)
}

fn check_progress(environment: &Environment, setup: Setup) -> anyhow::Result<()> {
    let mut guest = environment.start(setup)?;
    guest.set_target(TARGET)?;
    let end = end(&mut guest)?;
    let End::Done { mib, deflations } = end else {
        return Err(guest.error(format!("the program did not get {NEED} MiB: {end:?}")).into());
    };
    guest.ensure(mib == NEED, || format!("the program needed {NEED} MiB and got {mib} MiB"))?;
    guest.ensure((LEAST_DEFLATIONS..=MOST_DEFLATIONS).contains(&deflations), || {
        format!("expected {LEAST_DEFLATIONS} to {MOST_DEFLATIONS} deflations, but there were {deflations}")
    })?;
    let actual = guest.actual()?;
    guest.ensure(actual > Bytes::from_mib(NEED), || {
        format!("the program has {NEED} MiB, but the device reports only {actual}")
    })?;
    // After the program has ended, the balloon follows its target again.
    guest.reach(MEMORY)?;
    guest.reach(Bytes::from_mib(NEED + 64))?;
    println!("The program got {mib} MiB after {deflations} deflations; the guest then had {actual}.");
    Ok(guest.stop()?)
}

/// Without the backoff the program makes no progress.
pub(crate) fn livelock(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(WITHOUT_BACKOFF)?;
    guest.set_target(TARGET)?;
    let end = end(&mut guest)?;
    let End::Stuck { mib, deflations } = end else {
        return Err(guest.error(format!("without the backoff the program made progress: {end:?}")).into());
    };
    guest.ensure(mib < NEED, || format!("the program needed {NEED} MiB and gave up with {mib} MiB"))?;
    println!("Without the backoff the program was stuck at {mib} of {NEED} MiB after {deflations} deflations.");
    Ok(guest.stop()?)
}

/// The result of the program in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done { mib: u64, deflations: u64 },
    Stuck { mib: u64, deflations: u64 },
}

impl End {
    fn read(line: &str) -> Option<Self> {
        let deflations = || number(line, " after ", " deflations");
        if line.starts_with("memory test: done ") {
            return Some(Self::Done { mib: number(line, "done ", " MiB")?, deflations: deflations()? });
        }
        let mib = number(line, "memory test: no progress at ", " MiB")?;
        Some(Self::Stuck { mib, deflations: deflations()? })
    }
}

fn end(guest: &mut Guest) -> Result<End, QemuError> {
    guest.line("the program that needs memory to end", End::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_result_is_parsed() {
        let done = End::Done { mib: 128, deflations: 70 };
        assert_eq!(End::read("memory test: done 128 MiB after 70 deflations"), Some(done));
        let stuck = End::Stuck { mib: 48, deflations: 1012 };
        assert_eq!(End::read("memory test: no progress at 48 MiB after 1012 deflations"), Some(stuck));
        assert_eq!(End::read("memory test: 64 MiB, 3 deflations"), None);
    }
}
