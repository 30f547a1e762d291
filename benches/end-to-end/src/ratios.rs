//! The tables of block inflation and of measurements in turn.

use std::fmt::Write as _;

use super::{
    comparison::{Comparison, Pairs, Ratio},
    markdown::{command, range, table},
    results::{Action, Results, STATES, Spread, State, System, TimeKind},
};

/// The goals of block inflation, in milliseconds for all pages.
const GOALS: [(Action, f64); 2] = [(Action::Inflate, 10.0), (Action::Deflate, 5.0)];

/// Returns the times of block inflation and what they are compared with.
pub(crate) fn blocks(results: &Results) -> String {
    let setup = &results.setup;
    let heading = format!("milliseconds for {} MiB", setup.memory_mib - setup.target_mib);
    let cost = |system, action, state| block_time(results, system, action, state).map(milliseconds);
    let mut rows = Vec::new();
    if let Some(device) = pairs(results, Comparison::Blocks).and_then(|pairs| pairs.spread(0)) {
        let name = "QEMU's device, no driver: reports of the same blocks".to_owned();
        rows.push(vec![name, String::new(), milliseconds(device), String::new()]);
    }
    for system in [System::AerostatBlocks, System::AerostatDeflateEntries, System::Aerostat] {
        for (action, goal) in GOALS {
            let cells = [State::Untouched, State::Touched].map(|state| cost(system, action, state).unwrap_or_default());
            let verb = if action == Action::Inflate { "inflate" } else { "deflate" };
            let goal = if system == System::AerostatBlocks { format!("{goal}") } else { String::new() };
            if cells.iter().any(|cell| !cell.is_empty()) {
                let cells = cells.into_iter().chain([goal]);
                rows.push([format!("{}: {verb}", system.name())].into_iter().chain(cells).collect());
            }
        }
    }
    table_of(&[&heading, "untouched", "touched", "goal"], rows) + &command(results, "guests,pairs")
}

/// Returns the seconds for all pages.
fn block_time(results: &Results, system: System, action: Action, state: State) -> Option<Spread> {
    let spread = results.cost(system, action, state, TimeKind::Wall)?;
    Some(spread.times(results.setup.pages() as f64 / 1e6))
}

/// Returns the table of guests compared with QEMU's device.
pub(crate) fn with_device(results: &Results) -> String {
    let chosen = Comparison::ALL.into_iter().filter(|what| what.is_with_device());
    let commands = Spread::of(&results.commands).map_or_else(String::new, |seconds| {
        format!(
            "\nA command that changes nothing takes {} ms, which the last row does not include.\n",
            milliseconds(seconds)
        )
    });
    ratios(results, ["QEMU's device, ms", "Aerostat, ms"], chosen) + &commands + &command(results, "pairs")
}

/// Returns the table of reporting before inflation.
pub(crate) fn report_first(results: &Results) -> String {
    ratios(results, ["inflate, ms", "report and inflate, ms"], [Comparison::ReportFirst].into_iter())
        + &command(results, "pairs")
}

/// Returns the table of block inflation compared with arrays in fragmented memory.
pub(crate) fn fragmented(results: &Results) -> String {
    let chosen = Comparison::ALL.into_iter().filter(|what| what.is_fragmented());
    ratios(results, ["arrays, ms", "blocks, ms"], chosen) + &command(results, "fragmented")
}

fn ratios(results: &Results, systems: [&str; 2], chosen: impl Iterator<Item = Comparison>) -> String {
    let rows = chosen.filter_map(|what| {
        let pairs = pairs(results, what)?;
        let (ratio, cpu) = (Ratio::of(&pairs.seconds)?, Ratio::of(&pairs.cpu_seconds)?);
        Some(vec![
            what.name().to_owned(),
            pairs.seconds.len().to_string(),
            milliseconds(pairs.spread(0)?),
            milliseconds(pairs.spread(1)?),
            text(ratio),
            text(cpu),
            format!("{:.2}", what.goal()),
            verdict(ratio.meets(what.goal())).to_owned(),
        ])
    });
    let [other, ours] = systems;
    let heading = ["", "pairs", other, ours, "ratio (95 % interval)", "ratio of CPU time", "goal", ""];
    table_of(&heading, rows.collect())
}

/// Returns a table, or a note that there are no results, as in those of older versions.
fn table_of(heading: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { "Not measured.\n".to_owned() } else { table(heading, rows) }
}

/// Lists the goals that are not met for certain, and where block inflation is slower than the device.
pub(crate) fn losses(results: &Results) -> String {
    let mut text = String::new();
    let device = pairs(results, Comparison::Blocks).and_then(|pairs| pairs.spread(0));
    let ours = block_time(results, System::AerostatBlocks, Action::Inflate, State::Touched);
    if let Some((ours, device)) = ours.zip(device).filter(|(ours, device)| ours.median > device.median) {
        let factor = ours.median / device.median;
        let _ = writeln!(
            text,
            "* inflate by blocks, touched, first time: {factor:.2} times the time of “QEMU's device, no driver”."
        );
    }
    for (action, goal) in GOALS {
        for (_, state, what) in STATES.into_iter().filter(|(of, ..)| *of == action) {
            let Some(spread) = block_time(results, System::AerostatBlocks, action, state) else { continue };
            let median = spread.median * 1e3;
            if median > goal {
                let _ = writeln!(text, "* {what}, by blocks: {median:.1} ms, the goal is {goal} ms.");
            }
        }
    }
    for what in Comparison::ALL {
        let Some(ratio) = pairs(results, what).and_then(|pairs| Ratio::of(&pairs.seconds)) else { continue };
        let meets = ratio.meets(what.goal());
        // Reporting first is an experiment.
        if what != Comparison::ReportFirst && meets != Some(true) {
            let than = if what.is_with_device() { "“QEMU's device, no driver”" } else { "arrays" };
            let (name, goal, verdict) = (what.name(), what.goal(), verdict(meets));
            let _ = writeln!(
                text,
                "* {name}: {:.2} times the time of {than}, the goal of {goal:.2} is {verdict}.",
                ratio.median
            );
        }
    }
    text
}

fn pairs(results: &Results, what: Comparison) -> Option<&Pairs> {
    results.pairs.iter().find(|pairs| pairs.what == what)
}

const fn verdict(meets: Option<bool>) -> &'static str {
    match meets {
        Some(true) => "met",
        Some(false) => "missed",
        None => "undecided",
    }
}

fn text(ratio: Ratio) -> String {
    let interval = ratio.interval.map(|[low, high]| format!(" ({low:.2}–{high:.2})"));
    format!("**× {:.2}**{}", ratio.median, interval.unwrap_or_default())
}

/// Formats times. `spread` is in seconds.
fn milliseconds(spread: Spread) -> String {
    let spread = spread.times(1e3);
    range(spread, if spread.median < 1.0 { 3 } else { usize::from(spread.median < 100.0) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{clock::Elapsed, pairs, results::Setup};

    fn results(what: Comparison, ratio: f64) -> Results {
        let setup = Setup { rounds: 5, memory_mib: 1024, target_mib: 256, ..Setup::default() };
        let mut results = Results { setup, ..Results::default() };
        let elapsed =
            |seconds| Elapsed { wall: Duration::from_secs_f64(seconds), cpu: Duration::from_secs_f64(seconds) };
        for turn in 0..20 {
            let device = 0.004 + f64::from(turn) * 1e-5;
            pairs::note(&mut results, what, [elapsed(device), elapsed(device * ratio)]);
        }
        results
    }

    #[test]
    fn a_goal_is_met_missed_or_undecided() {
        let text = with_device(&results(Comparison::InflateTouched, 1.2));
        assert!(
            text.contains("| inflate, touched | 20 | 4.1 (4.0–4.2) | 4.9 (4.8–5.0) | **× 1.20** (1.20–1.20) |"),
            "{text}"
        );
        assert!(text.contains("| 1.25 | met |") && text.contains("--rounds 5 --only pairs"), "{text}");
        assert!(!text.contains("command that changes nothing"), "{text}");
        let with_commands = Results { commands: vec![0.0006, 0.0007, 0.0008], ..results(Comparison::Blocks, 1.2) };
        assert!(with_device(&with_commands).contains("changes nothing takes 0.700 (0.600–0.800) ms"));
        let missed = results(Comparison::FragmentedInflate, 1.2);
        assert!(fragmented(&missed).contains("| 1.03 | missed |"), "{}", fragmented(&missed));
        assert!(!with_device(&missed).contains("missed"));
        assert_eq!(
            losses(&missed),
            "* inflate, a frame in use in every second block: 1.20 times the time of arrays, the goal of 1.03 is missed.\n"
        );
    }

    #[test]
    fn goals_in_milliseconds_are_compared_with_medians() {
        let mut results = Results { setup: results(Comparison::Blocks, 1.0).setup, ..Results::default() };
        let elapsed = |millis| Elapsed { wall: Duration::from_millis(millis), cpu: Duration::ZERO };
        results.note(System::AerostatBlocks, Action::Inflate, State::Touched, elapsed(9));
        results.note(System::AerostatBlocks, Action::Deflate, State::Touched, elapsed(6));
        assert_eq!(losses(&results), "* deflate, touched before, by blocks: 6.0 ms, the goal is 5 ms.\n");
    }

    #[test]
    fn blocks_have_goals_in_milliseconds() {
        let mut results = results(Comparison::Blocks, 1.5);
        let elapsed = Elapsed { wall: Duration::from_micros(6300), cpu: Duration::from_micros(6300) };
        results.note(System::AerostatBlocks, Action::Inflate, State::Touched, elapsed);
        let text = blocks(&results);
        assert!(text.contains("| milliseconds for 768 MiB |"), "{text}");
        assert!(text.contains("| Aerostat, blocks: inflate |  | 6.3 (6.3–6.3) | 10 |"), "{text}");
        assert!(text.contains("reports of the same blocks |  | 4.1 (4.0–4.2) |"), "{text}");
        let text = losses(&results);
        for line in ["first time: 1.54 times the time of “QEMU's", "second time: 1.50 times the time of “QEMU's"] {
            assert!(text.contains(line), "{text}");
        }
    }
}
