//! Runs the steps.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::ensure;
use xtask_common::process::{interrupt, run as process};

use crate::not_run::NotRun;

use super::{
    context::{Context, Ignored},
    count::Count,
    demos, foreign, matrix, miri, scenarios, skipped,
    steps::{Action, Step},
};

/// The result of a step.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) count: Count,
    pub(crate) elapsed: Duration,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    /// Why it did not run, or only in part.
    pub(crate) skipped: Option<NotRun>,
}

impl Outcome {
    /// Returns whether all ran that every change has to pass.
    pub(crate) fn is_complete(&self) -> bool {
        self.skipped.as_ref().is_none_or(|skipped| skipped.is_optional)
    }

    /// Returns a sentence for users.
    pub(crate) fn sentence(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        match (&self.failure, &self.skipped) {
            (None, None) => format!("passed after {seconds:.1} s"),
            (None, Some(skipped)) => skipped.to_string(),
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
    let Ended { count, failure, skipped } = end(context, step.action);
    interrupt::check()?;
    Ok(Outcome { count, elapsed: start.elapsed(), failure, skipped })
}

fn end(context: &mut Context, action: Action) -> Ended {
    match action {
        Action::Tests { command, limit, crates } => run_tests(context, &|| Ok(command()), limit, crates),
        Action::TestsElsewhere(processor, part) => {
            run_tests(context, &|| foreign::tests(processor, part), foreign::LIMIT, part.crates())
        }
        Action::Miri(selection) => match miri::missing() {
            Some(skipped) => Err(skipped.into()).into(),
            None => {
                let (mut build, mut tests) = (selection.build(), selection.run());
                build_and_count(context, &mut build, &mut tests, miri::LIMIT, selection.crates())
            }
        },
        Action::Build { command, limit } => build(&mut command(), limit).into(),
        Action::Check(check) => check(context).into(),
        Action::Demo(arch, transport) => demos::qemu(context, arch, transport).into(),
        Action::Matrix => matrix::run(context)
            .map_or_else(|error| Err(error).into(), |(count, failure)| Ended { count, failure, skipped: None }),
        Action::Scenario(scenario, arch, transport) => scenarios::run(context, scenario, arch, transport).into(),
    }
}

/// How a step ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ended {
    count: Count,
    failure: Option<String>,
    skipped: Option<NotRun>,
}

/// Counts a check as one test. One that did not run does not count.
impl From<anyhow::Result<()>> for Ended {
    fn from(result: anyhow::Result<()>) -> Self {
        match result.map_err(anyhow::Error::downcast::<NotRun>) {
            Ok(()) => Self { count: Count::PASSED, ..Self::default() },
            Err(Ok(skipped)) => Self { skipped: Some(skipped), ..Self::default() },
            Err(Err(error)) => Self { count: Count::FAILED, failure: Some(format!("{error:#}")), skipped: None },
        }
    }
}

/// Builds the tests of a `cargo test` command, then runs and counts them. Only the second part counts toward the limit.
fn run_tests(
    context: &mut Context,
    command: &dyn Fn() -> anyhow::Result<Command>,
    limit: Duration,
    crates: &[&str],
) -> Ended {
    match command().and_then(|cargo| Ok((cargo, command()?))) {
        Ok((mut cargo, mut tests)) => build_and_count(context, cargo.arg("--no-run"), &mut tests, limit, crates),
        Err(error) => Err(error).into(),
    }
}

/// Runs a command that builds tests, then one that runs them, and counts these. In each of the crates, a unit test has to pass.
fn build_and_count(
    context: &mut Context,
    tests: &mut Command,
    command: &mut Command,
    limit: Duration,
    crates: &[&str],
) -> Ended {
    match build(tests, process::BUILD_LIMIT) {
        Ok(()) => count_tests(context, command, limit, crates),
        Err(error) => Err(error).into(),
    }
}

/// Runs a command that builds something.
fn build(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let status = process::lines(command.stderr(Stdio::inherit()), limit, |line| println!("{line}"))?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

/// Runs a command and counts its tests.
fn count_tests(context: &mut Context, command: &mut Command, limit: Duration, crates: &[&str]) -> Ended {
    let (mut counted, mut failed, mut ignored) = (Count::default(), Vec::new(), Vec::new());
    let mut suites = Suites::default();
    command.env(context.scope.variable(), "1").env(skipped::VARIABLE, context.skipped.file());
    let mut merged = if crates.is_empty() { None } else { Some(with_errors_in_output(command)) };
    let command = merged.as_mut().unwrap_or(command);
    let ended = process::lines(command.stderr(Stdio::inherit()), limit, |line| {
        println!("{line}");
        suites.read(&line);
        counted = [counted].into_iter().chain(Count::of_line(&line)).sum();
        failed.extend(failed_test(&line).map(str::to_owned));
        ignored.extend(ignored_test(&line));
    });
    let without = crates.iter().find(|name| suites.passed(name) == 0);
    let failure = match ended {
        Ok(status) if status.success() && counted.passed == 0 => Some("no test ran".to_owned()),
        Ok(status) if status.success() && without.is_some() => {
            without.map(|name| format!("no unit test of {name} ran"))
        }
        Ok(status) if status.success() && ignored.iter().any(|test| test.reason.is_none()) => {
            Some("a test is ignored without a reason".to_owned())
        }
        Ok(status) if status.success() => None,
        Ok(status) if failed.is_empty() => Some(format!("cargo ended with {status}")),
        Ok(_) => Some(failed.join(", ")),
        Err(error) => Some(error.to_string()),
    };
    context.ignored.extend(ignored);
    Ended { count: conclude(counted, failure.is_none()), failure, skipped: None }
}

/// Returns a command that writes the errors of `command` to its standard output too. Cargo writes the names of the crates there.
fn with_errors_in_output(command: &Command) -> Command {
    let mut merged = Command::new("sh");
    merged.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        merged.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => merged.env(name, value),
            None => merged.env_remove(name),
        };
    }
    merged
}

/// The unit tests that passed in each crate of a `cargo test` command.
#[derive(Clone, Debug, Default)]
struct Suites {
    running: Option<String>,
    passed: Vec<(String, usize)>,
}

impl Suites {
    /// Reads a line of cargo like `Running unittests src/lib.rs (target/debug/deps/a_crate-0123)`, or one of the test harness.
    fn read(&mut self, line: &str) {
        if let Some(suite) = line.trim_start().strip_prefix("Running ") {
            let file = suite.strip_prefix("unittests ").and_then(|unit| unit.trim_end_matches(')').rsplit('/').next());
            self.running = file.and_then(|file| Some(file.rsplit_once('-')?.0.replace('_', "-")));
        }
        if let Some(count) = Count::of_line(line)
            && let Some(name) = self.running.take()
        {
            self.passed.push((name, count.passed));
        }
    }

    fn passed(&self, name: &str) -> usize {
        self.passed.iter().filter(|(running, _)| running == name).map(|(_, passed)| passed).sum()
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
        run_script_of(script, &[])
    }

    fn run_script_of(script: &str, crates: &[&str]) -> (Count, Option<String>) {
        let mut command = Command::new("sh");
        let ended = count_tests(&mut context(), command.args(["-c", script]), Duration::from_secs(30), crates);
        (ended.count, ended.failure)
    }

    #[test]
    fn a_crate_without_tests_fails_beside_another_one() {
        let script = "
            echo '     Running unittests src/lib.rs (target/debug/deps/aerostat_spec-01ab)' >&2
            echo 'test result: ok. 5 passed; 0 failed; 0 ignored'
            echo '     Running unittests src/lib.rs (/a/deps/aerostat_balloon-01ab)' >&2
            echo 'test result: ok. 0 passed; 0 failed; 0 ignored'
            echo '     Running tests/balloon.rs (/a/deps/aerostat_balloon-01ab)' >&2
            echo 'test result: ok. 1 passed; 0 failed; 0 ignored'";
        let passed = Count { passed: 6, ..Count::default() };
        assert_eq!(run_script_of(script, &["aerostat-spec"]), (passed, None));
        let (count, failure) = run_script_of(script, &["aerostat-spec", "aerostat-balloon"]);
        assert_eq!((count.failed, failure.as_deref()), (1, Some("no unit test of aerostat-balloon ran")));
        assert!(run_script_of(script, &["aerostat-transport"]).1.is_some());
    }

    #[test]
    fn a_check_that_did_not_run_is_not_a_passed_test() {
        let skipped = NotRun::required("no network");
        let ended = Ended::from(Err(skipped.clone().into()));
        assert_eq!(ended, Ended { skipped: Some(skipped), ..Ended::default() });
        assert_eq!(Ended::from(Ok(())).count, Count::PASSED);
        let failed = Ended::from(Err(anyhow::anyhow!("broken")));
        assert_eq!((failed.count, failed.failure.as_deref()), (Count::FAILED, Some("broken")));
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
        let ended = run_tests(&mut context(), &command, Duration::from_secs(30), &[]);
        assert_eq!((ended.count, ended.failure.as_deref()), (Count::FAILED, Some("cargo ended with exit status: 1")));
    }

    #[test]
    fn skipped_tests_reach_the_summary_with_their_reasons() {
        let mut context = context();
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'layouts: no compiler' >> \"$AEROSTAT_SKIPPED\""]);
        count_tests(&mut context, &mut command, Duration::from_secs(30), &[]);
        assert_eq!(context.skipped.list().unwrap(), ["layouts: no compiler"]);
    }
}
