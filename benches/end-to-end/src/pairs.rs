//! Two systems in turn, and the ratio of their times in each pair.
//!
//! Other load on a machine comes and goes. It changes the times of both measurements of a pair, and their ratio less. A confidence
//! interval of the ratio says whether a goal is met, which a median alone does not.

use xtask_common::bytes::Bytes;

use super::{
    clock::Elapsed,
    comparison::{Comparison, Pairs},
    curve::Curve,
    device_only,
    guests::{Guests, LIMIT, Options, resize},
    reporting, resize,
    results::{Results, State, System},
};

/// The pairs of a guest and the device in each round. With five rounds there are 20.
const PAIRS: usize = 4;
/// The pairs of inflation by blocks for each of these pairs: its few milliseconds differ more from pair to pair.
const BLOCK_PAIRS: usize = 3;
/// The number of commands that change nothing. Their median is used.
const COMMANDS: usize = 5;

/// Measures one round.
pub(crate) fn round(results: &mut Results, guests: &Guests) -> anyhow::Result<()> {
    use Comparison::{Blocks, DeflateTouched, DeflateUntouched, InflateTouched, InflateUntouched, ReportFirst};
    let (memory, pages) = (guests.memory, results.setup.pages());
    let taken = Bytes(pages << 12);
    let guest = |system, state| -> anyhow::Result<[Elapsed; 2]> {
        let command_line = if state == State::Touched { "touch=once" } else { "" };
        let mut qemu = guests.start(system, &Options { command_line, ..Options::default() })?;
        let both = [resize(&mut qemu, memory.minus(taken))?.elapsed, resize(&mut qemu, memory)?.elapsed];
        qemu.quit()?;
        Ok(both)
    };
    for turn in 0..PAIRS {
        for (state, inflate, deflate) in
            [(State::Untouched, InflateUntouched, DeflateUntouched), (State::Touched, InflateTouched, DeflateTouched)]
        {
            let [device, ours] =
                in_turn(turn, || device_only::resizing(memory, pages, state), || guest(System::Aerostat, state))?;
            note(results, inflate, [device[0], ours[0]]);
            note(results, deflate, [device[1], ours[1]]);
        }
    }
    for turn in 0..PAIRS * BLOCK_PAIRS {
        let mut command = Elapsed::default();
        let pair = in_turn(
            turn,
            || device_only::report_merged(memory, taken),
            || {
                let inflated;
                [inflated, command] = second_time(guests, taken)?;
                Ok(inflated.without(command))
            },
        )?;
        note(results, Blocks, pair);
        results.commands.push(command.wall.as_secs_f64());
    }
    for turn in 0..PAIRS / 2 {
        let [inflated, reported] = in_turn(
            turn,
            || reporting::then_inflate(guests, taken, false),
            || reporting::then_inflate(guests, taken, true),
        )?;
        note(results, ReportFirst, [inflated.elapsed, reported.elapsed]);
        results.report_first.extend([
            Curve::new(System::Aerostat, inflated.elapsed.wall, &inflated.resident),
            Curve::new(System::AerostatReportFirst, reported.elapsed.wall, &reported.resident),
        ]);
    }
    Ok(())
}

/// Returns the time of the second inflation by blocks, and that of a command that changes nothing. QEMU translates the guest's code in
/// the first inflation, which takes longer than the inflation itself.
fn second_time(guests: &Guests, taken: Bytes) -> anyhow::Result<[Elapsed; 2]> {
    // The guest writes to its memory again after each deflation.
    let options = Options { command_line: "touch", ..Options::default() };
    let mut qemu = guests.start(System::AerostatBlocks, &options)?;
    resize(&mut qemu, guests.memory.minus(taken))?;
    resize(&mut qemu, guests.memory)?;
    let cpu = qemu.cpu()?;
    qemu.wait_for("written memory", LIMIT, |qemu| {
        let is_touched = resize::fits(State::Touched, guests.memory, qemu.resident()?);
        Ok((is_touched && !cpu.is_busy()).then_some(()))
    })?;
    let mut commands = (0..COMMANDS)
        .map(|_| Ok(resize(&mut qemu, guests.memory)?.elapsed))
        .collect::<anyhow::Result<Vec<Elapsed>>>()?;
    commands.sort_by_key(|command| command.wall);
    let inflated = resize(&mut qemu, guests.memory.minus(taken))?.elapsed;
    qemu.quit()?;
    Ok([inflated, commands[COMMANDS / 2]])
}

/// Measures two systems. The first one changes from turn to turn.
pub(crate) fn in_turn<T>(
    turn: usize,
    one: impl FnOnce() -> anyhow::Result<T>,
    other: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<[T; 2]> {
    if turn.is_multiple_of(2) {
        let first = one()?;
        Ok([first, other()?])
    } else {
        let second = other()?;
        Ok([one()?, second])
    }
}

/// Adds a pair.
pub(crate) fn note(results: &mut Results, what: Comparison, pair: [Elapsed; 2]) {
    let pairs = match results.pairs.iter_mut().find(|pairs| pairs.what == what) {
        Some(pairs) => pairs,
        None => results.pairs.push_mut(Pairs { what, seconds: Vec::new(), cpu_seconds: Vec::new() }),
    };
    pairs.seconds.push(pair.map(|elapsed| elapsed.wall.as_secs_f64()));
    pairs.cpu_seconds.push(pair.map(|elapsed| elapsed.cpu.as_secs_f64()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_system_changes_from_turn_to_turn() {
        for (turn, expected) in [(0, "ab"), (1, "ba")] {
            let order = std::cell::RefCell::new(String::new());
            let measure = |name: char| {
                order.borrow_mut().push(name);
                Ok(name)
            };
            assert_eq!(in_turn(turn, || measure('a'), || measure('b')).unwrap(), ['a', 'b']);
            assert_eq!(*order.borrow(), expected);
        }
    }
}
