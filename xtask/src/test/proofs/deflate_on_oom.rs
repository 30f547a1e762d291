//! A program that needs the balloon's memory gets it, because the balloon then holds off. Without that it takes every
//! page right back.

use super::guest::{Guest, Setup, Stage, number};
use crate::{
    qemu::{error::QemuError, features::Feature},
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(256);
/// Leaves to the guest about half of what the program needs.
const TARGET: Bytes = Bytes::from_mib(64);
/// What the program needs, in MiB.
const NEED: u64 = 128;
/// A deflation brings up to 256 pages, a MiB, and at least so many MiB have to come out of the balloon.
const LEAST_DEFLATIONS: u64 = NEED - 64;
/// If the balloon took back what it gave, it would be far more.
const MOST_DEFLATIONS: u64 = 2 * NEED;

const WITH_HOLD_OFF: Setup = Setup { memory: MEMORY, words: "hog=128", features: &[Feature::DeflateOnOom] };
const WITHOUT: Setup = Setup { words: "hog=128 hold-off=0", ..WITH_HOLD_OFF };

/// With the hold-off.
pub(crate) fn progress(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(WITH_HOLD_OFF)?;
    guest.set_target(TARGET)?;
    let end = end(&mut guest)?;
    let End::Done { mib, deflations } = end else {
        return Err(guest.wrong(format!("the program did not get its {NEED} MiB: {end:?}")).into());
    };
    guest.ensure(mib == NEED, || format!("the program needed {NEED} MiB and says that it got {mib} MiB"))?;
    guest.ensure((LEAST_DEFLATIONS..=MOST_DEFLATIONS).contains(&deflations), || {
        format!("{LEAST_DEFLATIONS} to {MOST_DEFLATIONS} deflations bring {NEED} MiB, but there were {deflations}")
    })?;
    let actual = guest.actual()?;
    guest.ensure(actual > Bytes::from_mib(NEED), || {
        format!("the program has {NEED} MiB, but the device knows only of {actual}")
    })?;
    // The pressure is over, and the balloon follows its target again.
    guest.reach(MEMORY)?;
    guest.reach(Bytes::from_mib(NEED + 64))?;
    println!("The program got {mib} MiB by {deflations} deflations; the guest then had {actual}.");
    Ok(guest.end()?)
}

/// Without the hold-off.
pub(crate) fn livelock(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(WITHOUT)?;
    guest.set_target(TARGET)?;
    let end = end(&mut guest)?;
    let End::Stuck { mib, deflations } = end else {
        return Err(guest.wrong(format!("without the hold-off the program was not to get on: {end:?}")).into());
    };
    guest.ensure(mib < NEED, || format!("the program needed {NEED} MiB and gave up with {mib} MiB"))?;
    println!("Without the hold-off the program was stuck at {mib} of {NEED} MiB after {deflations} deflations.");
    Ok(guest.end()?)
}

/// How the program in the guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done { mib: u64, deflations: u64 },
    Stuck { mib: u64, deflations: u64 },
}

impl End {
    fn read(line: &str) -> Option<Self> {
        let deflations = || number(line, " after ", " deflations");
        if line.starts_with("hog: done ") {
            return Some(Self::Done { mib: number(line, "done ", " MiB")?, deflations: deflations()? });
        }
        let mib = number(line, "hog: no progress at ", " MiB")?;
        Some(Self::Stuck { mib, deflations: deflations()? })
    }
}

fn end(guest: &mut Guest) -> Result<End, QemuError> {
    guest.line("the end of the program that needs memory", End::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_says_how_it_ended() {
        let done = End::Done { mib: 128, deflations: 70 };
        assert_eq!(End::read("hog: done 128 MiB after 70 deflations"), Some(done));
        let stuck = End::Stuck { mib: 48, deflations: 1012 };
        assert_eq!(End::read("hog: no progress at 48 MiB after 1012 deflations"), Some(stuck));
        assert_eq!(End::read("hog: 64 MiB, 3 relieved"), None);
    }
}
