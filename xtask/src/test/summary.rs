//! The table of results.

use comfy_table::{CellAlignment, Table, presets};

use super::{count::Count, runner::Outcome, steps::Step};

/// Returns a table with a row for each step.
pub(crate) fn table(outcomes: &[(Step, Outcome)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["step", "result", "tests", "seconds"]);
    for (step, outcome) in outcomes {
        let result = match (&outcome.failure, &outcome.skipped) {
            (Some(_), _) => "FAILED",
            (None, Some(_)) => "skipped",
            (None, None) => "passed",
        };
        let tests = outcome.count.passed + outcome.count.failed;
        table.add_row([
            step.name.to_string(),
            result.to_owned(),
            tests.to_string(),
            format!("{:.1}", outcome.elapsed.as_secs_f64()),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Returns the total of all tests.
pub(crate) fn total(outcomes: &[(Step, Outcome)]) -> Count {
    outcomes.iter().map(|(_, outcome)| outcome.count).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use xtask_common::arch::Arch;

    use crate::test::{scope::Scope, steps::plan};

    #[test]
    fn failed_steps_are_marked_and_counted() {
        let steps = plan(Scope::Host, Arch::X86_64);
        let outcome = |count, failure: Option<&str>| Outcome {
            count,
            elapsed: Duration::from_millis(1500),
            failure: failure.map(str::to_owned),
            skipped: None,
        };
        let outcomes = [
            (steps[0].clone(), outcome(Count { passed: 40, ..Count::default() }, None)),
            (steps[1].clone(), outcome(Count { passed: 2, ..Count::FAILED }, Some("broken"))),
        ];
        let table = table(&outcomes).to_string();
        for cell in [&*steps[0].name, "passed", "FAILED", "40", "1.5"] {
            assert!(table.contains(cell), "{cell:?} is missing in:\n{table}");
        }
        assert_eq!(total(&outcomes).to_string(), "42 passed, 1 failed");
    }
}
