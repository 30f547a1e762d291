//! Guests that follow a target, by the clock and by the instructions of their CPU.

use anyhow::ensure;

use super::{
    field::{Field, Words, move_to},
    results::{Action, Instructions, Results, State, Who},
};
use crate::units::Bytes;

/// Of what is given back, the least that QEMU must have had resident where the guest has touched its memory, in percent.
const TOUCHED: u64 = 90;
/// The most, where it has not: a kernel uses some of its memory.
const UNTOUCHED: u64 = 40;

/// One round of all guests in all states. Who is first changes from round to round.
pub(super) fn round(results: &mut Results, field: &Field, target: Bytes, round: u32) -> anyhow::Result<()> {
    let guests = field.guests();
    for (state, words) in [(State::Untouched, ""), (State::Touched, "touch=once")] {
        for turn in 0..guests.len() {
            let who = guests[(turn + round as usize) % guests.len()];
            let mut qemu = field.start(who, &Words { guest: words, ..Words::default() })?;
            check(state, field.memory, qemu.resident()?)?;
            results.note(who, Action::Inflate, state, move_to(&mut qemu, target)?);
            results.note(who, Action::Deflate, state, move_to(&mut qemu, field.memory)?);
            qemu.quit()?;
        }
    }
    Ok(())
}

/// Whether the guest's memory is in the state that is to be measured.
fn check(state: State, memory: Bytes, resident: Bytes) -> anyhow::Result<()> {
    let percent = resident.0.saturating_mul(100) / memory.0.max(1);
    let holds = if state == State::Touched { percent >= TOUCHED } else { percent <= UNTOUCHED };
    ensure!(holds, "{resident} of the {memory} of a guest are resident, which is not {state:?}");
    Ok(())
}

/// Counts instructions for each page.
pub(super) fn instructions(field: &Field, who: Who, target: Bytes, pages: u64) -> anyhow::Result<Instructions> {
    // QEMU tells how far it is only where it records.
    let record = ["-icount".into(), "shift=0,rr=record,rrfile=/dev/null".into()];
    let mut qemu = field.start(who, &Words { qemu: &record, ..Words::default() })?;
    let mut count = |target| -> anyhow::Result<f64> {
        let before = qemu.instructions()?;
        move_to(&mut qemu, target)?;
        Ok((qemu.instructions()? - before) as f64 / pages as f64)
    };
    let (inflate, deflate) = (count(target)?, count(field.memory)?);
    qemu.quit()?;
    Ok(Instructions { who, inflate, deflate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_in_the_wrong_state_is_not_measured() {
        let memory = Bytes::from_mib(1024);
        assert!(check(State::Touched, memory, Bytes::from_mib(1000)).is_ok());
        assert!(check(State::Touched, memory, Bytes::from_mib(500)).is_err());
        assert!(check(State::Untouched, memory, Bytes::from_mib(100)).is_ok());
        assert!(check(State::Untouched, memory, Bytes::from_mib(800)).is_err());
    }
}
