//! Guests that inflate and deflate: time and instructions.

use anyhow::ensure;
use xtask_common::bytes::Bytes;

use super::{
    curve::Curve,
    guests::{Guests, Options, resize},
    results::{Action, Instructions, Results, State, System},
};

/// The smallest resident share of the memory of a guest that has written to it, in percent.
const TOUCHED: u64 = 90;
/// The largest resident share of the memory of a guest that has not written to it, in percent. A kernel uses some memory.
const UNTOUCHED: u64 = 40;

/// Measures one round of all guests in all states. The first guest changes from round to round.
pub(crate) fn round(results: &mut Results, guests: &Guests, target: Bytes, round: u32) -> anyhow::Result<()> {
    let systems = guests.systems();
    for (state, command_line) in [(State::Untouched, ""), (State::Touched, "touch=once")] {
        for turn in 0..systems.len() {
            let system = systems[(turn + round as usize) % systems.len()];
            let mut qemu = guests.start(system, &Options { command_line, ..Options::default() })?;
            check(state, guests.memory, qemu.resident()?)?;
            let inflated = resize(&mut qemu, target)?;
            let deflated = resize(&mut qemu, guests.memory)?;
            qemu.quit()?;
            results.note(system, Action::Inflate, state, inflated.elapsed);
            results.note(system, Action::Deflate, state, deflated.elapsed);
            if state == State::Touched {
                results.curves.push(Curve::new(system, inflated.elapsed.wall, &inflated.resident));
            }
        }
    }
    Ok(())
}

/// Checks that the guest's memory is in the state that is to be measured.
fn check(state: State, memory: Bytes, resident: Bytes) -> anyhow::Result<()> {
    ensure!(
        fits(state, memory, resident),
        "{resident} of the {memory} of a guest are resident, which does not fit the state {state:?}"
    );
    Ok(())
}

/// Returns whether the resident memory of QEMU fits the state.
pub(crate) fn fits(state: State, memory: Bytes, resident: Bytes) -> bool {
    let percent = resident.0.saturating_mul(100) / memory.0.max(1);
    if state == State::Touched { percent >= TOUCHED } else { percent <= UNTOUCHED }
}

/// Counts the instructions for each page.
pub(crate) fn instructions(guests: &Guests, system: System, target: Bytes, pages: u64) -> anyhow::Result<Instructions> {
    // QEMU counts instructions only while it records.
    let record = ["-icount".into(), "shift=0,rr=record,rrfile=/dev/null".into()];
    let mut qemu = guests.start(system, &Options { qemu: &record, ..Options::default() })?;
    let mut count = |target| -> anyhow::Result<f64> {
        let before = qemu.instructions()?;
        resize(&mut qemu, target)?;
        Ok((qemu.instructions()? - before) as f64 / pages as f64)
    };
    let (inflate, deflate) = (count(target)?, count(guests.memory)?);
    qemu.quit()?;
    Ok(Instructions { system, inflate, deflate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_in_the_wrong_state_is_rejected() {
        let memory = Bytes::from_mib(1024);
        assert!(check(State::Touched, memory, Bytes::from_mib(1000)).is_ok());
        assert!(check(State::Touched, memory, Bytes::from_mib(500)).is_err());
        assert!(check(State::Untouched, memory, Bytes::from_mib(100)).is_ok());
        assert!(check(State::Untouched, memory, Bytes::from_mib(800)).is_err());
    }
}
