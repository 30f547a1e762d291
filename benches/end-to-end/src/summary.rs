//! The summary of the results in the README.

use super::{
    markdown::{command, table},
    results::{Action, Results, State, System, TimeKind},
    tables::Part,
};

/// The parts of the README, by name.
pub(crate) const SUMMARY: [(&str, Part); 1] = [("speed", speed)];

/// The rows.
const MOVES: [(Action, State, &str); 3] = [
    (Action::Inflate, State::Untouched, "inflate: unused memory returns to the host"),
    (Action::Inflate, State::Touched, "inflate: used memory returns to the host"),
    (Action::Deflate, State::Touched, "deflate: memory returns to the guest"),
];
/// The columns. That of block inflation is left out without results.
const COMPARED: [System; 5] =
    [System::Device, System::Aerostat, System::AerostatBlocks, System::LinuxUnzeroed, System::Linux];

fn speed(results: &Results) -> String {
    let setup = &results.setup;
    let heading = format!("seconds for {} of {} MiB", setup.memory_mib - setup.target_mib, setup.memory_mib);
    let has_blocks = results.balloon.iter().any(|series| series.system == System::AerostatBlocks);
    let compared = COMPARED.into_iter().filter(|system| has_blocks || *system != System::AerostatBlocks);
    let name = |system: System| if system == System::Aerostat { "**Aerostat**" } else { system.name() };
    let names: Vec<&str> = compared.clone().map(name).collect();
    let seconds = |system, action, state| {
        let spread = results.cost(system, action, state, TimeKind::Wall)?;
        let seconds = spread.median * setup.pages() as f64 / 1e6;
        Some(format!("{seconds:.digits$}", digits = if seconds < 0.095 { 3 } else { 2 }))
    };
    let rows = MOVES.map(|(action, state, what)| {
        let cells = compared.clone().map(|system| seconds(system, action, state).unwrap_or_default());
        [what.to_owned()].into_iter().chain(cells).collect()
    });
    let blocks = "\n*Aerostat, blocks* uses [block inflation](docs/src/balloon.md#block-inflation).\n";
    let about_blocks = if has_blocks { blocks } else { "" };
    table(&[&[heading.as_str()][..], &names[..]].concat(), rows) + about_blocks + &command(results, "device,guests")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{clock::Elapsed, results::Setup};

    #[test]
    fn seconds_are_for_all_of_the_memory() {
        let mut results =
            Results { setup: Setup { memory_mib: 1024, target_mib: 256, ..Setup::default() }, ..Results::default() };
        let elapsed = Duration::from_millis(1230);
        results.note(System::Aerostat, Action::Inflate, State::Touched, Elapsed { wall: elapsed, cpu: elapsed });
        let text = speed(&results);
        assert!(
            text.starts_with("| seconds for 768 of 1024 MiB | QEMU's device, no driver | **Aerostat** |"),
            "{text}"
        );
        assert!(text.contains("| inflate: used memory returns to the host |  | 1.23 |  |  |"), "{text}");
        let elapsed = Duration::from_micros(4560);
        results.note(System::AerostatBlocks, Action::Inflate, State::Touched, Elapsed { wall: elapsed, cpu: elapsed });
        assert!(speed(&results).contains("|  | 1.23 | 0.005 |  |  |"), "{}", speed(&results));
    }
}
