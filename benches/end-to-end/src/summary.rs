//! The summary of the results in the README.

use super::{
    results::{Action, Results, State, System, TimeKind},
    tables::{Part, table},
};

/// The parts of the README, by name.
pub(crate) const SUMMARY: [(&str, Part); 1] = [("speed", speed)];

/// The rows.
const MOVES: [(Action, State, &str); 3] = [
    (Action::Inflate, State::Untouched, "inflate: unused memory returns to the host"),
    (Action::Inflate, State::Touched, "inflate: used memory returns to the host"),
    (Action::Deflate, State::Touched, "deflate: memory returns to the guest"),
];
/// The columns.
const COMPARED: [System; 4] = [System::Device, System::Aerostat, System::LinuxUnzeroed, System::Linux];

fn speed(results: &Results) -> String {
    let setup = &results.setup;
    let heading = format!("seconds for {} of {} MiB", setup.memory_mib - setup.target_mib, setup.memory_mib);
    let names = COMPARED.map(|system| if system == System::Aerostat { "**Aerostat**" } else { system.name() });
    let seconds = |system, action, state| {
        let spread = results.cost(system, action, state, TimeKind::Wall)?;
        Some(format!("{:.2}", spread.median * setup.pages() as f64 / 1e6))
    };
    let rows = MOVES.map(|(action, state, what)| {
        let cells = COMPARED.map(|system| seconds(system, action, state).unwrap_or_default());
        [what.to_owned()].into_iter().chain(cells).collect()
    });
    table(&[&[heading.as_str()][..], &names].concat(), rows)
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
    }
}
