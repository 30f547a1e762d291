//! Runs the steps.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;
use xtask_common::process::{interrupt, run as process};

use super::{
    context::{Context, Ignored},
    count::Count,
    demos, foreign, matrix, miri, scenarios, skipped,
    steps::{Action, Step},
};

/// The time limit to build tests.
const BUILD: Duration = Duration::from_secs(60 * 60);

/// The result of a step.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) count: Count,
    pub(crate) elapsed: Duration,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    /// Why it did not run, if it needs a tool that is optional and missing.
    pub(crate) skipped: Option<String>,
}

impl Outcome {
    /// Returns a sentence for users.
    pub(crate) fn sentence(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        match (&self.failure, &self.skipped) {
            (None, None) => format!("passed after {seconds:.1} s"),
            (None, Some(reason)) => format!("skipped: {reason}"),
            (Some(reason), _) => format!("FAILED after {seconds:.1} s: {reason}"),
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
    let skipped = matches!(step.action, Action::Miri(_)).then(miri::missing).flatten();
    if skipped.is_some() {
        interrupt::check()?;
        return Ok(Outcome { count: Count::default(), elapsed: start.elapsed(), failure: None, skipped });
    }
    let (count, failure) = match step.action {
        Action::Tests { command, limit } => run_tests(context, &|| Ok(command()), limit),
        Action::TestsElsewhere(processor, part) => {
            run_tests(context, &|| foreign::tests(processor, part), foreign::LIMIT)
        }
        Action::Miri(selection) => build_and_count(context, &mut selection.build(), &mut selection.run(), miri::LIMIT),
        Action::Build { command, limit } => as_one_test(build(&mut command(), limit)),
        Action::Check(check) => as_one_test(check(context)),
        Action::Demo(arch, transport) => as_one_test(demos::qemu(context, arch, transport)),
        Action::Matrix => matrix::run(context).unwrap_or_else(|error| as_one_test(Err(error))),
        Action::Scenario(scenario, arch, transport) => as_one_test(scenarios::run(context, scenario, arch, transport)),
    };
    interrupt::check()?;
    Ok(Outcome { count, elapsed: start.elapsed(), failure, skipped })
}

/// Builds the tests of a `cargo test` command, then runs and counts them. Only the second part counts toward the limit.
fn run_tests(
    context: &mut Context,
    command: &dyn Fn() -> anyhow::Result<Command>,
    limit: Duration,
) -> (Count, Option<String>) {
    match command().and_then(|cargo| Ok((cargo, command()?))) {
        Ok((mut cargo, mut tests)) => build_and_count(context, cargo.arg("--no-run"), &mut tests, limit),
        Err(error) => as_one_test(Err(error)),
    }
}

/// Runs a command that builds tests, then one that runs them, and counts these.
fn build_and_count(
    context: &mut Context,
    tests: &mut Command,
    command: &mut Command,
    limit: Duration,
) -> (Count, Option<String>) {
    match build(tests, BUILD) {
        Ok(()) => count_tests(context, command, limit),
        Err(error) => as_one_test(Err(error)),
    }
}

/// Runs a command that builds something.
fn build(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let status = process::lines(command.stderr(Stdio::inherit()), limit, |line| println!("{line}"))?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

/// Runs a command and counts its tests.
fn count_tests(context: &mut Context, command: &mut Command, limit: Duration) -> (Count, Option<String>) {
    let (mut counts, mut failed, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    command.env(context.scope.variable(), "1").env(skipped::VARIABLE, context.skipped.file()).stderr(Stdio::inherit());
    let ended = process::lines(command, limit, |line| {
        println!("{line}");
        counts.extend(Count::of_line(&line));
        failed.extend(failed_test(&line).map(str::to_owned));
        ignored.extend(ignored_test(&line));
    });
    let counted: Count = counts.iter().copied().sum();
    let failure = match ended {
        Ok(status) if status.success() && counted.passed == 0 => Some("no test ran".to_owned()),
        Ok(status) if status.success() && ignored.iter().any(|test| test.reason.is_none()) => {
            Some("a test is ignored without a reason".to_owned())
        }
        Ok(status) if status.success() => None,
        Ok(status) if failed.is_empty() => Some(format!("cargo ended with {status}")),
        Ok(_) => Some(failed.join(", ")),
        Err(error) => Some(error.to_string()),
    };
    context.ignored.extend(ignored);
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

/// Parses a line of the test harness like `test a_name ... ignored, a reason`.
fn ignored_test(line: &str) -> Option<Ignored> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    Some(Ignored { name: name.to_owned(), reason: reason.strip_prefix(", ").map(str::to_owned) })
}

/// Counts a command that fails without a failed test, for instance because a time limit ended it, as one failed test.
const fn conclude(counted: Count, succeeded: bool) -> Count {
    match counted {
        Count { failed: 0, .. } if !succeeded => Count { failed: 1, ..counted },
        counted => counted,
    }
}

#[cfg(test)]
mod tests {
    use xtask_common::arch::Arch;

    use super::*;
    use crate::test::{context::Baseline, scope::Scope};

    fn context() -> Context {
        Context::new(Scope::Host, Arch::X86_64, None, Baseline::Compare).unwrap()
    }

    fn run_script(script: &str) -> (Count, Option<String>) {
        let mut command = Command::new("sh");
        count_tests(&mut context(), command.args(["-c", script]), Duration::from_secs(30))
    }

    #[test]
    fn a_step_without_tests_fails() {
        let (count, failure) = run_script("echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured'");
        assert_eq!((count, failure.as_deref()), (Count::FAILED, Some("no test ran")));
    }

    #[test]
    fn an_unexpected_end_counts_as_a_failed_test() {
        let passed = Count { passed: 7, ..Count::default() };
        assert_eq!(conclude(passed, true), passed);
        assert_eq!(conclude(passed, false), Count { failed: 1, ..passed });
        let failed = Count { failed: 2, ..passed };
        assert_eq!(conclude(failed, false), failed);
    }

    #[test]
    fn a_failed_test_is_named() {
        let (count, failure) =
            run_script("echo 'test rings::wrap ... FAILED'; echo 'test rings::fit ... ok'; exit 101");
        assert_eq!((count, failure.as_deref()), (Count::FAILED, Some("rings::wrap")));
    }

    #[test]
    fn a_step_counts_the_tests_of_its_command() {
        let (count, failure) = run_script("echo 'test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured'");
        assert_eq!((count, failure), (Count { passed: 5, failed: 0, ignored: 2 }, None));
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        let (_, failure) =
            run_script("echo 'test a ... ignored, no disk'; echo 'test result: ok. 1 passed; 0 failed; 1 ignored'");
        assert_eq!(failure, None);
        let (_, failure) =
            run_script("echo 'test a ... ignored'; echo 'test result: ok. 1 passed; 0 failed; 1 ignored'");
        assert_eq!(failure.as_deref(), Some("a test is ignored without a reason"));
        let reason = Some("no disk".to_owned());
        assert_eq!(ignored_test("test a ... ignored, no disk"), Some(Ignored { name: "a".to_owned(), reason }));
        assert_eq!(ignored_test("test a ... ok"), None);
    }

    #[test]
    fn tests_that_do_not_build_do_not_run() {
        let command = || {
            let mut command = Command::new("sh");
            // `sh` takes the additional `--no-run` as its name.
            command.args([
                "-c",
                "case $0 in --no-run) exit 1;; esac; echo 'test result: ok. 1 passed; 0 failed; 0 ignored'",
            ]);
            Ok(command)
        };
        let (count, failure) = run_tests(&mut context(), &command, Duration::from_secs(30));
        assert_eq!((count, failure.as_deref()), (Count::FAILED, Some("cargo ended with exit status: 1")));
    }

    #[test]
    fn skipped_tests_reach_the_summary_with_their_reasons() {
        let mut context = context();
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'layouts: no compiler' >> \"$AEROSTAT_SKIPPED\""]);
        count_tests(&mut context, &mut command, Duration::from_secs(30));
        assert_eq!(context.skipped.list().unwrap(), ["layouts: no compiler"]);
    }
}
