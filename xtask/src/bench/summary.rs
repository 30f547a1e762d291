//! What was measured, in as few words as a README has.

use super::{
    results::{Action, By, Results, State, Who},
    tables::{Part, table},
};

/// The parts of the README, by name.
pub(super) const SUMMARY: [(&str, Part); 1] = [("speed", speed)];

/// What a user sees of it.
const MOVES: [(Action, State, &str); 3] = [
    (Action::Inflate, State::Untouched, "memory that was never used goes back to the host"),
    (Action::Inflate, State::Touched, "memory that was used goes back to the host"),
    (Action::Deflate, State::Touched, "the guest has it again"),
];
/// Who is compared.
const COMPARED: [Who; 4] = [Who::Device, Who::Aerostat, Who::LinuxUnzeroed, Who::Linux];

fn speed(results: &Results) -> String {
    let setup = &results.setup;
    let heading = format!("seconds for {} of {} MiB", setup.memory_mib - setup.target_mib, setup.memory_mib);
    let names = COMPARED.map(|who| if who == Who::Aerostat { "**Aerostat**" } else { who.name() });
    let seconds = |who, action, state| {
        let spread = results.cost(who, action, state, By::Wall)?;
        Some(format!("{:.2}", spread.median * setup.pages() as f64 / 1e6))
    };
    let rows = MOVES.map(|(action, state, what)| {
        let cells = COMPARED.map(|who| seconds(who, action, state).unwrap_or_default());
        [what.to_owned()].into_iter().chain(cells).collect()
    });
    table(&[&[heading.as_str()][..], &names].concat(), rows)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{clock::Took, results::Setup};

    #[test]
    fn seconds_are_for_all_of_the_memory() {
        let mut results =
            Results { setup: Setup { memory_mib: 1024, target_mib: 256, ..Setup::default() }, ..Results::default() };
        let took = Duration::from_millis(1230);
        results.note(Who::Aerostat, Action::Inflate, State::Touched, Took { wall: took, cpu: took });
        let text = speed(&results);
        assert!(text.starts_with("| seconds for 768 of 1024 MiB | QEMU's device alone | **Aerostat** |"), "{text}");
        assert!(text.contains("| memory that was used goes back to the host |  | 1.23 |  |  |"), "{text}");
    }
}
