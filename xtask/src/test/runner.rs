//! Runs the steps.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use xtask_common::process::{interrupt, run as process};

use super::{
    context::Context,
    count::Count,
    demos, foreign, matrix, scenarios,
    scope::Scope,
    steps::{Action, Step},
};

/// The result of a step.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) count: Count,
    pub(crate) elapsed: Duration,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

impl Outcome {
    /// Returns a sentence for users.
    pub(crate) fn sentence(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        match &self.failure {
            None => format!("passed after {seconds:.1} s"),
            Some(reason) => format!("FAILED after {seconds:.1} s: {reason}"),
        }
    }
}

/// Runs `step`.
///
/// # Errors
///
/// Only if the user stopped the program.
pub(crate) fn run(context: &mut Context, step: &Step) -> Result<Outcome, interrupt::Interrupted> {
    let start = Instant::now();
    let (count, failure) = match step.action {
        Action::Run { command, limit } => run_tests(context.scope, &mut command(), limit),
        Action::RunForeign(processor) => match foreign::tests(processor) {
            Ok(mut command) => run_tests(context.scope, &mut command, foreign::LIMIT),
            Err(error) => as_one_test(Err(error)),
        },
        Action::Check(check) => as_one_test(check(context)),
        Action::Demo(arch, transport) => as_one_test(demos::qemu(context, arch, transport)),
        Action::Matrix => matrix::run(context).unwrap_or_else(|error| as_one_test(Err(error))),
        Action::Scenario(scenario, arch, transport) => as_one_test(scenarios::run(context, scenario, arch, transport)),
    };
    interrupt::check()?;
    Ok(Outcome { count, elapsed: start.elapsed(), failure })
}

/// Runs a command and counts its tests.
fn run_tests(scope: Scope, command: &mut Command, limit: Duration) -> (Count, Option<String>) {
    let (mut counts, mut failed) = (Vec::new(), Vec::new());
    command.env(scope.variable(), "1").stderr(Stdio::inherit());
    let ended = process::lines(command, limit, |line| {
        println!("{line}");
        counts.extend(Count::of_line(&line));
        failed.extend(failed_test(&line).map(str::to_owned));
    });
    let counted: Count = counts.iter().copied().sum();
    let failure = match ended {
        Ok(status) if status.success() => None,
        Ok(status) if failed.is_empty() => Some(format!("cargo ended with {status}")),
        Ok(_) => Some(failed.join(", ")),
        Err(error) => Some(error.to_string()),
    };
    (conclude(counted, failure.is_none()), failure)
}

/// Counts a check as one test.
fn as_one_test(result: anyhow::Result<()>) -> (Count, Option<String>) {
    match result {
        Ok(()) => (Count::PASSED, None),
        Err(error) => (Count::FAILED, Some(format!("{error:#}"))),
    }
}

/// Returns the name in a line of the test harness like `test a_name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// Counts a command without tests as one test, and a command that fails without a failed test, for instance because it does
/// not compile, as one failed test.
fn conclude(counted: Count, succeeded: bool) -> Count {
    match (succeeded, counted) {
        (true, Count { passed: 0, failed: 0 }) => Count::PASSED,
        (false, Count { passed, failed: 0 }) => Count { passed, failed: 1 },
        (_, counted) => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_tests_counts_as_one() {
        assert_eq!(conclude(Count::default(), true), Count::PASSED);
        assert_eq!(conclude(Count::default(), false), Count::FAILED);
    }

    #[test]
    fn a_broken_build_counts_as_a_failed_test() {
        let passed = Count { passed: 7, failed: 0 };
        assert_eq!(conclude(passed, true), passed);
        assert_eq!(conclude(passed, false), Count { passed: 7, failed: 1 });
        assert_eq!(conclude(Count { passed: 7, failed: 2 }, false), Count { passed: 7, failed: 2 });
    }

    #[test]
    fn a_failed_test_is_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test rings::wrap ... FAILED'; echo 'test rings::fit ... ok'; exit 101"]);
        let (count, failure) = run_tests(Scope::Host, &mut command, Duration::from_secs(30));
        assert_eq!((count, failure.as_deref()), (Count::FAILED, Some("rings::wrap")));
    }

    #[test]
    fn a_step_counts_the_tests_of_its_command() {
        let mut command = Command::new("echo");
        command.arg("test result: ok. 5 passed; 0 failed; 0 ignored");
        let (count, failure) = run_tests(Scope::Host, &mut command, Duration::from_secs(30));
        assert_eq!((count, failure), (Count { passed: 5, failed: 0 }, None));
    }
}
